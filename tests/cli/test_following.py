"""Tests of looking at a run until it has ended."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tracker_core.cli.border import Failure
from tracker_core.cli.following import NewMessages, looks, piped
from tracker_core.records import EndedBody, LogBody, StartedBody

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Journals, Store

ENDED = EndedBody("launcher", "FINISHED", None)


def in_turn(*deeds: Callable[[], None]) -> Callable[[float], None]:
    """Give a way to wait in which each time one more thing happens."""
    left = iter(deeds)
    return lambda _seconds: next(left)()


def test_looks_end_with_the_run(store: "Store") -> None:
    """The last look sees how it ended."""
    store.write("x", StartedBody("launcher"))
    wait = in_turn(lambda: None, lambda: store.write("x", ENDED, at=9))

    seen = [run.status for run in looks(store.tracker, "x", 1.0, wait)]

    assert seen == ["RUNNING", "RUNNING", "FINISHED"]


@pytest.mark.usefixtures("store")
def test_looks_wait_for_a_launcher_that_may_try_again(
    store: "Store", journals: "Journals"
) -> None:
    """A run that has ended goes on as long as a process here may write to it."""
    store.run("x")
    journals.log("x", LogBody("info", "next attempt", None), ends=False)
    wait = in_turn(lambda: journals.writers.pop().close())

    assert len(list(looks(store.tracker, "x", 1.0, wait))) == 2


def test_looks_do_not_wait_for_what_nobody_ends(store: "Store") -> None:
    """A run without a life cycle, and one that is lost, are looked at once."""
    store.write("x", LogBody("info", "hello", None))
    store.write("y", StartedBody("job"))
    store.tracker.beat("y", 3 * 10**9)

    assert [len(list(looks(store.tracker, run_id, 1.0))) for run_id in "xy"] == [1, 1]


def test_messages_are_given_once(store: "Store") -> None:
    """Equal ones are as many as were logged, and late ones are not missed."""
    messages = NewMessages(store.tracker, "x")
    given = []
    same = LogBody("info", "same", None)
    for at, text in (
        (100, "a"),
        (100, "same"),
        (130, "b"),
        (110, "late"),
        (1, "older"),
    ):
        store.write("x", LogBody("info", text, None), same, at=at)
        given += [entry.message for entry in messages.read()]
    given += [entry.message for entry in messages.read(from_start=True)]

    assert sorted(given) == sorted(["a", "same", "b", "late", "older", *["same"] * 5])
    assert messages.read(from_start=True) == []


def test_messages_are_followed_until_the_run_ends(
    tracker: "Cli", store: "Store"
) -> None:
    """They are printed as without following, and how it ended is said on stderr."""
    store.run("x", LogBody("info", "hello", None), name="first try")

    done = tracker("show", "x", "--logs", "--follow")

    assert done.out == tracker("show", "x", "--logs").out
    assert done.err == "tracker: run 'first try' finished after 2.0s\n"
    assert done.code == 0


def test_messages_are_followed_by_programs(tracker: "Cli", store: "Store") -> None:
    """Each message is a document of one line."""
    store.run("x", LogBody("warn", "slow", None), LogBody("info", "fine", None))

    done = tracker("show", "x", "--logs", "-f", "--level", "warn", "--json")

    assert done.json == {
        "version": 1,
        "time": "1970-01-01T00:00:03.000000Z",
        "level": "warn",
        "message": "slow",
        "metadata": None,
    }


def test_following_needs_messages(tracker: "Cli", store: "Store") -> None:
    """A card does not go on."""
    store.run("x")

    done = tracker("show", "x", "--follow")

    assert done.code == 2
    assert "give one too" in done.err


def test_closed_pipe_is_no_failure_of_a_tracker() -> None:
    """Nobody reads along any more, which is the end."""
    with pytest.raises(BrokenPipeError), piped():
        raise Failure("backend 'one' failed") from BrokenPipeError()
    with pytest.raises(Failure), piped():
        raise Failure("backend 'one' failed")
