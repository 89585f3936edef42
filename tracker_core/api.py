"""The two interfaces of a tracker: eight calls, or records.

:class:`TrackerBase` is what torchx calls a tracker: eight calls, and nothing else. An
object that has them is a *plain* tracker and works everywhere here. A *native* tracker
also takes records whole and answers typed reads; :class:`NativeTracker` gives it the
eight calls for nothing.

Tracker calls every tracker object from one thread at a time, so an author needs no
locks. In a forked child the object is used again: what does not survive a fork (a
database connection) is opened anew there.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Self, TypeAlias

from tracker_core.bodies import artifact_body, metadata_body, source_body
from tracker_core.errors import (
    ExperimentNotFoundError,
    InvalidValueError,
    NotSupportedError,
)
from tracker_core.forks import ForkLock
from tracker_core.records import Batch, Body, Sequencer
from tracker_core.values import Value, check_name

if TYPE_CHECKING:  # read paths only: dataclasses are heavy for a job to import
    from tracker_core.compactions import Compaction
    from tracker_core.contents import Content
    from tracker_core.datatypes import Lineage, TrackerArtifact, TrackerSource
    from tracker_core.entries import LogEntry, ParamChange, Rows, TrackEntry
    from tracker_core.experiments import Experiment
    from tracker_core.filters import Condition, ParamFilter
    from tracker_core.points import Points
    from tracker_core.removals import Removal
    from tracker_core.runs import RunInfo
    from tracker_core.stepinfo import StepInfo
    from tracker_core.summaries import Summary
    from tracker_core.taken import Taken

__all__ = ["Capability", "NativeTracker", "Query", "TrackerBase"]

Query: TypeAlias = "str | Condition | None"
"""Which runs are wanted, by text as ``params.lr < 1e-3``, its parsed form, or all."""


class TrackerBase(ABC):
    """A place where runs are kept, by the eight calls of torchx.

    A run id is any non-empty text. Writing to an unknown run makes it known; reading
    one gives an empty answer, never an error.
    """

    @abstractmethod
    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Record a reference to something that the run made.

        Repeating the call with the same name replaces what ``artifacts`` gives for it.

        Args:
            run_id: The run.
            name: Unique within the run.
            path: A path or any URI; it is not checked and not opened.
            metadata: JSON values about it.
        """

    @abstractmethod
    def artifacts(self, run_id: str) -> "Mapping[str, TrackerArtifact]":
        """Return the newest artifact of each name."""

    @abstractmethod
    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Record keys with JSON values; a later value of a key replaces the earlier."""

    @abstractmethod
    def metadata(self, run_id: str) -> Mapping[str, object]:
        """Return the last value of each key; types are those that were given."""

    @abstractmethod
    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        """Record that the run used another; repeating the call changes nothing.

        Args:
            run_id: The run that used it.
            source_id: A run id or any foreign identifier; its existence is not checked.
            artifact_name: A label that classifies the edge.
        """

    @abstractmethod
    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> "Iterable[TrackerSource]":
        """Return what the run used; with a label only the edges of exactly that one."""

    @abstractmethod
    def lineage(self, run_id: str) -> "Lineage":
        """Return where the run comes from and what came of it."""

    @abstractmethod
    def run_ids(self, **kwargs: str) -> Iterable[str]:
        """Return the ids of all runs.

        Args:
            **kwargs: Filters; ``parent_run_id`` keeps the runs that used that run.
        """


class Capability(StrEnum):
    """Something that not every tracker can; declared, and held to by the contract."""

    HISTORY = "history"
    """All that is appended reads back – points, logs, tracks, steps, changes."""

    CONTENT = "content"
    """The content of artifacts is kept, not only where it lies."""

    PERSISTENT = "persistent"
    """What was written is there when the store is opened again."""

    MULTI_PROCESS = "multi_process"
    """Several processes may write to one store at once."""


class NativeTracker(TrackerBase):
    """A tracker that holds everything: it takes records and answers typed reads.

    A backend implements :meth:`write` and the reads; the eight calls of
    :class:`TrackerBase` follow from them. The typed reads raise
    :class:`~tracker_core.errors.RunNotFoundError` for an unknown run; ``metadata``,
    ``artifacts`` and ``sources``, being among the eight, give an empty answer.

    Answers depend on which records were taken, never on the order of arrival. Mappings
    are sorted by key.

    Attributes:
        capabilities: What this tracker can beyond the least.
        degraded: How many things it could not hold, by kind of record.
        beside: The kinds of records, such as ``log``, for which its store has no form:
            they are kept beside what it shows, and read back as exactly as all others.
        gathers_for: For how many seconds records may be gathered into one batch, where
            each batch costs much.
        turn: Hold it while calling the tracker; makes calls one at a time.
    """

    capabilities: frozenset[Capability] = frozenset(Capability)
    degraded: Mapping[str, int] = MappingProxyType({})
    beside: frozenset[str] = frozenset()
    gathers_for: float = 1.0
    turn: ForkLock
    _sequencer: Sequencer

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        """Prepare what the eight calls need, whatever ``__init__`` an author writes."""
        tracker = super().__new__(cls)
        tracker.turn = ForkLock()
        tracker._sequencer = Sequencer()
        return tracker

    @abstractmethod
    def write(self, batch: Batch) -> None:
        """Take ``batch`` whole or not at all.

        When the call returns, the records are kept for as long as the store lasts.
        Records of (run, writer) that were taken before are passed over, so repeating
        the call changes nothing. Records of unknown kinds must not be refused.

        Raises:
            RetryableError: Nothing was taken; the same batch may succeed later.
            PermanentError: Nothing was taken, and the same batch never will be.
        """

    @abstractmethod
    def run(self, run_id: str) -> "RunInfo":
        """Return who a run is and how it fares.

        Raises:
            RunNotFoundError: The store holds no record of it.
        """

    @abstractmethod
    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> "Sequence[RunInfo]":
        """Return runs, the newest first (by creation, then by id, descending).

        Args:
            query: Which runs, by params, tags, metadata, summaries of series and what
                they are, for example ``params.lr < 1e-3 and status = "FINISHED"``.
            order_by: By what they are sorted instead, for example
                ``metrics.train/loss.min`` or ``-created_at``; runs without it come
                last, and of equal ones the newest first.
            limit: How many at the most; None for all.

        Raises:
            QueryError: The query or the order means nothing; it says where and why.
            InvalidValueError: The limit is negative.
        """

    @abstractmethod
    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the last value of each metadata key, sorted; types are kept."""

    @abstractmethod
    def artifacts(self, run_id: str) -> "Mapping[str, TrackerArtifact]":
        """Return the newest artifact of each name, sorted by name."""

    @abstractmethod
    def artifact_history(self, run_id: str, name: str) -> "Sequence[TrackerArtifact]":
        """Return all that a name has meant, the newest last; nothing if unknown.

        Raises:
            RunNotFoundError: The store holds no record of the run.
        """

    @abstractmethod
    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> "Sequence[TrackerSource]":
        """Return each edge once, sorted by source, then by label, none first."""

    @abstractmethod
    def params(self, run_id: str) -> Mapping[str, Value]:
        """Return the last value of each param, sorted by key; types are kept.

        Raises:
            RunNotFoundError: The store holds no record of the run.
        """

    @abstractmethod
    def param_history(self, run_id: str, key: str) -> "Sequence[ParamChange]":
        """Return all values that a param was given, the last one last.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

    @abstractmethod
    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the last text of each tag, sorted by key.

        Raises:
            RunNotFoundError: The store holds no record of the run.
        """

    @abstractmethod
    def provenance(self, run_id: str) -> Mapping[str, Value]:
        """Return where the run was made: ``code`` and ``environment``, if recorded.

        Raises:
            RunNotFoundError: The store holds no record of the run.
        """

    @abstractmethod
    def steps(self, run_id: str) -> "Sequence[StepInfo]":
        """Return the steps of the run in the order in which they first began.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

    @abstractmethod
    def series(self, run_id: str) -> "Mapping[str, Summary]":
        """Return the summary of each series, sorted by name (``train/loss``).

        Raises:
            RunNotFoundError: The store holds no record of the run.
        """

    @abstractmethod
    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> "Points":
        """Return points of one series in the order of the run.

        A point of an attempt is abandoned when a later attempt has logged the series,
        in the same rank, at its step or an earlier one. Summaries, and reads that do
        not ask for abandoned points, pass over them.

        Args:
            run_id: The run.
            series: Its name; an unknown one has no points.
            start_index: The first index that is wanted, from 0.
            limit: How many at the most; None for all.
            abandoned: Whether abandoned points are wanted too.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

    @abstractmethod
    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> "Rows":
        """Return points of a whole stream in the order of the run.

        Args:
            run_id: The run.
            stream: Its name, ``""`` for the root stream; an unknown one has no points.
            start_index: The first index that is wanted, from 0.
            limit: How many at the most; None for all.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

    @abstractmethod
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
        """Return messages in the order of the run.

        Args:
            run_id: The run.
            level: The mildest level that is wanted: ``warn`` gives ``warn``, ``error``
                and ``fatal``. None for all.
            start: The earliest time, in seconds since 1970.
            end: The latest time, included.
            text: What a message contains, in any letter case.
            limit: How many at the most: the last ones. None for all.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            InvalidValueError: There is no such level.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

    @abstractmethod
    def topics(self, run_id: str) -> Sequence[str]:
        """Return the topics of the run's tracks, sorted.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

    @abstractmethod
    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> "Sequence[TrackEntry]":
        """Return what was said of each moment of a topic, sorted by time.

        Args:
            run_id: The run.
            topic: Its name; an unknown one has no entries.
            start: The earliest timestamp that is wanted, in seconds.
            end: The latest, included.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Give all records of a run again, for a tracker that is to hold the same.

        Writer by writer, the earliest attempt first, and each in the order of its
        sequence, in batches of at most 10,000 records that are cut at the same places
        each time. They cover exactly what was taken, points that were abandoned and
        records of unknown kinds included. A record whose words no longer matter, since
        a later one has replaced them, may say nothing. A tracker that takes them all
        answers every read as this one does, apart from the heartbeat, and taking them
        twice changes nothing.

        The records may be those that are kept: they are not to be changed. What is
        written meanwhile may be missing.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker cannot give its records.
        """
        raise _gives_no_records(run_id)

    def taken(self, run_id: str) -> "Mapping[str, Taken]":
        """Return which records were taken of each writer, by the writer's id.

        It tells what of :meth:`batches` another tracker lacks, without reading them.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker cannot tell.
        """
        raise _gives_no_records(run_id)

    def add_content(self, content: "Content") -> None:
        """Keep the content of artifacts; content that is there already stays.

        It is called before the record that names the digest is written. When it
        returns, the content is kept for as long as the store lasts; when it raises,
        nothing that could be taken for it is left. It is read in pieces, by
        :meth:`~tracker_core.contents.Content.read_checked`.

        Raises:
            ContentError: The content has changed since its digest was taken.
            RetryableError: Nothing was kept; it may succeed later.
            NotSupportedError: The tracker lacks :attr:`Capability.CONTENT`.
        """
        raise _keeps_no_content(content.digest)

    def open_content(self, digest: str) -> BinaryIO:
        """Return a new binary file at the beginning of the content.

        Its reader checks the digest, so this need not.

        Raises:
            ContentError: The store holds no such content.
            NotSupportedError: The tracker lacks :attr:`Capability.CONTENT`.
        """
        raise _keeps_no_content(digest)

    def beat(self, run_id: str, time_ns: int) -> None:
        """Note that a run was alive at a moment; the newest one counts.

        It is called every half minute while the processes of a run are watched, and is
        what tells a run that has vanished from one that is silent. A run that the store
        does not hold is passed over. A tracker that keeps no such thing does nothing.

        Args:
            run_id: The run.
            time_ns: The moment, in nanoseconds since 1970.

        Raises:
            RetryableError: It could not be noted; the next one may.
        """

    def compact(self, run_id: str | None = None) -> "Compaction":
        """Put what runs that have ended hold into a form that is smaller and faster.

        No answer changes by it. It may be called at any time, by several at once and
        while others write and read, and calling it again changes nothing. Here it does
        nothing, as befits a tracker whose store needs no such care.

        Args:
            run_id: The run; None for all, and for the upkeep of the whole store. One
                that runs still, or is unknown, is passed over.

        Raises:
            BackendUnavailableError: A package is missing that it needs.
        """
        from tracker_core.compactions import Compaction

        del run_id
        return Compaction()

    def remove(self, run_id: str) -> "Removal":
        """Remove a run, and all that no other run needs, for good.

        When the call returns, no read of any tracker on the store knows the run. Others
        keep what they say of it, as the edges that point to it, and the content that
        they name too. A crash leaves the run, or what is left of it, to be removed
        again, or none.

        What the writers of the run send later is passed over as if it were taken, so
        that a delivery which comes late brings nothing back. Other writers make a new
        run of that id; this tracker's own calls, such as ``add_metadata``, do so too.

        Raises:
            RunNotFoundError: The store holds no record of it.
            RetryableError: It may succeed later.
            NotSupportedError: The tracker cannot remove runs.
        """
        message = f"this tracker cannot remove run {run_id!r}; use its own means"
        raise NotSupportedError(message)

    def filter_runs(
        self, experiment: str | None, filters: "Iterable[ParamFilter]"
    ) -> "Sequence[RunInfo]":
        """Return the runs whose params pass all ``filters``, the newest first.

        Args:
            experiment: Their experiment; None for those of all and of none.
            filters: What is asked of the params; without any, all runs pass.
        """
        from tracker_core.filters import all_of

        return self.runs(query=all_of(filters, experiment))

    def experiments(self) -> "Sequence[Experiment]":
        """Return the experiments, the one with the newest run first."""
        from tracker_core.experiments import experiments_of

        return experiments_of(self.runs())

    def experiment(self, name: str) -> "Experiment":
        """Return one experiment.

        Raises:
            ExperimentNotFoundError: The store holds no run of it.
        """
        for experiment in self.experiments():
            if experiment.name == name:
                return experiment
        raise ExperimentNotFoundError(name)

    def open_artifact(self, run_id: str, name_or_digest: str) -> BinaryIO:
        """Return the content of an artifact as a readable binary file.

        Reading it to its end checks the digest.

        Args:
            run_id: The run.
            name_or_digest: The name of an artifact, of which the newest is meant, or
                the digest of any that the run has or had.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            ArtifactNotFoundError: The run has no such artifact.
            ContentError: It is a reference, or its content is gone; while reading: it
                is damaged.
            NotSupportedError: The tracker lacks :attr:`Capability.CONTENT`.
        """
        from tracker_core.contents import checked
        from tracker_core.keeping import digest_of

        digest = digest_of(self, run_id, name_or_digest)
        return checked(self.open_content(digest), digest)

    def flush(self, timeout: float | None = None) -> None:
        """Make sure within ``timeout`` seconds that everything taken is kept.

        A tracker whose :meth:`write` keeps what it takes has nothing to do here.
        """

    def close(self) -> None:
        """Give back what the tracker holds open; repeating the call changes nothing."""

    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Record a reference, as :meth:`TrackerBase.add_artifact` says."""
        self._write_one(run_id, artifact_body(name, path, metadata))

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Record keys with JSON values, as :meth:`TrackerBase.add_metadata` says."""
        self._write_one(run_id, metadata_body(kwargs))

    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        """Record an edge, as :meth:`TrackerBase.add_source` says."""
        self._write_one(run_id, source_body(source_id, artifact_name))

    def lineage(self, run_id: str) -> "Lineage":
        """Return where the run comes from and what came of it, from the edges alone."""
        from tracker_core.lineage import lineage_of

        return lineage_of(self, run_id)

    def run_ids(self, **kwargs: str | None) -> Iterable[str]:
        """Return the ids of all runs, the newest first.

        Args:
            **kwargs: ``parent_run_id`` keeps the runs that used that run; None is no
                filter.

        Raises:
            InvalidValueError: A filter of another name was given.
        """
        parent_run_id = kwargs.pop("parent_run_id", None)
        if kwargs:
            message = f"unknown filter {min(kwargs)!r}; use parent_run_id"
            raise InvalidValueError(message)
        ids = [run.run_id for run in self.runs()]
        if parent_run_id is None:
            return ids
        return [run_id for run_id in ids if self._has_source(run_id, parent_run_id)]

    def _has_source(self, run_id: str, source_id: str) -> bool:
        return any(edge.source_run_id == source_id for edge in self.sources(run_id))

    def _begin_writer(self) -> None:
        """Let the eight calls write as somebody new, after a removal."""
        self._sequencer = Sequencer()

    def _write_one(self, run_id: str, body: Body) -> None:
        self.write(self._sequencer.batch(check_name(run_id, "run id"), body))


def _gives_no_records(run_id: str) -> NotSupportedError:
    message = f"this tracker does not give the records of run {run_id!r}; ask another"
    return NotSupportedError(message)


def _keeps_no_content(digest: str) -> NotSupportedError:
    message = f"this tracker keeps no content; ask another one for {digest}"
    return NotSupportedError(message)
