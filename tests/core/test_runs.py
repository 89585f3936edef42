"""What a run is follows from its life-cycle records alone."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.identity import friendly_name
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    Role,
    SpanBody,
    StartedBody,
)
from tracker_core.runs import (
    LifecycleEvent,
    RunInfo,
    launched_steps,
    run_info,
    to_datetime,
)
from tracker_core.values import Value

_SECOND = 1_000_000_000
_EXIT: dict[str, Value] = {"kind": "exit_code", "exit_code": 3}
_SIGNAL: dict[str, Value] = {"kind": "signal", "signal": "SIGTERM", "number": 15}
_EXCEPTION: dict[str, Value] = {"kind": "exception", "type": "ValueError"}
_OOM: dict[str, Value] = {"kind": "out_of_memory"}
_LOST: dict[str, Value] = {"kind": "lost"}


def _event(
    body: CreatedBody | StartedBody | EndedBody,
    writer: str = "w",
    at: int = 0,
    attempt: int = 1,
) -> LifecycleEvent:
    return ((attempt, at * _SECOND, writer, 1, 0), body)


def _started(writer: str = "w", at: int = 1, attempt: int = 1) -> LifecycleEvent:
    return _event(StartedBody("job"), writer, at, attempt)


def _ended(
    status: str,
    cause: dict[str, Value] | None = None,
    writer: str = "w",
    at: int = 2,
    role: Role = "job",
) -> LifecycleEvent:
    return _event(EndedBody(role, status, cause), writer, at)


def _step(
    step: str | None,
    start: int,
    end: int | None = None,
    status: str = "FINISHED",
    attempt: int = 1,
) -> list[LifecycleEvent]:
    """Give the words of a launcher, of a step or of the whole run."""
    writer = f"{step} {start}"
    began = _event(StartedBody("launcher", None, step), writer, start, attempt)
    ended = _event(EndedBody("launcher", status, None), writer, end or 0, attempt)
    return [began] if end is None else [began, ended]


def _info(*events: LifecycleEvent) -> RunInfo:
    return run_info("run", 0, events)


def test_time_is_aware_and_cut_to_microseconds() -> None:
    """Nanoseconds below a microsecond are dropped, not rounded."""
    assert to_datetime(1_700_000_000_123_456_999) == datetime(
        2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC
    )


def test_run_without_events_has_no_life() -> None:
    """It has an id, the name that goes with it, and a time."""
    info = run_info("run", _SECOND, [])

    assert info == RunInfo(
        run_id="run",
        name=friendly_name("run"),
        experiment=None,
        group_id=None,
        parent_run_id=None,
        status=None,
        cause=None,
        attempts=(),
        created_at=to_datetime(_SECOND),
        started_at=None,
        ended_at=None,
    )


def test_identity_is_the_last_that_was_said() -> None:
    """What is None says nothing, so earlier words stay."""
    first = _event(CreatedBody("one", "exp", "group", "parent"), at=1)
    second = _event(CreatedBody(name="two"), at=2)

    info = _info(second, first)

    assert (info.name, info.experiment) == ("two", "exp")
    assert (info.group_id, info.parent_run_id) == ("group", "parent")
    assert info.status == "PENDING"


def test_config_of_the_experiment_is_the_last_that_was_said() -> None:
    """It is replaced whole; None says nothing."""
    events = [
        _event(CreatedBody(experiment_config={"a": 1, "b": 2}), at=1),
        _event(CreatedBody(experiment_config={"b": 3}), at=2),
        _event(CreatedBody(name="n"), at=3),
    ]

    assert _info(*events).experiment_config == {"b": 3}
    assert _info(events[2]).experiment_config is None


def test_span_is_told_as_it_was_folded() -> None:
    """It is no part of the life cycle."""
    info = run_info("run", 0, [], SpanBody("t", "s"))

    assert (info.trace_id, info.span_id, info.status) == ("t", "s", None)


def test_time_that_is_not_known_is_none() -> None:
    """Where the first record's was not kept."""
    assert run_info("run", None, []).created_at is None


