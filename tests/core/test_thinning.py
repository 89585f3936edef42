"""Tests of what is drawn of a curve."""

import math
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.thinning import Curve, thinned

NAN = math.nan


def drawn(
    xs: Sequence[float],
    ys: Sequence[float],
    columns: int = 100,
    *,
    is_log: bool = False,
) -> list[tuple[list[float], list[float]]]:
    """Give the strokes of a curve in a picture that it fills."""
    limits = (min(xs), max(xs))
    return [
        (*stroke,) for stroke in thinned(Curve(xs, ys), columns, limits, is_log=is_log)
    ]


@pytest.mark.parametrize(
    ("xs", "ys", "strokes"),
    [
        ([0, 1, 2], [3.0, 1.0, 2.0], [([0, 1, 2], [3, 1, 2])]),
        ([2, 0, 1], [2.0, 3.0, 1.0], [([0, 1, 2], [3, 1, 2])]),
        ([0], [3], [([0], [3])]),
        ([0, 1, 2, 3], [1, NAN, 2, 3], [([0], [1]), ([2, 3], [2, 3])]),
        ([0, 1, 2], [NAN, -math.inf, math.inf], []),
        # Too near for a gap to be seen.
        ([0, 0, 0, 100], [1, NAN, 2, 3], [([0, 0, 100], [1, 2, 3])]),
    ],
)
def test_short_curve_is_drawn_whole(
    xs: list[float], ys: list[float], strokes: list[tuple[list[float], list[float]]]
) -> None:
    """From left to right, with a gap where there is no number."""
    assert drawn(xs, ys) == strokes


def test_logarithmic_scale_has_only_what_is_above_zero() -> None:
    """The rest is a gap."""
    assert drawn([0, 1, 2, 3], [1, 0, -1, 2], is_log=True) == [([0], [1]), ([3], [2])]


@pytest.mark.parametrize("extra", [0.0, NAN])
def test_long_curve_keeps_its_peaks(extra: float) -> None:
    """However narrow the picture is and wherever they are."""
    ys = array("d", [0.5]) * 100_000
    ys[77], ys[50_001], ys[99_998], ys[3] = 9.0, -9.0, 7.0, extra

    ((_, kept),) = drawn(range(100_000), ys, 80)

    assert len(kept) <= 4 * 80
    assert {9.0, -9.0, 7.0} <= {*kept}


@given(
    ys=st.lists(st.floats(-10, 10) | st.just(NAN), min_size=1, max_size=40),
    columns=st.integers(1, 50),
)
def test_strokes_are_points_of_the_curve_in_order(
    ys: list[float], columns: int
) -> None:
    """Its extremes are among them, and nothing that is no number."""
    strokes = drawn(range(len(ys)), ys, columns)

    xs = [x for stroke in strokes for x in stroke[0]]
    kept = [y for stroke in strokes for y in stroke[1]]
    numbers = [y for y in ys if not math.isnan(y)]
    assert xs == sorted(xs)
    assert kept == [ys[int(x)] for x in xs]
    assert min(kept, default=0) == min(numbers, default=0)
    assert max(kept, default=0) == max(numbers, default=0)
