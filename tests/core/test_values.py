"""Values are checked where they come in, and survive as valid JSON."""

import enum
import json
import math
from collections import OrderedDict, UserDict
from types import MappingProxyType
from typing import NamedTuple

import pytest
from hypothesis import given

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.machine import texts, values
from tracker_core.testing.contract.torture import NAMES, SURROGATES, VALUES
from tracker_core.values import (
    MAX_STEP,
    Value,
    check_mapping,
    check_name,
    check_step,
    check_text,
    check_value,
    from_json,
    to_canonical_json,
    to_json,
)


class _Scalar:
    """What numpy, torch and their like have: no dimension, and an ``item``."""

    def __init__(self, item: object, ndim: int = 0) -> None:
        self._item = item
        self.ndim = ndim

    def __repr__(self) -> str:
        return f"scalar {self._item!r}"

    def item(self) -> object:
        return self._item


class _Index:
    def __index__(self) -> int:
        return 7


class _Color(enum.StrEnum):
    RED = "red"


class _Level(enum.IntEnum):
    HIGH = 3


class _Pair(NamedTuple):
    left: int
    right: float


class _Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


class _Real(float):
    __slots__ = ()


def _nested(levels: int) -> Value:
    value: Value = []
    for _ in range(levels):
        value = [value]
    return value


def _turned(value: Value) -> Value:
    """Return the same value with the keys of each mapping in another order."""
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in sorted(value, reverse=True)}
    if isinstance(value, list):
        return [_turned(item) for item in value]
    return value


def _refuse_constant(name: str) -> object:
    message = f"{name} is no JSON"
    raise AssertionError(message)


@given(values())
def test_value_survives_json(value: Value) -> None:
    """It comes back by type and bits, and the text is JSON as others read it."""
    text = to_json(value)

    json.loads(text, parse_constant=_refuse_constant)
    assert exact(from_json(text)) == exact(value)
    assert exact(from_json(text.encode())) == exact(value)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_torture_value_survives_json(value: Value) -> None:
    """So does each value that is known to break careless stores."""
    assert exact(from_json(to_json(value))) == exact(value)


def test_torture_values_and_names_are_distinct() -> None:
    """No two of them are the same, by type and bits."""
    shown = [repr(exact(value)) for value in VALUES]

    assert len(set(shown)) == len(VALUES)
    assert len(set(NAMES)) == len(NAMES)


@given(values())
def test_json_is_one_line(value: Value) -> None:
    """A text with line breaks does not break the line."""
    assert not {"\n", "\r"} & set(to_json(value))


def test_json_is_compact_and_readable() -> None:
    """No blanks, and other alphabets as they are."""
    assert to_json({"a": [1, "実"]}) == '{"a":[1,"実"]}'


def test_json_has_a_mark_for_what_json_lacks() -> None:
    """NaN and the infinities are mappings with one key."""
    marked = to_json([float("nan"), float("inf"), float("-inf")])

    assert marked == '[{"$float":"nan"},{"$float":"inf"},{"$float":"-inf"}]'


@given(values())
def test_canonical_json_depends_on_the_value_alone(value: Value) -> None:
    """The order in which keys were set does not show, and nothing is lost."""
    canonical = to_canonical_json(value)

    assert canonical == to_canonical_json(_turned(value))
    assert exact(_turned(from_json(canonical))) == exact(_turned(value))


def test_canonical_json_has_its_keys_in_order() -> None:
    """That of their code points, at every level, also within a mark."""
    text = to_canonical_json({"b": [{"d": 1, "c": math.nan}], "B": {"$float": 2}})

    assert text == '{"B":{"$dict":{"$float":2}},"b":[{"c":{"$float":"nan"},"d":1}]}'


@pytest.mark.parametrize("text", ["", "{", "nul", "[1,]"])
def test_text_that_is_no_json_is_a_value_error(text: str) -> None:
    """A damaged file is found when it is read."""
    with pytest.raises(ValueError, match=r"Expecting|Illegal"):
        from_json(text)


def test_foreign_dollar_keys_are_read_as_they_are() -> None:
    """A mark with a wrong content, or beside other keys, does no harm."""
    assert from_json('{"$dict":1}') == 1
    assert from_json('{"$float":"nan","x":1}') == {"$float": "nan", "x": 1}


@given(values())
def test_checked_value_is_unchanged(value: Value) -> None:
    """What is plain already comes back as it is."""
    assert exact(check_value(value, "x")) == exact(value)


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        ((1, (2,)), [1, [2]]),
        (_Pair(1, 2.0), [1, 2.0]),
        (_Color.RED, "red"),
        (_Level.HIGH, 3),
        (_Text("text"), "text"),
        (_Real(1.5), 1.5),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict({"a": (1,)}), {"a": [1]}),
        (MappingProxyType({"a": {_Text("b"): 1}}), {"a": {"b": 1}}),
        (_Scalar(2.5), 2.5),
        (_Scalar(3), 3),
        (_Scalar(item=True), True),
        (_Scalar("text"), "text"),
        (_Scalar(None), None),
        ([_Scalar(_Level.HIGH)], [3]),
    ],
    ids=str,
)
def test_value_becomes_plain(given_value: object, kept: Value) -> None:
    """Subclasses, tuples, mappings and scalars of arrays become JSON's own types."""
    assert exact(check_value(given_value, "x")) == exact(kept)


