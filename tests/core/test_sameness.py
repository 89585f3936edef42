"""Values are the same by type and bits, whatever their order."""

import struct
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given

from tracker_core.sameness import brief, canonical, first_difference, is_same
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.strategies import values
from tracker_core.values import Value

_NAN = float("nan")
_OTHER_NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000001))[0]


@given(one=values(), other=values())
def test_values_are_the_same_when_the_contract_says_so(
    one: Value, other: Value
) -> None:
    """The comparison of the contract suite is another one, and agrees."""
    assert is_same(one, other) == (exact(one) == exact(other))
    assert is_same(one, one)


def test_foreign_values_are_compared_by_their_looks() -> None:
    """Plain trackers may hold anything."""
    assert is_same({"a": {1, 2}}, {"a": {1, 2}})
    assert canonical({1}) == "set {1}"
    assert not is_same({1}, {2})


@pytest.mark.parametrize(
    ("one", "other", "index"),
    [
        ([], array("d"), None),
        (array("d", [1.0, 2.0]), array("d", [1.0, 2.0]), None),
        (array("d", [1.0, _NAN]), array("d", [1.0, _OTHER_NAN]), None),
        (array("d", [0.0]), array("d", [-0.0]), 0),
        (array("q", [1, 2]), array("d", [1.0, 2.0]), 0),
        (array("q", [1, 2]), [1, None], 1),
        (array("q", [1]), array("q", [1, 2]), 1),
        ([{"a": 1, "b": 2}, "x"], [{"b": 2, "a": 1}, "y"], 1),
    ],
)
def test_columns_differ_at_the_first_index(
    one: Sequence[object], other: Sequence[object], index: int | None
) -> None:
    """Arrays and lists of the same values are the same."""
    assert first_difference(one, other) == index
    assert first_difference(other, one) == index


def test_brief_texts_are_told_apart() -> None:
    """A short one is as it is, and of a long one the digest tells."""
    one, other = "x" * 300 + "a", "x" * 300 + "b"

    assert brief("short") == "short"
    assert brief(one) != brief(other)
