"""Tests of values and times as people read them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.cli.printing import clean
from tracker_core.cli.text import age, ago, duration, shown, size_words, stamp, to_value
from tracker_core.runs import RunInfo

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def run_that_took(seconds: float, *, has_ended: bool = True) -> RunInfo:
    """Give a run that started so many seconds before noon."""
    start = NOON - timedelta(seconds=seconds)
    end = NOON if has_ended else None
    life = (None, "FINISHED", None, (), start, start, end)
    return RunInfo("x", "n", None, None, *life)


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
    ("seconds", "words"),
    [
        (-3600, "0 s ago"),
        (0.9, "0 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (3600, "1 h ago"),
        (86400, "1 d ago"),
        (86400 * 400, "400 d ago"),
    ],
)
def test_time_ago_is_told_in_the_largest_unit(seconds: float, words: str) -> None:
    """It has one unit; the future of another clock is now."""
    at = NOON - timedelta(seconds=seconds)

    assert ago(at, NOON) == words
    assert age(at, NOON) == words.replace("in", "").replace(" ", "").removesuffix("ago")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.0s"),
        (9.99, "9.9s"),
        (10, "10s"),
        (59.9, "59s"),
        (61, "1m01s"),
        (3660, "1h01m"),
        (90000, "1d01h"),
    ],
)
def test_duration_is_told_in_two_units(seconds: float, words: str) -> None:
    """A duration is exact where that matters, and never rounded up."""
    assert duration(run_that_took(seconds)) == words


def test_duration_of_a_running_run_lasts_until_now() -> None:
    """A run that has not ended has taken the time since its start."""
    run = run_that_took(30, has_ended=False)

    assert duration(run, NOON + timedelta(seconds=15)) == "45s"


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


def test_stamp_has_milliseconds() -> None:
    """Messages that follow each other closely are told apart."""
    assert stamp(1_769_860_800_250_999_999).endswith(":00.250")
