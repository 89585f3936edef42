"""Taking a batch, within one transaction that the caller began."""

import sqlite3
from collections.abc import Mapping
from typing import cast

from tracker_core.identity import friendly_name
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    OrderKey,
    ParamsBody,
    Record,
    SourceBody,
    StartedBody,
    TagsBody,
    UnknownBody,
    Writer,
    order_key,
    series_name,
)
from tracker_core.taken import Taken
from tracker_core.values import Value, to_json
from tracker_core.wire import body_kind
from tracker_sqlite.columns import Column, to_columns
from tracker_sqlite.curves import Point, add_points
from tracker_sqlite.lifecycle import fold

__all__ = ["take"]

_ORDER = ("attempt", "time_ns", "writer", "sequence")


def take(connection: sqlite3.Connection, batch: Batch) -> None:
    """Take the records of ``batch`` that were not taken yet."""
    row = connection.execute(
        "SELECT id FROM runs WHERE run_id = ?", (batch.run_id,)
    ).fetchone()
    run = _new_run(connection, batch) if row is None else cast("int", row[0])
    missing = _claim(connection, run, batch)
    if missing:
        _Taking(connection, run, batch).take(missing)


def _new_run(connection: sqlite3.Connection, batch: Batch) -> int:
    created_ns = min((record.time_ns for record in batch.records), default=0)
    cursor = connection.execute(
        "INSERT INTO runs (run_id, name, created_ns) VALUES (?, ?, ?)",
        (batch.run_id, friendly_name(batch.run_id), created_ns),
    )
    return cast("int", cursor.lastrowid)


def _claim(connection: sqlite3.Connection, run: int, batch: Batch) -> list[Record]:
    """Return the records that are missing, and mark the batch as taken."""
    writer = batch.writer
    # Only the ranges that overlap or touch the batch: mostly one, however many gaps.
    touched = connection.execute(
        "SELECT first, last FROM taken "
        "WHERE run = ? AND writer = ? AND first <= ? AND last >= ?",
        (run, writer.id, batch.last + 1, batch.first - 1),
    ).fetchall()
    before = Taken(tuple(touched))
    ((first, last),) = before.plus(batch.first, batch.last).ranges
    if (first, last) in before.ranges:
        return []
    connection.execute(
        "DELETE FROM taken WHERE run = ? AND writer = ? AND first BETWEEN ? AND ?",
        (run, writer.id, first, last),
    )
    connection.execute(
        "INSERT INTO taken (run, writer, first, last, attempt, rank) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (run, writer.id, first, last, writer.attempt, writer.rank),
    )
    return before.missing(batch)


class _Taking:
    """Writes records of one writer of one run."""

    def __init__(self, connection: sqlite3.Connection, run: int, batch: Batch) -> None:
        self._connection = connection
        self._run = run
        self._run_id = batch.run_id
        self._writer: Writer = batch.writer
        self._points: dict[str, list[Point]] = {}
        self._lives = False

    def take(self, records: list[Record]) -> None:
        """Write ``records``, each taken for the first time."""
        for record in records:
            self._take_record(order_key(self._writer, record), record.body)
        for name, points in self._points.items():
            add_points(self._connection, self._run, name, points)
        created_ns = min(record.time_ns for record in records)
        self._connection.execute(
            "UPDATE runs SET created_ns = ? WHERE id = ? AND created_ns > ?",
            (created_ns, self._run, created_ns),
        )
        if self._lives:
            fold(self._connection, self._run, self._run_id)

    def _take_record(self, key: OrderKey, body: Body) -> None:
        match body:
            case MetricsBody(step, streams):
                self._take_metrics(key, step, streams)
            case MetadataBody(values):
                self._keep_values(_KEEP_METADATA, key, values)
            case ParamsBody(values):
                self._keep_values(_KEEP_PARAM, key, values)
                self._keep_whole(_KEEP_RECORD, key, body, body._asdict())
            case TagsBody(texts):
                self._keep_tags(key, texts)
            case ArtifactBody():
                self._keep_artifact(key, body)
                self._keep_whole(_KEEP_RECORD, key, body, body._asdict())
            case SourceBody(source_run_id, label):
                row = (self._run, source_run_id, label)
                self._connection.execute(_KEEP_SOURCE, row)
            case CreatedBody() | StartedBody() | EndedBody():
                self._keep_whole(_KEEP_RECORD, key, body, body._asdict())
                self._lives = True
            case UnknownBody(_, fields):
                self._keep_whole(_KEEP_UNKNOWN, key, body, fields)

    def _take_metrics(
        self,
        key: OrderKey,
        step: int | None,
        streams: Mapping[str, Mapping[str, Value]],
    ) -> None:
        for row, (stream, fields) in enumerate(streams.items()):
            for field, value in fields.items():
                points = self._points.setdefault(series_name(stream, field), [])
                points.append(((*key[:4], row), step, value))

    def _keep_values(
        self, statement: str, key: OrderKey, values: Mapping[str, Value]
    ) -> None:
        self._connection.executemany(
            statement,
            [
                (self._run, name, *key[:4], *to_columns(value))
                for name, value in values.items()
            ],
        )

    def _keep_tags(self, key: OrderKey, texts: Mapping[str, str]) -> None:
        self._connection.executemany(
            _KEEP_TAG,
            [(self._run, name, *key[:4], text) for name, text in texts.items()],
        )

    def _keep_artifact(self, key: OrderKey, body: ArtifactBody) -> None:
        about = None if body.metadata is None else to_json(dict(body.metadata))
        row = (self._run, body.name, *key[:4], body.path, about)
        self._connection.execute(_KEEP_ARTIFACT, row)

    def _keep_whole(
        self, statement: str, key: OrderKey, body: Body, fields: Mapping[str, Value]
    ) -> None:
        row: tuple[Column, ...] = (self._run, body_kind(body), *key[:4])
        self._connection.execute(statement, (*row, to_json(dict(fields))))


def _keep_latest(table: str, name: str, *values: str) -> str:
    """Return the statement that keeps a row, unless a later one is there."""
    columns = ("run", name, *_ORDER, *values)
    marks = ", ".join("?" * len(columns))
    new = ", ".join(f"{column} = excluded.{column}" for column in (*_ORDER, *values))
    arrived = ", ".join(f"excluded.{column}" for column in _ORDER)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "  # noqa: S608 - the names are those below
        f"ON CONFLICT (run, {name}) DO UPDATE SET {new} "
        f"WHERE ({arrived}) > ({', '.join(_ORDER)})"
    )


_KEEP_PARAM = _keep_latest("params", "key", "type", "value")
_KEEP_METADATA = _keep_latest("metadata", "key", "type", "value")
_KEEP_TAG = _keep_latest("tags", "key", "value")
_KEEP_ARTIFACT = _keep_latest("artifacts", "name", "path", "metadata")
_KEEP_SOURCE = """
INSERT INTO sources (run, source_run_id, artifact_name) VALUES (?, ?, ?)
ON CONFLICT DO NOTHING
"""
_KEEP_RECORD = """
INSERT INTO records (run, kind, attempt, time_ns, writer, sequence, body)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_KEEP_UNKNOWN = """
INSERT INTO unknown (run, kind, attempt, time_ns, writer, sequence, body)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
