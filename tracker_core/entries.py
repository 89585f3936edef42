"""What reads give for logs, tracks, rows of a stream and changes of params."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.values import Value

__all__ = [
    "LogEntry",
    "ParamChange",
    "Row",
    "Rows",
    "TrackEntry",
    "check_bound",
    "to_ns",
    "window",
]

_MAX = 2**63 - 1


class LogEntry(NamedTuple):
    """A message that a run logged.

    Args:
        time_ns: When, in nanoseconds since 1970.
        level: ``debug``, ``info``, ``warn``, ``error`` or ``fatal``.
        message: The text.
        metadata: JSON values about it, or None when none were given.
    """

    time_ns: int
    level: str
    message: str
    metadata: Mapping[str, Value] | None


class TrackEntry(NamedTuple):
    """All that was said of one moment of a topic.

    Args:
        timestamp: Seconds; what they count from is the job's choice.
        fields: Field → the last value that it was given, sorted by field.
    """

    timestamp: float
    fields: Mapping[str, Value]


class Row(NamedTuple):
    """One point of a whole metric stream.

    Args:
        index: Its position in the stream, from 0; stable once the run has ended.
        step: The x axis that the job counted, or None.
        time_ns: When it was logged, in nanoseconds since 1970.
        fields: Field → value, sorted by field; each point may have others.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which no reader needs
    step: int | None
    time_ns: int
    fields: Mapping[str, Value]


class Rows(list[Row]):
    """Points of a stream in the order of the run.

    Args:
        rows: Those that were asked for.
        total: How many the stream has in all.
    """

    def __init__(self, rows: Iterable[Row], total: int) -> None:
        """Keep the rows and the number."""
        super().__init__(rows)
        self.total = total


class ParamChange(NamedTuple):
    """A value that a param was given.

    Args:
        time_ns: When, in nanoseconds since 1970.
        attempt: In which attempt of the run.
        value: The value.
    """

    time_ns: int
    attempt: int
    value: Value


def to_ns(seconds: float) -> int:
    """Return seconds since 1970 as whole nanoseconds, the nearest that 64 bits hold.

    Raises:
        UnsupportedTypeError: They are no number.
        InvalidValueError: They are NaN.
    """
    exact = check_bound(seconds)
    if abs(exact) >= _MAX / 1e9:
        return _MAX if exact > 0 else -_MAX
    return round(exact * 1e9)


def check_bound(seconds: float) -> float:
    """Return a bound of time in seconds as a float, which may be infinite.

    Raises:
        UnsupportedTypeError: It is no number.
        InvalidValueError: It is NaN.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        what = "a bound of time"
        raise UnsupportedTypeError(what, type(seconds).__qualname__, "seconds, or None")
    if math.isnan(seconds):
        message = "a bound of time is NaN; use seconds, or None for no bound"
        raise InvalidValueError(message)
    try:
        return float(seconds)
    except OverflowError:  # an int beyond every float
        return math.inf if seconds > 0 else -math.inf


def window(start_index: int, limit: int | None) -> slice:
    """Return the part of a sequence that a read is asked for; its ends fit 64 bits.

    Raises:
        UnsupportedTypeError: One of them is no int.
        InvalidValueError: One of them is negative.
    """
    for name, number in (("start_index", start_index), ("limit", limit or 0)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise UnsupportedTypeError(name, type(number).__qualname__, "an int from 0")
        if number < 0:
            message = f"{name} is {number!r}; use an int from 0"
            raise InvalidValueError(message)
    start = min(start_index, _MAX)
    return slice(start, None if limit is None else min(start + limit, _MAX))
