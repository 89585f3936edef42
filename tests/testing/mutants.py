"""Trackers that are each wrong in one way, and the tests that must catch them.

pytest does not collect this by itself: ``test_contract.py`` runs it in a process of
its own and looks which test catches which mutant.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest
from hypothesis import Phase, settings

from tests.testing.catches import is_wanted
from tests.testing.mutants_of_forms import FORM_MUTANTS
from tests.testing.mutants_of_removals import REMOVAL_MUTANTS
from tests.testing.mutants_of_series import SERIES_MUTANTS
from tests.testing.mutants_of_stores import STORE_MUTANTS
from tests.testing.mutants_of_stories import STORY_MUTANTS
from tracker_core.api import Capability, Query
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import PermanentError
from tracker_core.history import RunHistory
from tracker_core.identity import new_run_id
from tracker_core.points import Points
from tracker_core.records import (
    Batch,
    EndedBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
    TagsBody,
    UnknownBody,
    Writer,
)
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary
from tracker_core.testing import MemoryTracker, TrackerContract
from tracker_core.testing.memory import MemoryStore
from tracker_core.values import Value

# A mutant is to be found, not explained: shrinking would take a minute.
settings.register_profile(
    "mutants", phases=[Phase.generate], derandomize=True, report_multiple_bugs=False
)
settings.load_profile("mutants")


class LastArrivalWins(MemoryTracker):
    """Takes the last param to arrive for the last one."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep arrivals beside the store."""
        super().__init__(store)
        self._arrived: dict[str, dict[str, Value]] = {}

    def write(self, batch: Batch) -> None:
        """Remember what came last."""
        super().write(batch)
        for record in batch.records:
            if isinstance(record.body, ParamsBody):
                arrived = self._arrived.setdefault(batch.run_id, {})
                arrived.update(record.body.values)

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Give the last arrivals."""
        super().params(run_id)
        return dict(sorted(self._arrived.get(run_id, {}).items()))


class NanIsLost(MemoryTracker):
    """Gives None for NaN, as a careless JSON column does."""

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Lose NaN."""
        found = super().points(run_id, series, start_index, limit, abandoned=abandoned)
        return _mapped(found, start_index, lambda v: None if v != v else v)  # noqa: PLR0124


class BoolIsInt(MemoryTracker):
    """Gives 1 for True, as a column of integers does."""

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Lose the type."""
        return {
            key: int(value) if isinstance(value, bool) else value
            for key, value in super().params(run_id).items()
        }


class IntIsFloat(MemoryTracker):
    """Gives 3.0 for 3, as a column of floats does."""

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
        return _mapped(found, start_index, lambda v: float(v) if type(v) is int else v)


class ZeroLosesItsSign(MemoryTracker):
    """Gives 0.0 for -0.0."""

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Lose the sign."""
        return {
            k: 0.0 if v == 0.0 and type(v) is float else v
            for k, v in super().params(run_id).items()
        }


class RepeatsCountTwice(MemoryTracker):
    """Takes every batch for a new one."""

    def write(self, batch: Batch) -> None:
        """Forget who writes."""
        writer = batch.writer._replace(id=batch.writer.id + new_run_id())
        super().write(batch._replace(writer=writer))


class KnowsBatchesByName(MemoryTracker):
    """Passes over a batch of the same name only, so overlaps count twice."""

    def write(self, batch: Batch) -> None:
        """Make each range of a writer a writer of its own."""
        name = f"{batch.writer.id}-{batch.first}-{batch.last}"
        super().write(batch._replace(writer=batch.writer._replace(id=name)))


class WatermarkOnly(MemoryTracker):
    """Passes over everything below the highest sequence, so gaps stay open."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep the watermarks."""
        super().__init__(store)
        self._highest: dict[tuple[str, Writer], int] = {}

    def write(self, batch: Batch) -> None:
        """Take what lies above the watermark."""
        name = (batch.run_id, batch.writer)
        highest = self._highest.get(name, 0)
        self._highest[name] = max(highest, batch.last)
        new = tuple(r for r in batch.records if r.sequence > highest)
        if new:
            super().write(batch._replace(first=new[0].sequence, records=new))


