"""Values and times as people read them.

What a run holds was written by somebody else: :func:`clean` lets nothing of it reach a
terminal that the terminal would obey.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from unicodedata import category

from tracker_core.runs import RunInfo
from tracker_core.values import Value, check_value, from_json, to_json

__all__ = [
    "age",
    "cause_words",
    "clean",
    "duration",
    "moment",
    "shown",
    "status_words",
    "to_value",
]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_OLD = 30 * _DAY


def clean(text: str) -> str:
    """Return ``text`` with what does not print written out, as in Python code."""
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or category(letter) == "Zs"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


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


def status_words(info: RunInfo) -> str:
    """Return the status of a run, and in brackets what explains it in a few words."""
    if info.status is None:
        return "–"
    cause = cause_words(info.cause, brief=True)
    return f"{info.status} ({cause})" if cause else info.status


def cause_words(cause: Mapping[str, Value] | None, *, brief: bool) -> str:
    """Return a cause in words; ``brief`` leaves out messages."""
    if cause is None:
        return ""
    kind = str(cause.get("kind", "unknown cause"))
    named = {"exception": "type", "signal": "signal"}.get(kind)
    words = str(cause.get(named or "", kind.replace("_", " ")))
    if kind == "exit_code":
        words = f"exit code {cause.get('exit_code')}"
    message = cause.get("message")
    return f"{words}: {message}" if message and not brief else words


def age(at: datetime | None, now: datetime) -> str:
    """Return how long ago ``at`` was, or its date when that is long."""
    if at is None:
        return "–"
    seconds = (now - at).total_seconds()
    if seconds >= _OLD:
        return at.astimezone().strftime("%Y-%m-%d")
    for unit, letter in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)}{letter} ago"
    return "now" if seconds < 1 else f"{int(seconds)}s ago"


def moment(at: datetime | None) -> str:
    """Return a time in the zone of this machine."""
    return "–" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def duration(info: RunInfo, now: datetime | None = None) -> str:
    """Return how long a run took, or has taken until now."""
    if info.started_at is None:
        return "–"
    end = info.ended_at or now or datetime.now(UTC)
    return _span(end - info.started_at)


def _span(span: timedelta) -> str:
    seconds = max(span.total_seconds(), 0.0)
    if seconds < _MINUTE:
        return f"{math.floor(seconds * 10) / 10:.1f}s"
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR:02d}h"


def _reads_as_other(text: str) -> bool:
    if text in ("", "nan", "inf", "-inf"):
        return True
    try:
        from_json(text)
    except (ValueError, RecursionError):
        return False
    return True
