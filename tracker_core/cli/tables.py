"""Tables and trees for people.

On a terminal they fit its width: ids stay whole, long values are shortened, and
colours follow ``NO_COLOR``. Into a pipe or a file every value goes whole, one row a
line, without colour.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

import click

from tracker_core.cli.text import clean

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

__all__ = ["Branch", "Table", "print_heading", "print_table", "print_trees"]

_GAP = 2
_LONGEST_ID = 40
# A value of a megabyte would be pages of it.
_LONGEST_VALUE = 400
_STYLES = {
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "yellow",
    "RUNNING": "cyan",
    "PENDING": "dim",
}
# Columns whose values are copied into the next command.
_IDS = ("RUN ID", "JOB ID", "ID")


class Table(NamedTuple):
    """Rows, mostly under column titles; cells are shown as they are."""

    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    has_titles: bool = True


class Branch(NamedTuple):
    """A node of a tree, and what hangs below it."""

    label: str
    branches: "list[Branch]"


def print_heading(text: str) -> None:
    """Print a line that stands out on a terminal."""
    _print_styled(clean(text), "bold")


def print_table(table: Table) -> None:
    """Print a table."""
    rows = [tuple(map(clean, row)) for row in table.rows]
    if sys.stdout.isatty():
        _print_rich(_rich_table(table, rows))
    else:
        lines = _plain_lines([table.titles, *rows])
        click.echo("\n".join(lines if table.has_titles else lines[1:]))


def print_trees(branches: Iterable[Branch]) -> None:
    """Print trees, one below the other."""
    from rich.text import Text
    from rich.tree import Tree

    for branch in branches:
        top = Tree(Text(clean(branch.label)))
        waiting = [(top, branch)]
        while waiting:
            node, source = waiting.pop()
            waiting += [
                (node.add(Text(clean(child.label))), child) for child in source.branches
            ]
        _print_rich(top)


def _print_styled(text: str, style: str) -> None:
    if not sys.stdout.isatty():
        click.echo(text)
        return
    from rich.text import Text

    _print_rich(Text(text, style))


def _plain_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # Nothing follows the last cell, so a long value there pads no other row.
    widths[-1] = 0
    gap = " " * _GAP
    return [
        gap.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _rich_table(table: Table, rows: Sequence[tuple[str, ...]]) -> "RichTable":
    from rich.table import Table as RichTable
    from rich.text import Text

    found = RichTable(
        box=None,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        show_header=table.has_titles,
    )
    for index, title in enumerate(table.titles):
        longest = max((len(row[index]) for row in rows), default=0)
        is_whole = title in _IDS and longest <= _LONGEST_ID
        found.add_column(Text(title), no_wrap=is_whole, overflow="fold")
    for row in rows:
        found.add_row(
            *(Text(_short(cell), _STYLES.get(cell.split(" ")[0], "")) for cell in row)
        )
    return found


def _short(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"


def _print_rich(renderable: "RenderableType") -> None:
    console = _console()
    console.print(renderable)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # made with a StringIO
    click.echo("\n".join(line.rstrip() for line in text.rstrip("\n").split("\n")))


def _console() -> "Console":
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    with_colour = is_terminal and not os.environ.get("NO_COLOR")
    # A pipe has no width: nothing is cut there.
    width = shutil.get_terminal_size().columns if is_terminal else 10**6
    return Console(
        file=StringIO(),
        width=width,
        force_terminal=is_terminal,
        color_system="auto" if with_colour else None,
        highlight=False,
        soft_wrap=False,
    )
