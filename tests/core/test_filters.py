"""Filters and conditions hold only what can be evaluated."""

import pickle
import warnings
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.fields import RUN_ATTRIBUTES, Field, Operand, Space
from tracker_core.filters import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Exists,
    FilterOp,
    Membership,
    Negation,
    ParamFilter,
    all_of,
)

_LR = Field(Space.PARAMS, "lr")
_STATUS = Field(Space.RUN, "status")
_CREATED = Field(Space.RUN, "created_at")
_EIGHT = ["=", "!=", ">", "<", ">=", "<=", "contains", "startswith"]


class _Scalar:
    """What numpy and its like have: no dimension, and an ``item``."""

    ndim = 0

    def item(self) -> object:
        return 0.5


@pytest.mark.parametrize("op", _EIGHT)
def test_filter_takes_the_eight_operators(op: str) -> None:
    """Each by its member and by its text."""
    by_text = ParamFilter("lr", op, 1)  # type: ignore[arg-type]  # what a caller may write

    assert by_text == ParamFilter("lr", FilterOp(op), 1)
    assert by_text.op is FilterOp(op)


@pytest.mark.parametrize("op", ["matches", "eq", "", None, 3, []])
def test_filter_refuses_other_operators(op: object) -> None:
    """The message names the eight."""
    message = r"the filter on 'lr' is .*; use one of =, !=, >, <, >=, <=, contains, st"

    with pytest.raises(InvalidValueError, match=message):
        ParamFilter("lr", op, 1)  # type: ignore[arg-type]  # what the test is about


@pytest.mark.parametrize("value", [None, [1], (1,), {"a": 1}, object(), b"a"])
def test_filter_refuses_values_that_compare_with_nothing(value: object) -> None:
    """The message names the filter, the type and what is accepted."""
    message = r"the filter on 'lr' has the type \w+, .*; use text, int, float or bool"

    with pytest.raises(UnsupportedTypeError, match=message):
        ParamFilter("lr", FilterOp.EQ, value)  # type: ignore[arg-type]  # what the test is about


def test_filter_takes_a_scalar_of_numpy() -> None:
    """It becomes the number that it holds."""
    given = ParamFilter("lr", FilterOp.EQ, _Scalar())  # type: ignore[arg-type]  # what a caller may give

    assert repr(given.value) == "0.5"


@pytest.mark.parametrize(
    ("key", "error"), [("", InvalidValueError), (3, UnsupportedTypeError)]
)
def test_filter_refuses_an_unusable_key(key: str, error: type[Exception]) -> None:
    """A key is text and not empty."""
    with pytest.raises(error, match="the key of a filter"):
        ParamFilter(key, FilterOp.EQ, 1)


def test_filter_refuses_text_that_no_param_holds() -> None:
    """A lone surrogate cannot have been logged."""
    with pytest.raises(InvalidValueError, match="lone surrogate"):
        ParamFilter("lr", FilterOp.EQ, "a\udcff")


@pytest.mark.parametrize(
    "value", ["2026-01-31", "2026-01-31T00:00", "2026-01-31T02:00+02:00", "20260131"]
)
def test_time_is_compared_in_utc(value: str) -> None:
    """A date is its midnight, and a time without offset is one of UTC."""
    comparison = Comparison(_CREATED, FilterOp.LT, value)

    assert repr(comparison.value) == repr(datetime(2026, 1, 31, tzinfo=UTC))


