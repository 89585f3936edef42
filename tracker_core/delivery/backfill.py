"""Filling a backend that comes late from one that has the run.

What every backend has taken is removed from the journal. Another backend then gets the
run from a native one: first it is noted as expected, so that nothing more is removed;
then it is given a copy; then it is noted to be as far as the other one was before, and
the journal, which still holds all that the other one lacked, brings the rest. From
beginning to end a file ``filling`` lies beside the ledger: where somebody died in the
middle it lies there still, and the next attempt begins again and doubles nothing.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from tracker_core.copying import RunCopy, copy_run
from tracker_core.delivery.base import Target
from tracker_core.delivery.ledger import (
    Ledger,
    expect,
    forget,
    ledger_folder,
    ledgers,
)
from tracker_core.errors import NotSupportedError, RunNotFoundError
from tracker_core.journal.folders import Lock, RunFolder, make_folder
from tracker_core.journal.reader import BEGINNING
from tracker_core.plain import PlainTracker
from tracker_core.taken import Taken

__all__ = ["Backfill", "backfill", "holders", "is_half_filled"]

_MARK = "filling"


class Backfill(NamedTuple):
    """What came of filling a backend.

    Args:
        source: The backend that it was filled from.
        copy: What was copied.
    """

    source: str
    copy: RunCopy


def holders(folder: RunFolder, backend: str) -> list[Ledger]:
    """Return the ledgers of backends that may fill another one, the furthest first.

    They refuse nothing, and everybody can reach them.

    Raises:
        JournalError: A ledger cannot be understood.
    """
    found = [
        ledger
        for ledger in ledgers(folder)
        if ledger.backend != backend and ledger.scope is None and not ledger.dead()
    ]
    return sorted(found, key=lambda ledger: -ledger.delivered)


def backfill(
    folder: RunFolder,
    target: Target,
    sources: Iterable[Target],
    on_records: Callable[[int], None] = lambda _: None,
) -> Backfill | None:
    """Fill a backend that is not expected to have the run yet, or is half filled.

    Args:
        folder: The journal of the run.
        target: The backend to fill.
        sources: Backends among :func:`holders`; the first that has the run is taken.
        on_records: Called with the number of records after each batch.

    Returns:
        What was copied; None where none of the sources has all that the journal lacks,
        or another process fills the target. It is not expected then.

    Raises:
        OSError: The disk of the journal refused.
        JournalError: A ledger cannot be understood.
        Exception: What a backend raised; the target is not expected then.
    """
    place = ledger_folder(folder, target.name)
    make_folder(place)
    lock = Lock.taken(place / "lock")
    if lock is None:
        return None
    done = None
    try:
        (place / _MARK).touch(mode=0o600)
        expect(folder, target.name, target.factory)
        done = _filled(folder, target, sources, on_records)
        if done is not None:
            (place / _MARK).unlink()
    finally:
        if done is None:
            forget(folder, target.name)
        lock.drop()
    return done


def is_half_filled(folder: RunFolder, backend: str) -> bool:
    """Tell whether somebody died, or is at work, between the two ends of a backfill."""
    return (ledger_folder(folder, backend) / _MARK).exists()


def _filled(
    folder: RunFolder,
    target: Target,
    sources: Iterable[Target],
    on_records: Callable[[int], None],
) -> Backfill | None:
    for source in sources:
        # Read before the copy: what comes later is in the journal.
        ledger = Ledger.load(ledger_folder(folder, source.name))
        if ledger is not None and _has_all(source, folder, ledger):
            one, other = source.tracker, target.tracker
            copy = copy_run(one, other, folder.run_id, on_records=on_records)
            _note(folder, target, ledger)
            return Backfill(source.name, copy)
    return None


def _has_all(source: Target, folder: RunFolder, ledger: Ledger) -> bool:
    """Tell whether a backend holds what its ledger says, hole by hole."""
    tracker = source.tracker
    if isinstance(tracker, PlainTracker):
        return False
    with suppress(RunNotFoundError, NotSupportedError), tracker.turn:
        taken = tracker.taken(folder.run_id)
        return all(
            position.sequence == BEGINNING.sequence
            or taken.get(writer, Taken()).covers(1, position.sequence - 1)
            for writer, position in ledger.positions.items()
        )
    return False


def _note(folder: RunFolder, target: Target, source: Ledger) -> None:
    place = ledger_folder(folder, target.name)
    ledger = Ledger(place, target.name, factory=target.factory)
    ledger.positions = source.positions
    ledger.delivered = source.delivered
    ledger.contents = source.contents
    ledger.save()
