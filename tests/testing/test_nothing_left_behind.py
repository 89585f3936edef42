"""The tests' own fixtures find what a test leaves behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_LEAKS = {
    "file": "os.open(tmp_path / 'x', os.O_CREAT | os.O_RDWR)",
    "thread": "threading.Thread(target=_wait, name='ours', daemon=True).start()",
    "process": "_keep.append(subprocess.Popen([sys.executable, '-c', 'input()'], "
    "stdin=subprocess.PIPE)); os.dup(0)",
}
_CLEAN = {
    "nothing": "pass",
    "closed": "os.close(os.open(tmp_path / 'x', os.O_CREAT | os.O_RDWR))",
    "joined": "t = threading.Thread(target=print); t.start(); t.join()",
    "environment": "assert not [n for n in os.environ if n.startswith('TORCHX')]",
}
_MODULE = """
import os, subprocess, sys, threading
_keep = []
def _wait():
    threading.Event().wait()
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run one test for each leak, under the same conftest."""
    folder = tmp_path_factory.mktemp("leaks")
    conftest = (_ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    tests = [
        f"def test_{name}(tmp_path):\n    {code}\n"
        for name, code in (_CLEAN | _LEAKS).items()
    ]
    module = folder / "test_leaks.py"
    module.write_text(_MODULE + "\n".join(tests), encoding="utf-8")
    suite = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", module],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "TORCHX_JOB_ID": "outer"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return suite.stdout


@pytest.mark.parametrize("name", _LEAKS)
def test_leak_fails_the_test_that_leaks(outcome: str, name: str) -> None:
    """The message says what was left."""
    assert re.search(rf"^ERROR \S+::test_{name}\b", outcome, re.MULTILINE)
    assert re.search(rf"the test left behind: .*{name}", outcome)


@pytest.mark.parametrize("name", _CLEAN)
def test_clean_test_passes(outcome: str, name: str) -> None:
    """Nothing else is in the way."""
    assert re.search(rf"^PASSED \S+::test_{name}$", outcome, re.MULTILINE)
    assert not re.search(rf"^ERROR \S+::test_{name}\b", outcome, re.MULTILINE)
