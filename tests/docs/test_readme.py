"""The README is true: its example runs, and its two commands are those that do."""

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.plain import native
from tracker_core.registry import build_trackers

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
(JOB,) = (code for kind, code in BLOCKS if kind == "python")
LAUNCH, *COMMANDS = (code.strip() for kind, code in BLOCKS if kind == "sh")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with the job, where the commands are found."""
    (tmp_path / "job.py").write_text(JOB, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    return tmp_path


def _shell(command: str) -> str:
    return subprocess.run(
        ["/bin/sh", "-e", "-c", command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
    ).stdout


def test_example_goes_to_both_backends(folder: Path) -> None:
    """As it is printed, and the table shows the run."""
    pytest.importorskip("fsspec", reason="the example needs fsspec")

    printed = _shell(LAUNCH)

    built = build_trackers({"sqlite": None, "fsspec": str(folder / "runs")})
    for tracker in map(native, built):
        with closing(tracker):
            (run,) = tracker.runs()
            assert run.run_id in printed
            assert tracker.series(run.run_id)["train/loss"].count == 10
            assert tracker.artifacts(run.run_id)["job.py"].role == "program"


def test_example_stores_nothing_without_the_launcher(folder: Path) -> None:
    """It runs, and the folder is as it was."""
    _shell("python job.py")

    assert [path.name for path in folder.iterdir()] == ["job.py"]


def test_readme_has_two_commands_of_one_line_each() -> None:
    """One runs the example, one runs the tests."""
    example, tests = COMMANDS

    assert "examples/iris" in example
    assert "nox" in tests
    assert not any("\n" in command for command in COMMANDS)


def test_checks_run_the_command_of_the_readme() -> None:
    """What is checked before a change lands is what a newcomer runs."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert COMMANDS[1] in script
