"""What reads give: rows know how many there are, and times become nanoseconds."""

import pickle

import pytest

from tracker_core.entries import LogEntry, ParamChange, Row, Rows, TrackEntry, to_ns

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
