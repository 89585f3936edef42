"""Programs that the tests start, each of which is ended with its block."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.jobs import run_job

__all__ = ["JOB", "code_of", "killed_job", "launched", "started", "told_job"]

JOB = str(Path(__file__).with_name("jobs.py"))


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], *inherited: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program; it is killed with the block, unless it is dead by then."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        pass_fds=inherited,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def code_of(prepared: ForkServerContext, target: object, *given: object) -> int | None:
    """Let a prepared process do something; return the code that it ends with."""
    process = prepared.Process(target=target, args=given)  # type: ignore[arg-type]  # any function
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    return code


def killed_job(
    prepared: ForkServerContext, environment: Mapping[str, str], deeds: int
) -> dict[str, int]:
    """Kill a job of two threads after some deeds; return who has how many said."""
    with Acknowledgements() as heard:
        job = prepared.Process(target=run_job, args=(environment, 2, heard.end, 10_000))
        job.start()
        heard.let_go()
        heard.wait_for(deeds)
        job.kill()
        job.join()
        job.close()
        heard.read_all()
        return heard.counts


@contextmanager
def launched(
    heard: Acknowledgements, environment: Mapping[str, str], count: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start ``tracker run`` with a job that logs deeds; the launcher is killed."""
    end = heard.end.fileno()
    job = (sys.executable, JOB, f"--count={count}", f"--acknowledges={end}")
    command = (sys.executable, "-m", "tracker_core", "run", "--", *job)
    with started(command, environment, end) as launcher:
        heard.let_go()
        yield launcher


@contextmanager
def told_job(
    heard: Acknowledgements, word: str = "pid"
) -> Iterator[Callable[[], None]]:
    """Wait for a job to tell its process, and give what kills it; it is killed."""
    pid = heard.wait_for_word(word)
    try:
        # A number may be another process's once it is dead, a descriptor never is.
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:  # it is dead already
        yield lambda: None
        return

    def kill() -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)

    try:
        yield kill
    finally:
        kill()
        os.close(descriptor)
