"""What the journal of this host knows of delivery: who has what, and what is due."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tracker_core.delivery.ledger import DeadLetter, Ledger, ledgers
from tracker_core.gathered import Gathered
from tracker_core.journal.folders import RunFolder, WriterFolder, segment_numbers
from tracker_core.journal.frames import HEAD_BYTES
from tracker_core.journal.reader import BEGINNING, Damage, JournalReader, Position

__all__ = ["BackendState", "WriterState", "backend_states", "pending", "writer_states"]

# A call that takes so long without an error is said to hang.
_HANGS_S = 30.0
_LOOK_BYTES = 4096


class WriterState(NamedTuple):
    """What a process has written.

    Args:
        folder: Who it is.
        written: How many records it has logged, as far as the journal knows.
        is_alive: Whether it may write still.
    """

    folder: WriterFolder
    written: int
    is_alive: bool


class BackendState(NamedTuple):
    """How far a backend is with a run.

    Args:
        backend: Its name.
        host: The machine whose journal is meant.
        factory: How it is built, where its name does not tell.
        delivered: How many records it has taken.
        pending: How many are due.
        pending_by_writer: The same for each writer.
        dead: What it refuses for ever.
        degraded: How many things it could not hold, by kind of record.
        damages: Writer, and what of its journal cannot be read.
        error: What it said when it failed last, or None.
        lag_s: The age in seconds of the oldest record that is due; 0 without any.
        waits_s: For how many seconds the batch that is being sent is being tried.
        is_held: Whether some process delivers.
    """

    backend: str
    host: str
    factory: str | None
    delivered: int
    pending: int
    pending_by_writer: dict[str, int]
    dead: tuple[DeadLetter, ...]
    degraded: dict[str, int]
    damages: tuple[tuple[str, Damage], ...]
    error: str | None
    lag_s: float
    waits_s: float
    is_held: bool

    @property
    def dead_count(self) -> int:
        """How many records it refuses."""
        return sum(letter.records for letter in self.dead)

    @property
    def state(self) -> str:
        """How it fares: delivered, delivering, failing, hanging or waiting."""
        if not self.pending:
            return "delivered"
        if not self.is_held:
            return "waiting"
        if self.error is not None:
            return "failing"
        return "hanging" if self.waits_s > _HANGS_S else "delivering"


def writer_states(folder: RunFolder) -> list[WriterState]:
    """Return the writers of a run on the folder's host, sorted by their ids."""
    known = ledgers(folder)
    found = []
    for writer in folder.writers():
        if writer.host == folder.host:
            told = [ledger.position(writer.writer.id).sequence for ledger in known]
            written = max(_last_sequence(writer), *(count - 1 for count in told), 0)
            is_alive = not writer.is_settled and writer.is_alive()
            found.append(WriterState(writer, written, is_alive))
    return found


def backend_states(
    folder: RunFolder, writers: list[WriterState] | None = None
) -> list[BackendState]:
    """Return how far each backend is with a run on the folder's host.

    Args:
        folder: The run.
        writers: What :func:`writer_states` said, where it was asked already.

    Raises:
        JournalError: A ledger cannot be understood.
    """
    writers = writer_states(folder) if writers is None else writers
    return [_state(folder, ledger, writers) for ledger in ledgers(folder)]


def pending(folder: RunFolder, ledger: Ledger) -> int:
    """Return how many records of a run on the folder's host a backend lacks."""
    return sum(_due(ledger, writer_states(folder)).values())


def _due(ledger: Ledger, writers: list[WriterState]) -> dict[str, int]:
    found = {}
    for folder, written, _ in writers:
        taken = ledger.position(folder.writer.id).sequence - 1
        found[folder.writer.id] = max(written - taken, 0)
    return found


def _state(
    folder: RunFolder, ledger: Ledger, writers: list[WriterState]
) -> BackendState:
    due = _due(ledger, writers)
    cut = ledger.cut
    now_ns = time.time_ns()
    oldest = [
        first_ns
        for writer in writers
        if due[writer.folder.writer.id]
        for first_ns in _oldest_ns(writer.folder.path, ledger)
    ]
    return BackendState(
        backend=ledger.backend,
        host=folder.host,
        factory=ledger.factory,
        delivered=ledger.delivered,
        pending=sum(due.values()),
        pending_by_writer=due,
        dead=tuple(ledger.dead()),
        degraded=dict(ledger.degraded),
        damages=tuple(ledger.damages),
        error=ledger.error,
        lag_s=max((now_ns - min(oldest)) / 1e9, 0.0) if oldest else 0.0,
        waits_s=0.0 if cut is None else max((now_ns - cut.since_ns) / 1e9, 0.0),
        is_held=ledger.is_held(),
    )


def _oldest_ns(path: Path, ledger: Ledger) -> Iterator[int]:
    position = ledger.position(path.name)
    portion = JournalReader(path).read(position, max_bytes=_LOOK_BYTES)
    yield from _times(portion.records)


def _times(records: Gathered) -> Iterator[int]:
    for columns in records.points.values():
        yield columns.times_ns[0]
    if records.others:
        yield records.others[0].time_ns


def _last_sequence(writer: WriterFolder) -> int:
    """Return the sequence number of the last record that lies in the journal."""
    numbers = segment_numbers(writer.path)
    reader = JournalReader(writer.path)
    # The last segment may be empty still.
    position = Position(numbers[-2], HEAD_BYTES, 0) if numbers[1:] else BEGINNING
    last = 0
    while True:
        portion = reader.read(position)
        last = max(last, portion.last)
        if portion.end == position:
            return last
        position = portion.end