def test_checked_value_shares_nothing_with_what_was_given() -> None:
    """A job that goes on changing its list does not change what it logged."""
    given_value: dict[str, list[int]] = {"a": [1]}

    checked = check_value(given_value, "x")
    given_value["a"].append(2)

    assert checked == {"a": [1]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1j, "param 'x' has the type complex"),
        (b"", "param 'x' has the type bytes"),
        ({1, 2}, "param 'x' has the type set"),
        (object(), "param 'x' has the type object"),
        (_Scalar(1, ndim=1), r"param 'x' has the type .*\._Scalar"),
        (_Scalar([1]), r"param 'x' has the type .*\._Scalar"),
        (_Scalar, "param 'x' has the type type"),
        ([0, [b""]], r"param 'x'\[1\]\[0\] has the type bytes"),
        ({"a": {"b": b""}}, r"param 'x'\['a'\]\['b'\] has the type bytes"),
        ({"a": {1: 2}}, r"a key of param 'x'\['a'\] has the type int"),
        ({None: 2}, r"a key of param 'x' has the type NoneType"),
    ],
)
def test_value_of_another_type_is_refused(value: object, message: str) -> None:
    """The error names the place and the type."""
    with pytest.raises(UnsupportedTypeError, match=message):
        check_value(value, "param 'x'")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"\ud800": 1}, "a key of param 'x' holds the lone surrogate"),
        (["a\udfffb"], r"param 'x'\[0\] holds .*'\\udfff' at position 1"),
        (_nested(65), "param 'x'.* nests deeper than 64 levels; flatten it"),
        (1 << 14_000, "param 'x' is an int of 14001 bits; log it as text"),
    ],
    ids=["key", "text", "deep", "large"],
)
def test_value_outside_what_is_allowed_is_refused(value: object, message: str) -> None:
    """The error names the place and what to do."""
    with pytest.raises(InvalidValueError, match=message):
        check_value(value, "param 'x'")


def test_value_that_holds_itself_is_refused() -> None:
    """It nests without end."""
    circle: list[object] = []
    circle.append(circle)

    with pytest.raises(InvalidValueError, match="deeper"):
        check_value(circle, "x")


@pytest.mark.parametrize("value", [_nested(64), (1 << 14_000) - 1], ids=["deep", "int"])
def test_largest_values_survive(value: Value) -> None:
    """What the checks let through can be written and read back."""
    assert from_json(to_json(check_value(value, "x"))) == value


@pytest.mark.parametrize("value", [[1], "text", 1, None])
def test_mapping_must_be_one(value: object) -> None:
    """Where a mapping is wanted nothing else will do."""
    with pytest.raises(UnsupportedTypeError, match="use a mapping"):
        check_mapping(value, "cause")


def test_mapping_becomes_plain() -> None:
    """It is checked as any value is."""
    assert check_mapping(UserDict({"a": (1,)}), "cause") == {"a": [1]}


@given(texts())
def test_text_is_kept_as_it_is(text: str) -> None:
    """Every character but lone surrogates, and the empty text too."""
    assert check_text(text, "x") == text


def test_text_is_plain_text() -> None:
    """A subclass with a text of its own is taken at its characters."""
    checked = check_text(_Text("given"), "x")

    assert (checked, type(checked)) == ("given", str)


@pytest.mark.parametrize("text", SURROGATES)
def test_text_with_a_lone_surrogate_is_refused(text: str) -> None:
    """No encoding can keep it."""
    with pytest.raises(InvalidValueError, match=r"tag 'x' holds the lone surrogate"):
        check_text(text, "tag 'x'")


@pytest.mark.parametrize("text", [None, 1, b"text", ["text"]])
def test_text_must_be_text(text: object) -> None:
    """Nothing is turned into text silently."""
    with pytest.raises(UnsupportedTypeError, match="use text"):
        check_text(text, "tag 'x'")


def test_name_is_not_empty() -> None:
    """A name has at least one character; a blank is one."""
    assert check_name(" ", "run id") == " "
    with pytest.raises(InvalidValueError, match="run id is empty"):
        check_name("", "run id")


@pytest.mark.parametrize(
    ("step", "kept"),
    [(None, None), (0, 0), (MAX_STEP, MAX_STEP), (_Index(), 7), (_Level.HIGH, 3)],
)
def test_step_is_an_int_or_none(step: object, kept: int | None) -> None:
    """What Python takes for an index is one."""
    assert exact(check_step(step)) == exact(kept)


@pytest.mark.parametrize("step", [True, 1.0, "1", [1]])
def test_step_of_another_type_is_refused(step: object) -> None:
    """A bool is no step, nor is a float that happens to be whole."""
    with pytest.raises(UnsupportedTypeError, match="step has the type"):
        check_step(step)


@pytest.mark.parametrize("step", [-1, MAX_STEP + 1])
def test_step_outside_the_range_is_refused(step: int) -> None:
    """The error shows the step."""
    with pytest.raises(InvalidValueError, match=f"step is {step}"):
        check_step(step)
