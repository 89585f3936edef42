"""Errands end, whatever keeps them."""

from collections.abc import Iterator

import pytest

from tracker_core.delivery.base import Target
from tracker_core.delivery.ledger import Ledger, ledger_folder
from tracker_core.delivery.syncing import Errand, Outcome, Result
from tracker_core.journal.folders import Lock, RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import LogBody
from tracker_core.testing import MemoryTracker


@pytest.fixture
def ledger(folder: RunFolder) -> Ledger:
    """Give the ledger of a backend that is to have the run."""
    made = Ledger(ledger_folder(folder, "store"), "store")
    made.save()
    return made


@pytest.fixture
def lock(ledger: Ledger) -> Iterator[Lock]:
    """Deliver as another process does."""
    taken = Lock.taken(ledger.folder / "lock")
    assert taken is not None
    yield taken
    taken.drop()


def _outcome(errand: Errand) -> Outcome | None:
    errand.start()
    assert errand.stop(within=30.0) or errand.stop(within=30.0)
    return errand.outcome


def test_errand_is_done_when_another_process_has_done_it(
    folder: RunFolder, lock: Lock
) -> None:
    """Nothing is left, and nobody is waited for."""
    del lock
    errand = Errand(folder, Target("store", MemoryTracker()), 60.0)

    found = _outcome(errand)

    assert found == Outcome(Result.DONE, "a running process has delivered it")


def test_errand_is_left_when_the_journal_cannot_be_understood(
    folder: RunFolder, ledger: Ledger
) -> None:
    """The backend has nothing to do with it."""
    (ledger.folder / "cursor.json").write_text('{"version": 99}')
    errand = Errand(folder, Target("store", MemoryTracker()), 60.0)

    found = _outcome(errand)

    assert found is not None
    assert found.result is Result.LEFT
    assert found.reason.startswith("the journal: ")


def test_errand_that_was_given_up_keeps_its_outcome(
    folder: RunFolder, writer: JournalWriter, ledger: Ledger
) -> None:
    """What comes of it later changes nothing."""
    del ledger
    writer.append(LogBody("info", "x", None))
    errand = Errand(folder, Target("store", MemoryTracker()), 60.0)
    reason = Outcome(Result.DOWN, "it has not answered")
    errand.give_up(reason)

    assert _outcome(errand) == reason
    assert errand.delivered == 0
