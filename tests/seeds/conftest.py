"""The stores on which the snippets of other systems' documents have their equivalent.

Each test runs on memory and on sqlite, configured as a user configures them: what the
test logs, what the environment names and what the command reads is one store.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unmeasured import unmeasured
from tracker_core.api import NativeTracker
from tracker_core.delivery.journaled import close_all
from tracker_core.plain import native
from tracker_core.registry import build_trackers

__all__ = ["unmeasured"]

COMMAND = (sys.executable, "-m", "tracker_core")


@pytest.fixture(params=["memory", "sqlite"])
def backend(request: pytest.FixtureRequest) -> str:
    """Name the backend."""
    name: str = request.param
    return name


@pytest.fixture
def config(
    backend: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Configure the store in the environment; return the config of its backend."""
    config = request.node.nodeid if backend == "memory" else str(tmp_path / "runs.db")
    monkeypatch.setenv("TRACKER_BACKENDS", backend)
    monkeypatch.setenv(f"TRACKER_{backend.upper()}_CONFIG", config)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return config


@pytest.fixture
def tracker(backend: str, config: str) -> Iterator[NativeTracker]:
    """Open the store."""
    (made,) = build_trackers({backend: config})
    opened = native(made)
    yield opened
    close_all()
    opened.close()


@pytest.fixture
def command(backend: str, config: str) -> Callable[..., str]:
    """Give the ``tracker`` command; memory alone is asked in this process.

    It returns what the command printed, which ended well.
    """
    del config

    def run(*arguments: str) -> str:
        if backend == "memory":
            from tracker_core.cli import main

            done = CliRunner().invoke(
                main, arguments, prog_name="tracker", catch_exceptions=False
            )
            assert done.exit_code == 0, done.stderr
            return done.stdout
        process = subprocess.run(
            (*COMMAND, *arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    return run
