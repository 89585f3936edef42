"""Comparing series: by their summaries, then point by point, a page at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from tracker_core.api import NativeTracker
from tracker_core.comparisons import all_keys, asked, compare_keyed, compare_ordered
from tracker_core.findings import Fields, Findings, Kind
from tracker_core.points import Points
from tracker_core.readings import Witness
from tracker_core.sameness import first_difference
from tracker_core.summaries import Summary

__all__ = ["PAGE_POINTS", "compare_series"]

PAGE_POINTS = 100_000
"""How many points of a series are compared at once."""

_Summaries: TypeAlias = Mapping[Witness, Mapping[str, Summary]]

_FEWEST = 2
_COLUMNS = ("steps", "times_ns", "values")
_TOO_MANY = "it has many points; its series are compared"


def compare_series(witnesses: Iterable[Witness], findings: Findings) -> None:
    """Compare all series, and the streams that they are of."""
    able = [witness for witness in witnesses if witness.can("metadata")]
    known = asked(able, lambda tracker, run: tracker.series(run))
    summaries = {w: found for w, found in known.items() if w.can("history")}
    if len(summaries) < len(known):
        last = {w: _parts(found, ("last",)) for w, found in known.items()}
        compare_keyed("series", last, findings)
    whole = {w: _parts(found, Summary._fields) for w, found in summaries.items()}
    compare_keyed("series", whole, findings)
    same = [
        name
        for name in all_keys(summaries)
        if not _points_differ(name, _having(summaries, [name]), findings)
    ]
    for stream, names in _streams(same).items():
        # The rows of a stream of one series are its points.
        if len(names) > 1:
            _compare_rows(stream, names, _having(summaries, names), findings)


def _parts(summaries: Mapping[str, Summary], names: Sequence[str]) -> dict[str, Fields]:
    return {
        series: {name: getattr(summary, name) for name in names}
        for series, summary in summaries.items()
    }


def _having(summaries: _Summaries, names: Iterable[str]) -> _Summaries:
    return {w: found for w, found in summaries.items() if found.keys() >= {*names}}


def _streams(names: Iterable[str]) -> dict[str, list[str]]:
    streams: dict[str, list[str]] = {}
    for name in names:
        streams.setdefault(name.rpartition("/")[0], []).append(name)
    return streams


def _points_differ(series: str, summaries: _Summaries, findings: Findings) -> bool:
    if len(summaries) < _FEWEST:
        return False
    differ = _compare_points("points", series, summaries, findings)
    if any(_has_abandoned(w, series, found[series]) for w, found in summaries.items()):
        return _compare_points("abandoned points", series, summaries, findings) | differ
    return differ


def _has_abandoned(witness: Witness, series: str, summary: Summary) -> bool:
    # Those that stand are as many as the summary counts: one more is abandoned.
    count = summary.count or 0
    return bool(
        witness.ask(
            lambda tracker, run: tracker.points(run, series, count, 1, abandoned=True)
        )
    )


def _compare_points(
    kind: Kind, series: str, witnesses: Iterable[Witness], findings: Findings
) -> bool:
    """Find the first point that differs; tell whether there is one."""
    start, is_last = 0, False
    while not is_last:
        pages = asked(witnesses, _page(kind, series, start))
        index = _first_difference([*pages.values()])
        if index is not None:
            told = {w.name: _point(page, index) for w, page in pages.items()}
            return findings.compare(kind, series, told, start + index)
        is_last = any(len(page) < PAGE_POINTS for page in pages.values())
        start += PAGE_POINTS
    return False


def _page(
    kind: Kind, series: str, start: int
) -> Callable[[NativeTracker, str], Points]:
    abandoned = kind == "abandoned points"
    return lambda tracker, run: tracker.points(
        run, series, start, PAGE_POINTS, abandoned=abandoned
    )


def _first_difference(pages: Sequence[Points]) -> int | None:
    first, *others = pages
    found = (
        first_difference(getattr(first, column), getattr(other, column))
        for other in others
        for column in _COLUMNS
    )
    return min((index for index in found if index is not None), default=None)


def _point(page: Points, index: int) -> Fields | None:
    if index >= len(page):
        return None
    point = page[index]
    return {"step": point.step, "time_ns": point.time_ns, "value": point.value}


def _compare_rows(
    stream: str, names: Sequence[str], summaries: _Summaries, findings: Findings
) -> None:
    """Compare how points of several series, the same in all, fall together."""
    if len(summaries) < _FEWEST:
        return
    counts = next(iter(summaries.values()))
    if sum(counts[name].count or 0 for name in names) > PAGE_POINTS:
        for witness in summaries:
            findings.leave_out(witness.name, [f"rows of stream {stream!r}"], _TOO_MANY)
        return
    found = asked(summaries, lambda tracker, run: _rows(tracker, run, stream))
    compare_ordered("rows", stream, found, findings)


def _rows(tracker: NativeTracker, run_id: str, stream: str) -> list[Fields]:
    rows = tracker.rows(run_id, stream)
    return [{"step": r.step, "time_ns": r.time_ns, "fields": r.fields} for r in rows]
