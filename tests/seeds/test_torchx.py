"""The document of torchx.tracker: what each of its snippets shows, works here."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

from tracker_core import (
    AppRun,
    AppRunTrackableSource,
    ConfigError,
    Lineage,
    NativeTracker,
    TrackerArtifact,
    TrackerBase,
    TrackerSource,
)
from tracker_core.registry import (
    build_trackers,
    tracker_config_env_var_name,
    trackers_from_environ,
)

JOB = "local_cwd://torchx/my_job"
PARENT = "local_cwd://torchx/parent_job_123"
CHECKPOINT = "s3://bucket/checkpoints/epoch_10.pt"


class MyTracker(TrackerBase):
    """The tracker whose test the document shows: in memory, with a connection."""

    def __init__(self, connection_str: str | None) -> None:
        """Connect to nothing."""
        self.connection_str = connection_str
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
        """Return the ids of all runs."""
        del kwargs
        return list({**self._metadata, **self._artifacts, **self._sources})


def create(config: str | None) -> MyTracker:
    """Make the tracker, as the entry point of the document does."""
    return MyTracker(connection_str=config)


def create_strictly(config: str | None) -> MyTracker:
    """Refuse a missing config with a clear error, as the document advises."""
    if config is None:
        raise ValueError("give test://host in TORCHX_TRACKER_STRICT_CONFIG")
    return create(config)


@pytest.fixture
def launched(
    backend: str, config: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Be a job that torchx launched with the store of the test."""
    monkeypatch.delenv("TRACKER_BACKENDS")
    monkeypatch.delenv(f"TRACKER_{backend.upper()}_CONFIG")
    monkeypatch.setenv("TORCHX_JOB_ID", JOB)
    monkeypatch.setenv("TORCHX_TRACKERS", backend)
    monkeypatch.setenv(f"TORCHX_TRACKER_{backend.upper()}_CONFIG", config)
    hook = sys.excepthook
    yield
    sys.excepthook = hook


@pytest.fixture
def job(launched: None) -> Iterator[AppRun]:
    """Give the run of the job."""
    del launched
    run = AppRun.run_from_env()
    yield run
    run.finish()


def test_typical_usage_is_a_singleton_of_the_environment(job: AppRun) -> None:
    """Overview & Usage: the run is made from the environment, once."""
    assert AppRun.run_from_env() is job
    assert job.job_id() == JOB


def test_typical_usage_stores_metadata(tracker: NativeTracker, job: AppRun) -> None:
    """Overview & Usage: key-value pairs."""
    job.add_metadata(lr=0.001, epochs=10, model="resnet50")
    job.flush()

    assert tracker.metadata(JOB) == {"epochs": 10, "lr": 0.001, "model": "resnet50"}


def test_typical_usage_stores_an_artifact(tracker: NativeTracker, job: AppRun) -> None:
    """Overview & Usage: a named path, and optional metadata."""
    job.add_artifact("checkpoint", CHECKPOINT)
    job.add_artifact("final", CHECKPOINT, {"epoch": 10})
    job.flush()

    assert tracker.artifacts(JOB) == {
        "checkpoint": TrackerArtifact("checkpoint", CHECKPOINT),
        "final": TrackerArtifact("final", CHECKPOINT, {"epoch": 10}),
    }


def test_typical_usage_links_a_parent_run(tracker: NativeTracker, job: AppRun) -> None:
    """Overview & Usage: lineage is tracked, and read from both ends."""
    job.add_source(PARENT)
    job.flush()

    assert list(tracker.sources(JOB)) == [TrackerSource(PARENT)]
    assert tracker.lineage(JOB).parents == (PARENT,)
    assert tracker.lineage(PARENT).children == (JOB,)
    assert job.sources() == [AppRunTrackableSource(AppRun(PARENT, job.backends))]


def test_custom_tracker_needs_all_eight_methods() -> None:
    """Implementing a Custom Tracker: one that lacks a method cannot be made."""
    assert len(TrackerBase.__abstractmethods__) == 8
    kind = type("Half", (TrackerBase,), {"metadata": MyTracker.metadata})

    with pytest.raises(TypeError, match="abstract"):
        kind()


def test_custom_tracker_round_trips_metadata() -> None:
    """Testing Your Tracker: the first test of the document."""
    tracker = MyTracker(connection_str="test://localhost")
    AppRun("run-1", [tracker]).add_metadata(lr=0.01, epochs=10)

    md = tracker.metadata("run-1")
    assert md["lr"] == 0.01
    assert md["epochs"] == 10


def test_custom_tracker_round_trips_an_artifact() -> None:
    """Testing Your Tracker: the second test of the document."""
    tracker = MyTracker(connection_str="test://localhost")
    AppRun("run-1", [tracker]).add_artifact("checkpoint", "/path/to/ckpt.pt")

    arts = tracker.artifacts("run-1")
    assert "checkpoint" in arts
    assert arts["checkpoint"].path == "/path/to/ckpt.pt"


def test_tracker_round_trips_metadata(tracker: NativeTracker) -> None:
    """Testing Your Tracker: the first test of the document, on ours."""
    tracker.add_metadata("run-1", lr=0.01, epochs=10)

    md = tracker.metadata("run-1")
    assert md["lr"] == 0.01
    assert md["epochs"] == 10


