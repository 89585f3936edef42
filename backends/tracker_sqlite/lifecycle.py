"""What a run is, folded from its life cycle into columns, and read back from them."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from tracker_core.runs import Attempt, LifecycleEvent, RunInfo, run_info, to_datetime
from tracker_core.values import Value, from_json, to_json
from tracker_core.wire import body_from_fields

__all__ = [
    "RUN_COLUMNS",
    "beat",
    "fold",
    "info_from_row",
    "life",
    "mapping_from_json",
    "show_span",
]

RUN_COLUMNS = (
    "runs.run_id, runs.name, experiments.name, group_id, parent_run_id, "
    "experiment_config, trace_id, span_id, status, cause, attempts, "
    "created_ns, started_ns, ended_ns, heartbeat_ns "
    "FROM runs LEFT JOIN experiments ON experiments.id = runs.experiment"
)

_FACTS = ("host", "exit_code", "peak_memory_bytes")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_SELECT_EVENTS = """
SELECT kind, attempt, time_ns, writer, sequence, body FROM records
WHERE run = ? AND kind IN ('created', 'started', 'ended')
ORDER BY attempt, time_ns, writer, sequence
"""
_UPDATE_RUN = """
UPDATE runs SET name = ?, experiment = (SELECT id FROM experiments WHERE name = ?),
    group_id = ?, parent_run_id = ?, experiment_config = ?, status = ?, cause = ?,
    attempts = ?, started_ns = ?, ended_ns = ?
WHERE id = ?
"""
_UPDATE_SPAN = """
UPDATE runs SET
    trace_id = (SELECT value FROM spans WHERE run = runs.id AND key = 'trace_id'),
    span_id = (SELECT value FROM spans WHERE run = runs.id AND key = 'span_id')
WHERE id = ?
"""
_UPDATE_HEARTBEAT = """
UPDATE runs SET heartbeat_ns = max(?, ifnull(heartbeat_ns, 0)) WHERE run_id = ?
"""


def beat(connection: sqlite3.Connection, run_id: str, time_ns: int) -> None:
    """Note that a run was alive; nothing happens for an unknown one."""
    connection.execute(_UPDATE_HEARTBEAT, (time_ns, run_id))


def life(connection: sqlite3.Connection, run: int) -> list[LifecycleEvent]:
    """Return the life-cycle records of a run, in their order."""
    return [_event(row) for row in connection.execute(_SELECT_EVENTS, (run,))]


def fold(connection: sqlite3.Connection, run: int, run_id: str) -> None:
    """Bring the columns of a run in line with all its life-cycle records."""
    info = run_info(run_id, None, life(connection, run))
    if info.experiment is not None:
        connection.execute(
            "INSERT INTO experiments (name) VALUES (?) ON CONFLICT DO NOTHING",
            (info.experiment,),
        )
    columns = (
        *(info.name, info.experiment, info.group_id, info.parent_run_id),
        *(_to_json(info.experiment_config), info.status, _to_json(info.cause)),
        _attempts_to_json(info.attempts),
        *(_to_ns(info.started_at), _to_ns(info.ended_at)),
    )
    connection.execute(_UPDATE_RUN, (*columns, run))


def show_span(connection: sqlite3.Connection, run: int) -> None:
    """Bring the columns of a run in line with the last that its spans say."""
    connection.execute(_UPDATE_SPAN, (run,))


def info_from_row(row: tuple[object, ...]) -> RunInfo:
    """Return what a row of :data:`RUN_COLUMNS` says."""
    *who, status, cause, attempts, created_ns, started_ns, ended_ns, beaten_ns = row
    run_id, name, experiment, group_id, parent_run_id, config, *span = who
    return RunInfo(
        run_id=cast("str", run_id),
        name=cast("str", name),
        experiment=cast("str | None", experiment),
        group_id=cast("str | None", group_id),
        parent_run_id=cast("str | None", parent_run_id),
        status=cast("str | None", status),
        cause=mapping_from_json(cast("str | None", cause)),
        attempts=_attempts(cast("str", attempts)),
        created_at=to_datetime(cast("int", created_ns)),
        started_at=_time(cast("int | None", started_ns)),
        ended_at=_time(cast("int | None", ended_ns)),
        experiment_config=mapping_from_json(cast("str | None", config)),
        trace_id=cast("str | None", span[0]),
        span_id=cast("str | None", span[1]),
        heartbeat_at=_time(cast("int | None", beaten_ns)),
    )


def mapping_from_json(text: str | None) -> Mapping[str, Value] | None:
    """Return the mapping that a column holds as JSON, or None where it is NULL."""
    return None if text is None else cast("dict[str, Value]", from_json(text))


def _event(row: tuple[str, int, int, str, int, str]) -> LifecycleEvent:
    kind, attempt, time_ns, writer, sequence, text = row
    body = body_from_fields(kind, cast("dict[str, Value]", from_json(text)))
    key = (attempt, time_ns, writer, sequence, 0)
    return cast("LifecycleEvent", (key, body))


def _to_json(mapping: Mapping[str, Value] | None) -> str | None:
    return None if mapping is None else to_json(dict(mapping))


def _attempts_to_json(attempts: tuple[Attempt, ...]) -> str:
    return to_json(
        [
            {
                "number": attempt.number,
                "status": attempt.status,
                "cause": None if attempt.cause is None else dict(attempt.cause),
                "started_ns": _to_ns(attempt.started_at),
                "ended_ns": _to_ns(attempt.ended_at),
                **{fact: getattr(attempt, fact) for fact in _FACTS},
            }
            for attempt in attempts
        ]
    )


def _attempts(text: str) -> tuple[Attempt, ...]:
    if text == "[]":
        return ()
    return tuple(
        Attempt(
            number=cast("int", row["number"]),
            status=cast("str", row["status"]),
            cause=_cause(row["cause"]),
            started_at=to_datetime(cast("int", row["started_ns"])),
            ended_at=_time(cast("int | None", row["ended_ns"])),
            # Rows of before these were kept have none.
            host=cast("str | None", row.get("host")),
            exit_code=cast("int | None", row.get("exit_code")),
            peak_memory_bytes=cast("int | None", row.get("peak_memory_bytes")),
        )
        for row in cast("list[dict[str, Value]]", from_json(text))
    )


def _cause(value: Value) -> Mapping[str, Value] | None:
    return cast("dict[str, Value] | None", value)


def _time(time_ns: int | None) -> datetime | None:
    return None if time_ns is None else to_datetime(time_ns)


def _to_ns(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND * 1000
