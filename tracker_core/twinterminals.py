"""A terminal for a job that stands for the real one, as far as output goes.

The job's keys still come from the real terminal, to which it belongs. What is written
to the twin is to be written to the real one; the twin has its size and its settings,
and what a program changes in those of the twin is changed in the real one: so a
full-screen program, which turns echo off through its output, works as without a twin.
Nothing is changed while another job has the real terminal in front.

A pager reads keys from the terminal that its output leads to, which is the twin. So
while the twin gives each key at once, and a process has opened it to read from it,
what is typed at the real one is typed into the twin.

The twin tells of such changes by packet mode, see ``tty_ioctl(4)``: what is read begins
with a byte, zero before output.
"""

import errno
import fcntl
import os
import select
import stat
import struct
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Twin", "is_read", "open_twin"]

# Only with it are changes of the settings told; the bit itself is for input alone.
_TELLS = 0o200000
_OUTPUT, _LOCAL = 1, 3
# TIOCGPTN of Linux.
_TELL_NUMBER = 0x80045430
_LOOK_EACH_S = 0.2
_ENDS_LINES = termios.OPOST | termios.ONLCR


def open_twin(real: int) -> tuple[int, int]:
    """Return the end to read from, and the one for the job.

    Args:
        real: The descriptor of a terminal.

    Raises:
        OSError: There is no terminal left.
    """
    reader, job = os.openpty()
    with suppress(OSError, termios.error):
        termios.tcsetwinsize(job, termios.tcgetwinsize(real))
        termios.tcsetattr(job, termios.TCSANOW, _telling(termios.tcgetattr(real)))
        fcntl.ioctl(reader, termios.TIOCPKT, struct.pack("i", 1))
    return reader, job


class Twin:
    """The end of a twin that is read from.

    Args:
        reader: Its descriptor.
        real: That of the real terminal.
    """

    def __init__(self, reader: int, real: int) -> None:
        """Both have the same size and settings."""
        self._reader = reader
        self._real = real
        self._size = _size_of(real)
        # A job that is quick may have changed those of the twin already.
        settings = _settings_of(real)
        self._settings = None if settings is None else _telling(settings)
        self._typist: threading.Thread | None = None
        self._types = threading.Event()

    def stop(self) -> None:
        """Type nothing into it any more; nobody reads from it."""
        self._types.clear()
        if self._typist is not None:
            self._typist.join()

    def read(self, size: int) -> bytes | None:
        """Return what was written, as it was written; nothing at the end.

        None where it was something else that was told.

        Raises:
            OSError: It cannot be read.
        """
        try:
            data = os.read(self._reader, size + 1)
        except OSError as error:
            # How Linux says that nobody can write any more.
            if error.errno == errno.EIO:
                return b""
            raise
        if data[:1] != b"\0":
            if data:
                self._adopt_settings()
                return None
            return b""
        data = data[1:]
        if self._settings and _has(self._settings[_OUTPUT], _ENDS_LINES):
            # The real one does it, once.
            data = data.replace(b"\r\n", b"\n")
        return data

    def adopt_size(self, number: int, _frame: FrameType | None = None) -> None:
        """Take over the size of the real one, in a handler of SIGWINCH.

        Who asks for the size because of the same signal may have been too early, so
        all of the process group get it again, once.
        """
        size = _size_of(self._real)
        if size is not None and size != self._size:
            self._size = size
            with suppress(OSError, termios.error):
                termios.tcsetwinsize(self._reader, size)
                os.kill(0, number)

    def _adopt_settings(self) -> None:
        before, self._settings = self._settings, _settings_of(self._reader)
        if self._settings is None or self._settings == before:
            return
        settings = [*self._settings]
        settings[_LOCAL] &= ~_TELLS
        with suppress(OSError, termios.error):
            if os.tcgetpgrp(self._real) == os.getpgrp():
                termios.tcsetattr(self._real, termios.TCSADRAIN, settings)
        is_by_line = settings[_LOCAL] & termios.ICANON
        if is_by_line:
            self._types.clear()
        elif not self._types.is_set():
            self.stop()
            self._types.set()
            self._typist = threading.Thread(target=self._type, name="tracker-typist")
            self._typist.start()

    def _type(self) -> None:
        """Type what is typed at the real terminal, for as long as somebody reads it."""
        if not is_read(self._reader):
            self._types.clear()
        with suppress(OSError):
            while self._types.is_set():
                ready, _, _ = select.select([self._real], [], [], _LOOK_EACH_S)
                is_mine = os.tcgetpgrp(self._real) == os.getpgrp()
                if ready and is_mine and self._types.is_set():
                    os.write(self._reader, os.read(self._real, 1024))
                elif ready:
                    time.sleep(_LOOK_EACH_S)


def is_read(reader: int) -> bool:
    """Tell whether a process has a twin open to read keys from it.

    The outputs of the job and copies of them, as ``exec 3>&1`` makes one, are open to
    be written, and are none, unless one is somebody's input.

    Args:
        reader: The end of the twin that is read from.
    """
    with suppress(OSError):
        number = struct.unpack("i", fcntl.ioctl(reader, _TELL_NUMBER, bytes(4)))[0]
        for found in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):
                # A path object would look at what the name leads to.
                if os.readlink(found) == f"/dev/pts/{number}":  # noqa: PTH115 - as is
                    is_to_write = found.lstat().st_mode & stat.S_IWUSR
                    if found.name == "0" or not is_to_write:
                        return True
    return False


def _size_of(terminal: int) -> tuple[int, int] | None:
    try:
        return termios.tcgetwinsize(terminal)
    except (OSError, termios.error):
        return None


def _settings_of(terminal: int) -> list[Any] | None:
    try:
        return termios.tcgetattr(terminal)
    except (OSError, termios.error):
        return None


def _telling(settings: list[Any]) -> list[Any]:
    """Return settings whose changes are told."""
    found = [*settings]
    found[_LOCAL] |= _TELLS
    return found


def _has(flags: int, wanted: int) -> bool:
    return flags & wanted == wanted
