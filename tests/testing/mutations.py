"""Runs the contract on mutants in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def report_of(module: str, choice: str) -> str:
    """Return what pytest prints of a module of this folder, of which some must fail.

    Args:
        module: Its file name.
        choice: Which of its tests, as the option ``-k`` wants it.
    """
    roots = (_ROOT, _ROOT / "backends")
    # Not measured: whatever it runs, the shipped backends run too.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    suite = subprocess.run(
        [
            *(sys.executable, "-m", "pytest"),
            str(Path(__file__).with_name(module)),
            *("-q", "-rf", "--tb=no", "-p", "no:cacheprovider", "-k", choice),
        ],
        cwd=_ROOT,
        env={**environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert suite.returncode == pytest.ExitCode.TESTS_FAILED, suite.stdout + suite.stderr
    return suite.stdout
