"""What of a batch shows in MLflow's own pages: params, metrics, tags, files.

All of it is a view for people and for MLflow's own tools. What reads back exactly are
the batches themselves (:mod:`tracker_mlflow.batches`), so nothing here needs to be
reversible.

=================  ====================================================================
params             params; a later value of one, which MLflow refuses, is the tag
                   ``tracker.param.<key>``
metrics            metrics, numbers alone; the step of a point without one is its
                   record's number. Other values are the tag ``tracker.value.<series>``
tags, metadata     tags
artifacts          files; a reference is the tag ``tracker.artifact.<name>``
logs, tracks       files of text in ``logs``, and of JSON lines in ``tracks``
sources            tags ``tracker.source.<run id>``
who it is          run name, experiment, parent, commit, group
status             SCHEDULED, RUNNING, FINISHED, FAILED, KILLED
=================  ====================================================================
"""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from mlflow.entities import Metric

from tracker_core.gathered import Gathered, without_points
from tracker_core.records import (
    ArtifactBody,
    Batch,
    ColumnsBody,
    CreatedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Record,
    SourceBody,
    SpanBody,
    TagsBody,
    TrackBody,
    series_name,
)
from tracker_core.values import Value, to_json
from tracker_mlflow.names import LONGEST_TAG, cut, shown_key

__all__ = ["Shown", "shown"]

_NS_PER_MS = 1_000_000
_LONGEST_STEP = 2**63 - 1


class Shown(NamedTuple):
    """What MLflow is given of a batch.

    Args:
        params: Shown key → text.
        metrics: The points.
        tags: Shown key → text.
        logs: Lines of text.
        tracks: Lines of JSON.
    """

    params: dict[str, str]
    metrics: list[Metric]
    tags: dict[str, str]
    logs: list[str]
    tracks: list[str]


def shown(batch: Batch) -> Shown:
    """Return what is shown of a batch."""
    found = Shown({}, [], {}, [], [])
    records = batch.records
    if isinstance(records, Gathered):
        found.metrics.extend(_gathered(records, found.tags))
    for record in without_points(records):
        _add(found, record)
    return found


def _text_of(value: Value) -> str:
    """Return a value as MLflow's pages show it: text as it is, the rest as Python."""
    if isinstance(value, dict | list):
        return to_json(value)
    return str(value)


def _add(found: Shown, record: Record) -> None:
    match record.body:
        case ParamsBody(values):
            for key, value in values.items():
                found.params[_named(key, found.tags)] = _text_of(value)
        case MetadataBody(values) | TagsBody(values):
            for key, value in values.items():
                _tag(found.tags, _own(key), _text_of(value))
        case MetricsBody() | ColumnsBody():
            found.metrics.extend(_points(record, found.tags))
        case LogBody():
            found.logs.append(_log_line(record, record.body))
        case TrackBody(topic, timestamp, fields):
            line = {"topic": topic, "timestamp": timestamp, **fields}
            found.tracks.append(to_json(line))
        case body:
            for key, text in _told(body):
                _tag(found.tags, key, text)


def _told(body: object) -> Iterator[tuple[str, str]]:
    """Give the tags of what happens once or rarely."""
    match body:
        case ArtifactBody(name, path, _, None):
            yield f"tracker.artifact.{name}", path
        case SourceBody(source, label):
            yield f"tracker.source.{source}", label or ""
        case SpanBody(trace_id, span_id):
            yield from _given("tracker.", {"trace_id": trace_id, "span_id": span_id})
        case CreatedBody():
            yield from _given("tracker.", {"group": body.group_id})
            yield from _given("mlflow.", {"runName": body.name})
        case ProvenanceBody(values):
            yield from _given("mlflow.", _mlflow_source(values))


def _mlflow_source(values: Mapping[str, Value]) -> dict[str, str | None]:
    found = values.get("code")
    code = found if isinstance(found, dict) else {}
    return {
        "source.git.commit": _text(code.get("commit")),
        "source.git.branch": _text(code.get("branch")),
        "source.git.repoURL": _text(code.get("remote")),
    }


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) and value else None


def _given(prefix: str, texts: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for key, text in texts.items():
        if text is not None:
            yield prefix + key, text


def _gathered(records: Gathered, tags: dict[str, str]) -> Iterator[Metric]:
    for (stream, field), columns in records.points.items():
        key = _named(series_name(stream, field), tags)
        for sequence, time_ns, _, step, value in zip(*columns, strict=True):
            yield _metric(key, value, time_ns, sequence if step is None else step)


def _points(record: Record, tags: dict[str, str]) -> Iterator[Metric]:
    for stream, step, fields in _rows(record.body):
        for field, value in fields.items():
            series = series_name(stream, field)
            if isinstance(value, int | float) and _is_shown(value):
                number = record.sequence if step is None else step
                key = _named(series, tags)
                yield _metric(key, value, record.time_ns, number)
            else:
                _tag(tags, f"tracker.value.{series}", _text_of(value))


def _rows(body: object) -> Iterator[tuple[str, int | None, Mapping[str, Value]]]:
    if isinstance(body, MetricsBody):
        for stream, fields in body.streams.items():
            yield stream, body.step, fields
    if isinstance(body, ColumnsBody):
        names = list(body.fields)
        for number, values in enumerate(zip(*body.fields.values(), strict=True)):
            step = None if body.steps is None else body.steps[number]
            yield body.stream, step, dict(zip(names, values, strict=True))


def _metric(key: str, value: float, time_ns: int, step: int) -> Metric:
    return Metric(key, float(value), time_ns // _NS_PER_MS, min(step, _LONGEST_STEP))


def _is_shown(value: float) -> bool:
    try:
        return math.isnan(value) or float(value) is not None
    except OverflowError:
        return False


def _log_line(record: Record, body: LogBody) -> str:
    time = datetime.fromtimestamp(record.time_ns / 1e9, UTC).isoformat(
        " ", "milliseconds"
    )
    about = f" {to_json(dict(body.metadata))}" if body.metadata else ""
    return f"{time} {body.level.upper():5} {body.message}{about}"


def _own(key: str) -> str:
    """Return the key of somebody's tag, which must not look like one of ours."""
    return f"tag.{key}" if key.startswith("tracker.") else key


def _named(name: str, tags: dict[str, str]) -> str:
    """Return the shown form of a name, and tell the true one where that differs."""
    key = shown_key(name)
    if key != name:
        tags[f"tracker.name.{key}"[:250]] = cut(name, LONGEST_TAG)
    return key


def _tag(tags: dict[str, str], key: str, text: str) -> None:
    tags[_named(key, tags)] = cut(text, LONGEST_TAG)
