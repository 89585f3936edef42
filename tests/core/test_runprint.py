"""The fingerprints of a run, from what a tracker holds of it."""

import re

import pytest

from tracker_core import AppRun, track
from tracker_core.errors import InvalidValueError, RunNotFoundError
from tracker_core.runprint import run_fingerprints
from tracker_core.testing import FaultyTracker, MemoryTracker

PARTS = ["program", "device", "intent", "run"]


@pytest.fixture
def tracker() -> MemoryTracker:
    """Give an empty tracker."""
    return MemoryTracker()


def logged(tracker: MemoryTracker, lr: float = 0.1, config: int = 1) -> AppRun:
    """Give a run that has done something."""
    run = track("e", experiment_config={"a": config}, trackers=[tracker])
    run.log_params({"lr": lr, "model": {"seed": 7}})
    run.log_text("code", "print()", role="program")
    run.log_metric("loss", 0.5)
    return run


def differing(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """Give the parts in which two runs differ."""
    return [part for part in PARTS if first[part] != second[part]]


def test_fingerprints_are_four_digests(tracker: MemoryTracker) -> None:
    """In the form that digests have."""
    found = logged(tracker).fingerprints()

    assert list(found) == PARTS
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", text) for text in found.values())


def test_runs_that_did_the_same_have_the_same(tracker: MemoryTracker) -> None:
    """Whenever they ran, whatever their ids, values and results."""
    first, second = logged(tracker), logged(tracker)
    second.log_metric("loss", 0.25)
    second.log_text("result", "x", role="results")
    second.set_tag("note", "x")

    assert first.fingerprints() == second.fingerprints()


def test_fingerprints_do_not_change_with_the_end(tracker: MemoryTracker) -> None:
    """Nor does asking for them change anything."""
    run = logged(tracker)
    before = run.fingerprints()

    with run:
        pass

    assert run.fingerprints() == before


def test_program_is_told_by_its_artifacts(tracker: MemoryTracker) -> None:
    """By the newest of each name."""
    first, second = logged(tracker), logged(tracker)

    second.log_text("code", "print(1)", role="program")

    found = differing(first.fingerprints(), second.fingerprints())
    assert found == ["program", "run"]


def test_intent_is_told_by_the_config_of_the_experiment(
    tracker: MemoryTracker,
) -> None:
    """A run with another one meant another thing."""
    first, second = logged(tracker), logged(tracker, config=2)

    found = differing(first.fingerprints(), second.fingerprints())
    assert found == ["intent", "run"]


@pytest.mark.parametrize("record", ["metadata", "tag"])
def test_device_is_told_by_what_the_job_says(
    tracker: MemoryTracker, record: str
) -> None:
    """In its metadata or its tags."""
    first, second = logged(tracker), logged(tracker)
    if record == "tag":
        second.set_tag("device", "gpu")
    else:
        second.add_metadata(device="gpu")

    found = differing(first.fingerprints(), second.fingerprints())
    assert found == ["device", "run"]


def test_params_count_when_they_are_asked_for(tracker: MemoryTracker) -> None:
    """The seed alone too."""
    first, second = logged(tracker), logged(tracker, lr=0.2)

    def found(*include: str) -> list[str]:
        return differing(first.fingerprints(include), second.fingerprints(include))

    assert found() == found("seed") == []
    assert found("params") == found("params", "seed") == ["intent", "run"]


def test_include_may_be_gone_through_once(tracker: MemoryTracker) -> None:
    """Also where several trackers are asked."""
    run = AppRun("r", [MemoryTracker(), tracker])
    other = AppRun("r", [tracker])
    other.log_param("seed", 7)

    assert run.fingerprints(iter(["seed"])) == other.fingerprints(["seed"])
    assert run.fingerprints(iter(["seed"])) != run.fingerprints()


def test_include_may_be_one_word(tracker: MemoryTracker) -> None:
    """It is not taken for its letters."""
    run = logged(tracker)

    assert run.fingerprints("params") == run.fingerprints(["params"])
    assert run.fingerprints("params") != run.fingerprints()


@pytest.mark.parametrize("include", [["lr"], [""], "pa"])
def test_unknown_part_is_refused(tracker: MemoryTracker, include: list[str]) -> None:
    """The message names those that there are."""
    with pytest.raises(InvalidValueError, match="use params, seed, code"):
        logged(tracker).fingerprints(include)


def test_unknown_run_has_no_fingerprints(tracker: MemoryTracker) -> None:
    """Through the run there are none, as the first reads of a run are empty."""
    assert AppRun("r", [tracker]).fingerprints() == {}
    assert AppRun.run_from_env().fingerprints() == {}
    with pytest.raises(RunNotFoundError):
        run_fingerprints(tracker, "r")


def test_fingerprints_come_from_a_tracker_that_holds_all() -> None:
    """One that missed a record would tell of another run."""
    inner, tracker = MemoryTracker(), MemoryTracker()
    missing = FaultyTracker(inner, {2: ValueError("no")}.get)
    run = AppRun("r", [missing, tracker])

    run.log_param("seed", 7)
    with pytest.raises(ValueError, match="no"):
        run.log_text("code", "a", role="program")

    assert run.fingerprints() == AppRun("r", [tracker]).fingerprints()
    assert run.fingerprints() != AppRun("r", [inner]).fingerprints()
