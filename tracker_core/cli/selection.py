"""Which run a person means."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from tracker_core.api import NativeTracker
from tracker_core.cli.border import Failure
from tracker_core.errors import RunNotFoundError
from tracker_core.runs import RunInfo

__all__ = ["LAST", "select_run"]

LAST = "@last"
"""Stands for the newest run."""

_MOST_CANDIDATES = 10


def select_run(store: NativeTracker, wanted: str) -> RunInfo:
    """Return the run that ``wanted`` means.

    It is, in this order, ``@last``, an id, a name, or the beginning of an id.

    Raises:
        Failure: It means no run, or more than one.
    """
    if wanted == LAST:
        return _last(store)
    try:
        return store.run(wanted)
    except RunNotFoundError:
        runs = store.runs()
    named = [run for run in runs if run.name == wanted]
    found = named or [run for run in runs if wanted and run.run_id.startswith(wanted)]
    if not found:
        raise _unknown(wanted, runs)
    if len(found) > 1:
        raise _ambiguous(wanted, found)
    return found[0]


def _last(store: NativeTracker) -> RunInfo:
    runs = store.runs(limit=1)
    if not runs:
        message = "there is no run here yet; start one with `tracker run -- COMMAND`"
        raise Failure(message)
    return runs[0]


def _unknown(wanted: str, runs: Iterable[RunInfo]) -> Failure:
    known = {word: run for run in runs for word in (run.run_id, run.name)}
    near = get_close_matches(wanted, known)
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    else:
        hint = "`tracker list` shows the runs that are"
    return Failure(f"no run {wanted!r} here; {hint}")


def _ambiguous(wanted: str, found: Sequence[RunInfo]) -> Failure:
    lines = [f"{run.run_id}  {run.name}" for run in found[:_MOST_CANDIDATES]]
    if len(found) > _MOST_CANDIDATES:
        lines.append(f"and {len(found) - _MOST_CANDIDATES} more")
    message = f"{wanted!r} means {len(found)} runs; give more of the id of one of them:"
    return Failure(message, lines)
