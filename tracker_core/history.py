"""One run as its records tell it: the model of what every tracker must answer.

A :class:`RunHistory` takes batches in any order, each record once, and answers the
reads of a native tracker for its run. Trackers that keep records as they are (memory,
directories) answer from it; trackers with a schema of their own are compared with it.
"""

from bisect import insort
from collections.abc import Mapping
from copy import deepcopy

from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.points import Points
from tracker_core.records import (
    ArtifactBody,
    Batch,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    OrderKey,
    ParamsBody,
    Record,
    SourceBody,
    StartedBody,
    TagsBody,
    Writer,
    order_key,
    series_name,
)
from tracker_core.runs import LifecycleEvent, RunInfo, run_info
from tracker_core.summaries import SeriesState, Summary
from tracker_core.taken import Taken
from tracker_core.values import Value

__all__ = ["RunHistory"]

_Latest = dict[str, tuple[OrderKey, Value]]


class RunHistory:
    """The records of one run, folded into what is read from them.

    Mappings come sorted by key and share no mutable part with what was logged.
    Not safe for use by several threads at once.
    """

    def __init__(self, run_id: str) -> None:
        """Begin a run without records."""
        self.run_id = run_id
        self._taken: dict[str, Taken] = {}
        self._created_ns: int | None = None
        self._events: list[LifecycleEvent] = []
        self._metadata: _Latest = {}
        self._params: _Latest = {}
        self._tags: _Latest = {}
        self._artifacts: dict[str, tuple[OrderKey, ArtifactBody]] = {}
        self._sources: set[SourceBody] = set()
        self._points: dict[str, list[tuple[OrderKey, int | None, Value]]] = {}
        self._states: dict[str, SeriesState] = {}

    def add(self, batch: Batch) -> None:
        """Take the records of ``batch`` that were not taken yet."""
        taken = self._taken.get(batch.writer.id, Taken())
        for record in taken.missing(batch):
            self._add_record(batch.writer, record)
        self._taken[batch.writer.id] = taken.plus(batch.first, batch.last)

    @property
    def created_ns(self) -> int:
        """The time of the first record, in nanoseconds since 1970; 0 without any."""
        return self._created_ns or 0

    def info(self) -> RunInfo:
        """Return who the run is and how it fares; at least one record is needed."""
        return run_info(self.run_id, self.created_ns, deepcopy(self._events))

    def metadata(self) -> dict[str, Value]:
        """Return the last value of each metadata key."""
        return _latest(self._metadata)

    def params(self) -> dict[str, Value]:
        """Return the last value of each param."""
        return _latest(self._params)

    def tags(self) -> dict[str, str]:
        """Return the last text of each tag."""
        return {key: str(text) for key, text in _latest(self._tags).items()}

    def artifacts(self) -> dict[str, TrackerArtifact]:
        """Return the newest artifact of each name."""
        return {
            name: TrackerArtifact(body.name, body.path, deepcopy(body.metadata))
            for name, (_, body) in sorted(self._artifacts.items())
        }

    def sources(self, artifact_name: str | None = None) -> list[TrackerSource]:
        """Return the edges, or those of one label, each once and sorted."""
        edges = sorted(self._sources, key=lambda edge: (edge[0], edge[1] or ""))
        return [
            TrackerSource(*edge)
            for edge in edges
            if artifact_name is None or edge.artifact_name == artifact_name
        ]

    def series(self) -> dict[str, Summary]:
        """Return the summary of each series."""
        return {
            name: deepcopy(state.summary())
            for name, state in sorted(self._states.items())
        }

    def points(
        self, series: str, start_index: int = 0, limit: int | None = None
    ) -> Points:
        """Return points of a series in order; an unknown series has none."""
        stop = None if limit is None else start_index + limit
        rows = self._points.get(series, [])[start_index:stop]
        columns = ((step, key[1], deepcopy(value)) for key, step, value in rows)
        return Points(columns, start_index)

    def _add_record(self, writer: Writer, record: Record) -> None:
        if self._created_ns is None or record.time_ns < self._created_ns:
            self._created_ns = record.time_ns
        key = order_key(writer, record)
        match record.body:
            case MetadataBody(values):
                _keep_latest(self._metadata, key, values)
            case ParamsBody(values):
                _keep_latest(self._params, key, values)
            case TagsBody(values):
                _keep_latest(self._tags, key, values)
            case MetricsBody(step, streams):
                self._add_metrics(writer, record, step, streams)
            case ArtifactBody() as body:
                self._add_artifact(key, body)
            case SourceBody() as body:
                self._sources.add(body)
            case CreatedBody() | StartedBody() | EndedBody() as body:
                self._events.append((key, body))

    def _add_artifact(self, key: OrderKey, body: ArtifactBody) -> None:
        if body.name not in self._artifacts or key > self._artifacts[body.name][0]:
            self._artifacts[body.name] = (key, body)

    def _add_metrics(
        self,
        writer: Writer,
        record: Record,
        step: int | None,
        streams: Mapping[str, Mapping[str, Value]],
    ) -> None:
        for row, (stream, fields) in enumerate(streams.items()):
            key = order_key(writer, record, row)
            for field, value in fields.items():
                name = series_name(stream, field)
                points = self._points.setdefault(name, [])
                insort(points, (key, step, value), key=lambda point: point[0])
                self._states.setdefault(name, SeriesState()).add(key, step, value)


def _keep_latest(latest: _Latest, key: OrderKey, values: Mapping[str, Value]) -> None:
    for name, value in values.items():
        if name not in latest or key > latest[name][0]:
            latest[name] = (key, value)


def _latest(latest: _Latest) -> dict[str, Value]:
    return {name: deepcopy(latest[name][1]) for name in sorted(latest)}
