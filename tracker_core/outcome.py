"""What a run has come to, as one batch: its last values, and how it ended.

It is what a tracker without history can be given of a run, and all that one can give.
The writer follows from what is said, so the same outcome is the same batch, and another
one is said by somebody else.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tracker_core.bodies import source_body
from tracker_core.identity import friendly_name
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Record,
    SpanBody,
    StartedBody,
    TagsBody,
)
from tracker_core.retelling import retold_writer
from tracker_core.runs import RunInfo
from tracker_core.values import Value, check_mapping, check_value
from tracker_core.wire import body_kind, body_to_fields

if TYPE_CHECKING:
    from tracker_core.api import NativeTracker
    from tracker_core.datatypes import TrackerArtifact

__all__ = ["outcome_batch"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def outcome_batch(tracker: "NativeTracker", run_id: str, now_ns: int) -> Batch:
    """Return what a run has come to.

    Args:
        tracker: The tracker that is asked; no history is needed.
        run_id: The run.
        now_ns: The time of what it holds, since it does not tell when that was said.

    Raises:
        RunNotFoundError: The tracker does not hold the run.
        UnsupportedTypeError: It holds a value of a type that cannot be kept.
        InvalidValueError: It holds a value outside what is allowed.
    """
    life = list(_life(tracker.run(run_id), now_ns))
    held = [(now_ns, body) for body in _held(tracker, run_id)]
    said = life + held or [(now_ns, MetadataBody({}))]
    records = []
    last_ns = 0
    for sequence, (time_ns, body) in enumerate(said, 1):
        last_ns = max(last_ns, time_ns)
        records.append(Record(sequence, last_ns, body))
    writer = retold_writer([_said(body) for _, body in said])
    return Batch(run_id, writer, 1, len(records), tuple(records))


def _life(run: RunInfo, now_ns: int) -> Iterator[tuple[int, Body]]:
    created = _created(run)
    if run.status is None and created == CreatedBody():
        return
    created_ns = _to_ns(run.created_at, now_ns)
    yield created_ns, created
    if run.status not in (None, "PENDING"):
        yield _to_ns(run.started_at, created_ns), StartedBody("launcher")
    if run.status not in (None, "PENDING", "RUNNING"):
        ended = EndedBody("launcher", run.status, run.cause)
        yield _to_ns(run.ended_at, now_ns), ended


def _created(run: RunInfo) -> CreatedBody:
    return CreatedBody(
        None if run.name == friendly_name(run.run_id) else run.name,
        run.experiment,
        run.group_id,
        run.parent_run_id,
        run.experiment_config,
    )


def _held(tracker: "NativeTracker", run_id: str) -> Iterator[Body]:
    run = tracker.run(run_id)
    bodies: tuple[Body, ...] = (
        SpanBody(run.trace_id, run.span_id),
        ProvenanceBody(tracker.provenance(run_id)),
        ParamsBody(tracker.params(run_id)),
        TagsBody(tracker.tags(run_id)),
        # Somebody else may have written it.
        MetadataBody(check_mapping(tracker.metadata(run_id), "metadata")),
        MetricsBody(None, _last_values(tracker, run_id)),
    )
    yield from (body for body in bodies if any(body))
    for artifact in tracker.artifacts(run_id).values():
        yield _artifact(artifact)
    for edge in tracker.sources(run_id):
        yield source_body(edge.source_run_id, edge.artifact_name)


def _last_values(tracker: "NativeTracker", run_id: str) -> dict[str, dict[str, Value]]:
    streams: dict[str, dict[str, Value]] = {}
    for name, summary in tracker.series(run_id).items():
        stream, _, field = name.rpartition("/")
        streams.setdefault(stream, {})[field] = summary.last
    return streams


def _artifact(told: "TrackerArtifact") -> ArtifactBody:
    about = told.metadata
    return ArtifactBody(
        told.name,
        told.path,
        None if about is None else check_mapping(about, f"artifact {told.name!r}"),
        told.digest,
        told.size_bytes,
        told.media_type,
        told.kind,
        told.role,
    )


def _said(body: Body) -> Value:
    return check_value([body_kind(body), body_to_fields(body)], "a record")


def _to_ns(at: datetime | None, otherwise_ns: int) -> int:
    return otherwise_ns if at is None else (at - _EPOCH) // _MICROSECOND * 1000
