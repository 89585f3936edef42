"""The process of a job: how it is started, and how it ends."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tracker_core.consoles import Console
from tracker_core.ends import end_of_exit_code
from tracker_core.forwarding import Forwarding, wait_for
from tracker_core.notices import warn
from tracker_core.records import EndedBody

if TYPE_CHECKING:
    from resource import struct_rusage

__all__ = ["JobEnd", "end_of", "run_job"]

_OWN_STATUS = Path("/proc/self/status")
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class JobEnd(NamedTuple):
    """How a job has ended.

    Args:
        code: The exit code to pass on.
        body: What is recorded of the end.
        has_begun: Whether there was a job; False where the command cannot be executed.
    """

    code: int
    body: EndedBody
    has_begun: bool = True


def run_job(
    command: Sequence[str],
    environ: Mapping[str, str],
    forwarding: Forwarding,
    console: Console | None = None,
) -> JobEnd:
    """Run a command as the job, and wait for its end.

    Args:
        command: The program and its arguments, at least the program.
        environ: The environment of the job, all of it.
        forwarding: What hands signals on to it.
        console: Its outputs; None for those of this process.
    """
    try:
        process = _start(command, environ, console)
    except OSError as error:
        return _end_unstarted(command[0], error)
    finally:
        if console is not None:
            console.let_go()
    own_bytes = _own_peak_bytes()
    forwarding.begin(process)
    usage = wait_for(process)
    end = end_of(process.returncode)
    peak_bytes = _peak_bytes(usage, own_bytes)
    return end._replace(body=end.body._replace(peak_memory_bytes=peak_bytes))


def _peak_bytes(usage: "struct_rusage", own_bytes: int) -> int | None:
    """Return the memory of the largest process; None when that may be ours.

    Linux counts for a process from its fork on, when it still was this one
    (``exec_mmap`` in https://github.com/torvalds/linux/blob/master/fs/exec.c).
    """
    found = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return found if found > own_bytes else None


def _own_peak_bytes() -> int:
    """Return the most memory that this process has had; 0 where nobody tells."""
    try:
        lines = _OWN_STATUS.read_text("utf-8").splitlines()
    except OSError:  # no Linux
        return 0
    told = (line.split() for line in lines if line.startswith("VmHWM:"))
    return next((int(kib) * 1024 for _, kib, _ in told), 0)


def end_of(code: int) -> JobEnd:
    """Return the end that an exit code tells of; negative for a signal's number."""
    return JobEnd(code if code >= 0 else 128 - code, end_of_exit_code(code))


def _start(
    command: Sequence[str], environ: Mapping[str, str], console: Console | None
) -> "subprocess.Popen[bytes]":
    # Files that the launcher was given open are meant for the job.
    if console is None:
        return subprocess.Popen(command, env=environ, close_fds=False)  # noqa: S603 - what it is asked to run
    return subprocess.Popen(  # noqa: S603 - what it is asked to run
        command,
        env=environ,
        close_fds=False,
        stdout=console.stdout,
        stderr=console.stderr,
    )


def _end_unstarted(program: str, error: OSError) -> JobEnd:
    is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    if is_missing and shutil.which(program, os.F_OK) is None:
        reason = f"no command is named {program!r}; check its spelling and PATH"
        code = _NOT_FOUND
    else:
        why = "its interpreter is missing" if is_missing else error.strerror
        if error.errno == errno.ENOEXEC:
            why = f"{why}; a script begins with a line such as #!/bin/sh"
        reason = f"{program!r} cannot be executed: {why}"
        code = _NOT_EXECUTABLE
    warn("%s", reason)
    body = end_of_exit_code(code)
    told = body._replace(cause={**(body.cause or {}), "message": reason})
    return JobEnd(code, told, has_begun=False)
