"""Trackers that are each wrong in one way about content, identity or queries."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from tracker_core.api import Capability, Query
from tracker_core.compactions import Compaction
from tracker_core.contents import Content, pieces
from tracker_core.datatypes import TrackerArtifact
from tracker_core.errors import ContentError, QueryError
from tracker_core.experiments import Experiment
from tracker_core.filters import ParamFilter
from tracker_core.records import (
    Batch,
    CreatedBody,
    EndedBody,
    LogBody,
    ProvenanceBody,
    SpanBody,
    StartedBody,
)
from tracker_core.runs import RunInfo
from tracker_core.testing import MemoryTracker
from tracker_core.testing.memory import MemoryStore
from tracker_core.values import Value

__all__ = ["STORE_MUTANTS"]


class VerifiesNoContent(MemoryTracker):
    """Believes that content is that of its digest."""

    def add_content(self, content: Content) -> None:
        """Keep what comes."""
        with content.open() as file:
            self._store.contents[content.digest] = b"".join(pieces(file))


class KeepsBeforeItVerifies(MemoryTracker):
    """Keeps content, and looks afterwards whether it was right."""

    def add_content(self, content: Content) -> None:
        """Keep piece by piece."""
        kept = self._store.contents
        if content.digest in kept:
            return
        kept[content.digest] = b""
        for piece in content.read_checked():
            kept[content.digest] += piece


class ReadsContentWhole(MemoryTracker):
    """Reads all of a file at once."""

    def add_content(self, content: Content) -> None:
        """Read."""
        with content.open() as file:
            data = file.read()
        super().add_content(content._replace(open=lambda: io.BytesIO(data)))


class KnowsContentBySize(MemoryTracker):
    """Takes content of one size for one and the same."""

    def add_content(self, content: Content) -> None:
        """Look for the size."""
        for data in self._store.contents.values():
            if len(data) == content.size_bytes:
                self._store.contents[content.digest] = data
                return
        super().add_content(content)


class OneFileForAll(MemoryTracker):
    """Gives all readers of a content one file."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep open files."""
        super().__init__(store)
        self._files: dict[str, BinaryIO] = {}

    def open_content(self, digest: str) -> BinaryIO:
        """Give the file that was opened first."""
        opened = super().open_content(digest)
        file = self._files.setdefault(digest, opened)
        return opened if file.closed else file


class OpensReferences(MemoryTracker):
    """Opens what lies elsewhere."""

    def open_artifact(self, run_id: str, name_or_digest: str) -> BinaryIO:
        """Open the path."""
        found = self.artifacts(run_id).get(name_or_digest)
        if found is not None and found.digest is None and Path(found.path).exists():
            return io.BytesIO(b"")
        return super().open_artifact(run_id, name_or_digest)


class AnyDigestWillDo(MemoryTracker):
    """Opens content of other runs."""

    def open_artifact(self, run_id: str, name_or_digest: str) -> BinaryIO:
        """Look into the store alone."""
        try:
            return self.open_content(name_or_digest)
        except ContentError:
            return super().open_artifact(run_id, name_or_digest)


class KnowsArtifactsByName(MemoryTracker):
    """Keeps one artifact of each name."""

    def artifact_history(self, run_id: str, name: str) -> Sequence[TrackerArtifact]:
        """Give the newest alone."""
        return super().artifact_history(run_id, name)[-1:]


class ForgetsRoles(MemoryTracker):
    """Keeps an artifact without its role."""

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Forget."""
        found = super().artifacts(run_id)
        return {name: replace(artifact, role=None) for name, artifact in found.items()}


class ForgetsContentOnClosing(MemoryTracker):
    """Claims to keep content that it forgets when it is closed."""

    capabilities = frozenset(
        {Capability.HISTORY, Capability.CONTENT, Capability.PERSISTENT}
    )

    def close(self) -> None:
        """Forget."""
        self._store.contents.clear()


class ReplacesProvenance(MemoryTracker):
    """Takes the last record for all of the provenance."""

    def provenance(self, run_id: str) -> Mapping[str, Value]:
        """Give what was said last."""
        super().provenance(run_id)
        told = self._store.runs[run_id]._in_order(ProvenanceBody)  # noqa: SLF001 - no other way
        return told[-1][1].values if told else {}


class ReplacesSpans(MemoryTracker):
    """Takes None in a later span for a word."""

    def run(self, run_id: str) -> RunInfo:
        """Give what was said last."""
        told = super().run(run_id)
        spans = self._store.runs[run_id]._in_order(SpanBody)  # noqa: SLF001 - no other way
        if not spans:
            return told
        last = spans[-1][1]
        return replace(told, trace_id=last.trace_id, span_id=last.span_id)


class StatusByArrival(MemoryTracker):
    """Takes the life-cycle record that arrives last for the last."""

    def __init__(self, store: MemoryStore) -> None:
        """Keep the statuses beside the store."""
        super().__init__(store)
        self._status: dict[str, str] = {}

    def write(self, batch: Batch) -> None:
        """Remember what came last."""
        super().write(batch)
        for record in batch.records:
            match record.body:
                case CreatedBody():
                    self._status[batch.run_id] = "PENDING"
                case StartedBody():
                    self._status[batch.run_id] = "RUNNING"
                case EndedBody(_, status, _):
                    self._status[batch.run_id] = status
                case _:
                    pass

    def run(self, run_id: str) -> RunInfo:
        """Give the last arrival."""
        told = super().run(run_id)
        return replace(told, status=self._status.get(run_id))


class ConfigOfTheFirstRun(MemoryTracker):
    """Keeps the config that an experiment was made with."""

    def experiments(self) -> Sequence[Experiment]:
        """Give that of the oldest run."""
        runs = [*reversed(self.runs())]
        return [
            replace(
                experiment,
                config=next(
                    run.experiment_config
                    for run in runs
                    if run.experiment == experiment.name
                ),
            )
            for experiment in super().experiments()
        ]


class CountsRunsTwice(MemoryTracker):
    """Leaves a run in the experiment that it was in before."""

    def experiments(self) -> Sequence[Experiment]:
        """Add those of earlier words."""
        found = {e.name: e for e in super().experiments()}
        for history in self._store.runs.values():
            for _, body in history._in_order(CreatedBody):  # noqa: SLF001 - no other way
                if body.experiment and body.experiment not in found:
                    lone = Experiment(body.experiment, None, 1, None, None)
                    found[body.experiment] = lone
        return [*found.values()]


class LimitBeforeTheQuery(MemoryTracker):
    """Looks for matching runs among the newest alone."""

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Cut first."""
        newest = {run.run_id for run in super().runs(limit=limit)}
        found = super().runs(query, order_by)
        return [run for run in found if run.run_id in newest]


