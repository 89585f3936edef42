"""Conditions as SQL, with the answers of :mod:`tracker_core.matching`.

A condition on a key becomes ``runs.id IN (SELECT run …)``, which an index answers
whatever else is asked; one on the run itself an expression. No expression is ever NULL,
so that a negation is true exactly when its part is not.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeGuard, cast

from tracker_core.fields import Field, Operand, Space, kind_of
from tracker_core.filters import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Exists,
    FilterOp,
    Membership,
    Negation,
)
from tracker_core.metrics import is_number
from tracker_core.values import to_json
from tracker_sqlite.cells import FAR, NUMBERS, RUNS, Cell, cell_of

__all__ = ["Sql", "TooComplexError", "to_sql"]

# SQLite allows 32,766 parameters, and expressions that its parser's stack holds.
_MOST_PARAMETERS = 30_000
_DEEPEST = 20

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WORDS = {FilterOp.NE: "<>"}
_ORDERED = frozenset(
    {
        *(FilterOp.EQ, FilterOp.NE, FilterOp.GT),
        *(FilterOp.LT, FilterOp.GTE, FilterOp.LTE),
    }
)


class TooComplexError(Exception):
    """SQLite could not take the condition; ask for each run instead."""


class Sql(NamedTuple):
    """A piece of SQL.

    Args:
        text: What it says.
        parameters: One for each question mark.
        depth: How deep its parentheses nest.
    """

    text: str
    parameters: tuple[object, ...] = ()
    depth: int = 0


_FALSE = Sql("0")


def to_sql(condition: Condition | None) -> Sql:
    """Return an expression over ``runs`` that is 1 for the runs that match, else 0.

    Raises:
        TooComplexError: There are too many values, or it nests too deep.
    """
    found = Sql("1") if condition is None else _compiled(condition, 0)
    if len(found.parameters) > _MOST_PARAMETERS or found.depth > _DEEPEST:
        raise TooComplexError
    return found


def _compiled(condition: Condition, depth: int) -> Sql:
    if depth > _DEEPEST:
        raise TooComplexError
    match condition:
        case Comparison(field, op, value):
            return _held(field, _holding(cell_of(field), op, value))
        case Membership(field, values):
            return _held(field, _one_of(cell_of(field), values))
        case Exists(field):
            return _held(field, [_existing(field)])
        case AllOf(parts):
            return _joined("AND", [_compiled(part, depth + 1) for part in parts])
        case AnyOf(parts):
            return _joined("OR", [_compiled(part, depth + 1) for part in parts])
        case Negation(part):
            text, parameters, deep = _compiled(part, depth + 1)
            return Sql(f"NOT ({text})", parameters, deep + 1)


def _held(field: Field, alternatives: Sequence[Sql]) -> Sql:
    """Return what is true of the runs of which one alternative holds."""
    cell = cell_of(field)
    if cell.table != RUNS:
        return _in_table(cell, field.key, alternatives)
    told = _joined("OR", alternatives)
    if field.key == "experiment":
        inner = f"SELECT id FROM experiments WHERE {told.text}"  # noqa: S608 - the words are ours
        text = f"(runs.experiment IS NOT NULL AND runs.experiment IN ({inner}))"
    else:
        text = f"({cell.value} IS NOT NULL AND {told.text})"
    return Sql(text, told.parameters, told.depth + 1)


def _in_table(cell: Cell, key: str, alternatives: Sequence[Sql]) -> Sql:
    # Apart, each is a range of the index; together, they are looked at once.
    apart = alternatives if cell.is_indexed else [_joined("OR", alternatives)]
    selects = " UNION ALL ".join(
        f"SELECT run FROM {cell.table} WHERE {cell.key} = ? AND {told.text}"  # noqa: S608 - the names are ours
        for told in apart
    )
    parameters = (item for told in apart for item in (key, *told.parameters))
    deepest = max(told.depth for told in apart)
    return Sql(f"runs.id IN ({selects})", tuple(parameters), deepest + 1)


def _existing(field: Field) -> Sql:
    cell = cell_of(field)
    if field.space in (Space.RUN, Space.METRICS):
        return Sql(f"{cell.value} IS NOT NULL")
    return Sql("1")


def _holding(cell: Cell, op: FilterOp, value: Operand) -> list[Sql]:
    """Return alternatives, of which at most one holds."""
    if isinstance(value, datetime):
        return [_time(cell, op, value)]
    kind = kind_of(value)
    if kind is str:
        return [_text(cell, op, value)]
    if op not in _ORDERED:
        return [_FALSE]
    if kind is bool:
        return [_bool(cell, op, value)]
    return _number(cell, op, value)


def _time(cell: Cell, op: FilterOp, value: datetime) -> Sql:
    # A run's times are whole microseconds, of which each is a thousand nanoseconds.
    begin = (value - _EPOCH) // _MICROSECOND * 1000
    end = begin + 1000
    bounds = {
        FilterOp.EQ: (f"{cell.value} >= ? AND {cell.value} < ?", (begin, end)),
        FilterOp.NE: (f"({cell.value} < ? OR {cell.value} >= ?)", (begin, end)),
        FilterOp.LT: (f"{cell.value} < ?", (begin,)),
        FilterOp.LTE: (f"{cell.value} < ?", (end,)),
        FilterOp.GT: (f"{cell.value} >= ?", (end,)),
        FilterOp.GTE: (f"{cell.value} >= ?", (begin,)),
    }
    text, parameters = bounds[op]
    # The year 9999 lies beyond 64 bits of nanoseconds, not beyond floats.
    return Sql(text, tuple(ns if abs(ns) < FAR else float(ns) for ns in parameters), 1)


def _text(cell: Cell, op: FilterOp, value: Operand) -> Sql:
    is_text = f"{cell.kind} = 'text'"
    if op is FilterOp.MATCHES:
        return Sql(f"{is_text} AND tracker_matches({cell.value}, ?)", (value,))
    if op is FilterOp.CONTAINS:
        return Sql(f"{is_text} AND instr({cell.value}, ?) > 0", (value,))
    if op is FilterOp.STARTS_WITH:
        text = f"{is_text} AND {cell.value} >= ? AND instr({cell.value}, ?) = 1"
        return Sql(text, (value, value))
    return Sql(f"{is_text} AND {cell.value} {_word(op)} ?", (value,))


def _bool(cell: Cell, op: FilterOp, value: Operand) -> Sql:
    if op not in (FilterOp.EQ, FilterOp.NE):
        return _FALSE
    return Sql(f"{cell.kind} = 'bool' AND {cell.value} {_word(op)} ?", (int(value),))  # type: ignore[arg-type]  # it is a bool


def _number(cell: Cell, op: FilterOp, value: Operand) -> list[Sql]:
    is_number = f"{cell.kind} IN {NUMBERS}"
    far = (f"tracker_holds({cell.exact}, '{op}', ?)", (to_json(cast("float", value)),))
    if not _is_near(value):
        told = f"{is_number} AND {cell.value} IS NOT NULL AND {far[0]}"
        return [Sql(told, far[1])]
    bounds = {
        FilterOp.EQ: "",
        FilterOp.LT: f" AND {cell.value} > -{FAR}",
        FilterOp.LTE: f" AND {cell.value} > -{FAR}",
        FilterOp.GT: f" AND {cell.value} < {FAR}",
        FilterOp.GTE: f" AND {cell.value} < {FAR}",
        FilterOp.NE: f" AND {cell.value} > -{FAR} AND {cell.value} < {FAR}",
    }
    near = f"{is_number} AND {cell.value} {_word(op)} ?{bounds[op]}"
    below = f"{is_number} AND {cell.value} <= -{FAR} AND {far[0]}"
    # Texts come after all numbers: ints of many digits, and NaN.
    above = f"{is_number} AND {cell.value} >= {FAR} AND {far[0]}"
    return [Sql(near, (value,)), Sql(below, far[1]), Sql(above, far[1])]


def _one_of(cell: Cell, values: Sequence[Operand]) -> list[Sql]:
    texts = [value for value in values if kind_of(value) is str]
    near = [value for value in values if _is_near(value)]
    told = [
        Sql(f"{kind} AND {cell.value} IN ({', '.join('?' * len(listed))})", (*listed,))
        for kind, listed in (
            (f"{cell.kind} = 'text'", texts),
            (f"{cell.kind} IN {NUMBERS}", near),
        )
        if listed
    ]
    others = [
        value for value in values if kind_of(value) is not str and not _is_near(value)
    ]
    told += [each for value in others for each in _holding(cell, FilterOp.EQ, value)]
    return told or [_FALSE]


def _is_near(value: Operand) -> TypeGuard[int | float]:
    if not is_number(value):
        return False
    return abs(value) < FAR


def _word(op: FilterOp) -> str:
    return _WORDS.get(op, op.value)


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    """Join parts in the shape of a balanced tree, which is the least deep."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(word, parts[:middle]), _joined(word, parts[middle:])
    return Sql(
        f"({left.text} {word} {right.text})",
        (*left.parameters, *right.parameters),
        max(left.depth, right.depth) + 1,
    )
