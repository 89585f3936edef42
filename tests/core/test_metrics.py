"""Metric keys and values."""

import math
from typing import TYPE_CHECKING, cast

import pytest

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.metrics import metrics_body
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
