"""What a run logged as it went: its messages and its tracks."""

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import cast

from tracker_core.bodies import check_level
from tracker_core.entries import LogEntry, TrackEntry, check_bound, to_ns
from tracker_core.records import LEVELS
from tracker_core.values import Value, from_json
from tracker_sqlite.columns import to_limit
from tracker_sqlite.lifecycle import mapping_from_json

__all__ = ["logs", "topics", "track_entries"]


def logs(
    connection: sqlite3.Connection,
    run: int,
    *,
    level: str | None,
    span: tuple[float | None, float | None],
    text: str | None,
    limit: int | None,
) -> list[LogEntry]:
    """Return messages, as :meth:`NativeTracker.logs` says.

    Args:
        connection: The connection.
        run: The key of the run.
        level: The mildest level that is wanted.
        span: The earliest and the latest time, in seconds since 1970.
        text: What a message contains, in any letter case.
        limit: How many at the most: the last ones.
    """
    where = ["run = ?"]
    wanted: list[object] = [run]
    if level is not None:
        graver = LEVELS[LEVELS.index(check_level(level)) :]
        where.append(f"level IN ({', '.join('?' * len(graver))})")
        wanted += graver
    for bound, comparison in zip(span, (">=", "<="), strict=True):
        if bound is not None:
            where.append(f"time_ns {comparison} ?")
            wanted.append(to_ns(bound))
    if text:
        where.append("instr(tracker_casefold(message), ?)")
        wanted.append(text.casefold())
    rows = connection.execute(
        "SELECT time_ns, level, message, metadata FROM logs "  # noqa: S608 - the words are those above
        f"WHERE {' AND '.join(where)} "
        "ORDER BY attempt DESC, time_ns DESC, writer DESC, sequence DESC LIMIT ?",
        (*wanted, to_limit(limit)),
    ).fetchall()
    return [
        LogEntry(time_ns, found, message, mapping_from_json(about))
        for time_ns, found, message, about in reversed(rows)
    ]


def topics(connection: sqlite3.Connection, run: int) -> list[str]:
    """Return the topics of a run, sorted."""
    rows = connection.execute(
        "SELECT DISTINCT topic FROM tracks WHERE run = ? ORDER BY topic", (run,)
    )
    return [topic for (topic,) in rows]


def track_entries(
    connection: sqlite3.Connection,
    run: int,
    topic: str,
    start: float | None,
    end: float | None,
) -> list[TrackEntry]:
    """Return what was said of each moment of a topic, both ends included."""
    where, wanted = ["run = ?", "topic = ?"], [run, topic]
    for bound, comparison in ((start, ">="), (end, "<=")):
        if bound is not None:
            where.append(f"timestamp {comparison} ?")
            wanted.append(check_bound(bound))
    rows = connection.execute(
        f"SELECT timestamp, fields FROM tracks WHERE {' AND '.join(where)} "  # noqa: S608 - the words are those above
        "ORDER BY timestamp, attempt, time_ns, writer, sequence",
        wanted,
    )
    return [_entry(list(told)) for _, told in groupby(rows, itemgetter(0))]


def _entry(told: Sequence[tuple[float, str]]) -> TrackEntry:
    fields: dict[str, Value] = {}
    for _, text in told:
        fields.update(cast("dict[str, Value]", from_json(text)))
    return TrackEntry(told[0][0], dict(sorted(fields.items())))
