"""Runs on a real MLflow server: natural in its own pages, one for each run id."""

import math
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.servers.mlflow_server import MlflowServer
from tracker_core import AppRun, track, verify
from tracker_core.copying import Result, copy_runs
from tracker_core.errors import ConfigError
from tracker_core.identity import new_run_id
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    MetadataBody,
    StartedBody,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import Pen
from tracker_mlflow import MlflowTracker, active, create
from tracker_mlflow.claims import claimed_run, run_key
from tracker_mlflow.server import Server

pytestmark = pytest.mark.one_python


@pytest.fixture
def client(mlflow_on_sqlite: MlflowServer) -> MlflowClient:
    """Give MLflow's own client of the server."""
    return MlflowClient(mlflow_on_sqlite.uri)


@pytest.fixture
def tracker(mlflow_on_sqlite: MlflowServer) -> MlflowTracker:
    """Give a tracker on the server."""
    return create(mlflow_on_sqlite.uri)


def _found(client: MlflowClient, run_id: str) -> list[Run]:
    ids = [one.experiment_id for one in client.search_experiments()]
    return list(client.search_runs(ids, f"tags.`tracker.key` = '{run_key(run_id)}'"))


def _the_run(client: MlflowClient, run_id: str) -> Run:
    (run,) = _found(client, run_id)
    return run


def test_run_looks_natural(
    tracker: MlflowTracker, client: MlflowClient, tmp_path: Path
) -> None:
    """Params, tags, metrics with their steps, files, name, experiment and status."""
    (tmp_path / "model.pt").write_bytes(b"weights")
    with track("iris", name="first try", trackers=[tracker]) as run:
        run.log_params({"lr": 0.1, "depth": 3, "ok": True, "betas": [0.9, 1]})
        run.set_tag("device", "cpu")
        run.add_metadata(dataset="v3")
        for step in range(3):
            run.log_metric("train/loss", 1 / (step + 1), step=step)
        run.log_file(tmp_path / "model.pt", "model", name="models/model.pt")
        run.add_artifact("data", "s3://bucket/data")
        run.log("hello", level="warn")

    found = _the_run(client, run.run_id)
    data, info = found.data, found.info
    assert client.get_experiment(info.experiment_id).name == "iris"
    assert (info.run_name, info.status) == ("first try", "FINISHED")
    assert info.end_time >= info.start_time > 0
    params = {"lr": "0.1", "depth": "3", "ok": "True", "betas": "[0.9,1]"}
    assert data.params == params
    assert data.tags["device"] == "cpu"
    assert data.tags["dataset"] == "v3"
    assert data.tags["tracker.run_id"] == run.run_id
    assert data.tags["tracker.artifact.data"] == "s3://bucket/data"
    history = client.get_metric_history(info.run_id, "train/loss")
    assert sorted((one.step, one.value) for one in history) == [
        (0, 1.0),
        (1, 0.5),
        (2, 1 / 3),
    ]
    path = client.download_artifacts(info.run_id, "models/model.pt", str(tmp_path))
    assert Path(path).read_bytes() == b"weights"
    (log,) = client.list_artifacts(info.run_id, "logs")
    text = Path(client.download_artifacts(info.run_id, log.path, str(tmp_path)))
    assert text.read_text().endswith("WARN  hello\n")


def test_what_mlflow_cannot_hold_shows_in_another_form(
    tracker: MlflowTracker, client: MlflowClient
) -> None:
    """A changed or long param, refused names, infinities and values of other types."""
    long = "x" * 7000
    with track(trackers=[tracker]) as run:
        run.log_params({"lr": 0.1, "long": long, "a@b": 1})
        run.flush(timeout=30.0)
        run.log_param("lr", 0.2)
        run.log_metric("loss@0.5", math.inf, step=1)
        run.log_metric("text", "fine", step=1)
        run.log_metric("big", 10**400, step=1)
        run.set_tag("tracker.key", "mine")

    data = _the_run(client, run.run_id).data
    assert data.params["lr"] == "0.1"
    assert data.tags["tracker.param.lr"] == "0.2"
    assert data.params["long"] == "x" * 5999 + "…"
    shown = next(key for key in data.metrics if key.startswith("loss_0.5-"))
    assert data.metrics[shown] > 1e308
    assert data.tags[f"tracker.name.{shown}"] == "loss@0.5"
    assert data.tags["tracker.value.text"] == "fine"
    assert data.tags["tag.tracker.key"] == "mine"
    assert tracker.params(run.run_id) == {"a@b": 1, "long": long, "lr": 0.2}
    assert tracker.points(run.run_id, "loss@0.5").values[0] == math.inf
    assert tracker.points(run.run_id, "big").values[0] == 10**400


