"""Tests of the marks of an axis."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.cli.ticks import log_scale, plain_scale


@pytest.mark.parametrize(
    ("ends", "texts"),
    [
        ((0, 1), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((0.02, 0.93), ["0.2", "0.4", "0.6", "0.8"]),
        ((0, 2000), ["0", "500", "1000", "1500", "2000"]),
        ((0, 1_999_999), ["0", "500k", "1M", "1.5M"]),
        ((1e-5, 3e-5), ["1.5e-05", "2e-05", "2.5e-05", "3e-05"]),
        ((0.001, 0.00101), ["0.001", "0.001005", "0.00101"]),
        ((5, 5), ["4.6", "4.8", "5.0", "5.2", "5.4"]),
        ((-1e308, 1e308), ["-1e+308", "-5e+307", "0", "5e+307", "1e+308"]),
    ],
)
def test_plain_axis_has_round_numbers(
    ends: tuple[float, float], texts: list[str]
) -> None:
    """With as many digits as tell them apart."""
    assert [tick.text for tick in plain_scale(ends).ticks(5)] == texts


def test_axis_of_steps_has_whole_numbers() -> None:
    """There is no half step."""
    ticks = plain_scale((0, 2), is_whole=True).ticks(9)

    assert [tick.text for tick in ticks] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("ends", "texts"),
    [
        ((0.001, 1000), ["0.001", "0.1", "10", "1000"]),
        ((1, 10_000), ["1", "10", "100", "1000", "10000"]),
        ((0.5, 3), ["0.5", "0.7", "1", "2", "3"]),
        ((1.1, 1.2), ["1.1", "1.2"]),
        ((3, 3), ["1", "2", "3", "5", "7"]),
    ],
)
def test_logarithmic_axis_has_powers_of_ten(
    ends: tuple[float, float], texts: list[str]
) -> None:
    """Or what is round between two of them."""
    assert [tick.text for tick in log_scale(ends).ticks(5)] == texts


@given(ends=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2))
def test_every_number_has_its_place(ends: list[float]) -> None:
    """However large or near to each other they are."""
    scales = [plain_scale(ends), plain_scale(ends, is_whole=True)]
    above = [value for value in ends if value > 0]
    scales += [log_scale(above)] if above else []

    for scale in scales:
        values = above if scale.is_log else ends
        assert all(-1e-9 <= scale.at(value) <= 1 + 1e-9 for value in values)
        ticks = scale.ticks(4)
        assert len(ticks) <= 60
        assert all(
            0 <= tick.at <= 1 and math.isfinite(float(tick.text.rstrip("kMG")))
            for tick in ticks
        )
