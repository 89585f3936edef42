"""Tables and trees for people.

On a terminal they fit its width, or run on softly over its edge where their cells are
there to be copied; long values are shortened, and colours follow ``NO_COLOR``. Into a
pipe or a file every value goes whole, one row a line, without colour.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from tracker_core.cli.layout import CUT, GAP, IDS, fitted, flowing, is_wider
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.text import shown
from tracker_core.datatypes import TrackerArtifact
from tracker_core.values import Value

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = [
    "Branch",
    "Table",
    "artifact_table",
    "mapping_table",
    "print_heading",
    "print_table",
    "print_trees",
]

# A value of a megabyte would be pages of it.
_LONGEST_VALUE = 400
_STYLES = {
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "yellow",
    "RUNNING": "cyan",
    "PENDING": "dim",
}


class Table(NamedTuple):
    """Rows, mostly under column titles; cells are shown as they are.

    Args:
        titles: A title for each column.
        rows: A cell for each column.
        has_titles: Whether the titles are shown.
        flows: Whether long cells run on over the edge of a terminal, which keeps them
            in one piece, rather than being fitted to it.
        short: What stands for an id on a terminal where room is short.
    """

    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    has_titles: bool = True
    flows: bool = False
    short: Mapping[str, str] | None = None


class Branch(NamedTuple):
    """A node of a tree, and what hangs below it."""

    label: str
    branches: "list[Branch]"


def mapping_table(title: str, values: Mapping[str, Value]) -> Table:
    """Return keys and values as a table."""
    rows = [(key, shown(value)) for key, value in values.items()]
    return Table((title, "VALUE"), rows, flows=True)


def artifact_table(artifacts: Iterable[TrackerArtifact]) -> Table:
    """Return artifacts as a table."""
    rows = [
        (item.name, item.path, "" if item.metadata is None else shown(item.metadata))
        for item in artifacts
    ]
    return Table(("ARTIFACT", "PATH", "METADATA"), rows, flows=True)


def print_heading(text: str) -> None:
    """Print a line that stands out on a terminal."""
    _print_styled(clean(text), "bold")


def print_table(table: Table) -> None:
    """Print a table."""
    rows = [tuple(map(clean, row)) for row in table.rows]
    if sys.stdout.isatty():
        rows = [tuple(map(_short, row)) for row in rows]
        _print_rich(_fitted_to_terminal(table, rows))
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
    gap = " " * GAP
    return [
        gap.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _fitted_to_terminal(table: Table, rows: Sequence[tuple[str, ...]]) -> "Text":
    from rich.text import Text

    room = shutil.get_terminal_size().columns
    shown = [table.titles, *rows] if table.has_titles else list(rows)
    if table.short and is_wider(shown, room):
        shown = [_with_short_ids(table, row) for row in shown]
    widths = flowing(shown, room) if table.flows else fitted(table.titles, shown, room)
    lines = []
    for number, row in enumerate(shown):
        is_title = table.has_titles and number == 0
        cells = [Text(cell, "bold" if is_title else _style(cell)) for cell in row]
        if table.flows:
            lines.append(_line(cells, widths))
        else:
            split = map(_cell_lines, table.titles, cells, widths)
            found = zip_longest(*split, fillvalue=Text())
            lines += [_line(parts, widths) for parts in found]
    return Text("\n").join(lines)


def _with_short_ids(table: Table, row: tuple[str, ...]) -> tuple[str, ...]:
    short = table.short or {}
    return tuple(
        short.get(cell, cell) if title in IDS else cell
        for title, cell in zip(table.titles, row, strict=True)
    )


def _cell_lines(title: str, cell: "Text", width: int) -> "list[Text]":
    if title in CUT:
        cell.truncate(width, overflow="ellipsis")
        return [cell]
    if title == "STATUS" and cell.cell_len > width:
        # The cause has its own line.
        status, _, cause = cell.plain.partition(": ")
        cell.plain = f"{status}:\n{cause}" if cause else status
    return list(cell.wrap(_console(), width, overflow="fold"))


def _line(cells: "Iterable[Text]", widths: Sequence[int]) -> "Text":
    """Return cells side by side; a longer one pushes aside what follows."""
    from rich.text import Text

    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append_text(cell)
        line.append(" " * (max(width - cell.cell_len, 0) + GAP))
    line.rstrip()
    return line


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
    return Console(
        file=StringIO(),
        # Tables have been fitted; a terminal breaks other lines itself.
        width=10**6,
        force_terminal=is_terminal,
        color_system="auto" if with_colour else None,
        highlight=False,
        soft_wrap=False,
    )
