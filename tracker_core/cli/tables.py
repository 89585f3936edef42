"""Tables and trees for people.

On a terminal they fit its width, or run on softly over its edge where their cells are
there to be copied; long values are shortened, and colours follow ``NO_COLOR``. Into a
pipe or a file every value goes whole, one row a line, without colour.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import pairwise
from os.path import commonprefix
from typing import TYPE_CHECKING, NamedTuple

from tracker_core.cli.glyphs import STATUS_COLOURS
from tracker_core.cli.layout import cut, text_width
from tracker_core.cli.printing import (
    clean,
    echo,
    has_colours,
    is_terminal,
    terminal_width,
    written_out,
)
from tracker_core.cli.text import shown
from tracker_core.values import Value

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

__all__ = [
    "Branch",
    "Table",
    "brief_cell",
    "mapping_table",
    "print_heading",
    "print_table",
    "print_trees",
    "short_ids",
    "table_width",
    "value_cell",
]

# A value of a megabyte would be pages of it.
_LONGEST_VALUE = 400
_UNLIMITED = 10**8
_BRIEF = 16
# Of an int with more digits the first ones are enough on a screen.
_EXACT, _BEYOND = 10**15, 10**300
# The columns whose values are copied into the next command.
_IDS = ("RUN ID", "JOB ID", "SOURCE", "WRITER")
# The columns that give room first: a message goes on elsewhere, and what the others
# say is the same in many rows.
_CUT = ("MESSAGE", "GROUP", "EXPERIMENT")
_SHORTEST_CUT = 6
_SHORTEST_TITLE = 8
_NARROWEST = 60
# Shorter ones would soon be those of another run: the first ten letters of a generated
# id are its time in milliseconds.
_SHORTEST_ID = 10
# Blanks that fill a column, with the codes that end its colour behind them.
_BLANK_ENDS = re.compile(r" +((?:\x1b\[[\d;]*m)*)$", re.MULTILINE)
_STYLES = {**STATUS_COLOURS, "PENDING": "dim"}
_CODES = {
    "bold": 1,
    "dim": 2,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "magenta": 35,
    "cyan": 36,
}
_DUMB = ("dumb", "unknown")
_GAP = 2


class Table(NamedTuple):
    """Rows, mostly under column titles; cells are shown as they are.

    Args:
        titles: A title for each column.
        rows: A cell for each column.
        has_titles: Whether the titles are shown.
        flows: Whether long cells run on over the edge of a terminal, which keeps them
            in one piece, rather than being fitted to it.
        short: What stands for an id on a terminal where room is short.
        spare: The titles of the columns that are left out where room is shorter still,
            in this order.
        statuses: A status for each row, whose colour the first cell of the row has.
    """

    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    has_titles: bool = True
    flows: bool = False
    short: Mapping[str, str] | None = None
    spare: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


class Branch(NamedTuple):
    """A node of a tree, and what hangs below it."""

    label: str
    branches: "list[Branch]"


def mapping_table(title: str, values: Mapping[str, Value]) -> Table:
    """Return keys and values as a table."""
    rows = [(key, shown(value)) for key, value in values.items()]
    return Table((title, "VALUE"), rows, flows=True)


def value_cell(value: Value) -> str:
    """Return a value for a column of them: floats to six digits, nothing as a dash."""
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else shown(value)


def brief_cell(value: Value) -> str:
    """Return a value for a column of a screen: what is long is rounded or cut."""
    if isinstance(value, int) and _EXACT < abs(value) < _BEYOND:
        return value_cell(float(value))
    return cut(value_cell(value), _BRIEF)


def print_heading(text: str) -> None:
    """Print a line that stands out on a terminal."""
    echo(_painted(clean(text), "bold"))


def print_table(table: Table) -> None:
    """Print a table."""
    rows = [tuple(map(_printable, row)) for row in table.rows]
    if is_terminal():
        rows = [tuple(map(_short, row)) for row in rows]
    table = table._replace(titles=tuple(map(_printable, table.titles)), rows=rows)
    room = terminal_width() if is_terminal() and not table.flows else None
    # What has to be copied, or has no room at all, is left to the terminal to break.
    if room is None or room < _NARROWEST or table_width(table) <= room:
        _print_lines(table)
    else:
        _print_rich(_fitted(_with_short_ids(table), room), room)


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


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return for each id a beginning that no other of them has."""
    ordered = sorted(set(ids))
    # With the id before, and with the one after.
    shared = [0, *(len(commonprefix(pair)) for pair in pairwise(ordered)), 0]  # noqa: RUF071 - by letters
    return {
        run_id: run_id[: max(_SHORTEST_ID, *(length + 1 for length in both))]
        for run_id, both in zip(ordered, pairwise(shared), strict=False)
    }


