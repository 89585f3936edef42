"""The contract has teeth: every wrong tracker fails it, in the test that says why."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.testing.catches import CAUGHT, FOUND_BY_MACHINE, MACHINE

pytestmark = pytest.mark.one_python

_ROOT = Path(__file__).parents[2]
_FAILED = re.compile(r"^FAILED \S+::(test_\w+)\[(\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Run on each mutant what must catch it; return what failed."""
    roots = (_ROOT, _ROOT / "backends")
    # Not measured: whatever it runs, the shipped backends run too.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    suite = subprocess.run(
        [
            *(sys.executable, "-m", "pytest"),
            str(Path(__file__).with_name("mutants.py")),
            # What need not catch any is parametrized with none.
            *("-q", "-rf", "--tb=no", "-p", "no:cacheprovider", "-k", "not NOTSET"),
        ],
        cwd=_ROOT,
        env={**environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert suite.returncode == pytest.ExitCode.TESTS_FAILED, suite.stdout + suite.stderr
    found: dict[str, set[str]] = defaultdict(set)
    for test, mutant in _FAILED.findall(suite.stdout):
        found[mutant].add(test)
    return found


@pytest.mark.parametrize("mutant", CAUGHT)
def test_mutant_is_caught_by_the_test_that_says_why(
    failures: dict[str, set[str]], mutant: str
) -> None:
    """A tracker that is wrong in one way fails the test of that promise."""
    assert CAUGHT[mutant] in failures[mutant]


@pytest.mark.parametrize("mutant", FOUND_BY_MACHINE)
def test_mutant_is_found_by_random_stories(
    failures: dict[str, set[str]], mutant: str
) -> None:
    """The state machine finds what no test was written for."""
    assert MACHINE in failures[mutant]


def test_every_mutant_has_its_test(failures: dict[str, set[str]]) -> None:
    """No mutant was forgotten here."""
    assert failures.keys() == CAUGHT.keys()
