"""Calls that come in the middle of another of their thread, as of a signal handler."""

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tracker_core.errors import RetryableError
from tracker_core.records import MetadataBody
from tracker_core.testing.contract.pen import Pen
from tracker_sqlite.database import Database
from tracker_sqlite.reading import metadata
from tracker_sqlite.writing import take

# So long that a test which waits for itself does not end in time.
_BUSY_TIMEOUT = 600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """Return a database that knows a run."""
    with closing(Database(path, _BUSY_TIMEOUT)) as database:
        write(database, before=1)
        yield database


def write(database: Database, **values: int) -> None:
    """Write metadata of the run."""
    with database.writing() as connection:
        take(connection, Pen("run").log(MetadataBody(dict(values))))


def keys(database: Database) -> list[str]:
    """Return the keys of the metadata of the run."""
    with database.reading() as connection:
        return list(metadata(connection, "run"))


@contextmanager
def handled(handler: Callable[[], None]) -> Iterator[None]:
    """Call ``handler`` at each SIGUSR1."""
    before = signal.signal(signal.SIGUSR1, lambda *_: handler())
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_write_in_the_middle_of_a_read_is_kept(database: Database) -> None:
    """The read sees its moment to the end, and the next one sees what was written."""
    with handled(lambda: write(database, handler=2)), database.reading() as connection:
        first = list(metadata(connection, "run"))
        signal.raise_signal(signal.SIGUSR1)
        again = list(metadata(connection, "run"))

    assert first == again == ["before"]
    assert keys(database) == ["before", "handler"]


def test_write_in_the_middle_of_a_read_survives_its_failure(
    database: Database,
) -> None:
    """It is a transaction of its own."""

    def read() -> None:
        with database.reading() as connection:
            metadata(connection, "run")
            write(database, handler=2)
            connection.execute("SELECT * FROM nothing")

    with pytest.raises(sqlite3.OperationalError, match="nothing"):
        read()

    assert keys(database) == ["before", "handler"]


def test_write_in_the_middle_of_a_write_asks_to_try_again(database: Database) -> None:
    """Nothing of it is there, and the outer one is whole."""
    with database.writing() as connection:
        take(connection, Pen("run").log(MetadataBody({"outer": 2})))
        with pytest.raises(RetryableError, match="in the middle of a write"):
            write(database, inner=3)

    assert keys(database) == ["before", "outer"]


def test_write_in_the_middle_of_a_handler_that_writes_asks_to_try_again(
    database: Database,
) -> None:
    """It does not wait for the write that cannot end before it."""
    with database.reading() as reader:
        metadata(reader, "run")
        with database.writing() as connection:
            take(connection, Pen("run").log(MetadataBody({"handler": 2})))
            with pytest.raises(RetryableError, match="in the middle of a write"):
                write(database, second=3)

    assert keys(database) == ["before", "handler"]


def test_write_in_the_middle_of_a_read_in_memory_asks_to_try_again() -> None:
    """There is no second connection to a database in memory."""
    with closing(Database(None, _BUSY_TIMEOUT)) as database:
        write(database, before=1)
        with database.reading() as connection:
            metadata(connection, "run")
            with pytest.raises(RetryableError, match=r"':memory:'.* middle of a read"):
                write(database, handler=2)

        write(database, after=3)

        assert keys(database) == ["after", "before"]


def test_read_in_the_middle_of_a_write_sees_it(database: Database) -> None:
    """A handler reads what its own thread has just written."""
    with database.writing() as connection:
        take(connection, Pen("run").log(MetadataBody({"outer": 2})))

        assert keys(database) == ["before", "outer"]


def test_call_in_the_middle_of_a_read_leaves_its_file_open(
    path: Path, database: Database
) -> None:
    """A file that is gone meanwhile is noticed by the next call after it."""
    with database.reading() as connection:
        metadata(connection, "run")
        path.unlink()

        inner = keys(database)

        assert inner == list(metadata(connection, "run")) == ["before"]