class LabelsByPrefix(MemoryTracker):
    """Gives the edges whose label begins with the one asked for."""

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[TrackerSource]:
        """Compare beginnings."""
        wanted = artifact_name or ""
        return [
            edge
            for edge in super().sources(run_id)
            if (edge.artifact_name or "").startswith(wanted)
        ]


class UnknownRunIsEmpty(MemoryTracker):
    """Answers for runs that it does not hold."""

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Give nothing instead of an error."""
        return super().tags(run_id) if run_id in self._store.runs else {}


class ReadingCreates(MemoryTracker):
    """Makes a run of everything that is asked for, as MLflow's client may."""

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Leave a trace."""
        self._store.runs.setdefault(run_id, RunHistory(run_id))
        return super().metadata(run_id)


class SummaryByArrival(MemoryTracker):
    """Takes the last point to arrive for the last one."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep arrivals beside the store."""
        super().__init__(store)
        self._last: dict[tuple[str, str], Value] = {}

    def write(self, batch: Batch) -> None:
        """Remember what came last."""
        super().write(batch)
        for record in batch.records:
            if isinstance(record.body, MetricsBody):
                for stream, fields in record.body.streams.items():
                    for field, value in fields.items():
                        name = f"{stream}/{field}" if stream else field
                        self._last[batch.run_id, name] = value

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Give the last arrival."""
        return {
            name: summary._replace(last=self._last[run_id, name])
            for name, summary in super().series(run_id).items()
        }


class MeanIsRounded(MemoryTracker):
    """Adds floats as they come."""

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Divide a sum of rounded sums."""
        return {
            name: summary._replace(mean=self._mean(run_id, name, summary))
            for name, summary in super().series(run_id).items()
        }

    def _mean(self, run_id: str, name: str, summary: Summary) -> float | None:
        values = [
            value
            for value in self.points(run_id, name).values
            if type(value) is float and math.isfinite(value)
        ]
        if len(values) != summary.count:
            return summary.mean
        return sum(values[1:], start=values[0]) / len(values)


class FoldsCase(MemoryTracker):
    """Takes ``Loss`` for ``loss``, as some databases do."""

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Fold keys."""
        found = super().tags(run_id)
        return {key: found[key] for key in {k.lower(): k for k in found}.values()}


class CutsNames(MemoryTracker):
    """Cuts artifact names at 255 characters, as file systems do."""

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Cut."""
        found = super().artifacts(run_id)
        return {name[:255]: artifact for name, artifact in found.items()}


class TrimsRunIds(MemoryTracker):
    """Takes a run id with a blank at its end for the one without."""

    def write(self, batch: Batch) -> None:
        """Trim."""
        super().write(batch._replace(run_id=batch.run_id.strip()))


class IgnoresLimits(MemoryTracker):
    """Gives all runs, however many were asked for."""

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Ignore."""
        del limit
        return super().runs(query, order_by)


class OldestFirst(MemoryTracker):
    """Gives the runs in the order of their creation."""

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Turn round."""
        return [*reversed(super().runs(query, order_by))][:limit]


