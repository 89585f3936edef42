"""What holds here where entrenar was seen to be weak; one test for each weakness."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracker_core import (
    AppRun,
    FilterOp,
    InvalidValueError,
    NativeTracker,
    ParamFilter,
    RunEndedError,
    UnsupportedTypeError,
    track,
)
from tracker_core.identity import new_run_id
from tracker_core.records import EndedBody, Sequencer, StartedBody

MODEL = b"weights" * 1000


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make a run."""
    return track("gpt2-finetune", trackers=[tracker])


def found_by(tracker: NativeTracker, key: str, op: FilterOp, value: object) -> int:
    """Count the runs that pass one filter."""
    chosen = ParamFilter(key, op, value)  # type: ignore[arg-type]  # checked there
    return len(tracker.filter_runs("gpt2-finetune", [chosen]))


# Storage interface and life cycle


def test_experiment_name_is_unique(tracker: NativeTracker) -> None:
    """Runs that name the same experiment are runs of one."""
    for _ in range(2):
        track("gpt2-finetune", trackers=[tracker])

    (experiment,) = tracker.experiments()
    assert experiment.run_count == 2


def test_experiment_is_described_by_its_newest_config(tracker: NativeTracker) -> None:
    """A description is set, and changed, with the config."""
    for text in ("first", "second"):
        config = {"description": text}
        track("gpt2-finetune", experiment_config=config, trackers=[tracker])
    track("gpt2-finetune", trackers=[tracker])

    assert tracker.experiment("gpt2-finetune").config == {"description": "second"}


def test_start_time_is_that_of_the_start(tracker: NativeTracker, run: AppRun) -> None:
    """A pending run has been created, not started."""
    pending = tracker.run(run.run_id)
    run.start()
    run.flush()
    started = tracker.run(run.run_id)

    assert pending.started_at is None
    assert pending.created_at is not None
    assert started.started_at is not None
    assert started.started_at >= pending.created_at


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "Success", ""])
def test_run_ends_only_as_something_ended(run: AppRun, status: str) -> None:
    """FINISHED, FAILED and KILLED are the ends of a run."""
    run.start()

    with pytest.raises(InvalidValueError, match="use FINISHED, FAILED, KILLED"):
        run.finish(status)


def test_unknown_status_is_not_read_as_failed(tracker: NativeTracker) -> None:
    """What a later version recorded is read as it was recorded."""
    sequencer = Sequencer()
    for body in (StartedBody("job"), EndedBody("job", "PAUSED", None)):
        tracker.write(sequencer.batch("r1", body))

    assert tracker.run("r1").status == "PAUSED"


def test_params_are_kept_all_or_none(tracker: NativeTracker, run: AppRun) -> None:
    """One bad value refuses the call, and the good ones with it."""
    with pytest.raises(UnsupportedTypeError):
        run.log_params({"good": 1, "bad": object()})
    run.flush()

    assert tracker.params(run.run_id) == {}


def test_param_after_the_end_is_refused(run: AppRun) -> None:
    """A run that is complete takes no more."""
    run.start()
    run.finish()

    with pytest.raises(RunEndedError):
        run.log_param("lr", 0.1)


def test_largest_step_is_kept_and_the_next_refused(
    tracker: NativeTracker, run: AppRun
) -> None:
    """No step wraps round to another."""
    run.log_metric("loss", 0.5, step=2**63 - 1)

    with pytest.raises(InvalidValueError, match="step is 9223372036854775808"):
        run.log_metric("loss", 0.5, step=2**63)
    run.flush()

    assert list(tracker.points(run.run_id, "loss").steps) == [2**63 - 1]


def test_nan_metric_is_the_same_in_every_backend(
    tracker: NativeTracker, run: AppRun
) -> None:
    """It is kept in memory and in SQLite alike."""
    run.log_metric("loss", float("nan"), step=0)
    run.flush()

    (point,) = tracker.points(run.run_id, "loss")
    assert repr(point.value) == "nan"


def test_points_of_one_step_keep_their_order(
    tracker: NativeTracker, run: AppRun
) -> None:
    """Repeats are read in the order in which they were logged."""
    values = [float(number) for number in (5, 3, 9, 1, 7)]
    for value in values:
        run.log_metric("loss", value, step=0)
    run.flush()

    assert list(tracker.points(run.run_id, "loss").values) == values


