"""The journal of a run is removed, unless somebody uses it."""

from pathlib import Path

import pytest

from tracker_core.delivery.discarding import discard, user_of
from tracker_core.delivery.ledger import expect, ledger_folder
from tracker_core.errors import JournalError
from tracker_core.journal.folders import Lock, RunFolder, run_folders
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import ParamsBody


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Return the journal of a run whose only writer has ended."""
    folder = RunFolder.of(tmp_path, "run")
    expect(folder, "sqlite")
    writer = JournalWriter(folder)
    writer.append(ParamsBody({"lr": 0.1}))
    writer.close()
    return folder


def test_discarding_leaves_nothing_of_a_run(folder: RunFolder, tmp_path: Path) -> None:
    """Nor of another one over which somebody died; it tells how much that was."""
    left = tmp_path / "removed" / "left" / "writers"
    left.mkdir(parents=True)

    size_bytes = discard(folder)

    assert size_bytes > 0
    assert not list(run_folders(tmp_path))
    assert not [*(tmp_path / "journal").iterdir(), *(tmp_path / "removed").iterdir()]


def test_run_without_a_journal_takes_no_space(tmp_path: Path) -> None:
    """There is nothing to discard."""
    assert discard(RunFolder.of(tmp_path, "unknown")) == 0


def test_journal_that_is_written_stays(folder: RunFolder) -> None:
    """The process that has it open is named."""
    writer = JournalWriter(folder)

    with pytest.raises(JournalError, match=r"stays: the process \d+ logs to it still"):
        discard(folder)

    writer.close()
    assert user_of(folder) is None
    assert folder.path.exists()


def test_journal_that_is_delivered_stays(folder: RunFolder) -> None:
    """Until whoever delivers has given the lock back."""
    lock = Lock.taken(ledger_folder(folder, "sqlite") / "lock")
    assert lock is not None

    user = user_of(folder)
    with pytest.raises(JournalError, match="a process delivers it just now"):
        discard(folder)
    lock.drop()

    assert user is not None
    assert discard(folder) > 0
