"""Tests of how a run fares, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracker_core.cli.outcomes import cause_text, outcome_words, status_text
from tracker_core.runs import Attempt, RunInfo
from tracker_core.values import Value

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(minutes=3)


def run(status: str | None, **more: Any) -> RunInfo:
    """Give a run of that status which has run for three minutes."""
    ended_at = NOW if status in ("FINISHED", "FAILED", "KILLED") else None
    fields = {"cause": None, "attempts": (), "ended_at": ended_at, **more}
    started_at = None if status in (None, "PENDING") else START
    return RunInfo(
        *("x", "x", None, None, None, status),
        created_at=START,
        started_at=started_at,
        **fields,
    )


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ({"kind": "exit_code", "exit_code": 3}, "exit code 3"),
        ({"kind": "signal", "signal": "SIGKILL", "number": 9}, "signal SIGKILL"),
        (
            {"kind": "exception", "type": "ValueError", "message": "bad lr"},
            "ValueError: bad lr",
        ),
        ({"kind": "exception", "type": "StopIteration"}, "StopIteration"),
        ({"kind": "out_of_memory"}, "out of memory"),
        ({}, "unknown cause"),
        (None, ""),
    ],
)
def test_cause_is_told_in_words(cause: dict[str, Value] | None, words: str) -> None:
    """Each kind of cause has words, and its message after them."""
    assert cause_text(cause) == words


def test_cause_follows_the_exit_code() -> None:
    """What the job said explains the code that it left."""
    cause = {"kind": "exception", "type": "ValueError", "message": "bad lr"}

    assert cause_text(cause, 3) == "exit code 3 (ValueError: bad lr)"
    assert cause_text({"kind": "exit_code", "exit_code": 3}, 3) == "exit code 3"


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (run("PENDING"), "○ pending"),
        (run("RUNNING"), "● running for 3m00s"),
        (run("FINISHED"), "✓ finished after 3m00s"),
        (
            run("FAILED", cause={"kind": "exit_code", "exit_code": 3}),
            "✗ failed after 3m00s: exit code 3",
        ),
        (
            run("KILLED", cause={"kind": "signal", "signal": "SIGTERM"}),
            "■ killed after 3m00s: signal SIGTERM",
        ),
        (
            run("RUNNING", heartbeat_at=NOW - timedelta(minutes=2)),
            "? lost, last seen 2 min ago, started 3m00s ago",
        ),
        (run(None), ""),
    ],
)
def test_outcome_is_told_in_words(info: RunInfo, words: str) -> None:
    """The status comes with its glyph, its time and its cause."""
    assert status_text(info, NOW) == words


def test_outcome_counts_attempts() -> None:
    """A run that was tried again says so."""
    tries = tuple(Attempt(number, "FAILED", None, START, NOW) for number in (1, 2))

    assert outcome_words(run("RUNNING", attempts=tries), NOW).endswith("(attempt 2)")
    assert outcome_words(run("FAILED", attempts=tries), NOW).endswith("and 2 attempts")
