"""A database file whose connection never crosses a fork.

SQLite keeps its locks per process and counts them in memory. In a forked child the
count says that locks are held which the kernel has given to the parent alone, so a
connection that the child opens beside an inherited one is unprotected, and what it
commits can be lost. Hence no connection is open while the process forks: a hook waits
for the calls in progress, closes the connections, and lets go on both sides. The next
call opens a connection of its own
(https://www.sqlite.org/howtocorrupt.html, "carrying an open database connection across
a fork").

SQLite does not notice that its file was removed, and would go on writing to what nobody
can open any more. Hence each call looks whether the file at the path is still the one
that was opened, and opens the path again if it is not. Closing the old connection
leaves the new file's log alone: SQLite removes the log of a file that is at its place
only (``SQLITE_FCNTL_HAS_MOVED``).

A signal handler may log in the middle of a call of its own thread, which has the lock.
In the middle of a read it writes through a second connection, closed when it has
written: the first one can begin no other transaction, and the read goes on to see its
moment. In the middle of a write it is asked to try again: that write must end first.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from weakref import WeakSet

from tracker_core.errors import ConfigError, PermanentError, RetryableError
from tracker_sqlite.files import (
    Identity,
    absolute_path,
    identity_of,
    prepared_file,
)
from tracker_sqlite.functions import register_own_functions
from tracker_sqlite.schema import ensure_schema
from tracker_sqlite.transactions import transaction

__all__ = ["Database"]

_log = logging.getLogger("tracker_sqlite")

_REMEDY = "choose another path, or restore the file from a copy"

_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
# Of these, the ones that tell of a wrong setting when they come at opening.
_SETTING = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})

# The most that a call waits, in seconds, after one that waited in vain.
_SHORT_TIMEOUT = 0.1


class Database:
    """Opens its file when it is needed, and again after a fork or :meth:`close`.

    A file that was removed or replaced since is opened again too, with a warning.
    Safe to call from several threads, which take turns.

    Args:
        path: The file; None for a database in memory, which stays in its process.
        busy_timeout: How many seconds to wait for other processes. When that was too
            short, calls wait a tenth of a second at the most until a write succeeds:
            a process that keeps the file locked shall not stop a job at every call.

    Raises:
        ConfigError: The file cannot be used; the message says why and what to do.
        RetryableError: It cannot be used now.
    """

    def __init__(self, path: Path | None, busy_timeout: float) -> None:
        """Open the database, so that a wrong setting shows at once."""
        self._connection: sqlite3.Connection | None = None
        # Of the write in progress, which need not have begun its transaction.
        self._writer: sqlite3.Connection | None = None
        # The working directory may be another one at the next opening.
        self._path = None if path is None else absolute_path(path)
        self._identity: Identity | None = None
        self._busy_timeout = busy_timeout
        self._timeout = busy_timeout
        self._pid = os.getpid()
        self._lock = threading.RLock()
        _gate.add(self)
        with self._lock:
            self._connected()

    def __del__(self) -> None:
        """Close the connection of a database that nobody closed."""
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for queries, which all see the same moment.

        Raises:
            RetryableError: It cannot be read now.
        """
        with self._lock, self._errors():
            connection = self._connected()
            # A signal handler that reads in the middle of a write sees that one.
            if connection.in_transaction:
                yield connection
                return
            with transaction(connection, "DEFERRED"):
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for one transaction: all of the block, or nothing.

        Raises:
            RetryableError: Nothing was written; other processes write, this very
                thread is in the middle of a write (or, in memory, of a read), or the
                disk is full or fails.
            PermanentError: Nothing was written; a value is too large for SQLite.
        """
        with self._lock, self._errors(), self._for_writing() as connection:
            before, self._writer = self._writer, connection
            try:
                with transaction(connection, "IMMEDIATE"):
                    yield connection
            finally:
                self._writer = before
            self._wait_at_most(self._busy_timeout)

    def close(self) -> None:
        """Close the connection; repeating the call changes nothing."""
        with self._lock:
            self._disconnect()
            self._identity = None  # whatever happens to a closed file is no loss

    def before_fork(self) -> None:
        """Wait for the call in progress, and begin no other before the fork."""
        self._lock.acquire()
        if self._path is not None:
            self._disconnect()

    def after_fork(self) -> None:
        """Let calls begin again, in the parent and in the child."""
        self._lock.release()

    @property
    def _name(self) -> str:
        return ":memory:" if self._path is None else str(self._path)

    def _connected(self) -> sqlite3.Connection:
        if self._path is None:
            self._refuse_in_child()
        elif not self._is_in_use() and self._has_lost_its_file(self._path):
            self._open_again()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _is_in_use(self) -> bool:
        """Whether this call came in the middle of another of its thread."""
        return self._connection is not None and self._connection.in_transaction

    @contextmanager
    def _for_writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connected()
        if not connection.in_transaction:
            yield connection
            return
        if self._writer is not None and self._writer.in_transaction:
            raise self._busy("write")
        if self._path is None:
            raise self._busy("read")
        target = str(prepared_file(self._path))
        with closing(self._connection_to(target)) as second:
            yield second

    def _busy(self, call: str) -> RetryableError:
        return RetryableError(
            f"sqlite database {self._name!r} cannot be written in the middle of a "
            f"{call} by the same thread, as a signal handler would; write when that "
            f"{call} has ended"
        )

    def _refuse_in_child(self) -> None:
        if os.getpid() != self._pid:
            message = (
                "a :memory: database stays in the process that made it; "
                "give a path to write from a forked child"
            )
            raise ConfigError(message)

    def _open_again(self) -> None:
        self._disconnect()
        self._connection = self._open()
        _log.warning(
            "sqlite database %r was removed or replaced while it was in use: what it "
            "held before is gone, and the file that is there now is used",
            self._name,
        )

    def _has_lost_its_file(self, path: Path) -> bool:
        if self._identity is None:
            return False
        try:
            return identity_of(path) != self._identity
        except OSError:  # an open file stays usable where looking is not allowed
            return False

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        target, identity = ":memory:", None
        if self._path is not None:
            target = str(prepared_file(self._path))
            # Before SQLite opens it: one that is replaced meanwhile is noticed.
            identity = identity_of(self._path)
        connection = self._connection_to(target)
        self._identity = identity
        return connection

    def _connection_to(self, target: str) -> sqlite3.Connection:
        with ExitStack() as stack, self._errors(at_opening=True):
            connection = sqlite3.connect(
                target,
                timeout=self._timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            stack.callback(connection.close)
            register_own_functions(connection)
            ensure_schema(connection, self._name, self._timeout)
            connection.execute("PRAGMA foreign_keys=ON")
            # With WAL: commits do not wait for the disk, checkpoints do.
            connection.execute("PRAGMA synchronous=NORMAL")
            stack.pop_all()
        return connection

    def _wait_at_most(self, timeout: float) -> None:
        if timeout != self._timeout and self._connection is not None:
            milliseconds = round(timeout * 1000)
            self._connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
        self._timeout = timeout

    @contextmanager
    def _errors(self, *, at_opening: bool = False) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DataError, OverflowError, UnicodeEncodeError) as error:
            message = f"sqlite database {self._name!r} cannot hold this: {error}"
            raise PermanentError(message) from error
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            message = f"sqlite database {self._name!r}: {error}"
            if code == sqlite3.SQLITE_BUSY:
                self._wait_at_most(min(_SHORT_TIMEOUT, self._busy_timeout))
            if at_opening and (code not in _PASSING or code in _SETTING):
                raise ConfigError(f"{message}; {_REMEDY}") from error
            if code in _PASSING:
                raise RetryableError(message) from error
            raise


class _ForkGate:
    """All databases of this process, which wait while it forks."""

    def __init__(self) -> None:
        """Begin without databases."""
        self._lock = threading.Lock()
        self._databases: WeakSet[Database] = WeakSet()
        self._held: list[Database] = []

    def add(self, database: Database) -> None:
        """Let ``database`` wait for forks from now on."""
        with self._lock:
            self._databases.add(database)

    def shut(self) -> None:
        """Wait for all calls, and hold those that come."""
        self._lock.acquire()
        self._held = list(self._databases)
        for database in self._held:
            database.before_fork()

    def open(self) -> None:
        """Let the calls go on; in the child too, whose one thread has the locks."""
        held, self._held = self._held, []
        for database in held:
            database.after_fork()
        self._lock.release()


_gate = _ForkGate()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_gate.shut, after_in_parent=_gate.open, after_in_child=_gate.open
    )
