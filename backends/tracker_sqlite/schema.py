"""The tables, and the check that a database has them.

Ids of the user are text; tables point to each other by integer keys: ``run`` means
``runs.id`` and ``series`` in ``metrics`` means ``series.id``. Times are nanoseconds
since 1970. A value is two columns, ``type`` and ``value``
(:mod:`tracker_sqlite.columns`). The columns ``attempt``, ``time_ns``, ``writer``,
``sequence`` (and ``row`` where a record has several) are the place of a row in the one
order of its run; among rows of one key the greatest is the one that is kept.

The database is marked as ours by its ``application_id`` (the letters ``Trkr``), and
``user_version`` is the version of the schema. Both are written in the transaction that
makes the tables, so a crash at any moment leaves either an empty database, which the
next opening fills, or a complete one.
"""

import sqlite3
import time
from typing import NamedTuple

from tracker_core.errors import ConfigError
from tracker_sqlite.transactions import transaction

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "ensure_schema"]

APPLICATION_ID = int.from_bytes(b"Trkr", "big")
SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- What a run is; all but created_ns follows from its life cycle in records.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    experiment INTEGER REFERENCES experiments (id),
    group_id TEXT,
    parent_run_id TEXT,
    status TEXT,
    cause TEXT,                        -- JSON
    attempts TEXT NOT NULL DEFAULT '[]',  -- JSON
    created_ns INTEGER NOT NULL,
    started_ns INTEGER,
    ended_ns INTEGER
);
CREATE INDEX runs_by_creation ON runs (created_ns, run_id);
CREATE INDEX runs_by_experiment ON runs (experiment);

CREATE TABLE params (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    value,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE TABLE metadata (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    value,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE TABLE tags (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE TABLE artifacts (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    metadata TEXT,                     -- JSON
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, name)
);

CREATE TABLE sources (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    source_run_id TEXT NOT NULL,
    artifact_name TEXT
);
-- Not the label alone, since NULL equals nothing in a unique index.
CREATE UNIQUE INDEX sources_once
    ON sources (run, source_run_id, artifact_name IS NULL, ifnull(artifact_name, ''));
CREATE INDEX sources_by_source ON sources (source_run_id, run);

-- The summaries; state is what they are made from, so that late points can be added.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_type TEXT NOT NULL,
    first,
    last_type TEXT NOT NULL,
    last,
    min,
    max,
    mean,
    min_step INTEGER,
    max_step INTEGER,
    state TEXT NOT NULL,               -- JSON
    UNIQUE (run, name)
);
CREATE INDEX series_by_min ON series (name, min);
CREATE INDEX series_by_max ON series (name, max);
CREATE INDEX series_by_last ON series (name, last);

-- The points; the primary key is their order.
CREATE TABLE metrics (
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    row INTEGER NOT NULL,
    step INTEGER,
    type TEXT NOT NULL,
    value,
    PRIMARY KEY (series, attempt, time_ns, writer, sequence, row)
) WITHOUT ROWID;

-- Records kept word for word: the life cycle, and the history of params and artifacts.
CREATE TABLE records (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    body TEXT NOT NULL,                -- JSON
    PRIMARY KEY (run, kind, attempt, time_ns, writer, sequence)
) WITHOUT ROWID;

-- Records of a later version, until that version opens the database.
CREATE TABLE unknown (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    body TEXT NOT NULL,                -- JSON
    PRIMARY KEY (run, kind, attempt, time_ns, writer, sequence)
) WITHOUT ROWID;

-- Which records of a writer are here: from first to last, both included.
CREATE TABLE taken (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    writer TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    rank INTEGER,
    PRIMARY KEY (run, writer, first)
) WITHOUT ROWID;
"""

_BUSY_PAUSE = 0.005


class _Marks(NamedTuple):
    application_id: int
    version: int
    objects: int


_BLANK = _Marks(0, 0, 0)


def ensure_schema(
    connection: sqlite3.Connection, name: str, busy_timeout: float
) -> None:
    """Make the tables of an empty database, or check those that are there.

    Several processes may do this to one new file at once. A database that is not ours
    is only read.

    Args:
        connection: In autocommit mode.
        name: The database's path, for messages.
        busy_timeout: How many seconds to wait for other processes.

    Raises:
        ConfigError: It belongs to something else, to a newer version of this backend,
            or to a filesystem without shared memory.
        sqlite3.Error: SQLite cannot read or write it.
    """
    marks = _marks(connection)
    if marks != _BLANK:
        _check(marks, name)
    _use_wal(connection, name, busy_timeout)
    if marks == _BLANK:
        _make_tables(connection)
        _check(_marks(connection), name)


def _marks(connection: sqlite3.Connection) -> _Marks:
    # In one transaction: between two reads another process may make the tables.
    with transaction(connection, "DEFERRED"):
        return _marks_within(connection)


def _marks_within(connection: sqlite3.Connection) -> _Marks:
    return _Marks(
        *connection.execute("PRAGMA application_id").fetchone(),
        *connection.execute("PRAGMA user_version").fetchone(),
        *connection.execute("SELECT count(*) FROM sqlite_master").fetchone(),
    )


def _check(marks: _Marks, name: str) -> None:
    if marks.application_id != APPLICATION_ID:
        message = (
            f"{name!r} is a database of something else and was left as it is; "
            "choose another path"
        )
        raise ConfigError(message)
    if marks.version != SCHEMA_VERSION:
        message = (
            f"{name!r} has version {marks.version} of the schema and this "
            f"tracker_sqlite knows version {SCHEMA_VERSION}; upgrade tracker-core, or "
            "choose another path"
        )
        raise ConfigError(message)


def _use_wal(connection: sqlite3.Connection, name: str, busy_timeout: float) -> None:
    (mode,) = _insist(connection, "PRAGMA journal_mode=WAL", busy_timeout)
    if mode not in ("wal", "memory"):
        message = (
            f"{name!r} lies on a filesystem without the shared memory that SQLite "
            "needs; choose a path on a local disk, or the fsspec backend"
        )
        raise ConfigError(message)


def _insist(
    connection: sqlite3.Connection, statement: str, busy_timeout: float
) -> tuple[str]:
    # SQLite does not wait by itself when two connections change the journal's mode.
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            found: tuple[str] = connection.execute(statement).fetchone()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return found


def _make_tables(connection: sqlite3.Connection) -> None:
    with transaction(connection, "IMMEDIATE"):
        if _marks_within(connection) == _BLANK:  # else another process was faster
            for statement in _statements():
                connection.execute(statement)


def _statements() -> list[str]:
    # Not executescript: it would end the transaction before it begins.
    tables = [statement for statement in _TABLES.split(";\n") if statement.strip()]
    return [
        *tables,
        f"PRAGMA application_id = {APPLICATION_ID}",
        f"PRAGMA user_version = {SCHEMA_VERSION}",
    ]
