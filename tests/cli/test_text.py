"""Tests of values, sizes and counts as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.cli.printing import clean
from tracker_core.cli.text import counted, shortened, shown, size_words, to_value


@given(st.text())
def test_clean_text_prints(text: str) -> None:
    """Whatever the text, nothing in it moves a cursor or ends a line."""
    found = clean(text)

    assert found.replace("\u00a0", "").replace("\u3000", "").isprintable() or all(
        letter.isprintable() or letter.isspace() for letter in found
    )
    assert not set(found) & set("\x00\x07\x08\t\n\r\x1b\x7f\x85\x9b\u2028\u2029\u202e")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("größe 量", "größe 量"),
        ("a\u00a0b", "a\u00a0b"),
        ("\x1b[31m\n", "\\x1b[31m\\n"),
        ("\u202egnp", "\\u202egnp"),
        ("\ud800", "\\ud800"),
    ],
)
def test_clean_keeps_what_prints(text: str, printed: str) -> None:
    """Letters of all languages stay; controls are written out."""
    assert clean(text) == printed


def test_foreign_value_is_shown_as_its_text() -> None:
    """A plain tracker may hold what is no value of ours."""
    assert to_value(3j) == "3j"
    assert shown({"at": 3j}) == "{'at': 3j}"


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (19, "19 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (10_188, "9.9 KiB"),
        (10_220, "10 KiB"),
        (40_000, "39 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (300 * 2**20, "300 MiB"),
        (2**70, "1048576 PiB"),
    ],
)
def test_size_is_in_the_unit_that_suits_it(size_bytes: int, words: str) -> None:
    """Small numbers have a tenth, and only bytes have four digits."""
    assert size_words(size_bytes) == words


def test_counted_things_are_one_or_several() -> None:
    """Several have an ``s``, or a form of their own."""
    assert [counted(number, "run") for number in (0, 1, 2)] == [
        "0 runs",
        "1 run",
        "2 runs",
    ]
    assert counted(2, "run waits", "runs wait") == "2 runs wait"


def test_shortened_text_ends_in_an_ellipsis() -> None:
    """A text that is short enough stays as it is."""
    assert [shortened("abcd", most) for most in (4, 3)] == ["abcd", "ab…"]
