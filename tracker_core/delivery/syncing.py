"""Delivering in the foreground what the journal of this host still holds.

It does what couriers do, for whoever waits for it: for each run and backend a thread,
so that a backend which hangs keeps no other. What is done when it is interrupted stays
done.
"""

import threading
import time
from pathlib import Path
from typing import NamedTuple

from tracker_core.delivery.base import Target
from tracker_core.delivery.carrier import Carrier, Step
from tracker_core.delivery.ledger import Ledger, ledger_folder
from tracker_core.delivery.overview import backend_states
from tracker_core.errors import JournalError, TrackerError
from tracker_core.journal.folders import Lock, RunFolder, make_folder, segment_numbers
from tracker_core.redaction import describe

__all__ = ["Errand", "Outcome", "has_whole_journal", "retry_dead"]

_LOOK_EACH_S = 0.05


class Outcome(NamedTuple):
    """What came of an errand.

    Args:
        is_done: Whether nothing is left to deliver.
        reason: What kept it, where something is left.
    """

    is_done: bool
    reason: str = ""


class Errand:
    """Takes one run to one backend, in a thread of its own.

    Args:
        folder: The run, of the host whose journal is meant.
        target: The backend.
        patience_s: After how many seconds without progress it gives up.

    Attributes:
        delivered: How many records were taken so far by this errand.
        outcome: What came of it; None while it is under way.
    """

    def __init__(self, folder: RunFolder, target: Target, patience_s: float) -> None:
        """Nothing is delivered yet."""
        self.folder: RunFolder = folder
        self.target: Target = target
        self.delivered: int = 0
        self.outcome: Outcome | None = None
        self._patience_s = patience_s
        self._moved_at = time.monotonic()
        self._stops = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"tracker-sync-{target.name}", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._moved_at = time.monotonic()
        self._thread.start()

    def check(self) -> Outcome | None:
        """Return what came of it; a backend that hangs for too long is given up."""
        if self.outcome is None and self._has_waited_too_long():
            self.outcome = Outcome(
                is_done=False,
                reason=f"it has not answered for {self._patience_s:.0f} s",
            )
            self._stops.set()
        return self.outcome

    def stop(self) -> bool:
        """End it where it is; tell whether the backend let go."""
        self._stops.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        return not self._thread.is_alive()

    def _has_waited_too_long(self) -> bool:
        return time.monotonic() - self._moved_at > self._patience_s

    def _run(self) -> None:
        try:
            found = self._deliver()
        except (OSError, TrackerError) as error:
            found = Outcome(is_done=False, reason=describe(error, [self.target.config]))
        if self.outcome is None:
            self.outcome = found

    def _deliver(self) -> Outcome:
        place = ledger_folder(self.folder, self.target.name)
        make_folder(place)
        while (lock := Lock.taken(place / "lock")) is None:
            if self._stops.wait(_LOOK_EACH_S) or self._has_waited_too_long():
                return Outcome(is_done=False, reason="another process delivers to it")
            if _is_delivered(self.folder, place):
                return Outcome(is_done=True)
        try:
            ledger = Ledger.load(place) or Ledger(place, self.target.name)
            ledger.save()
            return self._carry(Carrier(self.folder, self.target, ledger, _ignore))
        finally:
            lock.drop()

    def _carry(self, carrier: Carrier) -> Outcome:
        before = carrier.ledger.delivered
        while not self._stops.is_set():
            step = carrier.step()
            taken = carrier.ledger.delivered - before
            if taken != self.delivered:
                self.delivered = taken
                self._moved_at = time.monotonic()
            if step is Step.IDLE:
                return Outcome(is_done=True)
            if step is Step.FAILED:
                wait = carrier.due - time.monotonic()
                left = self._moved_at + self._patience_s - time.monotonic()
                if wait > left:
                    return Outcome(is_done=False, reason=str(carrier.ledger.error))
                self._stops.wait(max(wait, 0.0))
        carrier.rest()
        return Outcome(is_done=False, reason="it was interrupted")


def has_whole_journal(folder: RunFolder) -> bool:
    """Tell whether the journal still has all that the writers of its host logged."""
    for writer in folder.writers():
        if writer.host != folder.host:
            continue
        if segment_numbers(writer.path)[:1] != [1]:
            return False
    return True


def retry_dead(folder: RunFolder, target: Target) -> tuple[int, int]:
    """Send the dead letters of a run again; those that are taken are dead no more.

    Returns:
        How many records were taken, and how many are left.

    Raises:
        JournalError: One cannot be read, or another process delivers to the backend.
        OSError: The disk refuses.
    """
    place = ledger_folder(folder, target.name)
    lock = Lock.taken(place / "lock")
    ledger = Ledger.load(place)
    if lock is None or ledger is None:
        message = f"another process delivers to {target.name!r}; try again later"
        raise JournalError(message)
    taken = left = 0
    try:
        carrier = Carrier(folder, target, ledger, _ignore)
        for letter in ledger.dead():
            if carrier.redeliver(letter) is Step.MOVED:
                taken += letter.records
            else:
                left += letter.records
        carrier.rest()
    finally:
        lock.drop()
    return taken, left


def _is_delivered(folder: RunFolder, place: Path) -> bool:
    return any(
        not state.pending
        for state in backend_states(folder)
        if ledger_folder(folder, state.backend) == place
    )


def _ignore(message: str, error: BaseException | None) -> None:
    """Say nothing: what failed is in the ledger, and is said at the end."""
    del message, error
