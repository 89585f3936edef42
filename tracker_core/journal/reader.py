"""Reading: what one writer has logged, while it writes or long after its death.

A reader opens files of its own and locks nothing. It gives *portions*: records in a
row, without a gap, out of one segment. What it cannot read it passes over and says so.

While the writer lives, the end of its last segment may be in the middle of being
written: what looks damaged there is left for the next read. What is damaged between
whole frames never heals; it is read a second time before it is given up, since another
processor may see two stores the wrong way round.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from tracker_core.gathered import Gathered, PointColumns
from tracker_core.journal.folders import segment_numbers
from tracker_core.journal.frames import (
    FRAME,
    HEAD_BYTES,
    NO_STEP,
    NUMBERED,
    POINT,
    RECORD,
    SHAPE,
    Shape,
    padded,
    read_head,
    record_from_payload,
)
from tracker_core.journal.segments import segment_path

if TYPE_CHECKING:
    from tracker_core.records import Record

__all__ = ["BEGINNING", "Damage", "JournalReader", "Portion", "Position"]

_PORTION_BYTES = 2**20
_NOTHING = bytes(FRAME.size)


class Position(NamedTuple):
    """How far the records of a writer are read.

    Args:
        segment: The number of the segment.
        offset: Where its next frame begins.
        sequence: The number of the next record.
    """

    segment: int
    offset: int
    sequence: int


BEGINNING = Position(0, 0, 1)
"""Where every writer begins."""


class Damage(NamedTuple):
    """What cannot be read.

    Args:
        segment: The number of the segment.
        offset: Where it begins.
        size: How many bytes are passed over.
        reason: What is wrong with it.
    """

    segment: int
    offset: int
    size: int
    reason: str


class Portion(NamedTuple):
    """Records in a row.

    Args:
        records: The records, none where there is nothing new.
        first: The sequence number of the first; 0 where there is none.
        last: That of the last.
        begin: Where they begin.
        end: Where the next portion begins.
        damages: What was passed over.
    """

    records: Gathered
    first: int
    last: int
    begin: Position
    end: Position
    damages: tuple[Damage, ...]


class JournalReader:
    """Reads the segments of one writer; one thread uses it at a time.

    Args:
        folder: The folder of the writer.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._segment = 0
        self._shapes: dict[int, Shape] = {}
        # Up to where the shapes of the segment are known.
        self._learnt = HEAD_BYTES

    def read(
        self,
        position: Position = BEGINNING,
        *,
        is_final: bool = False,
        upto: int | None = None,
        max_bytes: int = _PORTION_BYTES,
    ) -> Portion:
        """Return what comes next.

        Args:
            position: Where to begin.
            is_final: Whether nobody writes any more.
            upto: Where to end at the latest, in the segment of ``position``; None for
                where ``max_bytes`` end.
            max_bytes: How much is read at once; a frame that is larger is read whole.

        Raises:
            OSError: The disk refused.
            JournalError: A later version wrote the segment.
        """
        found = self._found(position)
        if found is None:
            return _nothing(position)
        begin, following = found
        path = segment_path(self._folder, begin.segment)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            # It was removed just now, since every backend has all of it.
            return _nothing(position)
        try:
            part = _Part(self, descriptor, begin)
            ends = is_final or following is not None
            return part.read(following, upto, max_bytes, ends=ends)
        finally:
            os.close(descriptor)

    def shapes_before(
        self, descriptor: int, segment: int, offset: int, salt: int
    ) -> dict[int, Shape]:
        """Return the shapes that a segment defines before an offset, to be added to."""
        if segment != self._segment or offset < self._learnt:
            self._segment, self._shapes, self._learnt = segment, {}, HEAD_BYTES
        if self._learnt < offset:
            data = os.pread(descriptor, offset - self._learnt, self._learnt)
            for payload in _frames(data, salt):
                if payload[0] == SHAPE:
                    shape = Shape.from_payload(payload)
                    self._shapes[shape.number] = shape
            self._learnt = offset
        return self._shapes

    def learnt(self, offset: int) -> None:
        """Note that the shapes before an offset are known."""
        self._learnt = offset

    def _found(self, position: Position) -> tuple[Position, int | None] | None:
        """Return where to read, and the number of the segment that follows if any.

        It must be known that another segment follows before the end of this one is
        looked at: then nothing is added to this one any more.
        """
        numbers = [
            number
            for number in segment_numbers(self._folder)
            if number >= position.segment
        ]
        begun = [number for number in numbers if _is_begun(self._folder, number)]
        if not begun:
            return None
        if begun[0] != position.segment:
            position = Position(begun[0], HEAD_BYTES, position.sequence)
        return position, begun[1] if len(begun) > 1 else None


