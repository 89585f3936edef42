"""Blocks of points: what is packed comes back to the bit."""

import random
import zlib
from array import array
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.blocks import Block, decode, encode, joined, step_column
from tracker_core.points import value_column
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.strategies import values
from tracker_core.values import Value

_INT64 = st.integers(-(2**63), 2**63 - 1)
_COUNT = st.integers(0, 2**63 - 1)


def _block(count: int, value: Value = 0.5) -> Block:
    """Return regular points, which all have one value."""
    return Block(
        array("q", [7]) * count,
        range(1, count + 1),
        array("q", [0]) * count,
        range(count),
        value_column([value] * count),
    )


@st.composite
def _blocks(draw: st.DrawFn) -> Block:
    """Return blocks of all shapes: regular, irregular, of one kind and mixed."""
    # Long ones are compressed, short ones are not.
    size = draw(st.integers(1, 6))
    factor = draw(st.sampled_from([1, 1, 100]))

    def column(items: st.SearchStrategy[Value]) -> list[Value]:
        return draw(st.lists(items, min_size=size, max_size=size)) * factor

    def ints() -> "array[int] | range":
        if draw(st.booleans()):
            start, stride = draw(st.integers(0, 9)), draw(st.sampled_from([-1, 1, 5]))
            return range(start, start + stride * size * factor, stride)
        return array("q", cast("list[int]", column(_COUNT)))

    steps = column(st.none() | _COUNT) if draw(st.booleans()) else column(_COUNT)
    kind = draw(st.sampled_from([st.floats(), _INT64, st.integers(), values()]))
    return Block(
        ints(),
        ints(),
        ints(),
        step_column(cast("list[int | None]", steps)),
        value_column(column(kind)),
    )


def _told(block: Block) -> object:
    return exact([list(column) for column in block])


@given(_blocks())
def test_block_comes_back_as_it_was(block: Block) -> None:
    """Every column, by type and bits."""
    assert _told(decode(encode(block))) == _told(block)


@given(st.lists(_blocks(), min_size=1, max_size=3))
def test_joined_blocks_are_one_after_the_other(blocks: list[Block]) -> None:
    """Every column is the columns of all, whatever they are kept in."""
    columns = zip(*blocks, strict=True)

    whole = joined(blocks)

    expected = [[item for column in each for item in column] for each in columns]
    assert _told(whole) == exact(expected)


@given(_blocks(), st.integers(-1, 700), st.integers(-1, 700))
def test_part_of_a_block_is_a_slice(block: Block, start: int, stop: int) -> None:
    """From a place to another, both cut to those that there are."""
    expected = [list(column)[max(0, start) : max(0, stop)] for column in block]

    assert _told(block.part(max(0, start), max(0, stop))) == exact(expected)


@pytest.mark.parametrize(
    ("steps", "span"),
    [
        ([3, 1, 2], (1, 3)),
        ([None, 4, None], (4, 4)),
        ([None], None),
        ([5, 4, 3], (3, 5)),
    ],
)
def test_step_span_is_that_of_the_steps_there_are(
    steps: list[int | None], span: tuple[int, int] | None
) -> None:
    """Points without a step are passed over."""
    block = _block(len(steps))._replace(steps=step_column(steps))

    assert block.step_span == span


def test_regular_columns_need_no_room() -> None:
    """Thousands of points with regular steps and one time are their values."""
    assert len(encode(_block(4096))) < 300


def test_noise_is_left_as_it_is_within_the_stream() -> None:
    """Blocks of any size come back, and what can be made smaller is."""
    noise = random.Random(7)  # noqa: S311 - no secret
    for size in (511, 512, 8192, 70_000):
        column = array("d", [noise.random() for _ in range(size)])
        block = _block(size)._replace(values=column)

        data = encode(block)

        assert decode(data).values == column
        assert len(data) < 7.1 * size + 200


def test_steps_beyond_64_bits_are_refused() -> None:
    """No other reader could take them."""
    with pytest.raises(OverflowError):
        encode(_block(1)._replace(steps=[2**63]))


def test_format_stays_readable() -> None:
    """Bytes that were written once, by the documented format, read back."""
    data = bytes.fromhex(
        "0103000000"
        "7210000000" + (7).to_bytes(8, "little").hex() + "0000000000000000"
        "7210000000" + "0100000000000000" * 2 + "7210000000" + "00" * 16 + "6e00000000"
        "4618000000000000000000e03f000000000000f03f0000000000000080"
    )

    block = decode(data)

    expected = [[7, 7, 7], [1, 2, 3], [0, 0, 0], [None] * 3, [0.5, 1.0, -0.0]]
    assert _told(block) == exact(expected)
    assert encode(block) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (b"\x02" + encode(_block(3))[1:], "version 2; upgrade"),
        (encode(_block(3))[:-1], "damaged"),
        (encode(_block(3)).replace(b"F", b"X"), "packed as b'X'"),
        (encode(_block(3)).replace(b"\x01\x03", b"\x01\x04", 1), "differ in length"),
        (encode(_block(99, 0.1)).replace(zlib.compress(b"")[:1], b"\x00"), "damaged"),
    ],
)
def test_what_is_no_block_is_refused(data: bytes, message: str) -> None:
    """The message says what was found."""
    with pytest.raises(ValueError, match=message):
        decode(data)
