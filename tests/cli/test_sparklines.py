"""Tests of the course of a series in a line."""

import io
import math
from contextlib import redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.cli.sparklines import sparkline


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([], 8, ""),
        ([1.0, 2.0], 0, ""),
        ([3.0], 8, "▄"),
        ([5.0, 5.0, 5.0], 8, "▄▄▄"),
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([0, 0, 10, 10], 2, "▁█"),
        ([0.0, math.nan, 1.0], 8, "▁ █"),
        ([math.nan, math.nan], 8, "  "),
        ([math.inf, 0.0, 1.0, -math.inf], 8, "█▁█▁"),
        ([-1e308, 1e308], 8, "▁█"),
        ([1e308] * 10, 1, "▄"),
        ([10**400, 0, 1, -(10**400)], 8, "█▁█▁"),
    ],
)
def test_sparkline_draws_the_course(values: list[float], width: int, line: str) -> None:
    """Bars go from the smallest to the largest; NaN is a gap, infinities are ends."""
    assert sparkline(values, width) == line


@given(st.lists(st.floats()), st.integers(0, 100))
def test_sparkline_is_never_longer_than_its_room(
    values: list[float], width: int
) -> None:
    """There is a letter per value, and no more than there is room for."""
    assert len(sparkline(values, width)) == min(len(values), width)


def test_sparkline_is_ascii_where_there_are_no_bars() -> None:
    """An encoding without the bars gets letters that it has."""
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")

    with redirect_stdout(latin):
        line = sparkline(range(8), 8)

    assert line == "_.-:=+*#"
