"""Blocks: the points of one series by one writer, packed into a few bytes each.

A block begins with its version, one byte, now 1, and the number of its points, four
bytes. Five columns follow: times in nanoseconds, sequences, rows, steps, values. Each
is one letter that says how it is packed, the length of what follows in four bytes, and
that. All numbers are little-endian.

====== ==========================================================================
letter what follows
====== ==========================================================================
``r``  regular: the first number and the stride, 64-bit ints
``d``  the first number and the difference of each from the one before, shuffled
``i``  64-bit ints, shuffled
``f``  64-bit floats, shuffled: exact to the bit
``j``  a JSON list as :func:`tracker_core.values.to_json` writes it, compressed
``n``  nothing: every item is null
====== ==========================================================================

The capitals ``D``, ``I``, ``F`` and ``J`` say that a column is so short that it was
left as it is: neither shuffled nor compressed.

Shuffled means: all first bytes, then all second ones and so on, so that what is alike
lies together, and then zlib. The text of a JSON list is compressed by zlib as it is.
A float among values that are not all floats is in a JSON list, which tells ``1`` from
``1.0`` from ``true``.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, groupby
from operator import sub
from typing import NamedTuple, TypeAlias, cast

from tracker_core.points import value_column
from tracker_core.values import Value, from_json, to_json

__all__ = [
    "Block",
    "Column",
    "Ints",
    "Packed",
    "Steps",
    "decode",
    "encode",
    "joined",
    "joined_column",
    "step_column",
]

Ints: TypeAlias = "array[int] | range"
Steps: TypeAlias = "array[int] | range | list[int | None]"
Values: TypeAlias = "array[int] | array[float] | range | list[Value]"
Column: TypeAlias = "Steps | Values"
Packed: TypeAlias = dict[bytes, tuple[bytes, bytes]]

_VERSION = 1
_HEAD = struct.Struct("<BI")
_COLUMN = struct.Struct("<cI")
_REGULAR = struct.Struct("<qq")
_SIGN, _ZERO = bytes(7) + b"\x80", bytes(8)
_LEAST, _MOST = -(2**63), 2**63 - 1
# Fast, and nearly as small as the slower ones: noise does not shrink. In what was
# shuffled nothing repeats but single bytes, and to look for no more takes a third.
_LEVEL = 1
# Below this zlib saves little, and costs more than all the rest of a small block.
_SHORT_BYTES = 512
# Of so many bytes of noise some 220 differ; with fewer than this a tenth can be saved.
_SAMPLE, _NOISY = 512, 200
# The parts of a zlib stream (RFC 1950 and 1951): its head, the head of a piece that is
# stored as it is, and the flush that ends a compressed piece with a whole byte.
_ZLIB_HEAD = b"\x78\x01"
_STORED = struct.Struct("<BHH")
_TO_BYTE = zlib.Z_SYNC_FLUSH


class Block(NamedTuple):
    """Points of one series by one writer, in its order, as columns of equal length.

    Args:
        times_ns: When each was logged, in nanoseconds since 1970.
        sequences: The sequence of the record of each.
        rows: Which row of its record each was.
        steps: The step of each, or None.
        values: The value of each.
    """

    times_ns: Ints
    sequences: Ints
    rows: Ints
    steps: Steps
    values: Values

    @property
    def size(self) -> int:
        """How many points there are."""
        return len(self.times_ns)

    @property
    def step_span(self) -> tuple[int, int] | None:
        """The least and the greatest step, or None when no point has one."""
        steps = self.steps
        if isinstance(steps, list):
            steps = array("q", (step for step in steps if step is not None))
        if isinstance(steps, range):
            return min(steps[0], steps[-1]), max(steps[0], steps[-1])
        return (min(steps), max(steps)) if steps else None

    def place(self, index: int) -> tuple[int, int, int]:
        """Return the time, the sequence and the row of a point."""
        return self.times_ns[index], self.sequences[index], self.rows[index]

    def part(self, start: int, stop: int) -> "Block":
        """Return the points from ``start`` to ``stop``, the latter excluded."""
        if start <= 0 and stop >= self.size:
            return self
        return Block(*(column[start:stop] for column in self))  # type: ignore[arg-type]  # a slice has the type of its column

    def at(self, places: Sequence[int]) -> "Block":
        """Return the points at ``places``, in the order of those."""
        return Block(
            array("q", map(self.times_ns.__getitem__, places)),
            array("q", map(self.sequences.__getitem__, places)),
            array("q", map(self.rows.__getitem__, places)),
            [self.steps[place] for place in places],
            value_column([self.values[place] for place in places]),
        )


def step_column(steps: Sequence[int | None]) -> Steps:
    """Return steps as the column that holds them in the least space.

    Raises:
        OverflowError: A step lies beyond 64 bits.
    """
    if isinstance(steps, range):
        return steps
    numbers = cast("Sequence[int]", steps)
    try:
        first, stride = _likely(numbers)
        if stride and _is_strided(numbers, first, stride):
            return range(first, first + stride * len(numbers), stride)
        return array("q", numbers)
    except TypeError:  # a point without a step
        return list(steps)


def encode(block: Block, known: Packed | None = None) -> bytes:
    """Return ``block`` as bytes.

    Args:
        block: At least one point.
        known: Ints that were packed before, to be looked up and added to: the series
            of a stream mostly have all columns but their values in common.

    Raises:
        OverflowError: A number that is no value lies beyond 64 bits.
    """
    known = {} if known is None else known
    columns = (
        *(_packed_ints(column, known) for column in block[:3]),
        _packed_steps(block.steps, known),
        _packed_values(block.values),
    )
    pieces = [_HEAD.pack(_VERSION, block.size)]
    for kind, payload in columns:
        pieces += (_COLUMN.pack(kind, len(payload)), payload)
    return b"".join(pieces)


def decode(data: bytes) -> Block:
    """Return the block that :func:`encode` wrote.

    Raises:
        ValueError: It is damaged, or of a later version; it says which and what to
            do, after the name of the block that the caller puts before it.
    """
    if data[:1] > bytes([_VERSION]):
        message = f"is of version {data[0]}; upgrade tracker-core"
        raise ValueError(message)
    try:
        columns = _columns(data)
    except (struct.error, zlib.error, ValueError, OverflowError) as error:
        raise _damaged(error) from error
    block = Block(*columns)  # type: ignore[arg-type]  # each letter stands where it may
    if len({len(column) for column in block}) > 1:
        raise _damaged("its columns differ in length")
    return block


def _damaged(reason: object) -> ValueError:
    return ValueError(f"is damaged ({reason}); restore the file from a copy")


def joined(blocks: Sequence[Block]) -> Block:
    """Return the points of all blocks in one, in the order of the blocks."""
    if len(blocks) == 1:
        return blocks[0]
    return Block(
        _joined_ints(block.times_ns for block in blocks),
        _joined_ints(block.sequences for block in blocks),
        _joined_ints(block.rows for block in blocks),
        cast("Steps", joined_column([block.steps for block in blocks])),
        cast("Values", joined_column([block.values for block in blocks])),
    )


def joined_column(columns: Sequence[Column]) -> Column:
    """Return the items of at least one column in one: an array if all are alike."""
    if len(columns) == 1:
        return columns[0]
    kinds = {_typecode(column) for column in columns}
    whole: array[int] | array[float] | list[Value]
    kind = kinds.pop()
    whole = [] if kinds or not kind else array(kind)
    for column in columns:
        # A list is taken faster than a range.
        items = [*column] if isinstance(column, range) else column
        whole.extend(items)  # type: ignore[arg-type]  # of its own kind, or a list
    return whole


def _joined_ints(columns: Iterable[Ints]) -> "array[int]":
    whole = array("q")
    for column in columns:
        whole.extend(column)
    return whole


def _typecode(column: Column) -> str:
    return "q" if isinstance(column, range) else getattr(column, "typecode", "")


def _packed_ints(column: Sequence[int], known: Packed) -> tuple[bytes, bytes]:
    if isinstance(column, range):
        return _packed_range(column)
    numbers = column if isinstance(column, array) else array("q", column)
    raw = numbers.tobytes()
    if raw not in known:
        known[raw] = _packed_array(numbers)
    return known[raw]


def _packed_range(column: range) -> tuple[bytes, bytes]:
    first, stride = column[0], column.step
    if _LEAST <= stride <= _MOST:
        return b"r", _REGULAR.pack(first, stride)
    return _packed_array(array("q", column))


def _packed_array(numbers: "array[int]") -> tuple[bytes, bytes]:
    first, stride = _likely(numbers)
    if stride is not None and _is_strided(numbers, first, stride):
        return b"r", _REGULAR.pack(first, stride)
    deltas = _deltas(numbers)
    return _shuffled(b"i", numbers) if deltas is None else _shuffled(b"d", deltas)


def _deltas(numbers: "array[int]") -> "array[int] | None":
    """Return the first number and all differences, or None when one needs 65 bits."""
    # All at once, as digits of two long numbers. With the sign set, no digit is less
    # than what is taken from it; setting it back leaves the difference.
    raw = _little_endian(numbers).tobytes()
    signs = int.from_bytes(_SIGN * len(numbers), "little")
    those = int.from_bytes(raw, "little")
    before = int.from_bytes(_ZERO + raw[:-8], "little")
    if those & signs:  # some are negative
        return _deltas_one_by_one(numbers)
    differences = ((those | signs) - before) ^ signs
    return cast("array[int]", _numbers("q", differences.to_bytes(len(raw), "little")))


def _deltas_one_by_one(numbers: "array[int]") -> "array[int] | None":
    try:
        return array("q", [numbers[0], *map(sub, numbers[1:], numbers)])
    except OverflowError:
        return None


def _packed_steps(column: Steps, known: Packed) -> tuple[bytes, bytes]:
    if isinstance(column, list) and None in column:
        if column.count(None) == len(column):
            return b"n", b""
        return _compressed(b"j", cast("list[Value]", column))
    return _packed_ints(cast("Sequence[int]", column), known)


def _packed_values(column: Values) -> tuple[bytes, bytes]:
    packed = column if isinstance(column, range) else value_column(column)
    if isinstance(packed, list):
        return _compressed(b"j", packed)
    if isinstance(packed, array) and packed.typecode == "d":
        return _shuffled(b"f", packed)
    return _packed_ints(cast("Sequence[int]", packed), {})


def _likely(column: Sequence[int]) -> tuple[int, int | None]:
    """Return the first number, and the stride if the last one agrees with it."""
    first = column[0]
    stride = column[1] - first if len(column) > 1 else 0
    agrees = column[-1] == first + stride * (len(column) - 1)
    return first, stride if agrees else None


def _is_strided(numbers: Sequence[int], first: int, stride: int) -> bool:
    if not _LEAST <= stride <= _MOST:
        return False
    same = _strided(first, stride, len(numbers))
    if not isinstance(numbers, array):
        return [*numbers] == [*same]
    # Bytes are compared at once, items of arrays one by one; and an array is made
    # faster from a list.
    whole = array("q", [*same]) if isinstance(same, range) else same
    return numbers.tobytes() == whole.tobytes()


def _strided(first: int, stride: int, size: int) -> Ints:
    if stride:
        return range(first, first + stride * size, stride)
    return array("q", [first]) * size


def _shuffled(kind: bytes, numbers: "array[int] | array[float]") -> tuple[bytes, bytes]:
    raw = _little_endian(numbers).tobytes()
    if len(raw) < _SHORT_BYTES:
        return kind.upper(), raw
    return kind, _deflated([raw[place::8] for place in range(8)])


def _deflated(planes: list[bytes]) -> bytes:
    """Return bytes that :func:`zlib.decompress` takes; noise is left as it is.

    To try and fail to make the low bytes of floats smaller would take most of the time.
    """
    size = len(planes[0])
    pieces = [_ZLIB_HEAD]
    for is_noise, group in groupby(planes, _is_noise):
        if is_noise:
            stored = _STORED.pack(0, size, size ^ 0xFFFF)
            pieces += chain.from_iterable((stored, plane) for plane in group)
        else:
            packer = zlib.compressobj(_LEVEL, wbits=-15, strategy=zlib.Z_RLE)
            pieces += (packer.compress(b"".join(group)), packer.flush(_TO_BYTE))
    checksum = zlib.adler32(b"".join(planes))
    return b"".join([*pieces, _STORED.pack(1, 0, 0xFFFF), checksum.to_bytes(4, "big")])


def _is_noise(plane: bytes) -> bool:
    if not _SAMPLE <= len(plane) < 2**16:  # what a piece that is stored may hold
        return False
    step = len(plane) // _SAMPLE
    return len({*plane[: _SAMPLE * step : step]}) > _NOISY


def _unshuffled(payload: bytes, size: int) -> bytes:
    shuffled = zlib.decompress(payload)
    raw = bytearray(8 * size)
    for place in range(8):
        raw[place::8] = shuffled[place * size : (place + 1) * size]
    return bytes(raw)


def _numbers(kind: str, raw: bytes) -> "array[int] | array[float]":
    numbers = array(kind)
    numbers.frombytes(raw)
    return _little_endian(numbers)


def _little_endian(
    numbers: "array[int] | array[float]",
) -> "array[int] | array[float]":
    if sys.byteorder == "little":
        return numbers
    swapped = numbers[:]
    swapped.byteswap()
    return swapped


def _compressed(kind: bytes, items: list[Value]) -> tuple[bytes, bytes]:
    raw = to_json(items).encode()
    if len(raw) < _SHORT_BYTES:
        return kind.upper(), raw
    return kind, zlib.compress(raw, _LEVEL)


def _columns(data: bytes) -> list[Column]:
    _, size = _HEAD.unpack_from(data)
    columns = []
    place = _HEAD.size
    for _ in Block._fields:
        kind, length = _COLUMN.unpack_from(data, place)
        place += _COLUMN.size
        columns.append(_unpacked(kind, data[place : place + length], size))
        place += length
    return columns


def _unpacked(kind: bytes, payload: bytes, size: int) -> Column:
    if kind == b"r":
        first, stride = _REGULAR.unpack(payload)
        return _strided(first, stride, size)
    if kind == b"n":
        return cast("list[Value]", [None] * size)
    if kind in b"dif":
        payload = _unshuffled(payload, size)
    elif kind == b"j":
        payload = zlib.decompress(payload)
    match kind.lower():
        case b"d":
            return cast("Values", array("q", accumulate(_numbers("q", payload))))
        case b"i":
            return _numbers("q", payload)
        case b"f":
            return _numbers("d", payload)
        case b"j":
            return cast("list[Value]", from_json(payload))
    message = f"no column is packed as {kind!r}"
    raise ValueError(message)
