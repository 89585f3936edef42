"""Tests of what is better of a series."""

import pytest

from tracker_core.directions import HIGHER_IS_BETTER, LOWER_IS_BETTER, direction_of


@pytest.mark.parametrize(
    ("series", "direction"),
    [
        ("loss", "lower"),
        ("train/loss", "lower"),
        ("val/Perplexity", "lower"),
        ("top5Error", "lower"),
        ("acc_error", "lower"),
        ("val/acc", "higher"),
        ("F1-score", "higher"),
        ("episode/meanReward", "higher"),
        ("ROC_AUC", "higher"),
        ("loss/val", "lower"),
        ("lr", None),
        ("grad_norm", None),
        ("lossless", None),
        ("", None),
    ],
)
def test_direction_follows_from_the_words_of_a_name(
    series: str, direction: str | None
) -> None:
    """Whole words decide, the last before the first."""
    assert direction_of(series) == direction


def test_direction_of_a_word_is_one() -> None:
    """No word is in both lists, and all are lower-case, as they are looked up."""
    words = LOWER_IS_BETTER | HIGHER_IS_BETTER

    assert not LOWER_IS_BETTER & HIGHER_IS_BETTER
    assert all(direction_of(word) for word in words)
