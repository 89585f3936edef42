"""The records of a run, told again from the tables.

Most records are rows of one table and come back as they were. Of those whose words a
later one has replaced – metadata, tags, provenance, spans – nothing is left, and a
record that says nothing stands in their place; where it is the first of its writer it
has the time at which the run was created, which is kept. Points come from their blocks,
as columns wherever they are plain. Which record told of an edge is not kept, so each
edge is a batch of its own.

Each batch is read in a transaction of its own: nobody waits for whoever takes it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple, TypeAlias, cast

from tracker_core.blocks import Block, joined
from tracker_core.errors import RunNotFoundError
from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import (
    Batch,
    Body,
    LogBody,
    MetadataBody,
    ProvenanceBody,
    Record,
    SourceBody,
    SpanBody,
    StepBody,
    TagsBody,
    TrackBody,
    Writer,
)
from tracker_core.retelling import (
    BATCH_RECORDS,
    Cell,
    body_of,
    edge_batch,
    fillers,
    stretches,
)
from tracker_core.taken import Taken
from tracker_core.values import Value, from_json
from tracker_core.wire import body_from_fields
from tracker_sqlite.columns import Column, from_columns
from tracker_sqlite.lifecycle import mapping_from_json
from tracker_sqlite.metrics import blocks_between
from tracker_sqlite.reading import key_of, sources

__all__ = ["batches", "taken"]

_Row: TypeAlias = Sequence[Column]
_Reading: TypeAlias = Callable[[], AbstractContextManager[sqlite3.Connection]]
_Stretch: TypeAlias = tuple[str, int]


class _Table(NamedTuple):
    """A table of which each row is a record.

    Args:
        name: The table.
        keys: The columns after the run in its primary key, up to a range.
        range: The next one.
        columns: What makes the body.
        body: Makes it.
    """

    name: str
    keys: tuple[str, ...]
    range: str
    columns: str
    body: Callable[[_Row], Body]


def _log(row: _Row) -> Body:
    level, message, about = cast("tuple[str, str, str | None]", row)
    return LogBody(level, message, mapping_from_json(about))


def _step(row: _Row) -> Body:
    step, execution, status, cause = cast("tuple[str, str, str, str | None]", row)
    return StepBody(step, execution, status, mapping_from_json(cause))


def _track(row: _Row) -> Body:
    topic, timestamp, text = cast("tuple[str, float, str]", row)
    return TrackBody(topic, timestamp, _fields(text))


def _whole(row: _Row) -> Body:
    kind, text = cast("tuple[str, str]", row)
    return body_from_fields(kind, _fields(text))


def _fields(text: str) -> dict[str, Value]:
    return cast("dict[str, Value]", from_json(text))


_TABLES = (
    _Table("logs", ("attempt",), "time_ns", "level, message, metadata", _log),
    _Table("steps", ("attempt",), "time_ns", "step, execution, status, cause", _step),
    _Table("tracks", ("topic",), "timestamp", "topic, timestamp, fields", _track),
    _Table("records", ("kind", "attempt"), "time_ns", "kind, body", _whole),
    _Table("unknown", ("kind", "attempt"), "time_ns", "kind, body", _whole),
)

# Of ints the plain ones are those that 64 bits hold.
_INTS = range(-(2**63), 2**63)


def _values(
    body: Callable[[dict[str, Value]], Body],
) -> Callable[[Iterable[_Row]], Body]:
    def make(rows: Iterable[_Row]) -> Body:
        return body(
            {
                cast("str", key): from_columns(cast("str", kind), value)
                for key, kind, value in rows
            }
        )

    return make


def _tags(rows: Iterable[_Row]) -> Body:
    return TagsBody(_texts(rows))


def _span(rows: Iterable[_Row]) -> Body:
    said = _texts(rows)
    return SpanBody(said.get("trace_id"), said.get("span_id"))


def _texts(rows: Iterable[_Row]) -> dict[str, str]:
    return dict(cast("Iterable[tuple[str, str]]", rows))


# Tables that keep the last value of each key: the columns, and what makes the body.
_LATEST: Mapping[str, tuple[str, Callable[[Iterable[_Row]], Body]]] = {
    "metadata": ("key, type, value", _values(MetadataBody)),
    "provenance": ("key, type, value", _values(ProvenanceBody)),
    "tags": ("key, value", _tags),
    "spans": ("key, value", _span),
}


class _Plan(NamedTuple):
    """What is told, as it was when the telling began.

    Args:
        run_id: The run.
        run: Its key.
        created_ns: When it was created.
        writers: Its writers, each with what was taken.
        extents: For each table, where the rows of a stretch of a writer lie: keys,
            and the least and the greatest of the range.
        edges: The batches of its edges.
    """

    run_id: str
    run: int
    created_ns: int
    writers: Sequence[tuple[Writer, Taken]]
    extents: Mapping[str, Mapping[_Stretch, Sequence[_Row]]]
    edges: Sequence[Batch]


def taken(connection: sqlite3.Connection, run_id: str) -> dict[str, Taken]:
    """Return what was taken of each writer, and the writers that tell of edges."""
    run = key_of(connection, run_id)
    found = {writer.id: ranges for writer, ranges in _writers(connection, run)}
    for batch in _edges(connection, run_id, 0):
        found[batch.writer.id] = Taken().plus(batch.first, batch.last)
    return found


def batches(reading: _Reading, run_id: str) -> Iterator[Batch]:
    """Give all records of a run again; each batch is read when it is asked for.

    Args:
        reading: Begins a transaction.
        run_id: The run.

    Raises:
        RunNotFoundError: There is no such run.
    """
    with reading() as connection:
        plan = _plan(connection, run_id)
    return _batches(reading, plan)


def _batches(reading: _Reading, plan: _Plan) -> Iterator[Batch]:
    for writer, ranges in plan.writers:
        before_ns = plan.created_ns
        for first, last in stretches(ranges):
            with reading() as connection:
                _check_is_there(connection, plan, writer, last)
                found = _Stretches(connection, plan, writer, first, last).told()
                records, before_ns = _completed(found, first, last, before_ns)
            yield Batch(plan.run_id, writer, first, last, records)
    yield from plan.edges


def _plan(connection: sqlite3.Connection, run_id: str) -> _Plan:
    run = key_of(connection, run_id)
    (created_ns,) = connection.execute(
        "SELECT created_ns FROM runs WHERE id = ?", (run,)
    ).fetchone()
    edges = _edges(connection, run_id, created_ns)
    ours = {batch.writer.id for batch in edges}
    writers = [
        (writer, ranges)
        for writer, ranges in _writers(connection, run)
        if writer.id not in ours
    ]
    extents = {table.name: _extents(connection, run, table) for table in _TABLES}
    return _Plan(run_id, run, created_ns, writers, extents, edges)


def _writers(connection: sqlite3.Connection, run: int) -> list[tuple[Writer, Taken]]:
    rows = connection.execute(
        "SELECT writer, attempt, rank, first, last FROM taken WHERE run = ? "
        "ORDER BY attempt, writer, first",
        (run,),
    )
    return [
        (Writer(*cast("tuple[str, int, int | None]", key)), _ranges(group))
        for key, group in groupby(rows, itemgetter(0, 1, 2))
    ]


def _ranges(rows: Iterable[Sequence[int]]) -> Taken:
    return Taken(tuple((first, last) for *_, first, last in rows))


def _edges(connection: sqlite3.Connection, run_id: str, created_ns: int) -> list[Batch]:
    return [
        edge_batch(run_id, SourceBody(it.source_run_id, it.artifact_name), created_ns)
        for it in sources(connection, run_id, None)
    ]


def _extents(
    connection: sqlite3.Connection, run: int, table: _Table
) -> dict[_Stretch, list[_Row]]:
    keys = ", ".join(table.keys)
    rows = connection.execute(
        f"SELECT writer, (sequence - 1) / {BATCH_RECORDS} AS stretch, {keys}, "  # noqa: S608 - the words are those above
        f"min({table.range}), max({table.range}) FROM {table.name} WHERE run = ? "
        f"GROUP BY writer, stretch, {keys}",
        (run,),
    )
    found: dict[_Stretch, list[_Row]] = {}
    for writer, stretch, *place in rows:
        found.setdefault((writer, stretch), []).append(place)
    return found


def _check_is_there(
    connection: sqlite3.Connection, plan: _Plan, writer: Writer, last: int
) -> None:
    """Refuse to tell on where the run was removed in the middle."""
    row = connection.execute(
        "SELECT 1 FROM taken WHERE run = ? AND writer = ? AND last >= ?",
        (plan.run, writer.id, last),
    ).fetchone()
    if row is None or key_of(connection, plan.run_id) != plan.run:
        raise RunNotFoundError(plan.run_id)


class _Stretches:
    """Reads the records of one stretch of a writer."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        plan: _Plan,
        writer: Writer,
        first: int,
        last: int,
    ) -> None:
        self._connection = connection
        self._plan = plan
        self._writer = writer
        self._bounds = (first, last)

    def told(self) -> Gathered:
        """Return what is left of the records; some may be missing."""
        told, points = self._points()
        for table in _TABLES:
            told += self._rows(table)
        for name, (columns, body) in _LATEST.items():
            told += self._latest(name, columns, body)
        told.sort(key=itemgetter(0))
        return Gathered(told, points, 0)

    def _rows(self, table: _Table) -> Iterator[Record]:
        place = (self._writer.id, (self._bounds[0] - 1) // BATCH_RECORDS)
        keys = "".join(f"AND {key} = ? " for key in table.keys)
        for extent in self._plan.extents[table.name].get(place, ()):
            rows = self._connection.execute(
                f"SELECT sequence, time_ns, {table.columns} FROM {table.name} "  # noqa: S608 - the words are those above
                f"WHERE run = ? {keys}AND {table.range} BETWEEN ? AND ? "
                "AND writer = ? AND sequence BETWEEN ? AND ?",
                (self._plan.run, *extent, self._writer.id, *self._bounds),
            )
            for sequence, time_ns, *columns in rows:
                yield Record(sequence, time_ns, table.body(columns))

    def _latest(
        self, name: str, columns: str, body: Callable[[Iterable[_Row]], Body]
    ) -> Iterator[Record]:
        rows = self._connection.execute(
            f"SELECT sequence, time_ns, {columns} FROM {name} WHERE run = ? "  # noqa: S608 - the words are those above
            "AND writer = ? AND sequence BETWEEN ? AND ? ORDER BY sequence, key",
            (self._plan.run, self._writer.id, *self._bounds),
        )
        for (sequence, time_ns), group in groupby(rows, itemgetter(0, 1)):
            yield Record(sequence, time_ns, body(row[2:] for row in group))

    def _points(
        self,
    ) -> tuple[list[Record], dict[tuple[str, str], PointColumns]]:
        found = self._blocks()
        mixed = _mixed(found.values())
        plain: dict[tuple[str, str], PointColumns] = {}
        cells: list[Cell] = []
        for name, block in found.items():
            rest = block
            if mixed:
                apart = [it in mixed for it in block.sequences]
                cells += _cells(name, _at(block, apart, is_in=True))
                rest = _at(block, apart, is_in=False)
            if rest.size:
                stream, _, field = name.rpartition("/")
                plain[stream, field] = _columns(rest)
        cells.sort(key=itemgetter(0))
        return [_record(group) for _, group in groupby(cells, itemgetter(0))], plain

    def _blocks(self) -> dict[str, Block]:
        """Return the points of each series, in the order of their sequence."""
        parts: dict[str, list[Block]] = {}
        for name, block in blocks_between(
            self._connection, self._plan.run, self._writer.id, *self._bounds
        ):
            part = _within(block, *self._bounds)
            if part.size:
                parts.setdefault(name, []).append(part)
        return {name: _in_order(joined(blocks)) for name, blocks in parts.items()}


def _completed(
    told: Gathered, first: int, last: int, before_ns: int
) -> tuple[Gathered, int]:
    """Return the records of a stretch, none missing, and the time of the last one."""
    known = {record.sequence: record.time_ns for record in told.others}
    for columns in told.points.values():
        known.update(zip(columns.sequences, columns.times_ns, strict=True))
    missing = fillers(first, last, known, before_ns)
    others = told.others
    if missing:
        others = sorted([*others, *missing], key=itemgetter(0))
    last_ns = max(known.values(), default=before_ns)
    return Gathered(others, told.points, last - first + 1), last_ns


def _within(block: Block, first: int, last: int) -> Block:
    sequences = block.sequences
    if min(sequences) >= first and max(sequences) <= last:
        return block
    return block.at([at for at, it in enumerate(sequences) if first <= it <= last])


def _in_order(block: Block) -> Block:
    sequences = block.sequences
    order = sorted(range(block.size), key=sequences.__getitem__)
    return block if order == list(range(block.size)) else block.at(order)


def _mixed(blocks: Iterable[Block]) -> set[int]:
    """Return the sequence numbers of the records that are not made of plain points."""
    found: set[int] = set()
    for block in blocks:
        sequences = block.sequences
        if isinstance(block.values, list):
            told = zip(sequences, block.values, strict=True)
            found.update(one for one, value in told if not _is_plain(value))
        if len(set(sequences)) < block.size:
            found.update(one for one, after in pairwise(sequences) if one == after)
    return found


def _is_plain(value: Value) -> bool:
    return type(value) is float or (type(value) is int and value in _INTS)


def _at(block: Block, apart: Sequence[bool], *, is_in: bool) -> Block:
    return block.at([place for place, it in enumerate(apart) if it is is_in])


def _cells(name: str, block: Block) -> Iterator[Cell]:
    for time_ns, sequence, row, step, value in zip(*block, strict=True):
        yield Cell(sequence, row, name, time_ns, step, value)


def _record(cells: Iterable[Cell]) -> Record:
    found = list(cells)
    return Record(found[0].sequence, found[0].time_ns, body_of(found))


def _columns(block: Block) -> PointColumns:
    return PointColumns(
        block.sequences,
        block.times_ns,
        block.rows,
        block.steps,
        cast("Sequence[float]", block.values),
    )
