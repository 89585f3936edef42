"""The run, as the code of a job sees it."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from tracker_core.active import Active
from tracker_core.api import NativeTracker, TrackerBase
from tracker_core.bodies import (
    artifact_body,
    log_body,
    metadata_body,
    source_body,
    span_body,
    tags_body,
)
from tracker_core.channel import Channel
from tracker_core.delivery.base import Delivery, Target
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.errors import RunEndedError
from tracker_core.forks import ForkLock
from tracker_core.identity import friendly_name
from tracker_core.metrics import metrics_body
from tracker_core.once import Once
from tracker_core.params import params_body
from tracker_core.records import EndedBody, ProvenanceBody, Sequencer, StartedBody
from tracker_core.redaction import describe
from tracker_core.streams import MetricStream
from tracker_core.tracks import Tracks
from tracker_core.values import Value, check_name, check_text

if TYPE_CHECKING:  # read paths only: dataclasses are heavy for a job to import
    from collections.abc import Sequence
    from os import PathLike
    from typing import BinaryIO

    from tracker_core.artifacts import ArtifactWriter
    from tracker_core.datatypes import (
        AppRunTrackableSource,
        Lineage,
        TrackerArtifact,
    )
    from tracker_core.entries import LogEntry
    from tracker_core.steps import Step

__all__ = ["AppRun"]


class AppRun:
    """One run of a job: what it logs goes to every backend.

    ``AppRun(id, backends)`` hands each record to every backend before the call
    returns and raises what they raise, once all were tried. It writes no life cycle
    unless it is asked to, by ``start``, ``finish`` or a ``with`` block. Inside a
    launched job use :meth:`run_from_env`.

    Every value is checked at the call that brings it: a bad one raises
    :class:`~tracker_core.errors.InvalidValueError` or
    :class:`~tracker_core.errors.UnsupportedTypeError` and nothing is written. A call
    after the end raises :class:`~tracker_core.errors.RunEndedError`.

    Threads may share a run. A forked child may go on using it and becomes a writer of
    its own; the end of the child is not the end of the run.

    As a ``with`` block a run starts at its beginning and ends as the block ends: an
    exception makes it FAILED, ``KeyboardInterrupt`` KILLED, ``SystemExit`` with 0 or
    None FINISHED; none of them is swallowed.

    Args:
        id: The run id, any non-empty text.
        backends: Trackers: ours, torchx's, or any object with the eight calls.
        name: A name for people; without one it follows from the id.
        delivery: How records reach the backends; by default directly.

    Raises:
        InvalidValueError: The id is empty.
        ConfigError: One of the backends is no tracker.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - torchx's name for it
        backends: Iterable[TrackerBase],
        *,
        name: str | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        """Take the backends; nothing is written yet."""
        self.id: str = check_name(id, "run id")
        self.backends: list[TrackerBase] = list(backends)
        self.name: str = name or friendly_name(self.id)
        self._status: str | None = None
        self._starter: int | None = None
        self._lock = ForkLock()
        self._delivery = delivery or DirectDelivery(
            self.id, map(Target.of, self.backends), Sequencer(), isolates=False
        )
        self._point: Callable[..., bool] = self._delivery.point
        self._points: Callable[..., bool] = self._delivery.points
        self._channel = Channel(self.id, self._delivery, lambda: self._has_ended)
        self._active = Active(self)
        self._streams: dict[str, MetricStream] = {}
        self.tracks: Tracks = Tracks(self._channel)

    @staticmethod
    @Once
    def run_from_env() -> "AppRun":
        """Return the run of this job, as the environment tells it.

        The first call opens the run; later ones, from any thread, return the same
        object until ``AppRun.run_from_env.cache_clear()``. A job that nothing launched
        (no run id and no backends in the environment) gets the empty run: it checks
        values and stores nothing.

        Once the run is open no backend's trouble is raised: the first failure of each
        is warned of, all are counted and summed up at the end. The run ends with the
        process, or at :meth:`finish`.

        Raises:
            TrackerError: A backend is unknown or unusable, and ``TRACKER_ON_ERROR`` is
                not ``warn``.
        """
        from tracker_core.opening import open_launched_run

        return open_launched_run()

    @property
    def run_id(self) -> str:
        """The run id."""
        return self.id

    @property
    def status(self) -> str | None:
        """``RUNNING``, ``FINISHED``, ``FAILED`` or ``KILLED`` as this object knows it.

        None before :meth:`start`, and for a run that keeps no life cycle.
        """
        return self._status

    def job_id(self) -> str:
        """Return the run id, by the name that torchx has for it."""
        return self.id

    def add_metadata(self, /, **kwargs: object) -> None:
        """Record keys with JSON values; a later value of a key replaces the earlier.

        Raises:
            InvalidValueError: A key is reserved (it begins with ``tracker.``, or is
                ``self`` or ``run_id``), or a value lies outside what is allowed.
            UnsupportedTypeError: A value has a type that cannot be kept.
        """
        self._channel.send(metadata_body(kwargs))

    def add_artifact(
        self,
        name: str,
        path: "str | PathLike[str]",
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Record a reference to something that the run made.

        The newest of a name is the one that is read. The path is neither checked nor
        opened.

        Args:
            name: Unique within the run.
            path: Where it lies: a path or any URI.
            metadata: JSON values about it.
        """
        self._channel.send(artifact_body(name, path, metadata))

    def add_source(self, source_id: str, artifact_name: str | None = None) -> None:
        """Record that this run used another; repeating the call changes nothing.

        Args:
            source_id: A run id or any foreign identifier; its existence is not checked.
            artifact_name: A label that classifies the edge.
        """
        self._channel.send(source_body(source_id, artifact_name))

    def log_param(self, key: str, value: object) -> None:
        """Record one setting; a mapping is flattened under dotted keys."""
        self._channel.send(params_body({key: value}))

    def log_params(self, config: object) -> None:
        """Record the settings of ``config`` at once; the last value of a key wins.

        Args:
            config: A mapping, ``argparse.Namespace``, dataclass, pydantic model, attrs
                or OmegaConf object, nested at will: ``{"optimizer": {"lr": 0.1}}`` is
                the param ``optimizer.lr``. Or a path object of a JSON, YAML or TOML
                file.
        """
        self._channel.send(params_body(config))

    def set_tag(self, key: str, text: str) -> None:
        """Label the run; the last text of a key wins."""
        self._channel.send(tags_body({key: text}))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Label the run with several tags at once.

        Raises:
            UnsupportedTypeError: The tags are no mapping, or the value of one is no
                text.
        """
        self._channel.send(tags_body(tags))

    def log_metric(self, key: str, value: object, step: int | None = None) -> None:
        """Append one point to a series.

        Args:
            key: The series; ``train/loss`` is the field ``loss`` of stream ``train``.
            value: A number, NaN and the infinities included, or any JSON value.
            step: The x axis that the job counts, 0 or more; any order, any repeats.
        """
        if not self._point(key, value, step):
            self._channel.send(metrics_body({key: value}, step))

    def log_metrics(
        self, metrics: Mapping[str, object], step: int | None = None
    ) -> None:
        """Append one point to each of several series, as one record."""
        if type(metrics) is not dict or not self._points(metrics, step):
            self._channel.send(metrics_body(metrics, step))

    def track_this(self, /, step: int = 0, **values: object) -> None:
        """Record values at a step: ``run.track_this(answer=42, step=1)``.

        It is :meth:`log_metrics` with keywords, and with the step 0 where none is
        given; the run log shows the values, by step where there are several.

        Args:
            step: The x axis that the job counts, 0 or more.
            **values: Key → number or any JSON value; pydantic models by alias.
        """
        self._channel.send(metrics_body(values, step))

    def metrics(self, name: str = "") -> MetricStream:
        """Return a metric stream, to log points with many fields and to read them.

        Args:
            name: Any text; the root stream without one. Each name is one object, so
                what it has buffered is there when it is asked for again.
        """
        checked = check_text(name, "stream name")
        stream = self._streams.get(checked)
        if stream is None:
            made = MetricStream(self._channel, checked)
            # Another thread may have made one meanwhile.
            stream = self._streams.setdefault(checked, made)
        return stream

    def log(
        self,
        message: str,
        level: str = "info",
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Append a message; nothing is printed.

        Args:
            message: Any text.
            level: ``debug``, ``info``, ``warn``, ``error`` or ``fatal``, in any letter
                case; ``warning`` and ``critical`` are taken too.
            metadata: JSON values about it.
        """
        self._channel.send(log_body(message, level, metadata))

    def log_json(
        self,
        name: str,
        obj: object,
        role: str = "artifact",
        kind: str | None = None,
        *,
        metadata: Mapping[str, object] | None = None,
    ) -> "TrackerArtifact":
        """Log a value as an artifact: JSON with sorted keys, without blanks.

        NaN and the infinities, which JSON lacks, are written as ``{"$float": "nan"}``.

        Args:
            name: Unique within the run; the newest of a name is the one that is read.
            obj: Any value that can be kept.
            role: What part it plays, for example ``results``.
            kind: What it is to the job; by default ``json.results`` for the name
                ``results`` and for ``old/results.json``.
            metadata: JSON values about it.

        Returns:
            The artifact, with the digest of its content.
        """
        return self._artifacts.log_json(name, obj, role, kind, metadata=metadata)

    def log_text(
        self,
        name: str,
        text: str,
        role: str = "artifact",
        kind: str = "text.note",
        *,
        media_type: str = "text/plain; charset=utf-8",
        metadata: Mapping[str, object] | None = None,
    ) -> "TrackerArtifact":
        """Log a text as an artifact, in UTF-8; arguments as in :meth:`log_json`."""
        return self._artifacts.log_text(
            name, text, role, kind, media_type=media_type, metadata=metadata
        )

    def log_bytes(
        self,
        kind: str,
        data: "bytes | bytearray | memoryview",
        media_type: str = "application/octet-stream",
        role: str = "artifact",
        *,
        name: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> "TrackerArtifact":
        """Log bytes as an artifact.

        Args:
            kind: What they are to the job, for example ``qiskit.qpy.circuits``.
            data: The bytes.
            media_type: What they are, for example ``image/png``.
            role: What part they play, for example ``program``.
            name: Unique within the run; by default the kind.
            metadata: JSON values about them.

        Returns:
            The artifact, with the digest of its content.
        """
        return self._artifacts.log_bytes(
            kind, data, media_type, role, name=name, metadata=metadata
        )

    def log_file(
        self,
        path: "str | PathLike[str]",
        kind: str | None = None,
        role: str = "artifact",
        *,
        name: str | None = None,
        media_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
        copy: bool = True,
    ) -> "TrackerArtifact":
        """Log the content of a file as an artifact; the file itself is left alone.

        It is read in pieces: a large file takes time, not memory. The same content is
        kept once in each store.

        Args:
            path: The file.
            kind: What it is to the job, for example ``source.openqasm3``.
            role: What part it plays, for example ``program``.
            name: Unique within the run; by default the name of the file.
            media_type: What it is; by default guessed from the name of the file.
            metadata: JSON values about it.
            copy: False records where the file lies, not its content.

        Returns:
            The artifact, with the digest of its content unless ``copy`` is False.

        Raises:
            InvalidValueError: There is no such file, or it cannot be read.
        """
        return self._artifacts.log_file(
            path,
            kind,
            role,
            name=name,
            media_type=media_type,
            metadata=metadata,
            copy=copy,
        )

    def open_artifact(self, name_or_digest: str) -> "BinaryIO":
        """Return the content of an artifact, as :meth:`NativeTracker.open_artifact`.

        The job of a launched step means its own artifacts, then those of the run.

        Raises:
            ArtifactNotFoundError: The run has no such artifact.
            ContentError: It is a reference, or its content is gone; while reading: it
                is damaged.
            NotSupportedError: None of the backends keeps content.
        """
        from tracker_core.errors import ArtifactNotFoundError

        found = self._channel.ask(
            lambda tracker: self._open_artifact(tracker, name_or_digest), None
        )
        if found is None:
            raise ArtifactNotFoundError(self.id, name_or_digest)
        return found

    def step(self, name: str) -> "Step":
        """Return a part of the run, to be entered as a ``with`` block.

        Args:
            name: Any name; entering a step of the same name again is its next attempt.
        """
        from tracker_core.steps import Step

        return Step(self, self._channel, name)

    def record_provenance(
        self, *, with_diff: bool = False, with_packages: bool = False
    ) -> None:
        """Record the state of the code and the machine, as they are now.

        A run that is opened from the environment or by ``track`` has recorded them
        already, without diff and packages.

        Args:
            with_diff: Whether the uncommitted changes are wanted too, at most one MiB
                of them, without what looks like a secret.
            with_packages: Whether name and version of each installed package are
                wanted too.
        """
        from tracker_core.provenance import provenance

        found = provenance(with_diff=with_diff, with_packages=with_packages)
        self._channel.send(ProvenanceBody(found))

    def set_span_id(self, span_id: str, trace_id: str | None = None) -> None:
        """Link the run to a distributed trace; the last call wins.

        A run that is opened within an OpenTelemetry span, or with ``TRACEPARENT`` in
        its environment, is linked already.

        Args:
            span_id: Any non-empty text.
            trace_id: The trace; None leaves what is known.
        """
        self._channel.send(span_body(span_id, trace_id))

    def span_id(self) -> str | None:
        """Return the span that the run is linked to, or None."""
        return self._channel.ask(lambda tracker: tracker.run(self.id).span_id, None)

    def params(self, *, nested: bool = False) -> "dict[str, Value]":
        """Return the last value of each param, sorted by key.

        Args:
            nested: False: dotted keys. True: mappings within mappings.

        Raises:
            KeyConflictError: A key is a value and holds others too, so there is no
                nested view; the flat one has both.
        """
        from tracker_core.params import nested as as_nested

        empty: dict[str, Value] = {}
        flat = self._channel.ask(lambda tracker: dict(tracker.params(self.id)), empty)
        return as_nested(flat) if nested else flat

    def tags(self) -> dict[str, str]:
        """Return the last text of each tag, sorted by key."""
        empty: dict[str, str] = {}
        return self._channel.ask(lambda tracker: dict(tracker.tags(self.id)), empty)

    def artifacts(self) -> "dict[str, TrackerArtifact]":
        """Return the newest artifact of each name, sorted by name."""
        empty: dict[str, TrackerArtifact] = {}
        return self._channel.ask(
            lambda tracker: dict(tracker.artifacts(self.id)), empty
        )

    def logs(
        self,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> "Sequence[LogEntry]":
        """Return messages, as :meth:`NativeTracker.logs` says."""
        return self._channel.ask(
            lambda tracker: tracker.logs(
                self.id, level, start=start, end=end, text=text, limit=limit
            ),
            [],
        )

    def run_log(self) -> "dict[str, Value]":
        """Return the run as one JSON document: steps, attempts, values, artifacts.

        :func:`tracker_core.runlog.run_log` says what is in it.
        """
        from tracker_core.runlog import run_log

        empty: dict[str, Value] = {}
        return self._channel.ask(lambda tracker: run_log(tracker, self.id), empty)

    def fingerprints(self, include: Iterable[str] = ()) -> dict[str, str]:
        """Return what tells runs apart that did different things.

        :func:`tracker_core.fingerprints.fingerprints` says what goes into them.

        Args:
            include: What counts beside that: ``params``, ``seed``, ``code``.

        Returns:
            ``program``, ``device``, ``intent`` and ``run``, each ``sha256:`` and 64
            hexadecimal digits; equal for equal runs, whenever and wherever they ran.
        """
        from tracker_core.runprint import run_fingerprints

        chosen = (include,) if isinstance(include, str) else tuple(include)
        return self._channel.ask(
            lambda tracker: run_fingerprints(tracker, self.id, chosen), {}
        )

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> int:
        """Wait until the backends have what was logged.

        What a call has logged survives the death of the process already.

        Args:
            timeout: The most seconds to wait; None for as long as it takes.
            durable: Whether what waits is brought to the disk too, so that it survives
                the loss of power.

        Returns:
            How many records are still due.
        """
        return self._channel.flush(timeout, durable=durable)

    def sources(self) -> "list[AppRunTrackableSource]":
        """Return what this run used, as runs on the same backends."""
        from tracker_core.datatypes import AppRunTrackableSource

        found = self._delivery.read(lambda tracker: tracker.sources(self.id))
        return [
            AppRunTrackableSource(
                AppRun(source.source_run_id, self.backends), source.artifact_name
            )
            for source in found or ()
            if source.source_run_id
        ]

    def children(self) -> "list[AppRun]":
        """Return the runs that used this one, as runs on the same backends."""
        found = self._delivery.read(
            lambda tracker: list(tracker.run_ids(parent_run_id=self.id))
        )
        return [AppRun(run_id, self.backends) for run_id in found or () if run_id]

    def lineage(self) -> "Lineage":
        """Return where this run comes from and what came of it."""
        from tracker_core.datatypes import Lineage

        found = self._delivery.read(lambda tracker: tracker.lineage(self.id))
        return found or Lineage(self.id)

    def start(self) -> None:
        """Record that the run has started; while it runs, this changes nothing.

        Raises:
            RunEndedError: It has ended.
        """
        with self._lock:
            self._refuse_if_ended()
            if self._status is not None:
                return
            self._status, self._starter = "RUNNING", os.getpid()
        self._delivery.send(StartedBody("job", os.uname().nodename))

    def finish(
        self, status: str = "FINISHED", cause: Mapping[str, object] | None = None
    ) -> None:
        """Record that the run has ended; it takes no more records.

        In a child that was forked off while the run was under way only this object
        ends: the run is its parent's.

        Args:
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            cause: Why, for example ``{"kind": "time_limit"}``.

        Raises:
            RunEndedError: It had ended already.
        """
        from tracker_core.ends import ended_body

        self._end(ended_body(status, cause))

    def terminate(self, number: int, within: float | None = None) -> None:
        """Record that a signal is about to kill the process.

        Args:
            number: The signal.
            within: The most seconds to wait for backends; None where the process may
                live on, and the run with it: then its last word counts.
        """
        from tracker_core.ends import end_of_signal

        if self._has_ended:
            return
        if within is None:
            self._delivery.send(end_of_signal(number))
        else:
            self._end(end_of_signal(number), within)

    def __enter__(self) -> Self:
        """Start the run; in the block it is the one that :func:`track_this` means."""
        self.start()
        self._active.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run as the block ends, unless it has ended already."""
        from tracker_core.ends import end_of_error

        self._active.leave()
        if self._has_ended:
            return
        try:
            self._end(end_of_error(error))
        except Exception as failure:
            if error is None:
                raise
            # What ended the block must reach its caller; the rest goes with it.
            shown = describe(failure)
            error.add_note(f"the end of run {self.id!r} is not recorded: {shown}")

    def __eq__(self, other: object) -> bool:
        """Tell whether ids and backends are equal."""
        if not isinstance(other, AppRun):
            return NotImplemented
        return (self.id, self.backends) == (other.id, other.backends)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # as a dataclass with equality has it

    def __repr__(self) -> str:
        """Show the id and the kinds of backends, whose own words may hold secrets."""
        kinds = ", ".join(type(backend).__name__ for backend in self.backends)
        return f"AppRun(id={self.id!r}, backends=[{kinds}])"

    def _open_artifact(self, tracker: NativeTracker, name_or_digest: str) -> "BinaryIO":
        name = self._channel.stored(name_or_digest)
        if name == name_or_digest or name not in tracker.artifacts(self.id):
            name = name_or_digest
        return tracker.open_artifact(self.id, name)

    @property
    def _artifacts(self) -> "ArtifactWriter":
        from tracker_core.artifacts import ArtifactWriter

        return ArtifactWriter(self._channel)

    @property
    def _has_ended(self) -> bool:
        return self._status not in (None, "RUNNING")

    def _refuse_if_ended(self) -> None:
        if self._has_ended:
            raise RunEndedError(self.id)

    def _end(self, body: EndedBody, within: float | None = None) -> None:
        from tracker_core.trackvars import send_tracked_values

        with self._lock:
            self._refuse_if_ended()
            self._status = body.status
            self._point = self._points = _refuse
        if self._starter not in (None, os.getpid()):
            return
        with ExitStack() as last:
            last.callback(self._delivery.close, within)
            last.callback(self._delivery.send, body)
            if self._starter is not None:
                send_tracked_values(os.environ, "", self._delivery.send)


def _refuse(*_given: object) -> bool:
    """Take nothing more the short way; the long way says why."""
    return False