class _Part:
    """One reading of a part of a segment."""

    def __init__(
        self, reader: JournalReader, descriptor: int, position: Position
    ) -> None:
        self._reader = reader
        self._descriptor = descriptor
        self._begin = position
        self._size = os.fstat(descriptor).st_size
        self._salt = read_head(os.pread(descriptor, HEAD_BYTES, 0)) or 0
        self._shapes = reader.shapes_before(
            descriptor, position.segment, position.offset, self._salt
        )
        self._others: list[Record] = []
        self._rows: dict[int, list[tuple[int, ...]]] = {}
        self._at = position.offset
        self._next = position.sequence
        self._first = 0
        self._damages: list[Damage] = []

    def read(
        self, following: int | None, upto: int | None, max_bytes: int, *, ends: bool
    ) -> Portion:
        limit = self._size if upto is None else upto
        wanted = max_bytes if upto is None else max(limit - self._at, 0)
        base = self._at
        if self._load(base, FRAME.size) == _NOTHING:
            # Mostly there is nothing new, and a glance tells.
            wanted = min(wanted, FRAME.size)
        data = self._load(base, min(wanted, limit - base))
        is_over = False
        while True:
            if base + len(data) - self._at < FRAME.size:
                is_over = self._at + FRAME.size > self._size
                break
            start = self._at - base
            length, checksum = FRAME.unpack_from(data, start)
            end = start + FRAME.size + length
            if not length and not checksum:
                is_over = True
                break
            if self._at + FRAME.size + length <= self._size and end > len(data):
                if self._first:
                    break
                # One frame that is larger than what was read at once.
                base = self._at
                data = self._load(base, padded(FRAME.size + length))
                continue
            payload = data[start + FRAME.size : end]
            if not length or crc32(payload, self._salt) != checksum:
                skipped = self._skip(ends=ends)
                if skipped is None:
                    is_over = True
                    break
                base, data = self._at, self._load(self._at, wanted)
                continue
            if not self._take(payload, data, start):
                break
        return self._portion(following, is_over=is_over, ends=ends, upto=upto)

    def _take(self, payload: bytes, data: bytes, start: int) -> bool:
        """Take the frame at ``start``, and those after it that are like it.

        Returns:
            False where it begins another portion.
        """
        advance = padded(FRAME.size + len(payload))
        try:
            match payload[0]:
                case _ if self._first and self._is_out_of_turn(payload):
                    return False
                case kind if kind == POINT:
                    shape = self._shape_of(payload)
                    self._next = NUMBERED.unpack_from(payload)[0]
                    self._first = self._first or self._next
                    self._take_points(shape, data, start)
                    return True
                case kind if kind == RECORD:
                    record = record_from_payload(payload)
                    self._others.append(record)
                    self._first = self._first or record.sequence
                    self._next = record.sequence + 1
                case kind if kind == SHAPE:
                    shape = Shape.from_payload(payload)
                    self._shapes[shape.number] = shape
                case kind:
                    return self._give_up(advance, f"its kind {kind} is not known")
        except (ValueError, KeyError, TypeError, struct.error) as error:
            return self._give_up(advance, f"it holds no record: {error}")
        self._at += advance
        return True

    def _is_out_of_turn(self, payload: bytes) -> bool:
        if payload[0] not in (RECORD, POINT):
            return False
        return bool(NUMBERED.unpack_from(payload)[0] != self._next)

    def _shape_of(self, payload: bytes) -> Shape:
        shape = self._shapes.get(int.from_bytes(payload[4:8], "little"))
        if shape is None or shape.layout.size != len(payload):
            message = "the names of its series are damaged"
            raise ValueError(message)
        return shape

    def _take_points(self, shape: Shape, data: bytes, start: int) -> None:
        """Take points as long as they have the types of ``shape``."""
        length = shape.layout.size
        layout = _point_frame(shape.types, length)
        rows = {
            number: self._rows.setdefault(number, [])
            for number, known in self._shapes.items()
            if known.types == shape.types
        }
        count = (len(data) - start) // layout.size
        view = memoryview(data)
        salt, expected, advance = self._salt, self._next, layout.size
        at = start + FRAME.size
        for frame in layout.iter_unpack(view[start : start + count * advance]):
            found = rows.get(frame[3])
            if (
                found is None
                or frame[4] != expected
                or frame[0] != length
                or frame[2] != POINT
                or crc32(view[at : at + length], salt) != frame[1]
            ):
                break
            found.append(frame)
            at += advance
            expected += 1
        if not count:  # the padding of the last frame lies behind the data
            frame = layout.unpack(data[start:].ljust(advance, b"\0"))
            rows[shape.number].append(frame)
            at += advance
            expected += 1
        self._at += at - FRAME.size - start
        self._next = expected

    def _give_up(self, size: int, reason: str) -> bool:
        if self._first:
            return False
        self._note_damage(size, reason)
        self._at += size
        return True

    def _skip(self, *, ends: bool) -> int | None:
        """Go on behind a damaged frame, at the next whole one of the segment.

        Returns:
            Where that is; None where there is none, and the portion ends.
        """
        if self._first:
            # What came before it is a portion of its own.
            return None
        # Read anew: what seemed damaged may only have been seen too early.
        rest = self._load(self._at, self._size - self._at).rstrip(b"\0")
        room = self._size - self._at
        found = next(_places(rest, room, self._salt, self._next), None)
        if found == 0:
            return self._at
        if found is None:
            if ends and rest[: FRAME.size].strip(b"\0"):
                self._note_damage(len(rest), "its checksum does not fit")
                self._at += padded(len(rest))
            return None
        self._note_damage(found, "its checksum does not fit")
        self._at += found
        return self._at

    def _note_damage(self, size: int, reason: str) -> None:
        segment = self._begin.segment
        if self._damages:
            last = self._damages[-1]
            if last.reason == reason and last.offset + last.size == self._at:
                self._damages[-1] = last._replace(size=last.size + size)
                return
        self._damages.append(Damage(segment, self._at, size, reason))

    def _portion(
        self, following: int | None, *, is_over: bool, ends: bool, upto: int | None
    ) -> Portion:
        segment, at = self._begin.segment, self._at
        self._reader.learnt(at)
        end = Position(segment, at, self._next)
        # What ended the portion may be a damaged frame, which the next read reports.
        is_at_end = is_over and not (self._first and self._has_more())
        if is_at_end and ends and following is not None and upto is None:
            end = Position(following, HEAD_BYTES, self._next)
        points = _columns(self._rows, self._shapes)
        count = len(self._others) + sum(map(len, self._rows.values()))
        records = Gathered(tuple(self._others), points, count)
        last = self._next - 1 if self._first else 0
        return Portion(
            records, self._first, last, self._begin, end, tuple(self._damages)
        )

    def _has_more(self) -> bool:
        return self._load(self._at, FRAME.size).strip(b"\0") != b""

    def _load(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, max(size, 0), offset)


