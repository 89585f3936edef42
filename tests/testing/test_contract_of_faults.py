"""What the contract asks about faults has teeth: it catches every mutant."""

import re
from collections import defaultdict

import pytest

from tests.testing.mutations import report_of

pytestmark = pytest.mark.one_python

_FAILED = re.compile(r"^FAILED \S+::(test_\w+\[.*?)-?(\w+)\]", re.MULTILINE)
_AGAIN = "test_failed_batch_that_is_sent_again_counts_once"
_CUT = "test_batches_that_are_cut_anew_after_a_failure_count_once"
_RANDOM = "test_random_faults_and_cuts_end_as_the_model"
_DIES = "test_process_that_dies_loses_and_repeats_nothing"

# Which test must catch which mutant; others may catch it too.
_CAUGHT = {
    "KnowsWholeBatches": f"{_AGAIN}[FailHalfway",
    "KnowsWhereBatchesBegin": f"{_CUT}[FailHalfway",
    "FirstRecordDecides": f"{_AGAIN}[FailHalfway",
    "RefusesTheRest": f"{_AGAIN}[FailHalfway",
    "RefusesRepeats": f"{_AGAIN}[FailAfter",
    "NeverLooksBack": "test_refused_batch_is_taken_when_it_comes_at_last[",
    "LateWins": "test_call_that_hung_changes_nothing_when_others_came_before_it[",
    "OneThread": "test_call_that_hung_changes_nothing_when_others_came_before_it[",
    "FirstValueStays": (
        "test_last_values_are_right_when_a_failed_batch_is_sent_again[FailAfter"
    ),
    "KeepsWhenItIsClosed": f"{_DIES}[after",
    "RefusesKnownContent": (
        "test_content_that_failed_is_kept_when_it_is_sent_again[FailAfter"
    ),
}
# Those that random faults alone would find too.
_FOUND_AT_RANDOM = (
    "KnowsWholeBatches",
    "KnowsWhereBatchesBegin",
    "FirstRecordDecides",
    "RefusesTheRest",
    "RefusesRepeats",
)


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Run the part of the contract on all mutants; return what failed for each."""
    pairs = [
        *((mutant, test.partition("[")[0]) for mutant, test in _CAUGHT.items()),
        *((mutant, _RANDOM) for mutant in _FOUND_AT_RANDOM),
    ]
    chosen = " or ".join(f"({test} and {mutant})" for mutant, test in pairs)
    report = report_of("mutants_of_faults.py", f"{chosen} or Right")
    found: dict[str, set[str]] = defaultdict(set)
    for test, mutant in _FAILED.findall(report):
        found[mutant].add(test)
    return found


@pytest.mark.parametrize("mutant", _CAUGHT)
def test_mutant_is_caught_by_the_test_that_says_why(
    failures: dict[str, set[str]], mutant: str
) -> None:
    """A tracker that is wrong in one way fails the test of that promise."""
    assert _CAUGHT[mutant] in failures[mutant]


@pytest.mark.parametrize("mutant", _FOUND_AT_RANDOM)
def test_mutant_is_found_by_random_faults(
    failures: dict[str, set[str]], mutant: str
) -> None:
    """They find what no test was written for."""
    assert f"{_RANDOM}[" in failures[mutant]


def test_half_a_batch_is_all_that_one_mutant_fails_at(
    failures: dict[str, set[str]],
) -> None:
    """It is right as long as a failed batch left nothing, or all of it."""
    told = failures["KnowsWholeBatches"] - {f"{_RANDOM}["}

    assert told == {f"{_AGAIN}[FailHalfway"}


def test_right_tracker_passes(failures: dict[str, set[str]]) -> None:
    """What the mutants were made of is no mutant, and no mutant was forgotten."""
    assert failures.keys() == _CAUGHT.keys()
