"""Transactions that end whole, however their block ends."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

__all__ = ["transaction"]


@contextmanager
def transaction(
    connection: sqlite3.Connection, kind: Literal["DEFERRED", "IMMEDIATE"]
) -> Iterator[None]:
    """Commit what the block does, or nothing of it when it raises.

    The error of the block is the one that the caller sees; that the transaction could
    not be rolled back either is noted on it.

    Args:
        connection: In autocommit mode, without a transaction.
        kind: ``IMMEDIATE`` waits for other writers at the beginning, so that nothing
            which the block reads is out of date when it writes.
    """
    # Called by a signal handler in the middle of another, it must not end that one.
    is_inner = connection.in_transaction
    try:
        # Within the block, since a signal handler may raise as soon as it has begun.
        connection.execute(f"BEGIN {kind}")
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        if not is_inner:
            _roll_back(connection, error)
        raise


def _roll_back(connection: sqlite3.Connection, cause: BaseException) -> None:
    try:
        if connection.in_transaction:  # some errors end it by themselves
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        cause.add_note(f"the transaction could not be rolled back either: {error}")
