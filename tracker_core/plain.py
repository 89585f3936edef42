"""Eight-method trackers, made to take records.

:class:`PlainTracker` wraps any object with the eight calls, calling nothing else of
it. Metadata, artifacts and sources go to their calls. What the eight have no call for
becomes metadata under one reserved prefix, hidden from the wrapper's own reads and
visible in the raw ones:

====================================  ==============================================
``tracker.params.<key>``              the last value of a param
``tracker.tags.<key>``                the last text of a tag
``tracker.metrics.<series>``          the last value of a series
``tracker.provenance.<key>``          where the run was made
``tracker.status``, ``.cause``        the life cycle
``tracker.name``, ``.experiment``, …  who the run is
====================================  ==============================================

An artifact with content is recorded by its digest, and what else is known of it goes
into its metadata under ``tracker.artifact``, hidden in the same way.

What cannot be held – the history of a series, logs, tracks, steps, content, a call
that the tracker does not implement – is counted in :attr:`PlainTracker.degraded`,
never dropped in silence. A record is delivered at least once, in the order of its
writer.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, TypeVar, cast
from weakref import WeakValueDictionary

from tracker_core.api import Capability, NativeTracker, Query, TrackerBase
from tracker_core.bodies import RESERVED_PREFIX
from tracker_core.errors import ConfigError, NotSupportedError, RunNotFoundError
from tracker_core.plainwords import (
    ABOUT_ARTIFACT,
    METRICS,
    PARAMS,
    PROVENANCE,
    TAGS,
    about_artifact,
    as_metadata,
    count_values,
)
from tracker_core.records import (
    ArtifactBody,
    Batch,
    LogBody,
    MetadataBody,
    Record,
    SourceBody,
    StepBody,
    TrackBody,
    UnknownBody,
)
from tracker_core.values import Value
from tracker_core.wire import body_kind

if TYPE_CHECKING:
    from datetime import datetime

    from tracker_core.datatypes import TrackerArtifact, TrackerSource
    from tracker_core.entries import LogEntry, ParamChange, Rows, TrackEntry
    from tracker_core.points import Points
    from tracker_core.runs import RunInfo
    from tracker_core.stepinfo import StepInfo
    from tracker_core.summaries import Summary

__all__ = ["PlainTracker", "native"]

_T = TypeVar("_T")
_UNHELD = (LogBody, TrackBody, StepBody, UnknownBody)


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

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> "Sequence[RunInfo]":
        """Return runs, the newest first; those without a time come last."""
        from tracker_core.selection import TrackerFacts, select_runs

        infos = [self._info(run_id) for run_id in self._raw_run_ids()]
        infos.sort(key=lambda info: info.run_id, reverse=True)
        infos.sort(key=_created, reverse=True)
        facts = [TrackerFacts(self, info) for info in infos]
        return select_runs(facts, query, order_by, limit)

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the metadata that is not under the reserved prefix."""
        return {
            key: value
            for key, value in sorted(self._raw_metadata(run_id).items())
            if not key.startswith(RESERVED_PREFIX)
        }

    def artifacts(self, run_id: str) -> "Mapping[str, TrackerArtifact]":
        """Return the artifacts that the tracker tells of, in our own type."""
        found = _or_empty(self.raw.artifacts, run_id)
        return {name: _told(found[name]) for name in sorted(found)}

    def artifact_history(self, run_id: str, name: str) -> "Sequence[TrackerArtifact]":
        """Return the newest artifact of the name alone."""
        self._require(run_id)
        return [
            found for found in self.artifacts(run_id).values() if found.name == name
        ]

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
        return self._kept(run_id, PARAMS)

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the tags kept under the reserved prefix."""
        self._require(run_id)
        return {key: str(text) for key, text in self._kept(run_id, TAGS).items()}

    def provenance(self, run_id: str) -> Mapping[str, Value]:
        """Return the provenance kept under the reserved prefix."""
        self._require(run_id)
        return self._kept(run_id, PROVENANCE)

    def series(self, run_id: str) -> "Mapping[str, Summary]":
        """Return the last value of each series; the rest of each summary is None."""
        from tracker_core.summaries import Summary

        self._require(run_id)
        nothing = Summary(None, None, None, None, None, None, None, None)
        return {
            name: nothing._replace(last=value)
            for name, value in self._kept(run_id, METRICS).items()
        }

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> "Points":
        """Refuse: eight calls cannot hold the history of a series."""
        del start_index, limit, abandoned
        raise _unheld(f"only the last value of {series!r}", run_id)

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> "Rows":
        """Refuse: eight calls cannot hold the history of a stream."""
        del start_index, limit
        raise _unheld(f"only the last values of {stream!r}", run_id)

    def param_history(self, run_id: str, key: str) -> "Sequence[ParamChange]":
        """Refuse: eight calls cannot hold what a param was before."""
        raise _unheld(f"only the last value of {key!r}", run_id)

    def steps(self, run_id: str) -> "Sequence[StepInfo]":
        """Refuse: eight calls cannot hold steps."""
        raise _unheld("no steps", run_id)

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> "Sequence[LogEntry]":
        """Refuse: eight calls cannot hold messages."""
        del level, start, end, text, limit
        raise _unheld("no logs", run_id)

    def topics(self, run_id: str) -> Sequence[str]:
        """Refuse: eight calls cannot hold tracks."""
        raise _unheld("no tracks", run_id)

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> "Sequence[TrackEntry]":
        """Refuse: eight calls cannot hold tracks."""
        del topic, start, end
        raise _unheld("no tracks", run_id)

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Give what the run has come to as one batch, the same until that changes."""
        from tracker_core.outcome import outcome_batch

        return iter([outcome_batch(self, run_id, time.time_ns())])

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
                case ArtifactBody():
                    self._write_artifact(run_id, body)
                case SourceBody(source_run_id, artifact_name):
                    self.raw.add_source(run_id, source_run_id, artifact_name)
                case _:
                    self._write_as_metadata(run_id, record)
        except NotImplementedError:
            self.degraded[body_kind(body)] += 1

    def _write_artifact(self, run_id: str, body: ArtifactBody) -> None:
        self.raw.add_artifact(run_id, body.name, body.path, about_artifact(body))
        if body.digest is not None:
            self.degraded["content"] += 1

    def _write_as_metadata(self, run_id: str, record: Record) -> None:
        values = as_metadata(record)
        if values:
            self.raw.add_metadata(run_id, **deepcopy(values))
        if isinstance(record.body, _UNHELD):
            self.degraded[body_kind(record.body)] += 1
        elif unheld := count_values(record.body):
            self.degraded["metrics"] += unheld

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
            experiment_config=cast(
                "Mapping[str, Value] | None", kept.get("experiment_config")
            ),
            trace_id=_text(kept, "trace_id"),
            span_id=_text(kept, "span_id"),
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


def _told(artifact: "TrackerArtifact") -> "TrackerArtifact":
    """Return an artifact in our own type, with what was hidden in its metadata."""
    from tracker_core.datatypes import TrackerArtifact

    about = dict(artifact.metadata or {})
    hidden = about.pop(ABOUT_ARTIFACT, None)
    if not isinstance(hidden, Mapping) or hidden.get("digest") != artifact.path:
        return TrackerArtifact(artifact.name, artifact.path, artifact.metadata)
    known = dict(hidden)
    metadata = about if known.pop("has_metadata") else None
    return TrackerArtifact(artifact.name, artifact.path, metadata, **known)


def _unheld(what: str, run_id: str) -> NotSupportedError:
    message = f"a plain tracker holds {what} of run {run_id!r}; read a native one"
    return NotSupportedError(message)


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
