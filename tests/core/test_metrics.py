"""Metric keys and values."""

import math
from array import array
from typing import TYPE_CHECKING, cast

import pytest

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.metrics import (
    columns_body,
    metrics_body,
    split_series,
    stream_body,
)
from tracker_core.records import ColumnsBody, MetricsBody
from tracker_core.testing.contract.answers import exact
from tracker_core.values import MAX_STEP

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_metrics_are_sorted_by_stream() -> None:
    """A key is split at its last slash; without one it is of the root stream."""
    body = metrics_body({"a/loss": 1, "lr": 0.1, "a/acc": 2, "a/b/c": 3, "a//x": 4}, 5)

    assert body.step == 5
    assert body.streams == {
        "a": {"loss": 1, "acc": 2},
        "": {"lr": 0.1},
        "a/b": {"c": 3},
        "a/": {"x": 4},
    }


@pytest.mark.parametrize("step", [None, 0, 1, MAX_STEP])
def test_metrics_take_any_step_from_zero(step: int | None) -> None:
    """None is no step."""
    assert metrics_body({"a": 1}, step).step == step


@pytest.mark.parametrize("step", [-1, MAX_STEP + 1])
def test_metrics_with_a_step_out_of_range_are_refused(step: int) -> None:
    """A step is an unsigned count."""
    with pytest.raises(InvalidValueError, match="step is"):
        metrics_body({"a": 1}, step)


@pytest.mark.parametrize("step", [True, False, 1.0, "1"])
def test_metrics_with_a_step_that_is_no_int_are_refused(step: object) -> None:
    """A bool or a float that looks like one is none."""
    with pytest.raises(UnsupportedTypeError, match="step has the type"):
        metrics_body({"a": 1}, step)


@pytest.mark.parametrize("key", ["", "a/", "/a", "/", "a/b/"])
def test_metrics_with_an_empty_part_are_refused(key: str) -> None:
    """The message says how a key is made."""
    with pytest.raises(InvalidValueError, match=r"metric key .*(stream/field|a name)"):
        metrics_body({key: 1}, None)


def test_metrics_with_a_key_that_is_no_text_are_refused() -> None:
    """The message names the type."""
    with pytest.raises(UnsupportedTypeError, match="metric key has the type int"):
        metrics_body(cast("Mapping[str, object]", {1: 2}), None)


@pytest.mark.parametrize("values", [None, [("a", 1)], "a"])
def test_metrics_that_are_no_mapping_are_refused(values: object) -> None:
    """The message says what would do."""
    with pytest.raises(
        UnsupportedTypeError, match=r"metrics has the type .* a mapping"
    ):
        metrics_body(cast("Mapping[str, object]", values), None)


def test_metrics_take_any_json_value() -> None:
    """NaN, the infinities and what is no number are kept."""
    values = {"a": math.inf, "b": -math.inf, "c": "x", "d": None, "e": [1], "f": {}}

    body = metrics_body({**values, "g": math.nan}, None)

    assert body.streams[""].pop("g") != body.streams[""]  # type: ignore[attr-defined]  # a dict, here
    assert body.streams[""] == values


def test_metrics_with_an_unknown_object_are_refused() -> None:
    """The message names key and type."""
    with pytest.raises(UnsupportedTypeError, match="metric 'a/b' has the type object"):
        metrics_body({"a/b": object()}, None)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("loss", ("", "loss")),
        ("train/loss", ("train", "loss")),
        ("a/b/c", ("a/b", "c")),
        ("a//b", ("a/", "b")),
        (" /x", (" ", "x")),
    ],
)
def test_series_is_split_at_its_last_slash(key: str, found: tuple[str, str]) -> None:
    """What comes before is the stream; without one it is the root stream."""
    assert split_series(key) == found


def test_point_of_a_stream_has_its_fields() -> None:
    """A stream is named as it is, with slashes or empty."""
    assert stream_body("a/b", {"x": 1, "y": (2,)}, 3) == MetricsBody(
        3, {"a/b": {"x": 1, "y": [2]}}
    )
    assert stream_body("", {"x": 1}, None) == MetricsBody(None, {"": {"x": 1}})


def test_field_named_step_is_no_step() -> None:
    """The x axis is given as the argument; a field of that name is a field."""
    assert stream_body("s", {"step": 5}, None) == MetricsBody(None, {"s": {"step": 5}})


@pytest.mark.parametrize("field", ["a/b", "/a", "a/"])
def test_field_with_a_slash_is_refused(field: str) -> None:
    """It would be the field of another stream; the message says of which."""
    with pytest.raises(InvalidValueError, match=r"holds '/'.*to the stream 's/?a?'"):
        stream_body("s", {field: 1}, None)
    with pytest.raises(InvalidValueError, match="holds '/'"):
        columns_body("s", {field: [1]}, None)