class MissingComesFirst(MemoryTracker):
    """Turns the whole list round where an order is descending."""

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Turn round."""
        if order_by is None or not order_by.startswith("-"):
            return super().runs(query, order_by, limit)
        return [*reversed(super().runs(query, order_by[1:]))][:limit]


class BadQueryFindsNothing(MemoryTracker):
    """Finds nothing where it should say that it was asked for nothing."""

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Stay silent."""
        try:
            return super().runs(query, order_by, limit)
        except QueryError:
            return []


class ComparesWithinOneType(MemoryTracker):
    """Lets an int match no float."""

    def filter_runs(
        self, experiment: str | None, filters: Iterable[ParamFilter]
    ) -> Sequence[RunInfo]:
        """Ask for the type too."""
        asked = list(filters)
        return [
            run
            for run in super().filter_runs(experiment, asked)
            if all(
                type(self.params(run.run_id)[item.key]) is type(item.value)
                for item in asked
            )
        ]


class ComparesTexts(MemoryTracker):
    """Lets the text of a number match the number, as untyped columns do."""

    def filter_runs(
        self, experiment: str | None, filters: Iterable[ParamFilter]
    ) -> Sequence[RunInfo]:
        """Compare both as they are and as texts."""
        asked = list(filters)
        found = {run.run_id: run for run in super().filter_runs(experiment, asked)}
        texts = [ParamFilter(item.key, item.op, str(item.value)) for item in asked]
        more = super().filter_runs(experiment, texts)
        return [*found.values(), *(run for run in more if run.run_id not in found)]


class AnswersWhatItLacks(MemoryTracker):
    """Declares no history, and shows none where it should refuse."""

    capabilities = frozenset({Capability.CONTENT})


class KeepsWhatItRefuses(MemoryTracker):
    """Declares no content, and takes it in silence."""

    capabilities = frozenset({Capability.HISTORY})

    def add_content(self, content: Content) -> None:
        """Drop."""


class CompactsLogsAway(MemoryTracker):
    """Leaves something out of the smaller form."""

    def compact(self, run_id: str | None = None) -> Compaction:
        """Forget the messages."""
        for name in self._store.runs if run_id is None else [run_id]:
            if name in self._store.runs:
                self._store.runs[name]._told.pop(LogBody, None)  # noqa: SLF001 - a mutant
        return Compaction()


class CompactsWhatRuns(MemoryTracker):
    """Counts what it must leave alone."""

    def compact(self, run_id: str | None = None) -> Compaction:
        """Count every run."""
        del run_id
        return Compaction(runs=len(self._store.runs))


class ClosesWhatIsCompacted(MemoryTracker):
    """Takes nothing more once it has compacted."""

    def __init__(self, store: MemoryStore) -> None:
        """Begin with all runs open."""
        super().__init__(store)
        self._closed: set[str] = set()

    def write(self, batch: Batch) -> None:
        """Pass over what comes late."""
        if batch.run_id not in self._closed:
            super().write(batch)

    def compact(self, run_id: str | None = None) -> Compaction:
        """Close."""
        self._closed |= {run_id} if run_id else set()
        return Compaction()


STORE_MUTANTS: tuple[type[MemoryTracker], ...] = (
    VerifiesNoContent,
    KeepsBeforeItVerifies,
    ReadsContentWhole,
    KnowsContentBySize,
    OneFileForAll,
    OpensReferences,
    AnyDigestWillDo,
    KnowsArtifactsByName,
    ForgetsRoles,
    ForgetsContentOnClosing,
    ReplacesProvenance,
    ReplacesSpans,
    StatusByArrival,
    ConfigOfTheFirstRun,
    CountsRunsTwice,
    LimitBeforeTheQuery,
    MissingComesFirst,
    BadQueryFindsNothing,
    ComparesWithinOneType,
    ComparesTexts,
    AnswersWhatItLacks,
    KeepsWhatItRefuses,
    CompactsLogsAway,
    CompactsWhatRuns,
    ClosesWhatIsCompacted,
)
