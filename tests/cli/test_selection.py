"""Tests of which run a person means."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store


@pytest.fixture
def runs(store: "Store") -> "Store":
    """Record three runs."""
    store.run("01AAA", at=100, name="first")
    store.run("01ABB", at=200, name="twin")
    store.run("01BCC", at=300, name="twin")
    return store


@pytest.mark.parametrize(
    ("word", "run_id"),
    [
        ("01ABB", "01ABB"),
        ("01B", "01BCC"),
        ("first", "01AAA"),
        ("@last", "01BCC"),
    ],
)
def test_run_is_found(tracker: "Cli", runs: "Store", word: str, run_id: str) -> None:
    """An id, the only id that begins so, a name, and the newest."""
    del runs

    done = tracker("show", word, "--json")

    assert done.json["run"]["run_id"] == run_id  # type: ignore[index]  # a JSON object


def test_run_of_that_very_id_is_preferred_to_longer_ids(
    tracker: "Cli", runs: "Store"
) -> None:
    """An id that is the beginning of others means its own run."""
    runs.run("01")

    done = tracker("list", "metadata", "01", "--json")

    assert done.json["run_id"] == "01"


def test_name_is_preferred_to_the_beginning_of_an_id(
    tracker: "Cli", runs: "Store"
) -> None:
    """A run that is called like the beginning of another's id is the one."""
    runs.run("x", name="01B")

    done = tracker("list", "metadata", "01B", "--json")

    assert done.json["run_id"] == "x"


@pytest.mark.parametrize("word", ["01A", "twin"])
def test_ambiguous_word_lists_the_candidates(
    tracker: "Cli", runs: "Store", word: str
) -> None:
    """What means several runs is an error that shows them."""
    del runs

    done = tracker("show", word)

    assert done.code == 1
    assert done.out == ""
    assert f"tracker: {word!r} means 2 runs" in done.err
    assert "  01ABB  twin" in done.err


def test_ambiguous_word_lists_ten_candidates_at_the_most(
    tracker: "Cli", store: "Store"
) -> None:
    """Of many candidates the newest are shown, and the others counted."""
    for number in range(12):
        store.run(f"x{number}")

    done = tracker("show", "x")

    assert len(done.err.splitlines()) == 12
    assert done.err.endswith("  and 2 more\n")


def test_unknown_word_offers_similar_ones(tracker: "Cli", runs: "Store") -> None:
    """A misspelt name is answered with the right one."""
    del runs

    done = tracker("show", "frist")

    assert done.code == 1
    assert done.err == "tracker: no run 'frist' in 'one'; did you mean 'first'?\n"


@pytest.mark.parametrize("word", ["zzz", ""])
def test_unknown_word_without_similar_ones_says_where_to_look(
    tracker: "Cli", runs: "Store", word: str
) -> None:
    """What is like nothing, the empty word too, is unknown."""
    del runs

    done = tracker("show", word)

    assert done.code == 1
    assert f"no run {word!r} in 'one'; `tracker list` lists the runs" in done.err


def test_last_of_no_runs_is_a_failure(tracker: "Cli", store: "Store") -> None:
    """Without runs there is no newest one."""
    del store

    done = tracker("show", "@last")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "tracker: no run yet in 'one'; start one with `tracker run -- COMMAND`\n"
    )


def test_unknown_word_where_there_is_no_run_says_so(
    tracker: "Cli", store: "Store"
) -> None:
    """In an empty store the word is not at fault."""
    del store

    done = tracker("show", "x")

    assert done.code == 1
    assert done.err.startswith("tracker: no run 'x': no run yet in 'one'; start one")


def test_last_without_its_sign_is_asked_back_about(
    tracker: "Cli", runs: "Store"
) -> None:
    """Who forgets the sign of ``@last`` is reminded."""
    del runs

    done = tracker("show", "last")

    assert done.err == "tracker: no run 'last' in 'one'; did you mean '@last'?\n"
