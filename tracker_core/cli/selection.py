"""Which run a person means."""

from collections.abc import Sequence

from tracker_core.cli.border import Failure
from tracker_core.cli.stores import blamed
from tracker_core.cli.text import similar
from tracker_core.errors import InvalidValueError, RunNotFoundError
from tracker_core.runs import RunInfo
from tracker_core.stores import Store

__all__ = [
    "LAST",
    "NotOneRunError",
    "find_run",
    "name_of",
    "no_run_matches",
    "no_run_yet",
    "select_run",
    "several_runs",
    "similar_runs",
    "unknown_run",
]

LAST = "@last"
"""Stands for the newest run."""

_MOST_CANDIDATES = 10
# Among more it takes long to find what a word is like.
_RECENT = 1000


class NotOneRunError(Failure):
    """A word that means no run, or several."""


def select_run(store: Store, wanted: str) -> RunInfo:
    """Return the run that ``wanted`` means.

    It is, in this order, ``@last``, an id, a name, or the beginning of an id.

    Raises:
        NotOneRunError: It means no run, or more than one.
    """
    run = find_run(store, wanted)
    if run is None:
        raise unknown_run(store, wanted)
    return run


def find_run(store: Store, wanted: str) -> RunInfo | None:
    """Return the run that ``wanted`` means, or None where it means none.

    Raises:
        NotOneRunError: It means more than one, or the newest where there is none.
    """
    if wanted == LAST:
        return _last(store)
    try:
        return store.tracker.run(wanted)
    except RunNotFoundError:
        runs = _alike(store, wanted)
    found = [run for run in runs if run.name == wanted] or runs
    if len(found) > 1:
        raise several_runs(wanted, found)
    return found[0] if found else None


def name_of(store: Store, run_id: str) -> str | None:
    """Return the name of the run of that id; None for an id that is no run here."""
    try:
        return store.tracker.run(run_id).name
    except RunNotFoundError:  # a foreign identifier
        return None


def unknown_run(store: Store, wanted: str) -> NotOneRunError:
    """Return what is said of a word that means no run."""
    if not store.tracker.runs(limit=1):
        return NotOneRunError(f"no run {wanted!r}: {no_run_yet(store)}")
    hint = similar_runs(store, wanted) or "`tracker list` lists the runs"
    return NotOneRunError(f"no run {wanted!r} in {store.place}; {hint}")


def several_runs(wanted: str, found: Sequence[RunInfo]) -> NotOneRunError:
    """Return what is said of a word that means several runs."""
    lines = [f"{run.run_id}  {run.name}" for run in found[:_MOST_CANDIDATES]]
    if len(found) > _MOST_CANDIDATES:
        lines.append(f"and {len(found) - _MOST_CANDIDATES} more")
    message = f"{wanted!r} means {len(found)} runs; give more of the id of one of them:"
    return NotOneRunError(message, lines)


def no_run_matches(store: Store, query: str | None) -> str:
    """Return what is said where a query, or none, finds no run."""
    with blamed(store), store.tracker.turn:
        if query is None or not store.tracker.runs(limit=1):
            return no_run_yet(store)
    return f"no run in {store.place} matches; `tracker list` shows all"


def no_run_yet(store: Store) -> str:
    """Return what is said where there is no run."""
    return f"no run yet in {store.place}; start one with `tracker run -- COMMAND`"


def similar_runs(store: Store, wanted: str) -> str:
    """Return a question for the runs that may have been meant, or an empty text."""
    recent = store.tracker.runs(limit=_RECENT)
    known = (word for run in recent for word in (run.run_id, run.name))
    return similar(wanted, (LAST, *known))


def _alike(store: Store, wanted: str) -> Sequence[RunInfo]:
    """Return the runs of that name, and those whose ids begin so."""
    from tracker_core.fields import Field, Space
    from tracker_core.filters import AnyOf, Comparison, FilterOp

    if not wanted:
        return ()
    name, run_id = (Field(Space.RUN, key) for key in ("name", "run_id"))
    try:
        is_named = Comparison(name, FilterOp.EQ, wanted)
        begins = Comparison(run_id, FilterOp.STARTS_WITH, wanted)
    except InvalidValueError:  # what no run can be called
        return ()
    return store.tracker.runs(AnyOf((is_named, begins)))


def _last(store: Store) -> RunInfo:
    runs = store.tracker.runs(limit=1)
    if not runs:
        raise NotOneRunError(no_run_yet(store))
    return runs[0]
