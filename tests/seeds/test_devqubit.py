"""The document of devqubit: what each of its snippets shows, works here."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tracker_core import AppRun, NativeTracker, track
from tracker_core.experiments import groups_of

COUNTS = {"00": 500, "11": 500}
QPY = b"QISKIT\x0d\x00\xff"
QASM = "OPENQASM 3.0;\nqubit[2] q;\n"


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make a run of the experiment that the document names."""
    return track("my-experiment", trackers=[tracker])


def test_basic_tracking(tracker: NativeTracker) -> None:
    """Basic tracking: a param, a metric, a tag, and the id of the run."""
    with track("my-experiment", trackers=[tracker]) as run:
        run.log_param("shots", 1000)
        run.log_metric("fidelity", 0.95)
        run.set_tag("backend", "simulator")
        run_id = run.run_id

    assert tracker.run(run_id).experiment == "my-experiment"
    assert tracker.params(run_id) == {"shots": 1000}
    assert tracker.series(run_id)["fidelity"].last == 0.95
    assert tracker.tags(run_id) == {"backend": "simulator"}


def test_context_manager_gives_a_unique_id(tracker: NativeTracker) -> None:
    """Basic tracking, what the context manager handles: a unique ID."""
    runs = [track("my-experiment", trackers=[tracker]) for _ in range(20)]

    assert len({run.run_id for run in runs}) == 20


def test_context_manager_tracks_the_status(tracker: NativeTracker, run: AppRun) -> None:
    """Basic tracking, what the context manager handles: RUNNING → FINISHED."""
    with run:
        run.flush()
        during = tracker.run(run.run_id).status

    assert (during, tracker.run(run.run_id).status) == ("RUNNING", "FINISHED")


def test_context_manager_captures_errors(tracker: NativeTracker, run: AppRun) -> None:
    """Basic tracking, what the context manager handles: errors make it FAILED."""
    with pytest.raises(ZeroDivisionError), run:
        _ = 1 / 0

    info = tracker.run(run.run_id)
    assert info.status == "FAILED"
    assert info.cause is not None
    assert info.cause["type"] == "ZeroDivisionError"
    assert info.cause["message"] == "division by zero"
    assert "_ = 1 / 0" in str(info.cause["traceback"])


def test_fingerprints_are_there_after_the_end(run: AppRun) -> None:
    """Basic tracking, what the context manager handles: fingerprints."""
    with run:
        run.log_bytes("qiskit.qpy.circuits", QPY, role="program")

    found = run.fingerprints()
    assert found.keys() == {"program", "device", "intent", "run"}
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", text) for text in found.values())


def test_parameters(tracker: NativeTracker, run: AppRun) -> None:
    """Parameters: one by one and several at once, the last value of a key wins."""
    with run:
        run.log_param("shots", 1000)
        run.log_params({"shots": 1000, "seed": 42})

    assert tracker.params(run.run_id) == {"seed": 42, "shots": 1000}


def test_metrics(tracker: NativeTracker, run: AppRun) -> None:
    """Metrics: one value, and a series over steps."""
    losses = [0.9, 0.5, 0.25]

    with run:
        run.log_metric("fidelity", 0.95)
        for step, loss in enumerate(losses):
            run.log_metric("loss", loss, step=step)

    points = tracker.points(run.run_id, "loss")
    assert list(tracker.points(run.run_id, "fidelity").values) == [0.95]
    assert [(point.step, point.value) for point in points] == [
        (0, 0.9),
        (1, 0.5),
        (2, 0.25),
    ]


def test_tags(tracker: NativeTracker, run: AppRun) -> None:
    """Tags: key-value pairs, the values are strings."""
    with run:
        run.set_tag("experiment", "bell-state")
        run.set_tags({"device": "ibm_kyoto", "version": "1.0"})

    assert tracker.tags(run.run_id) == {
        "device": "ibm_kyoto",
        "experiment": "bell-state",
        "version": "1.0",
    }


