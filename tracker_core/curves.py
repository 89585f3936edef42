"""One series of one run: all its points, and those that restarts have left standing."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise, repeat
from typing import NamedTuple, cast, overload

from tracker_core.blocks import Column, joined_column
from tracker_core.gathered import PointColumns
from tracker_core.points import value_column
from tracker_core.records import OrderKey, Writer
from tracker_core.rewinds import abandoned_from
from tracker_core.summaries import SeriesState, Summary
from tracker_core.values import Value

__all__ = ["Curve", "CurveColumns", "CurvePoint"]

CurvePoint = tuple[OrderKey, int | None, Value, int | None]
"""Place, step, value, and the rank of the writer."""


class CurveColumns(NamedTuple):
    """Points in the order of the run, a column for each thing that reads tell."""

    steps: Sequence[int | None]
    times_ns: Sequence[int]
    values: Sequence[Value]


class _Piece(NamedTuple):
    """Points of one writer, in its order."""

    writer: Writer
    columns: PointColumns

    def key(self, index: int) -> OrderKey:
        sequences, times_ns, rows, _, _ = self.columns
        attempt, name = self.writer.attempt, self.writer.id
        return attempt, times_ns[index], name, sequences[index], rows[index]

    def points(self) -> list[CurvePoint]:
        sequences, times_ns, rows, steps, values = self.columns
        writer = self.writer
        keys = zip(repeat(writer.attempt), times_ns, repeat(writer.id), sequences, rows)
        return [*zip(keys, steps, values, repeat(writer.rank))]


class Curve:
    """Takes points in any order; gives them in the order of the run.

    Points that come as columns stay columns for as long as those of one attempt come
    one piece after the other, as they mostly do: a million points are no objects then.
    Not safe for use by several threads at once.
    """

    __slots__ = ("_columns", "_current", "_is_sorted", "_pieces", "_points", "_summary")

    def __init__(self) -> None:
        """Begin without points."""
        self._points: list[CurvePoint] = []
        self._pieces: list[_Piece] = []
        self._is_sorted = True
        # What follows from the points, until more come.
        self._current: list[CurvePoint] | None = None
        self._columns: CurveColumns | None = None
        self._summary: Summary | None = None

    def add(self, point: CurvePoint) -> None:
        """Take one point; each place once."""
        self._is_sorted = self._is_sorted and (
            not self._points or self._points[-1][0] < point[0]
        )
        self._points.append(point)
        self._forget()

    def extend(self, writer: Writer, columns: PointColumns) -> None:
        """Take points of one writer, in its order; each place once."""
        self._pieces.append(_Piece(writer, columns))
        self._forget()

    def points(self, *, abandoned: bool = False) -> Sequence[CurvePoint]:
        """Return the points that stand, or with ``abandoned`` all."""
        self._take_apart()
        if not self._is_sorted:
            self._points.sort(key=_place)
            self._is_sorted = True
        if abandoned:
            return self._points
        if self._current is None:
            self._current = _standing(self._points)
        return self._current

    def columns(self, *, abandoned: bool = False) -> CurveColumns:
        """Return the same points as columns; who changes them changes the curve."""
        if self._columns is None and not self._points:
            self._columns = _joined(self._pieces)
        if self._columns is not None:
            return self._columns
        points = self.points(abandoned=abandoned)
        return CurveColumns(
            [step for _, step, _, _ in points],
            [key[1] for key, _, _, _ in points],
            [value for _, _, value, _ in points],
        )

    def summary(self) -> Summary:
        """Return the summary of the points that stand; at least one was taken."""
        if self._summary is None:
            state = SeriesState()
            columns = self.columns()
            keys = (
                _Keys(self._pieces) if self._pieces else [*map(_place, self.points())]
            )
            state.extend(keys, columns.steps, columns.values)
            self._summary = state.summary()
        return self._summary

    def _take_apart(self) -> None:
        for piece in self._pieces:
            self._points += piece.points()
            self._is_sorted = False
        self._pieces = []

    def _forget(self) -> None:
        self._current = None
        self._columns = None
        self._summary = None


class _Keys(Sequence[OrderKey]):
    """The places of the points of some pieces, made when they are asked for."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        sizes = (len(piece.columns.sequences) for piece in pieces)
        self._pieces = pieces
        self._starts = [0, *accumulate(sizes)]

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> OrderKey: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[OrderKey]: ...
    def __getitem__(self, index: int | slice) -> OrderKey | Sequence[OrderKey]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self[place] for place in places]
        number = bisect_right(self._starts, places) - 1
        return self._pieces[number].key(places - self._starts[number])


def _joined(pieces: list[_Piece]) -> CurveColumns | None:
    """Return the points of all pieces, or None where they have to be sorted or left.

    The pieces are put into their order.
    """
    pieces.sort(key=lambda piece: piece.key(0))
    if len({piece.writer.attempt for piece in pieces}) > 1:
        return None
    if any(one.key(-1) >= other.key(0) for one, other in pairwise(pieces)):
        return None
    if not pieces:
        return CurveColumns([], [], [])
    columns = [piece.columns for piece in pieces]
    steps, times_ns, values = (
        joined_column([_packed(column[place]) for column in columns])
        for place in (3, 1, 4)
    )
    return CurveColumns(
        cast("Sequence[int | None]", steps), cast("Sequence[int]", times_ns), values
    )


def _packed(column: Sequence[Value]) -> Column:
    return column if isinstance(column, range | array) else value_column(column)


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
