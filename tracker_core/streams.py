"""One metric stream of a run: points with many fields."""

import math
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from tracker_core.channel import Channel
from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.forks import ForkLock
from tracker_core.metrics import columns_body, is_number, stream_body
from tracker_core.values import Value

if TYPE_CHECKING:  # read paths only
    from tracker_core.pages import Page, StreamStats
    from tracker_core.summaries import Summary

__all__ = ["MetricStream"]


class MetricStream:
    """A stream of points, each with any fields; made by :meth:`AppRun.metrics`.

    Safe to use from several threads. What :meth:`buffer` has collected lies in memory
    until :meth:`log_summary`, and is lost with the process; a forked child begins with
    a copy.
    """

    def __init__(self, channel: Channel, name: str) -> None:
        """Use the channel of the run; ``""`` is the root stream."""
        self._channel = channel
        self.name: str = name
        self._buffers: dict[str, list[float]] = {}
        self._lock = ForkLock()

    def log(
        self,
        fields: Mapping[str, object] | None = None,
        /,
        *,
        step: int | None = None,
        **values: object,
    ) -> Self:
        """Append one point; the fields may differ from point to point.

        Args:
            fields: Field → value, for names that are no keywords of Python, or ``step``
                as a field.
            step: The x axis that the job counts, 0 or more; any order, any repeats.
            **values: Field → a number, NaN and the infinities included, or any JSON
                value.

        Returns:
            The stream itself.

        Raises:
            InvalidValueError: A field is empty or holds ``/``, or the step or a value
                lies outside what is allowed.
            UnsupportedTypeError: The fields are no mapping, the step is no int, or a
                value has a type that is not kept.
        """
        if fields is not None and not isinstance(fields, Mapping):
            what = f"a point of stream {self.name!r}"
            raise UnsupportedTypeError(what, type(fields).__qualname__, "a mapping")
        told = {**(fields or {}), **values}
        self._channel.send(stream_body(self.name, told, step))
        return self

    def extend(self, columns: Mapping[str, object], *, step: object = None) -> Self:
        """Append many points at once, given as columns.

        It is one record: all of the points are kept, or none. They carry the time of
        the call.

        Args:
            columns: Field → one value per point: a list, a tuple, an array of the
                standard library or of numpy, anything with ``tolist``; all equally
                long. A row of an array with more dimensions is one value, a list.
            step: One step per point in the same forms, or None.

        Returns:
            The stream itself.

        Raises:
            InvalidValueError: The columns differ in length or are empty, or a field, a
                step or a value lies outside what is allowed.
            UnsupportedTypeError: The columns are no mapping, a column is no sequence,
                or a step or a value has a type that is not kept.
        """
        self._channel.send(columns_body(self.name, columns, step))
        return self

    def buffer(self, /, **values: object) -> Self:
        """Collect numbers for :meth:`log_summary`; NaN and None are passed over.

        Returns:
            The stream itself.

        Raises:
            InvalidValueError: A field is empty or holds ``/``, or an int lies beyond
                every float; none of the call is collected.
            UnsupportedTypeError: A value is no number; none of the call is collected.
            RunEndedError: The run takes no more records.
        """
        self._channel.refuse_if_ended()
        checked = stream_body(self.name, values, None).streams[self.name]
        numbers = {field: _number(field, value) for field, value in checked.items()}
        with self._lock:
            for field, number in numbers.items():
                if not math.isnan(number):
                    self._buffers.setdefault(field, []).append(number)
        return self

    def log_summary(
        self, /, *aggregates: str, step: int | None = None, **values: object
    ) -> Self:
        """Append one point with aggregates of what was collected, and forget that.

        ``stream.buffer(loss=0.5).log_summary("mean")`` logs the field ``loss.mean``.

        Args:
            *aggregates: ``mean``, ``std``, ``min``, ``max``, ``count``, ``median``,
                ``sum``, ``p50``, ``p90``, ``p95``, ``p99``, ``last``, ``first``; by
                default ``mean``.
            step: As in :meth:`log`.
            **values: Further fields of the point.

        Returns:
            The stream itself; it logs nothing where nothing was collected or given.

        Raises:
            InvalidValueError: There is no such aggregate, or an argument lies outside
                what is allowed; what was collected stays.
            UnsupportedTypeError: An argument has a type that is not kept; what was
                collected stays.
            RunEndedError: The run takes no more records.
        """
        from tracker_core.aggregates import aggregate, check_aggregates

        self._channel.refuse_if_ended()
        names = check_aggregates(aggregates or ("mean",))
        given = stream_body(self.name, values, step).streams[self.name]
        with self._lock:
            collected, self._buffers = self._buffers, {}
        fields: dict[str, object] = {
            f"{field}.{name}": aggregate(name, numbers)
            for field, numbers in collected.items()
            for name in names
        }
        if fields or given:
            self.log({**fields, **given}, step=step)
        return self

    def read(self, start_index: int = 0, limit: int | None = 1000) -> "Page":
        """Return points in the order of the run; an unknown stream has none.

        Args:
            start_index: The first index that is wanted, from 0.
            limit: How many at the most; None for all.

        Raises:
            InvalidValueError: One of them is negative.
            UnsupportedTypeError: One of them is no int.
            NotSupportedError: None of the backends holds the history of streams.
        """
        from tracker_core.entries import Rows

        first = _count(start_index, "start_index")
        most = None if limit is None else _count(limit, "limit")
        name = self._channel.stored(self.name)
        found = self._channel.ask(
            lambda tracker: tracker.rows(self._channel.run_id, name, first, most),
            Rows([], 0),
        )
        end_index = first + len(found) - 1
        return {
            "data": [
                {"index": i, "step": step, "time_ns": time_ns, "data": fields}
                for i, step, time_ns, fields in found
            ],
            "start_index": first,
            "end_index": end_index,
            "total": found.total,
            "has_more": end_index + 1 < found.total,
        }

    def stats(self) -> "StreamStats":
        """Return length, times and the summary of each field.

        Raises:
            NotSupportedError: None of the backends holds the history of streams.
        """
        from tracker_core.runs import to_datetime

        first = self.read(0, 1)
        total = first["total"]
        times = [
            to_datetime(row["time_ns"])
            for page in (first, self.read(max(0, total - 1), 1))
            for row in page["data"]
        ]
        return {
            "total": total,
            "first_at": times[0] if times else None,
            "last_at": times[-1] if times else None,
            "fields": self._fields(),
        }

    def _fields(self) -> "dict[str, Summary]":
        empty: dict[str, Summary] = {}
        series = self._channel.ask(
            lambda tracker: dict(tracker.series(self._channel.run_id)), empty
        )
        kept = self._channel.stored(self.name)
        found: dict[str, Summary] = {}
        for name, summary in series.items():
            stream, _, field = name.rpartition("/")
            if stream == kept:
                found[field] = summary
        return found


def _number(field: str, value: Value) -> float:
    if value is None:
        return math.nan
    if not is_number(value):
        what = f"metric {field!r}"
        raise UnsupportedTypeError(what, type(value).__qualname__, "a number")
    try:
        float(value)
    except OverflowError:
        message = f"metric {field!r} is an int beyond every float; log it as text"
        raise InvalidValueError(message) from None
    return value


def _count(number: object, what: str) -> int:
    try:
        count = operator.index(number)  # type: ignore[arg-type]  # what is no int is caught
    except TypeError:
        kind = type(number).__qualname__
        raise UnsupportedTypeError(what, kind, "an int from 0") from None
    if count < 0:
        message = f"{what} {count} is below 0; use an int from 0"
        raise InvalidValueError(message)
    return count
