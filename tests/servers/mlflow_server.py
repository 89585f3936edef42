"""A real MLflow server, as a process that tests start, stop and start again."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests
from sqlalchemy import NullPool, create_engine, text

__all__ = ["MlflowServer", "free_port"]

_PATIENCE = 120.0
_PAUSE = 0.1
_TABLES = (
    *("tags", "params", "metrics", "latest_metrics", "runs"),
    "experiments WHERE experiment_id > 0",
)
_ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # As for PostgreSQL; else each request opens the file of SQLite anew.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "QueuePool",
}


class MlflowServer:
    """A server on a loopback port, with the files of artifacts beside its database.

    Args:
        folder: Where its files lie.
        store: The URI of its database.
    """

    def __init__(self, folder: Path, store: str) -> None:
        """Choose a port; nothing is started."""
        self._folder = folder
        self._store = store
        self._port = free_port()
        self._engine = create_engine(store, poolclass=NullPool)
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self._port), "--workers", "1"]
        command += ["--backend-store-uri", self._store]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **_ENVIRONMENT},
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def stop(self) -> None:
        """End it and the processes that it started."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, 15)
            process.wait(_PATIENCE)

    def empty(self) -> None:
        """Take all runs, and all experiments but the first, out of its database."""
        with self._engine.begin() as connection:
            for table in _TABLES:
                connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - ours

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                text = (self._folder / "server.log").read_text(errors="replace")
                message = f"the MLflow server does not start:\n{text[-4000:]}"
                raise RuntimeError(message)
            time.sleep(_PAUSE)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.uri}/health", timeout=5).ok
        except requests.RequestException:
            return False


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
