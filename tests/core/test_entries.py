"""What reads give: rows know how many there are, and times become nanoseconds."""

import pickle
from typing import Any

import pytest

from tracker_core.entries import (
    LogEntry,
    ParamChange,
    Row,
    Rows,
    TrackEntry,
    to_ns,
    window,
)
from tracker_core.errors import InvalidValueError, UnsupportedTypeError

_ROWS = [Row(3, None, 10, {"a": 1}), Row(4, 7, 20, {})]


def test_rows_are_a_list_with_a_total() -> None:
    """The total is the length of the stream, not of what is there."""
    rows = Rows(iter(_ROWS), 15)

    assert rows == _ROWS
    assert (len(rows), rows.total) == (2, 15)


def test_rows_survive_pickling() -> None:
    """The total too, as they go from process to process."""
    back = pickle.loads(pickle.dumps(Rows(_ROWS, 15)))  # noqa: S301 - our own bytes

    assert (back, back.total) == (_ROWS, 15)


def test_entries_have_names_and_places() -> None:
    """They unpack in the order of their fields."""
    assert LogEntry(1, "info", "m", None).message == "m"
    assert TrackEntry(1.5, {"x": 1}).fields == {"x": 1}
    assert ParamChange(1, 2, "v")[1:] == (2, "v")
    assert _ROWS[0].index == 3


@pytest.mark.parametrize(
    ("seconds", "time_ns"),
    [
        (0, 0),
        (1.5, 1_500_000_000),
        (-0.25, -250_000_000),
        (1e-9, 1),
        (4e-10, 0),
        (1_700_000_000.5, 1_700_000_000_500_000_000),
    ],
)
def test_seconds_become_the_nearest_nanoseconds(seconds: float, time_ns: int) -> None:
    """An int whatever was given."""
    found = to_ns(seconds)

    assert (found, type(found)) == (time_ns, int)


@pytest.mark.parametrize(
    ("start_index", "limit", "expected"),
    [
        (0, None, slice(0, None)),
        (3, 4, slice(3, 7)),
        (2**70, 1, slice(2**63 - 1, 2**63 - 1)),
        (1, 2**70, slice(1, 2**63 - 1)),
    ],
)
def test_window_is_a_part_of_a_sequence(
    start_index: int, limit: int | None, expected: slice
) -> None:
    """Its ends fit what stores can count."""
    assert window(start_index, limit) == expected


@pytest.mark.parametrize("wrong", [1.0, "1", True])
def test_window_takes_ints_alone(wrong: object) -> None:
    """Every backend says the same of anything else."""
    anything: Any = wrong

    with pytest.raises(UnsupportedTypeError, match="limit has the type"):
        window(0, anything)


@pytest.mark.parametrize("wrong", ["1", True])
def test_bound_of_time_is_a_number(wrong: object) -> None:
    """Every backend says the same of anything else."""
    anything: Any = wrong

    with pytest.raises(UnsupportedTypeError, match="a bound of time has the type"):
        to_ns(anything)


def test_bound_of_time_is_not_nan() -> None:
    """It lies neither before nor after anything."""
    with pytest.raises(InvalidValueError, match="a bound of time is NaN"):
        to_ns(float("nan"))
