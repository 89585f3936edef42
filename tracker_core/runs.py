"""A run as its readers see it: identity, status, cause and attempts.

What a run is follows from its life-cycle records alone, whatever order they arrived
in. Within an attempt the launcher's word decides: it outlives the job and knows the
exit code. Where the job has begun further attempts below it, as torchrun does when a
rank has died, that word is of the last of them. Without a launcher, or when it has
vanished, the attempt ends when every process that started has ended, with the worst of
their words (FAILED before KILLED before FINISHED). The last attempt gives the status of
the run.

Steps that were launched by themselves fare each by the same rules. Those of one attempt
run as long as one of them does, and end as the worst; the last launch of each gives
the status of the run. What was launched within a job is that job's concern: the word of
the launcher around it decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from tracker_core.ends import LOST
from tracker_core.identity import friendly_name
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    OrderKey,
    SpanBody,
    StartedBody,
)
from tracker_core.values import Value

__all__ = [
    "LOST_AFTER",
    "Attempt",
    "LifecycleEvent",
    "RunInfo",
    "launched_steps",
    "run_info",
    "to_datetime",
]

LifecycleEvent = tuple[OrderKey, CreatedBody | StartedBody | EndedBody]
_LifeEvent = tuple[OrderKey, StartedBody | EndedBody]

LOST_AFTER = timedelta(seconds=90)
"""How long a run that is watched may show no sign of life, three heartbeats."""

_NO_SPAN = SpanBody(None, None)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORST = ("FAILED", "KILLED", "FINISHED")
# Which cause explains an end best; kinds that are not listed come last.
_PRECEDENCE = (
    *("out_of_memory", "preempted", "time_limit", "signal", "exception", "exit_code"),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run.

    Args:
        number: From 1.
        status: ``RUNNING``, ``FINISHED``, ``FAILED`` or ``KILLED``.
        cause: As in :class:`RunInfo`.
        started_at: When its first process started.
        ended_at: When it ended, or None while it runs.
        host: The machine on which it started, or None where nobody told.
        exit_code: That of the job; None while it runs, when a signal ended it, and
            where nobody knows.
        peak_memory_bytes: The most memory that one process of the job had in RAM at
            once, the largest of all that the launcher and they have waited for. None
            while it runs, without a launcher, and when it was no more than the
            launcher itself takes, 40 MiB or more, below which Linux tells nothing.
    """

    number: int
    status: str
    cause: Mapping[str, Value] | None
    started_at: datetime
    ended_at: datetime | None
    host: str | None = None
    exit_code: int | None = None
    peak_memory_bytes: int | None = None

    @property
    def duration(self) -> float | None:
        """How long it took, in seconds; None while it runs."""
        if self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended it, or None where no signal is known."""
        name = (self.cause or {}).get("signal")
        return name if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Who a run is and how it fares.

    Args:
        run_id: Its identity, any non-empty text.
        name: The name that was given, else the friendly name that goes with the id.
        experiment: The experiment's name, or None.
        group_id: The label that it shares with the runs of its group, or None.
        parent_run_id: The run that it was made for, or None.
        status: ``PENDING``, ``RUNNING``, ``FINISHED``, ``FAILED`` or ``KILLED``; None
            when nobody recorded a life cycle, as plain torchx jobs do not.
        cause: Why it ended so: ``{"kind": "exception", "type", "message",
            "traceback"}``, ``{"kind": "exit_code", "exit_code"}`` or ``{"kind":
            "signal", "signal", "number"}``; None when there is nothing to explain.
        attempts: Its tries, in order; empty before the first has started.
        created_at: When its first record was made; None where that is not kept.
        started_at: When its first attempt started, or None.
        ended_at: When its last attempt ended, or None.
        experiment_config: The config of the experiment as this run said it, or None.
        trace_id: The distributed trace that it belongs to, or None.
        span_id: Its span in that trace, or any other identifier that was set, or None.
        heartbeat_at: When it was last seen alive, or None where nobody watches it.
    """

    run_id: str
    name: str
    experiment: str | None
    group_id: str | None
    parent_run_id: str | None
    status: str | None
    cause: Mapping[str, Value] | None
    attempts: tuple[Attempt, ...]
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    experiment_config: Mapping[str, Value] | None = None
    trace_id: str | None = None
    span_id: str | None = None
    heartbeat_at: datetime | None = None

    @property
    def duration(self) -> float | None:
        """How many seconds lie between start and end; None where one is missing."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    def is_lost(self, now: datetime | None = None) -> bool:
        """Tell whether it is said to run, and nobody has seen it alive for long.

        Its host may have gone, or cannot reach this store; ``tracker sync`` on that
        host tells which.

        Args:
            now: The moment to judge from; by default this one.
        """
        if self.status != "RUNNING" or self.heartbeat_at is None:
            return False
        return (now or datetime.now(UTC)) - self.heartbeat_at > LOST_AFTER


def to_datetime(time_ns: int) -> datetime:
    """Return nanoseconds since 1970 as an aware UTC datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def run_info(
    run_id: str,
    created_ns: int | None,
    events: Iterable[LifecycleEvent],
    span: SpanBody = _NO_SPAN,
    heartbeat_ns: int | None = None,
) -> RunInfo:
    """Tell what a run is from its life-cycle records.

    Args:
        run_id: The run.
        created_ns: The time of its first record of any kind; None where that is not
            known.
        events: All its life-cycle records with their order keys, in any order.
        span: The last that was said of its place in a trace.
        heartbeat_ns: When it was last seen alive; None where nobody watches it.
    """
    ordered = sorted(events, key=lambda event: event[0])
    identity = _identity(ordered)
    tries = _tries(ordered)
    attempts = _attempts(tries)
    last = _last(tries) if tries else None
    return RunInfo(
        run_id=run_id,
        name=identity.name or friendly_name(run_id),
        experiment=identity.experiment,
        group_id=identity.group_id,
        parent_run_id=identity.parent_run_id,
        status=last.status if last else "PENDING" if ordered else None,
        cause=last.cause if last else None,
        attempts=attempts,
        created_at=_time(created_ns),
        started_at=attempts[0].started_at if attempts else None,
        ended_at=last.ended_at if last else None,
        experiment_config=identity.experiment_config,
        trace_id=span.trace_id,
        span_id=span.span_id,
        heartbeat_at=_time(heartbeat_ns),
    )


