"""What the journal of a host knows of delivery: who has what, and what is due."""

import time
from collections.abc import Iterable, Iterator, Sequence
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

    @property
    def id(self) -> str:
        """The writer."""
        return self.folder.writer.id

    @property
    def has_died(self) -> bool:
        """Whether it has gone without a word, and nobody has said so in its place."""
        is_told = self.folder.is_settled or self.folder.role is None
        return not self.is_alive and not is_told


class BackendState(NamedTuple):
    """How far a backend is with a run.

    Args:
        backend: Its name.
        factory: How it is built, where its name does not tell.
        is_private: Whether it lives and dies with the one process that delivers to it.
        delivered: How many records it has taken.
        due: How many it lacks of each writer.
        dead: What it refuses for ever.
        degraded: How many things it could not hold, by kind of record.
        damages: Writer, and what of its journal cannot be read.
        error: What it said when it failed last, or None.
        lag_s: The age in seconds of the oldest record that is due; 0 without any.
        waits_s: For how many seconds the batch that is being sent is being tried.
        is_held: Whether some process delivers.
        has_died: Whether the end of a process is to be recorded by who delivers.
    """

    backend: str
    factory: str | None
    is_private: bool
    delivered: int
    due: dict[str, int]
    dead: tuple[DeadLetter, ...]
    degraded: dict[str, int]
    damages: tuple[tuple[str, Damage], ...]
    error: str | None
    lag_s: float
    waits_s: float
    is_held: bool
    has_died: bool

    @property
    def pending(self) -> int:
        """How many records are due."""
        return sum(self.due.values())

    @property
    def dead_count(self) -> int:
        """How many records it refuses."""
        return sum(letter.records for letter in self.dead)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to deliver."""
        return not self.pending and not self.has_died

    @property
    def state(self) -> str:
        """How it fares.

        It is ``delivered``, ``delivering``, ``failing`` (it is tried again),
        ``hanging`` (it does not return from a call) or ``waiting`` (nobody delivers).
        """
        if self.is_done:
            return "delivered"
        if not self.is_held:
            return "waiting"
        if self.pending and self.error is not None:
            return "failing"
        return "hanging" if self.waits_s > _HANGS_S else "delivering"


def writer_states(folder: RunFolder) -> list[WriterState]:
    """Return the writers of a run on the folder's host, sorted by their ids.

    Raises:
        JournalError: A ledger cannot be understood.
    """
    known = ledgers(folder)
    return [
        WriterState(
            writer,
            _last_sequence(writer, known),
            not writer.is_settled and writer.is_alive(),
        )
        for writer in folder.writers()
        if writer.host == folder.host
    ]


def backend_states(
    folder: RunFolder, writers: Sequence[WriterState] | None = None
) -> list[BackendState]:
    """Return how far each backend is with a run on the folder's host.

    Args:
        folder: The run.
        writers: What :func:`writer_states` said, where it was asked already.

    Raises:
        JournalError: A ledger cannot be understood.
    """
    writers = writer_states(folder) if writers is None else writers
    return [_state(ledger, writers) for ledger in ledgers(folder)]


def pending(folder: RunFolder, ledger: Ledger) -> int:
    """Return how many records of a run on the folder's host a backend lacks."""
    return sum(_due(ledger, writer_states(folder)).values())


def _due(ledger: Ledger, writers: Iterable[WriterState]) -> dict[str, int]:
    found = {}
    for writer in writers:
        taken = ledger.position(writer.id).sequence - 1
        cut = ledger.cut
        if cut is not None and cut.writer == writer.id:
            # Parts of it may be done.
            taken = cut.end.sequence - 1 - cut.due
        found[writer.id] = max(writer.written - taken, 0)
    return found


def _state(ledger: Ledger, writers: Sequence[WriterState]) -> BackendState:
    due = _due(ledger, writers)
    cut = ledger.cut
    now_ns = time.time_ns()
    oldest = [
        first_ns
        for writer in writers
        if due[writer.id]
        for first_ns in _oldest_ns(writer.folder, ledger)
    ]
    return BackendState(
        backend=ledger.backend,
        factory=ledger.factory,
        is_private=ledger.scope is not None,
        delivered=ledger.delivered,
        due=due,
        dead=tuple(ledger.dead()),
        degraded=dict(ledger.degraded),
        damages=tuple(ledger.damages),
        error=ledger.error,
        lag_s=_seconds_since(min(oldest), now_ns) if oldest else 0.0,
        waits_s=0.0 if cut is None else _seconds_since(cut.since_ns, now_ns),
        is_held=ledger.is_held(),
        has_died=any(writer.has_died for writer in writers),
    )


def _seconds_since(time_ns: int, now_ns: int) -> float:
    return max((now_ns - time_ns) / 1e9, 0.0)


def _oldest_ns(writer: WriterFolder, ledger: Ledger) -> Iterator[int]:
    position = ledger.position(writer.writer.id)
    portion = JournalReader(writer.path).read(position, max_bytes=_LOOK_BYTES)
    yield from _first_times(portion.records)


def _first_times(records: Gathered) -> Iterator[int]:
    for columns in records.points.values():
        yield columns.times_ns[0]
    if records.others:
        yield records.others[0].time_ns


def _last_sequence(writer: WriterFolder, known: Iterable[Ledger]) -> int:
    """Return the sequence number of the last record of a writer; 0 without any.

    What every backend has is no longer in the journal, but in the ledgers.
    """
    furthest = max(
        (ledger.position(writer.writer.id) for ledger in known), default=BEGINNING
    )
    last, position = furthest.sequence - 1, furthest
    numbers = segment_numbers(writer.path)
    # The last segment may be empty still.
    if len(numbers) > 1 and numbers[-2] > position.segment:
        position = Position(numbers[-2], HEAD_BYTES, 0)
    reader = JournalReader(writer.path)
    while True:
        portion = reader.read(position)
        last = max(last, portion.last)
        if portion.end == position:
            return last
        position = portion.end
