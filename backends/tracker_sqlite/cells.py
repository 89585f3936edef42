"""Where a field of a run lies in the tables, as pieces of SQL.

A number is *near* when it lies between −9e18 and 9e18: SQLite compares and sorts such
ints and floats exactly. Beyond, an int may be digits as text, or stand in a summary as
the nearest float; what is far is therefore compared and sorted by functions of ours.
"""

from typing import NamedTuple

from tracker_core.fields import RUN_ATTRIBUTES, Field, Space

__all__ = ["FAR", "NUMBERS", "RUNS", "Cell", "cell_of"]

FAR = 9e18
"""From where on a number is far, up and down."""

NUMBERS = "('int', 'float')"
"""The types of numbers, as SQL."""

RUNS = "runs"
"""The table of the attributes."""

_TIMES = frozenset({"created_at", "started_at", "ended_at"})
_INDEXED_PARTS = frozenset({"min", "max", "last"})


class Cell(NamedTuple):
    """The place of a value, as SQL expressions in terms of its table.

    Args:
        table: The table that holds it, with at most one row for a run.
        key: The column that names the field there, or None in ``runs``.
        kind: The type of the value, as in :mod:`tracker_sqlite.columns`; ``'time'``
            for nanoseconds since 1970.
        value: The value; NULL where there is none; exact when it is near.
        exact: The exact value of a number.
        is_indexed: Whether an index finds rows by key and value.
    """

    table: str
    key: str | None
    kind: str
    value: str
    exact: str
    is_indexed: bool = False


def cell_of(field: Field, alias: str | None = None) -> Cell:
    """Return where a field lies.

    Args:
        field: The field; ``experiment`` lies in a table of its own.
        alias: What a query calls the table, by default as it is called.
    """
    match field.space:
        case Space.RUN:
            return _attribute(field.key)
        case Space.METRICS:
            return _part(str(field.part), alias or "series")
        case Space.TAGS:
            value = f"{alias or 'tags'}.value"
            return Cell("tags", "key", "'text'", value, value, is_indexed=True)
    table = field.space.value
    kind, value = f"{alias or table}.type", f"{alias or table}.value"
    return Cell(table, "key", kind, value, value, is_indexed=True)


def _attribute(name: str) -> Cell:
    if name == "duration":
        # As timedelta.total_seconds: whole microseconds, divided once.
        seconds = "((runs.ended_ns - runs.started_ns) / 1000 / 1000000.0)"
        return Cell(RUNS, None, "'float'", seconds, seconds)
    if name == "experiment":
        return Cell(RUNS, None, "'text'", "experiments.name", "experiments.name")
    if name in _TIMES:
        column = f"runs.{name.removesuffix('_at')}_ns"
        return Cell(RUNS, None, "'time'", column, column)
    column = f"runs.{next(known for known in RUN_ATTRIBUTES if known == name)}"
    return Cell(RUNS, None, "'text'", column, column)


def _part(part: str, table: str) -> Cell:
    value = f"{table}.{part}"
    is_indexed = part in _INDEXED_PARTS
    if part in ("first", "last"):
        kind = f"{table}.{part}_type"
        return Cell("series", "name", kind, value, value, is_indexed)
    if part in ("min", "max"):
        exact = f"tracker_exact({table}.state, '{part}')"
        return Cell("series", "name", "'float'", value, exact, is_indexed)
    kind = "'float'" if part == "mean" else "'int'"
    return Cell("series", "name", kind, value, value, is_indexed)
