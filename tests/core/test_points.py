"""Points are rows and columns at once."""

import pickle
from array import array
from typing import TYPE_CHECKING

import pytest

from tracker_core.points import Point, Points
from tracker_core.testing.contract.answers import exact

if TYPE_CHECKING:
    from tracker_core.values import Value

_ROWS: list[tuple[int | None, int, "Value"]] = [
    (0, 10, 1.5),
    (None, 20, "text"),
    (2, 30, [1]),
]


def test_points_come_in_rows() -> None:
    """Each has its index, counted from the first one's."""
    points = Points.of_rows(_ROWS, start_index=7)

    assert list(points) == [
        Point(7, 0, 10, 1.5),
        Point(8, None, 20, "text"),
        Point(9, 2, 30, [1]),
    ]


@pytest.mark.parametrize(
    ("steps", "has_steps"),
    [([], False), ([None, None], False), ([None, 0], True), ([0, 1], True)],
)
def test_points_tell_whether_any_has_a_step(
    steps: "list[int | None]", *, has_steps: bool
) -> None:
    """One is enough."""
    points = Points(steps, range(len(steps)), [0.5] * len(steps))

    assert points.has_steps is has_steps


def test_points_come_in_columns() -> None:
    """The three columns are as long as there are points."""
    points = Points.of_rows(iter(_ROWS))

    assert points.steps == [0, None, 2]
    assert points.times_ns == array("q", [10, 20, 30])
    assert points.values == [1.5, "text", [1]]


def test_columns_may_be_given_as_they_are() -> None:
    """Arrays are kept, not copied."""
    steps, times, values = array("q", [1, 2]), array("q", [10, 20]), array("d", [1, 2])

    points = Points(steps, times, values, 5)

    assert points.steps is steps
    assert points.times_ns is times
    assert points.values is values
    assert list(points) == [Point(5, 1, 10, 1.0), Point(6, 2, 20, 2.0)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.5, float("nan"), -0.0], "d"),
        ([1, -(2**63), 2**63 - 1], "q"),
        ([1, 2**63], None),
        ([1, 2.0], None),
        ([True, False], None),
        ([1, True], None),
        (["1"], None),
    ],
)
def test_values_of_one_kind_are_an_array(
    values: list["Value"], kind: str | None
) -> None:
    """Floats and small ints are; a column of anything else is a list; types stay."""
    points = Points.of_rows((None, 10, value) for value in values)

    assert getattr(points.values, "typecode", None) == kind
    assert exact([point.value for point in points]) == exact(values)


def test_numbers_are_seen_without_a_copy() -> None:
    """A library that knows the buffer protocol reads the very bytes."""
    points = Points.of_rows([(1, 10, 0.5), (2, 20, 0.25)])

    seen = [memoryview(points.steps), memoryview(points.values)]  # type: ignore[arg-type]  # arrays here

    assert [view.tolist() for view in seen] == [[1, 2], [0.5, 0.25]]


def test_points_can_be_sent_to_another_process() -> None:
    """Pickled, they come back the same."""
    points = Points.of_rows(_ROWS, start_index=7)

    assert list(pickle.loads(pickle.dumps(points))) == list(points)  # noqa: S301 - ours


def test_points_are_taken_by_position() -> None:
    """From the beginning or from the end, whatever their indices are."""
    points = Points.of_rows(_ROWS, start_index=7)

    assert points[0] == Point(7, 0, 10, 1.5)
    assert points[-1] == Point(9, 2, 30, [1])


@pytest.mark.parametrize("position", [3, -4])
def test_position_outside_is_an_error(position: int) -> None:
    """As with any sequence."""
    with pytest.raises(IndexError):
        Points.of_rows(_ROWS)[position]


@pytest.mark.parametrize(
    ("part", "indices"),
    [
        (slice(1, None), [8, 9]),
        (slice(None, -1), [7, 8]),
        (slice(-1, None), [9]),
        (slice(2, 1), []),
        (slice(0, 99), [7, 8, 9]),
    ],
)
def test_slice_is_points_again(part: slice, indices: list[int]) -> None:
    """Its points keep the indices that they had."""
    points = Points.of_rows(_ROWS, start_index=7)

    assert [point.index for point in points[part]] == indices


def test_slice_with_a_stride_is_an_error() -> None:
    """Indices would have holes."""
    with pytest.raises(ValueError, match="stride 2"):
        Points.of_rows(_ROWS)[::2]


def test_no_points_are_points_too() -> None:
    """All columns are empty."""
    points = Points.of_rows([])

    assert (len(points), list(points)) == (0, [])
    columns = (points.steps, points.times_ns, points.values)
    assert [list(column) for column in columns] == [[], [], []]


def test_columns_of_unequal_length_are_an_error() -> None:
    """They would not belong to each other."""
    with pytest.raises(ValueError, match="1 steps, 2 times and 1 values"):
        Points([0], [10, 20], [1.5])


def test_row_that_lacks_something_is_an_error() -> None:
    """It is found at once, not where the columns are used."""
    with pytest.raises(ValueError, match="shorter"):
        Points.of_rows([(0, 10, 1.5), (1, 20)])  # type: ignore[list-item]  # what is tested


def test_repr_is_short() -> None:
    """It shows how many there are, not all of them."""
    assert repr(Points.of_rows(_ROWS, start_index=7)) == "<3 points from index 7>"
