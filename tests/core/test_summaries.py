"""A summary does not depend on the order or the pieces in which points come."""

import math
import random
from fractions import Fraction
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.points import value_column
from tracker_core.records import OrderKey
from tracker_core.summaries import SeriesState, Summary
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.strategies import values
from tracker_core.values import Value, from_json, to_json

_Rows = list[tuple[OrderKey, int | None, Value]]


def _rows() -> st.SearchStrategy[_Rows]:
    """Return points in order, each with a key of its own."""
    numbers = st.sampled_from([0, 1, 1.0, 2, -0.0, 0.1, 1e308, -1e308, 2**63, -(2**80)])
    special = st.sampled_from([math.nan, math.inf, -math.inf])
    found = st.tuples(
        st.none() | st.integers(0, 3),
        numbers | st.floats() | st.integers() | special | values(),
    )
    return st.lists(found, min_size=1, max_size=12).map(_keyed)


def _keyed(points: list[tuple[int | None, Value]]) -> _Rows:
    return [((1, 7, "w", n, 0), step, value) for n, (step, value) in enumerate(points)]


def _state(rows: _Rows) -> SeriesState:
    state = SeriesState()
    for row in rows:
        state.add(*row)
    return state


def _columns() -> st.SearchStrategy[list[Value]]:
    """Return columns, mostly of values of one kind."""
    finite = st.floats(allow_nan=False, allow_infinity=False)
    edges = st.sampled_from([5e-324, -0.0, 0.0, 1e308, -1e308, 1e16, 1.0])
    kinds: list[st.SearchStrategy[Value]] = [
        finite | edges,
        st.floats(),
        st.integers(),
        st.booleans(),
        st.integers(-3, 3) | st.sampled_from([1.0, -0.0]),
        values(),
    ]
    return st.one_of([st.lists(kind, max_size=12) for kind in kinds])


def _naive(rows: _Rows) -> Summary:
    """Fold the ordered points as the words of the contract say."""
    numbers = [
        (value, step)
        for _, step, value in rows
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and not math.isnan(value)
    ]
    low = min(numbers, key=lambda found: found[0], default=(None, None))
    high = max(numbers, key=lambda found: found[0], default=(None, None))
    mean = _mean([value for value, _ in numbers])
    first, last = rows[0][2], rows[-1][2]
    return Summary(len(rows), first, last, low[0], high[0], mean, low[1], high[1])


def _mean(numbers: list[int | float]) -> float | None:
    if not numbers:
        return None
    endless = [n for n in numbers if isinstance(n, float) and math.isinf(n)]
    if endless:
        return sum(endless)
    # The exact mean, rounded once.
    return float(sum(map(Fraction, numbers)) / len(numbers))


@given(_rows(), st.randoms(use_true_random=False))
def test_summary_is_the_naive_one_in_any_order(
    rows: _Rows, shuffle: random.Random
) -> None:
    """Count, extremes, steps and mean are those of a fold over all points."""
    expected = _naive(rows)
    shuffle.shuffle(rows)

    summary = _state(rows).summary()

    assert exact(summary) == exact(expected)


@given(_rows(), st.randoms(use_true_random=False), st.integers(0, 12))
def test_state_goes_on_after_being_stored(
    rows: _Rows, shuffle: random.Random, cut: int
) -> None:
    """Written as JSON half-way and read back, it comes to the same summary."""
    expected = _naive(rows)
    shuffle.shuffle(rows)

    text = to_json(_state(rows[:cut]).to_value())
    state = SeriesState.from_value(cast("dict[str, Value]", from_json(text)))
    for row in rows[cut:]:
        state.add(*row)

    assert exact(state.summary()) == exact(expected)


@given(st.lists(_columns(), max_size=3), st.booleans())
def test_bulk_addition_equals_adding_one_by_one(
    columns: list[list[Value]],
    has_steps: bool,  # noqa: FBT001 - hypothesis names it
) -> None:
    """Whatever the columns hold, and whatever was there before."""
    bulk, single = SeriesState(), SeriesState()
    for number, column in enumerate(columns):
        keys: list[OrderKey] = [(1, 7, "w", number, row) for row in range(len(column))]
        steps = [row // 2 for row in range(len(column))] if has_steps else None

        bulk.extend(keys, steps, value_column(column))

        for row, value in enumerate(column):
            single.add(keys[row], steps[row] if steps else None, value)
    assert exact(bulk.to_value()) == exact(single.to_value())


@pytest.mark.parametrize(
    ("numbers", "mean"),
    [
        ([0.1] * 10, 0.1),
        ([1e16, 1.0, -1e16], 1 / 3),
        ([1.7976931348623157e308] * 3, 1.7976931348623157e308),
        ([5e-324, 0.0], 0.0),
        ([5e-324, 5e-324], 5e-324),
        ([2**53 + 1, 2**53 + 1], float(2**53)),
        ([10**400, -(10**400)], 0.0),
        ([10**400], math.inf),
        ([-(10**400), 1], -math.inf),
        ([10**400, -math.inf], -math.inf),
        ([math.inf, math.inf], math.inf),
        ([math.inf, -math.inf, 1.0], math.nan),
    ],
)
def test_mean_is_exact(numbers: list[Value], mean: float) -> None:
    """It is rounded once, cannot overflow on its way, and has an end beyond floats."""
    rows = _keyed([(None, number) for number in numbers])

    assert exact(_state(rows).summary().mean) == exact(mean)


def test_ties_go_to_the_first_in_the_order_of_the_run() -> None:
    """Of equal extremes the first point's step and type are kept."""
    rows = _keyed([(7, 1), (8, 1.0), (9, 1)])

    summary = _state(rows[::-1]).summary()

    assert exact((summary.min, summary.max)) == exact((1, 1))
    assert (summary.min_step, summary.max_step) == (7, 7)


def test_values_that_are_no_numbers_only_count() -> None:
    """Text, bool, None, lists and mappings have no extremes and no mean."""
    rows = _keyed([(0, True), (1, "9"), (2, None), (3, [9]), (4, {"x": 9})])

    summary = _state(rows).summary()

    assert summary == Summary(5, True, {"x": 9}, *[None] * 5)  # noqa: FBT003 - a value
