"""A run in a journal, and what delivers it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker_core.api import NativeTracker
from tracker_core.delivery.base import Target
from tracker_core.delivery.carrier import Carrier, Step
from tracker_core.delivery.ledger import Ledger, ledger_folder
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Where the run is."""
    return RunFolder.of(tmp_path, "r")


@pytest.fixture
def writer(folder: RunFolder) -> Iterator[JournalWriter]:
    """Open a writer with small segments."""
    made = JournalWriter(folder, role="job", segment_bytes=4096)
    yield made
    made.close()


@pytest.fixture
def told() -> list[str]:
    """Collect what a carrier says."""
    return []


@pytest.fixture
def carry(folder: RunFolder, told: list[str]) -> Callable[..., Carrier]:
    """Make carriers; what they know is loaded from the disk, as after a crash."""

    def make(tracker: NativeTracker, name: str = "store") -> Carrier:
        place = ledger_folder(folder, name)
        ledger = Ledger.load(place) or Ledger(place, name)
        target = Target(name, tracker)
        return Carrier(folder, target, ledger, lambda text, _error: told.append(text))

    return make


def drain(carrier: Carrier, steps: int = 10_000) -> Step:
    """Step until nothing is left, or the backend has failed."""
    for _ in range(steps):
        step = carrier.step()
        if step in (Step.IDLE, Step.FAILED):
            return step
    pytest.fail(f"there was still something to do after {steps} steps")
