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

from tracker_core.cli.printing import clean, echo

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
_IDS = ("RUN ID", "JOB ID", "SOURCE")
# Columns that are cut rather than folded.
_CUT = ("NAME", "EXPERIMENT")
# How narrow a column may become before all others are as narrow.
_FLOOR = 10
_FLOORS = {"NAME": 22}


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
        echo("\n".join(lines if table.has_titles else lines[1:]))


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
        echo(text)
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

    rows = [tuple(map(_short, row)) for row in rows]
    gap, widths = _layout(table, rows)
    found = RichTable(
        box=None, pad_edge=False, padding=(0, gap, 0, 0), show_header=table.has_titles
    )
    for title, width in zip(table.titles, widths, strict=True):
        # Of what is cut the id beside it tells the rest.
        overflow = "ellipsis" if title in _CUT else "fold"
        found.add_column(Text(title), width=width, overflow=overflow)  # type: ignore[arg-type]  # its words are a Literal
    for row in rows:
        cells = map(_broken, table.titles, row, widths)
        found.add_row(*(Text(cell, _style(cell)) for cell in cells))
    return found


def _layout(table: Table, rows: Sequence[tuple[str, ...]]) -> tuple[int, list[int]]:
    """Return the gap between columns and their widths, fitted to the terminal."""
    from rich.cells import cell_len

    titles = table.titles if table.has_titles else [""] * len(table.titles)
    columns = zip(titles, *rows, strict=True)
    widths = [max(map(cell_len, column)) for column in columns]
    room, gaps = shutil.get_terminal_size().columns, len(widths) - 1
    if sum(widths) + _GAP * gaps <= room:
        return _GAP, widths
    whole = [
        width if title in _IDS and width <= _LONGEST_ID else 0
        for title, width in zip(table.titles, widths, strict=True)
    ]
    usual = [_FLOORS.get(title, _FLOOR) for title in table.titles]
    for floors in (list(map(max, whole, usual)), whole, [0] * len(widths)):
        _shrink(widths, floors, room - gaps)
    return 1, widths


def _shrink(widths: list[int], floors: Sequence[int], room: int) -> None:
    """Make the widest column narrower, as long as there is need and it may be."""
    while sum(widths) > room:
        over = [
            width if width > f else 0 for width, f in zip(widths, floors, strict=True)
        ]
        widest = max(over)
        if widest <= 1:
            return
        widths[over.index(widest)] -= 1


def _broken(title: str, cell: str, width: int) -> str:
    # A status that needs two lines has its cause on the second.
    is_long = title == "STATUS" and len(cell) > width
    return cell.replace(": ", ":\n", 1) if is_long else cell


def _style(cell: str) -> str:
    return _STYLES.get(cell.partition(":")[0], "")


def _short(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"


def _print_rich(renderable: "RenderableType") -> None:
    console = _console()
    console.print(renderable)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # made with a StringIO
    echo("\n".join(line.rstrip() for line in text.rstrip("\n").split("\n")))


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
