"""The documentation names everything that a user can meet."""

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tracker_core import cli, errors
from tracker_core.directions import HIGHER_IS_BETTER, LOWER_IS_BETTER
from tracker_core.registry import GROUPS
from tracker_core.settings import VARIABLES, Variable

ROOT = Path(__file__).parents[2]
# The end of a sentence, and the begin of another, outside tables.
_JOINED = re.compile(r"^(?![|`]).*[a-z`)]\. [A-Z].*$", re.MULTILINE)
PAGES = {path.name: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}


def entry_points() -> dict[str, list[str]]:
    """Give the names that setup.cfg registers, by group."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    groups = parser["options.entry_points"]
    return {
        group: [line.split("=")[0].strip() for line in text.split("\n") if line]
        for group, text in groups.items()
    }


@pytest.mark.parametrize("variable", VARIABLES.values(), ids=str)
def test_configuration_page_has_the_variable(variable: Variable) -> None:
    """The table of the page is the one in the code, row by row."""
    name, torchx, meaning = variable
    other = f"`{torchx}`" if torchx else "–"

    assert f"| `{name}` | {other} | {meaning} |" in PAGES["configuration.md"]


def test_launchers_page_has_every_variable_of_a_scheduler() -> None:
    """Whoever wonders where a run id comes from finds what was read."""
    code = (ROOT / "tracker_core" / "schedulers.py").read_text("utf-8")
    named = set(re.findall(r'"([A-Z][A-Z_]{3,})"', code))

    missing = [name for name in named if f"`{name}`" not in PAGES["launchers.md"]]

    assert len(named) > 40
    assert not missing


def test_command_page_has_every_command() -> None:
    """Each command of the command line has its place on the page."""
    page = PAGES["cli.md"]

    names = cli.main.list_commands(click.Context(cli.main))
    missing = [name for name in names if f"tracker {name}" not in page]

    assert not missing


def options(command: click.Command, name: str) -> Iterator[tuple[str, click.Parameter]]:
    """Give the options of a command and of those below it, with their command."""
    context = click.Context(command)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from options(found, f"{name} {below}")
    yield from ((name, param) for param in command.params if param.opts[0][0] == "-")


def test_command_page_has_every_option() -> None:
    """What a command takes stands in its section, as it is written in full."""
    sections = PAGES["cli.md"].split("\n(tracker-")
    told = {
        name: section
        for section in sections
        for heading in re.findall("^##+ (.*)$", section, re.MULTILINE)
        for name in heading.split(", ")
    }

    missing = [
        (name, param.opts[-1])
        for name, param in options(cli.main, "tracker")
        if name != "tracker" and param.opts[-1] not in told[name]
    ]

    assert not missing


def test_pages_name_every_entry_point_group() -> None:
    """An author of a backend learns of both groups."""
    page = PAGES["adding-a-backend.md"]

    assert all(group in page for group in GROUPS)


def test_pages_name_every_backend() -> None:
    """Each backend that ships has its row, under both of its names."""
    names = [name for group in GROUPS for name in entry_points()[group]]

    missing = [name for name in names if f"`{name}`" not in PAGES["backends.md"]]

    assert not missing


@pytest.mark.parametrize("name", errors.__all__)
def test_error_tree_has_every_class(name: str) -> None:
    """The picture at the top of the errors, which the API page shows, is complete."""
    assert name in (errors.__doc__ or "")
    assert "tracker_core.errors" in PAGES["api.md"]


@pytest.mark.parametrize("page", PAGES)
def test_page_has_one_sentence_a_line(page: str) -> None:
    """A change of one sentence is a change of one line."""
    joined = _JOINED.findall(PAGES[page])

    assert not joined


def test_command_page_has_every_word_of_a_direction() -> None:
    """Whoever wonders why a run is called better finds the word."""
    words = LOWER_IS_BETTER | HIGHER_IS_BETTER

    missing = [word for word in words if f"`{word}`" not in PAGES["cli.md"]]

    assert not missing
