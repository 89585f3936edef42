"""What the job of a launched step logs lies below the step."""

import pytest

from tracker_core.delivery.base import Target
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.errors import InvalidValueError
from tracker_core.records import (
    ArtifactBody,
    Body,
    ColumnsBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    Sequencer,
    StartedBody,
    StepBody,
)
from tracker_core.run import AppRun
from tracker_core.stepped import SteppedDelivery, check_step, in_step
from tracker_memory import MemoryTracker

_NUMBER = {"x": 1}


@pytest.fixture
def run() -> AppRun:
    """Give a run as the job of its step ``train`` has it."""
    tracker = MemoryTracker()
    inner = DirectDelivery("r", [Target.of(tracker)], Sequencer(), isolates=False)
    return AppRun("r", [tracker], delivery=SteppedDelivery(inner, "train"))


@pytest.mark.parametrize(
    ("body", "stepped"),
    [
        (
            MetricsBody(1, {"": _NUMBER, "a/b": _NUMBER}),
            MetricsBody(1, {"s/t": _NUMBER, "s/t/a/b": _NUMBER}),
        ),
        (ColumnsBody("", None, {"x": [1]}), ColumnsBody("s/t", None, {"x": [1]})),
        (ArtifactBody("m", "p", None), ArtifactBody("s/t/m", "p", None)),
        (StepBody("i", "x", "RUNNING", None), StepBody("s/t/i", "x", "RUNNING", None)),
        (StartedBody("job", "h"), StartedBody("job", "h", "s/t")),
        (ParamsBody({"a": 1}), ParamsBody({"a": 1})),
        (LogBody("info", "m", None), LogBody("info", "m", None)),
    ],
)
def test_records_of_a_step_have_its_name(body: Body, stepped: Body) -> None:
    """Those that no step has are the run's."""
    assert in_step("s/t", body) == stepped


@pytest.mark.parametrize("name", ["", "/a", "a/", "/"])
def test_name_of_a_step_neither_begins_nor_ends_with_a_slash(name: str) -> None:
    """It would be lost in the names of what it logs."""
    with pytest.raises(InvalidValueError, match="step name"):
        check_step(name)


def test_job_of_a_step_logs_as_if_it_were_the_run(run: AppRun) -> None:
    """What it logs is what ``with run.step(…)`` would have logged."""
    run.log_metric("loss", 1.5, step=1)
    run.log_metrics({"loss": 0.5, "eval/acc": 2}, step=2)
    run.metrics("eval").log(f1=3)
    run.track_this(n=4)
    with run.step("fold") as fold:
        fold.log_metric("x", 5)

    (tracker,) = run.backends
    assert isinstance(tracker, MemoryTracker)
    assert {name: one.last for name, one in tracker.series("r").items()} == {
        "train/loss": 0.5,
        "train/eval/acc": 2,
        "train/eval/f1": 3,
        "train/fold/x": 5,
        "train/n": 4,
    }
    assert [step.name for step in tracker.steps("r")] == ["train/fold"]


def test_job_of_a_step_reads_what_it_has_logged(run: AppRun) -> None:
    """By the names that it gave; a run has other streams of them."""
    run.log_metric("eval/acc", 1, step=7)
    run.log_metric("loss", 2.0)

    page = run.metrics("eval").read()

    assert [row["data"] for row in page["data"]] == [{"acc": 1}]
    assert run.metrics().stats()["fields"]["loss"].last == 2.0
    assert run.metrics("train/eval").read()["total"] == 0


def test_job_of_a_step_finds_artifacts_of_its_own_first(run: AppRun) -> None:
    """Those of other steps have their whole names."""
    (tracker,) = run.backends
    whole = AppRun("r", [tracker])
    whole.log_text("note", "of the run")
    whole.log_text("prepare/data", "of another")
    assert run.open_artifact("note").read() == b"of the run"

    made = run.log_text("note", "of the step")

    assert made.name == "train/note"
    assert run.open_artifact("note").read() == b"of the step"
    assert run.open_artifact("prepare/data").read() == b"of another"
    assert run.open_artifact(made.digest or "").read() == b"of the step"


def test_job_of_a_step_is_refused_what_the_run_is(run: AppRun) -> None:
    """The name in front makes no bad key good."""
    for key in ("", "a/", 5):
        with pytest.raises((InvalidValueError, TypeError)):
            run.log_metric(key, 1.0)  # type: ignore[arg-type]  # what a caller may do
        with pytest.raises((InvalidValueError, TypeError)):
            run.log_metrics({key: 1.0})  # type: ignore[dict-item]  # the same
