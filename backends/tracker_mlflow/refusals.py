"""What MLflow's client raises, as errors that say whether trying again helps."""

import socket
from typing import Final

from mlflow.exceptions import MlflowException

from tracker_core.errors import ConfigError, PermanentError, RetryableError

__all__ = ["GONE", "is_missing", "is_refusal", "translated"]

GONE: Final = "RESOURCE_DOES_NOT_EXIST"
"""The error code of what is not there, or no more."""

_LONGEST_REASON = 300
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER_FAILS = 401, 403, 404, 500
_TRIED_AGAIN = (_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, 408, 429)


def translated(error: Exception, where: str, what: str, *, is_known: bool) -> Exception:
    """Return an error of ours.

    Args:
        error: What MLflow's client, or ``requests``, has raised.
        where: The server, for messages.
        what: What was done, for messages.
        is_known: Whether the server has taken something before. Credentials that were
            right then are being renewed, or what checks them is being restarted.

    Returns:
        A :class:`~tracker_core.errors.RetryableError` where waiting may help, else a
        :class:`~tracker_core.errors.ConfigError` of what has to be set otherwise, or a
        :class:`~tracker_core.errors.PermanentError` of what is never taken.
    """
    status = _status(error)
    if status is None:
        return _unanswered(error, where, what)
    if status in (_UNAUTHORIZED, _FORBIDDEN):
        message = (
            f"{where} refuses the credentials ({status}); set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN"
        )
        return RetryableError(message) if is_known else ConfigError(message)
    if not isinstance(error, MlflowException):
        return RetryableError(f"{where} answered {status} to {what}")
    if status == _NOT_FOUND and error.error_code != GONE:
        message = (
            f"{where} does not know what MLflow's client asks for ({status}); "
            "check the tracking URI, and that its version is at least 2.0"
        )
        return ConfigError(message)
    told = f"{where} answered {error.error_code} to {what}"
    if is_refusal(error):
        reason = str(error.message).partition("\n")[0][:_LONGEST_REASON]
        return PermanentError(f"{told}: {reason}")
    return RetryableError(told)


def is_refusal(error: MlflowException) -> bool:
    """Tell whether the server refused what it was given, and always will."""
    status = _status(error) or _SERVER_FAILS
    is_gone = error.error_code == GONE
    return status < _SERVER_FAILS and not is_gone and status not in _TRIED_AGAIN


def is_missing(error: Exception) -> bool:
    """Tell whether what was asked for is not there, or no more."""
    return isinstance(error, FileNotFoundError) or _status(error) == _NOT_FOUND


def _unanswered(error: Exception, where: str, what: str) -> Exception:
    if _names_nobody(error):
        return ConfigError(
            f"no host has the name in the tracking URI of {where}; check its spelling"
        )
    message = (
        f"{where} cannot be reached ({type(error).__name__}), so {what} waits; start "
        "it, or check the tracking URI"
    )
    return RetryableError(message)


def _status(error: Exception) -> int | None:
    """Return the status of the answer, if there was one."""
    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]  # it is
        return status
    answer = getattr(error, "response", None)
    return None if answer is None else int(answer.status_code)


def _names_nobody(error: BaseException | None) -> bool:
    """Tell whether a host name was looked up, and there is none such."""
    while error is not None and not isinstance(error, socket.gaierror):
        error = error.__context__
    return error is not None and error.errno == socket.EAI_NONAME
