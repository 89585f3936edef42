"""A backend that fails on every call stands between two real ones."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

import tracker_sqlite
from tracker_core import (
    AppRun,
    NativeTracker,
    RetryableError,
    TrackerArtifact,
    TrackerSource,
    track,
)
from tracker_core.testing import FaultyTracker, MemoryTracker

tracker_fsspec = pytest.importorskip("tracker_fsspec", reason="needs fsspec")

BACKENDS = (
    "sqlite=tracker_sqlite:create,"
    "faulty=tracker_core.testing.faults:create,"
    "fsspec=tracker_fsspec:create"
)

# What a job does with its run, whoever has opened it; 8 records.
WORK = """
run.log_params({"lr": 0.1, "layers": [64, 32], "seed": 7})
run.set_tags({"device": "cpu"})
for step in range(3):
    run.log_metrics({"train/loss": 1 / (step + 1), "train/acc": step}, step=step)
run.add_metadata(labels=["a", "b"], best=float("inf"))
run.add_artifact("weights", "weights.json", {"epoch": 3})
run.add_source("dataset", "input")
"""

JOB = f"""
import sys
from tracker_core import AppRun
run = AppRun.run_from_env()
{WORK}
sys.exit(3)
"""


@pytest.fixture
def stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[NativeTracker, NativeTracker]]:
    """Configure the three backends, and give the two that work."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TRACKER_BACKENDS", BACKENDS)
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(tmp_path / "runs.db"))
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "3")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", str(tmp_path / "runs"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    sqlite = tracker_sqlite.create(str(tmp_path / "runs.db"))
    fsspec = tracker_fsspec.create(str(tmp_path / "runs"))
    yield sqlite, fsspec
    sqlite.close()
    fsspec.close()


def told_by(tracker: NativeTracker, run_id: str) -> Mapping[str, object]:
    """Give all that a tracker tells of a run, but who it is."""
    series = tracker.series(run_id)
    return {
        "params": tracker.params(run_id),
        "tags": tracker.tags(run_id),
        "series": series,
        "points": {name: list(tracker.points(run_id, name)) for name in series},
        "metadata": tracker.metadata(run_id),
        "artifacts": tracker.artifacts(run_id),
        "sources": list(tracker.sources(run_id)),
    }


def holds_everything(tracker: NativeTracker, run_id: str) -> bool:
    """See whether a tracker has all records of the work."""
    told = told_by(tracker, run_id)
    losses = tracker.points(run_id, "train/loss")
    return (
        told["params"] == {"layers": [64, 32], "lr": 0.1, "seed": 7}
        and told["tags"] == {"device": "cpu"}
        and [point[1::2] for point in losses] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
        and tracker.series(run_id)["train/acc"].mean == 1
        and told["metadata"] == {"best": float("inf"), "labels": ["a", "b"]}
        # Beside it a launcher keeps what the job prints.
        and tracker.artifacts(run_id)["weights"]
        == TrackerArtifact("weights", "weights.json", {"epoch": 3})
        and told["sources"] == [TrackerSource("dataset", "input")]
    )


def work(run: AppRun) -> None:
    """Log all records of the work."""
    exec(WORK, {"run": run})  # noqa: S102 - the code of this file


def broken(message: str) -> FaultyTracker:
    """Give a tracker that fails on every call."""
    return FaultyTracker(MemoryTracker(), lambda _: RetryableError(message))


def start(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of this Python to its end."""
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False
    )


def test_run_on_given_backends_raises_once_all_were_tried(
    stores: tuple[NativeTracker, NativeTracker],
) -> None:
    """Every call raises the one error, and every record is in both others."""
    first, last = stores
    run = AppRun("r", [first, broken("no disk"), last])

    calls: tuple[Callable[[], None], ...] = (
        lambda: run.log_param("lr", 0.1),
        lambda: run.add_metadata(a=1),
        run.start,
        run.finish,
    )
    for call in calls:
        with pytest.raises(RetryableError, match="no disk"):
            call()

    for tracker in stores:
        assert tracker.params("r") == {"lr": 0.1}
        assert tracker.metadata("r") == {"a": 1}
        assert tracker.run("r").ended_at is not None


def test_run_on_given_backends_raises_a_group_when_several_fail(
    stores: tuple[NativeTracker, NativeTracker],
) -> None:
    """The working ones in between hold the record."""
    first, last = stores
    run = AppRun("r", [broken("a"), first, broken("b"), last, broken("c")])

    with pytest.raises(ExceptionGroup, match="3 trackers failed") as found:
        run.set_tag("device", "cpu")

    assert [str(error) for error in found.value.exceptions] == ["a", "b", "c"]
    assert all(tracker.tags("r") == {"device": "cpu"} for tracker in stores)


def test_tracked_run_goes_on_in_the_others(
    stores: tuple[NativeTracker, NativeTracker], caplog: pytest.LogCaptureFixture
) -> None:
    """One warning at the first failure, and the summary at the end."""
    with track("iris") as run:
        work(run)

    for tracker in stores:
        assert holds_everything(tracker, run.id)
        assert tracker.run(run.id).status == "FINISHED"
        assert tracker.run(run.id).experiment == "iris"
    failed, missed = caplog.messages
    assert failed.startswith("backend 'faulty' failed: ")
    assert missed.startswith("backend 'faulty' has missed 12 records of run ")


def test_both_others_tell_the_same(
    stores: tuple[NativeTracker, NativeTracker],
) -> None:
    """The same values, types, times and order."""
    with track("iris") as run:
        work(run)

    sqlite, fsspec = stores
    assert told_by(sqlite, run.id) == told_by(fsspec, run.id)
    assert repr(told_by(sqlite, run.id)) == repr(told_by(fsspec, run.id))
    assert sqlite.run(run.id) == fsspec.run(run.id)


def test_job_goes_on_in_the_others(
    stores: tuple[NativeTracker, NativeTracker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two lines on stderr name the bad one; the exit code is the job's."""
    monkeypatch.setenv("TRACKER_JOB_ID", "scheduler://session/app")

    done = start("-c", JOB)

    assert done.returncode == 3
    failed, missed = done.stderr.splitlines()
    assert failed.startswith("backend 'faulty' failed: ")
    assert missed.startswith("backend 'faulty' has missed 12 records of run ")
    assert all(
        holds_everything(tracker, "scheduler://session/app") for tracker in stores
    )


def test_launched_job_goes_on_in_the_others(
    stores: tuple[NativeTracker, NativeTracker], tmp_path: Path
) -> None:
    """Through the launcher too, which knows the exit code that the run ends with."""
    (tmp_path / "job.py").write_text(JOB)

    done = start("-m", "tracker_core", "run", "--", sys.executable, "job.py")

    ((run_id,), (same,)) = (tracker.run_ids() for tracker in stores)
    assert done.returncode == 3
    assert run_id == same
    assert "backend 'faulty' failed: " in done.stderr
    assert f"backend 'faulty' has missed 12 records of run {run_id!r}" in done.stderr
    for tracker in stores:
        assert holds_everything(tracker, run_id)
        info = tracker.run(run_id)
        assert (info.status, info.cause) == (
            "FAILED",
            {"kind": "exit_code", "exit_code": 3},
        )
