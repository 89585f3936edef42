"""Tests of the words that a shell offers for Tab."""

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import BashComplete

from tracker_core.cli import main
from tracker_core.cli.commands import COMPLETION_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Cli, Store


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> "Callable[[str], list[str]]":
    """Give what is offered for the line that was typed so far."""
    monkeypatch.setenv(COMPLETION_VARIABLE, "bash_complete")
    asked = BashComplete(main, {}, "tracker", COMPLETION_VARIABLE)

    def offer(line: str) -> list[str]:
        _, *words, incomplete = line.split(" ")
        return [item.value for item in asked.get_completions(words, incomplete)]

    return offer


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tracker li", ["list"]),
        ("tracker list meta", ["metadata"]),
        ("tracker show @", ["@last"]),
        ("tracker show fir", ["first"]),
        ("tracker list metadata run-", ["run-2", "run-1"]),
        ("tracker list --tracker fs", ["fsspec"]),
        ("tracker list --experiment ir", ["iris"]),
    ],
)
def test_completion_offers_what_fits(
    store: "Store", offered: "Callable[[str], list[str]]", line: str, words: list[str]
) -> None:
    """Commands, runs by name and id, experiments and backends are offered."""
    store.run("run-1", name="first")
    store.run("run-2", name="with blanks", at=100)

    assert offered(line) == words


def test_completion_offers_no_name_of_several_runs(
    store: "Store", offered: "Callable[[str], list[str]]"
) -> None:
    """Their ids are offered alone."""
    store.run("run-1", name="twin")
    store.run("run-2", name="twin", at=100)

    assert offered("tracker show ") == ["@last", "run-2", "run-1"]


@pytest.mark.usefixtures("store")
def test_completion_is_silent_where_nothing_can_be_read() -> None:
    """A broken configuration writes nothing over the line that is typed."""
    asked = {
        COMPLETION_VARIABLE: "bash_complete",
        "COMP_WORDS": "tracker show ",
        "COMP_CWORD": "2",
        "TRACKER_MODE": "sometimes",
    }

    done = subprocess.run(
        (sys.executable, "-m", "tracker_core"),
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(tracker: "Cli", shell: str) -> None:
    """The lines ask the command itself for words."""
    done = tracker("completion", shell)

    assert done.code == 0
    assert f"{COMPLETION_VARIABLE}={shell}_complete" in done.out


@pytest.mark.usefixtures("store")
def test_completion_works_in_bash(tracker: "Cli") -> None:
    """What is printed for bash defines what bash then calls."""
    printed = tracker("completion", "bash").out
    ask = (
        f'tracker() {{ {sys.executable} -m tracker_core "$@"; }}; {printed}\n'
        "COMP_WORDS=(tracker li); COMP_CWORD=1; _tracker_completion tracker li tracker"
        '; echo "${COMPREPLY[@]}"'
    )

    done = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "list"


def test_commands_know_no_words_without_a_shell(tracker: "Cli", store: "Store") -> None:
    """A command that runs takes any text for a run, and says itself what is wrong."""
    del store

    done = tracker("show", "nobody")

    assert done.code == 1
    assert {param.type.name for param in main.commands["show"].params} >= {"text"}
