"""The document of entrenar: what each of its snippets shows, works here."""

import runpy
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core import AppRun, FilterOp, NativeTracker, ParamFilter, track
from tracker_core.registry import build_trackers

CONFIG = {"model": "gpt2", "dataset": "wikitext"}
MODEL = b"safetensors" * 100
EXAMPLE = Path(__file__).parents[2] / "examples" / "iris" / "train.py"


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make a run of the experiment of the document; it has not started."""
    return track("gpt2-finetune", experiment_config=CONFIG, trackers=[tracker])


def test_quick_start_creates_an_experiment(tracker: NativeTracker, run: AppRun) -> None:
    """Quick Start: an experiment with its config, and a pending run of it."""
    run.flush()
    found = tracker.experiment("gpt2-finetune")

    assert (found.name, found.config, found.run_count) == ("gpt2-finetune", CONFIG, 1)
    assert tracker.run(run.run_id).status == "PENDING"


def test_quick_start_starts_the_run(tracker: NativeTracker, run: AppRun) -> None:
    """Quick Start: a pending run runs once it is started."""
    run.start()
    run.flush()

    info = tracker.run(run.run_id)
    assert info.status == "RUNNING"
    assert info.started_at is not None


def test_quick_start_logs_parameters(tracker: NativeTracker, run: AppRun) -> None:
    """Quick Start: a float, an int and a text."""
    run.start()
    run.log_param("learning_rate", 1e-4)
    run.log_param("batch_size", 32)
    run.log_param("optimizer", "adamw")
    run.flush()

    assert tracker.params(run.run_id) == {
        "batch_size": 32,
        "learning_rate": 1e-4,
        "optimizer": "adamw",
    }


def test_quick_start_logs_metrics_over_time(
    tracker: NativeTracker, run: AppRun
) -> None:
    """Quick Start: two series of ten epochs."""
    run.start()
    for epoch in range(10):
        run.log_metric("loss", 1 / (epoch + 1), step=epoch)
        run.log_metric("accuracy", epoch / 10, step=epoch)
    run.flush()

    loss = tracker.points(run.run_id, "loss")
    accuracy = tracker.points(run.run_id, "accuracy")
    assert list(loss.steps) == list(accuracy.steps) == list(range(10))
    assert list(loss.values) == [1 / (epoch + 1) for epoch in range(10)]
    assert list(accuracy.values) == [epoch / 10 for epoch in range(10)]


def test_quick_start_saves_an_artifact(tracker: NativeTracker, run: AppRun) -> None:
    """Quick Start: bytes under a name; the call gives their hash."""
    run.start()
    model = run.log_bytes("model", MODEL, name="model.safetensors")
    run.flush()

    kept = tracker.artifacts(run.run_id)["model.safetensors"]
    assert kept.digest == model.digest
    with tracker.open_artifact(run.run_id, str(model.digest)) as file:
        assert file.read() == MODEL


def test_quick_start_completes_the_run(tracker: NativeTracker, run: AppRun) -> None:
    """Quick Start: Success is FINISHED."""
    run.start()
    run.finish("FINISHED")

    info = tracker.run(run.run_id)
    assert info.status == "FINISHED"
    assert info.ended_at is not None


def test_storage_backends_open_by_name(backend: str, config: str) -> None:
    """Storage Backends: a file, or the memory of the process."""
    (opened,) = build_trackers({backend: config})
    with closing(opened):  # type: ignore[type-var]  # those that ship here can be closed
        opened.add_metadata("r1", lr=0.1)

        assert opened.metadata("r1") == {"lr": 0.1}


@pytest.mark.parametrize("chosen", [{"sqlite": ":memory:"}, {"memory": "for testing"}])
def test_storage_backends_for_tests_leave_no_file(
    chosen: dict[str, str | None], tmp_path: Path
) -> None:
    """Storage Backends: SQLite in memory, and plain memory."""
    (opened,) = build_trackers(chosen)
    with closing(opened):  # type: ignore[type-var]  # those that ship here can be closed
        opened.add_metadata("r1", lr=0.1)

        assert opened.metadata("r1") == {"lr": 0.1}
        assert not list(tmp_path.iterdir())


def test_parameter_types(tracker: NativeTracker, run: AppRun) -> None:
    """Parameter Types: text, int, float, bool and a list come back as themselves."""
    values = {"a": "adam", "b": 32, "c": 0.001, "d": True, "e": [128, 256]}

    run.log_params(values)
    run.flush()

    assert repr(dict(tracker.params(run.run_id))) == repr(values)


def test_querying_an_experiment(tracker: NativeTracker, run: AppRun) -> None:
    """Querying Experiments: an experiment by its name, and its runs."""
    other = track("other", trackers=[tracker])

    experiment = tracker.experiment("gpt2-finetune")
    runs = tracker.filter_runs("gpt2-finetune", [])

    assert experiment.config == CONFIG
    assert [info.run_id for info in runs] == [run.run_id]
    assert {found.name for found in tracker.experiments()} == {"gpt2-finetune", "other"}
    assert other.run_id not in {info.run_id for info in runs}


def test_querying_metrics(tracker: NativeTracker, run: AppRun) -> None:
    """Querying Experiments: the history of a metric, point by point."""
    for step, loss in enumerate([0.5, 0.25]):
        run.log_metric("loss", loss, step=step)
    run.flush()

    loss_history = tracker.points(run.run_id, "loss")
    lines = [f"Step {point.step}: {point.value}" for point in loss_history]

    assert lines == ["Step 0: 0.5", "Step 1: 0.25"]


def test_querying_the_status(tracker: NativeTracker, run: AppRun) -> None:
    """Querying Experiments: the status of a run."""
    with run:
        pass

    assert tracker.run(run.run_id).status == "FINISHED"


def test_filtering_runs(tracker: NativeTracker, run: AppRun) -> None:
    """Filtering Runs: the two filters of the document find one run of three."""
    wrong = {"learning_rate": 1e-4, "optimizer": "sgd"}
    fast = {"learning_rate": 1e-2, "optimizer": "adamw"}
    run.log_params({"learning_rate": 1e-4, "optimizer": "adamw"})
    for params in (wrong, fast):
        other = track("gpt2-finetune", trackers=[tracker])
        other.log_params(params)
        other.flush()
    run.flush()

    filters = [
        ParamFilter(
            key="learning_rate",
            op=FilterOp.LT,
            value=1e-3,
        ),
        ParamFilter(
            key="optimizer",
            op=FilterOp.EQ,
            value="adamw",
        ),
    ]
    runs = tracker.filter_runs("gpt2-finetune", filters)

    assert [info.run_id for info in runs] == [run.run_id]


def test_distributed_tracing(tracker: NativeTracker, run: AppRun) -> None:
    """Distributed Tracing: a span is set, and read back."""
    run.set_span_id("trace-abc-123")
    run.flush()

    assert run.span_id() == "trace-abc-123"
    assert tracker.run(run.run_id).span_id == "trace-abc-123"


def test_example_runs(
    tracker: NativeTracker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Cargo Run Example: there is a program to try, with arguments of its own."""
    monkeypatch.setattr(sys, "argv", ["train.py", "--epochs", "3"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    runpy.run_path(str(EXAMPLE), run_name="__main__")
    AppRun.run_from_env().finish()

    (info,) = tracker.runs()
    assert capsys.readouterr().out.startswith("test accuracy ")
    assert tracker.params(info.run_id)["epochs"] == 3
    assert tracker.series(info.run_id)["train/loss"].count == 3


def test_database_schema(tmp_path: Path) -> None:
    """Database Schema: the five tables are there for plain SQL."""
    path = tmp_path / "experiments.db"
    (opened,) = build_trackers({"sqlite": str(path)})
    opened.close()  # type: ignore[attr-defined]  # those that ship here can be closed

    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        tables = {name for (name,) in rows}

    assert {"experiments", "runs", "metrics", "params", "artifacts"} <= tables


def test_best_practices_find_the_best_run(
    tracker: NativeTracker, run: AppRun, command: Callable[..., str]
) -> None:
    """Best Practices: parameters, hashes and filters find the best run quickly."""
    run.log_params({"learning_rate": 1e-4})
    run.log_metrics({"loss": 0.25})
    worse = track("gpt2-finetune", trackers=[tracker])
    worse.log_metric("loss", 0.5)
    for made in (run, worse):
        made.flush()

    best = tracker.runs(
        query="params.learning_rate < 1e-3", order_by="metrics.loss.min"
    )

    assert best[0].run_id == run.run_id
    assert run.run_id in command("list")
