"""Virtual environments with the project and what a test installs beside it."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
# What an environment must not inherit: our settings, and the modules of this process.
_FOREIGN = ("TRACKER_", "TORCHX", "PYTHON", "COVERAGE_", "VIRTUAL_ENV")
_TIMEOUT = 200

needs_pip = pytest.mark.skipif(
    importlib.util.find_spec("pip") is None, reason="needs pip beside the interpreter"
)


class Installation(NamedTuple):
    """A virtual environment, and where its programs work.

    Args:
        programs: Where its programs lie.
        folder: Where they work.
        environ: The environment that they are started with.
    """

    programs: Path
    folder: Path
    environ: dict[str, str]

    def run(self, program: str, *arguments: str) -> str:
        """Run one of its programs, which must end well, and give what it prints."""
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tracker(self, *arguments: str) -> str:
        """Run the command, and give what it prints."""
        return self.run("tracker", *arguments)

    def told(self, *arguments: str) -> object:
        """Run a read of the command, and give what it tells programs."""
        return json.loads(self.tracker(*arguments, "--json"))


def install(folder: Path, extras: str, *requirements: str | Path) -> Installation:
    """Make an environment in ``folder`` with the project and the requirements.

    Args:
        folder: Is its home too, so that no settings of the user count.
        extras: Those of the project, such as ``[fsspec]``.
        requirements: What pip takes.
    """
    programs = folder / "venv" / "bin"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environ = {
        **_environ(),
        "PATH": path,
        "HOME": str(folder),
        # What a job logs is counted, however long it takes here.
        "TRACKER_SYSTEM_INTERVAL": "0",
    }
    (folder / "work").mkdir()
    # A pip of its own would take longer to come than all that it is for.
    _run("-m", "venv", "--without-pip", str(folder / "venv"))
    _run(
        *("-m", "pip", "--python", str(programs / "python"), "install", "-q"),
        *("--no-compile", f"{_copy_project(folder)}{extras}", *map(str, requirements)),
    )
    return Installation(programs, folder / "work", environ)


def _environ() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}


def _run(*arguments: str) -> None:
    """Run this Python, not measured, which must end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=_environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _copy_project(folder: Path) -> Path:
    """Copy what is packaged, since a build leaves files in the tree it builds."""
    project = folder / "project"
    project.mkdir()
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    for name in ("tracker_core", "backends", "plugins"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    return project
