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

    Args:
        connection: In autocommit mode, without a transaction.
        kind: ``IMMEDIATE`` waits for other writers at the beginning, so that nothing
            which the block reads is out of date when it writes.
    """
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors end it by themselves
            connection.execute("ROLLBACK")
        raise
