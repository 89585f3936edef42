"""Settling: what is said in place of a writer that has died without a word.

A process that is killed, or crashes, or leaves by ``os._exit`` cannot record its end.
The system gives up its lock, and whoever delivers next records in its place that it was
lost. A launcher that outlived it says more, and that counts.
"""

from collections.abc import Iterable
from zlib import crc32

from tracker_core.delivery.ledger import Ledger
from tracker_core.ends import LOST
from tracker_core.journal.folders import (
    Lock,
    RunFolder,
    WriterFolder,
    segment_numbers,
    this_host,
)
from tracker_core.journal.frames import (
    FRAME,
    HEAD_BYTES,
    RECORD,
    RECORD_HEAD,
    body_bytes,
    padded,
)
from tracker_core.journal.reader import JournalReader, Position
from tracker_core.journal.segments import new_segment, segment_path
from tracker_core.journal.shared import settle_shared
from tracker_core.mounts import network_type
from tracker_core.records import EndedBody

__all__ = ["settle_dead", "sweep"]


def settle_dead(folder: RunFolder, known: Iterable[Ledger] = ()) -> None:
    """Record the end of each writer of the folder's host that has died.

    One that several processes share ends when no other process of the run is left.

    Args:
        folder: The run.
        known: Ledgers, which tell how much of a writer was there where its segments
            are gone.

    Raises:
        OSError: The disk refused.
    """
    if folder.host != this_host() and network_type(folder.path.resolve()) is not None:
        # Some network filesystems lock for one machine alone, and who lives on another
        # cannot be told there; its heartbeat tells.
        return
    shared: list[WriterFolder] = []
    is_anybody_there = False
    for writer_id in folder.writer_ids():
        # Most have ended, and nothing else of them is looked at.
        if folder.has_settled(writer_id):
            continue
        writer = folder.writer(writer_id)
        if writer is None or writer.host != folder.host:
            continue
        if writer.is_shared:
            shared.append(writer)
            continue
        # Not the lock of the writer: who asks whether it lives would say yes meanwhile.
        if writer.is_alive() or not (lock := Lock.taken(writer.path / "settling")):
            is_anybody_there = True
            continue
        try:
            if not writer.is_settled:
                _settle(writer, known)
        finally:
            lock.drop()
    # As long as a process of the run lives more calls may come, and all of them shall
    # be one writer.
    for writer in () if is_anybody_there else shared:
        settle_shared(folder, writer)


def sweep(folder: RunFolder, known: Iterable[Ledger]) -> None:
    """Remove what every backend has: segments, and content.

    Args:
        folder: The run.
        known: The ledgers of all backends.
    """
    every = list(known)
    if not every:
        return
    for writer in folder.writers():
        numbers = segment_numbers(writer.path)
        begun = min(ledger.position(writer.writer.id).segment for ledger in every)
        for number in numbers:
            if number < begun:
                segment_path(writer.path, number).unlink(missing_ok=True)
        if writer.is_settled and numbers and numbers[-1] == begun:
            _sweep_last(writer, every)
    common = set.intersection(*(ledger.contents for ledger in every))
    for digest in common:
        (folder.content / digest.removeprefix("sha256:")).unlink(missing_ok=True)


def _sweep_last(writer: WriterFolder, every: list[Ledger]) -> None:
    """Remove the last segment of a writer once nothing more can come out of it."""
    reader = JournalReader(writer.path)
    for ledger in every:
        position = ledger.position(writer.writer.id)
        portion = reader.read(position, is_final=True)
        cut = ledger.cut
        is_cut = cut is not None and cut.writer == writer.writer.id
        if is_cut or portion.records or portion.end != position:
            return
    for number in segment_numbers(writer.path):
        segment_path(writer.path, number).unlink(missing_ok=True)


def _settle(writer: WriterFolder, known: Iterable[Ledger]) -> None:
    if writer.role is not None:
        numbers = segment_numbers(writer.path)
        sequence = max(
            (ledger.position(writer.writer.id).sequence for ledger in known), default=1
        )
        last_ns, has_ended, sequence = _last_words(writer, numbers, sequence)
        if not has_ended:
            body = EndedBody(writer.role, "FAILED", {"kind": LOST})
            _append(writer, numbers, sequence, last_ns, body)
    writer.settle()


def _last_words(
    writer: WriterFolder, numbers: list[int], sequence: int
) -> tuple[int, bool, int]:
    """Return the time of the last record, whether it ended, and the next sequence."""
    reader, last_ns, has_ended = JournalReader(writer.path), 0, False
    # The end is near the end: in the last segment, or it is the last of the one before.
    position = Position(numbers[-2] if len(numbers) > 1 else 0, HEAD_BYTES, 0)
    while True:
        portion = reader.read(position, is_final=True)
        for record in portion.records.others:
            has_ended = has_ended or isinstance(record.body, EndedBody)
            last_ns = max(last_ns, record.time_ns)
        for columns in portion.records.points.values():
            last_ns = max(last_ns, columns.times_ns[-1])
        if portion.records:
            sequence = max(sequence, portion.last + 1)
        if portion.end == position:
            return last_ns, has_ended, sequence
        position = portion.end


def _append(
    writer: WriterFolder,
    numbers: list[int],
    sequence: int,
    time_ns: int,
    body: EndedBody,
) -> None:
    if not time_ns:
        time_ns = _changed_ns(writer)
    payload = RECORD_HEAD.pack(RECORD, sequence, time_ns) + body_bytes(body)
    _, segment = new_segment(
        writer.path,
        (numbers[-1] if numbers else 0) + 1,
        sequence,
        padded(FRAME.size + len(payload)),
        0,
        reserves=False,
    )
    try:
        header = FRAME.pack(len(payload), crc32(payload, segment.salt))
        segment.store(HEAD_BYTES, payload, header)
    finally:
        segment.close()


def _changed_ns(writer: WriterFolder) -> int:
    """Return when a writer of which no record is left was there."""
    return (writer.path / "writer.json").stat().st_mtime_ns
