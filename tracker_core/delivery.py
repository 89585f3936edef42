"""How a run's records reach its trackers.

:class:`Delivery` is all that a run knows of it. :class:`DirectDelivery` hands each
record to every tracker before the call returns; one that fails keeps nothing from the
others.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, NoReturn, TypeVar

from tracker_core.api import NativeTracker, TrackerBase
from tracker_core.plain import PlainTracker, native
from tracker_core.records import Batch, Body, Sequencer
from tracker_core.redaction import redact

__all__ = ["Delivery", "DirectDelivery", "Target", "warn"]

_T = TypeVar("_T")


class Target(NamedTuple):
    """A tracker that a run is delivered to.

    Args:
        name: What messages call it.
        tracker: The tracker, or the wrapper of a plain one.
        config: Its config string, hidden from messages; None when it had none.
        is_owned: Whether closing the delivery closes the tracker.
    """

    name: str
    tracker: NativeTracker
    config: str | None = None
    is_owned: bool = False

    @property
    def raw(self) -> TrackerBase:
        """The tracker as it was built, without a wrapper."""
        tracker = self.tracker
        return tracker.raw if isinstance(tracker, PlainTracker) else tracker

    @classmethod
    def of(cls, tracker: object) -> "Target":
        """Return a target for a tracker object that somebody else closes."""
        return cls(type(tracker).__name__, native(tracker))


class Delivery(ABC):
    """Takes the records of one run to where they belong, and reads them back.

    Safe to call from several threads; usable in a forked child, which becomes a writer
    of its own.
    """

    @property
    @abstractmethod
    def is_forked(self) -> bool:
        """Whether this process is a fork of the one that opened the delivery."""

    @abstractmethod
    def send(self, body: Body) -> None:
        """Take one record; it is checked already."""

    @abstractmethod
    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask a tracker that holds the run; None without any tracker."""

    @abstractmethod
    def close(self) -> None:
        """End the delivery and sum up what failed; repeating it changes nothing."""


class _Failures:
    """How often one tracker failed, and how it did so first."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        self.count = 0
        self.first: str | None = None


class DirectDelivery(Delivery):
    """Hands each record to every tracker at once.

    Args:
        run_id: The run.
        targets: Where its records go.
        sequencer: Makes records of what is sent.
        isolates: True: a failing tracker is warned of once, counted, and summed up
            when the delivery is closed. False: once every tracker was tried, the error
            is raised: itself if one failed, an exception group if several did.
    """

    def __init__(
        self,
        run_id: str,
        targets: Iterable[Target],
        sequencer: Sequencer,
        *,
        isolates: bool,
    ) -> None:
        """Begin; nothing is sent yet."""
        self._run_id = run_id
        self._targets = tuple(targets)
        self._sequencer = sequencer
        self._isolates = isolates
        self._sent = 0
        self._failures = [_Failures() for _ in self._targets]
        self._is_closed = False

    @property
    def is_forked(self) -> bool:
        """Whether this process is a fork of the one that opened the delivery."""
        return self._sequencer.is_forked

    def send(self, body: Body) -> None:
        """Hand one record to every tracker.

        Raises:
            Exception: What a tracker raised, unless this delivery isolates.
        """
        batch = self._sequencer.batch(self._run_id, body)
        self._sent += 1
        errors = []
        for index, target in enumerate(self._targets):
            try:
                _write(target.tracker, batch)
            except Exception as error:  # noqa: BLE001 - the border to backends
                errors.append(error)
                self._note(index, error)
        if errors and not self._isolates:
            _raise(errors, self._run_id)

    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask the first native tracker that answers, else the first plain one.

        Raises:
            Exception: What the last tracker raised, when none answered.
        """
        errors = []
        for target in _natives_first(self._targets):
            try:
                with target.tracker.turn:
                    return call(target.tracker)
            except Exception as error:  # noqa: BLE001 - the border to backends
                errors.append(error)
        if errors:
            raise errors[-1]
        return None

    def close(self) -> None:
        """Sum up what failed or could not be held, and close owned trackers."""
        if self._is_closed:
            return
        self._is_closed = True
        for target, failures in zip(self._targets, self._failures, strict=True):
            if self._isolates:
                self._sum_up(target, failures)
            if target.is_owned:
                self._close_target(target)

    def _note(self, index: int, error: Exception) -> None:
        target, failures = self._targets[index], self._failures[index]
        failures.count += 1
        if failures.first is None:
            failures.first = _describe(target, error)
            if self._isolates:
                warn(
                    "backend %r failed: %s; the job and the other backends go on",
                    target.name,
                    failures.first,
                )

    def _sum_up(self, target: Target, failures: "_Failures") -> None:
        if failures.count:
            warn(
                "backend %r missed %d of %d records of run %r; the first error: %s",
                target.name,
                failures.count,
                self._sent,
                self._run_id,
                failures.first,
            )
        degraded = target.tracker.degraded
        if degraded:
            warn(
                "backend %r cannot hold all of run %r: %s",
                target.name,
                self._run_id,
                ", ".join(
                    f"{count} {kind}" for kind, count in sorted(degraded.items())
                ),
            )

    def _close_target(self, target: Target) -> None:
        try:
            with target.tracker.turn:
                target.tracker.close()
        except Exception as error:  # noqa: BLE001 - the border to backends
            warn(
                "backend %r failed to close: %s", target.name, _describe(target, error)
            )


def _write(tracker: NativeTracker, batch: Batch) -> None:
    with tracker.turn:
        tracker.write(batch)


def _natives_first(targets: Sequence[Target]) -> list[Target]:
    return sorted(targets, key=lambda target: isinstance(target.tracker, PlainTracker))


def _raise(errors: list[Exception], run_id: str) -> NoReturn:
    if len(errors) == 1:
        raise errors[0]
    message = f"{len(errors)} trackers failed to record for run {run_id!r}"
    raise ExceptionGroup(message, errors)


def _describe(target: Target, error: Exception) -> str:
    return redact(f"{type(error).__name__}: {error}", [target.config])


def warn(message: str, *values: object) -> None:
    """Log one warning; without any configuration of logging it goes to stderr."""
    import logging

    logging.getLogger("tracker_core").warning(message, *values)
