"""Writing: what a process logs lies in its journal when the call returns.

One :class:`JournalWriter` belongs to one process and one run. Its threads take turns; a
forked child becomes a writer of its own, and so does a signal handler that logs in the
middle of a call, since it can neither wait for that call nor write into it.

Where the disk is full, or refuses for another reason, the job goes on: records are kept
in memory up to a bound and stored when there is space, in their order. What is logged
beyond that bound is dropped and counted. One line warns of it.
"""

import errno
import os
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from tracker_core.errors import InvalidValueError, JournalError, RunEndedError
from tracker_core.forks import tell_after_fork
from tracker_core.identity import new_writer_id
from tracker_core.journal.folders import Lock, RunFolder, WriterFolder
from tracker_core.journal.frames import (
    FRAME,
    HEAD_BYTES,
    NO_STEP,
    NUMBERED,
    POINT,
    RECORD,
    RECORD_HEAD,
    SHAPE,
    Shape,
    body_bytes,
    padded,
    values_of,
)
from tracker_core.journal.segments import (
    SEGMENT_BYTES,
    MappedSegment,
    Segment,
    new_segment,
)
from tracker_core.mounts import network_type
from tracker_core.notices import warn
from tracker_core.records import Body, MetricsBody, Role, Writer, series_name
from tracker_core.values import MAX_STEP

if TYPE_CHECKING:
    from mmap import mmap
    from types import FrameType

__all__ = ["LARGEST_RECORD", "JournalWriter"]

# Of a small budget a segment takes such a part, but no less than this.
_SHARES, _SMALLEST_SEGMENT_BYTES = 16, 2**16

LARGEST_RECORD = 256 * 2**20
"""How many bytes one record may have."""

_KEPT_BYTES = 16 * 2**20
_RETRIES_EACH_S = 1.0
# How long a thread sleeps while another one appends.
_TURN_S = 5e-5


class _Known(NamedTuple):
    """A shape that the segment knows: how a point of it is packed."""

    pack: Callable[..., bytes]
    number: int
    advance: int


