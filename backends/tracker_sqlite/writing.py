"""Taking a batch, within one transaction that the caller began."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from tracker_core.gathered import Gathered
from tracker_core.identity import friendly_name
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    OrderKey,
    ParamsBody,
    ProvenanceBody,
    Record,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
    Writer,
    order_key,
)
from tracker_core.taken import Taken
from tracker_core.values import Value, to_json
from tracker_core.wire import body_kind, body_to_fields
from tracker_sqlite.columns import Column, to_columns
from tracker_sqlite.gathering import Gathering
from tracker_sqlite.lifecycle import fold, show_span
from tracker_sqlite.metrics import Stretch
from tracker_sqlite.removal import is_of_removed
from tracker_sqlite.series import add_points, pack_all

if TYPE_CHECKING:
    from tracker_core.blocks import Packed

__all__ = ["take", "take_records"]

_ORDER = ("attempt", "time_ns", "writer", "sequence")
# The bodies that say what the run is.
_LIFE = frozenset({CreatedBody, StartedBody, EndedBody})


def take(connection: sqlite3.Connection, batch: Batch) -> None:
    """Take the records of ``batch`` that were not taken yet.

    Those of a run that was removed are passed over.
    """
    if is_of_removed(connection, batch):
        return
    row = connection.execute(
        "SELECT id FROM runs WHERE run_id = ?", (batch.run_id,)
    ).fetchone()
    run = _new_run(connection, batch) if row is None else cast("int", row[0])
    missing = _claim(connection, run, batch)
    if missing:
        take_records(connection, run, batch, missing)


def take_records(
    connection: sqlite3.Connection, run: int, batch: Batch, records: Sequence[Record]
) -> None:
    """Take some records of ``batch``, in order, none of which was taken before.

    Args:
        connection: The connection.
        run: The key of the run.
        batch: Whose records they are.
        records: At least one.
    """
    _Taking(connection, run, batch).take(records)


def _new_run(connection: sqlite3.Connection, batch: Batch) -> int:
    created_ns = _first_ns(batch.records)
    cursor = connection.execute(
        "INSERT INTO runs (run_id, name, created_ns) VALUES (?, ?, ?)",
        (batch.run_id, friendly_name(batch.run_id), created_ns),
    )
    return cast("int", cursor.lastrowid)


def _first_ns(records: Sequence[Record]) -> int:
    if not isinstance(records, Gathered):
        return min((record.time_ns for record in records), default=0)
    # A writer's records are in the order of their times.
    firsts_ns = [record.time_ns for record in records.others[:1]]
    firsts_ns += (it.times_ns[0] for it in records.points.values() if len(it.times_ns))
    return min(firsts_ns, default=0)


def _claim(connection: sqlite3.Connection, run: int, batch: Batch) -> Sequence[Record]:
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
    if not any(low <= batch.last and high >= batch.first for low, high in touched):
        return batch.records
    return before.missing(batch)


class _Taking:
    """Writes records of one writer of one run."""

    def __init__(self, connection: sqlite3.Connection, run: int, batch: Batch) -> None:
        self._connection = connection
        self._run = run
        self._run_id = batch.run_id
        self._writer: Writer = batch.writer
        self._points = Gathering()
        self._kinds: set[type[Body]] = set()

    def take(self, records: Sequence[Record]) -> None:
        """Write ``records``, each taken for the first time."""
        singly = records
        if isinstance(records, Gathered):
            singly = records.others
            self._points.take(records.points)
        for record in singly:
            self._kinds.add(type(record.body))
            self._take_record(order_key(self._writer, record), record.body)
        known: Packed = {}
        for name, block in self._points.blocks():
            stretch = Stretch(self._writer, block, known)
            add_points(self._connection, self._run, name, stretch)
        created_ns = _first_ns(records)
        self._connection.execute(
            "UPDATE runs SET created_ns = ? WHERE id = ? AND created_ns > ?",
            (created_ns, self._run, created_ns),
        )
        if self._kinds & _LIFE:
            fold(self._connection, self._run, self._run_id)
        if SpanBody in self._kinds:
            show_span(self._connection, self._run)
        if EndedBody in self._kinds:
            pack_all(self._connection, self._run)

    def _take_record(self, key: OrderKey, body: Body) -> None:
        match body:
            case MetricsBody():
                self._points.add(key, body)
            case ColumnsBody():
                self._points.extend(key, body)
            case MetadataBody(values):
                self._keep_values(_KEEP_METADATA, key, values)
            case ProvenanceBody(values):
                self._keep_values(_KEEP_PROVENANCE, key, values)
            case ParamsBody(values):
                self._keep_values(_KEEP_PARAM, key, values)
                self._keep_whole(_KEEP_RECORD, key, body)
            case TagsBody(texts):
                self._keep_texts(_KEEP_TAG, key, texts)
            case ArtifactBody():
                self._keep_artifact(key, body)
                self._keep_whole(_KEEP_RECORD, key, body)
            case SourceBody(source_run_id, label):
                row = (self._run, source_run_id, label)
                self._connection.execute(_KEEP_SOURCE, row)
            case _:
                self._take_event(key, body)

    def _take_event(self, key: OrderKey, body: Body) -> None:
        match body:
            case LogBody(level, message, about):
                row = (self._run, *key[:4], level, message, _json_or_null(about))
                self._connection.execute(_KEEP_LOG, row)
            case TrackBody(topic, timestamp, fields):
                said = to_json(dict(fields))
                entry = (self._run, topic, timestamp, *key[:4], said)
                self._connection.execute(_KEEP_TRACK, entry)
            case StepBody(step, execution, status, cause):
                told = (step, execution, status, _json_or_null(cause))
                self._connection.execute(_KEEP_STEP, (self._run, *key[:4], *told))
            case SpanBody():
                parts = body._asdict().items()
                self._keep_texts(
                    _KEEP_SPAN, key, {name: it for name, it in parts if it}
                )
            case UnknownBody():
                self._keep_whole(_KEEP_UNKNOWN, key, body)
            case _:
                self._keep_whole(_KEEP_RECORD, key, body)

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

    def _keep_texts(
        self, statement: str, key: OrderKey, texts: Mapping[str, str]
    ) -> None:
        self._connection.executemany(
            statement,
            [(self._run, name, *key[:4], text) for name, text in texts.items()],
        )

    def _keep_artifact(self, key: OrderKey, body: ArtifactBody) -> None:
        name, path, metadata, *content = body
        row = (self._run, name, *key[:4], path, _json_or_null(metadata), *content)
        self._connection.execute(_KEEP_ARTIFACT, row)

    def _keep_whole(self, statement: str, key: OrderKey, body: Body) -> None:
        row: tuple[Column, ...] = (self._run, body_kind(body), *key[:4])
        self._connection.execute(statement, (*row, to_json(body_to_fields(body))))


def _json_or_null(mapping: Mapping[str, Value] | None) -> str | None:
    return None if mapping is None else to_json(dict(mapping))


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
_KEEP_SPAN = _keep_latest("spans", "key", "value")
_KEEP_PROVENANCE = _keep_latest("provenance", "key", "type", "value")
_KEEP_ARTIFACT = _keep_latest(
    *("artifacts", "name", "path", "metadata"),
    *("digest", "size_bytes", "media_type", "kind", "role"),
)
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
_KEEP_LOG = """
INSERT INTO logs (run, attempt, time_ns, writer, sequence, level, message, metadata)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_KEEP_TRACK = """
INSERT INTO tracks (run, topic, timestamp, attempt, time_ns, writer, sequence, fields)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_KEEP_STEP = """
INSERT INTO steps
    (run, attempt, time_ns, writer, sequence, step, execution, status, cause)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
