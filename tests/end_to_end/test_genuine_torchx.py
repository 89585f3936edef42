"""Genuine torchx and Tracker read, list, load and launch each other's.

Torchx comes from PyPI into an environment of its own, together with the project. Each
test reads what the programs of that environment have left.
"""

import json
from base64 import b32decode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.installations import (
    ROOT,
    Installation,
    install,
    needs_pip,
)

TORCHX = "torchx>=0.7"
EPOCHS = 20
PARENT = "local_cwd://torchx/parent-x1"
CHILD = "local_cwd://torchx/child-x2"
# What torchx reads the name of the directory of compacted runs as.
LAKE = b32decode("LAKESIDE").decode()

# What either side logs of the child, in the words that both have.
WRITES = """
def write(parent, child):
    parent.add_metadata(role="parent")
    child.add_metadata(lr=0.001, epochs=1, model="resnet50", text="1", done=True)
    child.add_metadata(layers=[64, 10], about={"seed": None}, accuracy=1.0)
    child.add_artifact("checkpoint", "s3://bucket/epoch_10.pt", {"epoch": 10})
    child.add_artifact("log", "job.log")
    child.add_source(parent.id, "checkpoint")
    child.add_source("iris.csv")
"""
METADATA = {
    "lr": 0.001,
    "epochs": 1,
    "model": "resnet50",
    "text": "1",
    "done": True,
    "layers": [64, 10],
    "about": {"seed": None},
    "accuracy": 1.0,
}
ARTIFACTS = {
    "checkpoint": ["s3://bucket/epoch_10.pt", {"epoch": 10}],
    "log": ["job.log", None],
}
SOURCES = [["iris.csv", None], [PARENT, "checkpoint"]]

# Torchx adds to the descendants of a run that has such a directory, and makes none.
TORCHX_WRITES = """
import sys
from base64 import b32encode
from pathlib import Path

from torchx.tracker.api import AppRun
from torchx.tracker.backend.fsspec import create

config, root, parent, child = sys.argv[1:]
Path(root, b32encode(parent.encode()).decode(), "descendants").mkdir(parents=True)
backends = [create(config)]
write(AppRun(parent, backends), AppRun(child, backends))
"""
WE_WRITE = """
import sys

from tracker_core import AppRun
from tracker_core.registry import build_trackers

config, parent, child = sys.argv[1:]
backends = build_trackers({"fsspec": config})
write(AppRun(parent, backends), AppRun(child, backends))
"""
TORCHX_READS = """
import json
from base64 import b32decode
import sys

from torchx.tracker.backend.fsspec import create

config, parent, child = sys.argv[1:]
tracker = create(config)
artifacts = tracker.artifacts(child).values()
print(json.dumps({
    "run_ids": sorted(tracker.run_ids()),
    "children": list(tracker.run_ids(parent_run_id=parent)),
    "metadata": tracker.metadata(child),
    "artifacts": {a.name: [a.path, a.metadata] for a in artifacts},
    "sources": [[s.source_run_id, s.artifact_name] for s in tracker.sources(child)],
    "checkpoints": [s.source_run_id for s in tracker.sources(child, "checkpoint")],
}))
"""
TORCHX_LOADS = """
import json
from base64 import b32decode
from torchx.tracker.api import build_trackers, trackers_from_environ

named = build_trackers({"tracker_memory": "shared"})
trackers = [*trackers_from_environ(), *named]
print(json.dumps([[type(t).__name__, list(t.run_ids())] for t in trackers]))
"""
# A job that knows torchx alone.
TORCHX_JOB = """
from torchx.tracker.api import AppRun

run = AppRun.run_from_env()
run.add_metadata(lr=0.001, epochs=10, model="resnet50")
run.add_artifact("checkpoint", "s3://bucket/epoch_10.pt", {"epoch": 10})
run.add_source("iris.csv", "dataset")
assert "dataset" in [source.artifact_name for source in run.sources()]
"""

pytestmark = [pytest.mark.one_python, needs_pip]