def test_time_may_be_given_as_a_datetime() -> None:
    """An aware one is taken to UTC."""
    east = timezone(timedelta(hours=2))

    comparison = Comparison(
        _CREATED, FilterOp.LT, datetime(2026, 1, 31, 2, tzinfo=east)
    )

    assert repr(comparison.value) == repr(datetime(2026, 1, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "",
        "2026-13-01",
        "0001-01-01T00:00+02:00",
        3,
        True,
        datetime(2026, 1, 1),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_time_that_is_none_is_refused(value: Operand) -> None:
    """The message shows how to write one; a naive datetime might mean any zone."""
    with pytest.raises(InvalidValueError, match=r'is none; write "2026-01-31" or'):
        Comparison(_CREATED, FilterOp.LT, value)


def test_status_is_compared_in_any_case() -> None:
    """It becomes the name that runs have."""
    comparison = Comparison(_STATUS, FilterOp.EQ, "finished")
    membership = Membership(_STATUS, ("Failed", "KILLED"))

    assert comparison.value == "FINISHED"
    assert membership.values == ("FAILED", "KILLED")


@pytest.mark.parametrize("op", [FilterOp.EQ, FilterOp.NE])
def test_status_that_does_not_exist_is_refused(op: FilterOp) -> None:
    """The message names those that do."""
    message = "no run has the status 'done'; use one of PENDING, RUNNING, FINISHED, "

    with pytest.raises(InvalidValueError, match=message):
        Comparison(_STATUS, op, "done")


def test_status_may_be_a_part_of_a_name() -> None:
    """Where parts are compared, no status is unknown."""
    assert Comparison(_STATUS, FilterOp.STARTS_WITH, "fin").value == "FIN"


@pytest.mark.parametrize("name", RUN_ATTRIBUTES)
def test_attribute_is_compared_with_its_kind_alone(name: str) -> None:
    """What could never match is a mistake."""
    other: Operand = 3 if RUN_ATTRIBUTES[name] is str else "x"

    with pytest.raises(InvalidValueError, match=f"{name} is (text|a number|a time), "):
        Comparison(Field(Space.RUN, name), FilterOp.EQ, other)


def test_duration_is_a_number_and_no_bool() -> None:
    """Which are two kinds."""
    duration = Field(Space.RUN, "duration")

    assert Comparison(duration, FilterOp.GT, 3).value == 3
    with pytest.raises(InvalidValueError, match="duration is a number, and True"):
        Comparison(duration, FilterOp.EQ, value=True)


@pytest.mark.parametrize("name", ["created_at", "duration"])
@pytest.mark.parametrize(
    "op", [FilterOp.CONTAINS, FilterOp.STARTS_WITH, FilterOp.MATCHES]
)
def test_attribute_that_is_no_text_has_no_parts(name: str, op: FilterOp) -> None:
    """The message names the operators that suit."""
    with pytest.raises(InvalidValueError, match=f"{name} is no text; compare it by ="):
        Comparison(Field(Space.RUN, name), op, "2026-01-01")


@pytest.mark.parametrize("pattern", ["(", "*", "a{9999999999999}", "(" * 9999])
def test_pattern_that_does_not_compile_is_refused(pattern: str) -> None:
    """Whatever makes Python refuse it."""
    with pytest.raises(InvalidValueError, match="is no regular expression of Python"):
        Comparison(_LR, FilterOp.MATCHES, pattern)


def test_pattern_of_doubtful_meaning_is_refused_where_warnings_are_errors() -> None:
    """Python warns of it; a program that wants errors gets ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidValueError, match="Possible nested set"):
            Comparison(_LR, FilterOp.MATCHES, "[[a]")


def test_pattern_is_text() -> None:
    """A number is put into quotes."""
    with pytest.raises(InvalidValueError, match="is text; put 3 into quotes"):
        Comparison(_LR, FilterOp.MATCHES, 3)


def test_time_is_compared_with_params_as_the_text_that_they_hold() -> None:
    """Params hold times as ISO 8601 text."""
    comparison = Comparison(_LR, FilterOp.EQ, datetime(2026, 1, 1, tzinfo=UTC))

    assert comparison.value == "2026-01-01T00:00:00+00:00"


def test_membership_needs_a_value() -> None:
    """An empty one matches nothing, which nobody means."""
    with pytest.raises(InvalidValueError, match="has no values; give at least one"):
        Membership(_LR, ())


@pytest.mark.parametrize("join", [AllOf, AnyOf])
@pytest.mark.parametrize("parts", [(), (Exists(_LR),)])
def test_joining_needs_two(
    join: type[AllOf | AnyOf], parts: tuple[Condition, ...]
) -> None:
    """So that each condition has one form."""
    with pytest.raises(InvalidValueError, match="cannot be joined; give at least two"):
        join(parts)


def test_all_of_nothing_is_no_condition() -> None:
    """Every run passes."""
    assert all_of([]) is None


def test_all_of_one_filter_is_its_comparison() -> None:
    """A filter asks for a param."""
    condition = all_of([ParamFilter("lr", FilterOp.LT, 0.1)])

    assert condition == Comparison(_LR, FilterOp.LT, 0.1)


def test_all_of_an_experiment_begins_with_it() -> None:
    """The experiment is a condition like the others, which stay as they are."""
    condition = all_of(
        [ParamFilter("lr", FilterOp.LT, 0.1), Negation(Exists(_STATUS))], "iris"
    )

    experiment = Comparison(Field(Space.RUN, "experiment"), FilterOp.EQ, "iris")
    lr = Comparison(_LR, FilterOp.LT, 0.1)
    assert condition == AllOf((experiment, lr, Negation(Exists(_STATUS))))


def test_all_of_refuses_what_is_no_filter() -> None:
    """The message says what one is."""
    with pytest.raises(UnsupportedTypeError, match=r"tuple, .*; use ParamFilter\("):
        all_of([("lr", "<", 0.1)])  # type: ignore[list-item]  # what the test is about


def test_conditions_survive_pickling_and_hash() -> None:
    """They can be sent to other processes and kept in sets."""
    condition = AllOf((Exists(_LR), Membership(_LR, (1, 2))))

    copy = pickle.loads(pickle.dumps(condition))  # noqa: S301 - our own

    assert {copy} == {condition}
