"""The document of magnus: what each of its snippets shows, works here.

The programs that it includes are not in it; what they track is what its two run logs
show. Of those the parts that a run without a pipeline has are copied below.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

from tracker_core import AppRun, NativeTracker, track, track_this

SHELL: dict[str, Any] = {
    "name": "shell",
    "internal_name": "shell",
    "status": "SUCCESS",
    "step_type": "task",
    "message": "",
    "mock": False,
    "code_identities": [
        {
            "code_identifier": "793b052b8b603760ff1eb843597361219832b61c",
            "code_identifier_type": "git",
            "code_identifier_dependable": True,
            "code_identifier_url": "https://github.com/AstraZeneca/magnus-core.git",
            "code_identifier_message": "",
        }
    ],
    "attempts": [
        {
            "attempt_number": 1,
            "start_time": "2024-01-09 05:44:42.841295",
            "end_time": "2024-01-09 05:44:42.849938",
            "duration": "0:00:00.008643",
            "status": "SUCCESS",
            "message": "",
            "parameters": {},
        }
    ],
    "user_defined_metrics": {
        "eggs": {"ham": "world"},
        "answer": 42.0,
        "spam": "hello",
    },
    "branches": {},
    "data_catalog": [
        {
            "name": "shell.execution.log",
            "data_hash": (
                "07723e6188e7893ac79e8f07b7cc15dd1a62d2974335f173a0b5a6e58a3735d6"
            ),
            "catalog_relative_path": "blazing-colden-0544/shell.execution.log",
            "catalog_handler_location": ".catalog",
            "stage": "put",
        }
    ],
}
"""The step of the first run log."""

EMITTED: dict[str, Any] = {
    "spam": {"0": "hello", "1": "hello"},
    "eggs": {"0": {"ham": "world"}, "1": {"ham": "universe"}},
    "answer": 42.0,
    "is_it_true": False,
}
"""What the step of the second run log tracked."""

TOP = (
    "run_id dag_hash use_cached tag original_run_id status steps parameters run_config"
)
"""The fields of both run logs."""


class Eggs(pydantic.BaseModel):
    """The object that is tracked."""

    ham: str


class Aliased(pydantic.BaseModel):
    """An object whose field has another name outside."""

    ham: str = pydantic.Field(alias="Ham-Alias")


@pytest.fixture
def run(tracker: NativeTracker) -> AppRun:
    """Make the run of the first run log."""
    return AppRun("blazing-colden-0544", [tracker])


def test_api_tracks_values(run: AppRun) -> None:
    """Example, Using the API: what is tracked anywhere in the run is the run's."""
    with run:
        track_this(spam="hello", eggs=Eggs(ham="world"), answer=42.0, is_it_true=False)

    (step,) = _steps(run).values()
    assert step["user_defined_metrics"] == {
        "spam": "hello",
        "eggs": {"ham": "world"},
        "answer": 42.0,
        "is_it_true": False,
    }


def test_api_dumps_models_by_alias(run: AppRun) -> None:
    """Example, Using the API: a pydantic model is a dict that respects the alias."""
    with run:
        track_this(eggs=Aliased.model_validate({"Ham-Alias": "world"}))

    (step,) = _steps(run).values()
    assert step["user_defined_metrics"] == {"eggs": {"Ham-Alias": "world"}}


