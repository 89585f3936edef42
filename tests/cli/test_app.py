"""Tests of the command as a whole."""

import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import pytest

from tracker_core import __version__
from tracker_core.cli import main
from tracker_core.cli.border import plain_failures

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Give the words of every command."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


NAMES = main.list_commands(click.Context(main))


def test_version_is_printed(tracker: "Cli") -> None:
    """The version is that of the package."""
    assert tracker("--version").out == f"tracker {__version__}\n"


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_help_has_an_example(tracker: "Cli", path: tuple[str, ...]) -> None:
    """Every command says in a line what it does, and shows how it is used."""
    done = tracker(*path, "--help")

    assert done.code == 0
    assert f"Examples:\n    tracker {' '.join(path)}" in done.out or "eval" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_help_names_the_commands(tracker: "Cli") -> None:
    """The first help that a person sees leads on."""
    done = tracker("--help")

    named = re.findall(r"  ([a-z]+) +\S", done.out)
    assert sorted(named) == NAMES
    assert len(done.out.splitlines()) <= 24


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("lst",), "no command lst; did you mean list?"),
        (("list", "metdata"), "no command metdata; did you mean metadata?"),
        (("qqq",), f"no command qqq; there are {', '.join(NAMES)}"),
        (("list", "--limt", "3"), "Did you mean --limit?"),
        (("--verzion",), "Did you mean --version?"),
    ],
)
def test_unknown_word_is_asked_back_about(
    tracker: "Cli", arguments: tuple[str, ...], hint: str
) -> None:
    """A misspelt command or option is answered with the right one."""
    done = tracker(*arguments)

    assert done.code == 2
    # Releases of the parser differ in their quotes.
    assert hint in done.err.replace("'", "")


def test_nothing_to_do_is_wrong_usage(tracker: "Cli") -> None:
    """Without a command there is the help, and exit code 2."""
    done = tracker()

    assert done.code == 2
    assert "Launch and log:" in done.err


@pytest.mark.parametrize("limit", ["0", "x", "-1", "²", "1.5"])
def test_limit_is_a_count(tracker: "Cli", store: "Store", limit: str) -> None:
    """A limit that is none is wrong usage."""
    del store

    done = tracker("list", "--limit", limit)

    assert done.code == 2
    assert f"{limit!r} is no count; use a whole number from 1" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--experiment", "--", "true"),
        ("run", "--name", "--", "true"),
        ("env", "--parent", "--"),
        ("list", "--tracker", "--"),
    ],
)
def test_separator_is_no_value(tracker: "Cli", arguments: tuple[str, ...]) -> None:
    """An option that has lost its value does not take what follows for it."""
    done = tracker(*arguments)

    assert done.code == 2
    assert "a value is missing before '--'" in done.err


def test_mistake_of_ours_is_one_line(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw is one line that says what to do."""

    @click.command
    def boom() -> None:
        raise ZeroDivisionError("dividing\nhere")

    monkeypatch.setitem(main.commands, "boom", boom)

    done = tracker("boom")

    assert done.code == 1
    assert done.err == (
        "tracker: unexpected ZeroDivisionError: dividing\\nhere; "
        "this is a mistake in tracker, please report it\n"
    )


def test_logging_is_as_it_was_afterwards(tracker: "Cli", store: "Store") -> None:
    """A program that calls the command keeps its own logging."""
    del store
    logger = logging.getLogger("tracker_core")

    tracker("list")

    assert (logger.handlers, logger.propagate) == ([], True)


def test_module_is_the_command() -> None:
    """``python -m tracker_core`` works where the command is not on the path."""
    command = (sys.executable, "-m", "tracker_core", "--version")

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == f"tracker {__version__}\n"


@pytest.mark.parametrize(
    ("redirection", "code", "error"),
    [
        (">&-", 0, ""),
        (
            "> /dev/full",
            1,
            "tracker: what was found cannot be printed: No space left on device\n",
        ),
    ],
)
def test_output_that_cannot_be_written_is_no_mistake_of_ours(
    store: "Store", redirection: str, code: int, error: str
) -> None:
    """A closed output is nobody's; a full one is named."""
    del store
    command = f"{sys.executable} -m tracker_core list {redirection}"

    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=False
    )

    assert done.returncode == code
    assert error in done.stderr
    assert "mistake in tracker" not in done.stderr


def test_interrupted_command_says_no_more() -> None:
    """Its exit code is that of a program that Ctrl-C has ended."""
    with pytest.raises(click.exceptions.Exit) as ended, plain_failures():
        raise KeyboardInterrupt

    assert ended.value.exit_code == 130
