"""The course of a series, read in pieces that stay small however long it is."""

import math
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from tracker_core.api import NativeTracker
from tracker_core.metrics import is_number
from tracker_core.points import Point

__all__ = ["Course", "Courses"]

_FEWEST, _MOST = 64, 128
# As many as a tracker unpacks at once anyway.
_AT_ONCE = 4096
_RECENT = 64
# A tracker across a network is asked for fewer.
_SLOW_S, _SPARSE = 0.05, 8
_NS = 1e9


class Course(NamedTuple):
    """What is known of a series.

    Args:
        seen: How many points were looked at, or passed over.
        stride: Every how many points one is kept.
        values: The values of those that are kept; NaN for what is no number.
        recent: The newest points that were read.
    """

    seen: int
    stride: int
    values: list[float]
    recent: deque[Point]

    @property
    def last_step(self) -> int | None:
        """The step of the newest point, or None."""
        return self.recent[-1].step if self.recent else None

    @property
    def rate(self) -> float | None:
        """How many steps a second the newest points are apart, or None."""
        counted = [point for point in self.recent if point.step is not None]
        if len(counted) < 2:  # noqa: PLR2004 - a distance has two ends
            return None
        first, last = counted[0], counted[-1]
        steps, span = (last.step or 0) - (first.step or 0), last.time_ns - first.time_ns
        return steps * _NS / span if steps > 0 and span > 0 else None


class Courses:
    """The courses of the series of one run.

    Of a long series a hundred points are read that are equally far apart, or some ten
    where reading takes long, then only those that were added since.

    Args:
        tracker: Where they are read, which must keep history.
        run_id: The run.
    """

    def __init__(self, tracker: NativeTracker, run_id: str) -> None:
        """Begin without having read any."""
        self._tracker = tracker
        self._run_id = run_id
        self._known: dict[str, Course] = {}

    def course(self, series: str, count: int) -> Course:
        """Return the course of a series.

        Args:
            series: Its name.
            count: How many points it has, as its summary says.
        """
        known = self._known.get(series)
        if known is None or not known.seen <= count <= known.seen + _AT_ONCE:
            known = Course(0, max(count // _FEWEST, 1), [], deque(maxlen=_RECENT))
        if count > known.seen:
            known = self._extended(series, known, count)
        self._known[series] = known
        return known

    def forget(self) -> None:
        """Read all again, since points may have been abandoned."""
        self._known.clear()

    def _extended(self, series: str, known: Course, count: int) -> Course:
        stride = known.stride
        if count - known.seen <= _AT_ONCE:
            points = list(self._read(series, known.seen, count - known.seen))
        else:
            began = time.monotonic()
            last = max(count - _RECENT, 0)
            recent = list(self._read(series, last, count - last))
            stride *= _SPARSE if time.monotonic() - began > _SLOW_S else 1
            indices = range(0, last, stride)
            points = [one for index in indices for one in self._read(series, index, 1)]
            points += recent
        known.recent.extend(points)
        kept = (_number(point) for point in points if point.index % stride == 0)
        values = [*known.values, *kept]
        while len(values) > _MOST:
            values, stride = values[::2], stride * 2
        return Course(count, stride, values, known.recent)

    def _read(self, series: str, start_index: int, limit: int) -> Iterator[Point]:
        yield from self._tracker.points(self._run_id, series, start_index, limit)


def _number(point: Point) -> float:
    return point.value if is_number(point.value) else math.nan
