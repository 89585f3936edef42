"""What holds here where devqubit was seen to be weak; one test for each weakness."""

import json
import os
import platform
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from tracker_core import (
    AppRun,
    ContentError,
    InvalidValueError,
    NativeTracker,
    QueryError,
    RunEndedError,
    RunNotFoundError,
    UnsupportedTypeError,
    track,
)
from tracker_core.experiments import groups_of
from tracker_core.plain import native
from tracker_core.records import CreatedBody, Sequencer, StartedBody
from tracker_core.registry import build_trackers

MIB = 2**20


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make a run."""
    return track("my-experiment", trackers=[tracker])


def in_child(work: Callable[[], None]) -> None:
    """Do the work in a forked child, and see that it ends well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def strict(text: str) -> object:
    """Read JSON that has no word for NaN, as other languages read it."""

    def refuse(word: str) -> object:
        raise AssertionError(word)

    found: object = json.loads(text, parse_constant=refuse)
    return found


# Run life cycle


def test_run_that_is_never_entered_is_kept(tracker: NativeTracker, run: AppRun) -> None:
    """It is there from the call that makes it, as PENDING."""
    assert tracker.run(run.run_id).status == "PENDING"


def test_run_is_not_entered_again_after_its_end(run: AppRun) -> None:
    """A second block of the same object is an error."""
    with run:
        pass

    with pytest.raises(RunEndedError):
        run.__enter__()


@pytest.mark.parametrize("code", [0, None])
def test_exit_without_a_failure_finishes_the_run(
    tracker: NativeTracker, run: AppRun, code: int | None
) -> None:
    """``SystemExit`` with 0 or None is an ordinary end."""
    with pytest.raises(SystemExit), run:
        raise SystemExit(code)

    assert tracker.run(run.run_id).status == "FINISHED"


def test_closing_a_generator_finishes_the_run(
    tracker: NativeTracker, run: AppRun
) -> None:
    """``GeneratorExit`` is an ordinary end."""
    with pytest.raises(GeneratorExit), run:
        raise GeneratorExit

    assert tracker.run(run.run_id).status == "FINISHED"


def test_status_that_does_not_exist_is_refused(run: AppRun) -> None:
    """No run ends as PARTIAL, nor as anything else that no reader knows."""
    with pytest.raises(InvalidValueError, match="status is 'PARTIAL'; use FINISHED"):
        run.finish("PARTIAL")


