"""What the reads print with ``--json``: one object, the same from every backend.

Times are ISO 8601 in UTC. NaN and the infinities, which JSON lacks, are
``{"$float": "nan"}``, as everywhere in Tracker.
"""

import json
from collections.abc import Iterable, Mapping

import click

from tracker_core.cli.text import to_value
from tracker_core.cli.times import time_value
from tracker_core.datatypes import Lineage, TrackerArtifact, TrackerSource
from tracker_core.entries import LogEntry
from tracker_core.runs import Attempt, RunInfo, to_datetime
from tracker_core.stepinfo import StepInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value, to_json

__all__ = [
    "artifact_values",
    "lineage_value",
    "log_values",
    "mapping_value",
    "print_json",
    "print_json_line",
    "run_value",
    "series_value",
    "source_values",
    "step_values",
]

_VERSION = 1


def print_json(document: Mapping[str, Value], *, with_version: bool = True) -> None:
    """Print ``document`` in ASCII: no terminal obeys any of it.

    Args:
        document: The object.
        with_version: Whether its shape is ours, and so has our version.
    """
    version: dict[str, Value] = {"version": _VERSION} if with_version else {}
    _print_tagged({**version, **document}, indent=2)


def print_json_line(document: Mapping[str, Value]) -> None:
    """Print one of many documents that come one after the other, each a line."""
    _print_tagged({"version": _VERSION, **document}, indent=None)


def run_value(info: RunInfo) -> dict[str, Value]:
    """Return who a run is and how it fares."""
    return {
        "run_id": info.run_id,
        "name": info.name,
        "experiment": info.experiment,
        "group_id": info.group_id,
        "parent_run_id": info.parent_run_id,
        "status": info.status,
        "cause": _optional_mapping(info.cause),
        "attempts": [_run_attempt_value(attempt) for attempt in info.attempts],
        "created_at": time_value(info.created_at),
        "started_at": time_value(info.started_at),
        "ended_at": time_value(info.ended_at),
        "heartbeat_at": time_value(info.heartbeat_at),
        "is_lost": info.is_lost(),
        "experiment_config": _optional_mapping(info.experiment_config),
        "trace_id": info.trace_id,
        "span_id": info.span_id,
    }


def mapping_value(values: Mapping[str, object]) -> dict[str, Value]:
    """Return metadata, params or tags."""
    return {str(key): to_value(value) for key, value in values.items()}


def series_value(series: Mapping[str, Summary]) -> dict[str, Value]:
    """Return the summaries by the names of their series."""
    return {name: mapping_value(summary._asdict()) for name, summary in series.items()}


def artifact_values(artifacts: Iterable[TrackerArtifact]) -> list[Value]:
    """Return artifacts."""
    return [
        {
            "name": artifact.name,
            "path": artifact.path,
            "metadata": _optional_mapping(artifact.metadata),
            "digest": artifact.digest,
            "size_bytes": artifact.size_bytes,
            "media_type": artifact.media_type,
            "kind": artifact.kind,
            "role": artifact.role,
        }
        for artifact in artifacts
    ]


def source_values(sources: Iterable[TrackerSource]) -> list[Value]:
    """Return edges as their run sees them."""
    return [
        {"source_run_id": source.source_run_id, "artifact_name": source.artifact_name}
        for source in sources
    ]


def step_values(steps: Iterable[StepInfo]) -> list[Value]:
    """Return steps with their attempts."""
    return [
        {
            "name": step.name,
            "status": step.status,
            "attempts": [_attempt_value(attempt) for attempt in step.attempts],
        }
        for step in steps
    ]


def log_values(logs: Iterable[LogEntry]) -> list[dict[str, Value]]:
    """Return messages."""
    return [
        {
            "time": time_value(to_datetime(entry.time_ns)),
            "level": entry.level,
            "message": entry.message,
            "metadata": _optional_mapping(entry.metadata),
        }
        for entry in logs
    ]


def lineage_value(lineage: Lineage) -> dict[str, Value]:
    """Return relatives by their distance, and the edges."""
    return {
        "parents": list(lineage.parents),
        "children": list(lineage.children),
        "ancestors": list(lineage.ancestors),
        "descendants": list(lineage.descendants),
        "edges": [
            {
                "run_id": edge.run_id,
                "source_run_id": edge.source_run_id,
                "artifact_name": edge.artifact_name,
            }
            for edge in lineage.edges
        ],
    }


def _print_tagged(document: Mapping[str, Value], indent: int | None) -> None:
    text = json.dumps(json.loads(to_json(dict(document))), indent=indent)
    click.echo(text.replace("\x7f", "\\u007f"))


def _run_attempt_value(attempt: Attempt) -> Value:
    return {
        **_attempt_value(attempt),
        "host": attempt.host,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "peak_memory_bytes": attempt.peak_memory_bytes,
    }


def _attempt_value(attempt: Attempt) -> dict[str, Value]:
    return {
        "number": attempt.number,
        "status": attempt.status,
        "cause": _optional_mapping(attempt.cause),
        "started_at": time_value(attempt.started_at),
        "ended_at": time_value(attempt.ended_at),
        "duration": attempt.duration,
    }


def _optional_mapping(values: Mapping[str, object] | None) -> Value:
    return None if values is None else mapping_value(values)
