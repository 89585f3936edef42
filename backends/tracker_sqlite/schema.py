"""The check that a database has our tables, and their making.

The tables are those of :mod:`tracker_sqlite.tables`. The database is marked as ours by
its ``application_id`` (the letters ``Trkr``), and ``user_version`` is the version of
the schema. Both are written in the transaction that makes the tables, or brings those
of an earlier version up to date. So a crash at any moment leaves what was there before,
which the next opening completes, or a complete database.
"""

import sqlite3
import time
from typing import NamedTuple

from tracker_core.errors import ConfigError
from tracker_sqlite.tables import STATEMENTS
from tracker_sqlite.transactions import transaction

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "ensure_schema"]

APPLICATION_ID = int.from_bytes(b"Trkr", "big")
SCHEMA_VERSION = 4

_FIRST_VERSION = 1
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

    Those of an earlier version are brought up to date, with all that they hold.
    Several processes may do this to one file at once. A database that is not ours is
    only read.

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
    if marks.version < SCHEMA_VERSION:
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
    if not _FIRST_VERSION <= marks.version <= SCHEMA_VERSION:
        message = (
            f"{name!r} has version {marks.version} of the schema and this "
            f"tracker_sqlite knows versions up to {SCHEMA_VERSION}; upgrade "
            "tracker-core, or choose another path"
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
        marks = _marks_within(connection)
        if _FIRST_VERSION <= marks.version < SCHEMA_VERSION:
            from tracker_sqlite.migration import migrate

            migrate(connection, marks.version)
        elif marks == _BLANK:
            # Not executescript: it would end the transaction before it begins.
            for statement in STATEMENTS:
                connection.execute(statement)
        else:  # another process was faster
            return
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
