"""``tracker list`` alone: the table of runs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tracker_core.api import NativeTracker
from tracker_core.cli.border import say
from tracker_core.cli.choice import Choice
from tracker_core.cli.overview import (
    Overview,
    answers_of,
    chosen_overview,
    default_overview,
    is_folded,
)
from tracker_core.cli.printing import is_terminal
from tracker_core.cli.selection import no_run_yet
from tracker_core.cli.stores import open_store
from tracker_core.cli.text import similar, to_value
from tracker_core.fields import Field, Space
from tracker_core.stores import Store
from tracker_core.values import Value

if TYPE_CHECKING:
    from tracker_core.filters import Condition
    from tracker_core.matching import Answers

__all__ = ["list_runs"]


def list_runs(choice: Choice, backend: str | None, *, as_json: bool) -> None:
    """Print the runs of a choice.

    Args:
        choice: Which runs.
        backend: Where to look.
        as_json: Whether to print for programs.

    Raises:
        QueryError: Its query, its order or its columns mean nothing.
    """
    condition, sorted_by = choice.condition(), choice.sorted_by()
    fields = choice.fields()
    with open_store(backend) as store:
        # One more than is shown tells whether there are more.
        runs = store.tracker.runs(condition, choice.sort_by, choice.limit + 1)
        has_more = len(runs) > choice.limit
        answers = answers_of(store.tracker, runs[: choice.limit])
        if fields:
            overview = chosen_overview(answers, fields, choice.spark)
        else:
            overview = default_overview(answers, sorted_by, choice.spark)
        drawn = _courses(store.tracker, overview, choice)
        hints = _hints(store, choice, answers, condition)
    if as_json:
        from tracker_core.cli.documents import print_json

        print_json(_document(overview, drawn, has_more=has_more))
        return
    from tracker_core.cli.runtable import print_runs

    print_runs(overview, drawn, sorted_by)
    if has_more:
        which = "first" if sorted_by else "newest"
        some = "run" if len(answers) == 1 else f"{len(answers)} runs"
        say(f"showing the {which} {some}; --limit N shows more")
    for hint in hints:
        say(hint)


def _courses(
    tracker: NativeTracker, overview: Overview, choice: Choice
) -> dict[str, list[float]]:
    """Return the courses that are drawn: those asked for, and some on a terminal."""
    is_asked = choice.spark is not None
    is_worth_it = is_asked or (is_terminal() and not is_folded(tracker))
    if overview.series is None or not is_worth_it:
        return {}
    from tracker_core.cli.runcourses import courses

    return courses(tracker, overview.runs, overview.series, is_asked=is_asked)


def _hints(
    store: Store,
    choice: Choice,
    runs: "Sequence[Answers]",
    condition: "Condition | None",
) -> list[str]:
    """Return what is said of a choice of nothing, and of fields that no run has."""
    if not runs:
        return [_nothing(store, choice)]
    fields = dict.fromkeys((*choice.sorted_by(), *choice.fields()))
    if choice.spark is not None:
        fields[Field(Space.METRICS, choice.spark)] = None
    return [
        _unknown(field, runs)
        for field in fields
        if _is_unknown(store.tracker, field, runs, condition)
    ]


def _is_unknown(
    tracker: NativeTracker,
    field: Field,
    runs: "Iterable[Answers]",
    condition: "Condition | None",
) -> bool:
    # Those that are shown mostly tell, without asking for the others.
    if field.space is Space.RUN or any(run.value(field) is not None for run in runs):
        return False
    from tracker_core.filters import Exists, all_of

    chosen = () if condition is None else (condition,)
    return not tracker.runs(query=all_of((*chosen, Exists(field))), limit=1)


def _unknown(field: Field, runs: "Iterable[Answers]") -> str:
    from tracker_core.expressions import field_to_text

    known = sorted({key for run in runs for key in run.held(field.space)})
    hint = similar(field.key, known, f"{field.space}.")
    return f"no run here has {field_to_text(field)}{hint and f'; {hint}'}"


def _document(
    overview: Overview, courses: Mapping[str, Sequence[float]], *, has_more: bool
) -> dict[str, Value]:
    from tracker_core.cli.documents import run_value
    from tracker_core.expressions import field_to_text

    names = {field: field_to_text(field) for field in overview.fields}
    runs: list[Value] = []
    for run in overview.runs:
        value = run_value(run.info)
        value["values"] = {
            name: _plain(run.value(field)) for field, name in names.items()
        }
        if courses:
            value["course"] = [*courses.get(run.info.run_id, ())]
        runs.append(value)
    return {
        "runs": runs,
        "has_more": has_more,
        "columns": [*names.values()],
        "same_for_all": {**overview.same},
        "series": overview.series,
    }


def _plain(value: object) -> Value:
    if not isinstance(value, datetime):
        return to_value(value)
    from tracker_core.cli.times import time_value

    return time_value(value)


def _nothing(store: Store, choice: Choice) -> str:
    """Return why there is no run, and what to do."""
    if not choice.is_narrowed or not store.tracker.runs(limit=1):
        return no_run_yet(store)
    labels = (
        ("experiment", choice.experiment, Field(Space.RUN, "experiment")),
        ("group", choice.group_id, Field(Space.RUN, "group_id")),
    )
    for word, wanted, field in labels:
        if wanted is not None and not _is_used(store.tracker, field, wanted):
            used = {getattr(run, field.key) for run in store.tracker.runs()}
            hint = similar(wanted, filter(None, used))
            hint = hint or f"`tracker list {word}s` lists the {word}s"
            return f"no run in {store.place} has the {word} {wanted!r}; {hint}"
    return f"no run in {store.place} matches; `tracker list` shows all"


def _is_used(tracker: NativeTracker, field: Field, label: str) -> bool:
    from tracker_core.filters import Comparison, FilterOp

    return bool(tracker.runs(Comparison(field, FilterOp.EQ, label), limit=1))
