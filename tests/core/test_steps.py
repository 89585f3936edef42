"""Steps: named parts of a run."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from tracker_core import AppRun, track_this
from tracker_core.errors import (
    InvalidValueError,
    RetryableError,
    RunEndedError,
    UnsupportedTypeError,
)
from tracker_core.records import Batch, MetricsBody
from tracker_core.steps import Step
from tracker_core.testing import FaultyTracker, MemoryTracker


@pytest.fixture
def tracker() -> MemoryTracker:
    """Give an empty tracker."""
    return MemoryTracker()


@pytest.fixture
def run(tracker: MemoryTracker) -> AppRun:
    """Give a run on it."""
    return AppRun("r", [tracker])


def statuses(tracker: MemoryTracker) -> dict[str, list[str]]:
    """Give the statuses of the attempts of each step."""
    return {
        step.name: [attempt.status for attempt in step.attempts]
        for step in tracker.steps("r")
    }


def values(tracker: MemoryTracker) -> dict[str, object]:
    """Give the last value of each series."""
    return {name: summary.last for name, summary in tracker.series("r").items()}


def test_step_that_is_not_entered_records_nothing(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """It is only a name so far."""
    run.step("train")

    assert tracker.runs() == []


def test_step_runs_and_ends_with_its_block(run: AppRun, tracker: MemoryTracker) -> None:
    """It has times, and no cause."""
    step = run.step("train")

    with step as entered:
        assert entered is step
        assert statuses(tracker) == {"train": ["RUNNING"]}

    (info,) = tracker.steps("r")
    (attempt,) = info.attempts
    assert (info.name, info.status, attempt.cause) == ("train", "FINISHED", None)
    assert attempt.ended_at is not None
    assert attempt.started_at <= attempt.ended_at


def test_step_starts_no_run(run: AppRun, tracker: MemoryTracker) -> None:
    """A run without a life cycle has none because of it."""
    with run.step("train"):
        pass

    assert (run.status, tracker.run("r").status) == (None, None)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ValueError("no"), "FAILED", "exception"),
        (KeyboardInterrupt(), "KILLED", "signal"),
        (SystemExit(3), "FAILED", "exit_code"),
        (SystemExit(0), "FINISHED", None),
        (SystemExit(), "FINISHED", None),
        (GeneratorExit(), "FINISHED", None),
    ],
)
def test_step_ends_as_its_block_is_left(
    run: AppRun,
    tracker: MemoryTracker,
    error: BaseException,
    status: str,
    kind: str | None,
) -> None:
    """By the rules of a run; what was raised goes on."""
    with pytest.raises(type(error)) as found, run.step("train"):
        raise error

    (attempt,) = tracker.steps("r")[0].attempts
    assert found.value is error
    assert (attempt.status, (attempt.cause or {}).get("kind")) == (status, kind)


def test_failed_step_does_not_end_the_run(run: AppRun, tracker: MemoryTracker) -> None:
    """The job may deal with it."""
    with run:
        with pytest.raises(ValueError, match="no"), run.step("train"):
            raise ValueError("no")
        assert run.status == "RUNNING"

    assert tracker.run("r").status == "FINISHED"
    assert statuses(tracker) == {"train": ["FAILED"]}


def test_failed_step_keeps_what_was_logged(run: AppRun, tracker: MemoryTracker) -> None:
    """It is needed the most then."""

    def work() -> None:
        with run.step("train") as step:
            step.log_metric("loss", 0.5)
            step.log_text("note", "a")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()

    assert values(tracker) == {"train/loss": 0.5}
    assert list(run.artifacts()) == ["train/note"]


def test_entering_a_step_again_is_its_next_attempt(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """By the same object or by another one of that name."""
    step = run.step("train")
    with pytest.raises(ValueError, match="no"), step:
        raise ValueError("no")
    with step:
        pass
    with run.step("train"):
        pass

    (info,) = tracker.steps("r")
    assert [attempt.number for attempt in info.attempts] == [1, 2, 3]
    assert statuses(tracker) == {"train": ["FAILED", "FINISHED", "FINISHED"]}
    assert info.status == "FINISHED"


def test_step_that_is_under_way_cannot_be_entered(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """The message says what to do; the attempt goes on."""
    with run.step("train") as step:
        with pytest.raises(
            InvalidValueError, match="step 'train' is under way; make an"
        ):
            step.__enter__()
        track_this(a=1)

    assert statuses(tracker) == {"train": ["FINISHED"]}
    assert values(tracker) == {"train/a": 1}


def test_two_steps_of_one_name_may_be_under_way(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """They are two attempts, each with its end."""
    with run.step("a"), pytest.raises(ValueError, match="no"), run.step("a"):
        raise ValueError("no")

    assert statuses(tracker) == {"a": ["FINISHED", "FAILED"]}


def test_leaving_a_step_that_was_not_entered_changes_nothing(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """As leaving it twice does."""
    step = run.step("train")
    step.__exit__(None, None, None)
    assert tracker.runs() == []

    with step:
        pass
    step.__exit__(None, None, None)

    assert statuses(tracker) == {"train": ["FINISHED"]}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "step name is empty"),
        ("/a", "step name '/a' begins or ends with '/'; leave that out"),
        ("a/", "step name 'a/' begins or ends with '/'"),
        ("/", "step name '/' begins or ends with '/'"),
        ("a\udcff", "step name holds the lone surrogate"),
        (None, "step name has the type NoneType"),
        (3, "step name has the type int"),
    ],
)
def test_unusable_name_is_refused(run: AppRun, name: object, message: str) -> None:
    """For a step of the run and for one within a step."""
    for make in (run.step, run.step("outer").step):
        with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
            make(cast("str", name))


@pytest.mark.parametrize("name", ["Emit Metrics", "ä", "..", "a//b", "a.b", "x" * 999])
def test_name_may_be_any_other_text(
    run: AppRun, tracker: MemoryTracker, name: str
) -> None:
    """Its values are found under it."""
    with run.step(name) as step:
        step.log_metric("x", 1)

    assert statuses(tracker) == {name: ["FINISHED"]}
    assert values(tracker) == {f"{name}/x": 1}


def test_nested_step_has_a_name_below_the_outer_one(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """As have its values and its artifacts."""
    with run.step("train") as outer, outer.step("epoch") as inner:
        inner.log_metric("loss", 1)
        inner.log_text("note", "a")
        assert inner.step("batch").name == "train/epoch/batch"

    assert statuses(tracker) == {"train": ["FINISHED"], "train/epoch": ["FINISHED"]}
    assert values(tracker) == {"train/epoch/loss": 1}
    assert list(run.artifacts()) == ["train/epoch/note"]


def test_outer_step_ends_as_it_is_left_whatever_the_inner_one_did(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """Each has an end of its own."""
    with run.step("a") as outer:
        with pytest.raises(ValueError, match="no"), outer.step("b"):
            raise ValueError("no")
        with pytest.raises(KeyboardInterrupt), run.step("c"), run.step("d"):
            raise KeyboardInterrupt

    assert statuses(tracker) == {
        "a": ["FINISHED"],
        "a/b": ["FAILED"],
        "c": ["KILLED"],
        "d": ["KILLED"],
    }


def test_values_of_a_step_are_those_of_its_stream(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """Whichever call has logged them."""
    with run.step("train") as step:
        step.log_metric("a", 1, step=1)
        step.log_metrics({"b": 2, "c": 3}, step=2)
        step.track_this(d=4)
        step.metrics().log(e=5)
        step.metrics("val").log(f=6)

    assert values(tracker) == {
        "train/a": 1,
        "train/b": 2,
        "train/c": 3,
        "train/d": 4,
        "train/e": 5,
        "train/val/f": 6,
    }
    assert step.metrics("val") is run.metrics("train/val")
    assert list(tracker.points("r", "train/d").steps) == [0]


def test_metric_key_of_a_step_holds_no_stream(run: AppRun) -> None:
    """The message names the one that would be meant."""
    with pytest.raises(InvalidValueError, match="'loss' to the stream 'train/val'"):
        run.step("train").log_metric("val/loss", 1)


def test_artifacts_of_a_step_begin_with_its_name(run: AppRun, tmp_path: Path) -> None:
    """All else is as it is for a run."""
    (tmp_path / "model.pt").write_bytes(b"w")

    with run.step("train") as step:
        step.log_json("j", 1, "results", metadata={"a": 1})
        step.log_text("t", "x", media_type="text/markdown")
        step.log_bytes("b", b"x", "image/png", metadata={"a": 2})
        step.log_bytes("k", b"x", name="n")
        step.log_file(tmp_path / "model.pt", "weights")
        step.log_file(tmp_path / "model.pt", name="there", copy=False)

    found = run.artifacts()
    assert list(found) == [
        f"train/{name}" for name in ("b", "j", "model.pt", "n", "t", "there")
    ]
    assert (found["train/j"].kind, found["train/j"].role) == ("json.j", "results")
    assert (found["train/j"].metadata, found["train/b"].metadata) == (
        {"a": 1},
        {"a": 2},
    )
    assert found["train/t"].media_type == "text/markdown"
    assert found["train/model.pt"].kind == "weights"
    assert found["train/there"].path == str(tmp_path / "model.pt")


def test_variables_belong_to_the_step_that_ends(
    run: AppRun, tracker: MemoryTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also to one that fails; they are taken once."""
    monkeypatch.setenv("TRACKER_TRACK_loss_STEP_3", "0.5")

    with run, pytest.raises(ValueError, match="no"), run.step("train"):
        raise ValueError("no")

    assert values(tracker) == {"train/loss": 0.5}
    assert list(tracker.points("r", "train/loss").steps) == [3]
    assert "TRACKER_TRACK_loss_STEP_3" not in os.environ


