"""What a job leaves behind for its launcher, whichever language it is written in."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tracker_core.api import NativeTracker
from tracker_core.delivery.base import Target
from tracker_core.journal.folders import run_folders
from tracker_core.launcher import launch_job
from tracker_core.launches import plan_launch
from tracker_core.leavings import shell_command
from tracker_core.runlog import run_log
from tracker_core.values import Value

TOLD = "$TRACKER_TRACK_FILE"


@pytest.fixture(autouse=True)
def place(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder whose home is beside all else; return it."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "home"))
    return place


def launched(store: NativeTracker, command: list[str]) -> int:
    """Launch a command as the run ``r``; return its code."""
    launch = plan_launch(os.environ, run_id="r")
    return launch_job(launch, [Target("store", store)], command, os.environ)


def values_in(store: NativeTracker, series: str) -> list[tuple[int | None, Value]]:
    """Give steps and values of a series."""
    return [(point.step, point.value) for point in store.points("r", series)]


def test_lines_are_points_in_their_order(store: NativeTracker, place: Path) -> None:
    """Each is what a variable of that name would be, and the file is removed."""
    script = (
        f'echo answer=42 >> "{TOLD}"\n'
        f'echo " loss_STEP_3 = 0.25" >> "{TOLD}"\n'
        f'printf "\\n\\nloss_STEP_3=0.125\\r\\n" >> "{TOLD}"\n'
        f'printf "word=a=b" >> "{TOLD}"\n'
    )

    launched(store, ["sh", "-c", script])

    assert values_in(store, "answer") == [(0, 42)]
    assert values_in(store, "loss") == [(3, 0.25), (3, 0.125)]
    assert values_in(store, "word") == [(0, "a=b")]
    (folder,) = run_folders(place / "home")
    assert not (folder.path / "left").exists()


def test_lines_of_a_job_that_is_killed_are_collected(store: NativeTracker) -> None:
    """It had no chance to do anything about them."""
    code = launched(store, ["sh", "-c", f'echo answer=42 >> "{TOLD}"; kill -9 $$'])

    assert code == 137
    assert values_in(store, "answer") == [(0, 42)]
    assert store.run("r").status != "FINISHED"


def test_lines_that_mean_nothing_are_told(
    store: NativeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are kept."""
    script = f'printf "a=1\\nnonsense\\n=2\\nb/=3\\nc=4\\n" >> "{TOLD}"'

    launched(store, ["sh", "-c", script])

    assert sorted(store.series("r")) == ["a", "c"]
    (message,) = caplog.messages
    assert message.startswith("3 lines of TRACKER_TRACK_FILE are left out, such as")
    assert "line 2: 'nonsense' is no name=value" in message


def test_file_that_the_job_removes_is_no_failure(
    store: NativeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """The run ends as the job did."""
    code = launched(store, ["sh", "-c", f'rm "{TOLD}"'])

    assert code == 0
    assert store.run("r").status == "FINISHED"
    assert "cannot be kept" in caplog.text


def test_shell_script_leaves_what_it_exports(store: NativeTracker) -> None:
    """The example of magnus gives what its document shows."""
    script = (
        "export MAGNUS_TRACK_spam=hello\n"
        'export MAGNUS_TRACK_eggs=\'{"ham": "world"}\'\n'
        "export MAGNUS_TRACK_answer=42.0\n"
    )

    code = launched(store, shell_command(script))

    document: dict[str, Any] = run_log(store, "r")
    (step,) = document["steps"].values()
    assert code == 0
    assert step["user_defined_metrics"] == {
        "eggs": {"ham": "world"},
        "answer": 42.0,
        "spam": "hello",
    }


@pytest.mark.parametrize(
    ("ending", "code"),
    [("", 0), ("exit 3", 3), ("set -e; false; true", 1), ("cd /; PATH=; exit 4", 4)],
)
def test_shell_script_is_heard_however_it_exits(
    store: NativeTracker, ending: str, code: int
) -> None:
    """Its exit code is its own."""
    script = f"export TRACKER_TRACK_x_STEP_2='two\nlines'\nTRACKER_TRACK_y=1\n{ending}"

    assert launched(store, shell_command(script)) == code
    assert values_in(store, "x") == [(2, "two\nlines")]
    assert "y" not in store.series("r")


def test_shell_names_the_lines_of_the_script(
    store: NativeTracker, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is put before it takes no line."""
    launched(store, shell_command("echo $0\nno-such-command\n"))

    assert "2: no-such-command" in capfd.readouterr().err.replace("line ", "")


def test_job_is_told_of_its_own_file(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a launcher around this one is another's, and is no value of the job."""
    monkeypatch.setenv("TRACKER_TRACK_FILE", "outer")
    code = (
        "import os; from tracker_core import AppRun\n"
        "run = AppRun.run_from_env()\n"
        "assert os.environ['TRACKER_TRACK_FILE'] != 'outer'\n"
    )

    assert launched(store, [sys.executable, "-c", code]) == 0
    assert store.series("r") == {}


def test_nothing_is_collected_where_nothing_is_kept(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    """There is no file, and a script runs as ever."""
    monkeypatch.setenv("TRACKER_MODE", "off")
    script = 'export TRACKER_TRACK_x=1; test -z "$TRACKER_TRACK_FILE"'

    assert launched(store, shell_command(script)) == 0
    assert not (place / "home" / "journal").exists()
