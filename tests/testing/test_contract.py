"""The contract has teeth: every wrong tracker fails it, in the test that says why."""

import re
from collections import defaultdict

import pytest

from tests.testing.catches import CAUGHT, FOUND_BY_MACHINE, MACHINE
from tests.testing.mutations import report_of

pytestmark = pytest.mark.one_python

_FAILED = re.compile(r"^FAILED \S+::(test_\w+)\[(\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Run on each mutant what must catch it; return what failed."""
    # What need not catch any is parametrized with none.
    report = report_of("mutants.py", "not NOTSET")
    found: dict[str, set[str]] = defaultdict(set)
    for test, mutant in _FAILED.findall(report):
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
