"""The points of one batch, gathered by series."""

from array import array
from collections.abc import Iterator
from typing import cast

from tracker_core.points import value_column
from tracker_core.records import ColumnsBody, MetricsBody, OrderKey, series_name
from tracker_core.values import Value
from tracker_sqlite.blocks import Block, joined, step_column

__all__ = ["Gathering"]


class Gathering:
    """Takes the points of one writer in its order; gives a block for each series."""

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
        """Return all points."""
        self._end()
        return joined(self._blocks)

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
