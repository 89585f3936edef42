"""The records of a run, parted into points and everything else."""

from array import array
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple, cast

from tracker_core.gathered import Gathered, PointColumns, without_points
from tracker_core.records import (
    Batch,
    ColumnsBody,
    MetricsBody,
    Record,
    Writer,
)
from tracker_core.taken import Taken
from tracker_core.values import Value, to_json
from tracker_fsspec.heads import Head, Section

__all__ = ["Collected", "Piece"]

_Cell = tuple[int, int, int, int | None, Value]


class Piece(NamedTuple):
    """Points of one series by one writer, in its order.

    The values of the columns may be any, not only numbers.
    """

    writer: Writer
    stream: str
    field: str
    columns: PointColumns


class Collected:
    """Takes the batches of a run in any order, each record once.

    Args:
        run_id: The run.
    """

    def __init__(self, run_id: str) -> None:
        """Begin without records."""
        self._run_id = run_id
        self._writers: dict[str, _Writer] = {}

    def add(self, batch: Batch) -> None:
        """Take the records of ``batch`` that were not taken yet."""
        name = batch.writer.id
        self._writers.setdefault(name, _Writer(batch.writer)).add(batch)

    @property
    def inputs(self) -> str:
        """A digest of what was taken: the same for the same records."""
        told: Value = [
            [name, [[*ends] for ends in self._writers[name].taken.ranges]]
            for name in sorted(self._writers)
        ]
        return sha256(to_json([self._run_id, told]).encode()).hexdigest()[:20]

    @property
    def writers(self) -> list[str]:
        """The ids of the writers."""
        return sorted(self._writers)

    @property
    def created_ns(self) -> int:
        """The time of the first record."""
        return min(writer.created_ns for writer in self._writers.values())

    def pieces(self) -> Iterator[Piece]:
        """Give all points."""
        for name in sorted(self._writers):
            yield from self._writers[name].pieces()

    def head(self, points: str | None) -> Head:
        """Return all that is no point, and the name of the object with the points."""
        sections = [
            section
            for name in sorted(self._writers)
            for section in self._writers[name].sections(self._run_id)
        ]
        return Head(self._run_id, self.created_ns, points, sections)


class _Writer:
    def __init__(self, writer: Writer) -> None:
        self.taken = Taken()
        self.created_ns = 2**63
        self._writer = writer
        self._others: dict[int, Record] = {}
        self._columns = Taken()
        self._cells: dict[tuple[str, str], list[_Cell]] = {}
        self._pieces: list[Piece] = []

    def add(self, batch: Batch) -> None:
        records = batch.records
        if self.taken.overlaps(batch.first, batch.last):
            records = self.taken.missing(batch)
        if isinstance(records, Gathered):
            for (stream, field), columns in records.points.items():
                self._add_piece(stream, field, columns)
        for record in without_points(records):
            self._add_record(record)
        self.taken = self.taken.plus(batch.first, batch.last)

    def pieces(self) -> Iterator[Piece]:
        yield from self._pieces
        for (stream, field), cells in self._cells.items():
            columns = zip(*sorted(cells, key=_place), strict=True)
            yield Piece(self._writer, stream, field, PointColumns(*columns))

    def sections(self, run_id: str) -> Iterator[Section]:
        for first, last in self.taken.ranges:
            own = [n for n in sorted(self._others) if first <= n <= last]
            records = tuple(self._others[sequence] for sequence in own)
            columns = tuple(
                ends for ends in self._columns.ranges if first <= ends[0] <= last
            )
            yield Section(Batch(run_id, self._writer, first, last, records), columns)

    def _add_piece(self, stream: str, field: str, columns: PointColumns) -> None:
        self._see(columns.times_ns[0])
        self._pieces.append(Piece(self._writer, stream, field, columns))

    def _add_record(self, record: Record) -> None:
        self._see(record.time_ns)
        match record.body:
            case MetricsBody() as body if any(body.streams.values()):
                self._add_cells(record, body)
                if not all(body.streams.values()):
                    self._others[record.sequence] = record
            case ColumnsBody() as body if body.fields:
                self._columns = self._columns.plus(record.sequence, record.sequence)
                self._add_columns(record, body)
            case _:
                self._others[record.sequence] = record

    def _add_cells(self, record: Record, body: MetricsBody) -> None:
        for row, (stream, fields) in enumerate(body.streams.items()):
            for field, value in fields.items():
                cell = (record.sequence, record.time_ns, row, body.step, value)
                self._cells.setdefault((stream, field), []).append(cell)

    def _add_columns(self, record: Record, body: ColumnsBody) -> None:
        for field, values in body.fields.items():
            count = len(values)
            columns = PointColumns(
                array("q", [record.sequence]) * count,
                array("q", [record.time_ns]) * count,
                range(count),
                [None] * count if body.steps is None else body.steps,
                cast("Sequence[float]", values),
            )
            self._add_piece(body.stream, field, columns)

    def _see(self, time_ns: int) -> None:
        self.created_ns = min(self.created_ns, time_ns)


def _place(cell: _Cell) -> tuple[int, int]:
    return cell[0], cell[2]