@pytest.mark.parametrize("is_parent_first", [True, False])
def test_children_nest_below_their_parent(
    tracker: MlflowTracker, client: MlflowClient, *, is_parent_first: bool
) -> None:
    """Whichever of them arrives first."""
    parent, child = new_run_id(), new_run_id()
    batches = [
        Pen(parent).log(CreatedBody("parent")),
        Pen(child).log(CreatedBody("child", None, None, parent)),
    ]
    for batch in batches if is_parent_first else reversed(batches):
        tracker.write(batch)

    tags = _the_run(client, child).data.tags
    assert tags["mlflow.parentRunId"] == _the_run(client, parent).info.run_id


def test_status_follows_the_run(tracker: MlflowTracker, client: MlflowClient) -> None:
    """It is made, runs, and fails."""
    run, seen = track(trackers=[tracker]), list[str]()

    def look() -> None:
        run.flush(timeout=30.0)
        seen.append(_the_run(client, run.run_id).info.status)

    look()
    with suppress(ZeroDivisionError), run:
        look()
        raise ZeroDivisionError
    look()

    assert seen == ["SCHEDULED", "RUNNING", "FAILED"]


def test_run_that_is_started_again_runs(
    mlflow_on_sqlite: MlflowServer, client: MlflowClient
) -> None:
    """The end of its first attempt is not what shows while another is at work."""
    run_id, seen = new_run_id(), list[str]()
    for attempt, status in ((1, "FAILED"), (2, "FINISHED")):
        tracker = create(mlflow_on_sqlite.uri)
        pen = Pen(run_id, f"w{attempt}", attempt)
        for body in (StartedBody("job"), EndedBody("job", status, None)):
            tracker.write(pen.log(body))
            seen.append(_the_run(client, run_id).info.status)

    assert seen == ["RUNNING", "FAILED", "RUNNING", "FINISHED"]