def test_environment_tracks_values(
    run: AppRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Example, Using environment variables: numbers sent in as text are numbers."""
    with run, run.step("shell"):
        monkeypatch.setenv("MAGNUS_TRACK_spam", "hello")
        monkeypatch.setenv("MAGNUS_TRACK_eggs", '{"ham": "world"}')
        monkeypatch.setenv("MAGNUS_TRACK_answer", "42.0")

    found = _steps(run)["shell"]["user_defined_metrics"]
    assert found == SHELL["user_defined_metrics"]


def test_environment_tracks_values_outside_of_steps(
    run: AppRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Example, Using environment variables: without a step they are the run's."""
    with run:
        monkeypatch.setenv("MAGNUS_TRACK_answer", "42.0")

    (step,) = _steps(run).values()
    assert step["user_defined_metrics"] == {"answer": 42.0}


def test_environment_has_no_booleans(
    run: AppRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Example, Using environment variables: what says true is text."""
    with run, run.step("shell"):
        monkeypatch.setenv("MAGNUS_TRACK_is_it_true", "true")

    found = _steps(run)["shell"]["user_defined_metrics"]
    assert found == {"is_it_true": "true"}


def test_run_log_is_that_of_the_document(run: AppRun) -> None:
    """Example, Run log entry: the fields of the whole, and who the run is."""
    with run, run.step("shell") as step:
        step.track_this(**SHELL["user_defined_metrics"])

    found = run.run_log()
    assert list(found) == TOP.split()
    assert (found["run_id"], found["status"]) == ("blazing-colden-0544", "SUCCESS")
    assert (found["use_cached"], found["original_run_id"]) == (False, "")


def test_run_log_has_the_step_of_the_document(run: AppRun) -> None:
    """Example, Run log entry: the step, but for its times, its code and its output."""
    with run, run.step("shell") as step:
        step.track_this(**SHELL["user_defined_metrics"])

    found = _steps(run)["shell"]
    own = ("attempts", "code_identities", "data_catalog")
    assert list(found) == list(SHELL)
    assert {key: found[key] for key in found if key not in own} == {
        key: SHELL[key] for key in SHELL if key not in own
    }


def test_run_log_has_the_attempt_of_the_document(run: AppRun) -> None:
    """Example, Run log entry: the attempt, with times in the form of the document."""
    with run, run.step("shell"):
        pass

    (found,) = _steps(run)["shell"]["attempts"]
    (shown,) = SHELL["attempts"]
    times = ("start_time", "end_time", "duration")
    assert list(found) == list(shown)
    assert {key: _shape(found[key]) for key in times} == {
        key: _shape(shown[key]) for key in times
    }
    assert {key: found[key] for key in found if key not in times} == {
        key: shown[key] for key in shown if key not in times
    }


def test_run_log_catalogues_the_output(run: AppRun) -> None:
    """Example, Run log entry: what the step printed is kept, and named by its hash."""
    with run, run.step("shell") as step:
        step.log_text("execution.log", "hello\n")

    (found,) = _steps(run)["shell"]["data_catalog"]
    (shown,) = SHELL["data_catalog"]
    assert list(found) == list(shown)
    assert found["name"] == "shell/execution.log"
    assert found["data_hash"] == hashlib.sha256(b"hello\n").hexdigest()
    assert found["catalog_relative_path"] == "blazing-colden-0544/shell/execution.log"
    assert found["stage"] == "put"


def test_api_tracks_steps(run: AppRun) -> None:
    """Incremental tracking, Using the API: the step is 0 unless it is given."""
    with run, run.step("Emit Metrics"):
        track_this(spam="hello", eggs=Eggs(ham="world"), answer=42.0, is_it_true=False)
        track_this(spam="hello", eggs=Eggs(ham="universe"), step=1)

    found = _steps(run)["Emit Metrics"]["user_defined_metrics"]
    assert found == EMITTED


def test_environment_tracks_steps(run: AppRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Incremental tracking, Using environment variables: ``_STEP_`` and a number."""
    with run, run.step("Emit Metrics"):
        monkeypatch.setenv("MAGNUS_TRACK_spam", "hello")
        monkeypatch.setenv("MAGNUS_TRACK_spam_STEP_1", "hello")
        monkeypatch.setenv("MAGNUS_TRACK_eggs_STEP_0", '{"ham": "world"}')
        monkeypatch.setenv("MAGNUS_TRACK_eggs_STEP_1", '{"ham": "universe"}')
        monkeypatch.setenv("MAGNUS_TRACK_answer", "42.0")

    found = _steps(run)["Emit Metrics"]["user_defined_metrics"]
    assert found == {key: EMITTED[key] for key in ("spam", "eggs", "answer")}


def test_run_log_knows_that_nothing_was_printed(run: AppRun) -> None:
    """Incremental tracking, Run log entry: the hash of an empty output."""
    with run, run.step("Emit Metrics") as step:
        step.log_text("execution.log", "")

    (found,) = _steps(run)["Emit Metrics"]["data_catalog"]
    assert found["data_hash"] == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_tracked_values_are_series(tracker: NativeTracker, run: AppRun) -> None:
    """Incremental tracking: what is tracked over time is a curve as well."""
    with run, run.step("Emit Metrics"):
        for step in range(3):
            track_this(step=step, loss=1 / (step + 1))

    points = tracker.points(run.run_id, "Emit Metrics/loss")
    assert [(point.step, point.value) for point in points] == [
        (0, 1.0),
        (1, 0.5),
        (2, 1 / 3),
    ]


def test_client_context_is_the_step_around_the_call(run: AppRun) -> None:
    """Client context: code that knows no run tracks to the innermost block."""

    def native_code() -> None:
        track_this(answer=42.0)

    with run, run.step("shell"):
        native_code()

    assert _steps(run)["shell"]["user_defined_metrics"] == {"answer": 42.0}


def test_grouping_experiments(tracker: NativeTracker) -> None:
    """Grouping experiments: the tag of a run is its experiment, and a query's."""
    with track("baseline", trackers=[tracker]) as run:
        pass

    (found,) = tracker.runs(query='experiment = "baseline"')
    assert found.run_id == run.run_id
    assert run.run_log()["tag"] == "baseline"


def test_experiment_tracking_tools(
    tracker: NativeTracker, run: AppRun, command: Callable[..., str]
) -> None:
    """Experiment tracking tools: the run log is there for every program."""
    with run, run.step("shell") as step:
        step.track_this(**SHELL["user_defined_metrics"])
    del tracker

    found = json.loads(command("show", run.run_id, "--run-log"))

    assert found == run.run_log()


def _steps(run: AppRun) -> dict[str, Any]:
    found: Any = run.run_log()["steps"]
    steps: dict[str, Any] = found
    return steps


def _shape(text: str) -> str:
    return "".join("9" if letter.isdigit() else letter for letter in text)
