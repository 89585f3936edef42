"""Runs that others logged to MLflow, read and imported."""

import math
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

import tracker_sqlite
from tests.cli.conftest import Cli, tracker
from tests.servers.mlflow_server import MlflowServer
from tracker_core import verify
from tracker_core.errors import InvalidValueError, NotSupportedError
from tracker_core.identity import new_run_id
from tracker_core.records import MetadataBody
from tracker_core.testing.contract.pen import Pen
from tracker_mlflow import create, create_foreign

pytestmark = pytest.mark.one_python

__all__ = ["tracker"]


@pytest.fixture
def native(mlflow_on_sqlite: MlflowServer) -> str:
    """Log a run with MLflow's own client, and one with Tracker beside it."""
    mlflow_on_sqlite.empty()
    client = MlflowClient(mlflow_on_sqlite.uri)
    experiment = client.create_experiment(f"native {new_run_id()}")
    parent = client.create_run(experiment, run_name="sweep").info.run_id
    client._tracking_client._log_url = lambda _: None  # type: ignore[method-assign]  # noqa: SLF001 - it prints
    client.set_terminated(parent)
    run = client.create_run(
        experiment, 1_700_000_000_000, {"mlflow.parentRunId": parent}, "first"
    )
    id_: str = run.info.run_id
    for key, value in {
        "lr": 0.1,
        "n": 3,
        "ok": True,
        "none": None,
        "v": "1.0.0",
    }.items():
        client.log_param(id_, key, value)
    client.set_tag(id_, "device", "cpu")
    points = [(0.5, 1, 10), (math.nan, 2, 11), (math.inf, 3, 12), (0.25, -1, 13)]
    metrics = [Metric("train/loss", v, 1_700_000_000_000 + t, s) for v, s, t in points]
    client.log_batch(id_, metrics)
    client.log_text(id_, "hello", "plots/note.txt")
    client.set_terminated(id_, "FAILED", 1_700_000_100_000)
    create(mlflow_on_sqlite.uri).write(Pen(new_run_id()).log(MetadataBody({"a": 1})))
    return id_


def test_run_of_others_is_read(mlflow_on_sqlite: MlflowServer, native: str) -> None:
    """With the types of its params, its series, tags, files and how it ended."""
    tracker = create_foreign(mlflow_on_sqlite.uri)

    run = tracker.run(native)

    assert len(tracker.runs()) == 2
    assert (run.name, run.status, run.experiment) == (
        "first",
        "FAILED",
        tracker.experiments()[0].name,
    )
    assert [it.name for it in tracker.runs() if it.run_id == run.parent_run_id] == [
        "sweep"
    ]
    assert (run.ended_at - run.started_at).total_seconds() == 100  # type: ignore[operator]  # both are known
    expected = {"lr": 0.1, "n": 3, "none": None, "ok": True, "v": "1.0.0"}
    assert repr(dict(tracker.params(native))) == repr(expected)
    assert tracker.tags(native)["device"] == "cpu"
    found = tracker.points(native, "train/loss")
    assert repr(list(zip(found.steps, found.values, strict=True))) == (
        "[(1, 0.5), (2, nan), (3, inf), (None, 0.25)]"
    )
    assert found.times_ns[0] == 1_700_000_000_010_000_000
    (artifact,) = tracker.artifacts(native).values()
    assert artifact.name == "plots/note.txt"
    assert artifact.path.endswith(f"{native}/artifacts/plots/note.txt")


def test_run_of_others_cannot_be_written(mlflow_on_sqlite: MlflowServer) -> None:
    """It is theirs."""
    with pytest.raises(NotSupportedError, match="read only"):
        create_foreign(mlflow_on_sqlite.uri).add_metadata("r", a=1)


def test_import_takes_runs_of_others_once(
    mlflow_on_sqlite: MlflowServer,
    native: str,
    tracker: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Importing them again changes nothing, and both are equal."""
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(tmp_path / "runs.db"))
    command = ("import", "mlflow", mlflow_on_sqlite.uri, "--to", "sqlite")

    first, second = tracker(*command), tracker(*command)

    assert (first.code, second.code) == (0, 0)
    assert first.out.count(" copied") == 2
    assert second.out.count(": unchanged") == 2
    theirs = create_foreign(mlflow_on_sqlite.uri)
    ours = tracker_sqlite.create(str(tmp_path / "runs.db"))
    found = verify(native, {"theirs": theirs, "ours": ours})
    assert not found.differences
    assert len(ours.runs()) == 2
    ours.close()


def test_import_waits_for_the_end_of_a_run(
    mlflow_on_sqlite: MlflowServer,
    tracker: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Points that came late, of an earlier time, would change the places of others."""
    mlflow_on_sqlite.empty()
    client = MlflowClient(mlflow_on_sqlite.uri)
    client._tracking_client._log_url = lambda _: None  # type: ignore[method-assign]  # noqa: SLF001 - it prints
    id_ = client.create_run("0").info.run_id
    client.log_batch(id_, [Metric("loss", 2.0, 2000, 2)])
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(tmp_path / "runs.db"))
    command = ("import", "mlflow", mlflow_on_sqlite.uri, "--to", "sqlite")

    early = tracker(*command)
    client.log_batch(id_, [Metric("loss", 1.0, 1000, 1)])
    client.set_terminated(id_)
    late = tracker(*command)

    assert (early.code, "RUNNING in MLflow" in early.out) == (1, True)
    assert late.code == 0
    ours = tracker_sqlite.create(str(tmp_path / "runs.db"))
    assert [*ours.points(id_, "loss").values] == [1.0, 2.0]
    assert ours.run(id_).status == "FINISHED"
    ours.close()


def test_import_names_what_has_an_impossible_time(
    mlflow_on_sqlite: MlflowServer,
) -> None:
    """Nanoseconds in place of milliseconds are a common slip."""
    client = MlflowClient(mlflow_on_sqlite.uri)
    id_ = client.create_run("0").info.run_id
    client.log_batch(id_, [Metric("loss", 2.0, 1_700_000_000_000_000_000, 2)])

    with pytest.raises(InvalidValueError, match=r"'loss' has a time"):
        create_foreign(mlflow_on_sqlite.uri).series(id_)
