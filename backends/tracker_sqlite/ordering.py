"""Orders as SQL, with the answers of :mod:`tracker_core.matching`.

Ascending, numbers come before text, text before bool; what cannot be sorted comes last
in both directions, and of equals the newest first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tracker_core.fields import Field, Ordering
from tracker_sqlite.cells import FAR, NUMBERS, RUNS, Cell, cell_of

__all__ = ["NEWEST_FIRST", "Sorting", "Walk", "sorting", "walk"]

NEWEST_FIRST = "runs.created_ns DESC, runs.run_id DESC"


class Sorting(NamedTuple):
    """How any order is had: all values are joined to the runs, and sorted.

    Args:
        joins: What joins the values.
        terms: What stands after ORDER BY.
        parameters: For the joins.
    """

    joins: str
    terms: str
    parameters: tuple[str, ...]


class Walk(NamedTuple):
    """How the first runs by a number are had: along an index, up to a limit.

    Right as long as there are enough near numbers, and nothing comes before them.

    Args:
        table: The table to begin with.
        where: What holds of near numbers.
        before: What holds of a value that comes before them.
        terms: What stands after ORDER BY.
        key: The parameter of both conditions.
    """

    table: str
    where: str
    before: str
    terms: str
    key: str


def sorting(order: Sequence[Ordering]) -> Sorting:
    """Return how runs are sorted by any number of fields."""
    joins: list[str] = []
    terms: list[str] = []
    keys: list[str] = []
    for number, (field, is_descending) in enumerate(map(_pair, order)):
        alias = f"by_{number}"
        cell = cell_of(field, alias)
        if cell.table != RUNS:
            on = f"{alias}.run = runs.id AND {alias}.{cell.key} = ?"
            joins.append(f"LEFT JOIN {cell.table} AS {alias} ON {on}")
            keys.append(field.key)
        terms += _terms(cell, "DESC" if is_descending else "ASC")
    return Sorting(" ".join(joins), ", ".join([*terms, NEWEST_FIRST]), tuple(keys))


def walk(order: Sequence[Ordering]) -> Walk | None:
    """Return how an index gives the first runs; None where none does."""
    if len(order) != 1:
        return None
    field, is_descending = _pair(order[0])
    cell = cell_of(field)
    if not cell.is_indexed or cell.table == "tags":
        return None
    place, value = f"{cell.table}.{cell.key} = ?", cell.value
    near = f"{cell.kind} IN {NUMBERS} AND {value} > -{FAR} AND {value} < {FAR}"
    # Texts come after all numbers: text, ints of many digits, and NaN. A bool is a
    # number to the index.
    far = f"{value} >= {FAR} OR {cell.kind} = 'bool' AND {value} IN (0, 1)"
    if not is_descending:
        far = f"{value} <= -{FAR} OR {value} >= '-' AND {value} < '.'"
    direction = "DESC" if is_descending else "ASC"
    return Walk(
        cell.table,
        f"{place} AND {near}",
        f"{place} AND ({far})",
        f"{value} {direction}, {NEWEST_FIRST}",
        field.key,
    )


def _pair(ordering: Ordering) -> tuple[Field, bool]:
    return ordering.field, ordering.is_descending


def _terms(cell: Cell, direction: str) -> list[str]:
    kind, value = cell.kind, cell.value
    if kind == "'time'":
        kind, value = "'int'", f"({value} / 1000)"
    is_number = f"{kind} IN {NUMBERS} AND {value} IS NOT NULL"
    is_nan = f"{kind} = 'float' AND typeof({value}) = 'text'"
    rank = (
        f"CASE WHEN {is_nan} THEN NULL WHEN {is_number} THEN 0 "
        f"WHEN {kind} = 'text' AND {value} IS NOT NULL THEN 1 "
        f"WHEN {kind} = 'bool' THEN 2 END"
    )
    far = (
        f"CASE WHEN {is_number} AND NOT ({is_nan}) "
        f"AND ({value} <= -{FAR} OR {value} >= {FAR}) "
        f"THEN tracker_far({cell.exact}) ELSE 'B' END"
    )
    return [
        f"{rank} IS NULL",
        *(f"{term} {direction}" for term in (rank, far)),
        # What cannot be sorted is equal, whatever its value.
        f"CASE WHEN {rank} IS NOT NULL AND {far} = 'B' THEN {value} END {direction}",
    ]
