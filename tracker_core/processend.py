"""How a run that is opened from the environment ends with its process."""

import atexit
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from tracker_core.delivery.attempts import has_launcher
from tracker_core.journal.folders import RunFolder
from tracker_core.settings import home

if TYPE_CHECKING:
    from tracker_core.run import AppRun

__all__ = ["ProcessEnd"]

# How long a job that was told to end may still deliver; schedulers mostly give 30 s.
_GRACE_S = 5.0


class ProcessEnd:
    """Ends a run with its process, by what ended that: an exception, or SIGTERM.

    SIGTERM is the launcher's business where there is one. Else a handler records why
    the run ends before the process dies of it. Where there was a handler before, that
    one is called then, and if the job lives on, its last word counts.
    """

    def __init__(self, run: "AppRun") -> None:
        """Watch how the process ends."""
        # Loaded before they are needed: what is loaded after Ctrl-C may make Python
        # forget what it dies of, and the exit code would be 1.
        import tracker_core.ends
        import tracker_core.trackvars  # noqa: F401

        self._run = run
        self._error: BaseException | None = None
        self._hook = sys.excepthook
        sys.excepthook = self._note
        atexit.register(self._finish)
        self._previous: object = None
        self._pid = os.getpid()
        if threading.current_thread() is threading.main_thread():
            self._watch_for_termination(run)

    def _watch_for_termination(self, run: "AppRun") -> None:
        previous = signal.getsignal(signal.SIGTERM)
        is_usable = previous is signal.SIG_DFL or callable(previous)
        if is_usable and not has_launcher(RunFolder.of(home(), run.id)):
            self._previous = previous
            signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        is_ours = os.getpid() == self._pid
        if callable(self._previous):
            if is_ours:
                self._run.terminate(number)
            self._previous(number, frame)
            return
        if is_ours:
            self._run.terminate(number, _GRACE_S)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _note(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        self._error = error
        self._hook(kind, error, trace)

    def _finish(self) -> None:
        # Does nothing in a forked child that reaches its own exit. The hook can also be
        # called to show an error that was dealt with; Python keeps the one that it died
        # of.
        error = self._error
        if error is not getattr(sys, "last_value", None):
            error = None
        self._run.__exit__(type(error) if error else None, error, None)
