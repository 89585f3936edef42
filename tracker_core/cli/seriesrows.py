"""Series as lines: how many points, the last, the extremes and the course."""

from collections.abc import Iterable, Mapping, Sequence

from tracker_core.cli.courses import Courses
from tracker_core.cli.layout import columns, ellipsis, text_width
from tracker_core.cli.sparklines import sparkline
from tracker_core.cli.tables import brief_cell, value_cell
from tracker_core.summaries import Summary

__all__ = ["extreme", "lines_with_courses", "series_lines"]

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
    if courses is None:
        return columns(rows, room)
    found = (courses.course(name, one.count or 0) for name, one in series.items())
    return lines_with_courses(rows, [course.values for course in found], room)


def lines_with_courses(
    rows: Sequence[Sequence[str]], courses: Iterable[Sequence[float]], room: int
) -> list[str]:
    """Return rows in columns, each with the course behind it that belongs to it.

    Args:
        rows: The titles, then a row for each course.
        courses: The values of each.
        room: How wide a line may be; where it is short there are no courses.
    """
    lines = columns(rows, room - len(_GAP) - _NARROWEST)
    if any(line.endswith(ellipsis()) for line in lines):
        # What the other columns say is worth more.
        return columns(rows, room)
    widest = max(map(text_width, lines))
    width = min(room - widest - len(_GAP), _WIDEST)
    drawn = ("COURSE", *(sparkline(course, width) for course in courses))
    return [
        f"{line}{' ' * (widest - text_width(line))}{_GAP}{course}".rstrip()
        for line, course in zip(lines, drawn, strict=True)
    ]


def extreme(value: float | None, step: int | None) -> str:
    """Return a value with the step at which it was: ``0.91 @2000``."""
    shown = brief_cell(value)
    return shown if step is None else f"{shown} @{step}"


def _row(name: str, summary: Summary) -> tuple[str, ...]:
    return (
        name,
        value_cell(summary.count),
        brief_cell(summary.last),
        extreme(summary.min, summary.min_step),
        extreme(summary.max, summary.max_step),
    )
