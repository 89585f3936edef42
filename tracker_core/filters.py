"""Conditions on runs: typed filters, and the tree that every backend evaluates.

A :data:`Condition` is one of six forms, and there are no others::

    Comparison(field, op, value)    params.lr < 0.01
    Membership(field, values)       params.optimizer in ("adam", "adamw")
    Exists(field)                   tags.device exists
    AllOf(parts)                    … and …
    AnyOf(parts)                    … or …
    Negation(part)                  not …

What they mean is the same in every backend, whatever it compiles them to:

- Only values of one kind compare: text with text, numbers with numbers (int and float
  by their exact values), bool with bool, times with times. Everything else matches no
  comparison and no membership, ``!=`` included: another kind, a missing key, None, a
  list or a mapping.
- Text is ordered by code point. ``contains``, ``startswith`` and ``matches``
  (:func:`re.search`) take text alone, and bool takes ``=`` and ``!=`` alone.
- NaN is as in Python: different from everything, itself included.
- A membership is ``=`` with one of the values.
- ``exists`` is true of each key that is there, None among its values included; of an
  attribute of the run and a part of a series when it is not None.
- A negation is true exactly when its part is not.

A tree that was made holds only what can be evaluated: whatever means nothing is refused
by the constructors.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.fields import (
    RUN_ATTRIBUTES,
    STATUSES,
    Field,
    Operand,
    Space,
    kind_of,
)
from tracker_core.values import check_name, check_value

__all__ = [
    "AllOf",
    "AnyOf",
    "Comparison",
    "Condition",
    "Exists",
    "FilterOp",
    "Membership",
    "Negation",
    "ParamFilter",
    "all_of",
]

_KINDS = {str: "text", float: "a number", datetime: "a time"}


class FilterOp(StrEnum):
    """How two values are compared; the values are the words of the text form."""

    EQ = "="
    NE = "!="
    GT = ">"
    LT = "<"
    GTE = ">="
    LTE = "<="
    CONTAINS = "contains"
    STARTS_WITH = "startswith"
    MATCHES = "matches"
    """By a regular expression; for conditions, a :class:`ParamFilter` refuses it."""


_TEXT_OPS = (FilterOp.CONTAINS, FilterOp.STARTS_WITH, FilterOp.MATCHES)


@dataclass(frozen=True, slots=True)
class ParamFilter:
    """A comparison of one param: ``ParamFilter("lr", FilterOp.LT, 1e-3)``.

    Args:
        key: The param, with dots where it was nested: ``optimizer.lr``.
        op: One of the eight, all but ``MATCHES``; its text (``"<"``) does too.
        value: Text, int, float or bool; a scalar of numpy and its like becomes one.

    Raises:
        UnsupportedTypeError: Key or value has another type.
        InvalidValueError: The key is empty, or there is no such operator.
    """

    key: str
    op: FilterOp
    value: str | int | float | bool

    def __post_init__(self) -> None:
        """Check all three."""
        key = check_name(self.key, "the key of a filter")
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "op", _filter_op(self.op, key))
        value = _scalar(self.value, f"the value of the filter on {key!r}")
        object.__setattr__(self, "value", value)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with a value.

    Args:
        field: What is compared.
        op: How.
        value: With what. For a time an aware datetime or its ISO 8601 text, which
            becomes one (UTC where it names no offset); a status in any case; a
            regular expression for ``MATCHES``.

    Raises:
        UnsupportedTypeError: The value is none of text, int, float, bool and, for a
            time, datetime.
        InvalidValueError: The value or the operator means nothing for that field, the
            status does not exist, or the regular expression does not compile.
    """

    field: Field
    op: FilterOp
    value: Operand

    def __post_init__(self) -> None:
        """Check the value, and bring it into its one form."""
        value = _operand(self.field, self.op, self.value)
        object.__setattr__(self, "value", value)


@dataclass(frozen=True, slots=True)
class Membership:
    """A field that equals one of some values.

    Args:
        field: What is compared.
        values: At least one, each as in a :class:`Comparison` with ``EQ``.

    Raises:
        UnsupportedTypeError: As in a comparison.
        InvalidValueError: As in a comparison, or there are no values.
    """

    field: Field
    values: tuple[Operand, ...]

    def __post_init__(self) -> None:
        """Check the values, and bring them into their one form."""
        if not self.values:
            raise InvalidValueError("a membership has no values; give at least one")
        values = (_operand(self.field, FilterOp.EQ, value) for value in self.values)
        object.__setattr__(self, "values", tuple(values))


