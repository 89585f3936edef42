"""What a machine and the processes of a job use, as its launcher reads it.

It is read by psutil, and from NVIDIA's cards by their own library where that is there,
see :mod:`tracker_core.graphics`. A system that hides a number, or a process that has
gone meanwhile, costs that number alone.

Importing this module imports psutil, so that is done once a job runs, and by no job.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from tracker_core.graphics import Graphics

__all__ = ["Machine"]

_Counters = TypeVar("_Counters")
_Pair = tuple[str, int | float]
# What psutil raises where a system hides something, or tells it in an unknown form.
_REFUSALS = (
    psutil.Error,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
# Where Linux tells which of them is a device, and not made of others.
_DISKS, _NETWORKS = Path("/sys/block"), Path("/sys/class/net")
_LOOPBACK = ("lo", "lo0")


class Machine:
    """Reads this machine, and the processes of a job.

    Rates and shares are of the time since the reading before, the first since it was
    made. It belongs to one thread.

    Args:
        folder: A folder of the file system whose free space is of interest.
        job: Gives the id of the process that this one has started as the job, or None
            before that.
        clock: Gives the seconds that rates are of.
    """

    def __init__(
        self,
        folder: Path,
        job: Callable[[], int | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Note where the counters stand."""
        self._folder = folder
        self._job_id = job
        self._root: psutil.Process | None = None
        self._clock = clock
        self._graphics = Graphics()
        self._totals: dict[str, tuple[float, float]] = {}
        self.read()

    def read(self) -> dict[str, int | float]:
        """Return what can be read now: name → number, its unit in the name."""
        found: dict[str, int | float] = {}
        for part in (
            self._processors,
            self._memory,
            self._disks,
            self._free,
            self._network,
            self._job,
            self._graphics.read,
        ):
            with suppress(*_REFUSALS):
                # What comes before a refusal counts.
                found.update(part())
        return found

    def close(self) -> None:
        """Let go of the cards."""
        self._graphics.close()

    def _processors(self) -> Iterator[_Pair]:
        yield "cpu_percent", psutil.cpu_percent()

    def _memory(self) -> Iterator[_Pair]:
        memory = psutil.virtual_memory()
        yield "memory_used_bytes", memory.used
        yield "memory_percent", memory.percent

    def _disks(self) -> Iterator[_Pair]:
        disks = _devices(psutil.disk_io_counters(perdisk=True), _DISKS)
        yield from self._rate("disk_read_bytes", sum(d.read_bytes for d in disks))
        yield from self._rate("disk_written_bytes", sum(d.write_bytes for d in disks))

    def _free(self) -> Iterator[_Pair]:
        yield "disk_free_bytes", shutil.disk_usage(self._folder).free

    def _network(self) -> Iterator[_Pair]:
        cards = _devices(psutil.net_io_counters(pernic=True), _NETWORKS)
        received, sent = (
            sum(c.bytes_recv for c in cards),
            sum(c.bytes_sent for c in cards),
        )
        yield from self._rate("network_received_bytes", received)
        yield from self._rate("network_sent_bytes", sent)

    def _job(self) -> Iterator[_Pair]:
        processes = self._processes()
        spent = os.times()
        # What a process has used that has ended is told of who has waited for it.
        seconds = spent.children_user + spent.children_system
        memory = 0
        for process in processes:
            with suppress(psutil.Error), process.oneshot():
                seconds += sum(process.cpu_times()[:4])
                memory += process.memory_info().rss
        if memory:
            yield "job_memory_bytes", memory
        share = self._grown("job_cpu", seconds)
        if share is not None:
            yield "job_cpu_percent", round(100 * share, 1)

    def _processes(self) -> list[psutil.Process]:
        """Return those of the job that live; launchers have other helpers beside it."""
        job_id = self._job_id()
        if job_id is None:
            return []
        with suppress(psutil.NoSuchProcess):
            # Once for all: another process may have the id later.
            if self._root is None:
                self._root = psutil.Process(job_id)
            return [self._root, *self._root.children(recursive=True)]
        return []

    def _rate(self, name: str, total: int) -> Iterator[_Pair]:
        grown = self._grown(name, total)
        if grown is not None:
            yield f"{name}_per_s", round(grown)

    def _grown(self, name: str, total: float) -> float | None:
        """Return how much a counter has grown a second; None where it is new."""
        now = self._clock()
        before, start = self._totals.get(name, (total, now))
        self._totals[name] = total, now
        return max(total - before, 0) / (now - start) if now > start else None


def _devices(counters: Mapping[str, _Counters], folder: Path) -> list[_Counters]:
    """Return the counters of what counts nothing that another one has counted.

    A volume is made of disks, and a bridge of cards. Where the system does not tell,
    as in a container, all count but the loopback.
    """
    real = [
        one for name, one in counters.items() if (folder / name / "device").exists()
    ]
    return real or [one for name, one in counters.items() if name not in _LOOPBACK]
