"""What a job leaves behind for its launcher: lines in a file, exported variables.

Any language can append lines to the file that ``TRACKER_TRACK_FILE`` names::

    answer=42
    loss_STEP_3=0.25

A line means what the variable ``TRACKER_TRACK_answer`` or ``TRACKER_TRACK_loss_STEP_3``
would, see :mod:`tracker_core.trackvars`; each is a point of its own, in their order.

The variables that a script exports are gone with its shell. :func:`shell_command` has
that shell write them down as it exits, into a file beside the other one, separated by
null bytes, since a value may be of several lines.

The launcher reads both when the job has ended, however that was, and removes them. What
a launcher leaves that is killed itself is read by nobody.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from shlex import join, quote

from tracker_core.errors import InvalidValueError, TrackerError
from tracker_core.identity import new_writer_id
from tracker_core.journal.folders import RunFolder, make_folder
from tracker_core.metrics import metrics_body
from tracker_core.notices import warn
from tracker_core.records import MetricsBody
from tracker_core.trackvars import (
    TRACK_FILE,
    send_tracked_values,
    tracked_value,
)

__all__ = ["Leavings", "shell_command"]

_VARIABLES = ".variables"
# On one line, so that the shell's messages name the lines of the script.
_WRITER = (
    "import os;e=os.environb;"
    f'p=e.get(b"{TRACK_FILE}");'
    f'p and open(p+b"{_VARIABLES}","wb").write(b"\\0".join('
    'n+b"="+e[n] for n in e if n.startswith((b"TRACKER_TRACK_",b"MAGNUS_TRACK_"))))'
)


def shell_command(script: str) -> list[str]:
    """Return the command that runs a script by ``/bin/sh``.

    What the script has exported is written down when its shell exits, also by ``exit``
    and by an error, but not when a signal ends it or when the script sets an ``EXIT``
    trap of its own. The exit code is that of the script.
    """
    told = join([sys.executable, "-I", "-S", "-c", _WRITER])
    return ["/bin/sh", "-c", f"trap {quote(told)} EXIT; {script}"]


class Leavings:
    """The files of one job.

    Args:
        folder: The journal of its run; None where nothing is recorded.

    Attributes:
        variables: What the job is told of them in its environment.
    """

    def __init__(self, folder: RunFolder | None) -> None:
        """Make them; where the disk refuses, there are none, which is warned of."""
        self.variables: dict[str, str] = {}
        if folder is None:
            return
        self._path = folder.path / "left" / new_writer_id()
        try:
            make_folder(self._path.parent)
            for path in self._paths():
                path.touch(mode=0o600)
        except OSError as error:
            warn("%s is not set: %s", TRACK_FILE, error)
        else:
            self.variables = {TRACK_FILE: str(self._path)}

    def collect(self, send: Callable[[MetricsBody], object]) -> None:
        """Send what was left as points of the root stream, and remove the files.

        What cannot be kept is warned of.
        """
        if not self.variables:
            return
        try:
            self._send_lines(send)
            variables = dict(_variables(self._paths()[1].read_bytes()))
            send_tracked_values(variables, "", send)
        except (OSError, TrackerError) as error:
            warn("what the job has left behind cannot be kept: %s", error)
        with suppress(OSError):
            for path in self._paths():
                path.unlink(missing_ok=True)
            self._path.parent.rmdir()

    def _paths(self) -> tuple[Path, Path]:
        return self._path, self._path.with_name(self._path.name + _VARIABLES)

    def _send_lines(self, send: Callable[[MetricsBody], object]) -> None:
        left_out: list[str] = []
        with self._path.open(encoding="utf-8", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    body = _point(line)
                except TrackerError as error:
                    left_out.append(f"line {number}: {error}")
                else:
                    if body is not None:
                        send(body)
        if left_out:
            count, first = len(left_out), left_out[0]
            warn("%d lines of %s are left out, such as %s", count, TRACK_FILE, first)


def _point(line: str) -> MetricsBody | None:
    """Return the point that a line means; None for a blank one."""
    if not line.strip():
        return None
    name, is_pair, text = line.partition("=")
    if not is_pair:
        message = f"{line.strip()!r} is no name=value"
        raise InvalidValueError(message)
    key, step, value = tracked_value(name.strip(), text.strip())
    return metrics_body({key: value}, step)


def _variables(told: bytes) -> Iterator[tuple[str, str]]:
    for pair in filter(None, told.split(b"\0")):
        name, _, text = os.fsdecode(pair).partition("=")
        yield name, text
