"""The steps of a run as its readers see them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tracker_core.records import OrderKey, StepBody
from tracker_core.runs import Attempt, to_datetime

__all__ = ["StepEvent", "StepInfo", "step_infos"]

StepEvent = tuple[OrderKey, StepBody]

_NONE: Mapping[str, Attempt] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A named part of a run.

    Args:
        name: Its name; that of a nested step begins with the outer one's and ``/``.
        status: That of its last attempt.
        attempts: Its executions, in the order of their beginnings, numbered from 1.
    """

    name: str
    status: str
    attempts: tuple[Attempt, ...]


def step_infos(
    events: Iterable[StepEvent],
    run_attempts: Sequence[Attempt],
    launches: Mapping[str, Attempt] = _NONE,
) -> list[StepInfo]:
    """Tell how the steps of a run fared, in the order in which they first began.

    A step that was under way when its attempt of the run ended has ended as that did,
    and one that was launched by itself as its launch.

    Args:
        events: All records of steps with their order keys, in any order.
        run_attempts: The attempts of the run.
        launches: The launches of steps, by the id of the writer that tells of them.
    """
    executions: dict[str, list[StepEvent]] = {}
    for event in sorted(events, key=lambda event: event[0]):
        executions.setdefault(event[1].execution, []).append(event)
    steps: dict[str, list[list[StepEvent]]] = {}
    for execution in executions.values():
        steps.setdefault(execution[0][1].step, []).append(execution)
    ends = {attempt.number: attempt for attempt in run_attempts}
    return [_info(name, found, ends, launches) for name, found in steps.items()]


def _info(
    name: str,
    executions: list[list[StepEvent]],
    ends: Mapping[int, Attempt],
    launches: Mapping[str, Attempt],
) -> StepInfo:
    attempts = tuple(
        _attempt(
            number,
            execution,
            launches.get(execution[0][0][2]) or ends.get(execution[0][0][0]),
        )
        for number, execution in enumerate(executions, 1)
    )
    return StepInfo(name, attempts[-1].status, attempts)


def _attempt(number: int, events: list[StepEvent], run: Attempt | None) -> Attempt:
    started_at = to_datetime(events[0][0][1])
    key, body = events[-1]
    if body.status != "RUNNING":
        ended_at = to_datetime(key[1])
        return Attempt(number, body.status, body.cause, started_at, ended_at)
    if run is None or run.ended_at is None:
        return Attempt(number, "RUNNING", None, started_at, None)
    # The clocks of two machines may differ; no step ends before it begins.
    ended_at = max(run.ended_at, started_at)
    return Attempt(number, run.status, run.cause, started_at, ended_at)