def test_step_of_a_run_that_has_ended_cannot_be_entered(run: AppRun) -> None:
    """The run takes no more records."""
    step = run.step("train")
    run.finish()

    with pytest.raises(RunEndedError, match="run 'r' has ended"), step:
        pytest.fail("the step was entered")


def test_step_ends_with_its_run(run: AppRun, tracker: MemoryTracker) -> None:
    """Leaving its block afterwards is no error, and what was raised goes on."""

    def work() -> None:
        with run.step("train"):
            run.finish("KILLED")
            raise ValueError("no")

    run.start()
    with pytest.raises(ValueError, match="no"):
        work()

    assert statuses(tracker) == {"train": ["KILLED"]}


def test_step_whose_run_ends_while_it_ends_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another thread was faster; that is no error of the block."""
    monkeypatch.setenv("TRACKER_TRACK_loss", "0.5")

    class Ending(MemoryTracker):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            if isinstance(batch.records[0].body, MetricsBody):
                ending.finish()

    tracker = Ending()
    ending = AppRun("r", [tracker])
    ending.start()

    with ending.step("train"):
        pass

    assert statuses(tracker) == {"train": ["FINISHED"]}
    assert values(tracker) == {"train/loss": 0.5}


@pytest.mark.parametrize(
    "call",
    [
        lambda step: step.log_metric("a", 1),
        lambda step: step.log_metrics({"a": 1}),
        lambda step: step.track_this(a=1),
        lambda step: step.metrics().log(a=1),
        lambda step: step.log_json("a", 1),
        lambda step: step.log_text("a", "b"),
        lambda step: step.log_bytes("a", b"b"),
        lambda step: step.log_file(__file__),
    ],
)
def test_step_takes_no_more_when_its_run_has_ended(
    run: AppRun, tracker: MemoryTracker, call: Callable[[Step], object]
) -> None:
    """Each call says so, and writes nothing."""
    with run.step("train") as step:
        run.finish()
        with pytest.raises(RunEndedError, match="run 'r' has ended"):
            call(step)

    assert (values(tracker), run.artifacts()) == ({}, {})


def test_error_of_the_block_goes_before_that_of_the_end() -> None:
    """A backend that fails at the end hides nothing; its error becomes a note."""
    failure = RetryableError("no end at db://me:hunter2@host")
    run = AppRun("r", [FaultyTracker(MemoryTracker(), {2: failure}.get)])
    error = ValueError("mine")

    with pytest.raises(ValueError, match="mine") as found, run.step("train"):
        raise error

    assert found.value is error
    assert "the end of step 'train' is not recorded: " in error.__notes__[0]
    assert "hunter2" not in error.__notes__[0]


def test_error_of_the_end_is_raised_when_the_block_had_none() -> None:
    """The step has ended all the same, and can be entered again."""
    tracker = FaultyTracker(MemoryTracker(), {2: RetryableError("no end")}.get)
    step = AppRun("r", [tracker]).step("train")

    with pytest.raises(RetryableError, match="no end"), step:
        pass
    with step:
        pass

    assert tracker.writes == 4


def test_end_is_recorded_when_a_variable_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backend that fails in between costs no more than it must."""
    monkeypatch.setenv("TRACKER_TRACK_loss", "0.5")
    inner = MemoryTracker()
    tracker = FaultyTracker(inner, {2: RetryableError("no")}.get)

    with pytest.raises(RetryableError), AppRun("r", [tracker]).step("train"):
        pass

    assert statuses(inner) == {"train": ["FINISHED"]}


