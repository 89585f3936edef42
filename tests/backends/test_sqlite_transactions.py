"""Transactions of the sqlite backend, whose blocks end in all ways."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tracker_sqlite.transactions import transaction


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Return a connection to a database with an empty table."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE rows (value)")
        yield connection


def refuse_rollback(action: int, operation: str | None, *_: object) -> int:
    """Refuse to roll back, and nothing else."""
    is_rollback = action == sqlite3.SQLITE_TRANSACTION and operation == "ROLLBACK"
    return sqlite3.SQLITE_DENY if is_rollback else sqlite3.SQLITE_OK


def count(connection: sqlite3.Connection) -> int:
    """Return how many rows the table has."""
    (number,) = connection.execute("SELECT count(*) FROM rows").fetchone()
    return int(number)


def end_within(connection: sqlite3.Connection, *, closes: bool) -> None:
    """Write in a transaction, and end the process as a signal handler would."""
    with transaction(connection, "IMMEDIATE"):
        connection.execute("INSERT INTO rows VALUES (1)")
        if closes:
            connection.close()
        raise SystemExit(7)


def test_block_that_raises_leaves_nothing(connection: sqlite3.Connection) -> None:
    """The row is gone, no transaction is left open and no note is needed."""
    with pytest.raises(SystemExit) as caught:
        end_within(connection, closes=False)

    assert count(connection) == 0
    assert not connection.in_transaction
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("closes", [False, True])
def test_failing_rollback_does_not_replace_the_error(
    connection: sqlite3.Connection, *, closes: bool
) -> None:
    """Who ends the process ends it, and the other error is noted."""
    connection.set_authorizer(refuse_rollback)

    with pytest.raises(SystemExit) as caught:
        end_within(connection, closes=closes)

    assert caught.value.code == 7
    (note,) = caught.value.__notes__
    assert "could not be rolled back either" in note


def test_inner_transaction_fails_and_leaves_the_outer_whole(
    connection: sqlite3.Connection,
) -> None:
    """A signal handler that writes in the middle of a write takes nothing from it."""
    with transaction(connection, "IMMEDIATE"):
        connection.execute("INSERT INTO rows VALUES (1)")
        with (
            pytest.raises(sqlite3.OperationalError),
            transaction(connection, "IMMEDIATE"),
        ):
            pass

        assert connection.in_transaction

    assert count(connection) == 1