def launched_steps(events: Iterable[LifecycleEvent]) -> dict[str, Attempt]:
    """Tell how each launch of a step fared, by the id of its launcher as a writer.

    Args:
        events: All life-cycle records of a run with their order keys, in any order.
    """
    ordered = sorted(events, key=lambda event: event[0])
    tries = {(it.step, it.attempt.number): it.attempt for it in _tries(ordered)}
    return {
        key[2]: tries[body.step, key[0]]
        for key, body in ordered
        if isinstance(body, StartedBody)
        and body.role == "launcher"
        and body.step is not None
    }


def _time(time_ns: int | None) -> datetime | None:
    return None if time_ns is None else to_datetime(time_ns)


def _identity(ordered: list[LifecycleEvent]) -> CreatedBody:
    identity = CreatedBody()
    for _, body in ordered:
        if isinstance(body, CreatedBody):
            said = {k: v for k, v in body._asdict().items() if v is not None}
            identity = identity._replace(**said)
    return identity


class _Try(NamedTuple):
    """What came in one attempt of a step, or of the run as a whole.

    Args:
        step: The step; None for the run as a whole.
        attempt: How it fared.
        is_led: Whether it has a launcher that has not vanished.
    """

    step: str | None
    attempt: Attempt
    is_led: bool

    def is_below(self, other: "_Try") -> bool:
        """Tell whether the job of another try has launched this one."""
        if not other.is_led or self.step is None or self.step == other.step:
            return False
        if other.step is not None and not self.step.startswith(f"{other.step}/"):
            return False
        ended_at = other.attempt.ended_at
        return ended_at is None or self.attempt.started_at <= ended_at


def _tries(ordered: list[LifecycleEvent]) -> list[_Try]:
    """Return what has come of each step, and of the run, in each attempt."""
    steps = {
        key[2]: body.step for key, body in ordered if isinstance(body, StartedBody)
    }
    strands: dict[str | None, dict[int, list[_LifeEvent]]] = {}
    for key, body in ordered:
        if not isinstance(body, CreatedBody):
            strand = strands.setdefault(steps.get(key[2]), {})
            strand.setdefault(key[0], []).append((key, body))
    tries = []
    for step, events in strands.items():
        numbers = sorted(events)
        for number, following in pairwise(numbers):
            _hand_on(events[number], events[following])
        tries += [_try(step, number, events[number]) for number in numbers]
    return sorted(tries, key=lambda it: it.attempt.number)


def _attempts(tries: Iterable[_Try]) -> tuple[Attempt, ...]:
    numbered: dict[int, list[_Try]] = {}
    for one in tries:
        numbered.setdefault(one.attempt.number, []).append(one)
    return tuple(_together(_outermost(found)) for found in numbered.values())


