"""What the reads print with ``--json``: one object, the same from every backend.

Times are ISO 8601 in UTC. NaN and the infinities, which JSON lacks, are
``{"$float": "nan"}``, as everywhere in Tracker.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

import click

from tracker_core.cli.text import to_value
from tracker_core.datatypes import Lineage, TrackerArtifact, TrackerSource
from tracker_core.runs import Attempt, RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value, to_json

__all__ = [
    "artifact_values",
    "lineage_value",
    "mapping_value",
    "print_json",
    "run_value",
    "series_value",
    "source_values",
]

_VERSION = 1


def print_json(document: Mapping[str, Value]) -> None:
    """Print ``document`` with its version, in ASCII: no terminal obeys any of it."""
    tagged = json.loads(to_json({"version": _VERSION, **document}))
    text = json.dumps(tagged, indent=2)
    click.echo(text.replace("\x7f", "\\u007f"))


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
        "attempts": [_attempt_value(attempt) for attempt in info.attempts],
        "created_at": _time(info.created_at),
        "started_at": _time(info.started_at),
        "ended_at": _time(info.ended_at),
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
        }
        for artifact in artifacts
    ]


def source_values(sources: Iterable[TrackerSource]) -> list[Value]:
    """Return edges as their run sees them."""
    return [
        {"source_run_id": source.source_run_id, "artifact_name": source.artifact_name}
        for source in sources
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


def _attempt_value(attempt: Attempt) -> Value:
    return {
        "number": attempt.number,
        "status": attempt.status,
        "cause": _optional_mapping(attempt.cause),
        "started_at": _time(attempt.started_at),
        "ended_at": _time(attempt.ended_at),
    }


def _optional_mapping(values: Mapping[str, object] | None) -> Value:
    return None if values is None else mapping_value(values)


def _time(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