@dataclass(frozen=True, slots=True)
class Exists:
    """The run has the field, whatever its value."""

    field: Field


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part is true; there are at least two.

    Raises:
        InvalidValueError: There are fewer; :func:`all_of` takes any number.
    """

    parts: "tuple[Condition, ...]"

    def __post_init__(self) -> None:
        """Check that there are two."""
        _check_parts(self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part at least is true; there are at least two.

    Raises:
        InvalidValueError: There are fewer.
    """

    parts: "tuple[Condition, ...]"

    def __post_init__(self) -> None:
        """Check that there are two."""
        _check_parts(self.parts)


@dataclass(frozen=True, slots=True)
class Negation:
    """The part is not true."""

    part: "Condition"


Condition: TypeAlias = Comparison | Membership | Exists | AllOf | AnyOf | Negation
"""What a run matches or not."""


def all_of(
    parts: Iterable[Condition | ParamFilter], experiment: str | None = None
) -> Condition | None:
    """Join filters and conditions into the condition that all of them are true.

    Args:
        parts: In any number.
        experiment: The name that the run's experiment must have, if given.

    Returns:
        The condition, or None, which every run matches, when nothing was given.

    Raises:
        UnsupportedTypeError: A part is neither a filter nor a condition.
    """
    joined = [_condition(part) for part in parts]
    if experiment is not None:
        field = Field(Space.RUN, "experiment")
        joined.insert(0, Comparison(field, FilterOp.EQ, experiment))
    if len(joined) > 1:
        return AllOf(tuple(joined))
    return joined[0] if joined else None


def _condition(part: object) -> Condition:
    if isinstance(part, ParamFilter):
        return Comparison(Field(Space.PARAMS, part.key), part.op, part.value)
    if isinstance(part, Comparison | Membership | Exists | AllOf | AnyOf | Negation):
        return part
    expected = "ParamFilter(key, FilterOp.EQ, value)"
    raise UnsupportedTypeError("a filter", type(part).__qualname__, expected)


def _check_parts(parts: tuple[Condition, ...]) -> None:
    if len(parts) < 2:  # noqa: PLR2004 - one part needs no joining
        message = f"{len(parts)} parts cannot be joined; give at least two"
        raise InvalidValueError(message)


def _filter_op(op: object, key: str) -> FilterOp:
    allowed = [item for item in FilterOp if item is not FilterOp.MATCHES]
    for item in allowed:
        if op == item:
            return item
    ops = ", ".join(allowed)
    message = f"the operator of the filter on {key!r} is {op!r}; use one of {ops}"
    raise InvalidValueError(message)


def _scalar(value: object, what: str) -> str | int | float | bool:
    try:
        checked = check_value(value, what)
    except UnsupportedTypeError:
        checked = None
    if checked is None or isinstance(checked, list | dict):
        expected = "text, int, float or bool"
        raise UnsupportedTypeError(what, type(value).__qualname__, expected)
    return checked


def _operand(field: Field, op: FilterOp, value: object) -> Operand:
    kind = RUN_ATTRIBUTES[field.key] if field.space is Space.RUN else None
    if kind in (datetime, float) and op in _TEXT_OPS:
        message = f"{field.key} is no text; compare it by = != < <= > >= or in"
        raise InvalidValueError(message)
    if kind is datetime:
        return _time(value, field.key)
    scalar = _scalar(value, f"the value to compare {field.key!r} with")
    if kind is not None and kind_of(scalar) is not kind:
        message = f"{field.key} is {_KINDS[kind]}, and {scalar!r} is not"
        raise InvalidValueError(f"{message}; compare it with {_KINDS[kind]}")
    if op is FilterOp.MATCHES:
        return _pattern(scalar)
    if kind is str and field.key == "status":
        return _status(str(scalar), op)
    return scalar


def _time(value: object, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(time, datetime):
            if time.tzinfo is None and isinstance(value, str):
                time = time.replace(tzinfo=UTC)
            if time.tzinfo is not None:
                return time.astimezone(UTC).replace(fold=0)
    except (ValueError, OverflowError):
        pass  # reported below, like what is no time at all
    message = f"{name} is a time, and {value!r} is none"
    raise InvalidValueError(f'{message}; write "2026-01-31" or "2026-01-31T12:00:00Z"')


def _pattern(pattern: object) -> str:
    if not isinstance(pattern, str):
        raise InvalidValueError(
            f"a regular expression is text; put {pattern!r} into quotes"
        )
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        message = f"{pattern!r} is no regular expression of Python ({error})"
        raise InvalidValueError(f"{message}; correct it, or use contains") from error
    return pattern


def _status(status: str, op: FilterOp) -> str:
    name = status.upper()
    if op in (FilterOp.EQ, FilterOp.NE) and name not in STATUSES:
        message = f"no run has the status {status!r}"
        raise InvalidValueError(f"{message}; use one of {', '.join(STATUSES)}")
    return name
