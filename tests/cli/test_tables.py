"""Tests of the cells of tables."""

import math

import pytest

from tracker_core.cli.seriesrows import series_lines
from tracker_core.cli.tables import brief_cell
from tracker_core.summaries import Summary
from tracker_core.values import Value


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0.123456789, "0.123457"),
        (10**15, "1000000000000000"),
        (-(2**63), "-9.22337e+18"),
        (10**400, "100000000000000…"),
        (math.nan, "nan"),
        (None, "–"),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("word " * 1000, "word word word…"),
    ],
)
def test_brief_cell_is_narrow(value: Value, cell: str) -> None:
    """What is long is rounded or cut, and what is short stands as it is."""
    assert brief_cell(value) == cell


def test_series_of_long_texts_leaves_room_for_the_others() -> None:
    """Beside it the extremes of other series are whole."""
    text = Summary(1, "", "word " * 1000, None, None, None, None, None)
    loss = Summary(2, 1.0, 0.5, 0.25, 1.0, 0.5, 3, 1)

    lines = series_lines({"caption": text, "loss": loss}, None, 80)

    assert lines[2].split() == ["loss", "2", "0.5", "0.25", "@3", "1", "@1"]
