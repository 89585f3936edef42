"""A plain tracker, as other people's torchx packages have them, keeps its part."""

import functools
from collections.abc import Iterable, Mapping, Sequence

import pytest

from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.testing import TrackerContract


class DictTracker:
    """The eight calls on a dictionary; it derives from nothing of ours."""

    def __init__(self, store: dict[str, dict[str, dict[str, object]]]) -> None:
        """Use ``store``: run id → kind → name → what was given."""
        self._store = store

    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Keep the newest of each name."""
        artifact = TrackerArtifact(name, path, metadata)
        self._kept(run_id, "artifacts")[name] = artifact

    def artifacts(self, run_id: str) -> Mapping[str, object]:
        """Return what was kept."""
        return dict(self._read(run_id, "artifacts"))

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Keep the last value of each key."""
        self._kept(run_id, "metadata").update(kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        """Return what was kept."""
        return dict(self._read(run_id, "metadata"))

    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        """Keep each edge once."""
        edge = TrackerSource(source_id, artifact_name)
        self._kept(run_id, "sources")[repr(edge)] = edge

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[object]:
        """Return all edges, as some torchx trackers do whatever is asked for."""
        del artifact_name
        return list(self._read(run_id, "sources").values())

    def lineage(self, run_id: str) -> object:
        """Refuse, as every tracker that torchx ships does."""
        raise NotImplementedError

    def run_ids(self, **kwargs: str) -> Iterable[str]:
        """Return all ids; filters are ignored, as torchx's MLflow tracker does."""
        del kwargs
        return iter(self._store)

    def _kept(self, run_id: str, kind: str) -> dict[str, object]:
        return self._store.setdefault(run_id, {}).setdefault(kind, {})

    def _read(self, run_id: str, kind: str) -> Mapping[str, object]:
        return self._store.get(run_id, {}).get(kind, {})


class TestPlain(TrackerContract):
    """The suite; what needs records is skipped."""

    @pytest.fixture
    def open_tracker(self) -> functools.partial[DictTracker]:
        """Open trackers on one dictionary."""
        return functools.partial(DictTracker, {})
