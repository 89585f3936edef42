"""Points are rows and columns at once."""

from typing import TYPE_CHECKING

import pytest

from tracker_core.points import Point, Points

if TYPE_CHECKING:
    from tracker_core.values import Value

_ROWS: list[tuple[int | None, int, "Value"]] = [
    (0, 10, 1.5),
    (None, 20, "text"),
    (2, 30, [1]),
]


def test_points_come_in_rows() -> None:
    """Each has its index, counted from the first one's."""
    points = Points(_ROWS, start_index=7)

    assert list(points) == [
        Point(7, 0, 10, 1.5),
        Point(8, None, 20, "text"),
        Point(9, 2, 30, [1]),
    ]


def test_points_come_in_columns() -> None:
    """The three columns are as long as there are points."""
    points = Points(iter(_ROWS))

    assert points.steps == (0, None, 2)
    assert points.times_ns == (10, 20, 30)
    assert points.values == (1.5, "text", [1])


def test_points_are_taken_by_position() -> None:
    """From the beginning or from the end, whatever their indices are."""
    points = Points(_ROWS, start_index=7)

    assert points[0] == Point(7, 0, 10, 1.5)
    assert points[-1] == Point(9, 2, 30, [1])


@pytest.mark.parametrize("position", [3, -4])
def test_position_outside_is_an_error(position: int) -> None:
    """As with any sequence."""
    with pytest.raises(IndexError):
        Points(_ROWS)[position]


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
    points = Points(_ROWS, start_index=7)

    assert [point.index for point in points[part]] == indices


def test_slice_with_a_stride_is_an_error() -> None:
    """Indices would have holes."""
    with pytest.raises(ValueError, match="stride 2"):
        Points(_ROWS)[::2]


def test_no_points_are_points_too() -> None:
    """All columns are empty."""
    points = Points([])

    assert (len(points), list(points)) == (0, [])
    assert (points.steps, points.times_ns, points.values) == ((), (), ())


def test_columns_of_unequal_length_are_an_error() -> None:
    """A row that lacks something is found at once."""
    with pytest.raises(ValueError, match="shorter"):
        Points([(0, 10, 1.5), (1, 20)])  # type: ignore[list-item]  # what is tested


def test_repr_is_short() -> None:
    """It shows how many there are, not all of them."""
    assert repr(Points(_ROWS, start_index=7)) == "<3 points from index 7>"
