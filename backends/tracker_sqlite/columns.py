"""Values as columns, so that SQL sees numbers as numbers and nothing is lost.

A value is two columns, its type and itself:

========= ==================================================
type      the value's column
========= ==================================================
``int``   INTEGER; beyond 64 bits its digits as TEXT
``float`` REAL, infinities too; NaN as JSON text, since SQLite would make it NULL
``bool``  INTEGER 0 or 1
``text``  TEXT, as it is
``null``  NULL
``list``  JSON text
``dict``  JSON text
========= ==================================================

JSON text is that of :func:`tracker_core.values.to_json`. The value's column has no
declared type: SQLite would convert what does not fit one, and 1 would become 1.0.
"""

import math
from typing import TypeAlias

from tracker_core.values import Value, from_json, to_json

__all__ = ["Column", "from_columns", "to_columns", "to_limit", "to_number"]

Column: TypeAlias = "int | float | str | None"

_LARGEST = 2**63 - 1


def to_columns(value: Value) -> tuple[str, Column]:
    """Return the type and the column of ``value``."""
    if value is None or isinstance(value, str):
        return "null" if value is None else "text", value
    if isinstance(value, bool):
        return "bool", int(value)
    if isinstance(value, int):
        return "int", value if _fits(value) else str(value)
    if isinstance(value, float):
        return "float", to_json(value) if math.isnan(value) else value
    return "list" if isinstance(value, list) else "dict", to_json(value)


def from_columns(kind: str, column: Column) -> Value:
    """Return the value that :func:`to_columns` gave as ``kind`` and ``column``."""
    if kind == "bool":
        return bool(column)
    if kind == "text" or not isinstance(column, str):
        return column
    return from_json(column)


def to_number(number: float | None) -> int | float | None:
    """Return a number as a column that sorts as it should.

    An int beyond 64 bits becomes the nearest float; NaN becomes NULL in SQLite.
    """
    if not isinstance(number, int) or _fits(number):
        return number
    try:
        return float(number)
    except OverflowError:  # beyond every float
        return math.inf if number > 0 else -math.inf


def to_limit(limit: int | None) -> int:
    """Return how many rows are wanted as ``LIMIT`` takes it; None is for all."""
    return -1 if limit is None else min(limit, _LARGEST)


def _fits(number: int) -> bool:
    return -_LARGEST - 1 <= number <= _LARGEST
