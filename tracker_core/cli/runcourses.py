"""The course of one series in many runs, read in little time.

Of a long series a few stretches are read, far apart: a store decodes a block for each
of them, whatever the length of the series.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tracker_core.api import Capability, NativeTracker
from tracker_core.cli.sparklines import heights
from tracker_core.errors import TrackerError
from tracker_core.fields import Space
from tracker_core.metrics import is_number

if TYPE_CHECKING:
    from tracker_core.matching import Answers
    from tracker_core.summaries import Summary

__all__ = ["WIDTH", "courses"]

WIDTH = 10
"""How many values a course has at the most."""

# What a block holds of many backends: it is decoded whole for any of its points.
_WHOLE = 4096
_STRETCH = 50
# Nobody has asked for what comes by itself, so nobody should wait for it.
_SECONDS = 0.25


def courses(
    tracker: NativeTracker,
    runs: "Iterable[Answers]",
    series: str,
    *,
    is_asked: bool,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, list[float]]:
    """Return the course of a series by run id: up to :data:`WIDTH` means of numbers.

    A run that has not logged it has none.

    Args:
        tracker: Where the runs are.
        runs: The runs, those that matter most in front.
        series: The name of the series.
        is_asked: Whether a person wants it. Otherwise runs are left out when it takes
            long, and where points cannot be read.
        clock: What tells the time, in seconds.

    Raises:
        TrackerError: Points cannot be read.
    """
    found: dict[str, list[float]] = {}
    until = clock() + _SECONDS
    if Capability.HISTORY not in tracker.capabilities:
        return found
    for run in runs:
        if not is_asked and clock() > until:
            break
        summary = run.held(Space.METRICS).get(series)
        if summary is not None:
            run_id = run.info.run_id
            try:
                found[run_id] = _course(tracker, run_id, series, summary)  # type: ignore[arg-type]  # series hold summaries
            except TrackerError:
                if is_asked:
                    raise
    return found


def _course(
    tracker: NativeTracker, run_id: str, series: str, summary: "Summary"
) -> list[float]:
    count = summary.count or 0
    if count <= _WHOLE:
        values = [*tracker.points(run_id, series).values]
    else:
        starts = [(count - _STRETCH) * place // (WIDTH - 1) for place in range(WIDTH)]
        parts = (tracker.points(run_id, series, start, _STRETCH) for start in starts)
        values = [value for part in parts for value in part.values]
    return heights([*filter(is_number, values)], WIDTH)
