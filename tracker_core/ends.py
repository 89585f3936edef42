"""How a run ends, and why."""

import signal
from collections.abc import Mapping

from tracker_core.errors import InvalidValueError
from tracker_core.records import EndedBody, Role
from tracker_core.redaction import kept_text, known_secrets, redact
from tracker_core.values import Value, check_mapping

__all__ = [
    "LOST",
    "end_of_error",
    "end_of_exit_code",
    "end_of_signal",
    "ended_body",
    "exception_cause",
]

LOST = "lost"
"""The kind of cause of an end that nobody told of."""


_STATUSES = ("FINISHED", "FAILED", "KILLED")
_CRASHES = frozenset(
    {
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
# Those that a shell is believed to mean by 128 + n; a program may exit so by itself.
_DEADLY = _CRASHES | {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGKILL,
    signal.SIGPIPE,
    signal.SIGTERM,
    signal.SIGXCPU,
}


def ended_body(
    status: str, cause: Mapping[str, object] | None = None, role: Role = "job"
) -> EndedBody:
    """Check an end as a caller gave it.

    Raises:
        InvalidValueError: The status is none of FINISHED, FAILED, KILLED.
        UnsupportedTypeError: The cause is no mapping, or holds a type that is not kept.
    """
    if status not in _STATUSES:
        message = f"status is {status!r}; use {', '.join(_STATUSES)}"
        raise InvalidValueError(message)
    why = None if cause is None else check_mapping(cause, "cause")
    return EndedBody(role, str(status), why)


def end_of_error(error: BaseException | None) -> EndedBody:
    """Return how a block of a job ended that was left by ``error``.

    ``SystemExit`` with 0 or None, and the closing of a generator, are ordinary ends;
    ``KeyboardInterrupt`` kills; everything else fails.
    """
    if error is None or isinstance(error, GeneratorExit):
        return EndedBody("job", "FINISHED", None)
    if isinstance(error, SystemExit):
        return _end_of_exit(error)
    if isinstance(error, KeyboardInterrupt):
        return end_of_signal(signal.SIGINT)
    return EndedBody("job", "FAILED", exception_cause(error))


def end_of_exit_code(code: int) -> EndedBody:
    """Return how a process ended, as its launcher knows it.

    Args:
        code: The exit code; negative for the signal that killed it, as subprocess
            has it. 128 + n is what a shell says for the signal n.
    """
    if code == 0:
        return EndedBody("launcher", "FINISHED", None, 0)
    number = -code if code < 0 else code - 128
    if code > 0 and number not in _DEADLY:
        return EndedBody("launcher", "FAILED", _exit_cause(code), code)
    status = "FAILED" if number in _CRASHES else "KILLED"
    known = code if code > 0 else None
    return EndedBody("launcher", status, _signal_cause(number), known)


def end_of_signal(number: int) -> EndedBody:
    """Return how a job ends that is about to die of a signal."""
    return EndedBody("job", "KILLED", _signal_cause(number))


def exception_cause(error: BaseException) -> dict[str, Value]:
    """Return an exception as a cause: its type, message and traceback."""
    import traceback

    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    message = "".join(traceback.format_exception_only(error)).strip()
    return {
        "kind": "exception",
        "type": name,
        "message": _kept(message.removeprefix(name).removeprefix(": ")),
        "traceback": _kept("".join(traceback.format_exception(error))),
    }


def _end_of_exit(error: SystemExit) -> EndedBody:
    given: object = error.code
    # sys.exit("text") prints the text and exits with 1.
    code = int(given) if isinstance(given, int) else 0 if given is None else 1
    if code == 0:
        return EndedBody("job", "FINISHED", None)
    return EndedBody("job", "FAILED", _exit_cause(code))


def _exit_cause(code: int) -> dict[str, Value]:
    return {"kind": "exit_code", "exit_code": code}


def _signal_cause(number: int) -> dict[str, Value]:
    try:
        name = signal.Signals(number).name
    except ValueError:  # most real-time signals have a number alone
        name = f"SIG{number}"
    return {"kind": "signal", "signal": name, "number": int(number)}


def _kept(text: str) -> str:
    # What the job was handed for its backends must not be stored by them.
    return redact(kept_text(text), known_secrets())
