"""One series of one run: all its points, and those that restarts have left standing."""

from collections.abc import Sequence

from tracker_core.records import OrderKey
from tracker_core.rewinds import abandoned_from
from tracker_core.summaries import SeriesState, Summary
from tracker_core.values import Value

__all__ = ["Curve", "CurvePoint"]

CurvePoint = tuple[OrderKey, int | None, Value, int | None]
"""Place, step, value, and the rank of the writer."""


class Curve:
    """Takes points in any order; gives them in the order of the run.

    Not safe for use by several threads at once.
    """

    __slots__ = ("_current", "_is_sorted", "_points", "_summary")

    def __init__(self) -> None:
        """Begin without points."""
        self._points: list[CurvePoint] = []
        self._is_sorted = True
        self._current: list[CurvePoint] | None = None
        self._summary: Summary | None = None

    def add(self, point: CurvePoint) -> None:
        """Take one point; each place once."""
        self._is_sorted = self._is_sorted and (
            not self._points or self._points[-1][0] < point[0]
        )
        self._points.append(point)
        self._current = None
        self._summary = None

    def points(self, *, abandoned: bool = False) -> Sequence[CurvePoint]:
        """Return the points that stand, or with ``abandoned`` all."""
        if not self._is_sorted:
            self._points.sort(key=_place)
            self._is_sorted = True
        if abandoned:
            return self._points
        if self._current is None:
            self._current = _standing(self._points)
        return self._current

    def summary(self) -> Summary:
        """Return the summary of the points that stand; at least one was taken."""
        if self._summary is None:
            state = SeriesState()
            for key, step, value, _ in self.points():
                state.add(key, step, value)
            self._summary = state.summary()
        return self._summary


def _place(point: CurvePoint) -> OrderKey:
    return point[0]


def _standing(points: list[CurvePoint]) -> list[CurvePoint]:
    # Sorted by attempt first: where the last is that of the first, there is but one.
    if not points or points[0][0][0] == points[-1][0][0]:
        return points
    limits = {
        (rank, attempt): limit
        for rank, least_steps in _least_steps(points).items()
        for attempt, limit in abandoned_from(least_steps).items()
    }
    return [
        point
        for point in points
        if point[1] is None
        or (limit := limits.get((point[3], point[0][0]))) is None
        or point[1] < limit
    ]


def _least_steps(points: list[CurvePoint]) -> dict[int | None, dict[int, int]]:
    found: dict[int | None, dict[int, int]] = {}
    for key, step, _, rank in points:
        if step is not None:
            steps = found.setdefault(rank, {})
            steps[key[0]] = min(step, steps.get(key[0], step))
    return found
