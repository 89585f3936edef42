"""Sampling the machine and the job while it runs, from outside it.

What a launcher samples is the stream ``system`` of the run, one record a sample. Of
several launchers of one run, each on a machine of its own, the first has that stream
and one of the rank 3 has ``system/3``. The job is not asked, does not wait, and goes on
where sampling fails.
"""

import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tracker_core.errors import TrackerError
from tracker_core.metrics import SAMPLED, stream_body
from tracker_core.notices import warn
from tracker_core.records import MetricsBody
from tracker_core.settings import Settings

if TYPE_CHECKING:
    from tracker_core.machine import Machine

__all__ = ["Sampling"]

# What ends before that is over before there is anything to see.
_FIRST_S = 1.0
# At most this part of a processor is spent on samples.
_SHARE = 0.002
# Nobody waits longer for a system that does not answer.
_PATIENCE_S = 1.0


class Sampling:
    """Samples in a thread for as long as the block lasts.

    The first sample is taken after a second, or after ``interval`` where that is
    shorter, and the last one at the end of the block; a block of less than half a
    second has none. Where samples cost much they are fewer.

    Args:
        send: Records a sample; it is called in the thread.
        folder: A folder of the file system whose free space is of interest; None where
            nothing is recorded, and so nothing sampled.
        settings: How often to sample, if at all, and which rank of a distributed job
            the launcher is.
        job: Gives the id of the process of the job, or None before it has begun.
    """

    def __init__(
        self,
        send: Callable[[MetricsBody], object],
        folder: Path | None,
        settings: Settings,
        job: Callable[[], int | None],
    ) -> None:
        """Nothing is sampled yet."""
        self._send = send
        self._folder = None if settings.mode == "off" else folder
        self._job = job
        self._interval = settings.system_interval
        self._stream = f"{SAMPLED}/{settings.rank}" if settings.rank else SAMPLED
        self._first = min(_FIRST_S, self._interval)
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._interval and self._folder is not None:
            thread = threading.Thread(
                target=self._run,
                args=(self._folder,),
                name="tracker-system",
                daemon=True,
            )
            with suppress(RuntimeError):  # no thread can be had
                thread.start()
                self._thread = thread
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)

    def _run(self, folder: Path) -> None:
        # The job's own start comes before what is imported for this.
        if self._ends.wait(self._first / 2):
            return
        try:
            from tracker_core.machine import Machine
        except ImportError as error:  # psutil was built for another system
            warn("the machine is not sampled: %s", error)
            return
        with closing(Machine(folder, self._job)) as machine:
            pause, last = self._first / 2, time.monotonic()
            while not self._ends.wait(pause):
                cost, last = self._sample(machine), time.monotonic()
                pause = max(self._interval, cost / _SHARE)
            if time.monotonic() - last >= self._first / 2:
                self._sample(machine)

    def _sample(self, machine: "Machine") -> float:
        """Record a sample; return the seconds of a processor that it took."""
        before = time.thread_time()
        # A run that has ended takes no more, nor does a disk that is full.
        with suppress(TrackerError, OSError):
            self._send(stream_body(self._stream, machine.read(), None))
        return time.thread_time() - before