def test_step_that_cannot_begin_is_not_meant() -> None:
    """Its block was not entered."""
    tracker = FaultyTracker(MemoryTracker(), {1: RetryableError("no")}.get)
    run = AppRun("r", [tracker])

    with pytest.raises(RetryableError), run.step("train"):
        pytest.fail("the step was entered")
    with run:
        track_this(a=1)

    assert list(tracker.series("r")) == ["a"]


def test_step_may_be_left_in_another_thread(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """It ends there, and is meant no longer here."""
    with run:
        step = run.step("train").__enter__()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(step.__exit__, None, None, None).result()
        track_this(a=1)

    assert statuses(tracker) == {"train": ["FINISHED"]}
    assert values(tracker) == {"a": 1}


def test_threads_may_be_in_steps_of_one_name(
    run: AppRun, tracker: MemoryTracker
) -> None:
    """Each is an attempt, and all values are there."""
    inside = threading.Barrier(4)

    def work(number: int) -> None:
        with run.step("part"):
            inside.wait()
            for x in range(50):
                track_this(**{f"x{number}": x}, step=x)

    with run, ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))

    assert statuses(tracker) == {"part": ["FINISHED"] * 4}
    assert {name: s.count for name, s in tracker.series("r").items()} == {
        f"part/x{number}": 50 for number in range(4)
    }