class JournalWriter:
    """Appends the records of this process to the journal of one run.

    Threads may share it; a forked child may go on using it. No call raises because of
    the disk once the writer is open.

    Args:
        folder: The journal of the run.
        attempt: The attempt of the run, from 1.
        rank: The rank of this process, or None.
        role: Whether the run begins and ends with this process as its job or as its
            launcher; None where it does not.
        step: The launched step that this process belongs to, or None.
        budget: How many bytes the run may take on the disk; None for all there is.
        segment_bytes: How many bytes a segment has; fewer where the budget is small.
        clock: Returns nanoseconds since 1970.

    Raises:
        JournalError: The first segment cannot be made.
    """

    __slots__ = (
        "__weakref__",
        "_alive",
        "_aside",
        "_budget",
        "_clock",
        "_dropped",
        "_floats",
        "_folder",
        "_free",
        "_has_warned",
        "_ints",
        "_is_closed",
        "_kept",
        "_kept_bytes",
        "_known",
        "_last_ns",
        "_limit",
        "_number",
        "_offset",
        "_reserves",
        "_retry_at",
        "_role",
        "_run",
        "_salt",
        "_segment",
        "_segment_bytes",
        "_sequence",
        "_shapes",
        "_step",
        "_view",
        "_writer",
    )

    def __init__(
        self,
        folder: RunFolder,
        attempt: int = 1,
        rank: int | None = None,
        role: Role | None = None,
        *,
        step: str | None = None,
        budget: int | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make the folder of the writer and its first segment."""
        self._run = folder
        self._role: Role | None = role
        self._step = step
        self._budget = budget
        self._segment_bytes = segment_bytes
        if budget is not None:
            # Launcher, job and workers shall all find room for a segment.
            share = max(budget // _SHARES, _SMALLEST_SEGMENT_BYTES)
            self._segment_bytes = min(segment_bytes, share)
        self._clock = clock
        self._begin(Writer(new_writer_id(), attempt, rank))
        try:
            self._reserves = network_type(folder.path.resolve()) is None
            self._rotate(0)
        except OSError as error:
            self._let_go()
            message = f"the journal {str(folder.path)!r} cannot be written: {error}; "
            remedy = "free some space, "
            if error.errno == errno.EDQUOT:
                remedy += "raise TRACKER_DISK_BUDGET, "
            remedy += "or set TRACKER_HOME to a folder on another disk"
            raise JournalError(message + remedy) from error
        tell_after_fork(self)

    def _begin(self, writer: Writer) -> None:
        self._writer = writer
        # Who takes what is in it may append. Taking it is one instruction of the
        # interpreter, and costs a fourth of what a lock does.
        self._free: list[None] = [None]
        self._is_closed = False
        self._folder: WriterFolder | None = None
        self._alive: Lock | None = None
        self._segment: Segment | None = None
        self._view: mmap | None = None
        self._number = 0
        self._offset = 0
        # Up to where the short way may store; 0 sends everything the long way.
        self._limit = 0
        self._salt = 0
        self._forget_shapes()
        self._sequence = 1
        self._last_ns = 0
        self._aside: JournalWriter | None = None
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self._dropped = 0
        self._retry_at = 0.0
        self._has_warned = False

    def _forget_shapes(self) -> None:
        self._known: dict[tuple[object, ...], _Known] = {}
        # Those of a single series, by its name.
        self._floats: dict[str, _Known] = {}
        self._ints: dict[str, _Known] = {}
        self._shapes = 0

    def after_fork(self) -> None:
        """Become a writer of its own in a forked child, opened when it first logs."""
        segment, alive = self._segment, self._alive
        self._role = None
        self._begin(self._writer._replace(id=new_writer_id()))
        if segment is not None:
            segment.close()
        if alive is not None:
            alive.drop()

    @property
    def writer(self) -> Writer:
        """Who writes here now."""
        return self._writer

    @property
    def dropped(self) -> int:
        """How many records are lost, since disk and memory were full."""
        return self._dropped + (0 if self._aside is None else self._aside.dropped)

    def written(self) -> dict[str, int]:
        """Return the last sequence number of each writer that this process is."""
        last, aside = self._sequence - 1, self._aside
        found = {self._writer.id: last} if last else {}
        return found if aside is None else {**found, **aside.written()}

    def point(self, key: str, value: object, step: object) -> bool:
        """Append one number to one series, if there was one like it before.

        Args:
            key: The name of the series; it is not checked.
            value: The number, if it is one.
            step: The x axis that the job counts, or None.

        Returns:
            False where it is not so simple, and nothing was appended: the series is
            new, something is wrong with what was given, or there is no space.
        """
        if step is None:
            step = NO_STEP
        elif type(step) is not int or not 0 <= step <= MAX_STEP:
            return False
        kind = type(value)
        try:
            self._free.pop()
        except IndexError:  # another thread, or a call that a handler interrupted
            return False
        except BaseException:
            self._give_back()
            raise
        # What follows is written out, and again in `points`: a call costs as much as
        # all of it.
        try:
            known = self._floats.get(key) if kind is float else self._ints.get(key)
            if known is None or (kind is not float and kind is not int):
                return False
            pack, number, advance = known
            offset = self._offset
            end = offset + advance
            if end > self._limit:
                return False
            now = self._clock()
            if now < self._last_ns:  # noqa: PLR1730 - a call costs more
                now = self._last_ns
            sequence = self._sequence
            payload = pack(POINT, number, sequence, now, step, value)
            size = len(payload)
            start = offset + 8
            view = self._view
            view[start : start + size] = payload  # type: ignore[index]  # below the limit there is one
            _PACK_FRAME(view, offset, size, crc32(payload, self._salt))  # type: ignore[arg-type]  # as above
            self._offset = end
            self._sequence = sequence + 1
            self._last_ns = now
        except (struct.error, TypeError):  # an int beyond 64 bits; a key that is none
            return False
        except BaseException:
            self._adopt()
            raise
        finally:
            self._free.append(None)
        return True

    def points(self, values: Mapping[str, object], step: object) -> bool:
        """Append one record of several numbers, as :meth:`point`."""
        if step is None:
            step = NO_STEP
        elif type(step) is not int or not 0 <= step <= MAX_STEP:
            return False
        numbers = values.values()
        key = (*values, *map(type, numbers))
        try:
            self._free.pop()
        except IndexError:
            return False
        except BaseException:
            self._give_back()
            raise
        try:
            known = self._known.get(key)
            if known is None:
                return False
            pack, number, advance = known
            offset = self._offset
            end = offset + advance
            if end > self._limit:
                return False
            now = max(self._clock(), self._last_ns)
            sequence = self._sequence
            payload = pack(POINT, number, sequence, now, step, *numbers)
            size = len(payload)
            start = offset + 8
            view = self._view
            view[start : start + size] = payload  # type: ignore[index]  # as in `point`
            _PACK_FRAME(view, offset, size, crc32(payload, self._salt))  # type: ignore[arg-type]  # as above
            self._offset = end
            self._sequence = sequence + 1
            self._last_ns = now
        except struct.error:
            return False
        except BaseException:
            self._adopt()
            raise
        finally:
            self._free.append(None)
        return True

    def append(self, body: Body) -> None:
        """Append one record.

        Raises:
            InvalidValueError: It is larger than a record may be.
            RunEndedError: The writer is closed.
        """
        if not self._take():
            if self._aside is None:
                self._aside = self._beside()
            self._aside.append(body)
            return
        try:
            self._append(body)
        except BaseException:
            self._adopt()
            raise
        finally:
            self._give_back()

    def _take(self) -> bool:
        """Wait until this thread may append.

        Returns:
            False where it is a handler that has interrupted an append of this thread,
            which cannot go on before the handler returns.
        """
        while True:
            try:
                self._free.pop()
            except IndexError:
                if self._is_interrupted():
                    return False
                time.sleep(_TURN_S)
            else:
                return True

    def _give_back(self) -> None:
        if not self._free:
            self._free.append(None)

    def _is_interrupted(self) -> bool:
        """Tell whether this thread has been interrupted in the middle of appending."""
        # Past this frame, `_take`, and the call that wants to append.
        frame = sys._getframe(3)  # noqa: SLF001 - there is no other way to see it
        found: FrameType | None = frame
        while found is not None:
            if found.f_code in _APPENDING and found.f_locals.get("self") is self:
                return True
            found = found.f_back
        return False

    def sync(self) -> None:
        """Bring all that was appended to the disk, against the loss of power.

        Raises:
            OSError: The disk refused.
        """
        folder = self._folder
        if folder is not None:
            for path in (*folder.path.glob("*.segment"), folder.path):
                _sync(path)
        if self._aside is not None:
            self._aside.sync()

    def store_kept(self) -> bool:
        """Try again to write what waits in memory for space.

        Returns:
            False where something waits still, and another try may help.
        """
        if not self._take():
            return True
        try:
            self._retry_at = 0.0
            self._store_kept()
        except BaseException:
            self._adopt()
            raise
        finally:
            self._give_back()
        is_stored = not self._kept
        return is_stored and (self._aside is None or self._aside.store_kept())

    def close(self) -> None:
        """Say that no more comes; repeating the call changes nothing.

        What waited in memory gets its last chance; what is lost is warned of.
        """
        if self._is_closed or not self._take():
            return
        try:
            self._is_closed = True
            self._retry_at = 0.0
            self._store_kept()
            self._let_go()
        finally:
            self._give_back()
        if self._aside is not None:
            self._aside.close()
        lost = self._dropped + len(self._kept)
        if lost:
            warn(
                "run %r lost %d records: the disk of its journal %r stayed full",
                self._run.run_id,
                lost,
                str(self._run.path),
            )

    def _append(self, body: Body) -> None:
        if self._is_closed:
            raise RunEndedError(self._run.run_id)
        now = max(self._clock(), self._last_ns)
        shape = Shape.of_body(0, body) if type(body) is MetricsBody else None
        data = body_bytes(body) if shape is None else b""
        if len(data) > LARGEST_RECORD:
            message = (
                f"a record of {len(data)} bytes is larger than the {LARGEST_RECORD} "
                "that a record may have; log it as an artifact"
            )
            raise InvalidValueError(message)
        self._store_kept()
        if not self._kept:
            try:
                if shape is None:
                    self._store_record(now, data)
                else:
                    self._store_point(now, shape, body)  # type: ignore[arg-type]  # what has a shape is a point
            except OSError as error:
                self._note(error)
            else:
                self._open_short_way()
                return
        self._keep(now, data or body_bytes(body))

    def _store_record(self, now: int, data: bytes) -> None:
        payload_size = RECORD_HEAD.size + len(data)
        self._make_room(padded(FRAME.size + payload_size))
        self._store(RECORD_HEAD.pack(RECORD, self._sequence, now) + data)

    def _store_point(self, now: int, shape: Shape, body: MetricsBody) -> None:
        definition = shape.to_payload()
        advance = padded(FRAME.size + shape.layout.size)
        self._make_room(2 * padded(FRAME.size + len(definition)) + advance)
        key = shape.key
        if key not in self._known:
            number = self._shapes
            self._shapes += 1
            definition = shape._replace(number=number).to_payload()
            # Twice, so that no single damage makes its points unreadable.
            self._store(definition)
            self._store(definition)
            known = _Known(shape.layout.pack, number, advance)
            self._known[key] = known
            if len(shape.series) == 1:
                table = self._floats if shape.types == "d" else self._ints
                table[series_name(*shape.series[0])] = known
        known = self._known[key]
        step = NO_STEP if body.step is None else body.step
        self._store(
            known.pack(POINT, known.number, self._sequence, now, step, *values_of(body))
        )

    def _store(self, payload: bytes) -> None:
        """Store one frame; there is room.

        Raises:
            OSError: The disk refused.
        """
        segment = self._segment
        if segment is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        header = FRAME.pack(len(payload), crc32(payload, self._salt))
        try:
            segment.store(self._offset, payload, header)
        finally:
            # Whatever came of the call, what lies there is counted.
            self._adopt()

    def _adopt(self) -> None:
        """Count the frame behind the last one if it is whole, else wipe it out."""
        segment, offset = self._segment, self._offset
        if segment is None:
            return
        size, checksum = FRAME.unpack(segment.load(offset, FRAME.size))
        payload = segment.load(offset + FRAME.size, size)
        is_whole = size > 0 and len(payload) == size
        if not is_whole or crc32(payload, self._salt) != checksum:
            rest = segment.load(offset, segment.size - offset).rstrip(b"\0")
            segment.clear(offset, len(rest))
            return
        sequence, last_ns = self._sequence, self._last_ns
        if payload[0] != SHAPE:
            sequence, last_ns = NUMBERED.unpack_from(payload)
            sequence += 1
        # Without a call in between, so that no signal handler sees a part of it.
        self._offset = offset + padded(FRAME.size + size)
        self._sequence = sequence
        self._last_ns = last_ns

    def _make_room(self, needed: int) -> None:
        if self._segment is None or self._offset + needed > self._segment.size:
            if time.monotonic() < self._retry_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._rotate(needed)

    def _rotate(self, needed: int) -> None:
        """Go on in a new segment, or stay as it is.

        Raises:
            OSError: The disk refused, or the budget is spent.
        """
        if self._folder is None:
            self._run.make()
            self._folder, self._alive = self._run.add_writer(
                self._writer, self._role, step=self._step
            )
        if self._budget is not None:
            used = self._run.used_bytes()
            if used + max(needed, self._segment_bytes) > self._budget:
                raise OSError(errno.EDQUOT, "its disk budget is spent")
        number, segment = new_segment(
            self._folder.path,
            self._number + 1,
            self._sequence,
            needed,
            self._segment_bytes,
            reserves=self._reserves,
        )
        old = self._segment
        # Nothing is stored the short way until all of it is in place.
        self._limit = 0
        self._forget_shapes()
        self._number = number
        self._salt = segment.salt
        self._offset = HEAD_BYTES
        self._segment = segment
        self._open_short_way()
        if old is not None:
            old.close()

    def _open_short_way(self) -> None:
        if isinstance(self._segment, MappedSegment):
            self._view = self._segment.view
            self._limit = self._segment.size

    def _note(self, error: OSError) -> None:
        self._limit = 0
        self._retry_at = time.monotonic() + _RETRIES_EACH_S
        if not self._has_warned:
            self._has_warned = True
            warn(
                "the journal of run %r cannot be written: %s; the job goes on, and up "
                "to %d MiB of its records wait in memory for space",
                self._run.run_id,
                error.strerror or error,
                _KEPT_BYTES // 2**20,
            )

    def _keep(self, now: int, data: bytes) -> None:
        self._last_ns = now
        if self._kept_bytes + len(data) > _KEPT_BYTES:
            self._dropped += 1
            return
        self._kept.append((now, data))
        self._kept_bytes += len(data)

    def _store_kept(self) -> None:
        if not self._kept or time.monotonic() < self._retry_at:
            return
        try:
            while self._kept:
                now, data = self._kept[0]
                self._store_record(now, data)
                self._kept.popleft()
                self._kept_bytes -= len(data)
        except OSError as error:
            self._note(error)
            return

    def _beside(self) -> "JournalWriter":
        """Return a writer for what a handler logs in the middle of a call."""
        return JournalWriter(
            self._run,
            self._writer.attempt,
            self._writer.rank,
            budget=self._budget,
            segment_bytes=self._segment_bytes,
            clock=self._clock,
        )

    def _let_go(self) -> None:
        self._limit = 0
        self._forget_shapes()
        self._view = None
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()
        if self._folder is not None and not self._kept:
            self._folder.settle()
        alive, self._alive = self._alive, None
        if alive is not None:
            alive.drop()


_PACK_FRAME = FRAME.pack_into
# The calls in whose middle a signal handler must not append.
_APPENDING = frozenset(
    method.__code__
    for method in (
        JournalWriter.point,
        JournalWriter.points,
        JournalWriter.append,
        JournalWriter.store_kept,
        JournalWriter.close,
    )
)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
