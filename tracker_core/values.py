"""Which values are kept, and how they are written as text.

A value is what JSON can say: text, int, float, bool, None, lists and mappings with
text keys. :func:`check_value` turns what a job logs into exactly that, or refuses it
before anything is written. NaN and the infinities, which JSON lacks, are written as
``{"$float": "nan"}``; a mapping that would look like such a mark is written inside
``{"$dict": …}``, so every value comes back as it was, as valid JSON.
"""

import json
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.unwrapping import type_name, unwrapped

__all__ = [
    "MAX_STEP",
    "Value",
    "check_mapping",
    "check_name",
    "check_step",
    "check_text",
    "check_value",
    "from_json",
    "to_canonical_json",
    "to_json",
]

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
"""What can be kept, which is what JSON can say, NaN and the infinities too."""

MAX_STEP = 2**63 - 1
"""The largest step, which is what 63 bits hold."""

_MAX_DEPTH = 64
# Python itself refuses to read back an int of more than 4300 decimal digits.
_MAX_INT_BITS = 14_000
_EXPECTED = "text, int, float, bool, None, or lists and mappings of these"


def check_text(text: object, what: str) -> str:
    """Return ``text`` as plain ``str``.

    Args:
        text: What a caller gave.
        what: The thing's name in an error message, for example ``tag 'device'``.

    Raises:
        UnsupportedTypeError: It is not text.
        InvalidValueError: It holds a lone surrogate, which no encoding can keep.
    """
    if not isinstance(text, str):
        raise UnsupportedTypeError(what, type_name(text), "text")
    plain = str.__str__(text)
    if not plain.isascii():
        try:
            plain.encode()
        except UnicodeEncodeError as error:
            message = (
                f"{what} holds the lone surrogate {plain[error.start]!a} "
                f"at position {error.start}; decode it before logging"
            )
            raise InvalidValueError(message) from None
    return plain


def check_name(name: object, what: str) -> str:
    """Return ``name`` as plain, non-empty text.

    Raises:
        UnsupportedTypeError: It is not text.
        InvalidValueError: It is empty or holds a lone surrogate.
    """
    plain = check_text(name, what)
    if not plain:
        message = f"{what} is empty; give it a name"
        raise InvalidValueError(message)
    return plain


def check_step(step: object) -> int | None:
    """Return ``step`` as an int from 0 to :data:`MAX_STEP`, or None.

    Raises:
        UnsupportedTypeError: It is a bool, a float or another type that is no int.
        InvalidValueError: It is negative or above :data:`MAX_STEP`.
    """
    if step is None:
        return None
    if type(step) is not int:
        step = _integral_step(step)
    if not 0 <= step <= MAX_STEP:
        message = f"step is {step!r}; use an int from 0 to 2**63 - 1, or None"
        raise InvalidValueError(message)
    return step


def check_value(value: object, what: str) -> Value:
    """Return ``value`` as plain JSON types.

    Scalars of numpy, torch and their like (zero dimensions and an ``item`` method)
    become Python numbers; tuples become lists; subclasses of the plain types become
    those types; what :mod:`tracker_core.unwrapping` knows becomes what is inside it.
    The result shares no mutable part with ``value``.

    Args:
        value: What a caller gave.
        what: The thing's name in an error message, for example ``param 'lr'``.

    Raises:
        UnsupportedTypeError: It, or something inside it, is of another type.
        InvalidValueError: It nests deeper than 64 levels, holds a lone surrogate, an
            int of more than some 4200 digits, or an array of more than 10,000 elements.
    """
    if type(value) is float or value is None or type(value) is bool:
        return value
    return _checked(value, what, 0)


def check_mapping(value: object, what: str) -> dict[str, Value]:
    """Return a mapping with text keys as plain JSON types, like :func:`check_value`.

    Raises:
        UnsupportedTypeError: It is no mapping, or holds a type that cannot be kept.
        InvalidValueError: Something inside it lies outside what is allowed.
    """
    checked = _checked(value, what, 0)
    if not isinstance(checked, dict):
        raise UnsupportedTypeError(what, type_name(value), "a mapping")
    return checked


