"""A tracker in the memory of this process: the reference model of the contract."""

from collections.abc import Mapping, Sequence

from tracker_core.api import Capability, NativeTracker
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import RunNotFoundError
from tracker_core.history import RunHistory
from tracker_core.points import Points
from tracker_core.records import Batch
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["MemoryTracker"]


class MemoryTracker(NativeTracker):
    """Keeps runs in a mapping; they last as long as it does.

    A forked child has a copy of the mapping: what it writes stays there.

    Args:
        store: The mapping, run id → history; trackers given the same one share runs.
    """

    capabilities: frozenset[Capability] = frozenset({Capability.HISTORY})

    def __init__(self, store: dict[str, RunHistory] | None = None) -> None:
        """Use ``store``, or a new empty one."""
        self._store = {} if store is None else store

    def write(self, batch: Batch) -> None:
        """Take ``batch``, as :meth:`NativeTracker.write` says."""
        history = self._store.setdefault(batch.run_id, RunHistory(batch.run_id))
        history.add(batch)

    def run(self, run_id: str) -> RunInfo:
        """Return who a run is, as :meth:`NativeTracker.run` says."""
        return self._history(run_id).info()

    def runs(self, limit: int | None = None) -> Sequence[RunInfo]:
        """Return the runs, as :meth:`NativeTracker.runs` says."""
        histories = sorted(
            self._store.values(),
            key=lambda history: (history.created_ns, history.run_id),
            reverse=True,
        )
        return [history.info() for history in histories[:limit]]

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the metadata, as :meth:`NativeTracker.metadata` says."""
        return self._known(run_id).metadata()

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Return the artifacts, as :meth:`NativeTracker.artifacts` says."""
        return self._known(run_id).artifacts()

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[TrackerSource]:
        """Return the edges, as :meth:`NativeTracker.sources` says."""
        return self._known(run_id).sources(artifact_name)

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Return the params, as :meth:`NativeTracker.params` says."""
        return self._history(run_id).params()

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the tags, as :meth:`NativeTracker.tags` says."""
        return self._history(run_id).tags()

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Return the summaries, as :meth:`NativeTracker.series` says."""
        return self._history(run_id).series()

    def points(
        self, run_id: str, series: str, start_index: int = 0, limit: int | None = None
    ) -> Points:
        """Return points, as :meth:`NativeTracker.points` says."""
        return self._history(run_id).points(series, start_index, limit)

    def _known(self, run_id: str) -> RunHistory:
        return self._store.get(run_id) or RunHistory(run_id)

    def _history(self, run_id: str) -> RunHistory:
        if run_id not in self._store:
            raise RunNotFoundError(run_id)
        return self._store[run_id]
