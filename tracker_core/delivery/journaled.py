"""Delivery through the journal: the job writes, couriers deliver.

What is sent lies in the journal when the call returns. Nothing that a backend does is
seen by the job, but for one warning a backend and the summing up at the end.
"""

import atexit
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

from tracker_core.api import NativeTracker
from tracker_core.delivery.attempts import has_launcher
from tracker_core.delivery.base import BodyT, Delivery, Target, unheld
from tracker_core.delivery.courier import Courier, is_courier, is_private
from tracker_core.delivery.ledger import expect
from tracker_core.delivery.overview import pending
from tracker_core.delivery.settling import settle_dead
from tracker_core.delivery.spool import Spool
from tracker_core.errors import (
    ConfigError,
    DeliveryTimeoutError,
    JournalError,
    PermanentError,
    RetryableError,
)
from tracker_core.forks import tell_after_fork
from tracker_core.interruptions import is_interruption
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.notices import warn
from tracker_core.plain import PlainTracker
from tracker_core.records import ArtifactBody

if TYPE_CHECKING:
    from tracker_core.configfile import BackendSetting
    from tracker_core.contents import Content

__all__ = ["JournaledDelivery", "close_all"]

_T = TypeVar("_T")
# How long the end of a process waits for what others are still logging.
_REST_S = 0.5
# How long a read waits for one backend before it looks at the next.
_TURN_S = 0.02
# How long the end waits for space on the disk before it looks again.
_LOOK_S = 0.05
_FAILURES = (ConfigError, PermanentError, RetryableError)


_open: "list[JournaledDelivery]" = []


@atexit.register
def close_all() -> None:
    """Deliver what runs have logged that nobody has ended; the process is ending."""
    while _open:
        _open[-1].close()


