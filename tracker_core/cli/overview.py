"""What a list tells of its runs: the values that differ, and those that all share."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracker_core.api import NativeTracker
from tracker_core.cli.mainseries import own_series, rank_of
from tracker_core.cli.outcomes import status_words
from tracker_core.cli.text import to_value
from tracker_core.fields import Field, Space
from tracker_core.matching import Answers
from tracker_core.metrics import is_number
from tracker_core.runs import RunInfo
from tracker_core.selection import TrackerFacts
from tracker_core.summaries import Summary
from tracker_core.values import Value

if TYPE_CHECKING:
    from tracker_core.matching import Facts

__all__ = [
    "Overview",
    "answers_of",
    "chosen_overview",
    "default_overview",
    "is_folded",
]

# Nobody reads more, and each of them has to be asked for what it holds.
_MOST_TOLD = 200


class Overview(NamedTuple):
    """What is told of runs.

    Args:
        runs: The runs, in the order of the list.
        fields: The values that have columns.
        same: What all runs share, by what it is called in queries; status with cause.
        series: The series whose course is told, or None.
        is_chosen: Whether the columns are exactly those that a person wants.
    """

    runs: Sequence[Answers]
    fields: tuple[Field, ...]
    same: Mapping[str, Value]
    series: str | None
    is_chosen: bool


def answers_of(tracker: NativeTracker, runs: Sequence[RunInfo]) -> list[Answers]:
    """Return the runs as what can be asked for all that they hold."""
    listed: dict[str, Facts] = {}
    if is_folded(tracker) and 0 < len(runs) <= _MOST_TOLD:
        wanted = {run.run_id for run in runs}
        listed = {one.run_id: one for one in _indexed(tracker) if one.run_id in wanted}
    return [
        Answers(listed.get(run.run_id) or TrackerFacts(tracker, run)) for run in runs
    ]


def is_folded(tracker: NativeTracker) -> bool:
    """Tell whether a tracker reads runs whole, as lakes do, rather than parts of them.

    :class:`~tracker_core.folded.FoldedTracker` itself takes long to import.
    """
    return hasattr(tracker, "listed")


def chosen_overview(
    runs: Sequence[Answers], fields: tuple[Field, ...], series: str | None
) -> Overview:
    """Return what a person wants to see."""
    return Overview(runs, fields, {}, series, is_chosen=True)


def default_overview(
    runs: Sequence[Answers], sorted_by: Sequence[Field], series: str | None
) -> Overview:
    """Return what is worth seeing: in what runs differ, and how they fare.

    That is by what they are sorted, the params in which they differ, those first that
    most have, then those with most values, and the last value of the main series: the
    one that they are sorted by, else the one that most of them have, a loss before an
    accuracy before any other.

    Args:
        runs: The runs.
        sorted_by: The values that they are sorted by.
        series: The main series, where a person says which that is.
    """
    fields = tuple(field for field in sorted_by if field.space is not Space.RUN)
    if len(runs) > _MOST_TOLD:
        return Overview(runs, fields, {}, series, is_chosen=False)
    measured = [field.key for field in fields if field.space is Space.METRICS]
    series = series or next(iter(measured), None) or _main_series(runs)
    shared, differing = _params(runs)
    fields += tuple(Field(Space.PARAMS, key) for key in differing)
    if series is not None and series not in measured:
        fields += (Field(Space.METRICS, series),)
    same: dict[str, Value] = {}
    if len(runs) > 1:
        same = {**_attributes(runs), **shared}
    return Overview(runs, tuple(dict.fromkeys(fields)), same, series, is_chosen=False)


def _indexed(tracker: NativeTracker) -> "Iterable[Facts]":
    """Return what an index tells of runs; nothing where there is none.

    A lake has one: it tells all of many runs in as few requests as of each alone.
    """
    from tracker_core.folded import FoldedTracker

    is_plain = type(tracker).listed is FoldedTracker.listed  # type: ignore[attr-defined]  # it is folded
    return () if is_plain else tracker.listed()  # type: ignore[attr-defined]  # as above


def _main_series(runs: Iterable[Answers]) -> str | None:
    counts = Counter(
        name
        for run in runs
        for name, summary in own_series(run.held(Space.METRICS)).items()
        if isinstance(summary, Summary) and is_number(summary.last)
    )
    return min(
        counts, key=lambda name: (-counts[name], rank_of(name), name), default=None
    )


def _attributes(runs: Sequence[Answers]) -> dict[str, Value]:
    told: dict[str, set[str | None]] = {
        "experiment": {run.info.experiment for run in runs},
        "group_id": {run.info.group_id for run in runs},
        "status": {status_words(run.info) for run in runs},
    }
    return {
        name: next(iter(found))
        for name, found in told.items()
        if len(found) == 1 and None not in found
    }


def _params(runs: Sequence[Answers]) -> tuple[dict[str, Value], list[str]]:
    """Return the params that all runs share, and the keys of those that differ."""
    held = [run.held(Space.PARAMS) for run in runs]
    counts = Counter(key for params in held for key in params)
    # By what they look like, which tells 1 from 1.0, and has NaN equal itself.
    looks = {
        key: {repr(params[key]) for params in held if key in params} for key in counts
    }
    shared: dict[str, Value] = {}
    differing = []
    for key in sorted(counts, key=lambda key: (-counts[key], -len(looks[key]), key)):
        if counts[key] == len(runs) and len(looks[key]) == 1:
            shared[f"{Space.PARAMS}.{key}"] = to_value(held[0][key])
        else:
            differing.append(key)
    return dict(sorted(shared.items())), differing
