"""Tests of ``tracker show RUN --console``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.cli.consoles import Consoles
from tracker_core.records import ArtifactBody, TagsBody

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Journals, Store

NAME = "console/1.log"


class Live:
    """The log of a job that runs, as its launcher writes it beside the journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "console" / "w1"
        self.folder.mkdir(parents=True)
        about = {"version": 1, "name": NAME, "attempt": 1}
        (self.folder / "about.json").write_text(json.dumps(about))

    def append(self, name: str, text: str) -> None:
        """Write to one of its files."""
        with (self.folder / name).open("a") as file:
            file.write(text)


@pytest.fixture
def live(store: "Store", journals: "Journals") -> Live:
    """Give the log of the run ``x``, which runs."""
    store.write("x", TagsBody({"device": "cpu"}))
    return Live(journals.log("x", TagsBody({"device": "cpu"})).path)


def kept(store: "Store", text: str, name: str = NAME) -> ArtifactBody:
    """Give the artifact that a log becomes."""
    return store.content(name, text.encode(), "text/plain", "console")


def test_output_is_printed(tracker: "Cli", store: "Store") -> None:
    """What a terminal would obey is written out, and tabs are blanks."""
    store.run("x", kept(store, "hello\tyou\r\n\x1b[2Jdone\n"))

    done = tracker("show", "x", "--console")

    assert (done.code, done.out) == (0, "hello   you\n\\x1b[2Jdone\n")


def test_output_of_attempts_stands_under_their_names(
    tracker: "Cli", store: "Store"
) -> None:
    """They are in the order of their numbers."""
    logs = [kept(store, f"{number}\n", f"console/{number}.log") for number in (10, 9)]
    store.run("x", *logs, store.content("other", b"no"))

    done = tracker("show", "x", "--console")

    assert done.out == "console/9.log\n9\nconsole/10.log\n10\n"


def test_output_is_read_by_programs(tracker: "Cli", store: "Store") -> None:
    """They get the text as it is."""
    store.run("x", kept(store, "a\x1b[0m\n"))

    found = tracker("show", "x", "--console", "--json").json

    assert found["console"] == [{"name": NAME, "text": "a\x1b[0m\n"}]


def test_output_that_nobody_kept_is_told(tracker: "Cli", store: "Store") -> None:
    """It is no failure."""
    store.run("x", name="first try")

    done = tracker("show", "x", "--console")

    assert (done.code, done.out) == (0, "")
    assert "of run 'first try' no output is kept" in done.err


def test_output_of_a_job_that_runs_is_read_from_the_disk(
    tracker: "Cli", live: Live
) -> None:
    """The lines that may still change come last."""
    live.append("head", "one\ntwo\n")
    live.append("screen", "50 %\n")

    assert tracker("show", "x", "--console").out == "one\ntwo\n50 %\n"


def test_output_is_given_once(store: "Store", live: Live) -> None:
    """However it is stored meanwhile, each line comes once."""
    consoles, given = Consoles(store.tracker, "x"), []
    for name, text in (
        ("head", "a\n"),
        ("head", "b\n"),
        ("tail-4", "c\n"),
        ("tail-4", "d\n"),
    ):
        live.append(name, text)
        given += [piece.text for piece in consoles.read()]
    store.write("x", kept(store, "a\nb\nc\nd\n100 %\n"), at=9)
    given += [piece.text for piece in consoles.read()]

    assert given == ["a\n", "b\n", "c\n", "d\n", "100 %\n"]
    assert list(consoles.read(is_last=True)) == []


def test_lines_are_given_once_they_have_settled(store: "Store", live: Live) -> None:
    """A progress bar comes when it has passed, and what left the screen comes once."""
    consoles, given = Consoles(store.tracker, "x"), []
    for head, screen in (
        ("", "a\nb\n10 %\n"),
        ("", "a\nb\n20 %\n"),
        ("a\n", "a\nb\n30 %\n"),
        ("", "b\n40 %\n"),
        ("", "b\n40 %\nc\n"),
    ):
        live.append("head", head)
        (live.folder / "screen").write_text(screen)
        given.append("".join(piece.text for piece in consoles.read()))
    given += [piece.text for piece in consoles.read(is_last=True)]

    assert given == ["", "a\nb\n", "", "", "40 %\n", "c\n"]


def test_output_goes_on_where_the_middle_is_left_out(
    store: "Store", live: Live
) -> None:
    """The end of a long log is found by what was given last."""
    consoles = Consoles(store.tracker, "x")
    live.append("head", "a\n" * 10)
    live.append("tail-400", "last\n")
    list(consoles.read())
    store.write("x", kept(store, "a\n[left out]\nlast\nend\n"), at=9)

    assert [piece.text for piece in consoles.read()] == ["end\n"]


def test_output_is_followed_until_the_run_ends(tracker: "Cli", store: "Store") -> None:
    """How it ended is said on stderr."""
    store.run("x", kept(store, "hello\n"), name="first try")

    done = tracker("show", "x", "--console", "-f")

    assert done.out == f"{NAME}\nhello\n"
    assert done.err == "tracker: run 'first try' finished after 2.0s\n"
    assert tracker("show", "x", "--console", "-f", "--json").json == {
        "version": 1,
        "name": NAME,
        "text": "hello\n",
    }


def test_parts_of_a_run_exclude_each_other(tracker: "Cli", store: "Store") -> None:
    """One of them is shown at a time."""
    store.run("x")

    done = tracker("show", "x", "--console", "--logs")

    assert done.code == 2
    assert "--logs and --console exclude each other" in done.err
