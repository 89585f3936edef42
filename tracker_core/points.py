"""The points of one series, kept as columns.

A column is an :mod:`array` where all its items are numbers of one kind, so numpy,
pandas and plotting libraries take it without copying, and a million points need no
million objects; otherwise it is a list.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias, cast, overload

from tracker_core.values import Value

__all__ = ["Point", "Points", "StepColumn", "ValueColumn", "value_column"]

StepColumn: TypeAlias = "array[int] | list[int | None]"
"""Steps are an array of 64-bit ints when no point lacks one, else a list."""

ValueColumn: TypeAlias = "array[float] | array[int] | list[Value]"
"""Values are an array of floats when all are floats, one of 64-bit ints when all are
ints that fit (a bool is none), else a list."""


class Point(NamedTuple):
    """One value of a series.

    Args:
        index: Its position in the series, from 0; stable once the run has ended.
        step: The x axis that the job counted, or None.
        time_ns: When it was logged, in nanoseconds since 1970.
        value: A number, or any JSON value.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which no reader needs
    step: int | None
    time_ns: int
    value: Value


class Points(Sequence[Point]):
    """Points in the order of the run, kept as three columns of equal length.

    Args:
        steps: One step per point, or None where a point has none.
        times_ns: One time per point, in nanoseconds since 1970.
        values: One value per point.
        start_index: The index of the first point.

    Attributes:
        steps: The steps; an array that is given is kept, not copied.
        times_ns: The times, always an array.
        values: The values; an array that is given is kept, not copied.

    Raises:
        ValueError: The columns differ in length.
    """

    __slots__ = ("_start", "steps", "times_ns", "values")

    def __init__(
        self,
        steps: Sequence[int | None],
        times_ns: Sequence[int],
        values: Sequence[Value],
        start_index: int = 0,
    ) -> None:
        """Keep the columns, packed into arrays where that is possible."""
        if not len(steps) == len(times_ns) == len(values):
            message = (
                f"points of {len(steps)} steps, {len(times_ns)} times and "
                f"{len(values)} values; give columns of equal length"
            )
            raise ValueError(message)
        self._start = start_index
        self.steps: StepColumn = _step_column(steps)
        self.times_ns: array[int] = _array("q", times_ns)
        self.values: ValueColumn = value_column(values)

    @property
    def has_steps(self) -> bool:
        """Whether any point has a step."""
        if not isinstance(self.steps, list):
            return len(self) > 0
        return any(step is not None for step in self.steps)

    @classmethod
    def of_rows(
        cls, rows: Iterable[tuple[int | None, int, Value]], start_index: int = 0
    ) -> "Points":
        """Return points from the step, the time in nanoseconds and the value of each.

        Raises:
            ValueError: A row lacks something.
        """
        steps, times_ns, values = tuple(zip(*rows, strict=True)) or ((), (), ())
        return cls(steps, times_ns, values, start_index)

    def __len__(self) -> int:
        """Return how many points there are."""
        return len(self.steps)

    @overload
    def __getitem__(self, index: int) -> Point: ...

    @overload
    def __getitem__(self, index: slice) -> "Points": ...

    def __getitem__(self, index: int | slice) -> "Point | Points":
        """Return one point, or the points of a slice without a stride."""
        if isinstance(index, slice):
            start, stop, stride = index.indices(len(self))
            if stride != 1:
                message = f"points cannot be sliced with the stride {stride}"
                raise ValueError(message)
            part = slice(start, stop)
            columns = (self.steps[part], self.times_ns[part], self.values[part])
            return Points(*columns, self._start + start)
        position = range(len(self))[index]
        return Point(
            self._start + position,
            self.steps[position],
            self.times_ns[position],
            self.values[position],
        )

    def __iter__(self) -> Iterator[Point]:
        """Go through the points in order."""
        rows = zip(self.steps, self.times_ns, self.values, strict=True)
        for index, row in enumerate(rows, self._start):
            yield Point(index, *row)

    def __repr__(self) -> str:
        """Show how many points there are, not all of them."""
        return f"<{len(self)} points from index {self._start}>"


def value_column(values: Sequence[Value]) -> ValueColumn:
    """Return values as the column that holds them in the least space, types kept.

    An array of floats or of 64-bit ints is returned as it is. No values are an array of
    floats.
    """
    if isinstance(values, array):
        return values
    kinds = set(map(type, values))
    if kinds <= {float}:
        return array("d", cast("Sequence[float]", values))
    if kinds == {int}:
        try:
            return array("q", cast("Sequence[int]", values))
        except OverflowError:  # beyond 64 bits
            pass
    return list(values)


def _step_column(steps: Sequence[int | None]) -> StepColumn:
    try:
        return _array("q", cast("Sequence[int]", steps))
    except (TypeError, OverflowError):  # a point without a step
        return list(steps)


def _array(kind: str, items: Sequence[int]) -> "array[int]":
    return items if isinstance(items, array) else array(kind, items)
