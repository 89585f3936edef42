"""Tests of text in the cells of a terminal."""

import io
from contextlib import redirect_stdout

import pytest
from rich.cells import cell_len

from tracker_core.cli.layout import columns, cut, fitting, labelled, packed


@pytest.mark.parametrize(
    ("text", "room", "shown"),
    [
        ("loss", 4, "loss"),
        ("losses", 4, "los…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("a\x1b[2Jb", 20, "a\\x1b[2Jb"),
        ("two\nlines", 20, "two\\nlines"),
        ("loss", 0, ""),
    ],
)
def test_cut_keeps_to_its_room(text: str, room: int, shown: str) -> None:
    """Wide letters take two cells, and what does not print is written out."""
    assert cut(text, room) == shown


def test_cut_uses_letters_that_the_encoding_has() -> None:
    """Others are written out before they are counted."""
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")

    with redirect_stdout(latin):
        shown = [cut("日本", 20), cut("losses and more", 10)]

    assert shown == ["\\u65e5\\u672c", "losses..."]


def test_packed_items_fill_lines() -> None:
    """As many as have room stand on a line."""
    assert packed(["a=1", "b=2", "c=3"], 8) == ["a=1  b=2", "c=3"]
    assert packed([], 8) == []


def test_packed_items_that_are_too_many_are_counted() -> None:
    """The last line tells how many are left out."""
    assert packed(map(str, range(9)), 4, most=2) == [
        "0  1",
        "… and 7 more; --all shows them",
    ]


def test_fitting_items_have_one_line() -> None:
    """The last of them counts those that have no room."""
    assert fitting(["a", "b", "c"], 8) == ["a", "b", "c"]
    assert fitting(["cpu 1 %"] * 9, 30) == ["cpu 1 %", "cpu 1 %", "… and 7 more"]
    assert fitting(["cpu 1 %"] * 9, 8) == ["cpu 1 %"]
    assert fitting([], 8) == []


def test_labelled_lines_have_one_label() -> None:
    """Further lines are set in."""
    assert labelled("tags", ["a", "b"], 6) == ["tags  a", "      b"]


def test_columns_cut_the_first_one_where_room_is_short() -> None:
    """The others stay whole, as far as there is room for them."""
    rows = [("SERIES", "LAST"), ("a-very-long-name-of-a-series", "0.25"), ("日本", "1")]

    lines = columns(rows, 20)

    assert lines == [
        "SERIES          LAST",
        "a-very-long-n…  0.25",
        "日本            1",
    ]
    assert max(map(cell_len, columns(rows, 8))) <= 8
    assert columns([], 20) == []
