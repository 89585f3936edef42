"""Removing a run, within transactions that the caller began.

The run, its records, and the note who its writers were change places in one
transaction: who reads in another process sees the run whole, or none. What the digests
of the run name is noted as unused in the same one, and freed in a second: a crash
between the two leaves content that the next removal or compaction frees.

Content that was added within the hour stays that long, since the record which names it
may be on its way.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import cast

from tracker_core.gathered import without_points
from tracker_core.records import ArtifactBody, Batch
from tracker_core.removals import Removal
from tracker_core.values import Value, from_json
from tracker_sqlite.objects import Objects
from tracker_sqlite.reading import key_of

__all__ = ["REMAINS", "free_unused", "is_of_removed", "remove"]

REMAINS = "content younger than an hour is freed by a later `tracker compact`"
"""What is said of content that may be awaited."""

_COUNT = "SELECT ifnull(sum(last - first + 1), 0) FROM taken WHERE run = ?"
_NOTE_WRITERS = """
INSERT OR IGNORE INTO removed (run_id, writer)
SELECT ?, writer FROM taken WHERE run = ?
"""
_NOTE_UNUSED = "INSERT OR IGNORE INTO unused (digest) VALUES (?)"
_ARTIFACTS = "SELECT body FROM records WHERE run = ? AND kind = 'artifact'"
# Run by run, as the table has no better index.
_STILL_USED = """
DELETE FROM unused WHERE digest IN (
    SELECT json_extract(body, '$.digest')
    FROM runs CROSS JOIN records ON records.run = runs.id AND kind = 'artifact'
)
"""


def remove(
    connection: sqlite3.Connection, run_id: str
) -> tuple[Removal, frozenset[str]]:
    """Remove a run, and note what it named as unused.

    Returns:
        What was removed, and the digests of the content that it named.

    Raises:
        RunNotFoundError: There is no such run.
    """
    run = key_of(connection, run_id)
    (records,) = connection.execute(_COUNT, (run,)).fetchone()
    told = [
        cast("Mapping[str, Value]", from_json(text))
        for (text,) in connection.execute(_ARTIFACTS, (run,))
    ]
    connection.execute(_NOTE_WRITERS, (run_id, run))
    digests = _note_unused(connection, (one.get("digest") for one in told))
    connection.execute("DELETE FROM runs WHERE id = ?", (run,))
    return Removal(records, len({one["name"] for one in told})), digests


def free_unused(
    connection: sqlite3.Connection, objects: Objects
) -> dict[str, int | None]:
    """Free content that no run names.

    Returns:
        By their digests how many bytes it was; None of what may be awaited, and stays.
    """
    connection.execute(_STILL_USED)
    freed = {
        digest: objects.free(digest)
        for (digest,) in connection.execute("SELECT digest FROM unused").fetchall()
    }
    done = [(digest,) for digest, size in freed.items() if size is not None]
    connection.executemany("DELETE FROM unused WHERE digest = ?", done)
    return freed


def is_of_removed(connection: sqlite3.Connection, batch: Batch) -> bool:
    """Tell whether a batch comes from a writer of a run that was removed.

    Its content, which came before it, is noted as unused then.
    """
    found = connection.execute(
        "SELECT 1 FROM removed WHERE run_id = ? AND writer = ?",
        (batch.run_id, batch.writer.id),
    ).fetchone()
    if found is None:
        return False
    bodies = (record.body for record in without_points(batch.records))
    _note_unused(
        connection, (it.digest for it in bodies if isinstance(it, ArtifactBody))
    )
    return True


def _note_unused(
    connection: sqlite3.Connection, digests: Iterable[Value]
) -> frozenset[str]:
    found = frozenset(digest for digest in digests if isinstance(digest, str))
    connection.executemany(_NOTE_UNUSED, [(digest,) for digest in sorted(found)])
    return found