def test_attempt_runs_until_every_process_has_ended() -> None:
    """Without a launcher the last end decides."""
    started = (_started("a"), _started("b"))
    one, other = (
        _ended("FINISHED", writer="a", at=3),
        _ended("FINISHED", writer="b", at=5),
    )

    assert _info(*started).status == "RUNNING"
    assert _info(*started, one).status == "RUNNING"
    assert _info(*started, one, other).status == "FINISHED"
    assert _info(*started, one, other).ended_at == to_datetime(5 * _SECOND)


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (("FINISHED", "FAILED", "KILLED"), "FAILED"),
        (("FINISHED", "KILLED"), "KILLED"),
        (("FINISHED", "FINISHED"), "FINISHED"),
        (("FINISHED", "STRANGE"), "FINISHED"),
    ],
)
def test_worst_word_of_the_processes_counts(
    statuses: tuple[str, ...], status: str
) -> None:
    """FAILED before KILLED before FINISHED; words of a later version come last."""
    events = [
        event
        for number, word in enumerate(statuses)
        for event in (_started(str(number)), _ended(word, writer=str(number)))
    ]

    assert _info(*events).status == status


def test_last_word_of_one_writer_counts() -> None:
    """A writer that ends twice is taken at its second word."""
    events = (_started(), _ended("FAILED", _EXIT, at=2), _ended("FINISHED", at=3))

    assert (_info(*events).status, _info(*events).cause) == ("FINISHED", None)


def test_end_without_a_start_is_an_end() -> None:
    """A record of the start that has not arrived yet does not keep the run running."""
    info = _info(_ended("FAILED", _EXIT, at=4))

    assert (info.status, info.cause) == ("FAILED", _EXIT)
    assert info.started_at == info.ended_at == to_datetime(4 * _SECOND)


def test_end_of_a_process_that_did_not_start_here_does_not_decide() -> None:
    """Once those that started have ended, their words count."""
    info = _info(
        _started("a"), _ended("FINISHED", writer="a"), _ended("FAILED", writer="b")
    )

    assert info.status == "FINISHED"


def test_launcher_outlives_the_job_and_decides() -> None:
    """Its word counts as soon as it is there, whatever the job said or did not say."""
    launcher = _ended("KILLED", _SIGNAL, writer="l", at=9, role="launcher")

    silent = _info(_started(), launcher)
    finished = _info(_started(), _ended("FINISHED"), launcher)

    assert silent.status == finished.status == "KILLED"
    assert silent.cause == finished.cause == _SIGNAL
    assert finished.ended_at == to_datetime(9 * _SECOND)


def test_job_explains_what_the_launcher_saw() -> None:
    """The launcher knows the exit code, the job the exception: that says more."""
    launcher = _ended("FAILED", _EXIT, writer="l", at=9, role="launcher")

    info = _info(_started(), _ended("FAILED", _EXCEPTION), launcher)

    assert (info.status, info.cause) == ("FAILED", _EXCEPTION)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [(_OOM, _SIGNAL), (_SIGNAL, _EXCEPTION), (_EXCEPTION, _EXIT), (_EXIT, _LOST)],
    ids=["memory", "signal", "exception", "exit code"],
)
def test_causes_have_an_order(
    stronger: dict[str, Value], weaker: dict[str, Value]
) -> None:
    """Out of memory, signal, exception, exit code, and then the others."""
    info = _info(
        _started("a"),
        _started("b"),
        _ended("FAILED", weaker, writer="a", at=2),
        _ended("FAILED", stronger, writer="b", at=3),
    )

    assert info.cause == stronger


def test_cause_of_the_status_comes_before_an_equal_one() -> None:
    """Of two exceptions the one that came with the status explains it."""
    other: dict[str, Value] = {**_EXCEPTION, "type": "KeyboardInterrupt"}

    info = _info(
        _started("a"),
        _started("b"),
        _ended("KILLED", other, writer="a", at=2),
        _ended("FAILED", _EXCEPTION, writer="b", at=3),
    )

    assert (info.status, info.cause) == ("FAILED", _EXCEPTION)


def test_end_without_a_cause_has_none() -> None:
    """A failure that nobody explained stays unexplained."""
    assert _info(_started(), _ended("FAILED")).cause is None


def test_finished_run_has_no_cause() -> None:
    """There is nothing to explain."""
    assert _info(_started(), _ended("FINISHED", _EXIT)).cause is None


def test_attempt_tells_where_it_started_first() -> None:
    """Of several processes the first that says where counts."""
    events = [
        _event(StartedBody("job", "node2"), "b", 3),
        _event(StartedBody("launcher", "node1"), "a", 2),
        _event(StartedBody("job"), "c", 1),
    ]

    (attempt,) = _info(*events).attempts

    assert (attempt.host, attempt.duration) == ("node1", None)


