"""Trackers that are each wrong in one way about the removal of runs."""

from collections.abc import Sequence

from tracker_core.api import Query
from tracker_core.records import Batch
from tracker_core.removals import Removal
from tracker_core.runs import RunInfo
from tracker_core.testing import MemoryTracker
from tracker_core.testing.memory import MemoryStore

__all__ = ["REMOVAL_MUTANTS"]


class RemovesFromListsAlone(MemoryTracker):
    """Hides a run, and answers for it when it is asked."""

    def __init__(self, store: MemoryStore) -> None:
        """Hide nothing yet."""
        super().__init__(store)
        self._hidden: set[str] = set()

    def remove(self, run_id: str) -> Removal:
        """Hide."""
        taken = self._history(run_id).taken().values()
        self._hidden.add(run_id)
        return Removal(sum(one.total for one in taken), len(self.artifacts(run_id)))

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """List what is not hidden."""
        found = super().runs(query, order_by, limit)
        return [run for run in found if run.run_id not in self._hidden]


class RemovesWhatOthersSay(MemoryTracker):
    """Removes every run that used the one."""

    def remove(self, run_id: str) -> Removal:
        """Remove children too."""
        for child in list(self.run_ids(parent_run_id=run_id)):
            super().remove(child)
        return super().remove(run_id)


class RemovesContentOfOthers(MemoryTracker):
    """Frees all content that a run has named."""

    def remove(self, run_id: str) -> Removal:
        """Ask nobody."""
        for digest in self._history(run_id).digests():
            self._store.contents.pop(digest, None)
        return super().remove(run_id)


class BringsRunsBack(MemoryTracker):
    """Forgets who wrote the runs that it has removed."""

    def remove(self, run_id: str) -> Removal:
        """Forget."""
        removal = super().remove(run_id)
        self._store.removed.clear()
        return removal


class BuriesTheId(MemoryTracker):
    """Takes nothing any more of a run id that was removed."""

    def write(self, batch: Batch) -> None:
        """Pass over all writers of it."""
        if all(run_id != batch.run_id for run_id, _ in self._store.removed):
            super().write(batch)


class RemovesNothingQuietly(MemoryTracker):
    """Takes a run that nobody knows for one that is removed by now."""

    def remove(self, run_id: str) -> Removal:
        """Do nothing."""
        if self.history(run_id) is None:
            return Removal()
        return super().remove(run_id)


REMOVAL_MUTANTS: tuple[type[MemoryTracker], ...] = (
    RemovesFromListsAlone,
    RemovesWhatOthersSay,
    RemovesContentOfOthers,
    BringsRunsBack,
    BuriesTheId,
    RemovesNothingQuietly,
)
