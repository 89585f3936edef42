"""Trackers that are each wrong in one way about streams, rewinds, params or steps."""

from collections.abc import Callable, Mapping, Sequence

from tracker_core.entries import ParamChange, Row, Rows
from tracker_core.points import Points
from tracker_core.records import Batch, Body, ColumnsBody, MetricsBody, StepBody
from tracker_core.stepinfo import StepInfo, step_infos
from tracker_core.summaries import SeriesState, Summary
from tracker_core.testing import MemoryTracker
from tracker_core.testing.memory import MemoryStore
from tracker_core.values import Value

__all__ = ["SERIES_MUTANTS", "with_bodies"]


def with_bodies(batch: Batch, change: Callable[[Body], Body]) -> Batch:
    """Return the batch with each body changed."""
    records = (record._replace(body=change(record.body)) for record in batch.records)
    return batch._replace(records=tuple(records))


class _ChangedColumns(MemoryTracker):
    """Changes the columns that it is given."""

    def write(self, batch: Batch) -> None:
        """Change."""
        super().write(with_bodies(batch, self._changed))

    def _changed(self, body: Body) -> Body:
        if not isinstance(body, ColumnsBody):
            return body
        fields = {name: self._column(column) for name, column in body.fields.items()}
        length = len(next(iter(fields.values())))
        steps = None if body.steps is None else body.steps[:length]
        return ColumnsBody(body.stream, steps, fields)

    def _column(self, column: Sequence[Value]) -> Sequence[Value]:
        return column


class NanInColumnsIsLost(_ChangedColumns):
    """Gives None for NaN in a column, as a column that knows no NaN does."""

    def _column(self, column: Sequence[Value]) -> Sequence[Value]:
        return [None if value != value else value for value in column]  # noqa: PLR0124


class ColumnsAreFloats(_ChangedColumns):
    """Takes every column of numbers for one of floats."""

    def _column(self, column: Sequence[Value]) -> Sequence[Value]:
        return [float(v) if type(v) is int and abs(v) < 2**53 else v for v in column]


class CutsColumns(_ChangedColumns):
    """Forgets what comes after a block of points."""

    def _column(self, column: Sequence[Value]) -> Sequence[Value]:
        return column[:4096]


class ColumnsReplaceSteps(_ChangedColumns):
    """Keeps one point per step of a record, as a unique index does."""

    def _changed(self, body: Body) -> Body:
        if not isinstance(body, ColumnsBody) or body.steps is None:
            return body
        rows = {step: row for row, step in enumerate(body.steps)}
        fields = {
            name: [column[row] for row in rows.values()]
            for name, column in body.fields.items()
        }
        return ColumnsBody(body.stream, [*rows], fields)


class FloatSteps(MemoryTracker):
    """Gives steps as floats, which loses large ones."""

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Lose the type."""
        found = super().points(run_id, series, start_index, limit, abandoned=abandoned)
        steps = [None if step is None else int(float(step)) for step in found.steps]
        steps = [step if step is None or step < 2**63 else 0 for step in steps]
        return Points(steps, found.times_ns, found.values, start_index)


class SteplessIsZero(MemoryTracker):
    """Takes a point without a step for one at step 0."""

    def write(self, batch: Batch) -> None:
        """Fill in."""
        super().write(with_bodies(batch, _with_step))


class ForgetsAbandoned(MemoryTracker):
    """Deletes what a restart made worthless."""

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Give the current curve, whatever was asked for."""
        del abandoned
        return super().points(run_id, series, start_index, limit)


class ShowsAbandoned(MemoryTracker):
    """Knows no rewinds."""

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Give all points, whatever was asked for."""
        del abandoned
        return super().points(run_id, series, start_index, limit, abandoned=True)


class SummaryOfAllPoints(MemoryTracker):
    """Lets abandoned points into the summary, as running totals do."""

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Sum up all points."""
        found = {}
        for name in super().series(run_id):
            state = SeriesState()
            for point in self.points(run_id, name, abandoned=True):
                key = (1, 0, "", 0, point.index)
                state.add(key, point.step, point.value)
            found[name] = state.summary()
        return found


