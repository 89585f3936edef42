"""A store that MLflow opens itself, without a server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_python

_COMMAND = (sys.executable, "-m", "tracker_core")
_JOB = """
from tracker_core import AppRun
run = AppRun.run_from_env()
run.log_params({"lr": 0.1, "n": 3})
run.log_metric("loss", 0.5, step=1)
run.log_text("note.txt", "hello")
"""


def test_local_store_keeps_runs(tmp_path: Path) -> None:
    """In a database beside which the files of artifacts lie."""
    environment = {
        **os.environ,
        "TRACKER_BACKENDS": "sqlite,mlflow",
        "TRACKER_MLFLOW_CONFIG": "sqlite:///runs.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*_COMMAND, *arguments],
            env=environment,
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    run("run", "--experiment", "iris", "--", sys.executable, "-c", _JOB)

    assert "is the same in sqlite and mlflow" in run("verify", "@last")
    assert (tmp_path / "runs.db").exists()
    assert len(list(tmp_path.glob("mlruns/**/note.txt"))) == 1
