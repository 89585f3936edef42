"""What may happen to a call instead of reaching a tracker.

A fault is any function that is given the :class:`Call`. It may hand the call on, whole
or in part, before it raises, waits or ends the process.
"""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

__all__ = ["Call", "Die", "Fail", "FailAfter", "FailHalfway", "Fault", "Hang", "Slow"]


class Call(NamedTuple):
    """A call that delivers something, on its way to the inner tracker.

    Args:
        hand_on: Makes the call; what the inner tracker raises is raised.
        hand_on_half: Makes it with the first half of the records, as a batch of their
            own. Content and heartbeats have no half: then it does nothing.
        released: Set when waits are to end.
    """

    hand_on: Callable[[], None]
    hand_on_half: Callable[[], None]
    released: threading.Event


Fault: TypeAlias = Callable[[Call], None]
"""Does with a call what it likes; a call that is not handed on is lost."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Raise ``error``, and leave nothing behind."""

    error: BaseException

    def __call__(self, call: Call) -> None:
        """Drop the call."""
        del call
        _fail(self.error)


@dataclass(frozen=True, slots=True)
class FailHalfway:
    """Hand on the first half of the batch, then raise ``error``.

    This is what a backend without transactions does. Nothing of a single record, of
    content and of a heartbeat is handed on.
    """

    error: BaseException

    def __call__(self, call: Call) -> None:
        """Make half the call."""
        call.hand_on_half()
        _fail(self.error)


@dataclass(frozen=True, slots=True)
class FailAfter:
    """Hand the call on whole, then raise ``error``: only the answer was lost."""

    error: BaseException

    def __call__(self, call: Call) -> None:
        """Make the call in vain."""
        call.hand_on()
        _fail(self.error)


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait for ``seconds``, or until the tracker is released, then hand the call on."""

    seconds: float

    def __call__(self, call: Call) -> None:
        """Make the call late."""
        call.released.wait(self.seconds)
        call.hand_on()


@dataclass(frozen=True, slots=True)
class Hang:
    """Wait until ``event`` is set, then hand the call on.

    Without an event it waits until the tracker is released.
    """

    event: threading.Event | None = None

    def __call__(self, call: Call) -> None:
        """Make the call when it is let go."""
        event = call.released if self.event is None else self.event
        event.wait()
        call.hand_on()


@dataclass(frozen=True, slots=True)
class Die:
    """Kill this process with SIGKILL, before the call or ``after`` it."""

    after: bool = False

    def __call__(self, call: Call) -> None:
        """Make the call or not; it never returns."""
        if self.after:
            call.hand_on()
        os.kill(os.getpid(), signal.SIGKILL)


def _fail(error: BaseException) -> None:
    # One error is raised again and again: its traceback would grow each time.
    raise error.with_traceback(None)
