"""How ends are told apart."""

import asyncio
import os
import signal
from typing import cast

import pytest

from tracker_core.ends import (
    end_of_error,
    end_of_exit_code,
    ended_body,
    exception_cause,
)
from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.records import EndedBody


def test_ended_body_keeps_what_it_is_given() -> None:
    """Status, cause and role come through."""
    body = ended_body("FAILED", {"kind": "time_limit"}, "launcher")

    assert body == EndedBody("launcher", "FAILED", {"kind": "time_limit"})


@pytest.mark.parametrize("status", ["finished", "RUNNING", "PENDING", "", None, 1])
def test_ended_body_refuses_another_status(status: object) -> None:
    """A run ends in one of three ways."""
    with pytest.raises(InvalidValueError, match="use FINISHED, FAILED, KILLED"):
        ended_body(cast("str", status))


@pytest.mark.parametrize("cause", ["time", {"kind": object()}, {1: "x"}])
def test_ended_body_refuses_a_cause_that_cannot_be_kept(cause: object) -> None:
    """A cause is a mapping of JSON values."""
    with pytest.raises(UnsupportedTypeError, match="cause"):
        ended_body("FAILED", cast("dict[str, object]", cause))


@pytest.mark.parametrize(
    "error",
    [None, GeneratorExit(), SystemExit(), SystemExit(0), SystemExit(*[False])],
)
def test_end_of_error_finishes(error: BaseException | None) -> None:
    """Leaving in an ordinary way is no failure."""
    assert end_of_error(error) == EndedBody("job", "FINISHED", None)


class Odd:
    """Something that cannot be compared."""

    def __eq__(self, other: object) -> bool:
        """Fail, as arrays do in a condition."""
        raise ValueError

    __hash__ = None  # type: ignore[assignment]  # as Python has it for such a class


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [(3, 3), (True, 1), ("text", 1), (0.0, 1), ((), 1), (-1, -1), (Odd(), 1)],
)
def test_end_of_error_fails_by_an_exit_code(code: object, exit_code: int) -> None:
    """The code is the one with which Python leaves."""
    body = end_of_error(SystemExit(code))

    assert body.status == "FAILED"
    assert body.cause == {"kind": "exit_code", "exit_code": exit_code}


def test_end_of_error_kills_by_an_interrupt() -> None:
    """Ctrl-C is a signal."""
    body = end_of_error(KeyboardInterrupt())

    assert (body.role, body.status) == ("job", "KILLED")
    assert body.cause == {"kind": "signal", "signal": "SIGINT", "number": 2}


@pytest.mark.parametrize(
    "error", [ValueError("no"), asyncio.CancelledError(), MemoryError()]
)
def test_end_of_error_fails_by_anything_else(error: BaseException) -> None:
    """The cause is the exception."""
    body = end_of_error(error)

    assert (body.role, body.status) == ("job", "FAILED")
    assert body.cause is not None
    assert body.cause["kind"] == "exception"


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        (0, "FINISHED", None),
        (1, "FAILED", {"kind": "exit_code", "exit_code": 1}),
        (127, "FAILED", {"kind": "exit_code", "exit_code": 127}),
        (128, "FAILED", {"kind": "exit_code", "exit_code": 128}),
        (255, "FAILED", {"kind": "exit_code", "exit_code": 255}),
        (-9, "KILLED", {"kind": "signal", "signal": "SIGKILL", "number": 9}),
        (-15, "KILLED", {"kind": "signal", "signal": "SIGTERM", "number": 15}),
        (137, "KILLED", {"kind": "signal", "signal": "SIGKILL", "number": 9}),
        (-11, "FAILED", {"kind": "signal", "signal": "SIGSEGV", "number": 11}),
        (139, "FAILED", {"kind": "signal", "signal": "SIGSEGV", "number": 11}),
    ],
)
def test_end_of_exit_code_tells_signals(
    code: int, status: str, cause: dict[str, object] | None
) -> None:
    """A crash fails, another signal kills, in the words of subprocess and of shells."""
    body = end_of_exit_code(code)

    assert (body.role, body.status, body.cause) == ("launcher", status, cause)


@pytest.mark.parametrize(
    "number", [signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMAX - 1]
)
def test_end_of_exit_code_knows_every_signal(number: int) -> None:
    """A negative code is a signal, even one that has no name of its own."""
    body = end_of_exit_code(-number)

    assert body.status == "KILLED"
    assert body.cause is not None
    assert (body.cause["kind"], body.cause["number"]) == ("signal", int(number))


@pytest.mark.parametrize("code", [128 + signal.SIGUSR1, 128 + signal.SIGRTMAX - 1])
def test_end_of_exit_code_leaves_programs_their_own_codes(code: int) -> None:
    """Above 128 only the signals that end programs every day are meant."""
    cause = end_of_exit_code(code).cause

    assert cause == {"kind": "exit_code", "exit_code": code}


def raised(error: Exception) -> Exception:
    """Give the error a traceback."""
    with pytest.raises(type(error)) as found:
        raise error
    return found.value


def test_exception_cause_has_type_message_and_traceback() -> None:
    """A built-in goes by its bare name; the traceback leads to the line."""
    cause = exception_cause(raised(ValueError("no such layer")))

    assert (cause["kind"], cause["type"]) == ("exception", "ValueError")
    assert cause["message"] == "no such layer"
    assert "raise error" in str(cause["traceback"])


def test_exception_cause_names_the_module_of_others() -> None:
    """The class can be found by its name."""
    cause = exception_cause(InvalidValueError("bad"))

    assert cause["type"] == "tracker_core.errors.InvalidValueError"
    assert cause["message"] == "bad"


def test_exception_cause_without_a_message_is_empty() -> None:
    """An exception need not say anything."""
    assert exception_cause(ValueError())["message"] == ""


def test_exception_cause_hides_credentials() -> None:
    """A traceback goes to every backend, so it shows no password."""
    error = ValueError("no login at db://me:hunter2@host")

    cause = exception_cause(raised(error))

    assert "hunter2" not in str(cause)


def test_exception_cause_survives_what_cannot_be_kept() -> None:
    """Lone surrogates, as in undecodable file names, are spelled out."""
    cause = exception_cause(FileNotFoundError(os.fsdecode(b"\xff")))

    assert cause["message"] == "\\udcff"


class UnspeakableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError


def test_exception_cause_survives_an_error_that_cannot_be_shown() -> None:
    """The end of a run is recorded whatever ended it."""
    assert "UnspeakableError" in str(exception_cause(UnspeakableError())["type"])


def test_cause_holds_no_config_of_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that quotes what its backend was given is stored without it."""
    monkeypatch.setenv("TRACKER_LAKE_CONFIG", "apikey=hunter2-and-more;host=db")
    monkeypatch.setenv("TORCHX_TRACKER_OTHER_CONFIG", "another secret")

    cause = exception_cause(
        ValueError("lost apikey=hunter2-and-more;host=db, another secret")
    )

    assert cause["message"] == "lost ***, ***"
    assert "hunter2" not in str(cause["traceback"])
