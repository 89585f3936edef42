"""The functions that SQL can call on a connection of ours.

``tracker_points(data)`` reads a block of the table ``metrics``. The others serve our
own queries.
"""

import math
import operator
import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import cast

from tracker_core.blocks import decode
from tracker_core.summaries import SeriesState
from tracker_core.values import Value, from_json, to_json
from tracker_sqlite.columns import Column, to_columns

__all__ = ["register_functions", "register_own_functions"]


def register_functions(connection: sqlite3.Connection) -> None:
    """Let SQL on ``connection`` read blocks of points.

    ``tracker_points(data)`` takes the column ``data`` of a row of ``metrics`` and
    returns a JSON list for ``json_each``, whose items are mappings with ``step``,
    ``time_ns`` and ``value``, in order. NaN and the infinities are ``{"$float": …}``.
    """
    connection.create_function("tracker_points", 1, _points, deterministic=True)


def register_own_functions(connection: sqlite3.Connection) -> None:
    """Let SQL on ``connection`` do all that our queries need."""
    register_functions(connection)
    for name, count, function in _OWN:
        connection.create_function(name, count, function, deterministic=True)


def _casefold(text: str) -> str:
    return text.casefold()


def _matches(text: str, pattern: str) -> bool:
    return re.search(pattern, text) is not None


def _holds(column: Column, op: str, operand: str) -> bool:
    """Compare a number, as a column, with one that is written as JSON."""
    return _COMPARISONS[op](_number(column), cast("float", from_json(operand)))


def _exact(state: str, part: str) -> Column:
    """Return the exact minimum or maximum of a series, as a column."""
    found = SeriesState.from_value(cast("Mapping[str, Value]", from_json(state)))
    return to_columns(cast("Value", getattr(found.summary(), part)))[1]


def _far(column: Column) -> str:
    """Return a text by which far numbers sort; near ones have ``B``."""
    number = _number(column)
    is_endless = number in (math.inf, -math.inf)
    digits = "" if is_endless else str(abs(int(number)))
    size = f"{99_999 if is_endless else len(digits):05}"
    if number > 0:
        return f"C{size}{digits}"
    return "A" + (size + digits).translate(_COMPLEMENT)


def _number(column: Column) -> float:
    found = from_json(column) if isinstance(column, str) else column
    return cast("float", found)


def _points(data: bytes) -> str:
    block = decode(data)
    rows = zip(block.steps, block.times_ns, block.values, strict=True)
    told: list[Value] = [
        {"step": step, "time_ns": time_ns, "value": value}
        for step, time_ns, value in rows
    ]
    return to_json(told)


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_OWN: tuple[tuple[str, int, Callable[..., Column]], ...] = (
    ("tracker_casefold", 1, _casefold),
    ("tracker_exact", 2, _exact),
    ("tracker_far", 1, _far),
    ("tracker_holds", 3, _holds),
    ("tracker_matches", 2, _matches),
)
