"""Writing in turns: one writer for processes that come and go.

A shell script logs by a process for each call. All of a host that belong to one
attempt and rank are one writer together, named in the file ``RunFolder.turns``. Who
appends holds the lock of that file from the first step to the last:

1. The name is read. Where there is none, or that writer has ended, a new one is made
   and named there.
2. The end of its last segment is found, by the checksums of the frames.
3. The payload of the new frame is stored behind it, then its header.

What a crash leaves: before the name is written a writer that nobody uses; before the
header bytes behind the end. Who comes next finds them, lets that writer end, and goes
on as a new one, so that nothing which somebody was told to be safe is ever written
over. The lock is given up by the system, so nobody waits for the dead.

The mark that such a writer has ended is set under the lock too, and nothing is appended
behind it. Where the filesystem knows no locks each process is a writer of its own.
"""

import errno
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self
from zlib import crc32

from tracker_core.errors import InvalidValueError, JournalError
from tracker_core.identity import new_writer_id
from tracker_core.journal.folders import (
    Lock,
    RunFolder,
    WriterFolder,
    make_folder,
    segment_numbers,
)
from tracker_core.journal.frames import (
    FRAME,
    HEAD_BYTES,
    NUMBERED,
    POINT,
    RECORD,
    RECORD_HEAD,
    body_bytes,
    first_sequence,
    padded,
    read_head,
)
from tracker_core.journal.segments import new_segment, segment_path
from tracker_core.journal.writer import LARGEST_RECORD, JournalWriter
from tracker_core.records import Body, Writer

__all__ = ["SharedWriter", "settle_shared"]

# Small, since each process looks through the last one.
_SEGMENT_BYTES = 256 * 2**10


