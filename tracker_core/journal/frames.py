"""Frames: how records lie in a segment.

A segment begins with its head, twice, so that no single damage makes all of it
unreadable. It has 32 bytes: the magic text with the version of the format, a salt, a
checksum of the head, the number of the segment, and the sequence number of the first
record. Frames follow, each at a multiple of 8 bytes::

    length      u32   bytes of payload; 0: no frame yet
    checksum    u32   CRC-32 of the payload, begun with the salt
    payload           its first byte tells its kind

All numbers are little-endian. The kinds of payload:

- ``RECORD``: sequence and time, then the body as JSON with its kind.
- ``SHAPE``: a number for a list of series and the types of their values; written twice,
  so that no single damage makes the points after it unreadable. It holds for its
  segment.
- ``POINT``: a record of plain numbers: shape, sequence, time, step (-1: none), values.

Since the header is stored after the payload, a frame is there whole or not at all
whenever its writer dies. The salt keeps what looks like a frame in old or in logged
bytes from being taken for one. A kind that this version does not know is passed over
and counted as damage, since its records cannot be handed on.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, cast

from tracker_core.errors import JournalError
from tracker_core.records import Body, MetricsBody, Record, series_name
from tracker_core.values import Value, from_json, to_json
from tracker_core.wire import body_from_fields, body_kind, body_to_fields

__all__ = [
    "FRAME",
    "HEAD_BYTES",
    "NO_STEP",
    "NUMBERED",
    "POINT",
    "RECORD",
    "RECORD_HEAD",
    "SHAPE",
    "Shape",
    "body_bytes",
    "first_sequence",
    "head_of",
    "padded",
    "read_head",
    "record_from_payload",
    "values_of",
]

FRAME = struct.Struct("<II")
"""Length and checksum."""

RECORD_HEAD = struct.Struct("<B7xQq")
"""Kind, sequence and time, in front of the JSON."""

NUMBERED = struct.Struct("<8xQq")
"""Sequence and time, which lie at the same place in every record."""

RECORD, SHAPE, POINT = 1, 2, 3
NO_STEP = -1
HEAD_BYTES = 64

_MAGIC = b"trkjrn\x00\x01"
_HEAD = struct.Struct("<8sIIQQ")
_SHAPE_HEAD = struct.Struct("<B3xI")
_POINT_HEAD = "<B3xIQqq"
_TYPES: dict[type, str] = {float: "d", int: "q"}
_LIMIT = 2**63


class Shape(NamedTuple):
    """A list of series whose values a frame holds side by side.

    Args:
        number: Which one it is in its segment.
        series: Stream and field of each value, stream by stream.
        types: ``d`` (float) or ``q`` (int) for each value.
        layout: The payload of a point.
    """

    number: int
    series: tuple[tuple[str, str], ...]
    types: str
    layout: struct.Struct

    @classmethod
    def of(cls, number: int, series: list[tuple[str, str]], types: str) -> "Shape":
        """Return a shape."""
        layout = struct.Struct(_POINT_HEAD + types)
        return cls(number, tuple(series), types, layout)

    @classmethod
    def of_body(cls, number: int, body: MetricsBody) -> "Shape | None":
        """Return the shape of a point; None where its values are no plain numbers."""
        series, types = [], []
        for stream, fields in body.streams.items():
            if not fields:
                return None
            for field, value in fields.items():
                kind = _TYPES.get(type(value))
                if kind is None or (kind == "q" and not _fits(cast("int", value))):
                    return None
                series.append((stream, field))
                types.append(kind)
        return cls.of(number, series, "".join(types)) if series else None

    @property
    def key(self) -> tuple[object, ...]:
        """The names of the series, then the types of their values."""
        names = (series_name(stream, field) for stream, field in self.series)
        kinds = (float if letter == "d" else int for letter in self.types)
        return (*names, *kinds)

    @property
    def rows(self) -> list[int]:
        """The row of each value within its record: one row for each stream."""
        streams = list(dict.fromkeys(stream for stream, _ in self.series))
        return [streams.index(stream) for stream, _ in self.series]

    def to_payload(self) -> bytes:
        """Return the payload of the frame that defines the shape."""
        series: list[Value] = [list(pair) for pair in self.series]
        said = to_json({"series": series, "types": self.types})
        return _SHAPE_HEAD.pack(SHAPE, self.number) + said.encode()

    @classmethod
    def from_payload(cls, payload: bytes) -> "Shape":
        """Return the shape that a payload defines.

        Raises:
            ValueError: It defines none.
        """
        _, number = _SHAPE_HEAD.unpack_from(payload)
        told = cast("dict[str, Value]", from_json(payload[_SHAPE_HEAD.size :]))
        series = [tuple(pair) for pair in cast("list[list[str]]", told["series"])]
        found = cast("list[tuple[str, str]]", series)
        return cls.of(number, found, cast("str", told["types"]))


def values_of(body: MetricsBody) -> Iterator[Value]:
    """Give the values of a point as its shape has them."""
    for fields in body.streams.values():
        yield from fields.values()


def body_bytes(body: Body) -> bytes:
    """Return a body as JSON with its kind."""
    return to_json({"kind": body_kind(body), **body_to_fields(body)}).encode()


def record_from_payload(payload: bytes) -> Record:
    """Return the record that a payload of the kind ``RECORD`` holds.

    Raises:
        ValueError: It holds none.
    """
    _, sequence, time_ns = RECORD_HEAD.unpack_from(payload)
    fields = cast("dict[str, Value]", from_json(payload[RECORD_HEAD.size :]))
    kind = cast("str", fields.pop("kind"))
    return Record(sequence, time_ns, body_from_fields(kind, fields))


def head_of(salt: int, number: int, first: int) -> bytes:
    """Return the head of a segment, twice.

    Args:
        salt: What the checksums begin with.
        number: The number of the segment, from 1.
        first: The sequence number of its first record.
    """
    checksum = zlib.crc32(_HEAD.pack(_MAGIC, salt, 0, number, first))
    return 2 * _HEAD.pack(_MAGIC, salt, checksum, number, first)


def read_head(head: bytes) -> int | None:
    """Return the salt of a segment, or None where the head is not there or damaged.

    Raises:
        JournalError: A later version wrote it.
    """
    told = _told(head)
    return None if told is None else told[0]


def first_sequence(head: bytes) -> int | None:
    """Return the sequence number of a segment's first record, as :func:`read_head`.

    Raises:
        JournalError: A later version wrote it.
    """
    told = _told(head)
    return None if told is None else told[1]


def padded(size: int) -> int:
    """Return a size rounded up to where the next frame may begin."""
    return (size + 7) & ~7


def _fits(value: int) -> bool:
    return -_LIMIT <= value < _LIMIT


def _told(head: bytes) -> tuple[int, int] | None:
    parts = (_told_by(head[at : at + _HEAD.size]) for at in (0, _HEAD.size))
    return next((told for told in parts if told is not None), None)


def _told_by(head: bytes) -> tuple[int, int] | None:
    """Return the salt and the first sequence number that one copy of a head tells."""
    if len(head) < _HEAD.size:
        return None
    magic, salt, checksum, number, first = _HEAD.unpack(head)
    if zlib.crc32(_HEAD.pack(magic, salt, 0, number, first)) != checksum:
        return None
    if magic[:6] != _MAGIC[:6]:
        return None
    if magic != _MAGIC:
        message = f"journal of version {magic[7]}; this reads {_MAGIC[7]}; upgrade"
        raise JournalError(message)
    return int(salt), int(first)
