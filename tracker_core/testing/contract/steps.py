"""Steps of a run: their attempts, and how they ended."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.records import EndedBody, StartedBody, StepBody
from tracker_core.runs import Attempt, to_datetime
from tracker_core.stepinfo import StepInfo
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import NAMES

if TYPE_CHECKING:
    from datetime import datetime

    from tracker_core.values import Value

__all__ = ["Steps"]

_CAUSE: dict[str, "Value"] = {"kind": "exception", "type": "E", "message": "\u00e9"}


def _at(milliseconds: int) -> "datetime":
    return to_datetime(START_NS) + timedelta(milliseconds=milliseconds)


class Steps(ContractFixtures):
    """What ``steps`` promises."""

    def test_step_has_a_beginning_an_end_and_a_cause(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """One execution is one attempt."""
        pen = Pen(run_id)
        history_tracker.write(pen.log(StepBody("train", "x1", "RUNNING", None), at=1))
        running = list(history_tracker.steps(run_id))
        history_tracker.write(pen.log(StepBody("train", "x1", "FAILED", _CAUSE), at=5))
        ended = list(history_tracker.steps(run_id))

        open_attempt = Attempt(1, "RUNNING", None, _at(1), None)
        closed = Attempt(1, "FAILED", _CAUSE, _at(1), _at(5))
        assert running == [StepInfo("train", "RUNNING", (open_attempt,))]
        assert ended == [StepInfo("train", "FAILED", (closed,))]

    def test_step_executed_again_has_another_attempt(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Numbered in the order of their beginnings; the last gives the status."""
        pen = Pen(run_id)
        for at, execution, status in [
            (1, "z", "RUNNING"),
            (2, "z", "FAILED"),
            (3, "a", "RUNNING"),
            (4, "a", "FINISHED"),
        ]:
            body = StepBody("load", execution, status, None)
            history_tracker.write(pen.log(body, at=at))

        (step,) = history_tracker.steps(run_id)

        assert step.status == "FINISHED"
        assert [(a.number, a.status, a.started_at) for a in step.attempts] == [
            (1, "FAILED", _at(1)),
            (2, "FINISHED", _at(3)),
        ]

    def test_steps_come_in_the_order_in_which_they_began(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Nested ones by their full names; arrival does not matter."""
        pen = Pen(run_id)
        names = ["prepare", "prepare/load", "prepare/clean", "train", "load"]
        batches = [pen.log(StepBody(name, name, "RUNNING", None)) for name in names] + [
            pen.log(StepBody(name, name, "FINISHED", None)) for name in names
        ]
        for batch in reversed(batches):
            history_tracker.write(batch)

        steps = history_tracker.steps(run_id)

        assert [(step.name, step.status) for step in steps] == [
            (name, "FINISHED") for name in names
        ]

    def test_steps_keep_names_apart(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Those that differ in any character are different steps."""
        history_tracker.write(
            Pen(run_id).log(*(StepBody(n, n, "RUNNING", None) for n in NAMES))
        )

        assert [step.name for step in history_tracker.steps(run_id)] == list(NAMES)

    @pytest.mark.parametrize("status", ["FAILED", "KILLED", "FINISHED"])
    def test_step_under_way_when_the_run_ended_has_ended_as_the_run_did(
        self, history_tracker: NativeTracker, run_id: str, status: str
    ) -> None:
        """A job that was killed could not say so for its steps."""
        pen = Pen(run_id)
        cause = None if status == "FINISHED" else _CAUSE
        history_tracker.write(pen.log(StartedBody("job"), at=1))
        history_tracker.write(pen.log(StepBody("train", "x", "RUNNING", None), at=2))
        history_tracker.write(pen.log(EndedBody("job", status, cause), at=9))

        (step,) = history_tracker.steps(run_id)

        ended = Attempt(1, status, cause, _at(2), _at(9))
        assert step == StepInfo("train", status, (ended,))

    def test_step_ends_with_its_own_attempt_of_the_run(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A later attempt that runs does not keep an earlier one's step running."""
        one, two = Pen(run_id, attempt=1), Pen(run_id, attempt=2)
        history_tracker.write(one.log(StartedBody("job"), at=1))
        history_tracker.write(one.log(StepBody("train", "x", "RUNNING", None), at=2))
        history_tracker.write(one.log(EndedBody("job", "KILLED", _CAUSE), at=3))
        history_tracker.write(two.log(StartedBody("job"), at=4))
        history_tracker.write(two.log(StepBody("train", "y", "RUNNING", None), at=5))

        (step,) = history_tracker.steps(run_id)

        assert step.status == "RUNNING"
        assert [(a.status, a.ended_at) for a in step.attempts] == [
            ("KILLED", _at(3)),
            ("RUNNING", None),
        ]

    def test_run_fares_as_the_last_launches_of_its_steps(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Between two of them too, and one that failed may be launched again."""
        found = []
        launches = [(1, "a", "FINISHED"), (1, "b", "FAILED"), (2, "b", "FINISHED")]
        for at, (attempt, step, status) in enumerate(launches):
            pen = Pen(run_id, attempt=attempt)
            for body in (
                StartedBody("launcher", None, step),
                EndedBody("launcher", status, None),
            ):
                history_tracker.write(pen.log(body, at=at))
                found.append(history_tracker.run(run_id).status)

        assert found[::2] == ["RUNNING", "RUNNING", "RUNNING"]
        assert found[1::2] == ["FINISHED", "FAILED", "FINISHED"]
        assert len(history_tracker.run(run_id).attempts) == 2

    def test_step_whose_launcher_is_lost_has_ended_though_others_run(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Its own processes tell how it ended, not those of its attempt."""
        lost: dict[str, Value] = {"kind": "lost"}
        one, two = Pen(run_id), Pen(run_id)
        begun = StepBody("a", "x", "RUNNING", None)
        history_tracker.write(one.log(StartedBody("launcher", None, "a"), begun, at=1))
        history_tracker.write(two.log(StartedBody("launcher", None, "b"), at=2))
        history_tracker.write(one.log(EndedBody("launcher", "FAILED", lost), at=3))

        (step,) = history_tracker.steps(run_id)

        assert step.attempts == (Attempt(1, "FAILED", lost, _at(1), _at(3)),)
        assert history_tracker.run(run_id).status == "RUNNING"

    def test_steps_leave_the_life_of_the_run_alone(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A step that failed and was done again is no failure of the run."""
        pen = Pen(run_id)
        history_tracker.write(
            pen.log(
                StartedBody("job"),
                StepBody("load", "x", "RUNNING", None),
                StepBody("load", "x", "FAILED", _CAUSE),
                EndedBody("job", "FINISHED", None),
            )
        )

        run = history_tracker.run(run_id)

        assert (run.status, run.cause) == ("FINISHED", None)

    def test_run_without_steps_has_none(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A life cycle alone makes no step."""
        history_tracker.write(Pen(run_id).log(StartedBody("job")))

        assert list(history_tracker.steps(run_id)) == []