class SharedWriter:
    """Appends records to the journal of a run as the writer of all such processes.

    One thread uses it; any number of processes may, each with an object of its own. It
    holds no lock between two calls.

    Args:
        folder: The journal of the run.
        attempt: The attempt of the run, from 1.
        rank: The rank of this process, or None.
        first: Returns what the writer says first, whenever one is made.
        budget: How many bytes the run may take on the disk; None for all there is.
        clock: Returns nanoseconds since 1970.
    """

    def __init__(
        self,
        folder: RunFolder,
        attempt: int = 1,
        rank: int | None = None,
        *,
        first: Callable[[], Iterable[Body]] = tuple,
        budget: int | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Nothing is opened yet."""
        self._run = folder
        self._told = Writer("", attempt, rank)
        self._turns = folder.turns(self._told)
        self._first = first
        self._budget = budget
        self._clock = clock
        self._tail: _Tail | None = None
        self._alone: JournalWriter | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close what is open."""
        self.close()

    def append(self, body: Body) -> None:
        """Append one record, after those of all other processes.

        It survives the death of this process as soon as the call returns.

        Raises:
            InvalidValueError: It is larger than a record may be.
            JournalError: The disk refused; nothing was appended.
        """
        if self._alone is not None:
            self._alone.append(body)
            return
        data = body_bytes(body)
        if len(data) > LARGEST_RECORD:
            message = (
                f"a record of {len(data)} bytes is larger than the {LARGEST_RECORD} "
                "that a record may have; log it as an artifact"
            )
            raise InvalidValueError(message)
        try:
            self._append(body, data)
        except OSError as error:
            if isinstance(error, JournalError):
                raise
            raise self._refusal(error) from error

    def close(self) -> None:
        """Close what is open; the writer goes on to be that of others."""
        self._leave()
        if self._alone is not None:
            self._alone.close()

    def _append(self, body: Body, data: bytes) -> None:
        make_folder(self._turns.parent)
        lock = Lock.awaited(self._turns)
        try:
            if lock.is_known:
                self._store(data)
                return
        finally:
            lock.drop()
        writer = self._told
        self._alone = JournalWriter(
            self._run,
            writer.attempt,
            writer.rank,
            budget=self._budget,
            segment_bytes=_SEGMENT_BYTES,
        )
        for one in (*self._first(), body):
            self._alone.append(one)

    def _store(self, data: bytes) -> None:
        tail = self._found() or self._begin()
        needed = padded(FRAME.size + RECORD_HEAD.size + len(data))
        if not tail.has_room(needed):
            tail = self._go_on(tail, needed)
        tail.store(data, self._clock())

    def _found(self) -> "_Tail | None":
        """Return the end of what was written; None where a new writer must begin."""
        try:
            name = self._turns.read_text(encoding="utf-8")
        except ValueError:
            name = ""
        tail = self._tail
        if tail is not None and tail.folder.writer.id == name:
            folder: WriterFolder | None = tail.folder
        else:
            folder = self._run.writer(name) if name else None
        if folder is None or folder.is_settled:
            self._leave()
            return None
        if tail is None or tail.folder != folder or tail.is_followed():
            self._leave()
            tail = self._tail = _Tail.of(folder)
        if tail is None or not tail.catch_up():
            self._leave()
            folder.settle()
            return None
        return tail

    def _begin(self) -> "_Tail":
        writer = self._told._replace(id=new_writer_id())
        self._run.make()
        folder, lock = self._run.add_writer(writer, None, is_shared=True)
        lock.drop()
        try:
            tail = self._add_segment(folder, 1, 1, 0)
        except OSError:
            # Every call that comes to a full disk would leave one behind.
            with suppress(OSError):
                (folder.path / "writer.json").unlink()
                folder.path.rmdir()
            raise
        for body in self._first():
            tail.store(body_bytes(body), self._clock())
        self._turns.write_text(writer.id, encoding="utf-8")
        return tail

    def _go_on(self, tail: "_Tail", needed: int) -> "_Tail":
        folder, number = tail.folder, tail.number + 1
        last_ns = tail.last_ns
        found = self._add_segment(folder, number, tail.sequence, needed)
        found.last_ns = last_ns
        return found

    def _add_segment(
        self, folder: WriterFolder, number: int, sequence: int, needed: int
    ) -> "_Tail":
        if self._budget is not None:
            used = self._run.used_bytes()
            if used + max(needed, _SEGMENT_BYTES) > self._budget:
                raise OSError(errno.EDQUOT, "its disk budget is spent")
        number, segment = new_segment(
            folder.path, number, sequence, needed, _SEGMENT_BYTES, reserves=False
        )
        segment.close()
        self._leave()
        tail = self._tail = _Tail(folder, number)
        return tail

    def _leave(self) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            tail.close()

    def _refusal(self, error: OSError) -> JournalError:
        place, why = str(self._run.path), error.strerror or error
        remedy = "free some space"
        if error.errno == errno.EDQUOT:
            remedy += ", raise TRACKER_DISK_BUDGET"
        return JournalError(
            f"the journal {place!r} cannot be written: {why}; {remedy}, or set "
            "TRACKER_HOME to a folder on another disk"
        )


class _Tail:
    """The last segment of a writer, and where its frames end."""

    def __init__(self, folder: WriterFolder, number: int) -> None:
        self.folder = folder
        self.number = number
        flags = os.O_RDWR | os.O_CLOEXEC
        self._descriptor = os.open(segment_path(folder.path, number), flags)
        head = os.pread(self._descriptor, HEAD_BYTES, 0)
        self._salt = read_head(head)
        self._offset = HEAD_BYTES
        self.sequence = first_sequence(head) or 1
        self.last_ns = 0

    @classmethod
    def of(cls, folder: WriterFolder) -> "_Tail | None":
        """Return that of the last segment which is whole as a file, if there is any."""
        for number in reversed(segment_numbers(folder.path)):
            tail = cls(folder, number)
            if tail._salt is not None:
                return tail
            tail.close()
        return None

    def is_followed(self) -> bool:
        """Tell whether another process may have gone on in a new segment."""
        return segment_path(self.folder.path, self.number + 1).exists()

    def has_room(self, needed: int) -> bool:
        """Tell whether a frame goes into this segment."""
        is_empty = self._offset == HEAD_BYTES
        return is_empty or self._offset + needed <= _SEGMENT_BYTES

    def catch_up(self) -> bool:
        """Go to the end of what others have stored; False where that is not clear."""
        size = os.fstat(self._descriptor).st_size
        data = os.pread(self._descriptor, max(size - self._offset, 0), self._offset)
        at = 0
        while at + FRAME.size <= len(data):
            length, checksum = FRAME.unpack_from(data, at)
            if not length and not checksum:
                break
            payload = data[at + FRAME.size : at + FRAME.size + length]
            if not payload or crc32(payload, self._salt or 0) != checksum:
                return False
            if payload[0] in (RECORD, POINT):
                sequence, self.last_ns = NUMBERED.unpack_from(payload)
                self.sequence = sequence + 1
            at += padded(FRAME.size + length)
        self._offset += at
        return not data[at:].strip(b"\0")

    def store(self, data: bytes, now: int) -> None:
        """Store a record; it is there whole or not at all.

        Raises:
            OSError: The disk refused; the segment is as it was.
        """
        time_ns = max(now, self.last_ns)
        payload = RECORD_HEAD.pack(RECORD, self.sequence, time_ns) + data
        header = FRAME.pack(len(payload), crc32(payload, self._salt or 0))
        try:
            self._write(payload, self._offset + FRAME.size)
            # Last of all: a payload without it is nothing.
            self._write(header, self._offset)
        except OSError:
            os.ftruncate(self._descriptor, self._offset)
            raise
        self._offset += padded(FRAME.size + len(payload))
        self.sequence += 1
        self.last_ns = time_ns

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, data: bytes, offset: int) -> None:
        if os.pwrite(self._descriptor, data, offset) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def settle_shared(folder: RunFolder, writer: WriterFolder) -> None:
    """Mark that a shared writer has ended, unless somebody is it just now.

    Raises:
        OSError: The disk refused.
    """
    turns = folder.turns(writer.writer)
    make_folder(turns.parent)
    lock = Lock.taken(turns)
    if lock is not None:
        try:
            writer.settle()
        finally:
            lock.drop()