class Filed(MemoryTracker):
    """A tracker that leaves a line in a file for each record, in any process."""

    def __init__(self, path: Path) -> None:
        """Use the file."""
        super().__init__()
        self.path = path

    def write(self, batch: Batch) -> None:
        """Name the record's body, and its status if it has one."""
        (record,) = batch.records
        status = getattr(record.body, "status", "")
        with self.path.open("a") as file:
            file.write(f"{type(record.body).__name__} {status}\n")


def test_forked_child_does_not_end_the_step_of_its_parent(tmp_path: Path) -> None:
    """It may go on logging; leaving the block there ends nothing."""
    tracker = Filed(tmp_path / "kept")
    run = AppRun("r", [tracker])

    with run.step("train") as step:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                step.track_this(a=1)
                step.__exit__(None, None, None)
                with run.step("of the child"):
                    pass
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0

    assert tracker.path.read_text().splitlines() == [
        "StepBody RUNNING",
        "MetricsBody ",
        "StepBody RUNNING",
        "StepBody FINISHED",
        "StepBody FINISHED",
    ]


def test_step_of_the_empty_run_stores_nothing() -> None:
    """It checks values, and its block is one like any other."""
    run = AppRun.run_from_env()

    with run.step("train") as step:
        track_this(a=1)
        with pytest.raises(
            UnsupportedTypeError, match="metric 'a' has the type object"
        ):
            step.log_metric("a", object())

    assert run.run_log() == {}


def test_exit_within_a_step_ends_the_program(run: AppRun) -> None:
    """A step swallows nothing."""
    with pytest.raises(SystemExit, match="3"), run.step("train"):
        sys.exit(3)
