"""From earlier versions of the tables to version 4, with all that they hold.

Version 3 had no tables of what was removed. Version 2 kept no heartbeats. Version 1 had
a row for each point, no logs, tracks, steps, provenance, spans or content, and kept
records of such kinds, when a newer writer sent them, in ``unknown``. Those are taken up
now.
"""

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import cast

from tracker_core.blocks import Block, step_column
from tracker_core.points import value_column
from tracker_core.records import Batch, Record, UnknownBody, Writer
from tracker_core.values import Value, from_json
from tracker_core.wire import body_from_fields
from tracker_sqlite.columns import Column, from_columns
from tracker_sqlite.metrics import Stretch
from tracker_sqlite.series import add_points
from tracker_sqlite.tables import STATEMENTS
from tracker_sqlite.writing import take_records

__all__ = ["migrate"]

# The version that has them.
_HEARTBEATS = 3
# At once, so that a series of any length needs little memory.
_CHUNK = 65_536

_BEFORE = (
    "DROP INDEX series_by_min",
    "DROP INDEX series_by_max",
    "DROP INDEX series_by_last",
    "DROP INDEX runs_by_experiment",
    "ALTER TABLE metrics RENAME TO old_metrics",
    "ALTER TABLE series RENAME TO old_series",
    "ALTER TABLE runs ADD COLUMN experiment_config TEXT",
    "ALTER TABLE runs ADD COLUMN trace_id TEXT",
    "ALTER TABLE runs ADD COLUMN span_id TEXT",
    "ALTER TABLE artifacts ADD COLUMN digest TEXT",
    "ALTER TABLE artifacts ADD COLUMN size_bytes INTEGER",
    "ALTER TABLE artifacts ADD COLUMN media_type TEXT",
    "ALTER TABLE artifacts ADD COLUMN kind TEXT",
    "ALTER TABLE artifacts ADD COLUMN role TEXT",
)
_AFTER = ("DROP TABLE old_metrics", "DROP TABLE old_series")

_POINTS = """
SELECT attempt, writer,
    (SELECT rank FROM taken WHERE taken.run = ? AND taken.writer = old_metrics.writer
        LIMIT 1),
    time_ns, sequence, row, step, type, value
FROM old_metrics WHERE series = ?
ORDER BY attempt, writer, time_ns, sequence, row
"""
_UNKNOWN = """
SELECT unknown.run, run_id, writer, attempt,
    (SELECT rank FROM taken WHERE taken.run = unknown.run
        AND taken.writer = unknown.writer LIMIT 1),
    sequence, time_ns, kind, body
FROM unknown JOIN runs ON runs.id = unknown.run
ORDER BY unknown.run, attempt, writer, sequence
"""
_FORGET = "DELETE FROM unknown WHERE run = ? AND writer = ? AND sequence = ?"


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a database to version 4, within the caller's transaction.

    Args:
        connection: The connection.
        version: The version of the database, from 1 to 3.
    """
    if version < _HEARTBEATS:
        connection.execute("ALTER TABLE runs ADD COLUMN heartbeat_ns INTEGER")
    if version == 1:
        _from_version_1(connection)
    for statement in STATEMENTS:
        connection.execute(statement)


def _from_version_1(connection: sqlite3.Connection) -> None:
    for statement in (*_BEFORE, *STATEMENTS):
        connection.execute(statement)
    old = connection.execute("SELECT id, run, name FROM old_series").fetchall()
    for series, run, name in old:
        rows = connection.execute(_POINTS, (run, series))
        for stretch in _stretches(rows):
            add_points(connection, run, name, stretch)
    _take_up(connection)
    for statement in _AFTER:
        connection.execute(statement)


def _stretches(rows: Iterable[tuple[Column, ...]]) -> Iterator[Stretch]:
    for owner, group in groupby(rows, lambda row: row[:3]):
        attempt, name, rank = cast("tuple[int, str, int | None]", owner)
        writer = Writer(name, attempt, rank)
        points = list(group)
        for start in range(0, len(points), _CHUNK):
            yield Stretch(writer, _block(points[start : start + _CHUNK]))


def _block(points: list[tuple[Column, ...]]) -> Block:
    columns = zip(*(point[3:] for point in points), strict=True)
    times_ns, sequences, rows, steps, kinds, values = columns
    return Block(
        array("q", cast("tuple[int, ...]", times_ns)),
        array("q", cast("tuple[int, ...]", sequences)),
        array("q", cast("tuple[int, ...]", rows)),
        step_column(cast("tuple[int | None, ...]", steps)),
        value_column(list(map(from_columns, cast("tuple[str, ...]", kinds), values))),
    )


def _take_up(connection: sqlite3.Connection) -> None:
    """Take the records whose kinds are known by now."""
    waiting = connection.execute(_UNKNOWN).fetchall()
    for owner, group in groupby(waiting, lambda row: row[:5]):
        run, run_id, name, attempt, rank = owner
        records = [_record(*row[5:]) for row in group]
        known = [it for it in records if not isinstance(it.body, UnknownBody)]
        connection.executemany(
            _FORGET, [(run, name, record.sequence) for record in known]
        )
        if known:
            first, last = known[0].sequence, known[-1].sequence
            writer = Writer(name, attempt, rank)
            batch = Batch(run_id, writer, first, last, tuple(known))
            take_records(connection, run, batch, known)


def _record(sequence: int, time_ns: int, kind: str, text: str) -> Record:
    fields = cast("Mapping[str, Value]", from_json(text))
    return Record(sequence, time_ns, body_from_fields(kind, fields))
