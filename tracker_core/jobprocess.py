"""The process of a job: how it is started, and how it ends."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tracker_core.ends import end_of_exit_code
from tracker_core.forwarding import Forwarding, wait_for
from tracker_core.notices import warn
from tracker_core.records import EndedBody

__all__ = ["JobEnd", "end_of", "run_job"]

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class JobEnd(NamedTuple):
    """The exit code to pass on, and what is recorded of the end."""

    code: int
    body: EndedBody


def run_job(
    command: Sequence[str], environ: Mapping[str, str], forwarding: Forwarding
) -> JobEnd:
    """Run a command as the job, and wait for its end.

    Args:
        command: The program and its arguments, at least the program.
        environ: The environment of the job, all of it.
        forwarding: What hands signals on to it.
    """
    try:
        # Files that the launcher was given open are meant for the job.
        process = subprocess.Popen(command, env=environ, close_fds=False)  # noqa: S603 - what it is asked to run
    except OSError as error:
        return _end_unstarted(command[0], error)
    forwarding.begin(process)
    return end_of(wait_for(process))


def end_of(code: int) -> JobEnd:
    """Return the end that an exit code tells of; negative for a signal's number."""
    return JobEnd(code if code >= 0 else 128 - code, end_of_exit_code(code))


def _end_unstarted(program: str, error: OSError) -> JobEnd:
    is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    if is_missing and shutil.which(program, os.F_OK) is None:
        reason = f"no command is named {program!r}; check its spelling and PATH"
        code = _NOT_FOUND
    else:
        why = "its interpreter is missing" if is_missing else error.strerror
        reason = f"{program!r} cannot be executed: {why}"
        code = _NOT_EXECUTABLE
    warn("%s", reason)
    body = end_of_exit_code(code)
    return JobEnd(code, body._replace(cause={**(body.cause or {}), "message": reason}))