def _print_lines(table: Table) -> None:
    """Print a table that has room; without rich, which takes long to load."""
    widths = _widths(table)
    if table.has_titles:
        echo(_line(table.titles, widths, ["bold"] * len(widths)))
    for place, row in enumerate(table.rows):
        echo(_line(row, widths, _styles(table, place)))


def _line(cells: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> str:
    blanks = [
        " " * (width - text_width(cell) + _GAP)
        for cell, width in zip(cells, widths, strict=True)
    ]
    last = max((place for place, cell in enumerate(cells) if cell), default=-1)
    parts = zip(cells[: last + 1], blanks, styles, strict=False)
    return "".join(
        _painted(cell, style) + blank for cell, blank, style in parts
    ).rstrip(" ")


def _widths(table: Table) -> list[int]:
    rows = [table.titles, *table.rows] if table.has_titles else table.rows
    return [max(map(text_width, column)) for column in zip(*rows, strict=True)]


def _styles(table: Table, place: int) -> list[str]:
    styles = [_style(cell) for cell in table.rows[place]]
    if table.statuses:
        styles[0] = _STYLES.get(table.statuses[place], "")
    return styles


def _painted(text: str, style: str) -> str:
    code = _CODES.get(style)
    is_dumb = os.environ.get("TERM") in _DUMB
    if code is None or not text or is_dumb or not has_colours():
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def _rich_table(table: Table, most: Mapping[int, int] | None = None) -> "RichTable":
    from rich.table import Table as RichTable
    from rich.text import Text

    found = RichTable(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=table.has_titles
    )
    for column, title in enumerate(table.titles):
        overflow = "ellipsis" if title in _CUT else "fold"
        found.add_column(
            Text(title, "bold", no_wrap=True, overflow="ellipsis"),
            max_width=(most or {}).get(column),
            no_wrap=title in (*_CUT, *_IDS),
            overflow=overflow,  # type: ignore[arg-type]  # its words are a Literal
        )
    for place, row in enumerate(table.rows):
        styles = _styles(table, place)
        found.add_row(*map(Text, row, styles))
    return found


def table_width(table: Table) -> int:
    """Return how many cells a line of a table has."""
    return sum(_widths(table)) + _GAP * (len(table.titles) - 1)


def _fitted(table: Table, room: int) -> "RichTable":
    """Return a table that is narrower: cut, and else without its spare columns.

    What is still too wide is folded by the widest columns.
    """
    excess = table_width(table) - room
    most: dict[int, int] = {}
    for column, widest, least in _cuts(table):
        most[column] = min(widest, max(widest - max(excess, 0), least))
        excess -= widest - most[column]
    if excess > 0 and table.spare:
        return _fitted(_without_spare(table), room)
    return _rich_table(table, most)


def _cuts(table: Table) -> Iterator[tuple[int, int, int]]:
    """Give the columns that can be cut: which, how wide it is, and the least it can be.

    Those come first that say the same in many rows; of others only a title is cut.
    """
    widths = [text_width(title) for title in table.titles]
    cells = [
        max((text_width(row[column]) for row in table.rows), default=0)
        for column in range(len(widths))
    ]
    for title in _CUT:
        if title in table.titles:
            column = table.titles.index(title)
            yield column, max(widths[column], cells[column]), _SHORTEST_CUT
    for column, title in enumerate(table.titles):
        least = max(cells[column], _SHORTEST_TITLE)
        if title not in _CUT and widths[column] > least:
            yield column, widths[column], least


def _without_spare(table: Table) -> Table:
    """Return a table without the first of its spare columns."""
    title, *others = table.spare
    spare = table.titles.index(title)

    def kept(row: tuple[str, ...]) -> tuple[str, ...]:
        return row[:spare] + row[spare + 1 :]

    return table._replace(
        titles=kept(table.titles),
        rows=[kept(row) for row in table.rows],
        spare=tuple(others),
    )


def _printable(text: str) -> str:
    # Written out before it is measured, else the columns would part.
    return written_out(clean(text))


def _with_short_ids(table: Table) -> Table:
    short = table.short or {}
    ids = [title in _IDS for title in table.titles]
    rows = [
        tuple(
            short.get(cell, cell) if is_id else cell
            for is_id, cell in zip(ids, row, strict=True)
        )
        for row in table.rows
    ]
    return table._replace(rows=rows)


def _style(cell: str) -> str:
    return _STYLES.get(cell.partition(":")[0], "")


def _short(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"


def _print_rich(renderable: "RenderableType", room: int | None = None) -> None:
    console = _console(room)
    console.print(renderable)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # made with a StringIO
    echo(_BLANK_ENDS.sub(r"\1", text.rstrip("\n")))


def _console(room: int | None = None) -> "Console":
    from rich.console import Console

    return Console(
        file=StringIO(),
        # Without a limit a terminal breaks long lines itself, and copies them whole.
        width=room or _UNLIMITED,
        force_terminal=is_terminal(),
        color_system="auto" if has_colours() else None,
        highlight=False,
    )
