"""A courier: a thread that delivers a run to one backend, for as long as it lives.

Of all processes of a host that could deliver to a backend the one does that holds the
lock of its ledger. The others wait, and one of them takes over when it dies. A backend
that does not return from a call keeps its courier, and nobody else. Where no thread can
be started, as while the interpreter shuts down, who waits delivers meanwhile.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracker_core.api import Capability
from tracker_core.delivery.base import Target
from tracker_core.delivery.carrier import Carrier, Step
from tracker_core.delivery.ledger import Ledger, ledger_folder
from tracker_core.errors import TrackerError
from tracker_core.journal.folders import Lock, RunFolder, make_folder
from tracker_core.journal.segments import is_full
from tracker_core.notices import warn
from tracker_core.plain import PlainTracker

__all__ = ["Courier", "is_courier", "is_private"]

_LOCK_EACH_S = 1.0
_LOOK_EACH_S = 0.1
# How often a backend must have failed in a row that the end does not wait for.
_TRIES_TO_GIVE_UP = 4
# How long a thread that no backend keeps may take to end.
_END_S = 0.2

_carrying = threading.local()


def is_courier() -> bool:
    """Tell whether the calling thread is one of a courier."""
    return getattr(_carrying, "is_on", False)


def is_private(target: Target) -> bool:
    """Tell whether a tracker lives and dies with this process."""
    tracker = target.tracker
    if isinstance(tracker, PlainTracker):
        return False
    return Capability.PERSISTENT not in tracker.capabilities


class Courier:
    """Delivers one run to one backend in a thread.

    Args:
        folder: The journal of the run.
        target: The backend.
        scope: The writer whose process alone delivers to it; None where any may.
        announces: Whether the first failure is warned of when it happens.

    Attributes:
        target: As given.
        first_error: What the backend raised when it was tried first, or None.
    """

    def __init__(
        self,
        folder: RunFolder,
        target: Target,
        scope: str | None = None,
        *,
        announces: bool = True,
    ) -> None:
        """Nothing is delivered yet."""
        self.target: Target = target
        self.first_error: BaseException | None = None
        self._folder = folder
        self._ledger_folder = ledger_folder(folder, target.name, scope)
        self._ledger = Ledger(self._ledger_folder, target.name, scope, target.factory)
        self._announces = announces
        self._has_announced = False
        self._lock: Lock | None = None
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._concludes = threading.Event()
        self._stops = threading.Event()
        self._has_given_up = False
        self._was_tried = False
        self._is_idle = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take the lock if it is free, note that the backend is due, and begin.

        Raises:
            OSError: The disk of the journal refuses.
            JournalError: The ledger is damaged, or of a later version.
        """
        self._take_lock()
        thread = threading.Thread(
            target=self._run, name=f"tracker-{self.target.name}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return  # no thread can be had, and it raises nothing else
        self._thread = thread

    @property
    def ledger(self) -> Ledger:
        """How far the backend is, as this process or the one that delivers says."""
        if self._lock is None:
            with suppress(TrackerError):
                return Ledger.load(self._ledger_folder) or self._ledger
        return self._ledger

    @property
    def is_holder(self) -> bool:
        """Whether this process delivers."""
        return self._lock is not None

    def has_taken(self, written: dict[str, int]) -> bool:
        """Tell whether the backend has what was written, writer by writer."""
        return self.ledger.has_taken(written)

    def urge(self) -> None:
        """Deliver now what there is."""
        with self._changed:
            self._is_idle = False
        self._wake.set()

    def conclude(self) -> None:
        """Deliver what there is, for the last time.

        A backend that was failing is tried again at once, and given up when it has
        failed often enough: it is not waited for then.
        """
        self._concludes.set()
        self.urge()

    def hurry(self) -> None:
        """Have delivered now what there is, here or by the process that delivers."""
        if self.is_holder:
            self.urge()
        else:
            _touch(self._folder.doorbell)

    def take_over(self, written: dict[str, int], deadline: float) -> None:
        """Wait until the backend has what was written, or this process delivers.

        A process that delivers, and ends too, may have looked for the last time; then
        its lock becomes free.

        Args:
            written: The last sequence number of each writer.
            deadline: The monotonic time to wait until.
        """
        self.hurry()
        while not (self.is_holder or self.has_taken(written)):
            left = deadline - time.monotonic()
            if left <= 0 or (self._thread is None and self._take_lock()):
                return
            # Its thread tries the lock once more.
            self._wake.set()
            with self._changed:
                self._changed.wait(min(_LOOK_EACH_S / 5, left))

    def wait_until_taken(self, written: dict[str, int], deadline: float | None) -> bool:
        """Wait until the backend has what was written.

        Args:
            written: The last sequence number of each writer.
            deadline: The monotonic time to wait until; None for as long as it takes.

        Returns:
            Whether it has.
        """
        self.hurry()
        return self.wait_for(written, deadline)

    def wait_for(self, written: dict[str, int], deadline: float | None) -> bool:
        """Wait as :meth:`wait_until_taken`, and hurry nobody."""
        self._wait(lambda: self._has_given_up or self.has_taken(written), deadline)
        return self.has_taken(written)

    def wait_until_idle(self, deadline: float | None) -> bool:
        """Wait until nothing is left that could be delivered, if this process does."""
        self.urge()
        return self._wait(lambda: self._is_idle or not self.is_holder, deadline)

    def wait_until_tried(self, deadline: float) -> bool:
        """Wait until the backend has answered once, if this process delivers."""
        return self._wait(lambda: self._was_tried or not self.is_holder, deadline)

    def stop(self, deadline: float) -> bool:
        """End the thread, unless the backend keeps it; tell whether it ended."""
        self._stops.set()
        self._concludes.set()
        self._wake.set()
        thread = self._thread
        if thread is None:
            self._drop_lock()
            return True
        thread.join(max(deadline - time.monotonic(), _END_S))
        return not thread.is_alive()

    def abandon(self) -> None:
        """Leave it to the parent: this is a forked child, without the thread."""
        self._thread = None
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._drop_lock()

    def _drop_lock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.drop()

    def _wait(self, is_true: Callable[[], bool], deadline: float | None) -> bool:
        if self.is_holder and self._thread is None:
            self._deliver_here()
        while True:
            if is_true():
                return True
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            # Where another process delivers, nobody here says that it has.
            pause = _LOOK_EACH_S if self.is_holder else _LOOK_EACH_S / 5
            with self._changed:
                if not self.is_holder or not is_true():
                    self._changed.wait(pause if left is None else min(pause, left))

    def _take_lock(self) -> bool:
        make_folder(self._ledger_folder)
        lock = Lock.taken(self._ledger_folder / "lock")
        if lock is None:
            return False
        try:
            self._ledger = Ledger.load(self._ledger_folder) or self._ledger
            self._ledger.save()
        except BaseException:
            lock.drop()
            raise
        self._lock = lock
        return True

    def _run(self) -> None:
        _carrying.is_on = True
        try:
            while not self._stops.is_set():
                self._wake.clear()
                with self._told():
                    if self._lock is not None or self._take_lock():
                        self._carry()
                self._pause(_LOCK_EACH_S)
        finally:
            self._drop_lock()
            with self._changed:
                self._changed.notify_all()

    def _deliver_here(self) -> None:
        _carrying.is_on = True
        try:
            with self._told():
                carrier = Carrier(self._folder, self.target, self._ledger, self._notify)
                while carrier.step() not in (Step.IDLE, Step.FAILED):
                    pass
                carrier.rest()
        finally:
            _carrying.is_on = False
        # There is nobody who would try again while one waits.
        self._is_idle = self._was_tried = self._has_given_up = True

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what the disk of the journal refuses, not the backend; it may pass."""
        try:
            yield
        except (OSError, TrackerError) as error:
            # Where it is full, who writes has warned of it already.
            is_known = isinstance(error, OSError) and is_full(error)
            message = f"delivery to {self.target.name!r}: {error}"
            self._notify(message, None, announces=not is_known)

    def _carry(self) -> None:
        carrier = Carrier(self._folder, self.target, self._ledger, self._notify)
        while not self._stops.is_set():
            self._wake.clear()
            step = carrier.step()
            with self._changed:
                self._is_idle = step is Step.IDLE and not self._wake.is_set()
                self._was_tried = self._was_tried or step is not Step.FAILED
                self._changed.notify_all()
            # At the end somebody waits for each batch that would gather more.
            gathers = step is Step.MOVED and not self._concludes.is_set()
            if step is Step.IDLE or gathers:
                # Others read in the ledger how far it is.
                carrier.rest()
                self._pause(self.target.tracker.gathers_for)
            elif step is Step.FAILED:
                self._leave_alone(carrier)
        carrier.rest()

    def _leave_alone(self, carrier: Carrier) -> None:
        """Wait until a backend that failed may be tried again, or for the last time."""
        seconds = max(carrier.due - time.monotonic(), 0.0)
        if not self._concludes.is_set():
            if self._concludes.wait(seconds):
                carrier.due = 0.0
            return
        cut = self._ledger.cut
        with self._changed:
            self._has_given_up = cut is not None and cut.tries >= _TRIES_TO_GIVE_UP
            self._changed.notify_all()
        self._stops.wait(seconds)

    def _pause(self, seconds: float) -> None:
        """Wait, but not when somebody wants to read what was logged."""
        end = time.monotonic() + seconds
        rung = _rung_ns(self._folder.doorbell)
        while (left := end - time.monotonic()) > 0:
            is_woken = self._wake.wait(min(left, _LOOK_EACH_S))
            if is_woken or _rung_ns(self._folder.doorbell) != rung:
                return

    def _notify(
        self, message: str, error: BaseException | None, *, announces: bool = True
    ) -> None:
        if announces and self._announces and not self._has_announced:
            self._has_announced = True
            warn("%s", message)
        with self._changed:
            self.first_error = self.first_error or error
            self._was_tried = True
            self._changed.notify_all()


def _touch(path: Path) -> None:
    with suppress(OSError):  # nobody has to hear it
        path.touch(mode=0o600)


def _rung_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
