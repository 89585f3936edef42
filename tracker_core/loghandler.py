"""Python's own logging, logged to a run.

::

    logging.getLogger().addHandler(LogHandler(run))

Not imported by a job that does not ask for it, since :mod:`logging` is heavy.
"""

import logging
import threading

from tracker_core.errors import RunEndedError
from tracker_core.redaction import kept_text
from tracker_core.run import AppRun

__all__ = ["LogHandler"]


class LogHandler(logging.Handler):
    """Logs records of :mod:`logging` to a run.

    The level is the nearest below: anything from ``WARNING`` to below ``ERROR`` is
    ``warn``. The metadata names the logger and the line, and holds type, message and
    traceback of an exception.

    Passed over are records that a thread makes while it hands something of the run to
    a backend – mostly those of the backend itself, which would bring forth each other
    without end – and what comes after the end of the run.

    Args:
        run: The run.
        level: The mildest level that is wanted, as :mod:`logging` has them.
    """

    def __init__(self, run: AppRun, level: int = logging.NOTSET) -> None:
        """Begin to log to ``run``."""
        super().__init__(level)
        self._run = run
        self._thread = threading.local()

    def handle(self, record: logging.LogRecord) -> bool:
        """Log one record that the filters let through; threads do so side by side.

        A run may be shared by threads. The lock that other handlers take here would be
        held by one thread that waits for a backend, while another one, within that
        backend, waits for it.
        """
        found: object = self.filter(record)  # since Python 3.12 maybe a record
        if found:
            self.emit(found if isinstance(found, logging.LogRecord) else record)
        return bool(found)

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        channel = self._run._channel  # noqa: SLF001 - as any part of the run uses it
        if channel.is_busy or getattr(self._thread, "is_busy", False):
            return
        self._thread.is_busy = True
        try:
            self._run.log(
                kept_text(record.getMessage()), _level(record), _about(record)
            )
        except RunEndedError:  # the logging of the program outlives the run
            pass
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)
        finally:
            self._thread.is_busy = False


def _level(record: logging.LogRecord) -> str:
    number = record.levelno
    if number >= logging.CRITICAL:
        return "fatal"
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


def _about(record: logging.LogRecord) -> dict[str, object]:
    from tracker_core.ends import exception_cause

    about: dict[str, object] = {
        "logger": kept_text(record.name),
        "file": kept_text(record.filename),
        "line": record.lineno,
        "thread": kept_text(record.threadName or ""),
    }
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        about["exception"] = exception_cause(error)
    return about
