"""Steps: named parts of a run with values, attempts and a status of their own."""

import os
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tracker_core.active import Active
from tracker_core.artifacts import ArtifactWriter
from tracker_core.channel import Channel
from tracker_core.errors import InvalidValueError, RunEndedError
from tracker_core.metrics import stream_body
from tracker_core.records import StepBody
from tracker_core.redaction import describe
from tracker_core.stepped import check_step
from tracker_core.streams import MetricStream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from tracker_core.datatypes import TrackerArtifact
    from tracker_core.run import AppRun

__all__ = ["Step"]


class Step:
    """A part of a run, as a ``with`` block; made by :meth:`AppRun.step`.

    ::

        with run.step("train") as step:
            step.log_metric("loss", 0.5, step=1)    # the series train/loss
            step.log_file("model.pt")               # the artifact train/model.pt

    Each time that the block is entered is an attempt of the step. It ends as the block
    does, by the rules of a run: an exception makes it FAILED and goes on. What is
    logged stays, however it ends. In a child that was forked off within the block,
    leaving it ends nothing: the step is its parent's.
    """

    def __init__(self, run: "AppRun", channel: Channel, name: str) -> None:
        """Name a step of ``run``; nothing is recorded yet.

        Raises:
            InvalidValueError: The name is empty, or begins or ends with ``/``.
        """
        self.name: str = check_step(name)
        self._run = run
        self._channel = channel
        self._artifacts = ArtifactWriter(channel, f"{self.name}/")
        self._active = Active(self)
        self._execution: str | None = None
        self._starter: int | None = None

    def __enter__(self) -> Self:
        """Begin an attempt of the step.

        Raises:
            InvalidValueError: The step is under way; make another by ``run.step``.
        """
        from tracker_core.identity import new_writer_id

        if self._execution is not None:
            message = f"step {self.name!r} is under way; make another by run.step(…)"
            raise InvalidValueError(message)
        execution = new_writer_id()
        self._channel.send(StepBody(self.name, execution, "RUNNING", None))
        self._execution, self._starter = execution, os.getpid()
        self._active.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the attempt as the block ends, unless the run has ended already."""
        self._active.leave()
        execution, self._execution = self._execution, None
        if execution is None or self._starter != os.getpid():
            return
        try:
            self._end(execution, error)
        except RunEndedError:  # whatever ended the run has ended the step
            return
        except Exception as failure:
            if error is None:
                raise
            # What ended the block must reach its caller; the rest goes with it.
            shown = describe(failure)
            error.add_note(f"the end of step {self.name!r} is not recorded: {shown}")

    def step(self, name: str) -> "Step":
        """Return a step within this one; its name begins with this one's and ``/``."""
        return Step(self._run, self._channel, f"{self.name}/{check_step(name)}")

    def track_this(self, /, step: int = 0, **values: object) -> None:
        """Record values of the step, as :meth:`AppRun.track_this` says."""
        self._channel.send(stream_body(self.name, values, step))

    def log_metric(self, key: str, value: object, step: int | None = None) -> None:
        """Append one point to the field ``key`` of the stream that has its name."""
        self._channel.send(stream_body(self.name, {key: value}, step))

    def log_metrics(
        self, metrics: "Mapping[str, object]", step: int | None = None
    ) -> None:
        """Append one point with several fields to the stream that has its name."""
        self._channel.send(stream_body(self.name, metrics, step))

    def metrics(self, name: str = "") -> MetricStream:
        """Return the stream of the step, or one below it: ``train/name``."""
        return self._run.metrics(f"{self.name}/{name}" if name else self.name)

    def log_json(
        self,
        name: str,
        obj: object,
        role: str = "artifact",
        kind: str | None = None,
        *,
        metadata: "Mapping[str, object] | None" = None,
    ) -> "TrackerArtifact":
        """Log a value as JSON, as :meth:`AppRun.log_json` says."""
        return self._artifacts.log_json(name, obj, role, kind, metadata=metadata)

    def log_text(
        self,
        name: str,
        text: str,
        role: str = "artifact",
        kind: str = "text.note",
        *,
        media_type: str = "text/plain; charset=utf-8",
        metadata: "Mapping[str, object] | None" = None,
    ) -> "TrackerArtifact":
        """Log a text, as :meth:`AppRun.log_text` says."""
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
        metadata: "Mapping[str, object] | None" = None,
    ) -> "TrackerArtifact":
        """Log bytes, as :meth:`AppRun.log_bytes` says."""
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
        metadata: "Mapping[str, object] | None" = None,
        copy: bool = True,
    ) -> "TrackerArtifact":
        """Log a file, as :meth:`AppRun.log_file` says."""
        return self._artifacts.log_file(
            path,
            kind,
            role,
            name=name,
            media_type=media_type,
            metadata=metadata,
            copy=copy,
        )

    def _end(self, execution: str, error: BaseException | None) -> None:
        from tracker_core.ends import end_of_error
        from tracker_core.trackvars import send_tracked_values

        if self._channel.has_ended():
            return
        end = end_of_error(error)
        try:
            send_tracked_values(os.environ, self.name, self._channel.send)
        finally:
            body = StepBody(self.name, execution, end.status, end.cause)
            self._channel.send(body)
