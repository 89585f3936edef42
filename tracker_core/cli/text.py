"""Values and times as people read them."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from tracker_core.runs import Attempt, RunInfo, to_datetime
from tracker_core.values import Value, check_value, from_json, to_json

__all__ = [
    "age",
    "ago",
    "cause_words",
    "duration",
    "moment",
    "seconds_words",
    "shown",
    "size_words",
    "stamp",
    "status_name",
    "status_words",
    "to_value",
    "zones",
]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Below ten of a unit a tenth of it is of interest.
_SHORT = 10
_STEP = 1024
_SIZES = ("KiB", "MiB", "GiB", "TiB", "PiB")


def to_value(value: object) -> Value:
    """Return what a tracker gave as a value; what is none becomes its text.

    Plain trackers may hold anything.
    """
    try:
        return check_value(value, "value")
    except (TypeError, ValueError):
        return str(value)


def shown(value: object) -> str:
    """Return a value as a person reads it.

    Text stands as it is, unless it would read as another value: the text ``3`` is
    ``"3"``, the number is ``3``.
    """
    found = to_value(value)
    if isinstance(found, str):
        return to_json(found) if _reads_as_other(found) else found
    if isinstance(found, float) and not math.isfinite(found):
        return repr(found)
    return to_json(found)


def status_name(info: RunInfo, now: datetime | None = None) -> str | None:
    """Return the status of a run, or LOST where it has not been seen for long."""
    return "LOST" if info.is_lost(now) else info.status


def status_words(info: RunInfo) -> str:
    """Return the status of a run, and what explains it in a few words."""
    status = status_name(info)
    if status is None:
        return "–"
    cause = cause_words(info.cause, brief=True)
    return f"{status}: {cause}" if cause else status


def cause_words(cause: Mapping[str, Value] | None, *, brief: bool) -> str:
    """Return a cause in words; ``brief`` leaves out messages."""
    if cause is None:
        return ""
    words = _kind_words(cause)
    if brief:
        return words.rpartition(".")[2]
    message = cause.get("message")
    return f"{words}: {message}" if message else words


def age(at: datetime | None, now: datetime) -> str:
    """Return how long ago ``at`` was, in its largest unit: ``3m``."""
    found = _since(at, now)
    return "–" if found is None else f"{found[0]}{found[1][0]}"


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago ``at`` was, in words: ``3 min ago``."""
    found = _since(at, now)
    return "–" if found is None else f"{found[0]} {found[1]} ago"


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


def size_words(size_bytes: int) -> str:
    """Return a size in the unit that suits it: ``19 B``, ``1.2 KiB``, ``35 MiB``."""
    size, unit = float(size_bytes), "B"
    for larger in _SIZES:
        if round(size) < _STEP:
            break
        size, unit = size / _STEP, larger
    is_short = unit != "B" and round(size, 1) < _SHORT
    return f"{size:.1f} {unit}" if is_short else f"{size:.0f} {unit}"


def duration(info: RunInfo | Attempt, now: datetime | None = None) -> str:
    """Return how long a run or an attempt took, or has taken until now."""
    if info.started_at is None:
        return "–"
    end = info.ended_at or now or datetime.now(UTC)
    return _span(end - info.started_at)


def seconds_words(seconds: float) -> str:
    """Return a span of time that is given in seconds."""
    return _span(timedelta(seconds=seconds))


def _since(at: datetime | None, now: datetime) -> tuple[int, str] | None:
    if at is None:
        return None
    # The clocks of machines differ: what starts in the future starts now.
    seconds = max(int((now - at).total_seconds()), 0)
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return seconds // unit, word
    return seconds, "s"


def _kind_words(cause: Mapping[str, Value]) -> str:
    match cause:
        case {"kind": "exit_code", "exit_code": code}:
            return f"exit {code}"
        case {"kind": "exception", "type": name} | {"kind": "signal", "signal": name}:
            return str(name)
        case _:
            return str(cause.get("kind", "unknown cause")).replace("_", " ")


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


def _reads_as_other(text: str) -> bool:
    if text in ("", "nan", "inf", "-inf"):
        return True
    try:
        from_json(text)
    except (ValueError, RecursionError):
        return False
    return True
