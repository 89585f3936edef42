"""Tests of ``tracker show RUN --logs``."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core import track
from tracker_core.records import LogBody, Sequencer
from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store


@pytest.fixture
def told(store: "Store") -> "Store":
    """Record a run with messages."""
    store.write(
        "x",
        LogBody("info", "started", {"epoch": 1}),
        LogBody("warn", "slow", None),
        LogBody("error", "Traceback:\n  1 / 0\x1b[2J", None),
    )
    return store


def test_messages_are_lines(tracker: "Cli", told: "Store") -> None:
    """Time, level, text and metadata; further lines are set in, and none is obeyed."""
    del told

    done = tracker("show", "x", "--logs")

    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "LOGGED (UTC)            LEVEL MESSAGE\n"
        '1970-01-01 00:00:01.000 info  started {"epoch":1}\n'
        "1970-01-01 00:00:02.000 warn  slow\n"
        "1970-01-01 00:00:03.000 error Traceback:\n"
        "                                1 / 0\\x1b[2J\n"
    )


def test_messages_of_summer_and_winter_have_both_zones(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The title names the zones in the order in which they are met."""
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    times = iter((1_767_225_600 * 10**9, 1_782_864_000 * 10**9))
    sequencer = Sequencer(clock=lambda: next(times))
    store = SqliteTracker(place / "runs.db")
    for text in ("winter", "summer"):
        store.write(sequencer.batch("x", LogBody("info", text, None)))
    store.close()

    done = tracker.process("show", "x", "--logs")

    assert done.rows[0] == ["LOGGED", "(EST/EDT)", "LEVEL", "MESSAGE"]
    assert [row[1] for row in done.rows[1:]] == ["19:00:00.000", "20:00:00.000"]


def test_messages_are_chosen_by_level(tracker: "Cli", told: "Store") -> None:
    """Milder ones than that level are left out."""
    del told

    done = tracker("show", "x", "--logs", "--level", "error")

    assert done.rows[1][2] == "error"
    assert len(done.rows) == 3


def test_messages_are_read_by_programs(tracker: "Cli", told: "Store") -> None:
    """Programs get time, level, text and metadata as they are."""
    del told

    done = tracker("show", "x", "--logs", "--level", "warn", "--json")

    warning = {"level": "warn", "message": "slow", "metadata": None}
    found = done.json["logs"]
    assert isinstance(found, list)
    assert found[0] == {"time": "1970-01-01T00:00:02.000000Z", **warning}
    assert found[1]["message"] == "Traceback:\n  1 / 0\x1b[2J"


def test_no_messages_are_said(tracker: "Cli", store: "Store") -> None:
    """A run that logged nothing of that kind is no failure."""
    store.write("x", LogBody("info", "started", None))
    name = store.tracker.run("x").name

    done = tracker("show", "x", "--logs", "--level", "warn")

    assert (done.code, done.out) == (0, "")
    assert done.err == (f"tracker: run {name!r} has logged nothing at warn or above\n")


@pytest.mark.parametrize(
    "options",
    [
        ("--level", "warn"),
        ("--logs", "--run-log"),
        ("--logs", "--level", "loud"),
        ("--logs", "--level", "--"),
    ],
)
def test_messages_refuse_wrong_usage(
    tracker: "Cli", told: "Store", options: tuple[str, ...]
) -> None:
    """A level needs messages and must exist; one document excludes the other."""
    del told

    done = tracker("show", "x", *options)

    assert (done.code, done.out) == (2, "")


def test_levels_have_colours_on_a_terminal(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning stands out, unless nobody wants colours."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    with track() as run:
        run.log("slow", "warn")

    coloured = tracker.on_screen("show", "@last", "--logs")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = tracker.on_screen("show", "@last", "--logs")

    assert "\x1b[33mwarn \x1b[0m slow" in coloured
    assert "warn  slow" in plain
    assert "\x1b" not in plain
