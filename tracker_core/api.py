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
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from os import PathLike, fspath
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from tracker_core.errors import InvalidValueError
from tracker_core.forks import ForkLock
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    MetadataBody,
    Sequencer,
    SourceBody,
)
from tracker_core.values import (
    Value,
    check_mapping,
    check_name,
    check_text,
    check_value,
)

if TYPE_CHECKING:  # read paths only: dataclasses are heavy for a job to import
    from tracker_core.datatypes import Lineage, TrackerArtifact, TrackerSource
    from tracker_core.points import Points
    from tracker_core.runs import RunInfo
    from tracker_core.summaries import Summary

__all__ = [
    "RESERVED_PREFIX",
    "Capability",
    "NativeTracker",
    "TrackerBase",
    "artifact_body",
    "metadata_body",
    "source_body",
]

RESERVED_PREFIX = "tracker."
_RESERVED_KEYS = frozenset({"self", "run_id"})


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
    """Every point of every series reads back, not only the last."""

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
        turn: Hold it while calling the tracker; makes calls one at a time.
    """

    capabilities: frozenset[Capability] = frozenset(Capability)
    degraded: Mapping[str, int] = MappingProxyType({})
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
    def runs(self, limit: int | None = None) -> "Sequence[RunInfo]":
        """Return the runs, the newest first (by creation, then by id, descending)."""

    @abstractmethod
    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the last value of each metadata key, sorted; types are kept."""

    @abstractmethod
    def artifacts(self, run_id: str) -> "Mapping[str, TrackerArtifact]":
        """Return the newest artifact of each name, sorted by name."""

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
    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the last text of each tag, sorted by key.

        Raises:
            RunNotFoundError: The store holds no record of the run.
        """

    @abstractmethod
    def series(self, run_id: str) -> "Mapping[str, Summary]":
        """Return the summary of each series, sorted by name (``train/loss``).

        Raises:
            RunNotFoundError: The store holds no record of the run.
        """

    @abstractmethod
    def points(
        self, run_id: str, series: str, start_index: int = 0, limit: int | None = None
    ) -> "Points":
        """Return points of one series in the order of the run.

        Args:
            run_id: The run.
            series: Its name; an unknown one has no points.
            start_index: The first index that is wanted, from 0.
            limit: How many at the most; None for all.

        Raises:
            RunNotFoundError: The store holds no record of the run.
            NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
        """

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

    def _write_one(self, run_id: str, body: Body) -> None:
        self.write(self._sequencer.batch(check_name(run_id, "run id"), body))


def metadata_body(values: Mapping[str, object]) -> MetadataBody:
    """Check metadata as a job gave it.

    Raises:
        InvalidValueError: A key is empty, reserved (``self``, ``run_id``, or beginning
            with ``tracker.``), or a value lies outside what is allowed.
        UnsupportedTypeError: A value has a type that cannot be kept.
    """
    checked: dict[str, Value] = {}
    for key, value in values.items():
        name = check_name(key, "metadata key")
        if name in _RESERVED_KEYS or name.startswith(RESERVED_PREFIX):
            message = f"metadata key {name!r} is reserved; choose another"
            raise InvalidValueError(message)
        checked[name] = check_value(value, f"metadata {name!r}")
    return MetadataBody(checked)


def artifact_body(
    name: str, path: object, metadata: Mapping[str, object] | None
) -> ArtifactBody:
    """Check an artifact as a job gave it; ``path`` may be text or any path object.

    Raises:
        InvalidValueError: The name or the path is empty or cannot be kept.
        UnsupportedTypeError: One of the arguments has a type that cannot be kept.
    """
    checked_name = check_name(name, "artifact name")
    what = f"artifact {checked_name!r}"
    location = fspath(path) if isinstance(path, PathLike) else path
    about = None if metadata is None else check_mapping(metadata, f"metadata of {what}")
    return ArtifactBody(checked_name, check_name(location, f"path of {what}"), about)


def source_body(source_id: str, artifact_name: str | None) -> SourceBody:
    """Check an edge as a job gave it.

    Raises:
        InvalidValueError: The source id is empty, or one of them cannot be kept.
        UnsupportedTypeError: One of the arguments is no text.
    """
    source = check_name(source_id, "source id")
    if artifact_name is None:
        return SourceBody(source, None)
    # torchx writes an unnamed edge for an empty label.
    return SourceBody(source, check_text(artifact_name, "artifact name") or None)
