"""Which calls a fault befalls."""

from collections.abc import Callable
from typing import TypeAlias

from tracker_core.testing.faults.fault import Fault

__all__ = ["FaultPlan", "always", "every", "first", "once", "seeded"]

FaultPlan: TypeAlias = Callable[[int], Fault | BaseException | None]
"""Says what befalls the n-th delivering call, from 1; None lets it pass.

Wherever a fault is planned, an error stands for
:class:`~tracker_core.testing.faults.Fail` with it.
"""


def always(fault: Fault | BaseException) -> FaultPlan:
    """Plan ``fault`` for every call."""
    return lambda _: fault


def every(n: int, fault: Fault | BaseException) -> FaultPlan:
    """Plan ``fault`` for every ``n``-th call; those between pass."""
    return lambda call: fault if call % n == 0 else None


def first(n: int, fault: Fault | BaseException) -> FaultPlan:
    """Plan ``fault`` for the first ``n`` calls; those after them pass."""
    return lambda call: fault if call <= n else None


def once(n: int, fault: Fault | BaseException) -> FaultPlan:
    """Plan ``fault`` for the ``n``-th call alone."""
    return lambda call: fault if call == n else None


def seeded(seed: int, probability: float, *faults: Fault | BaseException) -> FaultPlan:
    """Plan one of ``faults`` for some calls, at random.

    The same seed plans the same for the same call, in every process.

    Args:
        seed: Any number.
        probability: How likely a call is befallen, from 0 to 1.
        *faults: They are equally likely.
    """
    from random import Random

    def plan(call: int) -> Fault | BaseException | None:
        random = Random(f"{seed} {call}")  # noqa: S311 - a plan, no secret
        return random.choice(faults) if random.random() < probability else None

    return plan