def test_tracker_round_trips_an_artifact(tracker: NativeTracker) -> None:
    """Testing Your Tracker: the second test of the document, on ours."""
    tracker.add_artifact("run-1", "checkpoint", "/path/to/ckpt.pt")

    arts = tracker.artifacts("run-1")
    assert "checkpoint" in arts
    assert arts["checkpoint"].path == "/path/to/ckpt.pt"


def test_tracker_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """Testing Your Tracker: the factory is wired by the three variables."""
    monkeypatch.setenv("TORCHX_TRACKERS", f"my_tracker={__name__}:create")
    monkeypatch.setenv("TORCHX_TRACKER_MY_TRACKER_CONFIG", "test://localhost")
    monkeypatch.setenv("TORCHX_JOB_ID", "test-run-1")

    (made,) = trackers_from_environ()

    assert isinstance(made, MyTracker)
    assert made.connection_str == "test://localhost"


def test_class_in_place_of_a_factory_is_an_error() -> None:
    """Common Pitfalls: the entry point targets the class, not the factory."""
    with pytest.raises(ConfigError, match="names the class MyTracker; name a factory"):
        build_trackers({f"{__name__}:MyTracker": "test://localhost"})


def test_factory_receives_text_or_none() -> None:
    """Common Pitfalls: one argument, ``config: str | None``."""
    configs = ["test://localhost", None]

    made = [build_trackers({f"{__name__}:create": config})[0] for config in configs]

    assert [vars(tracker)["connection_str"] for tracker in made] == configs


def test_factory_that_refuses_none_says_so() -> None:
    """Common Pitfalls: the clear error of the factory reaches the user."""
    with pytest.raises(ConfigError, match="give test://host in"):
        build_trackers({f"{__name__}:create_strictly": None})


def test_data_types_have_the_fields_of_the_document() -> None:
    """Data Types: artifacts and sources are made as torchx makes them."""
    artifact = TrackerArtifact("checkpoint", CHECKPOINT, {"epoch": 10})
    source = TrackerSource(PARENT, "checkpoint")

    assert (artifact.name, artifact.path) == ("checkpoint", CHECKPOINT)
    assert artifact.metadata == {"epoch": 10}
    assert (source.source_run_id, source.artifact_name) == (PARENT, "checkpoint")


def test_cli_lists_jobs(
    tracker: NativeTracker, job: AppRun, command: Callable[..., str]
) -> None:
    """CLI Command: all runs, and those that used one."""
    tracker.add_source(PARENT, "grandparent")
    job.add_source(PARENT)
    job.flush()

    assert command("list", "jobs").splitlines()[0] == "JOB ID"
    assert set(command("list", "jobs").splitlines()[1:]) == {JOB, PARENT}
    listed = command("list", "jobs", "--parent-run-id", PARENT)
    assert listed.splitlines()[1:] == [JOB]


def test_cli_lists_metadata(job: AppRun, command: Callable[..., str]) -> None:
    """CLI Command: ids and values."""
    job.add_metadata(lr=0.001, epochs=10, model="resnet50")
    job.flush()

    rows = [line.split() for line in command("list", "metadata", JOB).splitlines()]

    assert rows == [
        ["ID", "VALUE"],
        ["epochs", "10"],
        ["lr", "0.001"],
        ["model", "resnet50"],
    ]


def test_cli_lists_artifacts(job: AppRun, command: Callable[..., str]) -> None:
    """CLI Command: name, path and metadata; one alone by its name."""
    job.add_artifact("checkpoint", CHECKPOINT, {"epoch": 10})
    job.add_artifact("log", "job.log")
    job.flush()

    table = command("list", "artifacts", JOB)
    one = json.loads(
        command("list", "artifacts", "--artifact", "checkpoint", JOB, "--json")
    )

    assert table.split()[:3] == ["ARTIFACT", "PATH", "METADATA"]
    assert re.search(r"^log +job\.log", table, re.MULTILINE)
    assert [found["path"] for found in one["artifacts"]] == [CHECKPOINT]
    assert one["artifacts"][0]["metadata"] == {"epoch": 10}


def test_cli_lists_lineage(job: AppRun, command: Callable[..., str]) -> None:
    """CLI Command: where a run comes from and what came of it."""
    job.add_source(PARENT, "checkpoint")
    job.flush()

    assert PARENT in command("list", "lineage", JOB)
    assert JOB in command("list", "lineage", PARENT)


@pytest.mark.usefixtures("launched")
def test_environment_names_the_parent(
    tracker: NativeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment Variables: ``TORCHX_PARENT_RUN_ID`` is recorded as a source."""
    monkeypatch.setenv("TORCHX_PARENT_RUN_ID", PARENT)

    AppRun.run_from_env().finish()

    assert list(tracker.sources(JOB)) == [TrackerSource(PARENT)]
    assert tracker.run(JOB).parent_run_id == PARENT


def test_environment_lists_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment Variables: ``TORCHX_TRACKERS`` is a list, each with its config."""
    listed = f"first={__name__}:create,second={__name__}:create"
    monkeypatch.setenv("TORCHX_TRACKERS", listed)
    monkeypatch.setenv("TORCHX_TRACKER_SECOND_CONFIG", "test://second")

    made = [vars(tracker)["connection_str"] for tracker in trackers_from_environ()]

    assert made == [None, "test://second"]
    assert tracker_config_env_var_name("second") == "TRACKER_SECOND_CONFIG"
