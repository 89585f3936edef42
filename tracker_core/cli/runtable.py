"""The table of runs as it is printed.

On a terminal what all runs share is one line above the table, and columns for which
there is no room are left out whole, the least telling ones first. Into a pipe goes
every column of every run.
"""

from collections.abc import Mapping, Sequence

from tracker_core.cli.border import say
from tracker_core.cli.columns import Column, Rank, columns_of
from tracker_core.cli.layout import cut, text_width
from tracker_core.cli.outcomes import status_name
from tracker_core.cli.overview import Overview
from tracker_core.cli.printing import clean, echo, is_terminal, terminal_width
from tracker_core.cli.tables import Table, print_table
from tracker_core.cli.text import shown
from tracker_core.fields import Field
from tracker_core.values import Value

__all__ = ["print_runs"]

_GAP = 2
# To so many letters cells are cut before a column is left out.
_CUTS = (None, 24, 12)
_LONGEST_SHARED = 40
_SHORTEST_NAME = 12


def print_runs(
    overview: Overview,
    courses: Mapping[str, Sequence[float]],
    sorted_by: Sequence[Field] = (),
) -> None:
    """Print the table of runs.

    Args:
        overview: What is told of them.
        courses: The course of a series in some of them, by run id.
        sorted_by: By what they are sorted; its columns are among the last to go.
    """
    is_folded = is_terminal()
    columns = columns_of(overview, courses, sorted_by, is_folded=is_folded)
    if not is_folded:
        _print(columns)
        return
    room = terminal_width()
    columns = _with_short_names([*map(_cleaned, columns)], room)
    if overview.same:
        echo(_shared(overview.same, room))
    statuses = () if overview.is_chosen else [run.info for run in overview.runs]
    kept, missing = _fitted(columns, room)
    _print(kept, tuple(status_name(info) or "" for info in statuses))
    named = [title for title in missing if title]
    if named:
        ends = "tracker: no room for ", "; --columns chooses"
        line = _enumerated(named, room, *ends)
        say(line.removeprefix("tracker: "))


def _print(columns: Sequence[Column], statuses: tuple[str, ...] = ()) -> None:
    titles = tuple(column.title for column in columns)
    rows = [*zip(*(column.cells for column in columns), strict=True)]
    print_table(Table(titles, rows, statuses=statuses))


def _cleaned(column: Column) -> Column:
    """Return a column as wide as it will be."""
    cells = tuple(map(clean, column.cells))
    short = None if column.short is None else tuple(map(clean, column.short))
    return column._replace(title=clean(column.title), cells=cells, short=short)


def _with_short_names(columns: Sequence[Column], room: int) -> list[Column]:
    """Return columns whose names, if one has no room alone, have half of the line.

    What is left of a name cannot be given to a command, so the ids stay beside it.
    """
    longest = max(
        (text_width(text) for one in columns for text in one.cells if _is_name(one)),
        default=0,
    )
    if longest <= room:
        return [*columns]
    return [_beside_short_names(one, max(room // 2, _SHORTEST_NAME)) for one in columns]


def _is_name(column: Column) -> bool:
    return column.title == "NAME"


def _beside_short_names(column: Column, most: int) -> Column:
    if _is_name(column):
        return column._replace(cells=tuple(cut(text, most) for text in column.cells))
    is_id = column.title == "RUN ID"
    return column._replace(rank=Rank.WHO) if is_id else column


def _shared(same: Mapping[str, Value], room: int) -> str:
    """Return in a line what all runs share."""
    parts = [
        f"{clean(name)}={cut(shown(value), _LONGEST_SHARED)}"
        for name, value in same.items()
    ]
    return _enumerated(parts, room, "same for all: ")


def _enumerated(parts: Sequence[str], room: int, begin: str, end: str = "") -> str:
    """Return a line of as many parts as there is room for, and the number of others."""
    for count in range(len(parts), 0, -1):
        left = len(parts) - count
        rest = f", and {left} more" if left else ""
        line = f"{begin}{', '.join(parts[:count])}{rest}{end}"
        if text_width(line) <= room:
            break
    return line


def _fitted(columns: Sequence[Column], room: int) -> tuple[list[Column], list[str]]:
    """Return the columns for which there is room, and the titles of the others."""
    stages = [[_shorter(one, most) for one in columns] for most in _CUTS]
    found = [_places(stage, room) for stage in stages]
    # Nothing is cut for which nothing is gained.
    stage = found.index(found[-1])
    shorter, places = stages[stage], found[stage]
    kept = [column for place, column in enumerate(shorter) if place in places]
    missing = [one.title for place, one in enumerate(columns) if place not in places]
    return kept, missing


def _places(columns: Sequence[Column], room: int) -> set[int]:
    """Return the places of the columns that fit, the most telling ones first."""
    kept = set()
    used = -_GAP
    by_rank = sorted(range(len(columns)), key=lambda place: columns[place].rank)
    for place in by_rank:
        column = columns[place]
        width = _GAP + max(map(text_width, (column.title, *column.cells)))
        if column.rank == 0 or used + width <= room:
            kept.add(place)
            used += width
    return kept


def _shorter(column: Column, most: int | None) -> Column:
    if most is None:
        return column
    if column.short is not None:
        return column._replace(cells=column.short)
    if not column.is_cut:
        return column
    # The end of a dotted name tells more than its beginning.
    title = column.title[::-1]
    cells = tuple(cut(text, most) for text in column.cells)
    return column._replace(title=cut(title, most)[::-1], cells=cells)