def test_point_of_a_stream_with_a_bad_value_is_refused() -> None:
    """The message names the field."""
    with pytest.raises(UnsupportedTypeError, match="metric 'x' has the type object"):
        stream_body("s", {"x": object()}, None)
    with pytest.raises(InvalidValueError, match="field of stream 's' is empty"):
        stream_body("s", {"": 1}, None)


class _Array:
    """What numpy and its like have."""

    def __init__(self, *items: object) -> None:
        self._items = items

    def tolist(self) -> list[object]:
        return list(self._items)


@pytest.mark.parametrize(
    "column",
    [[1.5, 2.0], (1.5, 2.0), array("d", [1.5, 2.0]), _Array(1.5, 2.0)],
    ids=lambda column: type(column).__name__,
)
def test_column_may_be_a_list_or_an_array(column: object) -> None:
    """All forms become one list of plain values."""
    body = columns_body("s", {"v": column}, None)

    assert body == ColumnsBody("s", None, {"v": [1.5, 2.0]})
    assert isinstance(body.fields["v"], list)


def test_columns_keep_their_types() -> None:
    """Bool is never int, int never float; NaN and JSON values are kept."""
    given: dict[str, list[object]] = {
        "floats": [0.5, math.nan],
        "ints": [1, 2],
        "bools": [True, False],
        "mixed": [1, 1.0],
        "json": [None, {"a": [1]}],
        "large": [2**63, 10**100],
    }

    body = columns_body("", given, [0, 1])

    assert exact(body) == exact(ColumnsBody("", [0, 1], given))  # type: ignore[arg-type]  # all of them are values


def test_columns_are_not_changed_by_what_the_job_does_later() -> None:
    """The record has lists of its own."""
    column = [1.0, 2.0]

    body = columns_body("s", {"v": column}, None)
    column.append(3.0)

    assert body.fields == {"v": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("columns", "steps"),
    [
        ({"a": [1, 2], "b": [1]}, None),
        ({"a": [1, 2]}, [1]),
        ({"a": [1]}, [1, 2]),
    ],
)
def test_columns_of_different_lengths_are_refused(
    columns: dict[str, object], steps: object
) -> None:
    """The message says how long each is."""
    with pytest.raises(InvalidValueError, match=r"differ in length: 'a' has \d"):
        columns_body("s", columns, steps)


@pytest.mark.parametrize(("columns", "steps"), [({}, None), ({"a": []}, None)])
def test_columns_without_points_are_refused(
    columns: dict[str, object], steps: object
) -> None:
    """There would be nothing to log."""
    with pytest.raises(InvalidValueError, match="are empty; give at least one point"):
        columns_body("s", columns, steps)


def test_steps_without_columns_are_refused() -> None:
    """A point has a value."""
    with pytest.raises(InvalidValueError, match="are empty"):
        columns_body("s", {}, [1, 2])


@pytest.mark.parametrize("column", ["text", b"bytes", 1.0, None, {"a": 1}, {1}])
def test_column_that_is_no_sequence_is_refused(column: object) -> None:
    """The message names it and what would do."""
    with pytest.raises(UnsupportedTypeError, match=r"column 'v' has .*a list or array"):
        columns_body("s", {"v": column}, None)


@pytest.mark.parametrize("columns", [None, [1], "a"])
def test_columns_that_are_no_mapping_are_refused(columns: object) -> None:
    """The message says what would do."""
    with pytest.raises(UnsupportedTypeError, match=r"columns has .* a mapping"):
        columns_body("s", columns, None)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("value", [object(), 1j, b"x"])
def test_column_with_a_bad_value_is_refused(value: object) -> None:
    """Also when all others are fine."""
    with pytest.raises(UnsupportedTypeError, match="metric 'v' has the type"):
        columns_body("s", {"v": [1.0, value]}, None)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([0, -1], "step is"),
        ([0, MAX_STEP + 1], "step is"),
        ([0, None], "step 1 is None; give all rows a step, or none"),
        ([None, 0], "step 0 is None"),
        ([0, True], "step has the type"),
        ([0, 1.0], "step has the type"),
        ("01", "column of steps has the type"),
    ],
)
def test_bad_steps_of_columns_are_refused(steps: object, message: str) -> None:
    """As those of single points are."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        columns_body("s", {"v": [1.0, 2.0]}, steps)


def test_steps_of_columns_may_be_any() -> None:
    """In any order, repeated, and as large as a step may be."""
    steps = [5, 0, 5, MAX_STEP]

    assert columns_body("s", {"v": [1, 2, 3, 4]}, steps).steps == steps
