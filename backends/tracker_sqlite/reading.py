"""The answers about one run, each from one or two queries that an index serves."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import cast

from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.entries import ParamChange
from tracker_core.errors import RunNotFoundError
from tracker_core.records import ArtifactBody, Body, OrderKey, ParamsBody, StepBody
from tracker_core.runs import RunInfo, launched_steps
from tracker_core.stepinfo import StepInfo, step_infos
from tracker_core.values import Value, from_json
from tracker_core.wire import body_from_fields
from tracker_sqlite.columns import from_columns
from tracker_sqlite.lifecycle import (
    RUN_COLUMNS,
    info_from_row,
    life,
    mapping_from_json,
)

__all__ = [
    "artifact_history",
    "artifacts",
    "key_of",
    "metadata",
    "param_history",
    "params",
    "provenance",
    "run",
    "sources",
    "steps",
    "tags",
]

_HISTORY = """
SELECT attempt, time_ns, body FROM records WHERE run = ? AND kind = ?
ORDER BY attempt, time_ns, writer, sequence
"""
_STEPS = """
SELECT attempt, time_ns, writer, sequence, step, execution, status, cause FROM steps
WHERE run = ? ORDER BY attempt, time_ns, writer, sequence
"""
_ARTIFACTS = """
SELECT name, path, metadata, digest, size_bytes, media_type, kind, role
FROM artifacts WHERE run = ? ORDER BY name
"""


def run(connection: sqlite3.Connection, run_id: str) -> RunInfo:
    """Return who a run is and how it fares."""
    row = connection.execute(
        f"SELECT {RUN_COLUMNS} WHERE runs.id = ?", (key_of(connection, run_id),)
    ).fetchone()
    return info_from_row(row)


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
    rows = connection.execute(_ARTIFACTS, (_known_key(connection, run_id),))
    return {
        name: TrackerArtifact(name, path, mapping_from_json(about), *content)
        for name, path, about, *content in rows
    }


def artifact_history(
    connection: sqlite3.Connection, run_id: str, name: str
) -> list[TrackerArtifact]:
    """Return all artifacts of a name, the newest last."""
    bodies = (body for *_, body in _history(connection, run_id, "artifact"))
    return [
        TrackerArtifact(*body)
        for body in bodies
        if isinstance(body, ArtifactBody) and body.name == name
    ]


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
        (key_of(connection, run_id),),
    )
    return {key: from_columns(kind, value) for key, kind, value in rows}


def param_history(
    connection: sqlite3.Connection, run_id: str, key: str
) -> list[ParamChange]:
    """Return all values that a param was given, the last one last."""
    return [
        ParamChange(time_ns, attempt, body.values[key])
        for attempt, time_ns, body in _history(connection, run_id, "params")
        if isinstance(body, ParamsBody) and key in body.values
    ]


def tags(connection: sqlite3.Connection, run_id: str) -> dict[str, str]:
    """Return the last text of each tag."""
    rows = connection.execute(
        "SELECT key, value FROM tags WHERE run = ? ORDER BY key",
        (key_of(connection, run_id),),
    )
    return dict(rows.fetchall())


def provenance(connection: sqlite3.Connection, run_id: str) -> dict[str, Value]:
    """Return the last value of each key of the provenance."""
    rows = connection.execute(
        "SELECT key, type, value FROM provenance WHERE run = ? ORDER BY key",
        (key_of(connection, run_id),),
    )
    return {key: from_columns(kind, value) for key, kind, value in rows}


def steps(connection: sqlite3.Connection, run_id: str) -> list[StepInfo]:
    """Return the steps in the order in which they first began."""
    rows = connection.execute(_STEPS, (key_of(connection, run_id),))
    events: list[tuple[OrderKey, StepBody]] = [
        ((*place, 0), StepBody(name, execution, status, mapping_from_json(cause)))
        for *place, name, execution, status, cause in rows
    ]
    launches = launched_steps(life(connection, key_of(connection, run_id)))
    return step_infos(events, run(connection, run_id).attempts, launches)


def key_of(connection: sqlite3.Connection, run_id: str) -> int:
    """Return the key of a run in the tables.

    Raises:
        RunNotFoundError: There is no such run.
    """
    key = _known_key(connection, run_id)
    if key is None:
        raise RunNotFoundError(run_id)
    return key


def _known_key(connection: sqlite3.Connection, run_id: str) -> int | None:
    try:
        row = connection.execute(
            "SELECT id FROM runs WHERE run_id = ?", (run_id,)
        ).fetchone()
    except UnicodeEncodeError:  # no stored id has a lone surrogate
        return None
    return None if row is None else cast("int", row[0])


def _history(
    connection: sqlite3.Connection, run_id: str, kind: str
) -> Sequence[tuple[int, int, Body]]:
    rows = connection.execute(_HISTORY, (key_of(connection, run_id), kind))
    return [
        (attempt, time_ns, body_from_fields(kind, _fields(text)))
        for attempt, time_ns, text in rows
    ]


def _fields(text: str) -> Mapping[str, Value]:
    return cast("dict[str, Value]", from_json(text))
