"""Eight-method trackers, made to take records.

:class:`PlainTracker` wraps any object with the eight calls, calling nothing else of
it. Metadata, artifacts and sources go to their calls. What the eight have no call for
becomes metadata under one reserved prefix, hidden from the wrapper's own reads and
visible in the raw ones:

====================================  ==============================================
``tracker.params.<key>``              the last value of a param
``tracker.tags.<key>``                the last text of a tag
``tracker.metrics.<series>``          the last value of a series
``tracker.status``, ``.cause``        the life cycle
``tracker.name``, ``.experiment``, …  who the run is
====================================  ==============================================

What cannot be held – the history of a series, a call that the tracker does not
implement – is counted in :attr:`PlainTracker.degraded`, never dropped in silence. A
record is delivered at least once, in the order of its writer.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, TypeVar, cast
from weakref import WeakValueDictionary

from tracker_core.api import RESERVED_PREFIX, Capability, NativeTracker, TrackerBase
from tracker_core.errors import ConfigError, NotSupportedError, RunNotFoundError
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    Record,
    SourceBody,
    StartedBody,
    TagsBody,
    UnknownBody,
    series_name,
)
from tracker_core.values import Value
from tracker_core.wire import body_kind

if TYPE_CHECKING:
    from datetime import datetime

    from tracker_core.datatypes import TrackerArtifact, TrackerSource
    from tracker_core.points import Points
    from tracker_core.runs import RunInfo
    from tracker_core.summaries import Summary

__all__ = ["PlainTracker", "native"]

_T = TypeVar("_T")

_PARAMS = f"{RESERVED_PREFIX}params."
_TAGS = f"{RESERVED_PREFIX}tags."
_METRICS = f"{RESERVED_PREFIX}metrics."


class PlainTracker(NativeTracker):
    """An eight-method tracker behind the interface of a native one.

    Args:
        tracker: An object that has the eight calls, whatever its class.

    Attributes:
        raw: That object.
        degraded: How many things it could not hold, by kind of record.

    Raises:
        ConfigError: One of the eight is missing, or it is a class.
    """

    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, tracker: object) -> None:
        """Wrap ``tracker`` without calling it."""
        if isinstance(tracker, type):
            message = f"{tracker.__name__} is a class; give an object of it"
            raise ConfigError(message)
        missing = [
            name
            for name in sorted(TrackerBase.__abstractmethods__)
            if not callable(getattr(tracker, name, None))
        ]
        if missing:
            message = (
                f"{type(tracker).__name__} is no tracker: it lacks "
                f"{', '.join(missing)}; derive it from tracker_core.TrackerBase"
            )
            raise ConfigError(message)
        self.raw: TrackerBase = cast("TrackerBase", tracker)
        self.degraded: Counter[str] = Counter()

    def write(self, batch: Batch) -> None:
        """Deliver the records one by one; a failure may leave the first ones taken."""
        for record in batch.records:
            self._write_record(batch.run_id, record)

    def run(self, run_id: str) -> "RunInfo":
        """Return what the metadata under the reserved prefix tells of the run."""
        self._require(run_id)
        return self._info(run_id)

    def runs(self, limit: int | None = None) -> "Sequence[RunInfo]":
        """Return the runs, the newest first; those without a time come last."""
        infos = [self._info(run_id) for run_id in self._raw_run_ids()]
        infos.sort(key=lambda info: info.run_id, reverse=True)
        infos.sort(key=_created, reverse=True)
        return infos[:limit]

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the metadata that is not under the reserved prefix."""
        return {
            key: value
            for key, value in sorted(self._raw_metadata(run_id).items())
            if not key.startswith(RESERVED_PREFIX)
        }

    def artifacts(self, run_id: str) -> "Mapping[str, TrackerArtifact]":
        """Return the artifacts that the tracker tells of, in our own type."""
        from tracker_core.datatypes import TrackerArtifact

        found = _or_empty(self.raw.artifacts, run_id)
        return {
            name: TrackerArtifact(
                found[name].name, found[name].path, found[name].metadata
            )
            for name in sorted(found)
        }

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> "Sequence[TrackerSource]":
        """Return the edges that the tracker tells of, in our own type."""
        from tracker_core.datatypes import TrackerSource

        try:
            found = list(self.raw.sources(run_id))
        except NotImplementedError:
            return []
        kept = {
            TrackerSource(edge.source_run_id, edge.artifact_name)
            for edge in found
            if artifact_name is None or edge.artifact_name == artifact_name
        }
        return sorted(kept, key=lambda e: (e.source_run_id, e.artifact_name or ""))

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Return the params kept under the reserved prefix."""
        self._require(run_id)
        return self._kept(run_id, _PARAMS)

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the tags kept under the reserved prefix."""
        self._require(run_id)
        return {key: str(text) for key, text in self._kept(run_id, _TAGS).items()}

    def series(self, run_id: str) -> "Mapping[str, Summary]":
        """Return the last value of each series; the rest of each summary is None."""
        from tracker_core.summaries import Summary

        self._require(run_id)
        nothing = Summary(None, None, None, None, None, None, None, None)
        return {
            name: nothing._replace(last=value)
            for name, value in self._kept(run_id, _METRICS).items()
        }

    def points(
        self, run_id: str, series: str, start_index: int = 0, limit: int | None = None
    ) -> "Points":
        """Refuse: eight calls cannot hold the history of a series."""
        del start_index, limit
        message = (
            f"a plain tracker holds only the last value of {series!r} of run "
            f"{run_id!r}; read the points from a native one"
        )
        raise NotSupportedError(message)

    def close(self) -> None:
        """Close the tracker if it can be closed."""
        close = getattr(self.raw, "close", None)
        if callable(close):
            close()

    def _write_record(self, run_id: str, record: Record) -> None:
        body = record.body
        try:
            match body:
                # Copies, since all backends of a run are given one and the same record.
                case MetadataBody(values):
                    self.raw.add_metadata(run_id, **deepcopy(dict(values)))
                case ArtifactBody(name, path, metadata):
                    self.raw.add_artifact(run_id, name, path, deepcopy(metadata))
                case SourceBody(source_run_id, artifact_name):
                    self.raw.add_source(run_id, source_run_id, artifact_name)
                case _:
                    self._write_as_metadata(run_id, record)
        except NotImplementedError:
            self.degraded[body_kind(body)] += 1

    def _write_as_metadata(self, run_id: str, record: Record) -> None:
        values = _as_metadata(record)
        if isinstance(record.body, MetricsBody):
            self.degraded["metrics"] += len(values)
        if values:
            self.raw.add_metadata(run_id, **deepcopy(values))
        elif isinstance(record.body, UnknownBody):
            self.degraded[body_kind(record.body)] += 1

    def _raw_metadata(self, run_id: str) -> Mapping[str, Value]:
        found = _or_empty(self.raw.metadata, run_id)
        return cast("Mapping[str, Value]", found)

    def _raw_run_ids(self) -> list[str]:
        try:
            return list(self.raw.run_ids())
        except NotImplementedError:
            return []

    def _kept(self, run_id: str, prefix: str) -> dict[str, Value]:
        return {
            key.removeprefix(prefix): value
            for key, value in sorted(self._raw_metadata(run_id).items())
            if key.startswith(prefix)
        }

    def _require(self, run_id: str) -> None:
        if not (
            self._raw_metadata(run_id)
            or self.artifacts(run_id)
            or self.sources(run_id)
            or run_id in self._raw_run_ids()
        ):
            raise RunNotFoundError(run_id)

    def _info(self, run_id: str) -> "RunInfo":
        from tracker_core.identity import friendly_name
        from tracker_core.runs import RunInfo

        kept = self._kept(run_id, RESERVED_PREFIX)
        return RunInfo(
            run_id=run_id,
            name=_text(kept, "name") or friendly_name(run_id),
            experiment=_text(kept, "experiment"),
            group_id=_text(kept, "group_id"),
            parent_run_id=_text(kept, "parent_run_id"),
            status=_text(kept, "status"),
            cause=cast("Mapping[str, Value] | None", kept.get("cause")),
            attempts=(),
            created_at=_time(kept, "created_ns"),
            started_at=_time(kept, "started_ns"),
            ended_at=_time(kept, "ended_ns"),
        )


