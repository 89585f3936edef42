"""Tests of where curves part."""

import math
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.partings import Parting, parting_of
from tracker_core.points import Points
from tracker_core.values import Value

Rows = Sequence[tuple[int | None, Value]]


def points(rows: Rows) -> Points:
    """Give the points of steps and values."""
    return Points.of_rows((step, 0, value) for step, value in rows)


def parts(*curves: Rows) -> Parting | None:
    """Tell where curves of the runs 0, 1, … part."""
    return parting_of({str(n): points(rows) for n, rows in enumerate(curves)})


@pytest.mark.parametrize(
    ("one", "other", "at"),
    [
        ([(0, 1.0), (1, 2.0)], [(0, 1.0), (1, 2.0)], None),
        ([(0, 1.0), (1, 2.0)], [(0, 1), (1, 2)], None),
        ([(0, math.nan), (1, 2.0)], [(0, math.nan), (1, 3.0)], 1),
        ([(0, 1.0), (5, 2.0)], [(0, 1.0), (5, 3.0)], 5),
        ([(0, 1.0), (5, 2.0)], [(0, 1.0), (7, 2.0)], 5),
        ([(0, 1.0)], [(0, 1.0), (9, 2.0)], 9),
        ([(0, "a"), (1, [1])], [(0, "a"), (1, [2])], 1),
        # Ranks, in whatever order they came.
        ([(0, 1.0), (0, 2.0)], [(0, 2.0), (0, 1.0)], None),
        ([(0, 1.0), (0, 2.0), (1, 1.0)], [(0, 1.0), (1, 1.0)], 0),
        ([(1, 1.0), (0, 2.0)], [(0, 2.0), (1, 1.0)], None),
        # A point without a step has no place among those that have one.
        ([(None, 7.0), (3, 1.0)], [(3, 2.0)], 3),
    ],
)
def test_curves_part_at_the_first_step_that_differs(
    one: Rows, other: Rows, at: int | None
) -> None:
    """By value, or because one has no point there; whichever is named first."""
    for found in (parts(one, other), parts(other, one)):
        assert (None if found is None else found.at) == at
        assert found is None or found.axis == "step"


def test_curves_without_steps_part_at_an_index() -> None:
    """The place in the series stands in for the step."""
    found = parts([(None, 1.0), (None, 2.0)], [(None, 1.0), (None, 3.0)])

    assert found == Parting("index", 1, {"0": (2.0,), "1": (3.0,)})


def test_parting_tells_what_each_run_has_there() -> None:
    """Of several runs the first place counts at which not all agree."""
    found = parts([(0, 1.0), (2, 5.0)], [(0, 1.0), (2, 5.0)], [(0, 1.0), (3, 5.0)])

    assert found == Parting("step", 2, {"0": (5.0,), "1": (5.0,), "2": ()})


def test_long_curves_part_where_they_do() -> None:
    """However many points before it are equal, NaN among them."""
    steps = array("q", range(100_000))
    values = array("d", [0.5]) * 100_000
    values[10] = math.nan
    other = values[:]
    other[70_001] = 0.25
    times = array("q", bytes(8 * 100_000))

    found = parting_of(
        {"a": Points(steps, times, values), "b": Points(steps, times, other)}
    )

    assert found == Parting("step", 70_001, {"a": (0.5,), "b": (0.25,)})


_ROWS = st.lists(st.tuples(st.integers(0, 5) | st.none(), st.sampled_from((0.0, 1.0))))


@given(one=_ROWS, other=_ROWS)
def test_curves_part_where_a_plain_search_says_so(one: Rows, other: Rows) -> None:
    """Steps are looked at one by one, their values in any order."""
    if all(step is None for step, _ in (*one, *other)):
        one, other = (
            [(place, value) for place, (_, value) in enumerate(rows)]
            for rows in (one, other)
        )

    found = parts(one, other)

    def values_at(rows: Rows, at: int) -> list[str]:
        return sorted(repr(value) for step, value in rows if step == at)

    expected = (at for at in range(99) if values_at(one, at) != values_at(other, at))
    assert (None if found is None else found.at) == next(expected, None)