def _nothing(position: Position) -> Portion:
    return Portion(Gathered((), {}, 0), 0, 0, position, position, ())


def _is_begun(folder: Path, number: int) -> bool:
    """Tell whether a segment is complete as a file, so that its writer uses it."""
    try:
        with segment_path(folder, number).open("rb") as file:
            return read_head(file.read(HEAD_BYTES)) is not None
    except FileNotFoundError:
        return False


def _frames(data: bytes, salt: int) -> Iterator[bytes]:
    """Give the payloads of the whole frames; what is damaged is passed over."""
    at = 0
    while at + FRAME.size <= len(data):
        length, checksum = FRAME.unpack_from(data, at)
        payload = data[at + FRAME.size : at + FRAME.size + length]
        if length and len(payload) == length and crc32(payload, salt) == checksum:
            yield payload
            at += padded(FRAME.size + length)
        else:
            at += 8


def _places(rest: bytes, room: int, salt: int, sequence: int) -> Iterator[int]:
    """Give where whole frames begin; the zeros that end ``rest`` were cut off."""
    for at in range(0, len(rest), 8):
        header = rest[at : at + FRAME.size].ljust(FRAME.size, b"\0")
        length, checksum = FRAME.unpack(header)
        if not 0 < length <= room - at - FRAME.size:
            continue
        payload = rest[at + FRAME.size : at + FRAME.size + length].ljust(length, b"\0")
        if crc32(payload, salt) == checksum and _fits(payload, sequence):
            yield at


def _fits(payload: bytes, sequence: int) -> bool:
    if payload[0] in (RECORD, POINT) and len(payload) >= NUMBERED.size:
        return bool(NUMBERED.unpack_from(payload)[0] >= sequence)
    return True


def _point_frame(types: str, length: int) -> struct.Struct:
    padding = padded(FRAME.size + length) - FRAME.size - length
    return struct.Struct(f"<IIB3xIQqq{types}{padding}x")


def _columns(
    rows: Mapping[int, list[tuple[int, ...]]], shapes: Mapping[int, Shape]
) -> dict[tuple[str, str], PointColumns]:
    found: dict[tuple[str, str], list[PointColumns]] = {}
    for number, frames in rows.items():
        if not frames:
            continue
        _, _, _, _, sequences, times_ns, steps, *values = zip(*frames, strict=True)
        known = [None if step == NO_STEP else step for step in steps]
        for series, row, column in zip(
            shapes[number].series, shapes[number].rows, values, strict=True
        ):
            columns = PointColumns(
                sequences, times_ns, (row,) * len(sequences), known, column
            )
            found.setdefault(series, []).append(columns)
    return {series: _joined(parts) for series, parts in found.items()}


def _joined(parts: list[PointColumns]) -> PointColumns:
    if len(parts) == 1:
        return parts[0]
    rows = chain.from_iterable(zip(*part, strict=True) for part in parts)
    ordered = sorted(rows, key=itemgetter(0))
    return PointColumns(*zip(*ordered, strict=True))
