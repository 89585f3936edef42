"""Object stores that cannot be used: said at once, by whatever they fail."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tracker_core.errors import ConfigError, RetryableError
from tracker_core.run import AppRun
from tracker_fsspec import create
from tracker_fsspec.remotes import with_patience

pytest.importorskip("s3fs", reason="needs s3fs")

pytestmark = pytest.mark.one_python

SOON_S = 10.0
REFUSALS = {
    "unknown-key": (403, "InvalidAccessKeyId", "The key does not exist"),
    "wrong-secret": (403, "SignatureDoesNotMatch", "The signature does not match"),
    "no-rights": (403, "AccessDenied", "Access Denied"),
    "no-bucket": (404, "NoSuchBucket", "The specified bucket does not exist"),
}


class Refusing(BaseHTTPRequestHandler):
    """Refuses whatever it is asked, for the reason that the bucket names."""

    def _refuse(self) -> None:
        reason = self.path.strip("/").partition("/")[0].partition("?")[0]
        if reason == "read-only":
            reason = "no-rights" if self.command == "PUT" else "nothing"
        status, code, message = REFUSALS.get(reason, (200, "", ""))
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        if status == 200:
            body = "<ListBucketResult></ListBucketResult>"
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    # What the server calls for each kind of request.
    do_GET = do_PUT = do_HEAD = do_DELETE = _refuse  # noqa: N815 - not our names

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """Give the address of a server that refuses all."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of a server that takes calls and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def config(endpoint: str, bucket: str = "bucket", **options: object) -> str:
    """Return a config with credentials that no message may show."""
    told = {"key": "hidden-1", "secret": "hidden-2", "endpoint_url": endpoint}
    return json.dumps({"url": f"s3://{bucket}/runs", **told, **options})


@pytest.mark.parametrize("bucket", REFUSALS)
def test_refusal_is_said_with_its_remedy(refusing: str, bucket: str) -> None:
    """Credentials, rights, bucket: each is named, and no secret is."""
    remedy = "correct its name" if bucket == "no-bucket" else "check the credentials"

    with pytest.raises(ConfigError, match=remedy) as caught:
        create(config(refusing, bucket))

    assert f"s3://{bucket}/runs" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_server_that_is_not_there_is_said_soon() -> None:
    """Nobody listens at the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    begun = time.monotonic()

    with pytest.raises(ConfigError, match="check location, endpoint and network"):
        create(config(f"http://127.0.0.1:{port}"))

    assert time.monotonic() - begun < SOON_S


def test_server_that_does_not_answer_is_said_soon(silent: str) -> None:
    """It is waited for some eight seconds."""
    begun = time.monotonic()

    with pytest.raises(ConfigError, match="does not answer within 8 s"):
        create(config(silent))

    assert time.monotonic() - begun < SOON_S


def test_run_raises_at_its_start_where_a_store_is_away(
    refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is what the default policy is for."""
    monkeypatch.setenv("TRACKER_JOB_ID", "run")
    monkeypatch.setenv("TRACKER_BACKENDS", "fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", config(refusing, "no-rights"))

    with pytest.raises(ConfigError, match="check the credentials"):
        AppRun.run_from_env()


def test_run_raises_at_its_start_where_it_may_not_write(
    refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading alone is no use to it; to others it is, so opening is no error."""
    monkeypatch.setenv("TRACKER_JOB_ID", "run")
    monkeypatch.setenv("TRACKER_BACKENDS", "fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", config(refusing, "read-only"))
    assert list(create(config(refusing, "read-only")).runs()) == []

    with pytest.raises(RetryableError, match="Permission denied"):
        AppRun.run_from_env()


def test_run_is_journaled_where_a_store_is_away_and_that_is_a_warning(
    refusing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning; the records wait for ``tracker sync``."""
    from tracker_core.delivery.overview import backend_states
    from tracker_core.journal.folders import RunFolder
    from tracker_core.settings import home

    monkeypatch.setenv("TRACKER_JOB_ID", "run")
    monkeypatch.setenv("TRACKER_BACKENDS", "fsspec")
    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", config(refusing, "no-rights"))

    run = AppRun.run_from_env()
    run.log_metric("loss", 0.5)
    run.finish()

    (warning,) = caplog.records
    assert "check the credentials" in warning.getMessage()
    (state,) = backend_states(RunFolder.of(home(), "run"))
    assert (state.backend, state.pending > 0) == ("fsspec", True)


def test_options_of_the_user_come_before_ours() -> None:
    """Those that bound the waiting are defaults, of S3 alone."""
    given = {"config_kwargs": {"read_timeout": 60, "signature_version": "s3v4"}}

    found = with_patience("s3", given)["config_kwargs"]

    assert isinstance(found, dict)
    assert (found["read_timeout"], found["connect_timeout"]) == (60, 3)
    assert found["signature_version"] == "s3v4"
    assert with_patience("memory", {}) == {}
