"""How many records a backend has not taken yet."""

from pathlib import Path

import pytest

from tracker_core.delivery.ledger import Ledger, ledger_folder
from tracker_core.delivery.overview import pending
from tracker_core.delivery.overview import pending
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.reader import BEGINNING, JournalReader
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import LogBody, MetricsBody


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Give a run."""
    return RunFolder.of(tmp_path, "r")


def _write(folder: RunFolder, count: int) -> None:
    """Let a process log so many records, in several segments, and end."""
    writer = JournalWriter(folder, segment_bytes=2048)
    for step in range(count):
        is_even = step % 2 == 0
        body = MetricsBody(step, {"": {"loss": 0.5}})
        writer.append(body if is_even else LogBody("info", "x" * 50, None))
    writer.close()


def test_records_of_all_writers_are_due_at_first(folder: RunFolder) -> None:
    """Points and others alike, through all segments."""
    ledger = Ledger(ledger_folder(folder, "b"), "b")
    before = pending(folder, ledger)

    for count in (1, 100, 7):
        _write(folder, count)

    assert before == 0
    assert pending(folder, ledger) == 108


def test_records_that_were_taken_are_not_due(folder: RunFolder) -> None:
    """It counts from where the backend is, writer by writer."""
    _write(folder, 100)
    _write(folder, 7)
    ledger = Ledger(ledger_folder(folder, "b"), "b")
    first = folder.writers()[0]
    portion = JournalReader(first.path).read(BEGINNING, is_final=True)

    ledger.positions[first.writer.id] = portion.end

    assert 0 < portion.last < 100
    assert pending(folder, ledger) == 107 - portion.last


def test_records_of_another_host_are_not_due(folder: RunFolder) -> None:
    """Who delivers there has a ledger there."""
    _write(folder, 3)
    elsewhere = folder._replace(host="elsewhere")

    assert pending(elsewhere, Ledger(ledger_folder(elsewhere, "b"), "b")) == 0
