"""What reads give for logs, tracks, rows of a stream and changes of params."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tracker_core.errors import InvalidValueError
from tracker_core.values import Value

__all__ = ["LogEntry", "ParamChange", "Row", "Rows", "TrackEntry", "to_ns", "window"]

_MAX_NS = 2**63 - 1


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
        InvalidValueError: They are NaN.
    """
    if math.isnan(seconds):
        message = "a bound of time is NaN; use seconds, or None for no bound"
        raise InvalidValueError(message)
    if abs(seconds) >= _MAX_NS / 1e9:
        return _MAX_NS if seconds > 0 else -_MAX_NS
    return round(seconds * 1e9)


def window(start_index: int, limit: int | None) -> slice:
    """Return the part of a sequence that a read is asked for.

    Raises:
        InvalidValueError: One of them is negative.
    """
    if start_index < 0 or (limit is not None and limit < 0):
        message = (
            f"start_index is {start_index!r} and limit {limit!r}; use ints from 0, "
            "or None for no limit"
        )
        raise InvalidValueError(message)
    return slice(start_index, None if limit is None else start_index + limit)