def test_attempt_tells_what_its_launchers_saw() -> None:
    """The exit code goes with the status, and the largest process was the largest."""
    events = [
        _event(EndedBody("launcher", "FINISHED", None, 0, 900), "a", 2),
        _event(EndedBody("launcher", "FAILED", _EXIT, 3, 500), "b", 3),
        _event(EndedBody("job", "FAILED", _EXIT, 4, 2000), "c", 3),
    ]

    (attempt,) = _info(*events).attempts

    assert (attempt.exit_code, attempt.peak_memory_bytes) == (3, 900)


@pytest.mark.parametrize(
    ("cause", "exit_code", "signal"),
    [(_EXIT, 3, None), (_SIGNAL, None, "SIGTERM"), (_OOM, None, None)],
)
def test_attempt_without_a_launcher_tells_what_its_cause_does(
    cause: dict[str, Value], exit_code: int | None, signal: str | None
) -> None:
    """A job that left by ``sys.exit`` or dies of a signal has said so itself."""
    (attempt,) = _info(_started(), _ended("FAILED", cause)).attempts

    assert (attempt.exit_code, attempt.signal) == (exit_code, signal)
    assert attempt.duration == 1.0


def _launched(*, began_at: int, ended_at: int) -> RunInfo:
    """Return a run whose second attempt began at a time, and whose launcher ended."""
    launcher, end = StartedBody("launcher"), EndedBody("launcher", "FINISHED", None)
    return _info(
        _event(launcher, "l", 1),
        _started("j", 2),
        _ended("FAILED", _LOST, "j", 3),
        _started("k", began_at, attempt=2),
        _event(EndedBody("job", "FINISHED", None), "k", began_at + 1, attempt=2),
        _event(end, "l", ended_at),
    )


def test_launcher_tells_of_the_last_attempt_below_it() -> None:
    """The job has started itself again, so its first attempt has not ended well."""
    info = _launched(began_at=4, ended_at=9)

    assert [(one.status, one.cause) for one in info.attempts] == [
        ("FAILED", _LOST),
        ("FINISHED", None),
    ]
    assert info.ended_at == to_datetime(9 * _SECOND)


def test_launcher_tells_nothing_of_an_attempt_after_its_end() -> None:
    """Somebody else has started that."""
    info = _launched(began_at=8, ended_at=5)

    assert [one.status for one in info.attempts] == ["FINISHED", "FINISHED"]
    assert info.ended_at == to_datetime(9 * _SECOND)


def test_last_attempt_gives_the_status() -> None:
    """Each attempt has its own start, end and cause."""
    info = _info(
        _started(at=5, attempt=2), _started(at=1), _ended("FAILED", _EXIT, at=2)
    )

    first, second = info.attempts
    assert (first.number, first.status, first.cause) == (1, "FAILED", _EXIT)
    assert (second.number, second.status, second.ended_at) == (2, "RUNNING", None)
    assert (info.status, info.cause, info.ended_at) == ("RUNNING", None, None)
    assert info.started_at == first.started_at == to_datetime(_SECOND)


def _events() -> st.SearchStrategy[list[LifecycleEvent]]:
    role = st.sampled_from(["job", "launcher"])
    status = st.sampled_from(["FINISHED", "FAILED", "KILLED"])
    cause = st.sampled_from([None, _EXIT, _SIGNAL, _EXCEPTION, _OOM, _LOST])
    name = st.none() | st.sampled_from(["a", "b"])
    body = st.one_of(
        st.builds(CreatedBody, name, name, name, name, cause),
        st.builds(StartedBody, role),
        st.builds(EndedBody, role, status, cause),
    )
    place = st.tuples(st.integers(1, 2), st.integers(0, 2), st.sampled_from("ab"))
    drawn = st.lists(st.tuples(place, body), max_size=8)
    return drawn.map(
        lambda found: [((*p, n, 0), body) for n, (p, body) in enumerate(found, 1)]
    )


