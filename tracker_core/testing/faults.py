"""A tracker that fails as planned, to prove that nothing else fails with it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

from tracker_core.api import Capability, NativeTracker, Query
from tracker_core.errors import RetryableError
from tracker_core.records import Batch
from tracker_core.values import Value

if TYPE_CHECKING:
    from tracker_core.contents import Content
    from tracker_core.datatypes import TrackerArtifact, TrackerSource
    from tracker_core.entries import LogEntry, ParamChange, Rows, TrackEntry
    from tracker_core.points import Points
    from tracker_core.runs import RunInfo
    from tracker_core.stepinfo import StepInfo
    from tracker_core.summaries import Summary

__all__ = ["FaultPlan", "FaultyTracker", "create"]

FaultPlan = Callable[[int], BaseException | None]
"""Gives for the n-th write, from 1, an error to raise, or None to let it pass."""


class FaultyTracker(NativeTracker):
    """Lets writes through to another tracker, or fails them, as its plan says.

    Reads always go through. A write that fails leaves nothing behind.

    Args:
        inner: The tracker that holds what gets through.
        plan: What happens at each write; without one, every write fails.

    Attributes:
        writes: How many writes were tried.
    """

    def __init__(self, inner: NativeTracker, plan: FaultPlan | None = None) -> None:
        """Stand before ``inner``."""
        self._inner = inner
        self._plan = plan or _always
        self.capabilities: frozenset[Capability] = inner.capabilities
        self.writes: int = 0

    def write(self, batch: Batch) -> None:
        """Fail as planned, or hand ``batch`` on."""
        self.writes += 1
        error = self._plan(self.writes)
        if error is not None:
            raise error
        self._inner.write(batch)

    def run(self, run_id: str) -> "RunInfo":
        """Ask the inner tracker."""
        return self._inner.run(run_id)

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> "Sequence[RunInfo]":
        """Ask the inner tracker."""
        return self._inner.runs(query, order_by, limit)

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Ask the inner tracker."""
        return self._inner.metadata(run_id)

    def artifacts(self, run_id: str) -> "Mapping[str, TrackerArtifact]":
        """Ask the inner tracker."""
        return self._inner.artifacts(run_id)

    def artifact_history(self, run_id: str, name: str) -> "Sequence[TrackerArtifact]":
        """Ask the inner tracker."""
        return self._inner.artifact_history(run_id, name)

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> "Sequence[TrackerSource]":
        """Ask the inner tracker."""
        return self._inner.sources(run_id, artifact_name)

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Ask the inner tracker."""
        return self._inner.params(run_id)

    def param_history(self, run_id: str, key: str) -> "Sequence[ParamChange]":
        """Ask the inner tracker."""
        return self._inner.param_history(run_id, key)

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Ask the inner tracker."""
        return self._inner.tags(run_id)

    def provenance(self, run_id: str) -> Mapping[str, Value]:
        """Ask the inner tracker."""
        return self._inner.provenance(run_id)

    def steps(self, run_id: str) -> "Sequence[StepInfo]":
        """Ask the inner tracker."""
        return self._inner.steps(run_id)

    def series(self, run_id: str) -> "Mapping[str, Summary]":
        """Ask the inner tracker."""
        return self._inner.series(run_id)

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> "Points":
        """Ask the inner tracker."""
        return self._inner.points(
            run_id, series, start_index, limit, abandoned=abandoned
        )

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> "Rows":
        """Ask the inner tracker."""
        return self._inner.rows(run_id, stream, start_index, limit)

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
        """Ask the inner tracker."""
        return self._inner.logs(
            run_id, level, start=start, end=end, text=text, limit=limit
        )

    def topics(self, run_id: str) -> Sequence[str]:
        """Ask the inner tracker."""
        return self._inner.topics(run_id)

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> "Sequence[TrackEntry]":
        """Ask the inner tracker."""
        return self._inner.track_entries(run_id, topic, start, end)

    def add_content(self, content: "Content") -> None:
        """Hand content on; only writes of records fail."""
        self._inner.add_content(content)

    def open_content(self, digest: str) -> BinaryIO:
        """Ask the inner tracker."""
        return self._inner.open_content(digest)

    def flush(self, timeout: float | None = None) -> None:
        """Flush the inner tracker."""
        self._inner.flush(timeout)

    def close(self) -> None:
        """Close the inner tracker."""
        self._inner.close()


def create(config: str | None) -> FaultyTracker:
    """Make a tracker whose every write fails.

    Usable from a job's environment as
    ``TRACKER_BACKENDS=sqlite,faulty=tracker_core.testing.faults:create``.

    Args:
        config: The message of the errors.
    """
    from tracker_core.testing.memory import MemoryTracker

    message = config or "planned to fail"
    return FaultyTracker(MemoryTracker(), lambda _: RetryableError(message))


def _always(write: int) -> BaseException | None:
    return RetryableError(f"write {write} was planned to fail")