class Place(NamedTuple):
    """A folder with a `.torchxconfig`, where the programs of both work.

    Args:
        installation: What starts them there.
        handle: The run that was launched there, or an empty text.
    """

    installation: Installation
    handle: str = ""

    @property
    def folder(self) -> Path:
        """Return the folder."""
        return self.installation.folder

    def torchx(self, *arguments: str) -> list[str]:
        """Run torchx's command, and give the lines that it prints."""
        return self.installation.run("torchx", *arguments).splitlines()

    def python(self, source: str, *arguments: str) -> str:
        """Run Python, and give what it prints."""
        return self.installation.run("python", "-c", source, *arguments)

    def told(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Run a read of our command, and give what it tells programs."""
        return self.installation.told(*arguments)

    def launch(self, script: Path, *arguments: str) -> "Place":
        """Let torchx run a script to its end, as the child of another run."""
        run = ("run", "-s", "local_cwd", "--wait", "--parent_run_id", PARENT)
        python = ("utils.python", "--script", str(script), "--", *arguments)
        (handle,) = self.torchx(*run, *python)
        return self._replace(handle=handle)


def make_place(installation: Installation, name: str, trackers: Iterable[str]) -> Place:
    """Make a folder whose `.torchxconfig` names trackers, each with its config."""
    folder = installation.folder / name
    (folder / "runs").mkdir(parents=True)
    (folder / "fsspec.conf").write_text(f"protocol=file\nroot_path={folder}/runs\n")
    configs = {
        "fsspec": f"{folder}/fsspec.conf",
        "tracker_fsspec": f"{folder}/runs",
        "tracker_sqlite": f"{folder}/tracker.db",
    }
    names = "".join(f"{tracker} =\n" for tracker in trackers)
    sections = [f"[tracker:{name}]\nconfig = {configs[name]}\n" for name in trackers]
    (folder / ".torchxconfig").write_text(
        "\n".join([f"[torchx:tracker]\n{names}", *sections])
    )
    return Place(installation._replace(folder=folder))


def first_cells(lines: list[str]) -> set[str]:
    """Give the first cells of a table that torchx has printed, below its head."""
    return {line.split()[0] for line in lines[2:]}


def by_value(metadata: Mapping[str, object]) -> list[str]:
    """Tell an int from a float and a bool, in the order of the keys."""
    return [f"{key}={value!r}" for key, value in sorted(metadata.items())]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Install torchx and the project side by side."""
    return install(tmp_path_factory.mktemp("torchx"), "[fsspec]", TORCHX)


@pytest.fixture(scope="session")
def theirs(installation: Installation) -> Place:
    """Let genuine torchx write a directory, which both find by one `.torchxconfig`."""
    place = make_place(installation, "theirs", ["fsspec"])
    root = str(place.folder / "runs")
    place.python(WRITES + TORCHX_WRITES, "fsspec.conf", root, PARENT, CHILD)
    return place


@pytest.fixture(scope="session")
def ours(installation: Installation) -> Place:
    """Write the same through our `AppRun` and the backend `fsspec`."""
    place = make_place(installation, "ours", ["fsspec"])
    place.python(WRITES + WE_WRITE, "fsspec.conf", PARENT, CHILD)
    return place


@pytest.fixture(scope="session")
def launched(installation: Installation) -> Place:
    """Let torchx launch the iris job with two of our backends, and wait for its end."""
    place = make_place(installation, "launched", ["tracker_sqlite", "tracker_fsspec"])
    train = ROOT / "examples" / "iris" / "train.py"
    return place.launch(train, "--epochs", str(EPOCHS))


@pytest.fixture(scope="session")
def torchx_job(installation: Installation) -> Place:
    """Let torchx launch a job of its own world, with two of our backends."""
    place = make_place(installation, "job", ["tracker_fsspec", "tracker_sqlite"])
    (place.folder / "job.py").write_text(TORCHX_JOB)
    return place.launch(place.folder / "job.py")


def test_torchx_directory_lists_its_jobs(theirs: Place) -> None:
    """Our command and torchx's give the same ids, all and by their parent."""
    by_parent = ("tracker", "list", "jobs", "--parent-run-id", PARENT)

    assert sorted(theirs.told("list", "jobs")["jobs"]) == sorted([PARENT, CHILD])
    assert first_cells(theirs.torchx("tracker", "list", "jobs")) == {PARENT, CHILD}
    assert theirs.told(*by_parent[1:])["jobs"] == [CHILD]
    assert first_cells(theirs.torchx(*by_parent)) == {CHILD}


def test_torchx_directory_lists_metadata_and_artifacts(theirs: Place) -> None:
    """What torchx has written is there by value."""
    metadata = theirs.told("list", "metadata", CHILD)["metadata"]
    artifacts = theirs.told("list", "artifacts", CHILD)["artifacts"]

    assert by_value(metadata) == by_value(METADATA)
    assert {a["name"]: [a["path"], a["metadata"]] for a in artifacts} == ARTIFACTS


def test_torchx_directory_lists_lineage(theirs: Place) -> None:
    """Parents and children are told, and agree with what torchx keeps of them."""
    child = theirs.told("list", "lineage", CHILD)
    parent = theirs.told("list", "lineage", PARENT)
    (descendants,) = (theirs.folder / "runs").glob("*/descendants/*")

    assert sorted(child["parents"]) == sorted(["iris.csv", PARENT])
    assert parent["children"] == [CHILD]
    assert descendants.read_text() == "checkpoint\n"


def test_our_directory_is_read_by_torchx(ours: Place) -> None:
    """Its own tracker gives what we logged, by value."""
    read = json.loads(ours.python(TORCHX_READS, "fsspec.conf", PARENT, CHILD))

    assert read["run_ids"] == sorted([LAKE, PARENT, CHILD])
    assert read["children"] == [CHILD]
    assert by_value(read["metadata"]) == by_value(METADATA)
    assert read["artifacts"] == ARTIFACTS
    assert sorted(read["sources"], key=str) == sorted(SOURCES, key=str)
    assert read["checkpoints"] == [PARENT]


def test_our_directory_is_listed_by_torchx(ours: Place) -> None:
    """The command of torchx shows what ours shows."""
    jobs = ours.torchx("tracker", "list", "jobs")
    metadata = ours.torchx("tracker", "list", "metadata", CHILD)
    artifacts = ours.torchx("tracker", "list", "artifacts", CHILD)

    assert first_cells(jobs) == {LAKE.split()[0], PARENT, CHILD}
    assert first_cells(metadata) == METADATA.keys()
    assert first_cells(artifacts) == ARTIFACTS.keys()


def test_job_that_torchx_launched_is_listed_by_its_handle(launched: Place) -> None:
    """Both of our backends have it, with the parent that torchx was told."""
    assert launched.handle.startswith("local_cwd://torchx/")
    for name in ("tracker_sqlite", "tracker_fsspec"):
        jobs = launched.told("list", "jobs", "--tracker", name)["jobs"]
        run = launched.told("show", launched.handle, "--tracker", name)
        lineage = launched.told("list", "lineage", launched.handle, "--tracker", name)

        assert jobs == [launched.handle]
        assert run["run"]["status"] == "FINISHED"
        assert sorted(lineage["parents"]) == sorted(["iris.csv", PARENT])


def test_job_that_torchx_launched_is_whole(launched: Place) -> None:
    """Every point has arrived, and both backends hold the same."""
    verified = launched.installation.tracker("verify", launched.handle)
    shown = launched.told("show", launched.handle)

    assert "is the same in tracker_sqlite and tracker_fsspec" in verified
    assert shown["params"]["epochs"] == EPOCHS
    assert {series["count"] for series in shown["series"].values()} == {EPOCHS}


def test_job_that_torchx_launched_is_read_by_its_tracker(launched: Place) -> None:
    """Content and points are in its way only as the runs that our page tells of."""
    source = (TORCHX_READS, "fsspec.conf", PARENT, launched.handle)
    read = json.loads(launched.python(*source))
    (weights,) = launched.told("list", "artifacts", launched.handle)["artifacts"]

    assert read["run_ids"] == sorted([LAKE, launched.handle, "sha256:contents"])
    assert read["children"] == [launched.handle]
    assert read["metadata"].keys() == {"confusion_matrix", "labels"}
    assert read["artifacts"] == {"weights": [weights["digest"], None]}


def test_our_backends_load_in_torchx(torchx_job: Place) -> None:
    """By their names in its entry-point group, with the configs it hands over."""
    folder, environ = torchx_job.folder, torchx_job.installation.environ
    settings = {
        "TORCHX_TRACKERS": "tracker_sqlite,tracker_fsspec",
        "TORCHX_TRACKER_TRACKER_SQLITE_CONFIG": f"{folder}/tracker.db",
        "TORCHX_TRACKER_TRACKER_FSSPEC_CONFIG": f"{folder}/runs",
    }
    job = torchx_job.installation._replace(environ={**environ, **settings})

    loaded = json.loads(job.run("python", "-c", TORCHX_LOADS))

    assert loaded == [
        ["SqliteTracker", [torchx_job.handle]],
        ["FsspecTracker", [torchx_job.handle]],
        ["MemoryTracker", []],
    ]


def test_job_of_torchx_writes_to_our_backends(torchx_job: Place) -> None:
    """Its own `AppRun` writes through the eight calls, into each of them."""
    for name in ("tracker_fsspec", "tracker_sqlite"):
        chosen = (torchx_job.handle, "--tracker", name)
        metadata = torchx_job.told("list", "metadata", *chosen)
        artifacts = torchx_job.told("list", "artifacts", *chosen)
        lineage = torchx_job.told("list", "lineage", *chosen)

        wanted = {"epochs": 10, "lr": 0.001, "model": "resnet50"}
        assert metadata["metadata"] == wanted
        assert [a["metadata"] for a in artifacts["artifacts"]] == [{"epoch": 10}]
        assert sorted(lineage["parents"]) == sorted(["iris.csv", PARENT])


def test_torchx_command_reads_our_backends(launched: Place, torchx_job: Place) -> None:
    """It asks the first that `.torchxconfig` names: SQLite there, files here."""
    for place in (launched, torchx_job):
        assert first_cells(place.torchx("tracker", "list", "jobs")) == {place.handle}

    metadata = torchx_job.torchx("tracker", "list", "metadata", torchx_job.handle)
    artifacts = launched.torchx("tracker", "list", "artifacts", launched.handle)
    assert first_cells(metadata) == {"epochs", "lr", "model"}
    assert first_cells(artifacts) == {"weights"}


def test_job_of_torchx_is_recorded_when_we_launch_it(
    installation: Installation,
) -> None:
    """`tracker run` names our backends to it as torchx knows them."""
    place = make_place(installation, "ran", [])
    (place.folder / "job.py").write_text(TORCHX_JOB)
    config = {"TRACKER_SQLITE_CONFIG": str(place.folder / "tracker.db")}
    environ = {**installation.environ, **config, "TRACKER_BACKENDS": "sqlite"}
    ran = Place(place.installation._replace(environ=environ))

    ran.installation.tracker("run", "--", "python", "job.py")

    assert ran.told("show", "@last")["run"]["status"] == "FINISHED"
    assert ran.told("list", "metadata", "@last")["metadata"]["epochs"] == 10
