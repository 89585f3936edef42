"""The numbers that sum up several."""

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.aggregates import aggregate, check_aggregates
from tracker_core.errors import InvalidValueError

NAMES = "mean std min max count median sum p50 p90 p95 p99 last first"
ALL = NAMES.split()
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
MODERATE = st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100)
SOME = st.lists(FLOATS, min_size=1, max_size=30)
LARGEST = 1.7e308


def test_every_aggregate_is_known() -> None:
    """The names are given back in their order."""
    assert check_aggregates(iter(ALL)) == tuple(ALL)


@pytest.mark.parametrize("name", ["avg", "", "Mean", "p42"])
def test_unknown_aggregate_is_refused(name: str) -> None:
    """The message names it, and those that there are."""
    with pytest.raises(InvalidValueError, match=f"no aggregate {name!r}; use mean, st"):
        check_aggregates(["mean", name])


@given(SOME)
def test_mean_is_exact(values: list[float]) -> None:
    """It is rounded once, and no sum on the way is too large."""
    exact = sum(map(Fraction, values)) / len(values)

    assert aggregate("mean", values) == float(exact)


@given(st.lists(MODERATE, min_size=2, max_size=30))
def test_std_is_that_of_a_sample(values: list[float]) -> None:
    """As the standard library has it."""
    assert aggregate("std", values) == statistics.stdev(values)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_std_is_that_of_numpy(values: list[float]) -> None:
    """With one degree of freedom less than there are values."""
    found = float(np.std(values, ddof=1))

    assert aggregate("std", values) == pytest.approx(found, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("value", [0.1, 3, -1e308])
@pytest.mark.parametrize("count", [1, 3, 10])
def test_std_of_one_and_the_same_value_is_zero(value: float, count: int) -> None:
    """Exactly: the mean is not off by a rounding."""
    assert aggregate("std", [value] * count) == 0.0


@given(SOME)
def test_extremes_and_ends_are_values(values: list[float]) -> None:
    """They are given back as they are."""
    found = [aggregate(name, values) for name in ("min", "max", "first", "last")]

    assert found == [min(values), max(values), values[0], values[-1]]


def test_extremes_keep_the_type() -> None:
    """An int stays one."""
    found = [aggregate(name, [3, 1, 2]) for name in ("min", "max", "first", "last")]

    assert found == [1, 3, 3, 2]
    assert {type(number) for number in found} == {int}


@given(SOME)
def test_count_is_the_number_of_values(values: list[float]) -> None:
    """All of them."""
    assert aggregate("count", values) == len(values)


@given(st.lists(MODERATE, min_size=1, max_size=30))
def test_sum_is_rounded_once(values: list[float]) -> None:
    """As an exact sum is."""
    assert aggregate("sum", values) == float(sum(map(Fraction, values)))


def test_std_beyond_every_float_is_infinite() -> None:
    """As additions of floats have it."""
    assert aggregate("std", [LARGEST, -LARGEST]) == math.inf


def test_sum_may_be_large_on_the_way() -> None:
    """What is large cancels out."""
    assert aggregate("sum", [LARGEST, LARGEST, -LARGEST, -LARGEST, 1.0]) == 1.0


@pytest.mark.parametrize("sign", [1, -1])
def test_sum_beyond_every_float_is_infinite(sign: int) -> None:
    """As additions of floats have it."""
    assert aggregate("sum", [sign * LARGEST] * 2) == sign * math.inf


@given(st.lists(MODERATE, min_size=1, max_size=30))
def test_median_is_that_of_the_standard_library(values: list[float]) -> None:
    """The middle one, or the mean of the two in the middle."""
    assert aggregate("median", values) == statistics.median(values)
    assert aggregate("p50", values) == statistics.median(values)


def test_median_does_not_overflow() -> None:
    """The mean of two large values is not their sum."""
    assert aggregate("median", [LARGEST, LARGEST]) == LARGEST


@given(
    st.sampled_from([50, 90, 95, 99]),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200),
)
def test_percentiles_are_those_of_numpy(percent: int, values: list[float]) -> None:
    """They lie between neighbours, in proportion."""
    found = float(np.percentile(values, percent))

    assert aggregate(f"p{percent}", values) == pytest.approx(found, rel=1e-9, abs=1e-9)


@given(st.sampled_from(["median", "p90", "p95", "p99", "mean"]), SOME)
def test_averages_lie_among_the_values(name: str, values: list[float]) -> None:
    """No rounding puts them outside."""
    assert min(values) <= aggregate(name, values) <= max(values)


@given(st.sampled_from(["p50", "p90", "p95", "p99"]), SOME)
def test_percentiles_do_not_depend_on_the_order(name: str, values: list[float]) -> None:
    """They are of the values, whenever each one came."""
    assert aggregate(name, values) == aggregate(name, values[::-1])


@pytest.mark.parametrize("percent", ["p90", "p95", "p99"])
def test_percentile_of_a_hundred_and_one_values_is_one_of_them(percent: str) -> None:
    """Its place is a whole number, without any rounding."""
    assert aggregate(percent, [*range(101)]) == int(percent[1:])


@pytest.mark.parametrize("name", ALL)
def test_infinities_are_taken(name: str) -> None:
    """What they make undefined is NaN; nothing is raised."""
    for values in ([math.inf], [math.inf, -math.inf], [1.0, math.inf], [math.inf] * 3):
        assert isinstance(aggregate(name, values), int | float)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("mean", [1.0, math.inf], math.inf),
        ("mean", [math.inf, -math.inf], math.nan),
        ("sum", [math.inf, -math.inf], math.nan),
        ("sum", [-math.inf, LARGEST], -math.inf),
        ("std", [1.0, math.inf], math.nan),
        ("std", [math.inf], 0.0),
        ("median", [1.0, math.inf], math.inf),
        ("median", [-math.inf, math.inf], math.nan),
        ("p90", [-math.inf, 1.0], -math.inf),
        ("p99", [math.inf] * 4, math.inf),
        ("max", [1.0, math.inf], math.inf),
    ],
)
def test_infinities_count_as_what_they_are(
    name: str, values: list[float], expected: float
) -> None:
    """As arithmetic has them."""
    assert aggregate(name, values) == pytest.approx(expected, nan_ok=True)


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=20))
def test_ints_beyond_64_bits_are_taken(values: list[int]) -> None:
    """They are averaged as exactly as floats are."""
    exact = Fraction(sum(values), len(values))

    assert aggregate("mean", values) == pytest.approx(float(exact), rel=1e-12, abs=2e5)
