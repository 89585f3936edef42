"""The factory of faulty trackers, for jobs that name one in their environment."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, cast

from tracker_core.api import NativeTracker
from tracker_core.errors import ConfigError, PermanentError, RetryableError
from tracker_core.plain import native
from tracker_core.registry import build_trackers
from tracker_core.settings import launch_path
from tracker_core.testing.faults.fault import (
    Call,
    Die,
    Fail,
    FailAfter,
    FailHalfway,
    Fault,
    Hang,
    Slow,
)
from tracker_core.testing.faults.plans import (
    FaultPlan,
    always,
    every,
    first,
    once,
    seeded,
)
from tracker_core.testing.faults.tracker import FaultyTracker
from tracker_core.testing.memory import MemoryTracker

__all__ = ["create"]

# How often, in seconds, a call that hangs looks for the file that ends it.
_INTERVAL = 0.05


class _Settings(NamedTuple):
    """What a config says, with what holds where it says nothing."""

    fault: str = "fail"
    plan: str = "always"
    message: str = "planned to fail"
    seconds: float = 1.0
    n: int = 1
    seed: int = 0
    probability: float = 0.5
    inner: Mapping[str, str | None] | None = None
    until: str | None = None


_FAULTS: Mapping[str, Callable[[_Settings], Fault]] = MappingProxyType(
    {
        "fail": lambda said: Fail(RetryableError(said.message)),
        "refuse": lambda said: Fail(PermanentError(said.message)),
        "halfway": lambda said: FailHalfway(RetryableError(said.message)),
        "after": lambda said: FailAfter(RetryableError(said.message)),
        "slow": lambda said: Slow(said.seconds),
        "hang": lambda said: _hang(said.until),
        "die": lambda _: Die(),
        "die-after": lambda _: Die(after=True),
    }
)
_PLANS: Mapping[str, Callable[[_Settings, Fault], FaultPlan]] = MappingProxyType(
    {
        "always": lambda _, fault: always(fault),
        "every": lambda said, fault: every(said.n, fault),
        "first": lambda said, fault: first(said.n, fault),
        "once": lambda said, fault: once(said.n, fault),
        "seeded": lambda said, fault: seeded(said.seed, said.probability, fault),
    }
)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_within(value: object, limit: float) -> bool:
    return type(value) in (int, float) and 0 <= cast("float", value) <= limit


def _is_backend(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) == 1
        and all(config is None or isinstance(config, str) for config in value.values())
    )


# What each setting must be, in words and in code.
_RULES: Mapping[str, tuple[str, Callable[[object], bool]]] = MappingProxyType(
    {
        "fault": (f"one of {', '.join(_FAULTS)}", lambda value: value in [*_FAULTS]),
        "plan": (f"one of {', '.join(_PLANS)}", lambda value: value in [*_PLANS]),
        "message": ("a text", _is_text),
        "seconds": (
            "a number of seconds",
            lambda value: _is_within(value, threading.TIMEOUT_MAX),
        ),
        "n": ("a whole number from 1", lambda value: _is_whole(value) and value != 0),
        "seed": ("a whole number", _is_whole),
        "probability": ("a number from 0 to 1", lambda value: _is_within(value, 1)),
        "inner": (
            'one backend with its config or null, as {"sqlite": "/runs.db"}',
            _is_backend,
        ),
        "until": ("the path of a file", _is_text),
    }
)


def create(config: str | None) -> FaultyTracker:
    """Make a tracker whose calls fail, or suffer what its config plans.

    Usable from a job's environment as
    ``TRACKER_BACKENDS=sqlite,faulty=tracker_core.testing.faults:create``.

    Args:
        config: The message of the errors, with which every call then fails; or a JSON
            object with any of these settings:

            ``fault``
                ``fail`` (the default), ``refuse`` (for ever), ``halfway``, ``after``,
                ``slow``, ``hang``, ``die`` or ``die-after``.
            ``plan``
                ``always`` (the default), ``every``, ``first``, ``once`` – with ``n``,
                1 by default – or ``seeded``, with ``seed`` and ``probability``.
            ``message``
                That of the errors.
            ``seconds``
                How long ``slow`` waits.
            ``inner``
                The tracker behind it, as ``{"sqlite": "/runs.db"}``: the name of a
                backend and its config or null. Without it, a new memory tracker.
            ``until``
                The path of a file: once it exists nothing fails any more, and calls
                that hang go on.

    Raises:
        ConfigError: The config has another setting, or one with a wrong value.
        TrackerError: The inner tracker cannot be built.
    """
    said = _read(config)
    fault = _FAULTS[said.fault](said)
    plan = _PLANS[said.plan](said, fault)
    until = None if said.until is None else launch_path(said.until)
    return FaultyTracker(_inner(said), plan if until is None else _until(until, plan))


def _read(config: str | None) -> _Settings:
    if not config:
        return _Settings()
    if not config.lstrip().startswith("{"):
        return _Settings(message=config)
    import json

    try:
        said: dict[str, object] = json.loads(config)
    except ValueError as error:
        message = f"the config of a faulty tracker is no JSON: {error}; correct it"
        raise ConfigError(message) from error
    for name, value in said.items():
        _check(name, value)
    return _Settings(**said)  # type: ignore[arg-type]  # each was checked above


def _check(name: str, value: object) -> None:
    if name not in _RULES:
        known = ", ".join(_RULES)
        message = f"a faulty tracker has no setting {name!r}; use some of {known}"
        raise ConfigError(message)
    expected, holds = _RULES[name]
    if not holds(value):
        # The config of a backend is a secret.
        found = "wrong" if name == "inner" else repr(value)
        message = f"{name} of a faulty tracker is {found}; make it {expected}"
        raise ConfigError(message)


def _inner(said: _Settings) -> NativeTracker:
    if said.inner is None:
        return MemoryTracker()
    (tracker,) = build_trackers(said.inner)
    return native(tracker)


def _until(path: Path, plan: FaultPlan) -> FaultPlan:
    return lambda call: None if path.exists() else plan(call)


def _hang(until: str | None) -> Fault:
    if until is None:
        return Hang()
    path = launch_path(until)

    def hang(call: Call) -> None:
        while not (path.exists() or call.released.wait(_INTERVAL)):
            pass
        call.hand_on()

    return hang
