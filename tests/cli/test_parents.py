"""Tests of the run that ``--parent`` names."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tracker_core.cli.tables import short_ids

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store


@pytest.fixture
def runs(store: "Store") -> "Store":
    """Record two runs."""
    store.run("01AAA", at=100, name="first")
    store.run("01ABB", at=200, name="second")
    return store


def parent_of(done: object) -> object:
    """Give the parent in an environment that was printed."""
    return done.json["environment"]["TRACKER_PARENT_RUN_ID"]  # type: ignore[attr-defined]  # a Done


@pytest.mark.parametrize(
    ("word", "run_id"),
    [
        ("@last", "01ABB"),
        ("first", "01AAA"),
        ("01AA", "01AAA"),
        ("01AAA", "01AAA"),
    ],
)
def test_parent_is_found_as_reads_find_a_run(
    tracker: "Cli", runs: "Store", word: str, run_id: str
) -> None:
    """The newest run, a name, the beginning of an id, and an id."""
    del runs

    done = tracker("env", "--parent", word, "--json", "--secrets")

    assert parent_of(done) == run_id
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("command", ["run", "env"])
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("01A", "'01A' means 2 runs; give more"),
        ("@lst", "no run '@lst' in 'one'; did you mean '@last'?"),
    ],
)
def test_parent_that_is_no_run_stops_the_launch(
    tracker: "Cli", runs: "Store", command: str, word: str, message: str
) -> None:
    """What means several runs, and what only looks like a word of ours."""
    words = ("--", "true") if command == "run" else ()

    done = tracker(command, "--parent", word, *words)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"tracker: {message}")
    assert len(runs.tracker.runs()) == 2


def test_newest_of_no_runs_is_no_parent(tracker: "Cli", store: "Store") -> None:
    """Without runs ``@last`` stops the launch."""
    del store

    done = tracker("env", "--parent", "@last")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("tracker: no run yet in 'one'")


@pytest.mark.parametrize(
    ("word", "hint"), [("torchx://s/app", ""), ("frist", "; did you mean 'first'?")]
)
def test_parent_elsewhere_is_recorded_as_it_is(
    tracker: "Cli", runs: "Store", word: str, hint: str
) -> None:
    """The id of a run elsewhere is kept, and a person is told."""
    del runs

    done = tracker("env", "--parent", word, "--json", "--secrets")

    assert parent_of(done) == word
    assert done.err == (
        f"tracker: no run {word!r} here; it is recorded as the id of a run "
        f"elsewhere{hint}\n"
    )


def test_parent_is_looked_up_where_the_launch_writes(
    tracker: "Cli", stores: Callable[..., "list[Store]"]
) -> None:
    """Backends that are chosen for one launch are asked for its parent."""
    one, two = stores("one", "two")
    one.run("in one", name="n")
    two.run("in two", name="n")

    backend = "two=tracker_memory:create"

    done = tracker("env", "--parent", "n", "--trackers", backend, "--json")

    assert parent_of(done) == "in two"


def test_parent_is_kept_when_the_store_fails(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that fails keeps no job from its start."""
    broken = "bad=tests.cli.test_stores:create_broken"
    monkeypatch.setenv("TRACKER_BACKENDS", broken)

    done = tracker("env", "--parent", "p", "--json")
    last = tracker("env", "--parent", "@last")

    assert parent_of(done) == "p"
    assert done.err.startswith(
        "tracker: the parent 'p' is not looked up: backend 'bad'"
    )
    assert (last.code, last.out) == (1, "")


def test_short_ids_are_unique() -> None:
    """Each begins as no other does, also where one id begins another."""
    ids = ["a" * 30, "a" * 29 + "b", "c" * 30, "d", "d" * 12]

    found = short_ids(ids)

    assert list(found.values()) == [ids[0], ids[1], "c" * 10, "d", "d" * 10]
    assert short_ids([]) == {}