def test_processes_that_begin_a_run_at_once_make_one(
    mlflow_on_sqlite: MlflowServer, client: MlflowClient
) -> None:
    """Each has its own tracker, and all that they wrote is there."""
    run_id = new_run_id()
    trackers = [create(mlflow_on_sqlite.uri) for _ in range(6)]
    start = threading.Barrier(len(trackers))

    def begin(number: int, tracker: MlflowTracker) -> None:
        batch = Pen(run_id).log(MetadataBody({f"k{number}": number}))
        start.wait()
        tracker.write(batch)

    threads = [
        threading.Thread(target=begin, args=pair) for pair in enumerate(trackers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(_found(client, run_id)) == 1
    assert dict(create(mlflow_on_sqlite.uri).metadata(run_id)) == {
        f"k{number}": number for number in range(6)
    }


def test_making_that_was_tried_again_makes_one(
    mlflow_on_sqlite: MlflowServer, client: MlflowClient
) -> None:
    """A request whose answer was lost has made a run, which the next try finds."""
    server, run_id = Server(mlflow_on_sqlite.uri), new_run_id()
    made: list[str] = []

    def make(tags: Mapping[str, str]) -> Run:
        run = client.create_run("0", tags=dict(tags))
        made.append(run.info.run_id)
        if len(made) == 1:
            raise ConnectionResetError
        return run

    with pytest.raises(ConnectionResetError):
        claimed_run(server, run_id, make)
    found = claimed_run(server, run_id, make)

    assert [found.info.run_id] == made
    assert _the_run(client, run_id).info.run_id == made[0]


def test_run_that_was_deleted_begins_anew(
    tracker: MlflowTracker, client: MlflowClient
) -> None:
    """What is logged after somebody deleted it in MLflow has a run of its own."""
    run_id = new_run_id()
    tracker.add_metadata(run_id, a=1)
    client.delete_run(_the_run(client, run_id).info.run_id)

    batch = Pen(run_id).log(MetadataBody({"b": 2}))
    with pytest.raises(OSError, match="answered"):
        tracker.write(batch)
    tracker.write(batch)

    assert dict(tracker.metadata(run_id)) == {"b": 2}


def test_global_state_of_mlflow_stays(
    tracker: MlflowTracker, capfd: pytest.CaptureFixture[str]
) -> None:
    """Tracking URI and active run are the job's own, and nothing is printed."""
    before = mlflow.get_tracking_uri()

    with track(trackers=[tracker]) as run:
        run.log_metric("loss", 1.0)
        run.flush(timeout=30.0)
        assert mlflow.active_run() is None

    assert mlflow.get_tracking_uri() == before
    assert capfd.readouterr() == ("", "")


def test_active_makes_it_the_run_of_mlflow(
    tracker: MlflowTracker, client: MlflowClient
) -> None:
    """On request; the run goes on afterwards, and so does what was before."""
    before = mlflow.get_tracking_uri()
    with track(trackers=[tracker]) as run:
        with active(run):
            mlflow.log_text("native", "native.txt")
        assert mlflow.active_run() is None
        assert mlflow.get_tracking_uri() == before
        found = _the_run(client, run.run_id)
        assert found.info.status == "RUNNING"
        run.log_param("after", 1)

    assert _the_run(client, run.run_id).data.params == {"after": "1"}
    names = {one.path for one in client.list_artifacts(found.info.run_id)}
    assert "native.txt" in names


def test_active_shows_no_password(
    mlflow_on_sqlite: MlflowServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """MLflow would print a link with it; and the environment stays as it was."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    secret = mlflow_on_sqlite.uri.replace("//", "//me:s3cr3t@")
    with track(trackers=[create(secret)]) as run, active(run):
        mlflow.log_metric("native", 1.0)

    assert "s3cr3t" not in "".join(capfd.readouterr())
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_active_beside_a_run_of_mlflow_is_told(tracker: MlflowTracker) -> None:
    """It says what to do."""
    own = MlflowClient(tracker.tracking_uri).create_run("0").info.run_id
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracker.tracking_uri)
    mlflow.start_run(run_id=own)
    try:
        with (
            track(trackers=[tracker]) as run,
            pytest.raises(ConfigError, match="end MLflow's own run first"),
            active(run),
        ):
            pass
    finally:
        mlflow.end_run()
        mlflow.set_tracking_uri(before)


def test_run_is_read_when_its_program_ends(tracker: MlflowTracker) -> None:
    """Pools of threads take no work then; the last delivery reads what others told."""
    run_id = new_run_id()
    for _ in range(3):
        tracker.write(Pen(run_id).log(StartedBody("job")))
    program = (
        "import atexit, sys, tracker_mlflow\n"
        "from tracker_core.testing.contract.pen import Pen\n"
        "from tracker_core.records import EndedBody\n"
        "uri, run_id = sys.argv[1:]\n"
        "def end():\n"
        "    tracker = tracker_mlflow.create(uri)\n"
        "    ended = EndedBody('job', 'FINISHED', None)\n"
        "    tracker.write(Pen(run_id).log(ended))\n"
        "    print(len([*tracker.batches(run_id)]))\n"
        "atexit.register(end)\n"
    )
    command = [sys.executable, "-c", program, tracker.tracking_uri, run_id]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == "4\n", done.stderr


def test_artifacts_of_any_names_go_side_by_side(tracker: MlflowTracker) -> None:
    """Also those of our own folders, and a file where others have a folder."""
    names = ("logs", "model", "model/weights.bin", "tracks/x", "sha256", "a/b", "a")
    with track(trackers=[tracker]) as run:
        for name in names:
            run.log_bytes(name, name.encode(), "text/plain", name=name)
        run.log("hello")
        assert not run.flush(timeout=60.0)

    for name in names:
        with tracker.open_artifact(run.run_id, name) as file:
            assert file.read() == name.encode()


def test_active_needs_mlflow() -> None:
    """A run without it is told so."""
    with pytest.raises(ConfigError, match="no backend mlflow"), active(AppRun("r", [])):
        pass


def test_same_content_shows_in_each_run(
    tracker: MlflowTracker, client: MlflowClient
) -> None:
    """A run keeps its own copy, so that removing another takes nothing from it."""
    runs = []
    for _ in range(2):
        with track(trackers=[tracker]) as run:
            run.log_bytes("model", b"same", "application/x-model", name="model.bin")
            run.log_bytes("model", b"other", "application/x-model", name="model.bin")
        runs.append(run.run_id)
    one, two = (_the_run(client, run_id).info.run_id for run_id in runs)
    client.delete_run(one)

    names = sorted(entry.path for entry in client.list_artifacts(two))

    assert names[0] == "model-" + names[0][6:18] + ".bin"
    assert names[1:] == ["model.bin", "tracker"]
    with tracker.open_artifact(runs[1], "model.bin") as file:
        assert file.read() == b"other"


def test_copy_shows_what_was_logged_elsewhere(
    tracker: MlflowTracker, client: MlflowClient
) -> None:
    """Artifacts are in the run's own files, and what has no form is counted."""
    source = MemoryTracker()
    with track("iris", trackers=[source]) as run:
        run.log_param("lr", 0.1)
        run.log("hello")
        run.log_bytes("model", b"weights", "application/x-model", name="model.bin")

    (first,) = copy_runs(source, tracker, f'run_id = "{run.run_id}"')
    (second,) = copy_runs(source, tracker, f'run_id = "{run.run_id}"')

    assert (first.result, second.result) == (Result.COPIED, Result.UNCHANGED)
    assert first.beside == {"log": 1, "provenance": 1}
    found = _the_run(client, run.run_id)
    assert found.data.params == {"lr": "0.1"}
    names = {entry.path for entry in client.list_artifacts(found.info.run_id)}
    assert "model.bin" in names
    assert verify(run.run_id, {"memory": source, "mlflow": tracker}).is_equal