class IndexFromWindow(MemoryTracker):
    """Counts the points of a window from 0."""

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Begin anew."""
        found = super().points(run_id, series, start_index, limit, abandoned=abandoned)
        return _mapped(found, 0, lambda v: v)


class RefusesTheUnknown(MemoryTracker):
    """Refuses records of later versions."""

    def write(self, batch: Batch) -> None:
        """Refuse."""
        if any(isinstance(record.body, UnknownBody) for record in batch.records):
            message = "unknown kind"
            raise PermanentError(message)
        super().write(batch)


class IgnoresParents(MemoryTracker):
    """Gives all runs for the children of any."""

    def run_ids(self, **kwargs: str | None) -> Iterable[str]:
        """Ignore the filter."""
        del kwargs
        return super().run_ids()


class JobBeatsLauncher(MemoryTracker):
    """Believes the job about its end."""

    def write(self, batch: Batch) -> None:
        """Forget who said so."""
        records = tuple(
            record._replace(body=EndedBody("job", *record.body[1:]))
            if isinstance(record.body, EndedBody)
            else record
            for record in batch.records
        )
        super().write(batch._replace(records=records))


class OneAttempt(MemoryTracker):
    """Knows one attempt of a run."""

    def write(self, batch: Batch) -> None:
        """Forget the attempt."""
        super().write(batch._replace(writer=batch.writer._replace(attempt=1)))


class ForgetsFactsOfAttempts(MemoryTracker):
    """Keeps of an end only what was told of one at first."""

    def write(self, batch: Batch) -> None:
        """Forget the exit code and the memory."""
        records = tuple(
            record._replace(body=EndedBody(*record.body[:3]))
            if isinstance(record.body, EndedBody)
            else record
            for record in batch.records
        )
        super().write(batch._replace(records=records))


class TimesInMicroseconds(MemoryTracker):
    """Keeps times as datetimes, which have no nanoseconds."""

    def write(self, batch: Batch) -> None:
        """Cut the times."""
        records = (r._replace(time_ns=r.time_ns // 1000 * 1000) for r in batch.records)
        super().write(batch._replace(records=tuple(records)))


class Unsorted(MemoryTracker):
    """Gives keys in the order in which they came."""

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Turn round."""
        return dict(reversed([*super().tags(run_id).items()]))


class HalfABatch(MemoryTracker):
    """Forgets what comes after the thousandth record of a batch."""

    def write(self, batch: Batch) -> None:
        """Cut."""
        super().write(batch._replace(records=batch.records[:1000]))


class NotPersistent(MemoryTracker):
    """Claims to keep and to share what it keeps in memory."""

    capabilities = frozenset(Capability)


class ForgetsOnClosing(MemoryTracker):
    """Claims to keep what it forgets when it is closed."""

    capabilities = frozenset({Capability.HISTORY, Capability.PERSISTENT})

    def close(self) -> None:
        """Forget."""
        self._store.runs.clear()


class DependsOnStart(MemoryTracker):
    """Does not know a run before it has started or said something."""

    def write(self, batch: Batch) -> None:
        """Wait for something to hold."""
        known = (ParamsBody, TagsBody, StartedBody)
        if batch.run_id in self._store.runs or any(
            isinstance(record.body, known) for record in batch.records
        ):
            super().write(batch)


def _mapped(points: Points, start: int, change: Callable[[Value], Value]) -> Points:
    rows = ((step, time_ns, change(value)) for _, step, time_ns, value in points)
    return Points.of_rows(rows, start)


MUTANTS: tuple[type[MemoryTracker], ...] = (
    LastArrivalWins,
    NanIsLost,
    BoolIsInt,
    IntIsFloat,
    ZeroLosesItsSign,
    RepeatsCountTwice,
    KnowsBatchesByName,
    WatermarkOnly,
    LabelsByPrefix,
    UnknownRunIsEmpty,
    ReadingCreates,
    SummaryByArrival,
    MeanIsRounded,
    FoldsCase,
    CutsNames,
    TrimsRunIds,
    IgnoresLimits,
    OldestFirst,
    IndexFromWindow,
    RefusesTheUnknown,
    IgnoresParents,
    JobBeatsLauncher,
    OneAttempt,
    ForgetsFactsOfAttempts,
    TimesInMicroseconds,
    Unsorted,
    HalfABatch,
    NotPersistent,
    ForgetsOnClosing,
    DependsOnStart,
    *SERIES_MUTANTS,
    *STORY_MUTANTS,
    *STORE_MUTANTS,
    *REMOVAL_MUTANTS,
    *FORM_MUTANTS,
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the mutants of a test, since all with all are thirty thousand."""
    test = metafunc.function.__name__
    chosen = [mutant for mutant in MUTANTS if is_wanted(mutant.__name__, test)]
    metafunc.parametrize("mutant", chosen, ids=lambda mutant: mutant.__name__)


class TestMutant(TrackerContract):
    """Of the suite, what must catch a mutant, on that one."""

    # The search ends at the first difference, so this is rarely reached.
    machine_examples = 300

    @pytest.fixture
    def open_tracker(
        self, mutant: type[MemoryTracker]
    ) -> functools.partial[MemoryTracker]:
        """Open trackers on one new store."""
        return functools.partial(mutant, MemoryStore())
