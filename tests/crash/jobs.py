"""A job that logs deeds in threads and acknowledges each on a pipe.

It is a program of its own (``python jobs.py …``), and :func:`log_deeds` is also what
processes made by a fork server do, which have imported everything already.
"""

import argparse
import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from tests.crash.deeds import do
from tests.crash.disks import simulate_full
from tracker_core import AppRun

__all__ = ["fork_amid", "log_deeds", "obey", "run_job"]

_PADDING = "x" * 8000
_BREATH_S = 0.02


def run_job(
    environment: Mapping[str, str], threads: int, end: Connection, count: int
) -> None:
    """Be a job in this process: open the run of the environment, and log to it."""
    os.environ.update(environment)
    log_deeds(AppRun.run_from_env(), "t", threads, end.fileno(), count)


def fork_amid(
    environment: Mapping[str, str], way: str, end: Connection, count: int
) -> None:
    """Be a job that forks while two of its threads log; both sides go on.

    Args:
        environment: What leads to its run.
        way: ``fork`` for the system's own call, ``multiprocessing`` for that.
        end: Where deeds are acknowledged.
        count: How many deeds each thread does.
    """
    os.environ.update(environment)
    run = AppRun.run_from_env()
    pipe = end.fileno()
    threads = threading.Thread(target=log_deeds, args=(run, "p", 2, pipe, count))
    threads.start()

    def be_child() -> None:
        os.write(pipe, f"child {os.getpid()}\n".encode())
        log_deeds(run, "c", 2, pipe, count)

    # Only once they are at it.
    log_deeds(run, "m", 1, pipe, 20)
    if way == "fork":
        child = os.fork()
        if not child:
            be_child()
            os._exit(0)
    else:
        process = multiprocessing.get_context("fork").Process(target=be_child)
        process.start()
        child = process.pid or 0
    threads.join()
    os.waitpid(child, 0)


def obey(
    environment: Mapping[str, str],
    errors: Path,
    mark: Path | None,
    end: Connection,
    orders: Connection,
) -> None:
    """Be a job that logs so many large deeds as it is told, and small ones meanwhile.

    It ends when it is told to log none.

    Args:
        environment: What leads to its run.
        errors: Where its errors go.
        mark: What is there while the disk is said to be full; None for a real disk.
        end: Where deeds are acknowledged.
        orders: Gives it numbers.
    """
    os.environ.update(environment)
    with errors.open("wb") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    if mark is not None:
        simulate_full(mark)
    run = AppRun.run_from_env()
    number = 0
    left = 1
    while left:
        for _ in range(left):
            run.set_tag("padding", _PADDING)
            _acknowledged(run, "o0", number, end)
            number += 1
        while not orders.poll(_BREATH_S):
            _acknowledged(run, "o0", number, end)
            number += 1
        left = orders.recv()
    run.finish()


def _acknowledged(run: AppRun, who: str, number: int, end: Connection) -> None:
    # As `do` does it, but without content, which needs the disk at once.
    run.log_metric(f"{who}/loss", number + 0.5, step=number)
    os.write(end.fileno(), f"{who} {number}\n".encode())


def log_deeds(
    run: AppRun, name: str, threads: int, acknowledges: int, count: int
) -> None:
    """Log deeds, and acknowledge each that has returned by a line of who and number.

    Args:
        run: The run.
        name: What the names of those who do it begin with.
        threads: How many do; one is this thread.
        acknowledges: The descriptor that the lines go to.
        count: How many deeds each does.
    """

    def work(who: str) -> None:
        for number in range(count):
            do(run, who, number)
            os.write(acknowledges, f"{who} {number}\n".encode())

    others = [
        threading.Thread(target=work, args=(f"{name}{number}",))
        for number in range(1, threads)
    ]
    for other in others:
        other.start()
    work(f"{name}0")
    for other in others:
        other.join()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--acknowledges", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--name", default="t")
    given = parser.parse_args()
    run = AppRun.run_from_env()
    os.write(given.acknowledges, f"pid {os.getpid()}\n".encode())
    log_deeds(run, given.name, given.threads, given.acknowledges, given.count)


if __name__ == "__main__":
    _main()
