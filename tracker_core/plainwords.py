"""Records in the words of the eight calls: as metadata under the reserved prefix."""

from collections.abc import Mapping
from copy import deepcopy

from tracker_core.bodies import RESERVED_PREFIX
from tracker_core.records import (
    ArtifactBody,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Record,
    SpanBody,
    StartedBody,
    TagsBody,
    series_name,
)
from tracker_core.values import Value

__all__ = [
    "ABOUT_ARTIFACT",
    "METRICS",
    "PARAMS",
    "PROVENANCE",
    "TAGS",
    "about_artifact",
    "as_metadata",
    "count_values",
]

PARAMS = f"{RESERVED_PREFIX}params."
TAGS = f"{RESERVED_PREFIX}tags."
METRICS = f"{RESERVED_PREFIX}metrics."
PROVENANCE = f"{RESERVED_PREFIX}provenance."
ABOUT_ARTIFACT = f"{RESERVED_PREFIX}artifact"
"""The key in an artifact's metadata that holds what is known of its content."""


def as_metadata(record: Record) -> dict[str, Value]:
    """Return what of a record can be said as metadata; nothing of some kinds."""
    match record.body:
        case ParamsBody(values):
            return _prefixed(PARAMS, values)
        case TagsBody(values):
            return _prefixed(TAGS, values)
        case ProvenanceBody(values):
            return _prefixed(PROVENANCE, values)
        case MetricsBody() | ColumnsBody() as body:
            return _prefixed(METRICS, _last_values(body))
        case body:
            return _prefixed(RESERVED_PREFIX, _lifecycle(body, record.time_ns))


def about_artifact(body: ArtifactBody) -> dict[str, Value] | None:
    """Return the metadata of an artifact, with what is known of its content."""
    if body.digest is None:
        return None if body.metadata is None else deepcopy(dict(body.metadata))
    known: dict[str, Value] = {
        "digest": body.digest,
        "size_bytes": body.size_bytes,
        "media_type": body.media_type,
        "kind": body.artifact_kind,
        "role": body.role,
        "has_metadata": body.metadata is not None,
    }
    return {**deepcopy(dict(body.metadata or {})), ABOUT_ARTIFACT: known}


def count_values(body: Body) -> int:
    """Return how many values of metrics a body brings."""
    match body:
        case MetricsBody(_, streams):
            return sum(map(len, streams.values()))
        case ColumnsBody(_, _, fields):
            return sum(map(len, fields.values()))
        case _:
            return 0


def _prefixed(prefix: str, values: Mapping[str, Value]) -> dict[str, Value]:
    return {f"{prefix}{key}": value for key, value in values.items()}


def _last_values(body: MetricsBody | ColumnsBody) -> dict[str, Value]:
    if isinstance(body, ColumnsBody):
        return {
            series_name(body.stream, field): column[-1]
            for field, column in body.fields.items()
        }
    return {
        series_name(stream, field): value
        for stream, fields in body.streams.items()
        for field, value in fields.items()
    }


def _lifecycle(body: Body, time_ns: int) -> Mapping[str, Value]:
    match body:
        case CreatedBody():
            said = {k: v for k, v in body._asdict().items() if v is not None}
            return {"status": "PENDING", "created_ns": time_ns, **said}
        case StartedBody():
            return {"status": "RUNNING", "started_ns": time_ns}
        case EndedBody(_, status, cause):
            why = None if cause is None else dict(cause)
            return {"status": status, "ended_ns": time_ns, "cause": why}
        case SpanBody():
            return {k: v for k, v in body._asdict().items() if v is not None}
        case _:
            return {}
