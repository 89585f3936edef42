"""The contract has teeth: every wrong tracker fails it, in the test that says why."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FAILED = re.compile(r"^FAILED \S+::(test_\w+)\[.*?(\w+)\]", re.MULTILINE)
_MACHINE = "test_random_stories_are_told_as_the_model_tells_them"

# Which test must catch which mutant; others may catch it too.
_CAUGHT = {
    "LastArrivalWins": "test_last_wins_by_order_not_by_arrival",
    "NanIsLost": "test_points_keep_values_and_types",
    "BoolIsInt": "test_params_keep_values_keys_and_types",
    "IntIsFloat": "test_points_keep_values_and_types",
    "ZeroLosesItsSign": "test_params_keep_values_keys_and_types",
    "RepeatsCountTwice": "test_repeated_batch_changes_nothing",
    "KnowsBatchesByName": "test_overlapping_batches_count_each_record_once",
    "WatermarkOnly": "test_gap_is_filled_later",
    "LabelsByPrefix": "test_sources_with_a_label_are_those_of_exactly_that_label",
    "UnknownRunIsEmpty": "test_unknown_run_is_an_error_to_the_typed_reads",
    "ReadingCreates": "test_reading_leaves_no_trace",
    "SummaryByArrival": "test_summary_does_not_depend_on_batches",
    "MeanIsRounded": "test_summary_follows_from_the_values",
    "FoldsCase": "test_tags_keep_keys_and_texts",
    "CutsNames": "test_artifacts_keep_names_apart",
    "TrimsRunIds": "test_run_ids_keep_runs_apart",
    "IgnoresLimits": "test_runs_stop_at_the_limit",
    "OldestFirst": "test_runs_come_newest_first",
    "IndexFromWindow": "test_points_are_cut_by_start_and_limit",
    "RefusesTheUnknown": "test_unknown_kinds_are_taken",
    "IgnoresParents": "test_run_ids_of_a_parent_are_the_runs_that_used_it",
    "JobBeatsLauncher": "test_launcher_may_know_better_than_a_job_that_failed",
    "OneAttempt": "test_attempts_are_told_apart",
    "TimesInMicroseconds": "test_points_tell_index_step_and_time",
    "Unsorted": "test_mappings_are_sorted_by_key",
    "HalfABatch": "test_large_batch_is_taken_whole",
    "NotPersistent": "test_processes_write_one_run",
    "ForgetsOnClosing": "test_store_survives_closing",
    "DependsOnStart": "test_any_record_makes_the_run_known",
}
# Those that random stories alone would find too.
_FOUND_BY_MACHINE = (
    "TimesInMicroseconds",
    "IntIsFloat",
    "RepeatsCountTwice",
    "KnowsBatchesByName",
    "WatermarkOnly",
    "OneAttempt",
)


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Run the contract on all mutants; return which tests failed for each."""
    chosen = " or ".join(["not random_stories", *_FOUND_BY_MACHINE])
    roots = (_ROOT, _ROOT / "backends")
    suite = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                str(Path(__file__).with_name("mutants.py")),
            ),
            *("-q", "-rf", "--tb=no", "-p", "no:cacheprovider", "-k", chosen),
        ],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert suite.returncode == pytest.ExitCode.TESTS_FAILED, suite.stdout + suite.stderr
    found: dict[str, set[str]] = defaultdict(set)
    for test, mutant in _FAILED.findall(suite.stdout):
        found[mutant].add(test)
    return found


@pytest.mark.parametrize("mutant", _CAUGHT)
def test_mutant_is_caught_by_the_test_that_says_why(
    failures: dict[str, set[str]], mutant: str
) -> None:
    """A tracker that is wrong in one way fails the test of that promise."""
    assert _CAUGHT[mutant] in failures[mutant]


@pytest.mark.parametrize("mutant", _FOUND_BY_MACHINE)
def test_mutant_is_found_by_random_stories(
    failures: dict[str, set[str]], mutant: str
) -> None:
    """The state machine finds what no test was written for."""
    assert _MACHINE in failures[mutant]


def test_every_mutant_has_its_test(failures: dict[str, set[str]]) -> None:
    """No mutant was forgotten here."""
    assert failures.keys() == _CAUGHT.keys()
