"""The run, as the code of a job sees it."""

import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from tracker_core.api import (
    TrackerBase,
    artifact_body,
    metadata_body,
    source_body,
)
from tracker_core.delivery import Delivery, DirectDelivery, Target
from tracker_core.errors import RunEndedError, UnsupportedTypeError
from tracker_core.identity import friendly_name
from tracker_core.metrics import metrics_body
from tracker_core.once import Once
from tracker_core.params import params_body
from tracker_core.records import Body, EndedBody, Sequencer, StartedBody, TagsBody
from tracker_core.redaction import describe
from tracker_core.values import check_name, check_text

if TYPE_CHECKING:  # read paths only: dataclasses are heavy for a job to import
    from os import PathLike

    from tracker_core.datatypes import AppRunTrackableSource, Lineage

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
        self._delivery = delivery or DirectDelivery(
            self.id, map(Target.of, self.backends), Sequencer(), isolates=False
        )

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
        self._send(metadata_body(kwargs))

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
        self._send(artifact_body(name, path, metadata))

    def add_source(self, source_id: str, artifact_name: str | None = None) -> None:
        """Record that this run used another; repeating the call changes nothing.

        Args:
            source_id: A run id or any foreign identifier; its existence is not checked.
            artifact_name: A label that classifies the edge.
        """
        self._send(source_body(source_id, artifact_name))

    def log_param(self, key: str, value: object) -> None:
        """Record one setting; a mapping is flattened under dotted keys."""
        self._send(params_body({key: value}))

    def log_params(self, config: object) -> None:
        """Record the settings of ``config`` at once; the last value of a key wins.

        Args:
            config: A mapping, ``argparse.Namespace`` or dataclass instance, nested at
                will: ``{"optimizer": {"lr": 0.1}}`` is the param ``optimizer.lr``.
        """
        self._send(params_body(config))

    def set_tag(self, key: str, text: str) -> None:
        """Label the run; the last text of a key wins."""
        self.set_tags({key: text})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Label the run with several tags at once.

        Raises:
            UnsupportedTypeError: The tags are no mapping, or the value of one is no
                text.
        """
        if not isinstance(tags, Mapping):
            raise UnsupportedTypeError("tags", type(tags).__qualname__, "a mapping")
        checked = {
            check_name(key, "tag key"): check_text(text, f"tag {key!r}")
            for key, text in tags.items()
        }
        self._send(TagsBody(checked))

    def log_metric(self, key: str, value: object, step: int | None = None) -> None:
        """Append one point to a series.

        Args:
            key: The series; ``train/loss`` is the field ``loss`` of stream ``train``.
            value: A number, NaN and the infinities included, or any JSON value.
            step: The x axis that the job counts, 0 or more; any order, any repeats.
        """
        self._send(metrics_body({key: value}, step))

    def log_metrics(
        self, metrics: Mapping[str, object], step: int | None = None
    ) -> None:
        """Append one point to each of several series, as one record."""
        self._send(metrics_body(metrics, step))

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
        self._refuse_if_ended()
        if self._status is None:
            self._status, self._starter = "RUNNING", os.getpid()
            self._delivery.send(StartedBody("job"))

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

    def __enter__(self) -> Self:
        """Start the run."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run as the block ends, unless it has ended already."""
        from tracker_core.ends import end_of_error

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

    @property
    def _has_ended(self) -> bool:
        return self._status not in (None, "RUNNING")

    def _refuse_if_ended(self) -> None:
        if self._has_ended:
            raise RunEndedError(self.id)

    def _send(self, body: Body) -> None:
        self._refuse_if_ended()
        self._delivery.send(body)

    def _end(self, body: EndedBody) -> None:
        self._refuse_if_ended()
        self._status = body.status
        if self._starter not in (None, os.getpid()):
            return
        try:
            self._delivery.send(body)
        finally:
            self._delivery.close()
