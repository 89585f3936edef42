"""Trackers that keep records as they are, and answer from their fold."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from tracker_core.api import NativeTracker, Query
from tracker_core.bodies import check_level
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.entries import (
    LogEntry,
    ParamChange,
    Rows,
    TrackEntry,
    check_bound,
    to_ns,
)
from tracker_core.errors import RunNotFoundError
from tracker_core.history import RunHistory
from tracker_core.matching import Facts
from tracker_core.points import Points
from tracker_core.records import Batch
from tracker_core.runs import RunInfo
from tracker_core.selection import select_runs
from tracker_core.stepinfo import StepInfo
from tracker_core.summaries import Summary
from tracker_core.taken import Taken
from tracker_core.values import Value

__all__ = ["FoldedTracker", "Listed"]


class Listed(Facts, Protocol):
    """What a list needs of a run."""

    @property
    def created_ns(self) -> int:
        """The time of the first record, in nanoseconds since 1970; 0 without any."""


class FoldedTracker(NativeTracker):
    """A native tracker whose reads all follow from the histories of its runs.

    An author implements ``write``, :meth:`history`, :meth:`histories` and the keeping
    of content.
    """

    @abstractmethod
    def history(self, run_id: str) -> RunHistory | None:
        """Return the history of a run, brought up to date; None of an unknown one."""

    @abstractmethod
    def histories(self) -> Iterable[RunHistory]:
        """Return the histories of all runs, brought up to date, in any order."""

    def listed(self) -> Iterable[Listed]:
        """Return what a list tells of all runs, in any order: here their histories."""
        return self.histories()

    def run(self, run_id: str) -> RunInfo:
        """Return who a run is, as :meth:`NativeTracker.run` says."""
        return self._history(run_id).info()

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Return runs, as :meth:`NativeTracker.runs` says."""
        newest_first = sorted(
            self.listed(), key=lambda one: (one.created_ns, one.run_id), reverse=True
        )
        return select_runs(newest_first, query, order_by, limit)

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the metadata, as :meth:`NativeTracker.metadata` says."""
        return self._known(run_id).metadata()

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Return the artifacts, as :meth:`NativeTracker.artifacts` says."""
        return self._known(run_id).artifacts()

    def artifact_history(self, run_id: str, name: str) -> Sequence[TrackerArtifact]:
        """Return what a name meant, as :meth:`NativeTracker.artifact_history` says."""
        return self._history(run_id).artifact_history(name)

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[TrackerSource]:
        """Return the edges, as :meth:`NativeTracker.sources` says."""
        return self._known(run_id).sources(artifact_name)

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Return the params, as :meth:`NativeTracker.params` says."""
        return self._history(run_id).params()

    def param_history(self, run_id: str, key: str) -> Sequence[ParamChange]:
        """Return the values of one, as :meth:`NativeTracker.param_history` says."""
        return self._history(run_id).param_history(key)

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the tags, as :meth:`NativeTracker.tags` says."""
        return self._history(run_id).tags()

    def provenance(self, run_id: str) -> Mapping[str, Value]:
        """Return the provenance, as :meth:`NativeTracker.provenance` says."""
        return self._history(run_id).provenance()

    def steps(self, run_id: str) -> Sequence[StepInfo]:
        """Return the steps, as :meth:`NativeTracker.steps` says."""
        return self._history(run_id).steps()

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Return the summaries, as :meth:`NativeTracker.series` says."""
        return self._history(run_id).series()

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Return points, as :meth:`NativeTracker.points` says."""
        history = self._history(run_id)
        return history.points(series, start_index, limit, abandoned=abandoned)

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> Rows:
        """Return points of a stream, as :meth:`NativeTracker.rows` says."""
        return self._history(run_id).rows(stream, start_index, limit)

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Return messages, as :meth:`NativeTracker.logs` says."""
        return self._history(run_id).logs(
            None if level is None else check_level(level),
            start_ns=None if start is None else to_ns(start),
            end_ns=None if end is None else to_ns(end),
            text=text,
            limit=limit,
        )

    def topics(self, run_id: str) -> Sequence[str]:
        """Return the topics, as :meth:`NativeTracker.topics` says."""
        return self._history(run_id).topics()

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Return entries of a track, as :meth:`NativeTracker.track_entries` says."""
        return self._history(run_id).track_entries(
            topic,
            None if start is None else check_bound(start),
            None if end is None else check_bound(end),
        )

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Give all records again, as :meth:`NativeTracker.batches` says."""
        return self._history(run_id).batches()

    def taken(self, run_id: str) -> Mapping[str, Taken]:
        """Return what was taken, as :meth:`NativeTracker.taken` says."""
        return self._history(run_id).taken()

    def _known(self, run_id: str) -> RunHistory:
        return self.history(run_id) or RunHistory(run_id)

    def _history(self, run_id: str) -> RunHistory:
        history = self.history(run_id)
        if history is None:
            raise RunNotFoundError(run_id)
        return history