_wrappers: WeakValueDictionary[int, PlainTracker] = WeakValueDictionary()


def native(tracker: object) -> NativeTracker:
    """Return ``tracker`` itself if it is native, else its wrapper.

    One object has one wrapper for as long as that is in use, so that calls to it are
    made one at a time whichever runs they come from.

    Raises:
        ConfigError: It is no tracker.
    """
    if isinstance(tracker, NativeTracker):
        return tracker
    wrapper = _wrappers.get(id(tracker))
    if wrapper is None:
        wrapper = _wrappers.setdefault(id(tracker), PlainTracker(tracker))
    return wrapper


def _as_metadata(record: Record) -> dict[str, Value]:
    match record.body:
        case ParamsBody(values):
            return {f"{_PARAMS}{key}": value for key, value in values.items()}
        case TagsBody(values):
            return {f"{_TAGS}{key}": text for key, text in values.items()}
        case MetricsBody(_, streams):
            return {
                f"{_METRICS}{series_name(stream, field)}": value
                for stream, fields in streams.items()
                for field, value in fields.items()
            }
        case _:
            return {
                f"{RESERVED_PREFIX}{key}": value
                for key, value in _lifecycle(record.body, record.time_ns).items()
            }


def _lifecycle(body: Body, time_ns: int) -> dict[str, Value]:
    match body:
        case CreatedBody():
            said = {k: v for k, v in body._asdict().items() if v is not None}
            return {"status": "PENDING", "created_ns": time_ns, **said}
        case StartedBody():
            return {"status": "RUNNING", "started_ns": time_ns}
        case EndedBody(_, status, cause):
            why = None if cause is None else dict(cause)
            return {"status": status, "ended_ns": time_ns, "cause": why}
        case _:
            return {}


def _or_empty(call: Callable[[str], Mapping[str, _T]], run_id: str) -> Mapping[str, _T]:
    try:
        return call(run_id)
    except NotImplementedError:
        return {}


def _text(kept: Mapping[str, Value], key: str) -> str | None:
    value = kept.get(key)
    return value if isinstance(value, str) else None


def _time(kept: Mapping[str, Value], key: str) -> "datetime | None":
    from tracker_core.runs import to_datetime

    value = kept.get(key)
    return to_datetime(value) if isinstance(value, int) else None


def _created(info: "RunInfo") -> float:
    return info.created_at.timestamp() if info.created_at else float("-inf")