def test_json_artifact(tracker: NativeTracker, run: AppRun) -> None:
    """Artifacts, JSON: counts with a role and a kind."""
    with run:
        run.log_json(
            name="counts",
            obj=COUNTS,
            role="results",
            kind="result.counts.json",
        )

    kept = tracker.artifacts(run.run_id)["counts"]
    assert (kept.role, kept.kind) == ("results", "result.counts.json")
    assert kept.media_type == "application/json"
    with tracker.open_artifact(run.run_id, "counts") as file:
        assert file.read() == b'{"00":500,"11":500}'


def test_bytes_artifact(tracker: NativeTracker, run: AppRun) -> None:
    """Artifacts, Bytes / binary payloads: the call gives a reference with a digest."""
    with run:
        ref = run.log_bytes(
            kind="qiskit.qpy.circuits",
            data=QPY,
            media_type="application/x-qiskit-qpy",
            role="program",
        )

    digest = ref.digest or ""
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    with tracker.open_artifact(run.run_id, digest) as file:
        assert file.read() == QPY


def test_file_artifact(tracker: NativeTracker, run: AppRun, tmp_path: Path) -> None:
    """Artifacts, Files: the content of the file, with kind and role."""
    (tmp_path / "circuit.qasm").write_text(QASM)

    with run:
        run.log_file("circuit.qasm", kind="source.openqasm3", role="program")

    kept = tracker.artifacts(run.run_id)["circuit.qasm"]
    assert (kept.role, kept.kind) == ("program", "source.openqasm3")
    with tracker.open_artifact(run.run_id, "circuit.qasm") as file:
        assert file.read().decode() == QASM


def test_run_group(tracker: NativeTracker) -> None:
    """Run groups and lineage: the runs of a sweep share a group."""
    for shots in [100, 1000, 10000]:
        with track("shot-sweep", group_id="sweep_20240115", trackers=[tracker]) as run:
            run.log_param("shots", shots)

    (group,) = groups_of(tracker.runs())
    sweep = tracker.runs(query='group_id = "sweep_20240115"', order_by="params.shots")
    assert (group.group_id, group.run_count) == ("sweep_20240115", 3)
    assert [tracker.params(info.run_id)["shots"] for info in sweep] == [
        100,
        1000,
        10000,
    ]


def test_parent_and_child(tracker: NativeTracker) -> None:
    """Run groups and lineage: a child names its parent, and is found from it."""
    with track("opt", trackers=[tracker]) as parent:
        parent_id = parent.run_id

    with track("opt", parent_run_id=parent_id, trackers=[tracker]) as child:
        ...

    assert tracker.run(child.run_id).parent_run_id == parent_id
    assert tracker.lineage(parent_id).children == (child.run_id,)
    assert parent.children() == [child]


def test_error_handling(tracker: NativeTracker, run: AppRun) -> None:
    """Error handling: a failed run keeps what it logged, and a query finds it."""

    def work() -> None:
        with run:
            run.log_param("shots", 1000)
            raise ValueError("decoherence")

    with pytest.raises(ValueError, match="decoherence"):
        work()

    (found,) = tracker.runs(query='status = "FAILED" and params.shots = 1000')
    assert found.run_id == run.run_id


def test_inspecting_runs(
    tracker: NativeTracker, run: AppRun, command: Callable[..., str]
) -> None:
    """Inspecting runs: list, show and the artifacts of a run on the command line."""
    with run:
        run.log_param("shots", 1000)
        run.log_json("counts", COUNTS, role="results")
    del tracker

    listed = command("list")
    shown = command("show", run.run_id)
    artifacts = command("list", "artifacts", run.run_id)

    assert run.run_id in listed
    assert "FINISHED" in listed
    assert re.search(r"^shots +1000$", shown, re.MULTILINE)
    assert re.search(r"^counts +", artifacts, re.MULTILINE)
