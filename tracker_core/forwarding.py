"""Signals that reach a launcher, on their way to the job."""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import subprocess
    from resource import struct_rusage

__all__ = ["Forwarding", "wait_for"]

_SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_ENDINGS = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM})
# A longer one may be more milliseconds than the system can count.
_LONGEST_WAIT_S = 3600.0
# Those that a key press sends to every process in front of the terminal.
_FROM_KEYS = frozenset({signal.SIGINT, signal.SIGQUIT})


class Forwarding:
    """Hands signals on to the job for as long as the block lasts.

    A signal that the launcher was told to ignore (``nohup`` does so) stays ignored, by
    the job too. What arrives before :meth:`begin` is handed on there. What arrives
    after :meth:`end` has nobody left to go to and is dropped, so that the second signal
    of a scheduler does not cost the record of the end; only Ctrl-C counts again.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        # The signals that have asked for the end, in their order.
        self.endings: list[int] = []
        self._previous = {
            number: handler
            for number in _SIGNALS
            if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
        }

    def __enter__(self) -> Self:
        for number in self._previous:
            signal.signal(number, self._hand_on)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def begin(self, process: "subprocess.Popen[bytes]") -> None:
        """Hand on to ``process`` from now on, and what has arrived before."""
        self._process = process
        for number in self._early:
            _send(process, number)
        self._early.clear()

    def job_id(self) -> int | None:
        """Return the id of the process that signals are handed on to, or None."""
        return None if self._process is None else self._process.pid

    def pause(self, seconds: float) -> None:
        """Wait, with no job to hand on to, until the time is over or the end is asked.

        What arrives meanwhile and asks for no end is handed on to the next process.
        """
        self._process = None
        deadline = time.monotonic() + seconds
        with _bell() as bell:
            ear = select.poll()
            ear.register(bell, select.POLLIN)
            while not self.endings and (left := deadline - time.monotonic()) > 0:
                if ear.poll(min(left, _LONGEST_WAIT_S) * 1000):
                    os.read(bell, 4096)

    def end(self) -> None:
        """Let Ctrl-C interrupt the launcher again; the job has ended."""
        if signal.SIGINT in self._previous:
            signal.signal(signal.SIGINT, self._previous.pop(signal.SIGINT))

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        if number in _ENDINGS:
            self.endings.append(number)
        if self._process is None:
            self._early.append(number)
        elif number not in _FROM_KEYS or not _is_in_front():
            # In front of a terminal the job has had the key press itself.
            _send(self._process, number)


def wait_for(process: "subprocess.Popen[bytes]") -> "struct_rusage":
    """Wait for the end of the job, and hand signals on meanwhile, each at once.

    A signal may reach another thread than the main one, which alone hands it on and
    would learn of it only when the job ends if it slept in ``waitpid``.

    Returns:
        What the job has used; the process has its ``returncode`` then.
    """
    with _bell() as bell:
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            os.read(bell, 4096)
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


@contextmanager
def _bell() -> Iterator[int]:
    """Give a file to read from until a signal comes, or the end of a child."""
    bell, rope = os.pipe()
    os.set_blocking(rope, False)
    ringing = signal.set_wakeup_fd(rope, warn_on_full_buffer=False)
    # Only a signal that is handled rings, and none that whoever started us blocks.
    previous = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    try:
        yield bell
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGCHLD, previous or signal.SIG_DFL)
        signal.set_wakeup_fd(ringing)
        os.close(bell)
        os.close(rope)


def _send(process: "subprocess.Popen[bytes]", number: int) -> None:
    # Popen.send_signal would ask whether the process has ended, and that question loses
    # what it has used. A job that has become another user's (sudo) takes no signals of
    # ours, and one that has just been waited for is no more.
    if process.returncode is None:
        with suppress(PermissionError, ProcessLookupError):
            os.kill(process.pid, number)


def _is_in_front() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    except OSError:  # there is no terminal, or it has gone
        return False
