"""The data types of the eight calls: artifacts, sources and lineage.

Their names and first positional fields are those of torchx, so that code written for
its trackers works with them; ``metadata`` has a default here, and all are immutable.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracker_core.run import AppRun

__all__ = [
    "AppRunTrackableSource",
    "Lineage",
    "LineageEdge",
    "TrackerArtifact",
    "TrackerSource",
]


@dataclass(frozen=True, slots=True)
class TrackerArtifact:
    """Something named that a run made or used: a reference, or content.

    Args:
        name: Unique within the run; the newest of a name is the one that is read.
        path: Where a reference lies: a path or any URI; never checked, never opened.
            Content lies in the trackers, so its path is its digest.
        metadata: JSON values about it, or None when none were given.
        digest: ``sha256:`` and 64 hexadecimal digits of content; None of a reference.
        size_bytes: How long the content is, or None.
        media_type: What the content is, for example ``image/png``, or None.
        kind: A word for what it is to the job, for example ``model.weights``, or None.
        role: What part it plays, for example ``program`` or ``results``, or None.
    """

    name: str
    path: str
    metadata: Mapping[str, object] | None = None
    digest: str | None = None
    size_bytes: int | None = None
    media_type: str | None = None
    kind: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class TrackerSource:
    """An edge of lineage as its run sees it: something that the run used.

    Args:
        source_run_id: A run id or any foreign identifier; its existence is not checked.
        artifact_name: A label that classifies the edge, or None.
    """

    source_run_id: str
    artifact_name: str | None = None


@dataclass(frozen=True, slots=True)
class AppRunTrackableSource:
    """A source as :meth:`AppRun.sources` gives it: the parent is itself a run."""

    parent: "AppRun"
    artifact_name: str | None = None


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """``run_id`` used ``source_run_id``, under the label ``artifact_name`` or None."""

    run_id: str
    source_run_id: str
    artifact_name: str | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a run comes from and what came of it.

    It is computed from edges alone, so it does not depend on which run was tracked
    first; circles in the edges do no harm, and a run is never its own relative.

    Args:
        run_id: The run in the middle.
        edges: Every edge on a path that leads up or down from it.
    """

    run_id: str = ""
    edges: tuple[LineageEdge, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of what the run used directly, sorted."""
        return self._relatives(self._up((self.run_id,)))

    @property
    def children(self) -> tuple[str, ...]:
        """Ids of the runs that used it directly, sorted."""
        return self._relatives(self._down((self.run_id,)))

    @property
    def ancestors(self) -> tuple[str, ...]:
        """Ids of everything that it used, directly or not, sorted."""
        found: set[str] = set()
        new = self._up((self.run_id,))
        while new:
            found |= new
            new = self._up(new) - found
        return self._relatives(found)

    @property
    def descendants(self) -> tuple[str, ...]:
        """Ids of every run that used it, directly or not, sorted."""
        found: set[str] = set()
        new = self._down((self.run_id,))
        while new:
            found |= new
            new = self._down(new) - found
        return self._relatives(found)

    def _up(self, ids: Iterable[str]) -> set[str]:
        wanted = set(ids)
        return {edge.source_run_id for edge in self.edges if edge.run_id in wanted}

    def _down(self, ids: Iterable[str]) -> set[str]:
        wanted = set(ids)
        return {edge.run_id for edge in self.edges if edge.source_run_id in wanted}

    def _relatives(self, ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(ids) - {self.run_id}))
