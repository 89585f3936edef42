"""Series as lines: how many points, the last, the extremes and the course."""

from collections.abc import Mapping

from rich.cells import cell_len

from tracker_core.cli.card import SYSTEM
from tracker_core.cli.courses import Courses
from tracker_core.cli.layout import columns
from tracker_core.cli.sparklines import sparkline
from tracker_core.cli.tables import value_cell
from tracker_core.cli.text import size_words
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["series_lines", "system_items"]

_TITLES = ("SERIES", "COUNT", "LAST", "MIN", "MAX")
_WIDEST, _NARROWEST = 24, 8
_GAP = "  "


def series_lines(
    series: Mapping[str, Summary], courses: Courses | None, room: int
) -> list[str]:
    """Return a line for each series, below their titles.

    Both extremes stand there with their steps, since which of them is the best is for
    the job to say.

    Args:
        series: Their summaries, by their names.
        courses: Where the courses are read that are drawn where there is room, or
            None for none.
        room: How wide a line may be.
    """
    rows = [_TITLES, *(_row(name, summary) for name, summary in series.items())]
    lines = columns(rows, room - len(_GAP) - _NARROWEST if courses else room)
    widest = max(map(cell_len, lines))
    width = min(room - widest - len(_GAP), _WIDEST)
    if courses is None or width < _NARROWEST:
        return lines
    drawn = [
        sparkline(courses.course(name, summary.count or 0).values, width)
        for name, summary in series.items()
    ]
    return [
        f"{line}{' ' * (widest - cell_len(line))}{_GAP}{course}".rstrip()
        for line, course in zip(lines, ["COURSE", *drawn], strict=True)
    ]


def system_items(series: Mapping[str, Summary]) -> list[str]:
    """Return the last and the most of each series that the launcher samples."""
    return [
        f"{name.removeprefix(SYSTEM)} {_amount(name, one.last)}"
        + ("" if one.max is None else f" (max {_amount(name, one.max)})")
        for name, one in series.items()
        if name.startswith(SYSTEM)
    ]


def _row(name: str, summary: Summary) -> tuple[str, ...]:
    return (
        name,
        value_cell(summary.count),
        value_cell(summary.last),
        _extreme(summary.min, summary.min_step),
        _extreme(summary.max, summary.max_step),
    )


def _extreme(value: float | None, step: int | None) -> str:
    return value_cell(value) if step is None else f"{value_cell(value)} @{step}"


def _amount(name: str, value: Value) -> str:
    if name.endswith("bytes") and isinstance(value, int | float) and value >= 0:
        return size_words(int(value))
    return f"{value:.3g}" if isinstance(value, float) else value_cell(value)
