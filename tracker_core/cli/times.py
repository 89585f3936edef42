"""Times and spans of time, as people and as programs read them."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tracker_core.runs import Attempt, RunInfo, to_datetime

__all__ = [
    "ago",
    "duration",
    "moment",
    "seconds_words",
    "stamp",
    "time_value",
    "zones",
]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Below ten seconds a tenth is of interest.
_SHORT = 10


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago ``at`` was, in its largest unit: ``3 min ago``."""
    if at is None:
        return "–"
    # The clocks of machines differ: what starts in the future starts now.
    seconds = max(int((now - at).total_seconds()), 0)
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {word} ago"
    return f"{seconds} s ago"


def moment(at: datetime | None) -> str:
    """Return a time in the zone of this machine."""
    return "–" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def stamp(time_ns: int) -> str:
    """Return nanoseconds since 1970 in the zone of this machine, to a millisecond."""
    at = to_datetime(time_ns).astimezone().replace(tzinfo=None)
    return at.isoformat(" ", "milliseconds")


def zones(times_ns: Iterable[int]) -> str:
    """Return the zone of what :func:`stamp` gives: ``EST``, or ``EST/EDT`` for both."""
    found = (f"{to_datetime(time_ns).astimezone():%Z}" for time_ns in times_ns)
    return "/".join(dict.fromkeys(found))


def duration(info: RunInfo | Attempt, now: datetime | None = None) -> str:
    """Return how long a run or an attempt took, or has taken until now."""
    if info.started_at is None:
        return "–"
    end = info.ended_at or now or datetime.now(UTC)
    return _span(end - info.started_at)


def seconds_words(seconds: float) -> str:
    """Return a span of time that is given in seconds."""
    return _span(timedelta(seconds=seconds))


def time_value(at: datetime | None) -> str | None:
    """Return a time as programs get it, ISO 8601 in UTC; None where it is not known."""
    if at is None:
        return None
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _span(span: timedelta) -> str:
    seconds = max(span.total_seconds(), 0.0)
    if seconds < _SHORT:
        return f"{math.floor(seconds * 10) / 10:.1f}s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"
