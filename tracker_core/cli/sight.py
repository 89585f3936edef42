"""What ``tracker watch`` sees of a run at one moment."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tracker_core.api import Capability, NativeTracker
from tracker_core.cli.consoles import Consoles
from tracker_core.cli.courses import Courses
from tracker_core.cli.delivered import read_delivery
from tracker_core.cli.following import rest
from tracker_core.cli.mainseries import main_series, own_series
from tracker_core.delivery.overview import BackendState
from tracker_core.entries import LogEntry
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary

__all__ = ["Eye", "Sight", "running", "watched"]

# What a screen may have lines for.
_MOST_RUNS = 50
_MOST_PRINTED = 100


class Sight(NamedTuple):
    """A run at one moment.

    Args:
        run: Who it is and how it fares.
        series: The summaries of its series.
        logs: Its last messages.
        printed: The last lines that it has printed, where it has logged no message.
        delivery: How far the backends are; None without a journal on this machine.
        courses: Where the courses of series are read; None without history.
        step: The newest step of its main series, or None.
        rate: How many steps a second it makes, or None.
    """

    run: RunInfo
    series: Mapping[str, Summary]
    logs: list[LogEntry]
    printed: list[str]
    delivery: list[BackendState] | None
    courses: Courses | None
    step: int | None
    rate: float | None

    @property
    def own_series(self) -> dict[str, Summary]:
        """The series that the job logs."""
        return own_series(self.series)


class Eye:
    """Looks at one run, each time only at what is new in its series.

    Args:
        tracker: Where it is read.
        run_id: The run.
    """

    def __init__(self, tracker: NativeTracker, run_id: str) -> None:
        """Begin without having looked."""
        self._tracker = tracker
        self._run_id = run_id
        self._has_history = Capability.HISTORY in tracker.capabilities
        self._courses = Courses(tracker, run_id) if self._has_history else None
        self._attempts = 0
        self._consoles = Consoles(tracker, run_id)
        self._printed: deque[str] = deque(maxlen=_MOST_PRINTED)

    def look(self, run: RunInfo, most_logs: int) -> Sight:
        """Return what there is to see of a run, which is ``run`` at this moment."""
        if self._courses and len(run.attempts) != self._attempts:
            # A new attempt may have begun at an earlier step.
            self._courses.forget()
        self._attempts = len(run.attempts)
        series = dict(self._tracker.series(self._run_id))
        step, rate = self._pace(series)
        logs: list[LogEntry] = []
        if self._has_history and most_logs:
            logs = list(self._tracker.logs(self._run_id, limit=most_logs))
        printed = self._last_printed() if most_logs and not logs else []
        delivery = read_delivery(self._run_id)
        return Sight(run, series, logs, printed, delivery, self._courses, step, rate)

    def _last_printed(self) -> list[str]:
        for piece in self._consoles.read():
            self._printed.extend(piece.text.splitlines())
        return list(self._printed)

    def _pace(self, series: Mapping[str, Summary]) -> tuple[int | None, float | None]:
        name = main_series(series)
        if self._courses is None or name is None:
            return None, None
        course = self._courses.course(name, series[name].count or 0)
        return course.last_step, course.rate


def running(tracker: NativeTracker) -> list[RunInfo]:
    """Return the runs that run and are not lost, the newest first."""
    found = tracker.runs(query='status = "RUNNING"')
    return [run for run in found if not run.is_lost()]


def watched(
    tracker: NativeTracker, interval: float, wait: Callable[[float], None] = time.sleep
) -> Iterator[list[Sight]]:
    """Give all runs that run now and again, until none does.

    A run that was given once stays, after those that run still.

    Args:
        tracker: Where they are read.
        interval: How many seconds lie between looks, or more where a look takes long.
        wait: Waits for some seconds.
    """
    eyes: dict[str, Eye] = {}
    over: dict[str, Sight] = {}
    while True:
        began = time.monotonic()
        active = {run.run_id: run for run in running(tracker)[:_MOST_RUNS]}
        for run_id in eyes.keys() - active.keys() - over.keys():
            over[run_id] = eyes[run_id].look(tracker.run(run_id), 0)
        for run_id in active:
            eyes.setdefault(run_id, Eye(tracker, run_id))
            over.pop(run_id, None)
        yield [
            *(eyes[run_id].look(run, 0) for run_id, run in active.items()),
            *over.values(),
        ]
        if not active:
            return
        wait(rest(interval, began))
