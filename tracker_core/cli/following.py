"""Looking at a run again and again, until it has ended."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tracker_core.api import NativeTracker
from tracker_core.cli.border import Failure
from tracker_core.cli.delivered import is_written
from tracker_core.entries import LogEntry
from tracker_core.runs import RunInfo
from tracker_core.values import to_json

__all__ = ["NewMessages", "is_over", "looks", "piped", "rest"]

# A message may come late by so much and still be met at the next look.
_OVERLAP_NS = 60 * 10**9
# Looking takes a fifth of the time at the most.
_RESTS = 4


def looks(
    tracker: NativeTracker,
    run_id: str,
    interval: float,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[RunInfo]:
    """Give a run now and again, and for the last time once it is over.

    What is read of it after that last time is all there is.

    Args:
        tracker: Where it is read.
        run_id: The run.
        interval: How many seconds lie between looks, or more where a look takes long.
        wait: Waits for some seconds.
    """
    while True:
        began = time.monotonic()
        ends_now = is_over(run := tracker.run(run_id))
        yield run
        if ends_now:
            return
        wait(rest(interval, began))


def rest(interval: float, began: float) -> float:
    """Return how many seconds to wait after a look.

    Args:
        interval: How long at the least.
        began: When the look began, by the monotonic clock.
    """
    return max(interval, _RESTS * (time.monotonic() - began))


def is_over(run: RunInfo) -> bool:
    """Tell whether nothing more is to be expected of a run.

    A run whose attempt has ended goes on while a launcher of this machine has not; one
    that is lost, and one that nobody told the life of, are not waited for.
    """
    if run.status is None or run.is_lost():
        return True
    return run.status not in ("PENDING", "RUNNING") and not is_written(run.run_id)


@contextmanager
def piped() -> Iterator[None]:
    """Tell a reader who has gone from a tracker that has failed."""
    try:
        yield
    except Failure as error:
        if isinstance(error.__cause__, BrokenPipeError):
            raise error.__cause__ from None
        raise


class NewMessages:
    """Gives each message of a run once, whenever it comes.

    Args:
        tracker: Where they are read.
        run_id: The run.
        level: The mildest level that is wanted; None for all.
    """

    def __init__(
        self, tracker: NativeTracker, run_id: str, level: str | None = None
    ) -> None:
        """Begin without having given any."""
        self._tracker = tracker
        self._run_id = run_id
        self._level = level
        self._given: Counter[int] = Counter()
        self._newest_ns: int | None = None

    @property
    def has_given(self) -> bool:
        """Whether any was returned so far."""
        return bool(self._given)

    def read(self, *, from_start: bool = False) -> list[LogEntry]:
        """Return the messages that were not returned before.

        Args:
            from_start: Whether those are looked for too that come later than others
                by a minute or more, which reads all.
        """
        is_part = self._newest_ns is not None and not from_start
        start = (self._newest_ns or 0) - _OVERLAP_NS
        found = self._tracker.logs(
            self._run_id, self._level, start=start / 1e9 if is_part else None
        )
        new = list(self._without_given(found))
        self._given.update(map(_print, new))
        times = [entry.time_ns for entry in new]
        self._newest_ns = max(times, default=self._newest_ns)
        return new

    def _without_given(self, found: Iterable[LogEntry]) -> Iterator[LogEntry]:
        met: Counter[int] = Counter()
        for entry in found:
            key = _print(entry)
            met[key] += 1
            if met[key] > self._given[key]:
                yield entry


def _print(entry: LogEntry) -> int:
    return hash((*entry[:3], to_json(dict(entry.metadata or {}))))
