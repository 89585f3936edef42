"""Tests of times as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from tracker_core.cli.times import ago, duration, stamp
from tracker_core.runs import RunInfo

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def run_that_took(seconds: float, *, has_ended: bool = True) -> RunInfo:
    """Give a run that started so many seconds before noon."""
    start = NOON - timedelta(seconds=seconds)
    end = NOON if has_ended else None
    life = (None, "FINISHED", None, (), start, start, end)
    return RunInfo("x", "n", None, None, *life)


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


def test_stamp_has_milliseconds() -> None:
    """Messages that follow each other closely are told apart."""
    assert stamp(1_769_860_800_250_999_999).endswith(":00.250")
