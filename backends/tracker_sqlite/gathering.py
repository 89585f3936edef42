"""The points of one batch, gathered by series."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import cast

from tracker_core.blocks import Block, Ints, Steps, joined, step_column
from tracker_core.gathered import PointColumns
from tracker_core.points import value_column
from tracker_core.records import ColumnsBody, MetricsBody, OrderKey, series_name
from tracker_core.values import Value

__all__ = ["Gathering"]


class Gathering:
    """Takes the points of one writer; gives a block for each series, in its order."""

    def __init__(self) -> None:
        """Begin without points."""
        self._series: dict[str, _Column] = {}

    def add(self, key: OrderKey, body: MetricsBody) -> None:
        """Take one point of each of some streams."""
        for row, (stream, fields) in enumerate(body.streams.items()):
            for field, value in fields.items():
                column = self._column(stream, field)
                column.add(key, row, body.step, value)

    def extend(self, key: OrderKey, body: ColumnsBody) -> None:
        """Take many points of one stream."""
        if not body.fields:
            return
        size = len(next(iter(body.fields.values())))
        times_ns = array("q", [key[1]]) * size
        sequences = array("q", [key[3]]) * size
        absent = cast("list[int | None]", [None]) * size
        steps = absent if body.steps is None else step_column(body.steps)
        for field, values in body.fields.items():
            column = self._column(body.stream, field)
            packed = value_column(values)
            column.extend(Block(times_ns, sequences, range(size), steps, packed))

    def take(self, points: Mapping[tuple[str, str], PointColumns]) -> None:
        """Take the points of whole series, which may come among those of records."""
        # The series of a stream may share all columns but their values. What is shared
        # lives as long as the points, so that its id is its own.
        shared: dict[int, Steps] = {}
        for (stream, field), columns in points.items():
            if len(columns.values):
                self._column(stream, field).extend(_block(columns, shared))

    def blocks(self) -> Iterator[tuple[str, Block]]:
        """Give the name and the points of each series."""
        for name, column in self._series.items():
            yield name, column.block()

    def _column(self, stream: str, field: str) -> "_Column":
        return self._series.setdefault(series_name(stream, field), _Column())


class _Column:
    """The points of one series: whole blocks, and single points after the last."""

    __slots__ = ("_blocks", "_rows", "_sequences", "_steps", "_times_ns", "_values")

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._begin()

    def add(self, key: OrderKey, row: int, step: int | None, value: Value) -> None:
        """Take one point."""
        self._times_ns.append(key[1])
        self._sequences.append(key[3])
        self._rows.append(row)
        self._steps.append(step)
        self._values.append(value)

    def extend(self, block: Block) -> None:
        """Take many points."""
        self._end()
        self._blocks.append(block)

    def block(self) -> Block:
        """Return all points, in the order of their places."""
        self._end()
        block = joined(self._blocks)
        if all(one.place(-1) < next_.place(0) for one, next_ in pairwise(self._blocks)):
            return block
        places = list(zip(*block[:3], strict=True))
        return block.at(sorted(range(block.size), key=places.__getitem__))

    def _begin(self) -> None:
        self._times_ns = array("q")
        self._sequences = array("q")
        self._rows = array("q")
        self._steps: list[int | None] = []
        self._values: list[Value] = []

    def _end(self) -> None:
        if self._steps:
            steps, values = step_column(self._steps), value_column(self._values)
            places = (self._times_ns, self._sequences, self._rows)
            self._blocks.append(Block(*places, steps, values))
            self._begin()


def _block(columns: PointColumns, shared: dict[int, Steps]) -> Block:
    sequences = columns.sequences
    if id(sequences) not in shared:
        shared[id(sequences)] = _increasing(sequences)
    for column in (columns.times_ns, columns.steps):
        if id(column) not in shared:
            shared[id(column)] = step_column(column)
    return Block(
        cast("Ints", shared[id(columns.times_ns)]),
        cast("Ints", shared[id(sequences)]),
        _row_column(columns.rows),
        shared[id(columns.steps)],
        value_column(columns.values),
    )


def _increasing(numbers: Sequence[int]) -> Ints:
    first, last = numbers[0], numbers[-1]
    if last - first == len(numbers) - 1:
        return range(first, last + 1)
    return numbers if isinstance(numbers, array) else array("q", numbers)


def _row_column(numbers: Sequence[int]) -> Ints:
    if numbers.count(numbers[0]) == len(numbers):
        return array("q", [numbers[0]]) * len(numbers)
    return array("q", numbers)
