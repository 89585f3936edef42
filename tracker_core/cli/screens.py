"""What ``tracker watch`` shows: a screen of exactly so many lines, or one line."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tracker_core.cli.delivered import delivery_words
from tracker_core.cli.glyphs import status_glyph
from tracker_core.cli.layout import cut, ellipsis, fitting, packed
from tracker_core.cli.machine import machine_items
from tracker_core.cli.mainseries import main_series
from tracker_core.cli.outcomes import (
    cause_text,
    outcome_words,
    status_name,
    status_text,
)
from tracker_core.cli.seriesrows import lines_with_courses, series_lines
from tracker_core.cli.sight import Sight
from tracker_core.cli.tables import brief_cell, value_cell
from tracker_core.cli.times import duration, stamp
from tracker_core.runs import Attempt

__all__ = ["run_line", "run_screen", "runs_screen"]

_FEWEST_LOGS, _AROUND_LOGS = 4, 4
_MOST_ATTEMPTS = 2
_MOST_IN_LINE = 6
_LABEL = 11


def run_screen(sight: Sight, room: int, height: int) -> list[str]:
    """Return at most ``height`` lines of a run, the first two its name and status."""
    head = _head(sight, room)
    left = height - len(head)
    logs = _logs(sight, room)
    # Beside blank lines, titles and one series.
    most_logs = max(left - _AROUND_LOGS, 0) if sight.own_series else left
    log_room = min(len(logs), max(_FEWEST_LOGS, left // 3), most_logs)
    rows = _rows(sight, room, left - 1 - (log_room + 1 if log_room else 0))
    lines = [*head, *([""] if rows else []), *rows]
    left = height - len(lines) - 1
    if logs and left > 0:
        lines += ["", *logs[-left:]]
    return lines[:height]


def runs_screen(sights: Sequence[Sight], room: int, height: int) -> list[str]:
    """Return at most ``height`` lines of several runs, the first the titles."""
    if not sights:
        return []
    titles = ("RUN", "STATUS", "TIME", "STEP", "MAIN SERIES", "LAST")
    shown = sights[: height - 1] if len(sights) < height else sights[: height - 2]
    rows = [titles, *map(_runs_row, shown)]
    lines = lines_with_courses(rows, map(_main_course, shown), room)
    more = len(sights) - len(shown)
    return lines + ([f"{ellipsis()} and {more} more"] if more else [])


def run_line(sight: Sight) -> str:
    """Return a run in one line: its status, its step, and the last of its series."""
    own = list(sight.own_series.items())
    values = [f"{name}={brief_cell(one.last)}" for name, one in own[:_MOST_IN_LINE]]
    if len(own) > _MOST_IN_LINE:
        values.append(f"{ellipsis()} and {len(own) - _MOST_IN_LINE} more series")
    now = f"{datetime.now(UTC).astimezone():%H:%M:%S}"
    status = outcome_words(sight.run) or "status unknown"
    return "  ".join(filter(None, (now, sight.run.name, status, _pace(sight), *values)))


def _head(sight: Sight, room: int) -> list[str]:
    run = sight.run
    name = "  ".join(filter(None, (run.name, run.experiment, run.run_id)))
    status = "  ".join(filter(None, (status_text(run) or "–", _pace(sight))))
    attempts = run.attempts[:-1][-_MOST_ATTEMPTS:]
    facts = {
        "earlier": map(_attempt_words, attempts),
        "delivery": delivery_words(sight.delivery or ()),
        "system": machine_items(sight.series),
    }
    lines = [cut(name, room), cut(status, room)]
    for label, items in facts.items():
        found = packed(fitting(list(items), room - _LABEL), room - _LABEL)
        lines += [cut(f"{label:{_LABEL}}{line}", room) for line in found]
    return lines


def _pace(sight: Sight) -> str:
    if sight.step is None:
        return ""
    is_running = sight.run.status == "RUNNING" and sight.rate is not None
    rate = f" ({sight.rate:.3g} a second)" if is_running else ""
    return f"step {sight.step}{rate}"


def _attempt_words(attempt: Attempt) -> str:
    cause = cause_text(attempt.cause, attempt.exit_code)
    words = f"{attempt.number} {attempt.status.lower()} after {duration(attempt)}"
    return f"{words}: {cause}" if cause else words


def _rows(sight: Sight, room: int, most: int) -> list[str]:
    own = sight.own_series
    if not own or most < 2:  # noqa: PLR2004 - titles and a series
        return []
    count = len(own) if len(own) < most else max(most - 2, 1)
    first = dict(list(own.items())[:count])
    lines = series_lines(first, sight.courses, room)
    more = len(own) - count
    return lines + ([f"{ellipsis()} and {more} more series"] if more else [])


def _logs(sight: Sight, room: int) -> list[str]:
    return [
        cut(f"{stamp(one.time_ns)[11:19]} {one.level:5} {one.message}", room)
        for one in sight.logs
    ] or [cut(line.expandtabs(), room) for line in sight.printed]


def _runs_row(sight: Sight) -> tuple[str, ...]:
    run, name = sight.run, main_series(sight.series)
    status = status_name(run)
    summary = sight.series[name] if name else None
    return (
        run.name,
        f"{status_glyph(status)} {(status or '–').lower()}",
        duration(run),
        value_cell(sight.step),
        name or "",
        brief_cell(summary.last) if summary else "",
    )


def _main_course(sight: Sight) -> list[float]:
    name = main_series(sight.series)
    if name is None or sight.courses is None:
        return []
    return sight.courses.course(name, sight.series[name].count or 0).values
