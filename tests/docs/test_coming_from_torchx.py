"""What the page tells those who come from torchx is true: its Python runs."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tracker_core import (
    AppRun,
    Lineage,
    TrackerArtifact,
    TrackerBase,
    TrackerSource,
)


class HouseTracker(TrackerBase):
    """The eight methods as an author for torchx writes them, and nothing else."""

    def __init__(self) -> None:
        """Begin without runs."""
        self._metadata: dict[str, dict[str, object]] = {}
        self._artifacts: dict[str, dict[str, TrackerArtifact]] = {}
        self._sources: dict[str, list[TrackerSource]] = {}

    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Keep the newest of each name."""
        artifact = TrackerArtifact(name, path, metadata)
        self._artifacts.setdefault(run_id, {})[name] = artifact

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Return what was kept."""
        return self._artifacts.get(run_id, {})

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Keep the last value of each key."""
        self._metadata.setdefault(run_id, {}).update(kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        """Return what was kept."""
        return self._metadata.get(run_id, {})

    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        """Keep the edge."""
        edge = TrackerSource(source_id, artifact_name)
        self._sources.setdefault(run_id, []).append(edge)

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Iterable[TrackerSource]:
        """Return the edges, or those of one label."""
        edges = self._sources.get(run_id, [])
        return [e for e in edges if artifact_name in (None, e.artifact_name)]

    def lineage(self, run_id: str) -> Lineage:
        """Refuse, as every tracker that torchx ships does."""
        raise NotImplementedError

    def run_ids(self, **kwargs: str) -> Iterable[str]:
        """Return the ids of all runs, or of those that used one."""
        parent = kwargs.get("parent_run_id")
        known = {**self._metadata, **self._artifacts, **self._sources}
        if parent is None:
            return list(known)
        return [
            r for r in known if parent in {e.source_run_id for e in self.sources(r)}
        ]


def create(config: str | None) -> HouseTracker:
    """Make a tracker that a later run of the family has written to already."""
    tracker = HouseTracker()
    tracker.add_source("later", str(config), "checkpoint")
    return tracker


@pytest.fixture
def python(cells: Callable[[str, str], list[str]]) -> list[str]:
    """Give the second cells of the table on Python, top down."""
    return cells("torchx", "In Python")


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Be a job that torchx launched with the tracker of the house."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TORCHX_JOB_ID", "scheduler://session/app")
    monkeypatch.setenv("TORCHX_PARENT_RUN_ID", "parent")
    monkeypatch.setenv("TORCHX_TRACKERS", f"house={__name__}:create")
    monkeypatch.setenv("TORCHX_TRACKER_HOUSE_CONFIG", "scheduler://session/app")
    hook = sys.excepthook
    yield
    sys.excepthook = hook


def _run_all(cells: Iterable[str]) -> dict[str, object]:
    names: dict[str, object] = {}
    for cell in cells:
        exec(cell, names)  # noqa: S102 - the code of our own page
    return names


@pytest.mark.usefixtures("launched")
def test_python_of_the_table_does_what_it_says(python: list[str]) -> None:
    """Row after row, in a job of torchx, with a tracker that has the eight methods."""
    names = _run_all(python)
    run = names["run"]
    assert isinstance(run, AppRun)
    (tracker,) = run.backends
    run.finish()

    assert type(tracker) is HouseTracker
    assert run.job_id() == "scheduler://session/app"
    assert tracker.metadata(run.id)["lr"] == 0.1
    assert tracker.metadata(run.id)["tracker.status"] == "FINISHED"
    assert dict(tracker.artifacts(run.id)) == {
        "ckpt": TrackerArtifact("ckpt", "ckpt.pt")
    }
    assert list(tracker.sources(run.id)) == [
        TrackerSource("parent"),
        TrackerSource("other"),
    ]


@pytest.mark.usefixtures("launched")
def test_reads_of_the_table_give_what_it_says(python: list[str]) -> None:
    """Sources and children are runs; lineage is there though the tracker has none."""
    names = _run_all(python)
    run, lineage = names["run"], names["lineage"]
    assert isinstance(run, AppRun)
    assert isinstance(lineage, Lineage)
    run.finish()

    assert [source.parent.id for source in run.sources()] == ["other", "parent"]
    assert names["sources"] == run.sources()
    assert names["children"] == [AppRun("later", run.backends)]
    assert (lineage.parents, lineage.children) == (("other", "parent"), ("later",))


def test_python_of_the_table_is_what_torchx_has(python: list[str]) -> None:
    """The functions that it names are those that can be imported."""
    imports = [cell for cell in python if "import" in cell]

    names = _run_all(imports)

    assert names["TrackerBase"] is TrackerBase
    assert {"build_trackers", "trackers_from_environ"} <= names.keys()
    assert names["tracker_config_env_var_name"]("house") == "TRACKER_HOUSE_CONFIG"  # type: ignore[operator]  # it is the function of that name
