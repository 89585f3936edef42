"""How a run's records reach its trackers.

:class:`Delivery` is all that a run knows of it. :class:`DirectDelivery` hands each
record to every tracker before the call returns; one that fails keeps nothing from the
others.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from tracker_core.api import NativeTracker, TrackerBase
from tracker_core.forks import ForkLock
from tracker_core.plain import PlainTracker, native
from tracker_core.records import Batch, Body, Sequencer
from tracker_core.redaction import describe

__all__ = ["Delivery", "DirectDelivery", "Target", "warn"]

_T = TypeVar("_T")

# What a person or a signal handler raises to end the job; anything else that comes out
# of a tracker, the panic of a native library included, is a failure of that tracker.
_STOPS = (KeyboardInterrupt, SystemExit)


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

    def close(self) -> None:
        """Close the tracker; what it raises becomes a warning."""
        try:
            with self.tracker.turn:
                self.tracker.close()
        except _STOPS:
            raise
        except BaseException as error:  # noqa: BLE001 - the border to backends
            shown = describe(error, [self.config])
            warn("backend %r failed to close: %s", self.name, shown)

    def __repr__(self) -> str:
        """Show the name and the kind of the tracker, nothing that may be secret."""
        return f"<target {self.name!r}: {type(self.raw).__name__}>"

    @classmethod
    def of(cls, tracker: object) -> "Target":
        """Return a target for a tracker object that somebody else closes."""
        return cls(type(tracker).__name__, native(tracker))


class Delivery(ABC):
    """Takes the records of one run to where they belong, and reads them back.

    Safe to call from several threads; usable in a forked child, which becomes a writer
    of its own.
    """

    @abstractmethod
    def send(self, body: Body) -> None:
        """Take one record; it is checked already."""

    @abstractmethod
    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask a tracker that holds the run; None where there is none."""

    @abstractmethod
    def close(self) -> None:
        """End the delivery and sum up what failed; repeating it changes nothing."""


class _Failures:
    """How many records one tracker missed, and how it failed first."""

    __slots__ = ("first", "missed")

    def __init__(self) -> None:
        self.missed = 0
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
        announces: Whether the first failure of each is warned of when it happens, and
            not only at the end.
    """

    def __init__(
        self,
        run_id: str,
        targets: Iterable[Target],
        sequencer: Sequencer,
        *,
        isolates: bool,
        announces: bool = True,
    ) -> None:
        """Begin; nothing is sent yet."""
        self._run_id = run_id
        self._targets = tuple(targets)
        self._sequencer = sequencer
        self._isolates = isolates
        self._announces = isolates and announces
        self._sent = 0
        self._failures = [_Failures() for _ in self._targets]
        # A tracker counts for all its runs together.
        self._degraded = [dict(target.tracker.degraded) for target in self._targets]
        self._lock = ForkLock()
        self._is_closed = False

    def send(self, body: Body) -> None:
        """Hand one record to every tracker.

        A request to stop that comes meanwhile (``KeyboardInterrupt``, ``SystemExit``)
        is passed on once every tracker was tried.

        Raises:
            BaseException: What a tracker raised, unless this delivery isolates.
        """
        batch = self._sequencer.batch(self._run_id, body)
        failed: list[tuple[int, BaseException]] = []
        for index, target in enumerate(self._targets):
            error = _write(target.tracker, batch)
            if error is not None:
                failed.append((index, error))
        with self._lock:
            self._sent += 1
        for index, error in failed:
            self._note(index, error, missed=1)
        if failed:
            self._raise([error for _, error in failed])

    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask one tracker after the other until one answers.

        Those that hold all records of this process come first, and among them the
        native ones.

        Returns:
            The answer; None without any tracker, or when none answers and this delivery
            isolates.

        Raises:
            BaseException: What the last tracker raised, unless this delivery isolates.
        """
        last: BaseException | None = None
        for index in sorted(range(len(self._targets)), key=self._doubt):
            tracker = self._targets[index].tracker
            try:
                with tracker.turn:
                    return call(tracker)
            except _STOPS:
                raise
            except BaseException as error:  # noqa: BLE001 - the border to backends
                self._note(index, error, missed=0)
                last = error
        if last is not None and not self._isolates:
            raise last
        return None

    def close(self) -> None:
        """Close owned trackers, and sum up what failed or could not be held."""
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return
        for target in self._targets:
            if target.is_owned:
                target.close()
        if self._isolates:
            for index in range(len(self._targets)):
                self._sum_up(index)

    def _note(self, index: int, error: BaseException, *, missed: int) -> None:
        target, failures = self._targets[index], self._failures[index]
        shown = failures.first or describe(error, [target.config])
        with self._lock:
            is_first = failures.first is None
            failures.first = failures.first or shown
            failures.missed += missed
        # Not under the lock: a handler of the job's logging may log to the run.
        if is_first and self._announces:
            warn(
                "backend %r failed: %s; the job and the other backends go on",
                target.name,
                shown,
            )

    def _raise(self, errors: list[BaseException]) -> None:
        for error in errors:
            if isinstance(error, _STOPS):
                raise error
        if self._isolates:
            return
        if len(errors) == 1:
            raise errors[0]
        message = f"{len(errors)} trackers failed to record for run {self._run_id!r}"
        raise BaseExceptionGroup(message, errors)

    def _doubt(self, index: int) -> tuple[bool, bool]:
        is_plain = isinstance(self._targets[index].tracker, PlainTracker)
        return (self._failures[index].missed > 0, is_plain)

    def _sum_up(self, index: int) -> None:
        target, failures = self._targets[index], self._failures[index]
        if failures.missed:
            warn(
                "backend %r missed %d of %d records of run %r; the first error: %s",
                target.name,
                failures.missed,
                self._sent,
                self._run_id,
                failures.first,
            )
        before = self._degraded[index]
        degraded = [
            _unheld(kind, count - before.get(kind, 0))
            for kind, count in sorted(target.tracker.degraded.items())
            if count > before.get(kind, 0)
        ]
        if degraded:
            warn(
                "backend %r keeps less than all of run %r, without %s",
                target.name,
                self._run_id,
                ", ".join(degraded),
            )


def _write(tracker: NativeTracker, batch: Batch) -> BaseException | None:
    """Return what the tracker raised, so that the others are tried whatever it was."""
    try:
        with tracker.turn:
            tracker.write(batch)
    except BaseException as error:  # noqa: BLE001 - the border to backends
        return error
    return None


def _unheld(kind: str, count: int) -> str:
    # Of a series a plain tracker keeps the last value, but not what came before.
    return f"the history of {count} points" if kind == "metrics" else f"{count} {kind}"


def warn(message: str, *values: object) -> None:
    """Log one warning; without any configuration of logging it goes to stderr."""
    import logging

    logging.getLogger("tracker_core").warning(message, *values)