def test_same_bytes_are_kept_once(
    backend: str, tracker: NativeTracker, run: AppRun, tmp_path: Path
) -> None:
    """Under whatever names, and with one digest of 64 digits in every backend."""
    with run:
        first = run.log_bytes("model", MODEL, name="a")
        second = run.log_bytes("model", MODEL, name="b")

    assert first.digest == second.digest == tracker.artifacts(run.run_id)["b"].digest
    assert len(str(first.digest)) == len("sha256:") + 64
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    copies = [path for path in kept if path.read_bytes() == MODEL]
    assert len(copies) == (1 if backend == "sqlite" else 0)


def test_times_are_the_same_at_every_read(tracker: NativeTracker, run: AppRun) -> None:
    """No read makes one up."""
    run.start()
    run.finish()

    assert tracker.run(run.run_id) == tracker.run(run.run_id)


def test_span_and_trace_are_two_things(tracker: NativeTracker, run: AppRun) -> None:
    """A later span leaves the trace that is known."""
    run.set_span_id("span-1", trace_id="trace-abc-123")
    run.set_span_id("span-2")
    run.flush()

    info = tracker.run(run.run_id)
    assert (info.span_id, info.trace_id) == ("span-2", "trace-abc-123")


def test_params_of_a_listed_run_are_there(tracker: NativeTracker, run: AppRun) -> None:
    """In every backend, for whatever a listing gives."""
    run.log_param("lr", 0.1)
    run.flush()

    (info,) = tracker.filter_runs("gpt2-finetune", [])

    assert tracker.params(info.run_id) == {"lr": 0.1}


# Parameters and filters


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_param_that_json_cannot_say_is_kept(
    tracker: NativeTracker, run: AppRun, text: str
) -> None:
    """NaN and the infinities come back as themselves."""
    run.log_param("lr", float(text))
    run.flush()

    assert repr(tracker.params(run.run_id)["lr"]) == text


def test_filter_compares_int_with_float(tracker: NativeTracker, run: AppRun) -> None:
    """Numbers compare by their value, whichever type they have."""
    run.log_params({"batch": 32, "lr": 1.0})
    run.flush()

    assert found_by(tracker, "batch", FilterOp.LT, 32.5) == 1
    assert found_by(tracker, "lr", FilterOp.EQ, 1) == 1
    assert found_by(tracker, "batch", FilterOp.NE, 31.5) == 1


def test_filter_tells_small_floats_apart(tracker: NativeTracker, run: AppRun) -> None:
    """Equal is equal, not nearly."""
    run.log_param("lr", 1e-20)
    run.flush()

    assert found_by(tracker, "lr", FilterOp.EQ, 1e-20) == 1
    assert found_by(tracker, "lr", FilterOp.EQ, 5e-17) == 0


def test_filter_orders_text(tracker: NativeTracker, run: AppRun) -> None:
    """By code point."""
    run.log_param("optimizer", "adamw")
    run.flush()

    assert found_by(tracker, "optimizer", FilterOp.GT, "adam") == 1
    assert found_by(tracker, "optimizer", FilterOp.LTE, "adam") == 0


def test_filters_search_one_experiment_or_all(
    tracker: NativeTracker, run: AppRun
) -> None:
    """The call of the document exists, and None asks everywhere."""
    other = track("other", trackers=[tracker])
    for each in (run, other):
        each.log_param("lr", 0.1)
        each.flush()
    chosen = [ParamFilter("lr", FilterOp.EQ, 0.1)]

    one = tracker.filter_runs("gpt2-finetune", chosen)
    everywhere = tracker.filter_runs(None, chosen)

    assert [info.run_id for info in one] == [run.run_id]
    assert {info.run_id for info in everywhere} == {run.run_id, other.run_id}


# Other backends and layers


def test_ids_made_at_once_differ() -> None:
    """However many threads make them."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: new_run_id(), range(1000)))

    assert len(set(made)) == 1000


def test_memory_answers_what_sqlite_answers(
    tracker: NativeTracker, run: AppRun
) -> None:
    """Params, listing, filters and content: all of the querying section."""
    run.log_param("lr", 0.1)
    made = run.log_bytes("model", MODEL)
    run.flush()

    assert tracker.experiment("gpt2-finetune").run_count == 1
    assert found_by(tracker, "lr", FilterOp.EQ, 0.1) == 1
    with tracker.open_artifact(run.run_id, str(made.digest)) as file:
        assert file.read() == MODEL
