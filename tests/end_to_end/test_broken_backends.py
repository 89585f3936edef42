"""A backend that hangs, one that fails and one that works, under one job."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_JOB = """
import sys
from tracker_core import AppRun
run = AppRun.run_from_env()
for step in range(300):
    run.log_metric("loss", 1 / (step + 1), step=step)
run.log_text("note", "kept")
print("the result")
sys.exit(7)
"""
_FAULTS = "tracker_core.testing.faults:create"
_COMMAND = (sys.executable, "-m", "tracker_core")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Configure three backends, two of which do not work until a file is there."""

    def config(fault: str) -> str:
        inner = {"sqlite": str(tmp_path / f"{fault}.db")}
        until = str(tmp_path / "mended")
        return json.dumps({"fault": fault, "until": until, "inner": inner})

    return {
        **os.environ,
        "TRACKER_HOME": str(tmp_path / "home"),
        "TRACKER_BACKENDS": f"sqlite,hanging={_FAULTS},failing={_FAULTS}",
        "TRACKER_HANGING_CONFIG": config("hang"),
        "TRACKER_FAILING_CONFIG": config("fail"),
        "TRACKER_CLOSE_TIMEOUT": "5",
    }


def _run(
    environ: dict[str, str], *command: str, codes: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode in codes, done.stderr
    return done


def _states(environ: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    done = _run(environ, *_COMMAND, "status", "@last", "--json")
    for run in json.loads(done.stdout)["runs"]:
        for backend in run["backends"]:
            yield backend["backend"], backend["state"], backend["pending"]


@pytest.mark.parametrize("is_launched", [True, False], ids=["launched", "alone"])
def test_job_and_healthy_backend_do_not_feel_the_broken_ones(
    environ: dict[str, str], tmp_path: Path, *, is_launched: bool
) -> None:
    """They are caught up once they are mended, and hold the same."""
    job = (sys.executable, "-c", _JOB)
    if is_launched:
        done = _run(environ, *_COMMAND, "run", "--", *job, codes=(7,))
    else:
        done = _run({**environ, "TRACKER_JOB_ID": "r"}, *job, codes=(7,))
    assert done.stdout == "the result\n"
    assert "'failing' failed: RetryableError" in done.stderr
    assert "'hanging' has not taken" in done.stderr

    found = {name: (state, pending) for name, state, pending in _states(environ)}
    assert found["sqlite"] == ("delivered", 0)
    assert found["hanging"][0] == found["failing"][0] == "waiting"
    assert found["hanging"][1] == found["failing"][1] > 300

    (tmp_path / "mended").touch()
    _run(environ, *_COMMAND, "sync")
    assert {(state, due) for _, state, due in _states(environ)} == {("delivered", 0)}
    _run(environ, *_COMMAND, "verify", "@last")


def test_sync_says_what_is_left(environ: dict[str, str]) -> None:
    """It gives up what does not answer, and does the rest."""
    environ["TRACKER_MODE"] = "offline"
    _run({**environ, "TRACKER_JOB_ID": "r"}, sys.executable, "-c", _JOB, codes=(7,))
    environ["TRACKER_MODE"] = "on"

    done = _run(environ, *_COMMAND, "sync", "r", "--timeout", "4", codes=(1,))

    failing, hanging, healthy = sorted(done.stdout.splitlines())
    assert "0 records delivered" in failing
    assert "left: RetryableError: planned to fail" in failing
    assert "0 records delivered" in hanging
    assert " left: " in hanging
    assert "r to sqlite: " in healthy
    assert "left" not in healthy


def test_backend_that_is_added_later_is_filled(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """From the journal while it is whole; afterwards from another backend."""
    environ["TRACKER_BACKENDS"] = f"failing={_FAULTS}"
    environ["TRACKER_CLOSE_TIMEOUT"] = "0"
    _run({**environ, "TRACKER_JOB_ID": "r"}, sys.executable, "-c", _JOB, codes=(7,))

    _run(environ, *_COMMAND, "sync", "r", "--to", "sqlite")
    (tmp_path / "mended").touch()
    _run(environ, *_COMMAND, "sync", "r")
    both = {**environ, "TRACKER_BACKENDS": f"sqlite,failing={_FAULTS}"}
    _run(both, *_COMMAND, "verify", "r")

    environ["TRACKER_LATE_CONFIG"] = str(tmp_path / "late.db")
    late = f"sqlite,late=tracker_sqlite:create,failing={_FAULTS}"
    environ["TRACKER_BACKENDS"] = late
    done = _run(environ, *_COMMAND, "sync", "r", "--to", "late")
    assert "records copied from" in done.stdout
    both["TRACKER_BACKENDS"] = "sqlite,late=tracker_sqlite:create"
    both["TRACKER_LATE_CONFIG"] = environ["TRACKER_LATE_CONFIG"]
    _run(both, *_COMMAND, "verify", "r")


def test_dead_letters_are_shown_and_sent_again(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """What is taken then is dead no more."""
    config = json.loads(environ["TRACKER_FAILING_CONFIG"])
    environ["TRACKER_FAILING_CONFIG"] = json.dumps({**config, "fault": "refuse"})
    environ["TRACKER_BACKENDS"] = f"sqlite,failing={_FAULTS}"
    environ["TRACKER_ON_ERROR"] = "warn"
    _run({**environ, "TRACKER_JOB_ID": "r"}, sys.executable, "-c", _JOB, codes=(7,))

    shown = _run(environ, *_COMMAND, "status", "--dead").stdout
    assert "metrics" in shown
    done = _run(environ, *_COMMAND, "sync", "r", "--retry-dead", codes=(1,))
    assert "refused again" in done.stdout

    (tmp_path / "mended").touch()
    _run(environ, *_COMMAND, "sync", "r", "--retry-dead")

    assert "nothing is refused" in _run(environ, *_COMMAND, "status", "--dead").stdout
    _run(environ, *_COMMAND, "verify", "r")
