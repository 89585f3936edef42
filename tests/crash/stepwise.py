"""A delivery that dies at its n-th step.

A step is what other processes may see: that a file is opened to be written, gets
another name or is removed, that a segment is written to, that a call to the tracker
begins or has returned.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import tracker_sqlite
from tests.crash.deeds import do
from tests.crash.stores import Stores, deliver_rest
from tracker_core import AppRun, NativeTracker, PermanentError
from tracker_core.delivery.journaled import JournaledDelivery
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import Batch, TagsBody
from tracker_core.testing import FaultyTracker
from tracker_core.testing.faults import Call

__all__ = ["DEEDS", "DIED", "deliver_until", "leave_behind", "refusing"]

DIED = 77
DEEDS = 60
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.link", "os.truncate")
_SMALL = 4096


class _Steps:
    def __init__(self, last: int, place: str) -> None:
        self._left = last
        self._place = place

    def take(self) -> None:
        """Take one step, unless it is the one to die at."""
        self._left -= 1
        if not self._left:
            os._exit(DIED)

    def audit(self, event: str, given: tuple[object, ...]) -> None:
        """Take a step where Python is about to change a file."""
        if event == "open":
            path, flags = given[0], given[2]
            is_change = isinstance(flags, int) and bool(flags & _WRITES)
        elif event in _CHANGES:
            path, is_change = given[0], True
        else:
            return
        if is_change and str(path).startswith(self._place):
            self.take()

    def before(self, call: Callable[..., int]) -> Callable[..., int]:
        """Give a system call that is a step."""

        def counted(*given: object) -> int:
            self.take()
            return call(*given)

        return counted


class _Refusing(FaultyTracker):
    """A tracker that refuses each batch with the tag ``refused``, for ever."""

    def write(self, batch: Batch) -> None:
        """Refuse, or hand on."""
        bodies = [record.body for record in batch.records]
        if any(
            isinstance(body, TagsBody) and "refused" in body.values for body in bodies
        ):
            message = "it holds what is refused"
            raise PermanentError(message)
        super().write(batch)


def refusing(
    inner: NativeTracker, step: Callable[[], None] = lambda: None
) -> NativeTracker:
    """Give a tracker that refuses one record, and steps before and after each call."""

    def fault(call: Call) -> None:
        step()
        call.hand_on()
        step()

    return _Refusing(inner, lambda _: fault)


def leave_behind(home: Path) -> NoReturn:
    """Leave a run of two writers, one that has ended and one that dies, undelivered."""
    folder = RunFolder.of(home, "r")
    for who in ("t0", "u0"):
        writer = JournalWriter(folder, role="job", segment_bytes=_SMALL)
        run = AppRun("r", [], delivery=JournaledDelivery(folder, writer, ()))
        run.start()
        for number in range(DEEDS):
            do(run, who, number)
        if who == "t0":
            run.set_tag("refused", "x")
            run.finish()
    os._exit(0)


def deliver_until(place: Path, last: int) -> NoReturn:
    """Deliver all that is left, and die at a step, if it has that many."""
    steps = _Steps(last, str(place))
    stores = Stores(place)
    inner = tracker_sqlite.create(stores.sqlite)
    os.pwrite = steps.before(os.pwrite)
    sys.addaudithook(steps.audit)
    deliver_rest(stores.home, {"sqlite": refusing(inner, steps.take)})
    os._exit(0)
