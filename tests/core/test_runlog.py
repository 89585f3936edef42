"""A run as one document, in the shape that pipelines of magnus know."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core import AppRun, TrackerArtifact, TrackerBase, TrackerSource, track
from tracker_core.datatypes import Lineage
from tracker_core.errors import RunNotFoundError
from tracker_core.plain import native
from tracker_core.records import (
    Body,
    CreatedBody,
    EndedBody,
    MetricsBody,
    ProvenanceBody,
    Sequencer,
    StartedBody,
    StepBody,
)
from tracker_core.runlog import nested_by_step, run_log
from tracker_core.testing import MemoryTracker
from tracker_core.values import Value

RUN_KEYS = [
    "run_id",
    "dag_hash",
    "use_cached",
    "tag",
    "original_run_id",
    "status",
    "steps",
    "parameters",
    "run_config",
]
STEP_KEYS = [
    "name",
    "internal_name",
    "status",
    "step_type",
    "message",
    "mock",
    "code_identities",
    "attempts",
    "user_defined_metrics",
    "branches",
    "data_catalog",
]
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"


class Plain(TrackerBase):
    """A tracker with the eight calls, which keeps metadata and artifacts."""

    def __init__(self) -> None:
        """Begin empty."""
        self.kept: dict[str, dict[str, object]] = {}
        self.held: dict[str, dict[str, TrackerArtifact]] = {}

    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Keep a reference."""
        artifact = TrackerArtifact(name, path, metadata)
        self.held.setdefault(run_id, {})[name] = artifact

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Give the references."""
        return self.held.get(run_id, {})

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Keep values."""
        self.kept.setdefault(run_id, {}).update(kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        """Give the values."""
        return self.kept.get(run_id, {})

    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        """Keep nothing."""

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[TrackerSource]:
        """Give nothing."""
        del run_id, artifact_name
        return ()

    def lineage(self, run_id: str) -> Lineage:
        """Give nothing."""
        return Lineage(run_id)

    def run_ids(self, **kwargs: str) -> Sequence[str]:
        """Give the runs that have values."""
        del kwargs
        return list(self.kept)


@pytest.fixture
def tracker() -> MemoryTracker:
    """Give an empty tracker."""
    return MemoryTracker()


@pytest.fixture
def run(tracker: MemoryTracker) -> AppRun:
    """Give a run on it."""
    return AppRun("r", [tracker])


def steps(run: AppRun) -> dict[str, dict[str, Any]]:
    """Give the steps of the run log."""
    return cast("dict[str, dict[str, Any]]", run.run_log()["steps"])


def values(run: AppRun) -> dict[str, dict[str, Value]]:
    """Give the values of each step."""
    return {name: step["user_defined_metrics"] for name, step in steps(run).items()}


def told(tracker: MemoryTracker, *bodies: Body, clock: Callable[[], int]) -> None:
    """Write bodies of the run ``r``, each at its time."""
    sequencer = Sequencer(clock=clock)
    for body in bodies:
        tracker.write(sequencer.batch("r", body))


def test_run_log_is_that_of_the_document() -> None:
    """All of its values, for a run with one step whose times are known."""
    tracker = MemoryTracker()
    microseconds = count(1_704_779_082_841_295, 8_643)
    code: Value = {"commit": "793b", "is_dirty": False, "remote": "https://h/r.git"}
    told(
        tracker,
        CreatedBody("blazing-colden-0544"),
        ProvenanceBody({"code": code}),
        StartedBody("job"),
        StepBody("shell", "1", "RUNNING", None),
        MetricsBody(0, {"shell": {"eggs": {"ham": "world"}, "answer": 42.0}}),
        MetricsBody(0, {"shell": {"spam": "hello"}}),
        StepBody("shell", "1", "FINISHED", None),
        EndedBody("job", "FINISHED", None),
        clock=lambda: next(microseconds) * 1000,
    )

    found = run_log(tracker, "r")

    assert list(found) == RUN_KEYS
    assert {key: found[key] for key in RUN_KEYS[:6]} == {
        "run_id": "r",
        "dag_hash": "",
        "use_cached": False,
        "tag": "",
        "original_run_id": "",
        "status": "SUCCESS",
    }
    assert found["steps"] == {
        "shell": {
            "name": "shell",
            "internal_name": "shell",
            "status": "SUCCESS",
            "step_type": "task",
            "message": "",
            "mock": False,
            "code_identities": [
                {
                    "code_identifier": "793b",
                    "code_identifier_type": "git",
                    "code_identifier_dependable": True,
                    "code_identifier_url": "https://h/r.git",
                    "code_identifier_message": "",
                }
            ],
            "attempts": [
                {
                    "attempt_number": 1,
                    "start_time": "2024-01-09 05:44:42.867224",
                    "end_time": "2024-01-09 05:44:42.893153",
                    "duration": "0:00:00.025929",
                    "status": "SUCCESS",
                    "message": "",
                    "parameters": {},
                }
            ],
            "user_defined_metrics": {
                "answer": 42.0,
                "eggs": {"ham": "world"},
                "spam": "hello",
            },
            "branches": {},
            "data_catalog": [],
        }
    }
    assert found["parameters"] == {}


def test_run_log_can_be_written_as_json(run: AppRun) -> None:
    """It is one document, whatever was logged."""
    with run, run.step("train") as step:
        run.log_params({"lr": 0.1, "layers": [1, 2]})
        run.set_tag("device", "cpu")
        step.log_metric("loss", 0.5, step=1)
        step.log_text("note", "a")

    assert json.loads(json.dumps(run.run_log())) == run.run_log()


def test_run_is_told_at_the_top() -> None:
    """Its experiment is the tag, its parent the original run."""
    tracker = MemoryTracker()
    with track(
        "e",
        parent_run_id="p",
        group_id="g",
        experiment_config={"a": 1},
        trackers=[tracker],
    ) as run:
        run.log_params({"optimizer": {"lr": 0.1}})
        run.set_tag("device", "cpu")

    found = run.run_log()

    assert (found["tag"], found["original_run_id"]) == ("e", "p")
    assert found["parameters"] == {"optimizer.lr": 0.1}
    config = cast("dict[str, Any]", found["run_config"])
    assert (config["run_id"], config["tag"], config["group_id"]) == (run.id, "e", "g")
    assert (config["original_run_id"], config["variables"]) == ("p", {"device": "cpu"})
    assert (config["experiment_config"], config["dag"]) == ({"a": 1}, {})
    assert isinstance(config["environment"], dict)


@pytest.mark.parametrize(
    ("status", "shown"),
    [("FINISHED", "SUCCESS"), ("FAILED", "FAIL"), ("KILLED", "FAIL")],
)
def test_status_has_the_word_of_the_document(
    run: AppRun, status: str, shown: str
) -> None:
    """Of the run and of a step that ends with it."""
    with run, run.step("a"):
        assert run.run_log()["status"] == steps(run)["a"]["status"] == "PROCESSING"
        run.finish(status)

    assert run.run_log()["status"] == steps(run)["a"]["status"] == shown


def test_run_that_waits_is_created(tracker: MemoryTracker) -> None:
    """It exists, and nothing of it runs."""
    run = track(trackers=[tracker])

    assert run.run_log()["status"] == "CREATED"


def test_failed_step_tells_why_and_keeps_its_values(run: AppRun) -> None:
    """They are needed the most then."""

    def work() -> None:
        with run.step("train") as step:
            step.log_metric("loss", 0.5)
            raise ValueError("diverged")

    with pytest.raises(ValueError, match="diverged"):
        work()

    found = steps(run)["train"]
    (attempt,) = found["attempts"]
    assert (found["status"], found["message"]) == ("FAIL", "diverged")
    assert (attempt["status"], attempt["message"]) == ("FAIL", "diverged")
    assert found["user_defined_metrics"] == {"loss": 0.5}


def test_each_attempt_of_a_step_is_told(run: AppRun) -> None:
    """Numbered from 1, with its times; the step fares as the last one did."""
    with pytest.raises(ValueError, match="no"), run.step("train"):
        raise ValueError("no")
    with run.step("train"):
        pass

    found = steps(run)["train"]
    assert [a["attempt_number"] for a in found["attempts"]] == [1, 2]
    assert [a["status"] for a in found["attempts"]] == ["FAIL", "SUCCESS"]
    assert (found["status"], found["message"]) == ("SUCCESS", "")
    assert all(re.fullmatch(TIME, a["start_time"]) for a in found["attempts"])
    assert all(re.fullmatch(TIME, a["end_time"]) for a in found["attempts"])


def test_step_that_is_under_way_has_no_end(run: AppRun) -> None:
    """Neither a time nor a duration."""
    with run.step("train"):
        (attempt,) = steps(run)["train"]["attempts"]

    assert (attempt["end_time"], attempt["duration"]) == ("", "")
    assert attempt["status"] == "PROCESSING"


def test_metric_with_one_step_is_its_value(run: AppRun) -> None:
    """Whichever step that is, and whether or not one was given."""
    with run.step("s") as step:
        step.log_metric("none", 1)
        step.track_this(zero=2)
        step.log_metric("seven", {"a": 3}, step=7)

    assert values(run) == {"s": {"none": 1, "seven": {"a": 3}, "zero": 2}}


def test_metric_with_several_steps_is_a_mapping(run: AppRun) -> None:
    """Its keys are text, in the order of the numbers."""
    with run.step("s") as step:
        for number in (10, 2, 0):
            step.track_this(number, spam=f"hello {number}")

    found = values(run)["s"]["spam"]
    assert list(cast("dict[str, str]", found).items()) == [
        ("0", "hello 0"),
        ("2", "hello 2"),
        ("10", "hello 10"),
    ]


def test_last_value_of_a_step_stays(run: AppRun) -> None:
    """No step and the step 0 are one."""
    with run.step("s") as step:
        step.log_metric("a", 1)
        step.log_metric("a", 2, step=0)
        step.log_metric("b", 1, step=1)
        step.log_metric("b", 2, step=3)
        step.log_metric("b", 3, step=1)

    assert values(run) == {"s": {"a": 2, "b": {"1": 3, "3": 2}}}


def test_values_of_attempts_are_put_together(run: AppRun) -> None:
    """The later attempt has the last word."""
    with run.step("s") as step:
        step.track_this(a=1, b=1)
    with run.step("s") as step:
        step.track_this(a=2)

    assert values(run) == {"s": {"a": 2, "b": 1}}


def test_nan_is_a_value(run: AppRun) -> None:
    """It is told as what it is."""
    run.log_metric("x", math.nan)

    (found,) = values(run).values()
    assert math.isnan(cast("float", found["x"]))


def test_values_outside_of_steps_are_those_of_the_run(run: AppRun) -> None:
    """They belong to a step that has its name; those of streams too."""
    run.log_metrics({"a": 1, "train/b": 2, "train/val/c": 3})
    run.metrics("/x").log(d=4)

    assert values(run) == {
        run.name: {"/x/d": 4, "a": 1, "train/b": 2, "train/val/c": 3}
    }


def test_values_below_a_step_are_its_own(run: AppRun) -> None:
    """Of the innermost step whose name they begin with."""
    with run.step("train") as step:
        step.metrics("val").log(loss=1)
        step.log_metric("loss", 2)
        with step.step("epoch") as inner:
            inner.log_metric("loss", 3)
            inner.metrics("val").log(loss=4)
    run.log_metric("training/loss", 5)

    assert values(run) == {
        run.name: {"training/loss": 5},
        "train": {"loss": 2, "val/loss": 1},
        "train/epoch": {"loss": 3, "val/loss": 4},
    }


def test_run_with_steps_and_nothing_else_has_only_these(run: AppRun) -> None:
    """There is nothing to tell outside of them, in their order."""
    for name in ("b", "a"):
        with run.step(name):
            pass

    assert list(steps(run)) == ["b", "a"]


def test_run_without_steps_is_one(run: AppRun) -> None:
    """It fares as the run does."""
    with run:
        pass

    (found,) = steps(run).values()
    assert list(found) == STEP_KEYS
    assert (found["name"], found["status"]) == (run.name, "SUCCESS")
    assert [a["status"] for a in found["attempts"]] == ["SUCCESS"]


def test_step_may_have_the_name_of_the_run(run: AppRun) -> None:
    """Neither hides the other."""
    with run.step(run.name) as step:
        step.log_metric("a", 1)
    run.log_metric("a", 2)

    assert values(run) == {f"{run.name} (run)": {"a": 2}, run.name: {"a": 1}}
    assert all(step["name"] == name for name, step in steps(run).items())


def test_artifacts_are_the_catalog_of_their_step(run: AppRun) -> None:
    """Content by its hash, a reference by where it lies."""
    with run.step("train") as step:
        step.log_text("out.log", "text")
    run.add_artifact("data", "s3://b/d")

    assert steps(run)["train"]["data_catalog"] == [
        {
            "name": "train/out.log",
            "data_hash": hashlib.sha256(b"text").hexdigest(),
            "catalog_relative_path": "r/train/out.log",
            "catalog_handler_location": "",
            "stage": "put",
        }
    ]
    assert steps(run)[run.name]["data_catalog"] == [
        {
            "name": "data",
            "data_hash": "",
            "catalog_relative_path": "r/data",
            "catalog_handler_location": "s3://b/d",
            "stage": "put",
        }
    ]


def test_artifact_belongs_to_the_innermost_step(run: AppRun) -> None:
    """Whose name it begins with; a similar name is another."""
    with run.step("a") as outer, outer.step("b") as inner:
        inner.log_text("x", "")
        outer.log_text("y", "")
        run.log_text("ab", "")

    found = {
        name: [entry["name"] for entry in step["data_catalog"]]
        for name, step in steps(run).items()
    }
    assert found == {run.name: ["ab"], "a": ["a/y"], "a/b": ["a/b/x"]}


def test_dirty_code_is_not_dependable(tracker: MemoryTracker, run: AppRun) -> None:
    """The commit does not say what ran."""
    sequencer = Sequencer()
    code: Value = {"commit": "c", "is_dirty": True}
    tracker.write(sequencer.batch("r", ProvenanceBody({"code": code})))

    ((found,),) = [step["code_identities"] for step in steps(run).values()]
    assert found["code_identifier_dependable"] is False
    assert found["code_identifier_url"] is None


def test_run_without_code_has_no_identity(run: AppRun) -> None:
    """Nobody knows what ran."""
    run.log_metric("a", 1)

    assert [step["code_identities"] for step in steps(run).values()] == [[]]


def test_run_log_of_a_plain_tracker_is_what_it_holds() -> None:
    """One step, with the last value of each series."""
    plain = Plain()
    run = AppRun("r", [plain])

    with run, run.step("train") as step:
        step.log_metric("loss", 2, step=1)
        step.log_metric("loss", 1, step=2)
        run.log_param("lr", 0.1)
        run.log_text("note", "text")

    found = run_log(native(plain), "r")
    ((name, whole),) = cast("dict[str, Any]", found["steps"]).items()
    assert (list(found), list(whole)) == (RUN_KEYS, STEP_KEYS)
    assert (found["status"], found["parameters"]) == ("SUCCESS", {"lr": 0.1})
    assert (name, whole["user_defined_metrics"]) == (run.name, {"train/loss": 1})
    assert whole["attempts"] == []
    assert [entry["name"] for entry in whole["data_catalog"]] == ["note"]


def test_run_log_is_read_from_who_knows_more() -> None:
    """A plain tracker beside a native one is not asked."""
    run = AppRun("r", [Plain(), MemoryTracker()])

    with run.step("train") as step:
        step.log_metric("loss", 2, step=1)

    assert values(run) == {"train": {"loss": 2}}


def test_unknown_run_has_no_run_log(tracker: MemoryTracker, run: AppRun) -> None:
    """Through the run it is empty, as the first reads of a run are."""
    assert run.run_log() == {}
    assert AppRun.run_from_env().run_log() == {}
    with pytest.raises(RunNotFoundError):
        run_log(tracker, "r")


POINTS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 3),
        st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), max_size=2),
    ),
    max_size=8,
)


@given(POINTS)
def test_nesting_keeps_the_last_value_of_each_step(
    points: list[tuple[int | None, dict[str, int]]],
) -> None:
    """And nothing else."""
    last = {
        (field, step or 0): value
        for step, fields in points
        for field, value in fields.items()
    }

    found = nested_by_step(cast("list[tuple[int | None, dict[str, Value]]]", points))

    assert list(found) == sorted({field for field, _ in last})
    for field in found:
        by_step = {
            step: last[key]
            for key in sorted(last)
            for step in [key[1]]
            if key[0] == field
        }
        if len(by_step) == 1:
            assert found[field] == next(iter(by_step.values()))
        else:
            assert found[field] == {str(step): value for step, value in by_step.items()}
