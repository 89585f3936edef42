"""What the processes of these tests do with an MLflow server."""

import os
from pathlib import Path
from typing import NoReturn

import requests

from tests.crash.stores import deliver_rest
from tracker_mlflow import create

__all__ = ["BACKENDS", "DIED", "deliver_until", "environment"]

DIED = 77
BACKENDS = "mlflow=tracker_mlflow:create"


def environment(home: Path, uri: str, run_id: str) -> dict[str, str]:
    """Return the variables that lead a job to a server."""
    return {
        "TRACKER_HOME": str(home),
        "TRACKER_BACKENDS": BACKENDS,
        "TRACKER_MLFLOW_CONFIG": uri,
        "TRACKER_JOB_ID": run_id,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def deliver_until(home: Path, uri: str, last: int) -> NoReturn:
    """Deliver what is left in a journal, and die around the n-th request.

    Odd numbers die before the request of half the number is sent, even ones when it
    was answered.
    """
    left = last
    send = requests.Session.send

    def counted(*given: object, **more: object) -> requests.Response:
        nonlocal left
        left -= 1
        if not left:
            os._exit(DIED)
        answer = send(*given, **more)  # type: ignore[arg-type]  # as it was called
        left -= 1
        if not left:
            os._exit(DIED)
        return answer

    requests.Session.send = counted  # type: ignore[method-assign]  # in this process, which ends
    deliver_rest(home, {"mlflow": create(uri)})
    os._exit(0)
