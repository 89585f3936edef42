"""The steps of a run follow from their records."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tracker_core.records import StepBody
from tracker_core.runs import Attempt, to_datetime
from tracker_core.stepinfo import StepEvent, StepInfo, step_infos

_SECOND = 1_000_000_000


def _event(
    step: str, status: str, at: int, execution: str = "x", attempt: int = 1
) -> StepEvent:
    key = (attempt, at * _SECOND, "w", at + 1, 0)
    return key, StepBody(step, execution, status, None)


def _attempt(number: int, status: str, start: int, end: int | None) -> Attempt:
    ended_at = None if end is None else to_datetime(end * _SECOND)
    return Attempt(number, status, None, to_datetime(start * _SECOND), ended_at)


def test_execution_goes_from_its_first_record_to_its_last() -> None:
    """One that has not ended is running."""
    events = [_event("a", "RUNNING", 1), _event("a", "FINISHED", 4)]

    ended, running = step_infos(events, ()), step_infos(events[:1], ())

    assert ended == [StepInfo("a", "FINISHED", (_attempt(1, "FINISHED", 1, 4),))]
    assert running == [StepInfo("a", "RUNNING", (_attempt(1, "RUNNING", 1, None),))]


def test_executions_of_one_name_are_its_attempts() -> None:
    """In the order of their beginnings, whatever their ids and ends."""
    events = [
        _event("a", "RUNNING", 1, "z"),
        _event("a", "RUNNING", 2, "y"),
        _event("a", "FINISHED", 3, "y"),
        _event("a", "FAILED", 4, "z"),
    ]

    (step,) = step_infos(reversed(events), ())

    assert step.status == "FINISHED"
    assert step.attempts == (
        _attempt(1, "FAILED", 1, 4),
        _attempt(2, "FINISHED", 2, 3),
    )


def test_steps_come_in_the_order_of_their_first_beginning() -> None:
    """A second attempt does not move a step back."""
    events = [
        _event("b", "RUNNING", 1, "1"),
        _event("b/inner", "RUNNING", 2, "2"),
        _event("a", "RUNNING", 3, "3"),
        _event("b", "RUNNING", 4, "4"),
    ]

    assert [step.name for step in step_infos(events, ())] == ["b", "b/inner", "a"]


def test_step_under_way_ends_with_its_attempt_of_the_run() -> None:
    """With its status and cause; a run that goes on leaves it running."""
    cause = {"kind": "signal"}
    killed = Attempt(1, "KILLED", cause, to_datetime(0), to_datetime(9 * _SECOND))
    events = [
        _event("a", "RUNNING", 1, "1"),
        _event("a", "RUNNING", 10, "2", attempt=2),
    ]

    (step,) = step_infos(events, (killed, _attempt(2, "RUNNING", 9, None)))

    first, second = step.attempts
    assert (first.status, first.cause, first.ended_at) == (
        "KILLED",
        cause,
        killed.ended_at,
    )
    assert (second.status, second.ended_at, step.status) == ("RUNNING", None, "RUNNING")


def test_step_does_not_end_before_it_began() -> None:
    """The clock of the launcher may be behind that of the job."""
    early = _attempt(1, "FAILED", 0, 2)

    (step,) = step_infos([_event("a", "RUNNING", 5)], (early,))

    assert step.attempts[0].ended_at == to_datetime(5 * _SECOND)


def test_step_that_ended_itself_keeps_its_own_end() -> None:
    """Whatever became of the run afterwards."""
    events = [_event("a", "RUNNING", 1), _event("a", "FINISHED", 2)]

    (step,) = step_infos(events, (_attempt(1, "FAILED", 0, 9),))

    assert step == StepInfo("a", "FINISHED", (_attempt(1, "FINISHED", 1, 2),))


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["RUNNING", "FINISHED", "FAILED"]),
        st.sampled_from("xyz"),
        st.integers(1, 2),
    ),
    max_size=8,
)


@given(_EVENTS, st.randoms(use_true_random=False))
def test_steps_do_not_depend_on_arrival(
    said: list[tuple[str, str, str, int]], shuffle: random.Random
) -> None:
    """The same records in any order tell the same steps."""
    events = [
        _event(step, status, at, execution, attempt)
        for at, (step, status, execution, attempt) in enumerate(said)
    ]
    expected = step_infos(events, ())
    shuffle.shuffle(events)

    assert step_infos(events, ()) == expected
