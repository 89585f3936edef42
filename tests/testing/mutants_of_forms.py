"""Trackers that are each wrong in one way about heartbeats, columns or retelling."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tracker_core.api import Capability, Query
from tracker_core.gathered import Gathered
from tracker_core.history import RunHistory
from tracker_core.identity import new_run_id
from tracker_core.records import Batch, ColumnsBody, MetricsBody, Record
from tracker_core.runs import RunInfo
from tracker_core.taken import Taken
from tracker_core.testing import MemoryTracker

__all__ = ["FORM_MUTANTS"]


class ShowsNoHeartbeatInLists(MemoryTracker):
    """Tells of it where one run is asked for, and there alone."""

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Leave it out."""
        found = super().runs(query, order_by, limit)
        return [replace(run, heartbeat_at=None) for run in found]


class LastHeartbeatCounts(MemoryTracker):
    """Takes the last heartbeat to arrive for the newest."""

    def beat(self, run_id: str, time_ns: int) -> None:
        """Forget the one before."""
        history = self.history(run_id)
        if history is not None:
            history._heartbeat_ns = time_ns  # noqa: SLF001 - wrong on purpose


class OneHeartbeatForAll(MemoryTracker):
    """Believes that all runs live when one does."""

    def beat(self, run_id: str, time_ns: int) -> None:
        """Tell everybody."""
        if run_id in self._store.runs:
            for history in self._store.runs.values():
                history.beat(time_ns)


class HeartbeatMakesARun(MemoryTracker):
    """Takes a heartbeat for a run."""

    def beat(self, run_id: str, time_ns: int) -> None:
        """Make it known."""
        self._store.runs.setdefault(run_id, RunHistory(run_id)).beat(time_ns)


class NoHeartbeatAfterRecords(MemoryTracker):
    """Makes the row of a run anew with every batch."""

    def write(self, batch: Batch) -> None:
        """Forget."""
        super().write(batch)
        self._store.runs[batch.run_id]._heartbeat_ns = None  # noqa: SLF001 - wrong on purpose


class HeartbeatOfThisTracker(MemoryTracker):
    """Tells of the heartbeats that it was told itself."""

    def run(self, run_id: str) -> RunInfo:
        """Look into its own memory."""
        found = super().run(run_id)
        told = vars(self).setdefault("told", set())
        return found if run_id in told else replace(found, heartbeat_at=None)

    def beat(self, run_id: str, time_ns: int) -> None:
        """Remember."""
        vars(self).setdefault("told", set()).add(run_id)
        super().beat(run_id, time_ns)


class ForgetsHeartbeatsOnClosing(MemoryTracker):
    """Claims to keep what it forgets when it is closed."""

    capabilities = frozenset({Capability.HISTORY, Capability.PERSISTENT})

    def close(self) -> None:
        """Forget."""
        for history in self._store.runs.values():
            history._heartbeat_ns = None  # noqa: SLF001 - wrong on purpose


class TakesNoColumns(MemoryTracker):
    """Takes the records that are not made of plain points, and no others."""

    def write(self, batch: Batch) -> None:
        """Pass the columns over."""
        records = batch.records
        if isinstance(records, Gathered):
            batch = batch._replace(records=records.others)
        super().write(batch)


class _OwnWriters(MemoryTracker):
    """Takes columns as if another writer had written them."""

    def write(self, batch: Batch) -> None:
        """Take what comes in columns apart from the rest."""
        records = batch.records
        if isinstance(records, Gathered) and records.points:
            name = self._name(batch)
            batch = batch._replace(writer=batch.writer._replace(id=name))
        super().write(batch)

    def _name(self, batch: Batch) -> str:
        raise NotImplementedError


class RepeatedColumnsCountTwice(_OwnWriters):
    """Takes every batch of columns for a new one."""

    def _name(self, batch: Batch) -> str:
        return batch.writer.id + new_run_id()


class KnowsColumnsByName(_OwnWriters):
    """Passes over columns of the same name only, so overlaps count twice."""

    def _name(self, batch: Batch) -> str:
        return f"{batch.writer.id}-{batch.first}-{batch.last}"


class ColumnsNeverRewind(MemoryTracker):
    """Keeps all points of columns in one attempt."""

    def write(self, batch: Batch) -> None:
        """Forget the attempt."""
        if isinstance(batch.records, Gathered):
            batch = batch._replace(writer=batch.writer._replace(attempt=1))
        super().write(batch)


class FourThousandPoints(MemoryTracker):
    """Takes no more points of a batch of columns than a block has room for."""

    def write(self, batch: Batch) -> None:
        """Cut."""
        if isinstance(batch.records, Gathered):
            batch = batch._replace(records=batch.records[:4096])
        super().write(batch)


class TellsWhatStands(MemoryTracker):
    """Gives the records again without the points that were abandoned."""

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Leave them out."""
        latest = max(batch.writer.attempt for batch in super().batches(run_id))
        for batch in super().batches(run_id):
            records = batch.records
            if batch.writer.attempt < latest:
                records = [_without_points(record) for record in records]
            yield batch._replace(records=records)


class FillsGaps(MemoryTracker):
    """Tells that everything up to the last record was taken."""

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Begin with the first."""
        for batch in super().batches(run_id):
            yield batch._replace(first=1)


class TellsWithoutRanks(MemoryTracker):
    """Forgets which rank a writer was."""

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Forget."""
        for batch in super().batches(run_id):
            yield batch._replace(writer=batch.writer._replace(rank=None))


class TellsAsSomebodyElse(MemoryTracker):
    """Gives the records again under a new name each time."""

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Name the writers anew."""
        for batch in super().batches(run_id):
            writer = batch.writer._replace(id=batch.writer.id + new_run_id())
            yield batch._replace(writer=writer)


class TellsTheUnknownLater(MemoryTracker):
    """Finds out that it has no such run when the first batch is asked for."""

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Wait."""
        yield from super().batches(run_id)


class TellsAllAtOnce(MemoryTracker):
    """Gives a run of any length as one batch of each writer."""

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Join the batches."""
        found: dict[str, Batch] = {}
        for batch in super().batches(run_id):
            name = batch.writer.id
            joined = found.setdefault(
                name, batch._replace(last=batch.first, records=())
            )
            records = (*joined.records, *batch.records)
            found[name] = joined._replace(last=batch.last, records=records)
        return iter(found.values())


class TakenUpToTheLast(MemoryTracker):
    """Tells the watermark of each writer."""

    def taken(self, run_id: str) -> Mapping[str, Taken]:
        """Pass over the gaps."""
        return {
            writer: Taken().plus(1, taken.ranges[-1][1])
            for writer, taken in super().taken(run_id).items()
        }


def _without_points(record: Record) -> Record:
    if isinstance(record.body, MetricsBody | ColumnsBody):
        return record._replace(body=MetricsBody(None, {}))
    return record


FORM_MUTANTS: tuple[type[MemoryTracker], ...] = (
    ShowsNoHeartbeatInLists,
    LastHeartbeatCounts,
    OneHeartbeatForAll,
    HeartbeatMakesARun,
    NoHeartbeatAfterRecords,
    HeartbeatOfThisTracker,
    ForgetsHeartbeatsOnClosing,
    TakesNoColumns,
    RepeatedColumnsCountTwice,
    KnowsColumnsByName,
    ColumnsNeverRewind,
    FourThousandPoints,
    TellsWhatStands,
    FillsGaps,
    TellsWithoutRanks,
    TellsAsSomebodyElse,
    TellsTheUnknownLater,
    TellsAllAtOnce,
    TakenUpToTheLast,
)
