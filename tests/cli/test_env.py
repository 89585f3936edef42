"""Tests of ``tracker env``."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.launcher import plan_launch

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


def test_env_is_what_run_would_set(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another launcher gets the variables of a launch, but for the attempt."""
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", "runs.db")
    options = ("--run-id", "x", "--experiment", "iris", "--group", "g", "--parent", "p")

    done = tracker("env", *options, "--trackers", "sqlite", "--secrets", "--json")

    launch = plan_launch(
        os.environ,
        run_id="x",
        experiment="iris",
        group_id="g",
        parent_run_id="p",
        trackers="sqlite",
    )
    expected = launch.variables() | launch.configs()
    assert done.json == {"version": 1, "environment": expected, "unset": []}
    assert done.code == 0
    assert expected["TRACKER_SQLITE_CONFIG"] == "runs.db"


def test_env_makes_an_id(tracker: "Cli") -> None:
    """Each call is a run of its own."""
    ids = {tracker("env", "--json").json["environment"]["TRACKER_JOB_ID"] for _ in "ab"}  # type: ignore[index]  # a JSON object

    assert len(ids) == 2


def test_env_keeps_secrets_to_itself(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configs are printed on request only, and their absence is said."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", "hunter22")

    done = tracker("env")

    assert done.code == 0
    assert "hunter22" not in done.out + done.err
    assert done.err == (
        "tracker: left out TRACKER_FSSPEC_CONFIG, which may hold secrets; "
        "--secrets prints all\n"
    )


def test_env_is_read_by_a_shell(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a value holds, a shell that evaluates the lines has exactly it."""
    nasty = 'it\'s $HOME `ls` \\ "q"\nnext\x1b'
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", nasty)
    monkeypatch.setenv("TRACKER_GROUP", "old")
    lines = tracker("env", "--experiment", nasty, "--secrets").out
    script = f'{lines}\nprintf %s "$TRACKER_SQLITE_CONFIG$TRACKER_EXPERIMENT"'

    done = subprocess.run(
        ("sh", "-c", script), capture_output=True, text=True, check=True
    )

    assert done.stdout == nasty + nasty


def test_env_unsets_what_is_stale(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that evaluates the lines keeps nothing of a run around it."""
    monkeypatch.setenv("TRACKER_JOB_ID", "outer")
    monkeypatch.setenv("TRACKER_ATTEMPT", "3")

    done = tracker("env")

    assert done.out.startswith("unset TRACKER_ATTEMPT\nexport TRACKER_JOB_ID=01")
    assert "export TRACKER_PARENT_RUN_ID=outer\n" in done.out


@pytest.mark.parametrize("options", [("--run-id", ""), ("--trackers", ",")])
def test_env_refuses_what_is_empty(tracker: "Cli", options: tuple[str, str]) -> None:
    """A mistake is one line and exit code 2, and nothing is printed."""
    done = tracker("env", *options)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("tracker: ")


def test_env_keeps_bytes_that_no_encoding_has(place: Path) -> None:
    """A folder's name need be no text; the shell is given the very bytes."""
    folder = os.fsencode(place) + b"/h\xff"

    done = subprocess.run(
        [sys.executable, "-m", "tracker_core", "env"],
        env={**os.environb, b"TRACKER_HOME": folder},
        capture_output=True,
        check=True,
    )

    assert b"export TRACKER_HOME='" + folder + b"'\n" in done.stdout