@given(_events(), st.randoms(use_true_random=False))
def test_run_does_not_depend_on_arrival(
    events: list[LifecycleEvent], shuffle: random.Random
) -> None:
    """The same records in any order tell the same run."""
    expected = run_info("run", 0, events)
    shuffle.shuffle(events)

    assert run_info("run", 0, events) == expected


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([_step("a", 1)], "RUNNING"),
        ([_step("a", 1, 2)], "FINISHED"),
        ([_step("a", 1, 2), _step("b", 3)], "RUNNING"),
        ([_step("a", 1, 2), _step("b", 3, 4, "FAILED")], "FAILED"),
        ([_step("a", 1, 2, "KILLED"), _step("b", 3, 4)], "KILLED"),
        ([_step("a", 1, 9), _step("b", 3, 4, "FAILED")], "FAILED"),
        ([_step("a", 1), _step("b", 3, 4, "FAILED")], "RUNNING"),
        ([_step("a", 1), _step("b", 2, 3), _step("b", 4, 5, attempt=2)], "RUNNING"),
        ([_step("a", 1, 2, "FAILED"), _step("a", 3, 4, attempt=2)], "FINISHED"),
        (
            [
                _step("a", 1, 2, "FAILED"),
                _step("b", 3, 4, "FAILED"),
                _step("b", 5, 6, attempt=2),
            ],
            "FAILED",
        ),
        ([_step("a", 1, 2, "FAILED"), _step(None, 3, 4, attempt=2)], "FINISHED"),
        ([_step(None, 1, 2, "FAILED"), _step("a", 3, 4, attempt=2)], "FINISHED"),
        ([_step(None, 1, 2, "FAILED"), _step("a", 3, attempt=2)], "RUNNING"),
    ],
)
def test_last_launches_of_steps_give_the_status(
    steps: list[list[LifecycleEvent]], status: str
) -> None:
    """It runs while one does, and ends as the worst; a whole run counts for itself."""
    info = _info(*(event for step in steps for event in step))

    assert info.status == status


@pytest.mark.parametrize(
    ("outer", "steps", "status"),
    [
        (_step(None, 1), [_step("a", 2, 3, "FAILED")], "RUNNING"),
        (_step(None, 1, 9), [_step("a", 2, 3, "FAILED")], "FINISHED"),
        (_step(None, 1, 9, "FAILED"), [_step("a", 2, 3)], "FAILED"),
        (_step(None, 1), [_step("a", 2, 3, attempt=2)], "RUNNING"),
        (_step(None, 1, 9), [_step("a", 2, 3, "FAILED", attempt=2)], "FINISHED"),
        (_step("a", 1), [_step("a/b", 2, 3, "FAILED")], "RUNNING"),
        (_step("a", 1, 9), [_step("a/b", 2, 3, "FAILED")], "FINISHED"),
        (_step("a", 1, 9), [_step("ab", 2, 3, "FAILED")], "FAILED"),
    ],
)
def test_launcher_around_steps_gives_the_status(
    outer: list[LifecycleEvent], steps: list[list[LifecycleEvent]], status: str
) -> None:
    """A job may deal with the end of a step that it has launched."""
    info = _info(*outer, *(event for step in steps for event in step))

    assert info.status == status


def test_attempt_spans_the_steps_of_it() -> None:
    """From the first beginning to the last end; the worst one says why."""
    first = _event(StartedBody("launcher", "here", "a"), "a", 1)
    second = _event(StartedBody("launcher", "there", "b"), "b", 3)
    ends = [
        _event(EndedBody("launcher", "FAILED", _EXIT, 3, 7), "a", 2),
        _event(EndedBody("launcher", "FINISHED", None, 0, 9), "b", 5),
    ]

    (attempt,) = _info(first, second, *ends).attempts

    assert (attempt.status, attempt.cause, attempt.exit_code) == ("FAILED", _EXIT, 3)
    assert (attempt.started_at, attempt.host) == (to_datetime(_SECOND), "here")
    assert attempt.ended_at == to_datetime(5 * _SECOND)
    assert attempt.peak_memory_bytes == 9


def test_step_whose_launcher_has_vanished_ends_as_its_own_processes() -> None:
    """Those of another step say nothing of it."""
    events = [
        *_step("b", 1, 8),
        _event(StartedBody("launcher", None, "a"), "la", 1),
        _event(EndedBody("launcher", "FAILED", _LOST), "la", 3),
        _event(StartedBody("job", None, "a"), "ja", 2),
        _event(EndedBody("job", "FINISHED", None), "ja", 7),
    ]

    launches = launched_steps(reversed(events))

    assert (launches["la"].status, launches["la"].ended_at) == (
        "FINISHED",
        to_datetime(7 * _SECOND),
    )
    assert _info(*events).status == "FINISHED"
