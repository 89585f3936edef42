"""From which step on the points of an attempt are abandoned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.rewinds import abandoned_from


@pytest.mark.parametrize(
    ("least_steps", "expected"),
    [
        ({}, {}),
        ({1: 0}, {}),
        ({1: 0, 2: 5}, {1: 5}),
        ({2: 5, 1: 0}, {1: 5}),
        ({1: 0, 2: 0}, {1: 0}),
        ({1: 9, 2: 0}, {1: 0}),
        ({1: 0, 2: 5, 3: 3}, {1: 3, 2: 3}),
        ({1: 0, 2: 3, 3: 5}, {1: 3, 2: 5}),
        ({3: 4, 7: 2}, {3: 2}),
    ],
)
def test_least_step_of_all_later_attempts_counts(
    least_steps: dict[int, int], expected: dict[int, int]
) -> None:
    """The last attempt is never abandoned, whatever its number."""
    assert abandoned_from(least_steps) == expected


@given(st.dictionaries(st.integers(1, 20), st.integers(0, 9), max_size=8))
def test_step_follows_from_the_words_of_the_rule(least_steps: dict[int, int]) -> None:
    """A point is abandoned when a later attempt has logged its step or an earlier."""
    found = abandoned_from(least_steps)

    for attempt in least_steps:
        for step in range(10):
            later = [least for a, least in least_steps.items() if a > attempt]
            is_abandoned = any(least <= step for least in later)
            assert (attempt in found and step >= found[attempt]) is is_abandoned
