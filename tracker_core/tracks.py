"""Tracks of a run: what was so at certain moments, by topic."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from tracker_core.bodies import check_seconds, track_body
from tracker_core.channel import Channel
from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.forks import ForkLock
from tracker_core.values import check_name

if TYPE_CHECKING:  # read paths only
    from tracker_core.entries import TrackEntry

__all__ = ["Track", "TrackSlice", "Tracks"]


class Tracks:
    """The tracks of a run: ``run.tracks("robot/position")`` is one of them."""

    def __init__(self, channel: Channel) -> None:
        """Use the channel of the run."""
        self._channel = channel
        self._known: dict[str, Track] = {}
        self._lock = ForkLock()

    def __call__(self, topic: str) -> "Track":
        """Return the track of a topic, any non-empty text; ``r/s`` is not ``r_s``."""
        name = check_name(topic, "topic")
        with self._lock:
            if name not in self._known:
                self._known[name] = Track(self._channel, name)
            return self._known[name]

    def topics(self) -> list[str]:
        """Return the topics that the run has, sorted."""
        return self._channel.ask(
            lambda tracker: list(tracker.topics(self._channel.run_id)), []
        )

    def flush(self, timeout: float | None = None) -> int:
        """Wait until all is delivered, as :meth:`AppRun.flush` says."""
        return self._channel.flush(timeout)


class Track:
    """One topic: fields at moments in time; made by ``run.tracks(topic)``.

    Safe to use from several threads.
    """

    def __init__(
        self, channel: Channel, topic: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Use the channel of the run; ``clock`` gives the time where none is given."""
        self._channel = channel
        self.topic: str = topic
        self._clock = clock
        self._last = float("-inf")
        self._lock = ForkLock()

    def append(self, /, *, _ts: float | None = None, **fields: object) -> Self:
        """Record fields at a moment.

        What is recorded of the same moment, now or later and by whichever process, is
        one entry: of a field that is given twice the last value stays.

        Args:
            _ts: The moment in seconds; what they count from is the job's choice.
                Without it, it is now, and later than the last one that was taken so.
            **fields: Field → JSON value; ``pose={"x": 1}`` is the field ``pose.x``.

        Returns:
            The track itself.

        Raises:
            InvalidValueError: ``_ts`` is NaN or infinite, a field is named
                ``timestamp`` or ``time``, or a value lies outside what is allowed.
            UnsupportedTypeError: A value has a type that cannot be kept.
        """
        moment = self._now() if _ts is None else _ts
        self._channel.send(track_body(self.topic, moment, fields))
        return self

    def flush(self, timeout: float | None = None) -> int:
        """Wait until all is delivered, as :meth:`AppRun.flush` says."""
        return self._channel.flush(timeout)

    def read(
        self,
        start: float | None = None,
        end: float | None = None,
        *,
        columns: Iterable[str] | None = None,
        format: str = "json",  # noqa: A002 - the field's word for it
        start_timestamp: float | None = None,
        end_timestamp: float | None = None,
    ) -> object:
        """Return the entries by time, both ends included; an unknown topic has none.

        Args:
            start: The earliest timestamp that is wanted.
            end: The latest.
            columns: The fields that are wanted, as ``["pose.x"]``; unknown ones are
                passed over.
            format: ``json`` gives ``{"entries": [{"timestamp", …fields}], "count"}``;
                ``jsonl`` bytes with one such entry per line; ``parquet`` bytes with all
                columns of all rows (it needs ``tracker-core[parquet]``); ``mocap``
                ``{"version", "metadata", "channels", "frames"}``.
            start_timestamp: Another word for ``start``.
            end_timestamp: Another word for ``end``.

        Raises:
            InvalidValueError: There is no such format, a bound is given twice, or it is
                NaN or infinite.
            UnsupportedTypeError: A bound is no number, or the columns are one text.
            ConfigError: The format needs a package that is not installed.
            NotSupportedError: None of the backends holds tracks.
        """
        from tracker_core.trackformats import formatted

        if isinstance(columns, str):  # which would be taken for its letters
            raise UnsupportedTypeError("columns", "str", "a list of fields")
        wanted = None if columns is None else frozenset(columns)
        first = _one_of(start, start_timestamp, "start")
        last = _one_of(end, end_timestamp, "end")
        entries = self._entries(first, last)
        return formatted(format, self.topic, entries, wanted)

    def slice(
        self, start: float | None = None, end: float | None = None
    ) -> "TrackSlice":
        """Return the entries from ``start`` to ``end`` as they are now."""
        return TrackSlice(self._entries(start, end))

    def _entries(
        self, start: float | None, end: float | None
    ) -> "Sequence[TrackEntry]":
        bounds = [
            None if bound is None else check_seconds(bound, f"bound of {self.topic!r}")
            for bound in (start, end)
        ]
        return self._channel.ask(
            lambda tracker: list(
                tracker.track_entries(self._channel.run_id, self.topic, *bounds)
            ),
            [],
        )

    def _now(self) -> float:
        from math import inf, nextafter

        with self._lock:
            self._last = max(self._clock(), nextafter(self._last, inf))
            return self._last


class TrackSlice:
    """Entries of a track in the order of time: iterable, with a length."""

    def __init__(self, entries: "Sequence[TrackEntry]") -> None:
        """Keep entries that are sorted by time."""
        self._entries = list(entries)

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def __iter__(self) -> "Iterator[TrackEntry]":
        """Go through the entries by time."""
        return iter(self._entries)

    def find_by_time(self, timestamp: float) -> "TrackEntry":
        """Return the latest entry at ``timestamp`` or before it.

        Raises:
            KeyError: There is none so early.
            InvalidValueError: The timestamp is NaN or infinite.
            UnsupportedTypeError: It is no number.
        """
        from bisect import bisect_right

        moment = check_seconds(timestamp, "timestamp")
        place = bisect_right(self._entries, moment, key=lambda entry: entry[0])
        if place == 0:
            first = f"the first is at {self._entries[0][0]}" if self else "it is empty"
            message = f"the slice has no entry at {moment} or before; {first}"
            raise KeyError(message)
        return self._entries[place - 1]


def _one_of(first: float | None, second: float | None, name: str) -> float | None:
    if first is not None and second is not None:
        message = f"{name} and {name}_timestamp are both given; give one of them"
        raise InvalidValueError(message)
    return second if first is None else first
