"""What holds here where magnus was seen to be weak; one test for each weakness."""

import json
import os
from threading import Thread
from typing import Any

import pydantic
import pytest

from tracker_core import AppRun, InvalidValueError, NativeTracker, track, track_this
from tracker_core.values import to_json


class Eggs(pydantic.BaseModel):
    """An object whose field has another name outside."""

    ham: str = pydantic.Field(alias="Ham-Alias")


EGGS = Eggs.model_validate({"Ham-Alias": "world"})


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make a run."""
    return track("baseline", trackers=[tracker])


def tracked(run: AppRun, step: str = "shell") -> dict[str, Any]:
    """Return what a step of the run tracked."""
    found: Any = run.run_log()["steps"]
    values: dict[str, Any] = found[step]["user_defined_metrics"]
    return values


# What is tracked


def test_tracking_leaves_the_environment_alone(run: AppRun) -> None:
    """Values go to the run, so no child process inherits them."""
    before = dict(os.environ)

    with run, run.step("shell"):
        track_this(answer=42.0)
        during = dict(os.environ)

    assert during == before


def test_tracking_takes_large_values(run: AppRun) -> None:
    """What no variable of the environment could hold is kept."""
    large = "x" * 2**21

    with run, run.step("shell"):
        track_this(text=large)

    assert tracked(run) == {"text": large}


def test_model_inside_a_mapping_is_dumped_by_alias(run: AppRun) -> None:
    """However deep it lies."""
    with run, run.step("shell"):
        track_this(breakfast={"eggs": [EGGS]})

    assert tracked(run) == {"breakfast": {"eggs": [{"Ham-Alias": "world"}]}}


def test_keys_keep_their_case(run: AppRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """``Acc`` and ``acc`` are two."""
    with run, run.step("shell"):
        monkeypatch.setenv("MAGNUS_TRACK_Acc", "1")
        monkeypatch.setenv("MAGNUS_TRACK_acc", "2")

    assert tracked(run) == {"Acc": 1, "acc": 2}


@pytest.mark.parametrize("key", ["warm_STEP_up", "loss_STEP_1.5", "loss_STEP_-1"])
def test_key_may_hold_the_word_of_a_step(
    tracker: NativeTracker, run: AppRun, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Only a whole number at the very end is a step; the run ends in any case."""
    with run, run.step("shell"):
        monkeypatch.setenv(f"MAGNUS_TRACK_{key}", "1")

    assert tracked(run) == {key: 1}
    assert tracker.run(run.run_id).status == "FINISHED"


def test_only_step_is_shown_flat_whichever_it_is(
    tracker: NativeTracker, run: AppRun
) -> None:
    """A value at step 1 alone is no error; the series still knows the step."""
    with run, run.step("shell"):
        track_this(spam="hello", step=1)

    assert tracked(run) == {"spam": "hello"}
    assert list(tracker.points(run.run_id, "shell/spam").steps) == [1]


def test_nan_is_tracked_as_valid_json(run: AppRun) -> None:
    """It comes back as itself, and is written as a mark that JSON can say."""
    with run, run.step("shell"):
        track_this(loss=float("nan"), worst=float("inf"))

    found = tracked(run)
    assert repr(found) == "{'loss': nan, 'worst': inf}"
    assert json.loads(to_json(found)) == {
        "loss": {"$float": "nan"},
        "worst": {"$float": "inf"},
    }


@pytest.mark.parametrize("word", ["true", "false", "null", "NaN", "Infinity", "True"])
def test_word_in_the_environment_is_text(
    run: AppRun, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """There are no booleans there, as the document says, and no NaN either."""
    with run, run.step("shell"):
        monkeypatch.setenv("MAGNUS_TRACK_is_it_true", word)

    assert tracked(run) == {"is_it_true": word}


def test_order_of_keys_is_not_that_of_the_environment(
    run: AppRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are sorted."""
    with run, run.step("shell"):
        for key in ("c", "a", "b"):
            monkeypatch.setenv(f"MAGNUS_TRACK_{key}", "1")

    assert list(tracked(run)) == ["a", "b", "c"]


def test_text_of_several_lines_is_kept_whole(
    run: AppRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break ends no value."""
    with run, run.step("shell"):
        monkeypatch.setenv("MAGNUS_TRACK_note", "one\ntwo\n")

    assert tracked(run) == {"note": "one\ntwo\n"}


def test_failed_step_keeps_its_values(
    run: AppRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was tracked before the error is there, by both ways."""

    def work() -> None:
        with run, run.step("shell"):
            track_this(answer=42.0)
            monkeypatch.setenv("MAGNUS_TRACK_spam", "hello")
            raise OSError("disk is gone")

    with pytest.raises(OSError, match="disk is gone"):
        work()

    found: Any = run.run_log()["steps"]
    assert tracked(run) == {"answer": 42.0, "spam": "hello"}
    assert found["shell"]["status"] == "FAIL"
    assert found["shell"]["message"] == "disk is gone"


def test_negative_step_is_refused(run: AppRun) -> None:
    """At the call, and nothing of it is kept."""
    with run, run.step("shell"), pytest.raises(InvalidValueError, match="step is -1"):
        track_this(answer=42.0, step=-1)

    assert tracked(run) == {}


# Trackers and context


def test_object_is_a_value_not_a_map_of_steps(
    tracker: NativeTracker, run: AppRun
) -> None:
    """``{"x": 1, "y": 2}`` is one point with that value."""
    with run, run.step("shell"):
        track_this(place={"x": 1, "y": 2})

    (point,) = tracker.points(run.run_id, "shell/place")
    assert (point.step, point.value) == (0, {"x": 1, "y": 2})


def test_int_is_a_metric(tracker: NativeTracker, run: AppRun) -> None:
    """Not a param: it has a summary, and stays an int."""
    with run, run.step("shell"):
        track_this(answer=42)

    summary = tracker.series(run.run_id)["shell/answer"]
    assert repr((summary.last, summary.max)) == "(42, 42)"
    assert tracker.params(run.run_id) == {}


def test_tag_of_the_run_log_is_the_experiment(run: AppRun) -> None:
    """Grouping, which the document leaves empty, is by experiment."""
    with run:
        pass

    assert run.run_log()["tag"] == "baseline"


def test_call_in_a_thread_is_of_the_block_around(run: AppRun) -> None:
    """The client context, which the document leaves empty, reaches every thread."""
    with run, run.step("shell"):
        thread = Thread(target=track_this, kwargs={"answer": 42.0})
        thread.start()
        thread.join()

    assert tracked(run) == {"answer": 42.0}


# Run log


def test_friendly_name_is_not_the_identity(tracker: NativeTracker) -> None:
    """Runs of one name stay apart."""
    first, second = (track(name="bold-bose", trackers=[tracker]) for _ in range(2))
    first.log_param("lr", 1)
    second.log_param("lr", 2)
    first.flush()
    second.flush()

    assert tracker.params(first.run_id) == {"lr": 1}
    assert tracker.params(second.run_id) == {"lr": 2}
