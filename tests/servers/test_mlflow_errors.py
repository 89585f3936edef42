"""Servers that refuse, are something else, or are not there."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow.entities import Run, RunData, RunInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import UNAUTHENTICATED

from tests.servers.mlflow_server import free_port
from tracker_core import AppRun
from tracker_core.errors import ConfigError, RetryableError
from tracker_core.identity import new_run_id
from tracker_core.journal.folders import run_folders
from tracker_core.records import MetadataBody
from tracker_core.testing.contract.pen import Pen
from tracker_mlflow import create
from tracker_mlflow.refusals import translated
from tracker_mlflow.server import Server

pytestmark = pytest.mark.one_python

_SECRET = "s3cr3t"  # noqa: S105 - it opens nothing


@contextmanager
def _answering(status: int, text: str = "") -> Iterator[str]:
    """Give the URI of a server that answers everything with one status and text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://me:{_SECRET}@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _launched(monkeypatch: pytest.MonkeyPatch, uri: str, on_error: str) -> None:
    monkeypatch.setenv("TRACKER_JOB_ID", new_run_id())
    monkeypatch.setenv("TRACKER_BACKENDS", "mlflow=tracker_mlflow:create")
    monkeypatch.setenv("TRACKER_MLFLOW_CONFIG", uri)
    monkeypatch.setenv("TRACKER_ON_ERROR", on_error)
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "0.1")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "refuses the credentials"),
        (403, "refuses the credentials"),
        (404, "check the tracking URI"),
    ],
)
def test_server_that_refuses_is_an_error_at_the_start(
    monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    """It says what to set, and no password."""
    with _answering(status) as uri:
        _launched(monkeypatch, uri, "raise")
        with pytest.raises(ConfigError, match=told) as raised:
            AppRun.run_from_env()

    assert _SECRET not in str(raised.value)


def test_server_that_is_too_old_is_an_error_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says which version there is, and which is needed."""
    with _answering(200, "1.30.0\n") as uri:
        _launched(monkeypatch, uri, "raise")
        with pytest.raises(ConfigError, match=r"version 1\.30\.0.*2\.0 or later"):
            AppRun.run_from_env()


def test_host_that_nobody_knows_is_an_error_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No restart of a server ever brings it back."""
    _launched(monkeypatch, f"http://me:{_SECRET}@no-such-host.invalid:5000", "raise")
    with pytest.raises(ConfigError, match=r"no host has the name") as raised:
        AppRun.run_from_env()

    assert _SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(403, ConfigError), (404, RetryableError)]
)
def test_refused_artifact_is_no_outage(status: int, kind: type[Exception]) -> None:
    """Whoever may log but not upload is told of that."""
    with _answering(status) as uri:
        info = RunInfo("a", "0", "me", "RUNNING", 0, None, "active", f"{uri}/a")
        server = Server(uri)
        with pytest.raises(kind, match=str(status)), server.answering("keep it"):
            server.put(Run(info, RunData()), "a/b", b"c")


@pytest.mark.parametrize(
    ("is_known", "kind"), [(False, ConfigError), (True, RetryableError)]
)
def test_credentials_that_were_right_are_waited_for(
    is_known: bool,  # noqa: FBT001 - a case
    kind: type[Exception],
) -> None:
    """A token that is renewed in the middle of a job costs no record."""
    error = MlflowException("no", error_code=UNAUTHENTICATED)

    found = translated(error, "the server", "a batch", is_known=is_known)

    assert type(found) is kind
    assert "MLFLOW_TRACKING_TOKEN" in str(found)


@pytest.mark.parametrize("status", [401, 404, None])
def test_job_goes_on_where_errors_are_warnings(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    status: int | None,
) -> None:
    """It is warned of once, and all that it logs is kept for later."""
    with _answering(status or 200) as answering:
        uri = answering if status else f"http://me:{_SECRET}@127.0.0.1:{free_port()}"
        _launched(monkeypatch, uri, "warn")
        with caplog.at_level(logging.WARNING):
            run = AppRun.run_from_env()
            for step in range(10):
                run.log_metric("loss", 1.0, step=step)
            warned = len(caplog.records)
            run.finish()

    assert warned == 1
    assert _SECRET not in caplog.text
    (folder,) = run_folders(tmp_path / "tracker-home")
    assert folder.run_id == run.run_id


def test_server_that_is_not_there_is_an_outage() -> None:
    """It is told at once, though MLflow's own client would try for minutes."""
    tracker = create(f"http://me:{_SECRET}@127.0.0.1:{free_port()}")

    with pytest.raises(RetryableError, match="cannot be reached") as raised:
        tracker.write(Pen("r").log(MetadataBody({"a": 1})))

    assert _SECRET not in str(raised.value)
