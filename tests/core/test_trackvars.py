"""Values that code leaves behind in the environment."""

import os
from contextlib import suppress

import pytest

from tracker_core import AppRun
from tracker_core.testing.memory import MemoryTracker
from tracker_core.trackvars import TrackedValue, take_tracked_values
from tracker_core.values import Value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("4.5e-3", 0.0045),
        ("-3", -3),
        ("[1,2]", [1, 2]),
        ('{"ham":"world"}', {"ham": "world"}),
        ('"x"', "x"),
        ("hello", "hello"),
        ("007", "007"),
        ("", ""),
        ("true", "true"),
        ("True", "True"),
        ("null", "null"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ('{"is":true,"none":null}', {"is": True, "none": None}),
        ('{"$float":"nan"}', {"$float": "nan"}),
        ("\udcff", "\\udcff"),
    ],
)
def test_variable_holds_what_its_text_says(text: str, value: Value) -> None:
    """Numbers, lists, objects and quoted texts are decoded; words stay words."""
    (found,) = take_tracked_values({"TRACKER_TRACK_x": text})

    assert found == TrackedValue("x", 0, value)
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("name", "key", "step"),
    [
        ("TRACKER_TRACK_Acc", "Acc", 0),
        ("TRACKER_TRACK_acc_STEP_3", "acc", 3),
        ("MAGNUS_TRACK_acc_STEP_3", "acc", 3),
        ("TRACKER_TRACK_a_STEP_b_STEP_2", "a_STEP_b", 2),
        ("TRACKER_TRACK_a_STEP_b", "a_STEP_b", 0),
        ("TRACKER_TRACK_a_STEP_1.5", "a_STEP_1.5", 0),
        ("TRACKER_TRACK_a_STEP_²", "a_STEP_²", 0),
        ("TRACKER_TRACK_a_STEP_99999999999999999999", "a_STEP_99999999999999999999", 0),
        ("TRACKER_TRACK__STEP_1", "_STEP_1", 0),
    ],
)
def test_variable_names_key_and_step(name: str, key: str, step: int) -> None:
    """The case is kept, and a step is digits at the very end."""
    (found,) = take_tracked_values({name: "1"})

    assert found == TrackedValue(key, step, 1)


def test_values_are_taken_once() -> None:
    """What was taken is gone; other variables stay, that of the file too."""
    others = {"TRACKER_TRACK_": "2", "TRACKER_TRACK_FILE": "f", "HOME": "/"}
    environ = {"TRACKER_TRACK_a": "1", **others}

    take_tracked_values(environ)

    assert environ == others


def test_our_variable_wins_over_that_of_magnus() -> None:
    """Both name the same value."""
    environ = {"TRACKER_TRACK_a": "1", "MAGNUS_TRACK_a": "2", "MAGNUS_TRACK_b": "3"}

    found = take_tracked_values(environ)

    assert found == [TrackedValue("a", 0, 1), TrackedValue("b", 0, 3)]


def test_run_collects_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are points of the root stream, and the variables are gone."""
    tracker = MemoryTracker()

    with AppRun("r", [tracker]) as run:
        monkeypatch.setenv("TRACKER_TRACK_spam", "hello")
        monkeypatch.setenv("TRACKER_TRACK_spam_STEP_1", "world")

    points = tracker.points("r", "spam")
    assert [(point.step, point.value) for point in points] == [
        (0, "hello"),
        (1, "world"),
    ]
    assert "TRACKER_TRACK_spam" not in os.environ
    assert run.status == "FINISHED"


def test_failed_step_keeps_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it left behind is what one wants to know of it most."""
    tracker = MemoryTracker()

    with suppress(ZeroDivisionError), AppRun("r", [tracker]) as run, run.step("train"):
        monkeypatch.setenv("MAGNUS_TRACK_loss", "0.5")
        raise ZeroDivisionError

    assert tracker.run("r").status == "FAILED"
    assert tracker.series("r")["train/loss"].last == 0.5


def test_key_that_cannot_be_kept_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The end of the run is recorded all the same."""
    tracker = MemoryTracker()

    with AppRun("r", [tracker]):
        monkeypatch.setenv("TRACKER_TRACK_a/", "1")
        monkeypatch.setenv("TRACKER_TRACK_b", "2")

    assert "left out: metric key 'a/' has an empty stream" in caplog.text
    assert tracker.series("r")["b"].last == 2
    assert tracker.run("r").status == "FINISHED"


def test_run_without_life_cycle_collects_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It writes only what it is asked for."""
    tracker = MemoryTracker()
    monkeypatch.setenv("TRACKER_TRACK_a", "1")

    AppRun("r", [tracker]).finish()

    assert tracker.series("r") == {}
