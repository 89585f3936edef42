"""Handing each record to every tracker before the call returns.

One tracker that fails keeps nothing from the others.
"""

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from tracker_core.api import Capability, NativeTracker
from tracker_core.delivery.base import BodyT, Delivery, Target, unheld
from tracker_core.errors import (
    ConfigError,
    PermanentError,
    RetryableError,
    TrackerError,
)
from tracker_core.forks import ForkLock
from tracker_core.interruptions import is_interruption
from tracker_core.notices import warn
from tracker_core.plain import PlainTracker
from tracker_core.records import Batch, Body, Sequencer
from tracker_core.redaction import describe

if TYPE_CHECKING:
    from tracker_core.contents import Content

__all__ = ["DirectDelivery"]

_T = TypeVar("_T")
_FAILURES = (ConfigError, PermanentError, RetryableError)


class _Failures:
    """How many records one tracker missed, and how it failed first."""

    __slots__ = ("contents", "first", "missed")

    def __init__(self) -> None:
        self.contents = 0
        self.missed = 0
        self.first: str | None = None


class _Thread(threading.local):
    """What the calling thread has still to do once its call has come to an end.

    None while it is in no call.
    """

    waiting: "list[Callable[[], list[BaseException] | None]] | None" = None


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
        self._thread = _Thread()
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Whether this thread is in the middle of a call."""
        return self._thread.waiting is not None

    def send(self, body: BodyT, content: "Content | None" = None) -> BodyT:
        """Hand one record to every tracker, the content before it.

        What a signal handler raises meanwhile is passed on once every tracker was
        tried. What a handler sends meanwhile is handed on after this record, since a
        tracker cannot be called in the middle of a call.

        Raises:
            BaseException: What a tracker raised, unless this delivery isolates.
        """
        self._do(lambda: self._hand_on(body, content))
        return body

    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask one tracker after the other until one answers.

        Those that hold all records of this process come first, and among them the
        native ones.

        Returns:
            The answer; None without any tracker, or when none answers and this delivery
            isolates.

        Raises:
            TrackerError: The last tracker's reason for having no answer: there is no
                such artifact, or it cannot hold such things.
            BaseException: What the last tracker raised, unless this delivery isolates.
        """
        answers: list[_T] = []

        def ask() -> None:
            answers.extend(self._ask(call))

        if self.is_busy:
            # A handler that reads in the middle of a call cannot wait for its end.
            ask()
        else:
            self._do(ask)
        return answers[0] if answers else None

    def _ask(self, call: Callable[[NativeTracker], _T]) -> list[_T]:
        last: BaseException | None = None
        for index in sorted(range(len(self._targets)), key=self._doubt):
            try:
                return [self._answer(index, call)]
            except BaseException as error:
                if is_interruption(error):
                    raise
                if not _is_answer(error):
                    self._note(index, error, missed=0)
                last = error
        if last is not None and (_is_answer(last) or not self._isolates):
            raise last
        return []

    def _answer(self, index: int, call: Callable[[NativeTracker], _T]) -> _T:
        target = self._targets[index]
        try:
            with target.tracker.turn:
                return call(target.tracker)
        finally:
            # A read after the end has opened it again.
            if self._is_closed and target.is_owned:
                target.close()

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> int:
        """Let every tracker make sure of what it has taken; nothing is ever due."""
        del durable
        for index, target in enumerate(self._targets):
            try:
                with target.tracker.turn:
                    target.tracker.flush(timeout)
            except BaseException as error:
                if is_interruption(error) or not self._isolates:
                    raise
                self._note(index, error, missed=0)
        return 0

    def close(self, within: float | None = None) -> None:
        """Close owned trackers, and sum up what failed or could not be held."""
        del within
        self._do(self._close)

    def _do(self, call: "Callable[[], list[BaseException] | None]") -> None:
        """Make ``call`` now, or after the call that this thread is in the middle of."""
        if self._thread.waiting is not None:
            self._thread.waiting.append(call)
            return
        errors: list[BaseException] = []
        raised: list[BaseException] = []
        waiting = [call]
        while waiting:
            self._thread.waiting = waiting
            try:
                while waiting:
                    errors += waiting.pop(0)() or ()
            except BaseException as error:  # noqa: BLE001 - raised below
                raised.append(error)
            # A handler that comes from here on calls at once; one that came just before
            # has left something in the list.
            self._thread.waiting = None
        if raised:
            raise raised[0]
        self._raise(errors)

    def _hand_on(self, body: Body, content: "Content | None") -> list[BaseException]:
        batch = self._sequencer.batch(self._run_id, body)
        content = None if content is None else content._replace(batch=batch)
        failed: list[tuple[int, BaseException]] = []
        interruptions: list[BaseException] = []
        for index, target in enumerate(self._targets):
            error = _write(target.tracker, batch, content)
            if error is not None and is_interruption(error):
                interruptions.append(error)
                # It cut the call short; a batch that was taken is not taken twice.
                error = _write(target.tracker, batch, content)
            if error is not None:
                failed.append((index, error))
        with self._lock:
            self._sent += 1
            if content is not None:
                self._count_content()
        for index, error in failed:
            self._note(index, error, missed=1)
        return [*interruptions, *(error for _, error in failed)]

    def _close(self) -> None:
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

    def _count_content(self) -> None:
        for target, failures in zip(self._targets, self._failures, strict=True):
            keeps = Capability.CONTENT in target.tracker.capabilities
            # A wrapper counts for itself.
            if not keeps and not isinstance(target.tracker, PlainTracker):
                failures.contents += 1

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
            if is_interruption(error):
                raise error
        if self._isolates or not errors:
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
        degraded = [unheld("content", failures.contents)] if failures.contents else []
        degraded += [
            unheld(kind, count - before.get(kind, 0))
            for kind, count in sorted(target.tracker.degraded.items())
            if count > before.get(kind, 0)
        ]
        if degraded:
            warn(
                "backend %r keeps less than all of run %r: %s",
                target.name,
                self._run_id,
                ", ".join(degraded),
            )


def _is_answer(error: BaseException) -> bool:
    """Tell whether a tracker says why it has no answer, and works as it should."""
    return isinstance(error, TrackerError) and not isinstance(error, _FAILURES)


def _write(
    tracker: NativeTracker, batch: Batch, content: "Content | None"
) -> BaseException | None:
    """Return what the tracker raised, so that the others are tried whatever it was."""
    try:
        with tracker.turn:
            if content is not None and Capability.CONTENT in tracker.capabilities:
                tracker.add_content(content)
            tracker.write(batch)
    except BaseException as error:  # noqa: BLE001 - the border to backends
        return error
    return None