def _last(tries: list[_Try]) -> Attempt:
    """Return how the run fares: as its last attempt, or as its steps' last ones."""
    last = {one.step: one for one in tries}
    current = _outermost(last.values())
    whole = last.get(None)
    if whole is None:
        return _together(current)
    number = whole.attempt.number
    steps = [it for it in current if it is not whole and it.attempt.number >= number]
    is_past = steps and whole.is_led
    if is_past or any(it.attempt.number > number for it in steps):
        return _together(steps)
    return _together([whole, *steps])


def _outermost(tries: Iterable[_Try]) -> list[_Try]:
    found = list(tries)
    return [one for one in found if not any(map(one.is_below, found))]


def _together(tries: Sequence[_Try]) -> Attempt:
    """Return several tries at once as one: it runs while one runs, and ends worst."""
    attempts = sorted((one.attempt for one in tries), key=lambda it: it.started_at)
    first, running = attempts[0], [it for it in attempts if it.ended_at is None]
    if len(attempts) == 1:
        return first
    worst = min(attempts, key=lambda it: _badness(it.status))
    return replace(
        running[0] if running else worst,
        started_at=first.started_at,
        ended_at=None if running else max(filter(None, (a.ended_at for a in attempts))),
        host=first.host,
        peak_memory_bytes=max(it.peak_memory_bytes or 0 for it in attempts) or None,
    )


def _hand_on(before: list[_LifeEvent], after: list[_LifeEvent]) -> None:
    """Make what a launcher tells the end of the attempt that came last below it."""
    told = [event for event in before if event[1].role == "launcher"]
    others = [event for event in before if event not in told]
    ends = [event for event in told if isinstance(event[1], EndedBody)]
    is_launched = any(body.role == "launcher" for _, body in after)
    if not ends or not others or is_launched:
        return
    # What began when the launcher had ended was none of its.
    if after[0][0][1] <= max(key[1] for key, _ in ends):
        before[:] = others
        after.extend(ends)


def _try(step: str | None, number: int, events: list[_LifeEvent]) -> _Try:
    launchers = {key[2] for key, body in events if body.role == "launcher"}
    vanished = {
        key[2]
        for key, body in events
        if isinstance(body, EndedBody) and not _decides(body)
    }
    return _Try(step, _attempt(number, events), bool(launchers - vanished))


def _attempt(number: int, events: list[_LifeEvent]) -> Attempt:
    started = {
        key[2]: body.role for key, body in events if isinstance(body, StartedBody)
    }
    # A writer that ends twice is taken at its last word.
    ends = {key[2]: (key, body) for key, body in events if isinstance(body, EndedBody)}
    deciding = [end for end in ends.values() if _decides(end[1])]
    if not deciding and started.keys() <= ends.keys():
        jobs = [ends[writer] for writer, role in started.items() if role == "job"]
        deciding = jobs or list(ends.values())
    started_at, host = to_datetime(events[0][0][1]), _host(events)
    if not deciding:
        return Attempt(number, "RUNNING", None, started_at, None, host)
    worst = min((body for _, body in deciding), key=lambda body: _badness(body.status))
    cause = None if worst.status == "FINISHED" else _cause(worst.status, ends.values())
    return Attempt(
        number,
        worst.status,
        cause,
        started_at,
        to_datetime(max(key[1] for key, _ in deciding)),
        host,
        _exit_code(worst),
        max((body.peak_memory_bytes or 0 for _, body in deciding), default=0) or None,
    )


def _host(events: Iterable[_LifeEvent]) -> str | None:
    started = (body for _, body in events if isinstance(body, StartedBody))
    return next((body.host for body in started if body.host is not None), None)


def _exit_code(end: EndedBody) -> int | None:
    if end.exit_code is not None:
        return end.exit_code
    # A job without a launcher, and launchers of old, tell it in the cause alone.
    told = (end.cause or {}).get("exit_code")
    return told if type(told) is int else None


def _decides(end: EndedBody) -> bool:
    # A launcher that has vanished knows nothing of the job's end.
    is_lost = end.cause is not None and end.cause.get("kind") == LOST
    return end.role == "launcher" and not is_lost


def _badness(status: str) -> int:
    return _WORST.index(status) if status in _WORST else len(_WORST)


def _cause(
    status: str, ends: Iterable[tuple[OrderKey, EndedBody]]
) -> Mapping[str, Value] | None:
    causes = [
        (_precedence(body.cause), body.status != status, key, body.cause)
        for key, body in ends
        if body.cause is not None
    ]
    return min(causes, key=lambda found: found[:3])[3] if causes else None


def _precedence(cause: Mapping[str, Value]) -> int:
    kind = cause.get("kind")
    return _PRECEDENCE.index(kind) if kind in _PRECEDENCE else len(_PRECEDENCE)
