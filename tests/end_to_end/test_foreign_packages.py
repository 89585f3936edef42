"""Packages of others are backends as soon as they are installed.

Two packages are made outside the repository and installed with pip, beside the
project, into a new virtual environment. One brings a native tracker by our entry-point
group, the other an object with eight methods, derived from nothing, by that of torchx.
"""

import json
from pathlib import Path

import pytest

from tests.end_to_end.installations import (
    ROOT,
    Installation,
    install,
    needs_pip,
)
from tracker_core.wire import batch_from_lines, body_kind

EPOCHS = 20

PROJECT = """
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"

[project.entry-points."{group}"]
{backend} = "{module}:create"

[tool.setuptools]
py-modules = ["{module}"]
"""

LAKE = """
from pathlib import Path

from tracker_core import Capability, FoldedTracker
from tracker_core.history import RunHistory
from tracker_core.wire import batch_from_lines, batch_to_lines


class LakeTracker(FoldedTracker):
    capabilities = frozenset(Capability) - {Capability.CONTENT}

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, batch):
        name = f"{batch.writer.id}-{batch.first}-{batch.last}"
        temporary = self.folder / f"{name}.new"
        temporary.write_text(batch_to_lines(batch))
        temporary.replace(self.folder / f"{name}.batch")

    def history(self, run_id):
        return self._found().get(run_id)

    def histories(self):
        return self._found().values()

    def _found(self):
        found = {}
        for path in self.folder.glob("*.batch"):
            batch = batch_from_lines(path.read_text())
            found.setdefault(batch.run_id, RunHistory(batch.run_id)).add(batch)
        return found


def create(config):
    return LakeTracker(config)
"""

DIARY = """
import json
from types import SimpleNamespace


class Diary:
    def __init__(self, path):
        self.path = path

    def add_artifact(self, run_id, name, path, metadata):
        self._note("artifact", run_id, [name, path, metadata])

    def artifacts(self, run_id):
        return {
            name: SimpleNamespace(name=name, path=path, metadata=metadata)
            for name, path, metadata in self._noted("artifact", run_id)
        }

    def add_metadata(self, run_id, **kwargs):
        self._note("metadata", run_id, kwargs)

    def metadata(self, run_id):
        merged = {}
        for values in self._noted("metadata", run_id):
            merged.update(values)
        return merged

    def add_source(self, run_id, source_id, artifact_name):
        self._note("source", run_id, [source_id, artifact_name])

    def sources(self, run_id, artifact_name=None):
        return [
            SimpleNamespace(source_run_id=source, artifact_name=name)
            for source, name in self._noted("source", run_id)
        ]

    def lineage(self, run_id):
        raise NotImplementedError

    def run_ids(self, **kwargs):
        return list(dict.fromkeys(run_id for _, run_id, _ in self._lines()))

    def _note(self, kind, run_id, what):
        with open(self.path, "a") as file:
            file.write(json.dumps([kind, run_id, what]) + "\\n")

    def _noted(self, kind, run_id):
        return [what for k, r, what in self._lines() if (k, r) == (kind, run_id)]

    def _lines(self):
        try:
            with open(self.path) as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []


def create(config):
    return Diary(config)
"""

pytestmark = [pytest.mark.one_python, needs_pip]


def write_package(folder: Path, group: str, backend: str, source: str) -> Path:
    """Write a package of one module that has one entry point."""
    module = f"{backend}_of_others"
    package = folder / module
    package.mkdir()
    name = module.replace("_", "-")
    project = PROJECT.format(name=name, group=group, backend=backend, module=module)
    (package / "pyproject.toml").write_text(project)
    (package / f"{module}.py").write_text(source)
    return package


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Install everything once, and run the example with both packages as backends."""
    folder = tmp_path_factory.mktemp("foreign")
    lake = write_package(folder, "tracker_core.backends", "lake", LAKE)
    diary = write_package(folder, "torchx.tracker", "diary", DIARY)
    installed = install(folder, "", lake, diary)
    installed.environ.update(
        TRACKER_LAKE_CONFIG=str(folder / "lake"),
        TORCHX_TRACKER_DIARY_CONFIG=str(folder / "diary.jsonl"),
        TRACKER_BACKENDS="lake,diary",
    )
    train = ROOT / "examples" / "iris" / "train.py"
    installed.tracker(
        *("run", "--trackers", "lake,diary", "--experiment", "iris", "--"),
        *("python", str(train), "--epochs", str(EPOCHS)),
    )
    return installed


def test_foreign_packages_are_listed(installation: Installation) -> None:
    """By their names, beside those that ship here."""
    listed = installation.tracker("list", "trackers")

    assert all(name in listed for name in ("lake", "diary", "sqlite", "memory"))


def test_native_package_receives_every_write(installation: Installation) -> None:
    """It holds the run as it was logged, to the last point."""
    paths = (installation.folder.parent / "lake").glob("*.batch")
    batches = [batch_from_lines(path.read_text()) for path in paths]
    kinds = [body_kind(record.body) for batch in batches for record in batch.records]

    assert kinds.count("metrics") == EPOCHS
    assert {"params", "tags", "metadata", "artifact", "source"} <= set(kinds)
    assert kinds.count("ended") == kinds.count("started") == 2


def test_eight_methods_for_torchx_receive_every_write(
    installation: Installation,
) -> None:
    """What the eight have a call for comes by it, the rest as reserved metadata."""
    lines = (installation.folder.parent / "diary.jsonl").read_text().splitlines()
    notes = [json.loads(line) for line in lines]
    merged: dict[str, object] = {}
    for kind, _, what in notes:
        merged |= what if kind == "metadata" else {}

    assert {run_id for _, run_id, _ in notes} == {notes[0][1]}
    artifacts = [what[0] for kind, _, what in notes if kind == "artifact"]
    assert sorted(artifacts) == ["console/1.log", "weights"]
    assert ["iris.csv", "dataset"] in [w for kind, _, w in notes if kind == "source"]
    assert "confusion_matrix" in merged
    assert merged["tracker.params.epochs"] == EPOCHS
    assert merged["tracker.tags.task"] == "classification"
    assert merged["tracker.experiment"] == "iris"
    assert merged["tracker.status"] == "FINISHED"
    assert isinstance(merged["tracker.metrics.test/accuracy"], float)


@pytest.mark.parametrize("what", ["metadata", "artifacts", "lineage"])
def test_both_packages_tell_the_same(installation: Installation, what: str) -> None:
    """The command reads them like any other backend."""
    told = [
        installation.told("list", what, "@last", "--tracker", name)
        for name in ("lake", "diary")
    ]

    assert told[0]
    assert told[0] == told[1]
