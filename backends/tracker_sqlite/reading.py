"""The answers, each from one or two queries that an index serves."""

import sqlite3
from collections.abc import Mapping
from typing import cast

from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import RunNotFoundError
from tracker_core.points import Points
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value, from_json
from tracker_sqlite import curves
from tracker_sqlite.columns import from_columns
from tracker_sqlite.lifecycle import RUN_COLUMNS, info_from_row

__all__ = [
    "artifacts",
    "metadata",
    "params",
    "points",
    "run",
    "run_ids",
    "runs",
    "series",
    "sources",
    "tags",
]


def run(connection: sqlite3.Connection, run_id: str) -> RunInfo:
    """Return who a run is and how it fares."""
    row = connection.execute(
        f"SELECT {RUN_COLUMNS} WHERE runs.id = ?", (_key(connection, run_id),)
    ).fetchone()
    return info_from_row(row)


def runs(connection: sqlite3.Connection, limit: int | None) -> list[RunInfo]:
    """Return the runs, the newest first."""
    rows = connection.execute(
        f"SELECT {RUN_COLUMNS} ORDER BY created_ns DESC, run_id DESC LIMIT ?",
        (-1 if limit is None else limit,),
    )
    return [info_from_row(row) for row in rows]


def run_ids(connection: sqlite3.Connection, parent_run_id: str | None) -> list[str]:
    """Return the ids of all runs, or of those that used one, the newest first."""
    if parent_run_id is None:
        rows = connection.execute(
            "SELECT run_id FROM runs ORDER BY created_ns DESC, run_id DESC"
        )
    else:
        rows = connection.execute(
            "SELECT run_id FROM (SELECT DISTINCT run FROM sources "
            "WHERE source_run_id = ?) JOIN runs ON runs.id = run "
            "ORDER BY created_ns DESC, run_id DESC",
            (parent_run_id,),
        )
    return [run_id for (run_id,) in rows]


def metadata(connection: sqlite3.Connection, run_id: str) -> dict[str, Value]:
    """Return the last value of each key; nothing for an unknown run."""
    rows = connection.execute(
        "SELECT key, type, value FROM metadata WHERE run = ? ORDER BY key",
        (_known_key(connection, run_id),),
    )
    return {key: from_columns(kind, value) for key, kind, value in rows}


def artifacts(
    connection: sqlite3.Connection, run_id: str
) -> dict[str, TrackerArtifact]:
    """Return the newest artifact of each name; nothing for an unknown run."""
    rows = connection.execute(
        "SELECT name, path, metadata FROM artifacts WHERE run = ? ORDER BY name",
        (_known_key(connection, run_id),),
    )
    return {
        name: TrackerArtifact(name, path, _about(about)) for name, path, about in rows
    }


def sources(
    connection: sqlite3.Connection, run_id: str, artifact_name: str | None
) -> list[TrackerSource]:
    """Return the edges, or those of one label; nothing for an unknown run."""
    rows = connection.execute(
        "SELECT source_run_id, artifact_name FROM sources WHERE run = ? "
        "AND (? IS NULL OR artifact_name = ?) ORDER BY source_run_id, artifact_name",
        (_known_key(connection, run_id), artifact_name, artifact_name),
    )
    return [TrackerSource(*row) for row in rows]


def params(connection: sqlite3.Connection, run_id: str) -> dict[str, Value]:
    """Return the last value of each param."""
    rows = connection.execute(
        "SELECT key, type, value FROM params WHERE run = ? ORDER BY key",
        (_key(connection, run_id),),
    )
    return {key: from_columns(kind, value) for key, kind, value in rows}


def tags(connection: sqlite3.Connection, run_id: str) -> dict[str, str]:
    """Return the last text of each tag."""
    rows = connection.execute(
        "SELECT key, value FROM tags WHERE run = ? ORDER BY key",
        (_key(connection, run_id),),
    )
    return dict(rows.fetchall())


def series(connection: sqlite3.Connection, run_id: str) -> dict[str, Summary]:
    """Return the summary of each series."""
    return curves.summaries(connection, _key(connection, run_id))


def points(
    connection: sqlite3.Connection,
    run_id: str,
    name: str,
    start: int,
    limit: int | None,
) -> Points:
    """Return points of one series; nothing for an unknown series."""
    return curves.points(connection, _key(connection, run_id), name, start, limit)


def _known_key(connection: sqlite3.Connection, run_id: str) -> int | None:
    try:
        row = connection.execute(
            "SELECT id FROM runs WHERE run_id = ?", (run_id,)
        ).fetchone()
    except UnicodeEncodeError:  # no stored id has a lone surrogate
        return None
    return None if row is None else cast("int", row[0])


def _key(connection: sqlite3.Connection, run_id: str) -> int:
    key = _known_key(connection, run_id)
    if key is None:
        raise RunNotFoundError(run_id)
    return key


def _about(text: str | None) -> Mapping[str, object] | None:
    return None if text is None else cast("dict[str, Value]", from_json(text))
