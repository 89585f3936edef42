"""A field names something that a run can have, or is refused."""

from datetime import UTC, datetime

import pytest

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.fields import (
    RUN_ATTRIBUTES,
    SUMMARY_PARTS,
    Field,
    Space,
    kind_of,
)
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary


def test_field_of_a_series_means_its_last_value() -> None:
    """Without a part the summary's last value is meant."""
    field = Field(Space.METRICS, "train/loss")

    assert field == Field(Space.METRICS, "train/loss", "last")


def test_parts_are_those_of_a_summary() -> None:
    """What a summary holds can be asked for."""
    assert Summary._fields == SUMMARY_PARTS


def test_attributes_are_those_of_a_run() -> None:
    """Each is a field of the run's description, but for the duration."""
    known = RunInfo.__dataclass_fields__.keys()

    assert RUN_ATTRIBUTES.keys() - known == {"duration"}


def test_unknown_attribute_is_refused_with_what_may_be_meant() -> None:
    """The nearest name is offered."""
    message = r"^a run has no attribute 'Statsu'; did you mean 'status'\?$"

    with pytest.raises(InvalidValueError, match=message):
        Field(Space.RUN, "Statsu")


def test_unknown_attribute_is_refused_with_all_there_are() -> None:
    """When nothing is near it is most likely a key; then come all attributes."""
    message = r"'lr'; did you mean params\.lr or metrics\.lr\? a run has run_id, name, "

    with pytest.raises(InvalidValueError, match=message):
        Field(Space.RUN, "lr")


@pytest.mark.parametrize(
    ("space", "key", "part", "message"),
    [
        (Space.PARAMS, "", None, "the key of a field of params is empty"),
        (Space.PARAMS, "a\udcff", None, "holds the lone surrogate"),
        (Space.PARAMS, "lr", "min", "params has no parts, as 'min'; leave it out"),
        (Space.RUN, "name", "last", "run has no parts"),
        (Space.RUN, "params", None, r"params needs a key; write params\.KEY"),
        (Space.METRICS, "loss", "median", "no part 'median'; use one of count, first"),
    ],
)
def test_field_that_cannot_be_is_refused(
    space: Space, key: str, part: str | None, message: str
) -> None:
    """The message says why and what to do."""
    with pytest.raises(InvalidValueError, match=message):
        Field(space, key, part)


def test_key_that_is_no_text_is_refused() -> None:
    """Keys are text in every space."""
    with pytest.raises(UnsupportedTypeError, match="field of tags has the type int"):
        Field(Space.TAGS, 3)  # type: ignore[arg-type]  # what the test is about


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, bool),
        (1, float),
        (1.5, float),
        ("a", str),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
        (object(), None),
    ],
)
def test_kind_tells_what_compares(value: object, kind: type | None) -> None:
    """Int and float are one kind, bool is one of its own."""
    assert kind_of(value) is kind