def test_killed_process_loses_nothing(tmp_path: Path) -> None:
    """What was logged in a short run is there after SIGKILL."""
    path = tmp_path / "runs.db"
    code = (
        "import os, signal\n"
        "from tracker_core import AppRun\n"
        "from tracker_core.registry import build_trackers\n"
        f"run = AppRun('r1', build_trackers({{'sqlite': {str(path)!r}}}))\n"
        "run.start()\n"
        "run.log_params({'shots': 1000})\n"
        "run.log_metric('fidelity', 0.95)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)

    assert done.returncode == -signal.SIGKILL
    tracker = native(build_trackers({"sqlite": str(path)})[0])
    with closing(tracker):
        assert tracker.params("r1") == {"shots": 1000}
        assert tracker.series("r1")["fidelity"].last == 0.95


def test_run_of_many_hours_is_still_running(tracker: NativeTracker) -> None:
    """Its age ends no run."""
    sequencer = Sequencer(clock=lambda: 10**9)
    for body in (CreatedBody(), StartedBody("job")):
        tracker.write(sequencer.batch("r1", body))

    assert tracker.run("r1").status == "RUNNING"


def test_write_after_the_end_is_an_error(tracker: NativeTracker, run: AppRun) -> None:
    """It is not passed over in silence, and nothing of it is kept."""
    with run:
        pass

    with pytest.raises(RunEndedError):
        run.log_param("shots", 1000)

    assert tracker.params(run.run_id) == {}


def test_forked_child_logs_to_the_run(tmp_path: Path) -> None:
    """What the child of a fork logs is kept beside what its parent logs."""
    tracker = native(build_trackers({"sqlite": str(tmp_path / "runs.db")})[0])
    with closing(tracker), track(trackers=[tracker]) as run:
        run.log_metric("before", 1)
        in_child(lambda: run.log_metric("child", 2))
        run.log_metric("after", 3)
        run.flush()

        assert list(tracker.series(run.run_id)) == ["after", "before", "child"]


# Data


def test_runs_of_one_second_keep_their_order(tracker: NativeTracker) -> None:
    """The newest is the first, however soon it followed."""
    made = [track(trackers=[tracker]).run_id for _ in range(20)]

    assert [info.run_id for info in tracker.runs()] == made[::-1]


def test_param_key_may_hold_a_dot(tracker: NativeTracker, run: AppRun) -> None:
    """It is the key that the nested value has."""
    run.log_param("optimizer.lr", 0.1)
    run.log_param("optimizer", {"lr": 0.2})
    run.flush()

    assert tracker.params(run.run_id) == {"optimizer.lr": 0.2}


def test_empty_param_key_is_refused(run: AppRun) -> None:
    """A key is a name."""
    with pytest.raises(InvalidValueError, match="is empty; give it a name"):
        run.log_param("", 1)


def test_param_key_that_is_no_text_is_refused(run: AppRun) -> None:
    """The error says what the key is and what it should be."""
    with pytest.raises(UnsupportedTypeError, match=r"has the type int.* text"):
        run.log_params({1: 2})


def test_unknown_object_is_refused_as_a_param(run: AppRun) -> None:
    """It is not kept as a text with its address, which no second run has."""
    with pytest.raises(UnsupportedTypeError, match="'layer' has the type object"):
        run.log_param("layer", object())


def test_step_that_is_logged_again_keeps_both_points(
    tracker: NativeTracker, run: AppRun
) -> None:
    """The summary has the last value and the best one with its step."""
    run.log_metric("loss", 0.9, step=1)
    run.log_metric("loss", 0.1, step=2)
    run.log_metric("loss", 0.5, step=1)
    run.flush()

    summary = tracker.series(run.run_id)["loss"]
    assert list(tracker.points(run.run_id, "loss").steps) == [1, 2, 1]
    assert (summary.last, summary.min, summary.min_step) == (0.5, 0.1, 2)


def test_nan_with_a_step_loses_nothing(tracker: NativeTracker, run: AppRun) -> None:
    """It is a point like any other, and those around it are kept."""
    with run:
        for step, value in enumerate([0.5, float("nan"), 0.25]):
            run.log_metric("loss", value, step=step)

    summary = tracker.series(run.run_id)["loss"]
    assert repr(list(tracker.points(run.run_id, "loss").values)) == "[0.5, nan, 0.25]"
    assert (summary.count, summary.last, summary.min) == (3, 0.25, 0.25)


def test_nan_is_valid_json(run: AppRun, command: Callable[..., str]) -> None:
    """Every program can read what is printed of it."""
    run.log_metric("loss", float("nan"))
    run.flush()

    found = strict(command("show", run.run_id, "--json"))

    assert isinstance(found, dict)
    assert found["series"]["loss"]["last"] == {"$float": "nan"}


def test_several_metrics_take_a_step(tracker: NativeTracker, run: AppRun) -> None:
    """One step for all that is logged at once."""
    run.log_metrics({"loss": 0.5, "fidelity": 0.9}, step=3)
    run.flush()

    assert list(tracker.points(run.run_id, "loss").steps) == [3]
    assert list(tracker.points(run.run_id, "fidelity").steps) == [3]


def test_tag_that_is_no_text_is_refused(run: AppRun) -> None:
    """1.0 is not silently the text "1.0"."""
    with pytest.raises(UnsupportedTypeError, match="tag 'version' has the type float"):
        run.set_tags({"version": 1.0})  # type: ignore[dict-item]  # that is the point


def test_group_knows_its_last_run(
    tracker: NativeTracker, command: Callable[..., str]
) -> None:
    """And its first one, and how many there are, on the command line too."""
    runs = [track("sweep", group_id="g", trackers=[tracker]) for _ in range(3)]
    last = tracker.run(runs[-1].run_id).created_at

    (group,) = groups_of(tracker.runs())
    (listed,) = json.loads(command("list", "groups", "--json"))["groups"]

    assert group.run_count == 3
    assert group.created_at == tracker.run(runs[0].run_id).created_at
    assert group.last_run_at == last
    assert datetime.fromisoformat(listed["last_run_at"]) == last


def test_lineage_knows_children_and_ancestors(tracker: NativeTracker) -> None:
    """From the parent that each run names."""
    first = track("opt", trackers=[tracker])
    second = track("opt", parent_run_id=first.run_id, trackers=[tracker])
    third = track("opt", parent_run_id=second.run_id, trackers=[tracker])

    assert tracker.lineage(first.run_id).children == (second.run_id,)
    assert tracker.lineage(first.run_id).descendants == (second.run_id, third.run_id)
    assert tracker.lineage(third.run_id).ancestors == (first.run_id, second.run_id)


# Artifacts


def test_artifact_reference_has_name_and_size(run: AppRun) -> None:
    """They are its own fields, not hidden in its metadata."""
    made = run.log_bytes("model", b"12345", name="weights")

    assert (made.name, made.size_bytes, made.metadata) == ("weights", 5, None)


def test_json_artifact_keeps_floats_exactly(
    tracker: NativeTracker, run: AppRun
) -> None:
    """No digit is lost."""
    run.log_json("numbers", [0.1 + 0.2, 1 / 3])
    run.flush()

    with tracker.open_artifact(run.run_id, "numbers") as file:
        assert json.load(file) == [0.1 + 0.2, 1 / 3]


def test_json_artifact_with_nan_is_valid_json(
    tracker: NativeTracker, run: AppRun
) -> None:
    """NaN is written as a mark that JSON can say."""
    run.log_json("numbers", [float("nan")])
    run.flush()

    with tracker.open_artifact(run.run_id, "numbers") as file:
        assert strict(file.read().decode()) == [{"$float": "nan"}]


def test_media_type_of_a_file_is_guessed(run: AppRun, tmp_path: Path) -> None:
    """By the name of the file."""
    for name in ("plot.png", "circuit.qasm", "weights.pt"):
        (tmp_path / name).write_bytes(b"1")

    made = {
        path.name: run.log_file(path).media_type
        for path in tmp_path.iterdir()
        if path.suffix in {".png", ".qasm", ".pt"}
    }

    assert made == {
        "plot.png": "image/png",
        "circuit.qasm": "text/x-openqasm",
        "weights.pt": "application/x-pytorch",
    }


def test_large_file_takes_no_memory(tmp_path: Path) -> None:
    """It is read in pieces, while its digest is taken and while it is kept."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    tracker = native(build_trackers({"sqlite": str(tmp_path / "runs.db")})[0])

    with closing(tracker), track(trackers=[tracker]) as run:
        tracemalloc.start()
        made = run.log_file(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert made.size_bytes == 64 * MIB
    assert peak < 16 * MIB


def test_refused_artifact_leaves_no_content(
    tracker: NativeTracker, run: AppRun
) -> None:
    """All is checked before anything is kept."""
    digest = track(trackers=[]).log_bytes("model", b"orphan").digest

    with pytest.raises(InvalidValueError, match="role of artifact 'model' is empty"):
        run.log_bytes("model", b"orphan", role="")
    run.flush()

    with pytest.raises(ContentError):
        tracker.open_content(str(digest))


# Fingerprints and provenance


def test_fingerprints_tell_seeds_apart_when_asked(tracker: NativeTracker) -> None:
    """The seed counts when it is named, and only then."""
    first, second = (track("e", trackers=[tracker]) for _ in range(2))
    first.log_params({"seed": 1})
    second.log_params({"seed": 2})

    assert first.fingerprints() == second.fingerprints()
    asked = [run.fingerprints(include=["seed"])["run"] for run in (first, second)]
    assert asked[0] != asked[1]


def test_environment_is_recorded_without_being_asked_for(
    tracker: NativeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No switch is needed, and none is documented that does nothing."""
    monkeypatch.setenv("VIRTUAL_ENV", "/venv")

    run = track(trackers=[tracker])

    environment = tracker.provenance(run.run_id)["environment"]
    assert isinstance(environment, dict)
    assert environment["python"] == platform.python_version()
    assert environment["system"] == platform.system()
    assert isinstance(environment["variables"], dict)
    assert environment["variables"]["VIRTUAL_ENV"] == "/venv"


# Queries and the command line


def test_limit_counts_what_the_query_finds(tracker: NativeTracker) -> None:
    """Runs of another experiment take no place of those that are asked for."""
    wanted = track("mine", trackers=[tracker])
    for _ in range(5):
        track("other", trackers=[tracker])

    found = tracker.runs(query='experiment = "mine"', limit=1)

    assert [info.run_id for info in found] == [wanted.run_id]


@pytest.mark.parametrize("query", ['status = "DONE"', 'created_at > "yesterday"'])
def test_query_that_means_nothing_is_an_error(
    tracker: NativeTracker, query: str
) -> None:
    """A status or a date that does not exist is not an empty answer."""
    with pytest.raises(QueryError):
        tracker.runs(query=query)


def test_run_is_shown_by_name_and_by_prefix(
    tracker: NativeTracker, command: Callable[..., str]
) -> None:
    """Nothing else need be said."""
    run = track("e", name="first-try", trackers=[tracker])

    for wanted in ("first-try", run.run_id[:20], run.run_id, "@last"):
        assert run.run_id in command("show", wanted)


def test_query_has_or_hyphens_and_exponents(tracker: NativeTracker) -> None:
    """All three in one."""
    run = track("e", name="first-try", trackers=[tracker])
    run.log_params({"learning-rate": 5e-4})
    run.flush()
    track("e", trackers=[tracker])

    query = 'name = "none" or params.learning-rate < 1e-3'

    assert [info.run_id for info in tracker.runs(query=query)] == [run.run_id]


def test_query_finds_what_is_missing_by_asking_for_it(tracker: NativeTracker) -> None:
    """``!=`` is true of no missing key, and ``not … exists`` says so."""
    bare = track("e", trackers=[tracker])
    full = track("e", trackers=[tracker])
    full.log_param("shots", 10)
    full.flush()

    unequal = tracker.runs(query="params.shots != 1000")
    missing = tracker.runs(query="not params.shots exists")

    assert [info.run_id for info in unequal] == [full.run_id]
    assert [info.run_id for info in missing] == [bare.run_id]


@pytest.mark.parametrize("order", ["params.shots", "-params.shots"])
def test_runs_without_the_field_come_last(tracker: NativeTracker, order: str) -> None:
    """In both directions."""
    for shots in (10, None, 30):
        run = track("e", trackers=[tracker])
        if shots is not None:
            run.log_param("shots", shots)
        run.flush()

    found = [
        tracker.params(info.run_id).get("shots")
        for info in tracker.runs(order_by=order)
    ]

    assert found == ([10, 30, None] if order == "params.shots" else [30, 10, None])


def test_one_artifact_is_shown_by_its_name(
    run: AppRun, command: Callable[..., str]
) -> None:
    """The command that was documented is there."""
    run.log_json("counts", {"00": 500})
    run.log_json("other", {})
    run.flush()

    found = json.loads(
        command("list", "artifacts", "--artifact", "counts", run.run_id, "--json")
    )

    assert [artifact["name"] for artifact in found["artifacts"]] == ["counts"]


def test_typed_read_of_an_unknown_run_is_an_error(tracker: NativeTracker) -> None:
    """Unknown is told apart from empty."""
    with pytest.raises(RunNotFoundError):
        tracker.params("no such run")
