"""The table ``metrics``: the points of all series, in blocks.

A block is a row. Its points are of one series, one attempt and one writer, in order,
and its columns tell its first and its last place, so that a reader of a few points
fetches the blocks that hold them and no others. Each addition is a block of its own;
where small ones have piled up, neighbours are packed together.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple, cast

from tracker_core.blocks import Block, Packed, decode, encode, joined
from tracker_core.errors import ConfigError
from tracker_core.records import OrderKey, Writer

__all__ = ["Head", "Stretch", "blocks_between", "fetched", "heads", "keep", "pack"]

# Incoming points are cut into blocks of this many, small blocks packed into that many.
_LARGEST = 8_192
_PACKED = 4_096

_KEEP = """
INSERT INTO metrics (series, attempt, writer, first_ns, first_sequence, first_row,
    last_ns, last_sequence, last_row, count, max_step, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_HEADS = """
SELECT metrics.id, attempt, writer,
    (SELECT rank FROM taken WHERE taken.run = series.run
        AND taken.writer = metrics.writer LIMIT 1),
    first_ns, first_sequence, first_row, last_ns, last_sequence, last_row,
    metrics.count, metrics.max_step
FROM metrics JOIN series ON series.id = metrics.series
WHERE series = ?
ORDER BY attempt, first_ns, writer, first_sequence, first_row
"""

_BETWEEN = """
SELECT metrics.id, attempt, writer, NULL,
    first_ns, first_sequence, first_row, last_ns, last_sequence, last_row,
    metrics.count, metrics.max_step, series.name
FROM series JOIN metrics ON metrics.series = series.id
WHERE run = ? AND writer = ? AND first_sequence <= ? AND last_sequence >= ?
ORDER BY series.id, first_sequence, first_row
"""


class Head(NamedTuple):
    """All of a block but its points.

    Args:
        id: Its key in the table.
        writer: Who wrote the points, with attempt and rank.
        first: The place of its first point.
        last: The place of its last point.
        size: How many points there are.
        max_step: The greatest step, or None when no point has one.
    """

    id: int
    writer: Writer
    first: OrderKey
    last: OrderKey
    size: int
    max_step: int | None


class Stretch(NamedTuple):
    """Points of one series by one writer, in its order.

    Args:
        writer: The writer.
        block: The points.
        known: What :func:`~tracker_core.blocks.encode` has packed before.
    """

    writer: Writer
    block: Block
    known: Packed | None = None

    def place(self, index: int) -> OrderKey:
        """Return the place of a point in the order of the run."""
        time_ns, sequence, row = self.block.place(index)
        return (self.writer.attempt, time_ns, self.writer.id, sequence, row)


def keep(
    connection: sqlite3.Connection, series: int, stretch: Stretch, size: int = _LARGEST
) -> int:
    """Keep points as blocks of at most ``size``; return how many of them are small."""
    starts = range(0, stretch.block.size, size)
    parts = [stretch.block.part(start, start + size) for start in starts]
    connection.executemany(
        _KEEP, (_row(series, stretch._replace(block=part)) for part in parts)
    )
    return sum(part.size < _PACKED for part in parts)


def heads(connection: sqlite3.Connection, series: int) -> list[Head]:
    """Return the heads of all blocks of a series, by the place of their first point."""
    return [_head(row) for row in connection.execute(_HEADS, (series,))]


def fetched(connection: sqlite3.Connection, head: Head) -> Stretch:
    """Return the points of a block.

    Raises:
        ConfigError: The block is damaged, or of a later version.
    """
    (data,) = connection.execute(
        "SELECT data FROM metrics WHERE id = ?", (head.id,)
    ).fetchone()
    try:
        return Stretch(head.writer, decode(data))
    except ValueError as error:
        what = f"sqlite database {_file(connection)!r}: a block of series"
        name = _series_name(connection, head)
        raise ConfigError(f"{what} {name!r} {error}") from error


def blocks_between(
    connection: sqlite3.Connection, run: int, writer: str, first: int, last: int
) -> Iterator[tuple[str, Block]]:
    """Give the blocks of a writer that may hold some of its records, by series.

    Args:
        connection: The connection.
        run: The key of the run.
        writer: The id of the writer.
        first: The sequence number of the first record.
        last: That of the last one.

    Raises:
        ConfigError: A block is damaged, or of a later version.
    """
    rows = connection.execute(_BETWEEN, (run, writer, last, first)).fetchall()
    for *row, name in rows:
        yield name, fetched(connection, _head(row)).block


def pack(connection: sqlite3.Connection, series: int) -> None:
    """Pack small neighbours into larger blocks; what they hold stays the same."""
    by_writer = sorted(heads(connection, series), key=_by_writer)
    for _, group in groupby(by_writer, lambda head: head.writer):
        for neighbours in _small_neighbours(group):
            _pack(connection, series, neighbours)


def _file(connection: sqlite3.Connection) -> str:
    _, _, file = connection.execute("PRAGMA database_list").fetchone()
    return file or ":memory:"


def _series_name(connection: sqlite3.Connection, head: Head) -> str:
    (name,) = connection.execute(
        "SELECT series.name FROM metrics JOIN series ON series.id = metrics.series "
        "WHERE metrics.id = ?",
        (head.id,),
    ).fetchone()
    return cast("str", name)


def _row(series: int, stretch: Stretch) -> tuple[object, ...]:
    attempt, first_ns, writer, *first = stretch.place(0)
    _, last_ns, _, *last = stretch.place(-1)
    span = stretch.block.step_span
    return (
        *(series, attempt, writer, first_ns, *first, last_ns, *last),
        *(stretch.block.size, None if span is None else span[1], encode(*stretch[1:])),
    )


def _head(row: Sequence[int]) -> Head:
    key, attempt, name, rank, *numbers = row
    writer = Writer(cast("str", name), attempt, rank)
    first_ns, first_sequence, first_row = numbers[:3]
    last_ns, last_sequence, last_row = numbers[3:6]
    return Head(
        key,
        writer,
        (attempt, first_ns, writer.id, first_sequence, first_row),
        (attempt, last_ns, writer.id, last_sequence, last_row),
        *numbers[6:],
    )


def _by_writer(head: Head) -> tuple[int, str, OrderKey]:
    return (head.writer.attempt, head.writer.id, head.first)


def _small_neighbours(group: Iterable[Head]) -> Iterator[list[Head]]:
    for is_small, run in groupby(group, lambda head: head.size < _PACKED):
        neighbours = list(run)
        if is_small and len(neighbours) > 1:
            yield neighbours


def _pack(connection: sqlite3.Connection, series: int, neighbours: list[Head]) -> None:
    block = joined([fetched(connection, head).block for head in neighbours])
    if any(head.last > after.first for head, after in pairwise(neighbours)):
        places = list(zip(*block[:3], strict=True))
        block = block.at(sorted(range(block.size), key=places.__getitem__))
    connection.executemany(
        "DELETE FROM metrics WHERE id = ?", [(head.id,) for head in neighbours]
    )
    keep(connection, series, Stretch(neighbours[0].writer, block), _PACKED)
