"""Delivering in the foreground what the journal of this host still holds.

It does what couriers do, for whoever waits for it: each run and backend is an errand
with a thread of its own, so that a backend which hangs keeps no other. What is done
when it is interrupted stays done.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tracker_core.delivery.base import Target
from tracker_core.delivery.carrier import Carrier, Step
from tracker_core.delivery.ledger import DeadLetter, Ledger, ledger_folder
from tracker_core.delivery.overview import backend_states
from tracker_core.errors import TrackerError
from tracker_core.journal.folders import Lock, RunFolder, make_folder
from tracker_core.redaction import describe

__all__ = ["Errand", "Outcome", "Result"]

_LOOK_EACH_S = 0.2
# How long a process that delivers gets to have it done.
_OTHERS_S = 3.0


class Result(Enum):
    """What came of an errand."""

    DONE = "done"
    """Nothing is left."""

    LEFT = "left"
    """Something is left, for a reason that has nothing to do with the backend."""

    DOWN = "down"
    """The backend fails or does not answer: other runs will not fare better."""


class Outcome(NamedTuple):
    """What came of an errand.

    Args:
        result: Whether something is left.
        reason: Why, in words without secrets.
    """

    result: Result
    reason: str = ""


class Errand:
    """Takes one run to one backend, in a thread of its own.

    Args:
        folder: The run, of the host whose journal is meant.
        target: The backend.
        patience: After how many seconds without progress it gives up.
        retries_dead: Whether dead letters are sent again.

    Attributes:
        delivered: How many records were taken so far by this errand.
        revived: How many of them had been refused before.
        refused: How many dead letters were sent again in vain.
        outcome: What came of it; None while it is under way.
    """

    def __init__(
        self,
        folder: RunFolder,
        target: Target,
        patience: float,
        *,
        retries_dead: bool = False,
    ) -> None:
        """Nothing is delivered yet."""
        self.folder: RunFolder = folder
        self.target: Target = target
        self.delivered: int = 0
        self.revived: int = 0
        self.refused: int = 0
        self.outcome: Outcome | None = None
        self._patience = patience
        self._retries_dead = retries_dead
        self._moved_at = time.monotonic()
        self._stops = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"tracker-sync-{target.name}", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._moved_at = time.monotonic()
        self._thread.start()

    def give_up(self, outcome: Outcome) -> None:
        """End it with an outcome, before it has begun or in the middle."""
        self.outcome = self.outcome or outcome
        self._stops.set()

    def check(self) -> Outcome | None:
        """Return what came of it; a backend that hangs for too long is given up."""
        waited = time.monotonic() - self._moved_at
        # Between two tries it ends by itself, and knows better why.
        if self.outcome is None and waited > self._patience + _LOOK_EACH_S:
            reason = f"it has not answered for {waited:.0f} s"
            self.give_up(Outcome(Result.DOWN, reason))
        return self.outcome

    def stop(self, within: float = 1.0) -> bool:
        """End it where it is; tell whether the backend let go.

        Args:
            within: How many seconds it gets.
        """
        self._stops.set()
        if self._thread.ident is not None:
            self._thread.join(within)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            found = self._deliver()
        except (OSError, TrackerError) as error:
            shown = describe(error, [self.target.config])
            found = Outcome(Result.LEFT, f"the journal: {shown}")
        self.outcome = self.outcome or found

    def _deliver(self) -> Outcome:
        place = ledger_folder(self.folder, self.target.name)
        make_folder(place)
        lock = self._lock(place / "lock")
        if lock is None:
            if self._is_done():
                return Outcome(Result.DONE, "a running process has delivered it")
            return Outcome(Result.LEFT, "a running process delivers it")
        try:
            name, factory = self.target.name, self.target.factory
            ledger = Ledger.load(place) or Ledger(place, name, factory=factory)
            if ledger.cut is not None:
                # Whoever asks for it now does not wait as long as the last one did.
                ledger.cut = ledger.cut._replace(tries=0)
            ledger.save()
            return self._carry(Carrier(self.folder, self.target, ledger, _ignore))
        finally:
            lock.drop()

    def _lock(self, path: Path) -> Lock | None:
        deadline = time.monotonic() + min(_OTHERS_S, self._patience)
        while (lock := Lock.taken(path)) is None:
            with suppress(OSError):  # who delivers looks by itself, only later
                self.folder.doorbell.touch(mode=0o600)
            has_ended = self._stops.wait(_LOOK_EACH_S)
            if has_ended or time.monotonic() > deadline or self._is_done():
                return None
        return lock

    def _is_done(self) -> bool:
        return not self._retries_dead and any(
            state.is_done
            for state in backend_states(self.folder)
            if state.backend == self.target.name and not state.is_private
        )

    def _carry(self, carrier: Carrier) -> Outcome:
        before = carrier.ledger.delivered
        letters = carrier.ledger.dead() if self._retries_dead else []
        try:
            outcome = self._until_done(carrier, carrier.step, before)
            for letter in letters:
                if outcome is None:
                    outcome = self._retry(carrier, letter, before)
        finally:
            carrier.rest()
        return outcome or Outcome(Result.DONE)

    def _retry(
        self, carrier: Carrier, letter: DeadLetter, before: int
    ) -> Outcome | None:
        def step() -> Step:
            found = carrier.redeliver(letter)
            if found is Step.MOVED:
                self.revived += letter.records
                return Step.IDLE
            if found is Step.IDLE:
                self.refused += letter.records
            return found

        return self._until_done(carrier, step, before)

    def _until_done(
        self, carrier: Carrier, step: Callable[[], Step], before: int
    ) -> Outcome | None:
        """Step until there is nothing to do; return what kept it from that."""
        while not self._stops.is_set():
            found = step()
            self.delivered = carrier.ledger.delivered - before
            if found is not Step.FAILED:
                self._moved_at = time.monotonic()
            if found is Step.IDLE:
                return None
            if found is Step.FAILED:
                now = time.monotonic()
                wait = carrier.due - now
                if now + wait > self._moved_at + self._patience:
                    return Outcome(Result.DOWN, str(carrier.ledger.error))
                self._stops.wait(max(wait, 0.0))
        return Outcome(Result.LEFT, "it was interrupted")


def _ignore(message: str, error: BaseException | None) -> None:
    """Say nothing: what failed is in the ledger, and is said at the end."""
    del message, error
