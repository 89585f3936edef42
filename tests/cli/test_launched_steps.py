"""Tests of ``tracker run --step``: several launches that are one run."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

TRACKER = f"{sys.executable} -m tracker_core"


@pytest.fixture(autouse=True)
def database(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure a database."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    return place / "runs.db"


@contextmanager
def opened(database: Path) -> Iterator[SqliteTracker]:
    """Open the database for reading."""
    with closing(SqliteTracker(database)) as store:
        yield store


def step(tracker: "Cli", name: str, script: str, *options: str) -> int:
    """Launch a step of the run ``r``, and give its exit code."""
    words = ("--run-id", "r", "--step", name, *options)
    return tracker("run", *words, "--shell", script).code


def test_steps_of_one_id_are_one_run(tracker: "Cli", database: Path) -> None:
    """Each logs below its name, in whatever way; the run shows what came of them."""
    left = f"echo n=1 >> $TRACKER_TRACK_FILE; export TRACKER_TRACK_m=2; {TRACKER} log "
    Path("prepared").write_text("data")

    codes = (
        step(tracker, "prepare", f"{left} artifact a prepared; echo hello"),
        step(tracker, "train", f"{left} metric loss 3; exit 3"),
    )

    with opened(database) as store:
        (run,) = store.runs()
        steps = store.steps("r")
        series, artifacts = store.series("r"), store.artifacts("r")
    assert (codes, run.status, len(run.attempts)) == ((0, 3), "FAILED", 1)
    assert [(it.name, it.status, len(it.attempts)) for it in steps] == [
        ("prepare", "FINISHED", 1),
        ("train", "FAILED", 1),
    ]
    assert {name: one.last for name, one in series.items()} == {
        "prepare/m": 2,
        "prepare/n": 1,
        "train/loss": 3,
        "train/m": 2,
        "train/n": 1,
    }
    assert list(artifacts) == ["prepare/a", "prepare/console/1.log"]


def test_step_that_is_launched_again_replaces_its_points_alone(
    tracker: "Cli", database: Path
) -> None:
    """A retry is the next attempt of step and run, and the run is well again."""
    step(tracker, "prepare", "echo n_STEP_9=9 >> $TRACKER_TRACK_FILE")
    lines = "for i in 1 2 3; do echo loss_STEP_$i=$1 >> $TRACKER_TRACK_FILE; done"
    script = (
        f"log() {{ {lines}; }}; test -e again || {{ touch again; log 1; exit 3; }}; "
        "echo loss_STEP_2=2 >> $TRACKER_TRACK_FILE; echo done"
    )

    code = step(tracker, "train", script, "--retries", "1", "--backoff", "0")

    with opened(database) as store:
        (run,) = store.runs()
        prepare, train = store.steps("r")
        losses = store.points("r", "train/loss")
        assert [(point.step, point.value) for point in losses] == [(1, 1), (2, 2)]
        assert store.series("r")["prepare/n"].count == 1
        assert "train/console/2.log" in store.artifacts("r")
    assert (code, run.status) == (0, "FINISHED")
    assert [one.status for one in run.attempts] == ["FAILED", "FINISHED"]
    assert [one.status for one in train.attempts] == ["FAILED", "FINISHED"]
    assert len(prepare.attempts) == 1


def test_step_within_a_job_belongs_to_its_run(tracker: "Cli", database: Path) -> None:
    """A launch of no step is a child still, and the job deals with what fails."""
    script = (
        f"{TRACKER} run --step a --shell 'exit 3'\n"
        f"{TRACKER} run --step b --shell '{TRACKER} run -- env > child; env > b'\n"
        f"{TRACKER} log metric x 1"
    )

    done = tracker("run", "--run-id", "r", "--name", "n", "--shell", script)

    with opened(database) as store:
        child, run = store.runs()
        steps = [(one.name, one.status) for one in store.steps("r")]
        assert list(store.series("r")) == ["x"]
    assert (done.code, run.status, run.name) == (0, "FINISHED", "n")
    assert (len(run.attempts), run.parent_run_id) == (1, None)
    assert steps == [("a", "FAILED"), ("b", "FINISHED")]
    assert child.parent_run_id == "r"
    assert "TRACKER_STEP=b\n" in Path("b").read_text()
    assert "TRACKER_STEP" not in Path("child").read_text()


def test_python_of_a_step_logs_below_it(tracker: "Cli", database: Path) -> None:
    """A run of its own that it makes has nothing of the step."""
    code = (
        "from tracker_core import AppRun, track; run = AppRun.run_from_env(); "
        "run.log_metric('loss', 1); run.log_json('results', 2); "
        "track(name='own').__enter__().log_metric('loss', 3)"
    )

    words = ("--run-id", "r", "--step", "train", "--", sys.executable, "-c", code)
    done = tracker("run", *words)

    with opened(database) as store:
        own = next(run for run in store.runs() if run.run_id != "r")
        assert list(store.series("r")) == ["train/loss"]
        assert list(store.artifacts("r")) == ["train/results"]
        assert list(store.series(own.run_id)) == ["loss"]
    assert (done.code, own.parent_run_id) == (0, "r")


def test_steps_at_once_are_one_run(tracker: "Cli", database: Path) -> None:
    """The one that ends first leaves delivery to the other, and says nothing."""
    Path("meet").mkdir()
    wait = "until test -e meet/{}; do :; done; echo n=1 >> $TRACKER_TRACK_FILE"
    started = tracker.start(
        *("run", "--run-id", "r", "--step", "a", "--shell"),
        "touch meet/a; " + wait.format("b"),
    )

    with started as process:
        done = tracker.process(
            *("run", "--run-id", "r", "--step", "b", "--shell"),
            wait.format("a"),
        )
        Path("meet/b").touch()
        _, told = process.communicate(timeout=60)

    with opened(database) as store:
        run = store.run("r")
        assert sorted(store.series("r")) == ["a/n", "b/n"]
    assert done.err.splitlines() == ["tracker: step b of run r"]
    assert told.splitlines() == ["tracker: step a of run r"]
    assert (run.status, len(run.attempts)) == ("FINISHED", 1)


def test_steps_are_told_in_the_run_log(tracker: "Cli") -> None:
    """Each with its own values."""
    step(tracker, "train", "echo loss=1 >> $TRACKER_TRACK_FILE")

    found = json.loads(tracker("show", "r", "--run-log").out)

    assert found["status"] == "SUCCESS"
    assert found["steps"]["train"]["user_defined_metrics"] == {"loss": 1}
    assert len(found["steps"]["train"]["attempts"]) == 1


@pytest.mark.parametrize("name", ["", "/a", "a/"])
def test_step_needs_a_name(tracker: "Cli", name: str) -> None:
    """It is told before anything is started."""
    done = tracker("run", "--step", name, "--shell", "touch ran")

    assert (done.code, Path("ran").exists()) == (2, False)
    assert "step name" in done.err
