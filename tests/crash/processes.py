"""Programs that the tests start, each of which is ended with its block."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.crash.acknowledgements import Acknowledgements

__all__ = ["JOB", "launched", "started", "told_job"]

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