def to_json(value: Value) -> str:
    """Write a checked value as compact, valid JSON text."""
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except ValueError:  # NaN or an infinity: JSON has no word for them
        text = '"$'
    if '"$' not in text:
        return text
    return json.dumps(
        _marked(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def to_canonical_json(value: Value) -> str:
    """Write a checked value as JSON whose text depends on the value alone.

    Keys are sorted and there are no blanks; floats are the shortest text that reads
    back as the same float.
    """
    return to_json(_in_key_order(value))


def from_json(text: str | bytes) -> Value:
    """Read back what :func:`to_json` wrote.

    Raises:
        ValueError: The text is no JSON.
    """
    value: Value = json.loads(text)
    mark = '"$' if isinstance(text, str) else b'"$'
    return _unmarked(value) if mark in text else value  # type: ignore[operator]  # the mark has the text's type


def _in_key_order(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _in_key_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_in_key_order(item) for item in value]
    return value


def _integral_step(step: object) -> int:
    if isinstance(step, bool):
        raise UnsupportedTypeError("step", "bool", "an int from 0, or None")
    try:
        return operator.index(step)  # type: ignore[arg-type]  # what is no int is caught
    except TypeError:
        expected = "an int from 0, or None"
        raise UnsupportedTypeError("step", type_name(step), expected) from None


def _checked(value: object, what: str, depth: int) -> Value:
    if depth > _MAX_DEPTH:
        message = f"{what} nests deeper than {_MAX_DEPTH} levels; flatten it"
        raise InvalidValueError(message)
    if value is None or isinstance(value, bool):
        return value
    for kind, convert in _SCALARS:
        if isinstance(value, kind):
            return convert(value, what)
    if isinstance(value, dict):
        return _mapping(value, what, depth)
    if isinstance(value, list | tuple):
        return [
            _checked(item, f"{what}[{index}]", depth + 1)
            for index, item in enumerate(value)
        ]
    return _other(value, what, depth)


def _integer(value: object, what: str) -> int:
    number = int.__int__(value)  # type: ignore[arg-type]  # called for int alone
    if number.bit_length() > _MAX_INT_BITS:
        message = f"{what} is an int of {number.bit_length()} bits; log it as text"
        raise InvalidValueError(message)
    return number


def _real(value: object, _what: str) -> float:
    return float.__float__(value)  # type: ignore[arg-type]  # called for float alone


_SCALARS: tuple[tuple[type, Callable[[object, str], Value]], ...] = (
    (float, _real),
    (int, _integer),
    (str, check_text),
)


def _mapping(value: Mapping[object, object], what: str, depth: int) -> Value:
    return {
        check_text(key, f"a key of {what}"): _checked(
            item, f"{what}[{key!r}]", depth + 1
        )
        for key, item in value.items()
    }


def _other(value: object, what: str, depth: int) -> Value:
    inner = unwrapped(value, what)
    if inner is not value:
        return _checked(inner, what, depth)
    if isinstance(value, Mapping):
        return _mapping(value, what, depth)
    is_set = isinstance(value, set | frozenset)
    expected = "a sorted list" if is_set else _EXPECTED
    raise UnsupportedTypeError(what, type_name(value), expected)


def _marked(value: Value) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        marked = {key: _marked(item) for key, item in value.items()}
        return {"$dict": marked} if _looks_marked(value) else marked
    return value


def _unmarked(value: Value) -> Value:
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _looks_marked(value):
        (mark, inner) = next(iter(value.items()))
        if mark == "$float":
            return float(str(inner))
        return _unmarked_items(inner.items()) if isinstance(inner, dict) else inner
    return _unmarked_items(value.items())


def _unmarked_items(items: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    return {key: _unmarked(item) for key, item in items}


def _looks_marked(value: Mapping[str, Value]) -> bool:
    return len(value) == 1 and next(iter(value)) in ("$float", "$dict")
