"""The stores that the jobs of these tests are delivered to, and the rest of delivery.

What a dead process leaves in the journal is delivered here as ``tracker sync`` would:
by whoever gets the lock of a backend's ledger.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import tracker_fsspec
import tracker_sqlite
from tracker_core import NativeTracker
from tracker_core.delivery.base import Target
from tracker_core.delivery.carrier import Carrier, Step
from tracker_core.delivery.ledger import Ledger, ledger_folder
from tracker_core.delivery.settling import settle_dead
from tracker_core.journal.folders import Lock, RunFolder, make_folder, run_folders

__all__ = ["BACKENDS", "Stores", "deliver_rest", "run_ids", "until"]

BACKENDS = "sqlite=tracker_sqlite:create,fsspec=tracker_fsspec:create"
_LOOK_EACH_S = 0.005


class Stores:
    """A home of Tracker, a SQLite store and a folder for fsspec, all below one folder.

    Args:
        place: The folder.
        home: The home, where it is not below that folder.
    """

    def __init__(self, place: Path, home: Path | None = None) -> None:
        """Nothing is made yet."""
        self.home: Path = home or place / "home"
        self.sqlite: str = str(place / "runs.db")
        self.fsspec: str = str(place / "runs")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables that lead a job here."""
        return {
            "TRACKER_HOME": str(self.home),
            "TRACKER_BACKENDS": BACKENDS,
            "TRACKER_SQLITE_CONFIG": self.sqlite,
            "TRACKER_FSSPEC_CONFIG": self.fsspec,
            **more,
        }

    @contextmanager
    def open(self) -> Iterator[dict[str, NativeTracker]]:
        """Open both by their names; they are closed with the block."""
        sqlite = tracker_sqlite.create(self.sqlite)
        fsspec = tracker_fsspec.create(self.fsspec)
        try:
            yield {"sqlite": sqlite, "fsspec": fsspec}
        finally:
            sqlite.close()
            fsspec.close()


def deliver_rest(home: Path, trackers: Mapping[str, NativeTracker]) -> list[str]:
    """Deliver all that lies in the journal, once those who die are dead.

    Returns:
        What the backends or the journal were said to have failed with.
    """
    said: list[str] = []
    for folder in run_folders(home):
        until(lambda folder=folder: _is_settled(folder))  # type: ignore[misc]  # of this turn
        for name, tracker in trackers.items():
            _deliver(folder, Target(name, tracker), said)
    return said


def run_ids(home: Path) -> list[str]:
    """Return the runs in the journal."""
    return [folder.run_id for folder in run_folders(home)]


def until(is_true: Callable[[], object]) -> None:
    """Wait for what is sure to come, as long as the time-out of the test allows."""
    while not is_true():
        time.sleep(_LOOK_EACH_S)


def _is_settled(folder: RunFolder) -> bool:
    settle_dead(folder)
    return all(folder.has_settled(writer) for writer in folder.writer_ids())


def _deliver(folder: RunFolder, target: Target, said: list[str]) -> None:
    place = ledger_folder(folder, target.name)
    make_folder(place)
    lock = _taken(place / "lock")
    try:
        ledger = Ledger.load(place) or Ledger(place, target.name)
        carrier = Carrier(folder, target, ledger, lambda text, _: said.append(text))
        while (step := carrier.step()) is not Step.IDLE:
            if step is Step.FAILED:
                carrier.due = 0.0
        carrier.rest()
    finally:
        lock.drop()


def _taken(path: Path) -> Lock:
    while (lock := Lock.taken(path)) is None:
        time.sleep(_LOOK_EACH_S)
    return lock
