"""Segments: the files that one writer fills, one after the other.

A segment is mapped into memory where its space can be had beforehand, so that storing
a record is no system call and a full disk shows when the segment is made. On network
filesystems, and on those that cannot reserve space, it is written to instead. Either
way what is stored survives the death of the process at once.
"""

import errno
import mmap
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

from tracker_core.journal.frames import HEAD_BYTES, head_of

__all__ = ["SEGMENT_BYTES", "Segment", "is_full", "new_segment", "segment_path"]

SEGMENT_BYTES = 4 * 2**20
"""How much one segment holds, unless a single record needs more."""

_SMALLEST = 64 * 2**10
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Segment(Protocol):
    """Where frames are stored; they begin at the end of the head."""

    size: int
    salt: int

    def store(self, offset: int, payload: bytes, header: bytes) -> None:
        """Store a frame, its header last."""

    def load(self, offset: int, size: int) -> bytes:
        """Return what lies at a place; less where the segment ends."""

    def clear(self, offset: int, size: int) -> None:
        """Wipe out what lies at a place, behind which nothing lies."""

    def close(self) -> None:
        """Let the file go; what is in it stays."""


class MappedSegment:
    """A segment in memory that the system writes to its file.

    Attributes:
        view: The bytes, for whoever stores without a call.
    """

    def __init__(self, descriptor: int, size: int, salt: int) -> None:
        """Map a file whose space is reserved; takes the descriptor."""
        self.size: int = size
        self.salt: int = salt
        try:
            self.view: mmap.mmap = mmap.mmap(
                descriptor, size, mmap.MAP_SHARED | mmap.MAP_POPULATE
            )
        finally:
            os.close(descriptor)

    def store(self, offset: int, payload: bytes, header: bytes) -> None:
        """Store a frame, its header last."""
        start = offset + len(header)
        self.view[start : start + len(payload)] = payload
        self.view[offset:start] = header

    def load(self, offset: int, size: int) -> bytes:
        """Return what lies at a place."""
        return self.view[offset : offset + size]

    def clear(self, offset: int, size: int) -> None:
        """Wipe out what lies at a place."""
        self.view[offset : offset + size] = bytes(size)

    def close(self) -> None:
        """Let the mapping go."""
        self.view.close()


class WrittenSegment:
    """A segment whose file grows with every frame."""

    def __init__(self, descriptor: int, size: int, salt: int) -> None:
        """Take the descriptor of the file."""
        self.size: int = size
        self.salt: int = salt
        self._descriptor = descriptor

    def store(self, offset: int, payload: bytes, header: bytes) -> None:
        """Append a frame in one call.

        Raises:
            OSError: The disk refused; the file is as it was.
        """
        frame = header + payload
        try:
            written = os.pwrite(self._descriptor, frame, offset)
        except OSError:
            self.clear(offset, len(frame))
            raise
        if written < len(frame):
            self.clear(offset, len(frame))
            _refuse_for_space()

    def load(self, offset: int, size: int) -> bytes:
        """Return what lies at a place, zeros where nothing was written."""
        return os.pread(self._descriptor, size, offset).ljust(size, b"\0")

    def clear(self, offset: int, size: int) -> None:
        """Cut the file at a place."""
        del size
        with suppress(OSError):
            os.ftruncate(self._descriptor, offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def segment_path(folder: Path, number: int) -> Path:
    """Return the path of a segment of the writer whose folder it is."""
    return folder / f"{number:08d}.segment"


def new_segment(
    folder: Path,
    number: int,
    first: int,
    needed: int,
    size: int = SEGMENT_BYTES,
    *,
    reserves: bool = True,
) -> tuple[int, Segment]:
    """Make the next segment of a writer.

    Args:
        folder: The folder of the writer.
        number: The number it should have; where a file of that number lies already,
            one that was never used, it gets the next that is free.
        first: The sequence number of its first record.
        needed: How many bytes of frames it must hold.
        size: How many bytes it should have.
        reserves: Whether its space is reserved and mapped where that is possible.

    Returns:
        Its number, and the segment.

    Raises:
        OSError: The disk refused. Nothing is left behind.
    """
    least = HEAD_BYTES + needed
    while True:
        path = segment_path(folder, number)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            number += 1
            continue
        try:
            room = max(size, least)
            head = head_of(salt := _new_salt(), number, first)
            return number, _begin(descriptor, head, salt, room, reserves=reserves)
        except OSError as error:
            path.unlink(missing_ok=True)
            # What is left of a disk that is nearly full is used too.
            if not is_full(error) or size <= max(_SMALLEST, least):
                raise
            size = max(size // 4, _SMALLEST)


def is_full(error: OSError) -> bool:
    """Tell whether an error says that there is no space left."""
    return error.errno in _FULL


def _new_salt() -> int:
    return int.from_bytes(os.urandom(4), "little")


def _begin(
    descriptor: int, head: bytes, salt: int, size: int, *, reserves: bool
) -> Segment:
    try:
        is_mapped = reserves and _reserve(descriptor, size)
        kind = MappedSegment if is_mapped else WrittenSegment
        segment = kind(os.dup(descriptor), size, salt)
        # Last of all: who reads it knows by the head that it will be used.
        if os.pwrite(descriptor, head, 0) < len(head):
            segment.close()
            _refuse_for_space()
    finally:
        os.close(descriptor)
    return segment


def _refuse_for_space() -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _reserve(descriptor: int, size: int) -> bool:
    """Reserve the space; False where the filesystem cannot."""
    if sys.platform != "linux":
        return False
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if is_full(error):
            raise
        os.ftruncate(descriptor, 0)
        return False
    return True
