"""The tracker that lets calls through to another one, or fails them."""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

from tracker_core.api import Capability, NativeTracker, Query
from tracker_core.errors import RetryableError
from tracker_core.records import Batch
from tracker_core.testing.faults.fault import Call, Fail
from tracker_core.testing.faults.plans import FaultPlan
from tracker_core.values import Value

if TYPE_CHECKING:
    from tracker_core.compactions import Compaction
    from tracker_core.contents import Content
    from tracker_core.datatypes import TrackerArtifact, TrackerSource
    from tracker_core.entries import LogEntry, ParamChange, Rows, TrackEntry
    from tracker_core.points import Points
    from tracker_core.removals import Removal
    from tracker_core.runs import RunInfo
    from tracker_core.stepinfo import StepInfo
    from tracker_core.summaries import Summary
    from tracker_core.taken import Taken

__all__ = ["FaultyTracker"]


class FaultyTracker(NativeTracker):
    """Lets calls through to another tracker, or does with them as its plan says.

    The calls that deliver something are counted together: those of :meth:`write`,
    through which the eight calls write too, :meth:`add_content` and :meth:`beat`. All
    others, the reads among them, always go through. It declares what the inner tracker
    does, and closing it closes that one.

    Its ``turn`` is not that of the inner tracker: while a call hangs here, the inner
    one can be asked what it holds.

    Args:
        inner: The tracker that holds what gets through.
        plan: What befalls each delivering call; without one, every call fails.

    Attributes:
        calls: How many delivering calls were tried.
        writes: How many of them were writes of records.
    """

    def __init__(self, inner: NativeTracker, plan: FaultPlan | None = None) -> None:
        """Stand before ``inner``."""
        self._inner = inner
        self._plan = plan or _always
        self._released = threading.Event()
        self.capabilities: frozenset[Capability] = inner.capabilities
        self.degraded: Mapping[str, int] = inner.degraded
        self.gathers_for: float = inner.gathers_for
        self.beside: frozenset[str] = inner.beside
        self.calls: int = 0
        self.writes: int = 0

    def release(self) -> None:
        """Let all calls go on that hang or are slow, now and later.

        A :class:`~tracker_core.testing.faults.Hang` with an event of its own still
        waits for that. Safe to call from any thread.
        """
        self._released.set()

    def write(self, batch: Batch) -> None:
        """Hand ``batch`` on, unless a fault is planned."""
        self.writes += 1
        self._deliver(
            functools.partial(self._inner.write, batch),
            functools.partial(self._write_half, batch),
        )

    def compact(self, run_id: str | None = None) -> "Compaction":
        """Ask the inner tracker."""
        return self._inner.compact(run_id)

    def remove(self, run_id: str) -> "Removal":
        """Ask the inner tracker."""
        removal = self._inner.remove(run_id)
        # The eight calls write with a writer of this tracker, not of the inner one.
        self._begin_writer()
        return removal

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

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Ask the inner tracker."""
        return self._inner.batches(run_id)

    def taken(self, run_id: str) -> "Mapping[str, Taken]":
        """Ask the inner tracker."""
        return self._inner.taken(run_id)

    def add_content(self, content: "Content") -> None:
        """Hand content on, unless a fault is planned."""
        self._deliver(functools.partial(self._inner.add_content, content))

    def open_content(self, digest: str) -> BinaryIO:
        """Ask the inner tracker."""
        return self._inner.open_content(digest)

    def beat(self, run_id: str, time_ns: int) -> None:
        """Hand a heartbeat on, unless a fault is planned."""
        self._deliver(functools.partial(self._inner.beat, run_id, time_ns))

    def flush(self, timeout: float | None = None) -> None:
        """Flush the inner tracker."""
        self._inner.flush(timeout)

    def close(self) -> None:
        """Close the inner tracker."""
        self._inner.close()

    def _deliver(
        self,
        hand_on: Callable[[], None],
        hand_on_half: Callable[[], None] = lambda: None,
    ) -> None:
        self.calls += 1
        fault = self._plan(self.calls)
        if fault is None:
            hand_on()
            return
        if isinstance(fault, BaseException):
            fault = Fail(fault)
        fault(Call(hand_on, hand_on_half, self._released))

    def _write_half(self, batch: Batch) -> None:
        half = batch.records[: len(batch.records) // 2]
        if half:
            self._inner.write(batch._replace(last=half[-1].sequence, records=half))


def _always(call: int) -> BaseException:
    return RetryableError(f"call {call} was planned to fail")