class JournaledDelivery(Delivery):
    """Writes records to the journal of a run, and delivers them in threads.

    Threads may share it. A forked child may go on using it; what it logs is delivered
    by whoever delivers for its parent.

    Args:
        folder: The journal of the run.
        writer: Writes to it.
        targets: Where the records go.
        budget: How many bytes the run may take on the disk; None for all there is.
        closes_within: For how many seconds :meth:`close` waits for backends.
        is_shared: Whether other processes may deliver to the same backends; False for
            tracker objects, which are of this process alone.
        waits_for_all: Whether :meth:`close` waits for what other processes have logged
            too, as the last of them does.
        reads_within: For how many seconds a read waits for what was logged.
        announces: Whether the first failure of each backend is warned of at once.
    """

    def __init__(
        self,
        folder: RunFolder,
        writer: JournalWriter,
        targets: Iterable[Target],
        *,
        budget: int | None = None,
        closes_within: float = 10.0,
        is_shared: bool = True,
        waits_for_all: bool = False,
        reads_within: float = 10.0,
        announces: bool = True,
    ) -> None:
        """Begin; nothing is delivered before :meth:`start`."""
        self._folder = folder
        self._writer = writer
        self._closes_within = closes_within
        self._reads_within = reads_within
        self._waits_for_all = waits_for_all
        self._spool = Spool(folder, budget)
        self._is_closed = False
        self._is_child = False
        own = writer.writer.id
        self._couriers = [
            Courier(
                folder,
                target,
                own if is_private(target) or not is_shared else None,
                announces=announces,
            )
            for target in targets
        ]
        # The shortest ways are the writer's own methods.
        self.point: Callable[[str, object, object], bool] = writer.point  # type: ignore[assignment]
        self.points: Callable[[Mapping[str, object], object], bool] = writer.points  # type: ignore[assignment]
        tell_after_fork(self)
        _open.append(self)

    @property
    def is_busy(self) -> bool:
        """Whether this thread delivers: what it logs must not go to the run."""
        return is_courier()

    @property
    def folder(self) -> RunFolder:
        """The journal of the run."""
        return self._folder

    @property
    def attempt(self) -> int:
        """The attempt of the run that this process belongs to."""
        return self._writer.writer.attempt

    def after_fork(self) -> None:
        """Leave delivery to the parent."""
        self._is_child = True
        for courier in self._couriers:
            courier.abandon()

    def start(self) -> None:
        """Begin to deliver.

        Raises:
            OSError: The disk of the journal refuses.
            JournalError: A ledger is damaged, or of a later version.
        """
        for courier in self._couriers:
            courier.start()

    def go_on(self, writer: JournalWriter) -> None:
        """Write as another writer from now on, in the next attempt of the run.

        What the processes of the one before have left behind ends too.
        """
        self._wait_for_space(time.monotonic() + self._closes_within)
        before, self._writer = self._writer, writer
        self.point, self.points = writer.point, writer.points
        before.close()
        self._settle()

    def expect(self, backends: "Iterable[BackendSetting]") -> None:
        """Note that backends are to have the run, also those that are not built here.

        Raises:
            OSError: The disk of the journal refuses.
        """
        own = {courier.target.name for courier in self._couriers}
        for backend in backends:
            if backend.name not in own:
                expect(self._folder, backend.name, backend.factory)

    def first_errors(self, seconds: float) -> list[tuple[Target, BaseException]]:
        """Wait until each backend has answered once, and return what failed.

        Args:
            seconds: The most to wait, for all of them together.
        """
        deadline = time.monotonic() + seconds
        for courier in self._couriers:
            courier.wait_until_tried(deadline)
        return [
            (courier.target, courier.first_error)
            for courier in self._couriers
            if courier.first_error is not None
        ]

    def send(self, body: BodyT, content: "Content | None" = None) -> BodyT:
        """Append one record, its content before it.

        Raises:
            InvalidValueError: The record is larger than one may be.
            ContentError: The file was changed while it was logged.
            RunEndedError: The delivery is closed.
        """
        if content is not None and isinstance(body, ArtifactBody):
            body = cast("BodyT", self._spool.keep(body, content))
        self._writer.append(body)
        return body

    def read(self, call: Callable[[NativeTracker], _T]) -> _T | None:
        """Ask a backend once it has all that this process has logged.

        It is the first that has, of the native ones if there are any; the others are
        asked where that one gives no answer.

        Raises:
            DeliveryTimeoutError: None of them has it in time.
            TrackerError: The last one's reason for having no answer.
        """
        written = self._writer.written()
        deadline = time.monotonic() + self._reads_within
        last: BaseException | None = None
        for waiting in self._natives_and_others():
            while waiting:
                courier = _first_with(written, waiting, deadline)
                waiting.remove(courier)
                try:
                    return self._ask(courier, call, written, deadline)
                except BaseException as error:
                    if is_interruption(error):
                        raise
                    last = error
        if last is not None:
            raise last
        return None

    def flush(self, timeout: float | None = None, *, durable: bool = False) -> int:
        """Wait until every backend has what this process has logged."""
        if durable:
            self._writer.sync()
        written = self._writer.written()
        deadline = None if timeout is None else time.monotonic() + timeout
        _hurry(self._couriers)
        for courier in self._couriers:
            courier.wait_until_taken(written, deadline)
        return max(
            (self._due(courier, written) for courier in self._couriers), default=0
        )

    def close(self, within: float | None = None) -> None:
        """Say that no more comes, wait for what is delivered here, and sum up.

        Args:
            within: The most seconds to wait, where it is less than usual.
        """
        if self._is_closed:
            return
        self._is_closed = True
        _open.remove(self)
        usual = self._closes_within
        deadline = time.monotonic() + (usual if within is None else min(usual, within))
        try:
            self._wait_for_space(deadline)
        finally:
            self._writer.close()
        if self._is_child:
            return
        if self._waits_for_all:
            # One that goes on, such as that of another step, has the last word.
            with suppress(OSError, JournalError):
                self._waits_for_all = not has_launcher(self._folder, is_here=True)
            self._settle()
        written = self._writer.written()
        held: list[Courier] = []
        try:
            if self._is_last():
                for courier in self._couriers:
                    courier.take_over(written, deadline)
            held += [courier for courier in self._couriers if courier.is_holder]
            for courier in held:
                courier.conclude()
            for courier in held:
                self._wait_for(courier, written, deadline)
        except BaseException:
            # A handler has had enough of it, such as that of Ctrl-C.
            deadline = time.monotonic()
            raise
        finally:
            self._stop(deadline)
        for courier in held:
            self._sum_up(courier, written)

    def _is_last(self) -> bool:
        """Tell whether all other processes of the run have ended, or nearly so.

        Else one of them delivers, now or when it ends.
        """
        own = self._writer.writer.id
        with suppress(OSError, JournalError):
            return not any(
                writer.is_alive() and not writer.is_settled
                for writer in self._folder.writers()
                if writer.writer.id != own and not writer.is_shared
            )
        return False

    def _settle(self) -> None:
        """Let what others have left behind end too: this one has outlived them."""
        with suppress(OSError, JournalError):
            settle_dead(self._folder, [one.ledger for one in self._couriers])

    def _wait_for_space(self, deadline: float) -> None:
        """Give what waits in memory a chance: delivery makes room on the disk."""
        while not self._writer.store_kept() and self._couriers:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            _hurry(self._couriers)
            time.sleep(min(_LOOK_S, left))

    def _wait_for(
        self, courier: Courier, written: dict[str, int], deadline: float
    ) -> None:
        if courier.wait_until_taken(written, deadline):
            soon = time.monotonic() + _REST_S
            courier.wait_until_idle(
                deadline if self._waits_for_all else min(deadline, soon)
            )

    def _stop(self, deadline: float) -> None:
        for courier in self._couriers:
            has_ended = courier.stop(deadline)
            if has_ended and courier.target.is_owned:
                _close_by(courier.target, deadline)

    def _natives_and_others(self) -> tuple[list[Courier], list[Courier]]:
        natives: list[Courier] = []
        others: list[Courier] = []
        for courier in self._couriers:
            is_plain = isinstance(courier.target.tracker, PlainTracker)
            (others if is_plain else natives).append(courier)
        return natives, others

    def _ask(
        self,
        courier: Courier,
        call: Callable[[NativeTracker], _T],
        written: dict[str, int],
        deadline: float,
    ) -> _T:
        tracker = courier.target.tracker
        has_all = courier.has_taken(written)
        left = max(deadline - time.monotonic(), 0.0)
        if not has_all or not tracker.turn.acquire(left):
            raise DeliveryTimeoutError(
                self._folder.run_id,
                courier.target.name,
                self._due(courier, written),
                self._reads_within,
            )
        try:
            return call(tracker)
        finally:
            tracker.turn.release()
            # A read after the end has opened it again.
            if self._is_closed and courier.target.is_owned:
                courier.target.close()

    def _due(self, courier: Courier, written: dict[str, int]) -> int:
        ledger = courier.ledger
        return sum(
            max(last - ledger.position(writer).sequence + 1, 0)
            for writer, last in written.items()
        )

    def _sum_up(self, courier: Courier, written: dict[str, int]) -> None:
        ledger = courier.ledger
        name, run_id = courier.target.name, self._folder.run_id
        due = self._due(courier, written)
        if self._waits_for_all:
            # The others have gone, and left it to this one to say.
            with suppress(OSError, JournalError):
                due = max(due, pending(self._folder, ledger))
        if due:
            why = f" ({ledger.error})" if ledger.error else ""
            self._tell_due(courier, due, why)
        letters = ledger.dead()
        if letters:
            warn(
                "backend %r refuses %d records of run %r: %s; "
                "see tracker status --dead",
                name,
                sum(letter.records for letter in letters),
                run_id,
                letters[-1].why,
            )
        if ledger.degraded:
            warn(
                "backend %r keeps less than all of run %r: %s",
                name,
                run_id,
                ", ".join(unheld(*item) for item in sorted(ledger.degraded.items())),
            )

    def _tell_due(self, courier: Courier, due: int, why: str) -> None:
        name, run_id = courier.target.name, self._folder.run_id
        if courier.ledger.scope is not None:
            warn(
                "backend %r has missed %d records of run %r%s; it is of this process "
                "alone, so nobody delivers them later",
                name,
                due,
                run_id,
                why,
            )
            return
        warn(
            "backend %r has not taken %d records of run %r yet%s; they are safe in "
            "the journal: tracker sync %s",
            name,
            due,
            run_id,
            why,
            run_id,
        )


def _hurry(couriers: Iterable[Courier]) -> None:
    """Let none begin only when another, which may have failed, was waited for."""
    for courier in couriers:
        courier.hurry()


def _first_with(
    written: dict[str, int], couriers: list[Courier], deadline: float
) -> Courier:
    """Wait until one of the backends has what was written; else return any."""
    _hurry(couriers)
    while True:
        for courier in couriers:
            soon = min(time.monotonic() + _TURN_S, deadline)
            if courier.wait_for(written, soon):
                return courier
        if time.monotonic() >= deadline:
            return couriers[0]


def _close_by(target: Target, deadline: float) -> None:
    """Close a tracker, and wait for it until a moment, or a little longer.

    What it does at its end, such as compacting a run, goes on behind.
    """
    closing = threading.Thread(target=target.close, name="tracker-close", daemon=True)
    try:
        closing.start()
    except RuntimeError:
        # The interpreter is going, and starts no thread any more.
        target.close()
        return
    closing.join(max(deadline - time.monotonic(), _REST_S))
