"""The points of one series."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from tracker_core.values import Value

__all__ = ["Point", "Points"]


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
        rows: Step, time in nanoseconds and value of each point.
        start_index: The index of the first of them.
    """

    __slots__ = ("_start", "steps", "times_ns", "values")

    def __init__(
        self, rows: Iterable[tuple[int | None, int, Value]], start_index: int = 0
    ) -> None:
        """Keep the rows as columns."""
        columns = tuple(zip(*rows, strict=True)) or ((), (), ())
        self._start = start_index
        self.steps: tuple[int | None, ...] = columns[0]
        self.times_ns: tuple[int, ...] = columns[1]
        self.values: tuple[Value, ...] = columns[2]

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
            rows = zip(self.steps, self.times_ns, self.values, strict=True)
            return Points(list(rows)[start:stop], self._start + start)
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