class OneRank(MemoryTracker):
    """Lets one rank rewind all."""

    def write(self, batch: Batch) -> None:
        """Forget the rank."""
        super().write(batch._replace(writer=batch.writer._replace(rank=None)))


class RewindsWhatHasArrived(MemoryTracker):
    """Abandons at write, so that what arrives later stands."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep the newest attempt of each run beside the store."""
        super().__init__(store)
        self._newest: dict[str, int] = {}

    def write(self, batch: Batch) -> None:
        """Take late batches for those of the newest attempt."""
        writer, known = batch.writer, self._newest.get(batch.run_id, 1)
        self._newest[batch.run_id] = newest = max(known, writer.attempt)
        super().write(batch._replace(writer=writer._replace(attempt=newest)))


class TotalIsWhatIsGiven(MemoryTracker):
    """Counts the rows that it returns."""

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> Rows:
        """Count."""
        found = super().rows(run_id, stream, start_index, limit)
        return Rows(found, len(found))


class FieldsOfTheFirstRow(MemoryTracker):
    """Gives the fields that the first row has, as a table made from it does."""

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> Rows:
        """Forget the others."""
        found = super().rows(run_id, stream, start_index, limit)
        known = found[0].fields if found else {}
        kept = (
            row._replace(fields={k: v for k, v in row.fields.items() if k in known})
            for row in found
        )
        return Rows(kept, found.total)


class RowsOfStreamsBelow(MemoryTracker):
    """Takes a stream for a prefix."""

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> Rows:
        """Add those of the streams that begin so."""
        streams = {name.rpartition("/")[0] for name in self.series(run_id)} | {stream}
        found: list[Row] = []
        for name in sorted(streams):
            if name.startswith(stream):
                found += super().rows(run_id, name, start_index, limit)
        return Rows(found, len(found))


class CollapsesParams(MemoryTracker):
    """Keeps a change of a param only where the value is another."""

    def param_history(self, run_id: str, key: str) -> Sequence[ParamChange]:
        """Drop what equals the one before."""
        kept: list[ParamChange] = []
        for change in super().param_history(run_id, key):
            if not kept or kept[-1].value != change.value:
                kept.append(change)
        return kept


class StepsRunForEver(MemoryTracker):
    """Knows the end of a step only by its own word."""

    def steps(self, run_id: str) -> Sequence[StepInfo]:
        """Ask the records of steps alone."""
        super().steps(run_id)
        told = self._store.runs[run_id]._in_order(StepBody)  # noqa: SLF001 - no other way
        return step_infos(told, ())


class OneExecution(MemoryTracker):
    """Keeps the last execution of a step."""

    def steps(self, run_id: str) -> Sequence[StepInfo]:
        """Forget the others."""
        return [
            StepInfo(step.name, step.status, step.attempts[-1:])
            for step in super().steps(run_id)
        ]


class StepsByName(MemoryTracker):
    """Sorts steps by name."""

    def steps(self, run_id: str) -> Sequence[StepInfo]:
        """Sort."""
        return sorted(super().steps(run_id), key=lambda step: step.name)


def _with_step(body: Body) -> Body:
    if isinstance(body, MetricsBody) and body.step is None:
        return body._replace(step=0)
    return body


SERIES_MUTANTS: tuple[type[MemoryTracker], ...] = (
    NanInColumnsIsLost,
    ColumnsAreFloats,
    CutsColumns,
    ColumnsReplaceSteps,
    FloatSteps,
    SteplessIsZero,
    ForgetsAbandoned,
    ShowsAbandoned,
    SummaryOfAllPoints,
    OneRank,
    RewindsWhatHasArrived,
    TotalIsWhatIsGiven,
    FieldsOfTheFirstRow,
    RowsOfStreamsBelow,
    CollapsesParams,
    StepsRunForEver,
    OneExecution,
    StepsByName,
)
