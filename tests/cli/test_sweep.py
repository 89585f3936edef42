"""Tests of ``tracker run --param``: runs of a sweep, one after the other."""

import re
import signal
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tracker_core.runs import RunInfo

# Ends well where its variables hold what its arguments are.
SAME = 'test "$TRACKER_PARAM_lr/$TRACKER_PARAM_opt_name" = "$1/$2"'
# Says that it waits, and ends well when it is asked to.
WAITS = 'trap "exit 0" INT; echo waits; while :; do sleep 0.05; done'


@pytest.fixture(autouse=True)
def database(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure a database."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    return place / "runs.db"


def _runs(database: Path) -> list["RunInfo"]:
    """Give the runs, the first one first."""
    with closing(SqliteTracker(str(database))) as store:
        runs = [store.run(run_id) for run_id in store.run_ids()]
    return sorted(runs, key=lambda run: run.run_id)


def _params(database: Path) -> list[dict[str, object]]:
    with closing(SqliteTracker(str(database))) as store:
        return [dict(store.params(run_id)) for run_id in sorted(store.run_ids())]


def _sweep(*params: str) -> tuple[str, ...]:
    """Give the options that make a sweep."""
    return tuple(word for param in params for word in ("--param", param))


def test_sweep_makes_a_run_of_each_combination(tracker: "Cli", database: Path) -> None:
    """They are one group, in the order of the loops, with typed params."""
    done = tracker("run", *_sweep("lr=0.1,1e-2", "seed=1..2"), "--", "true")

    assert done.code == 0
    runs = _runs(database)
    assert [repr(params) for params in _params(database)] == [
        "{'lr': 0.1, 'seed': 1}",
        "{'lr': 0.1, 'seed': 2}",
        "{'lr': 0.01, 'seed': 1}",
        "{'lr': 0.01, 'seed': 2}",
    ]
    (group_id,) = {run.group_id for run in runs}
    assert re.fullmatch(r"sweep-[a-z]+-[a-z]+-\d{4}", group_id or "")
    assert {run.status for run in runs} == {"FINISHED"}
    names = [run.name for run in runs]
    assert f"tracker: run 2 of 4: {names[1]} lr=0.1 seed=2\n" in done.err


def test_sweep_tells_how_to_list_its_runs(tracker: "Cli") -> None:
    """The query that it names finds them."""
    done = tracker("run", *_sweep("seed=1..2"), "--group", "it's", "--", "true")

    said = done.err.splitlines()[-2:]
    assert said == [
        "tracker: 2 runs: 2 finished, 0 failed",
        """tracker: see tracker list --where 'group_id="it'"'"'s"'""",
    ]
    listed = tracker("list", "--where", 'group_id="it\'s"', "--json").json
    assert isinstance(listed["runs"], list)
    assert len(listed["runs"]) == 2


def test_job_finds_its_values_in_words_and_variables(tracker: "Cli") -> None:
    """As they were written; what is no param stays in its braces."""
    params = _sweep("lr=1e-3,5", "opt.name=adam,sgd")
    command = ("sh", "-c", f'{SAME} && test "$3" = "{{seed}}"', "sh")

    done = tracker("run", *params, "--", *command, "{lr}", "{opt.name}", "{seed}")

    assert done.code == 0


def test_script_has_the_values_too(tracker: "Cli") -> None:
    """What the shell's own braces mean is left to it."""
    script = 'x=1; test "{lr}/${x}/$TRACKER_PARAM_lr" = "0.5/1/0.5"'

    done = tracker("run", "--param", "lr=0.5", "--shell", script)

    assert done.code == 0


@pytest.mark.parametrize("value", ["a b; exit 3", "$(exit 3)", "~", "*", '[""]'])
def test_value_is_no_part_of_a_script(
    tracker: "Cli", database: Path, value: str
) -> None:
    """Nothing is started where a shell would take it for more than a word."""
    script = ("--shell", "test {lr} = {text}")

    refused = tracker("run", *_sweep("lr=1", f"text={value}"), *script)
    done = tracker("run", *_sweep("lr=1", f"text={value}"), "--shell", "test {lr} = 1")

    assert (refused.code, done.code) == (2, 0)
    assert 'write "$TRACKER_PARAM_text" in the script in place of {text}' in refused.err
    assert len(_runs(database)) == 1


def test_one_combination_is_a_run_of_no_group(tracker: "Cli", database: Path) -> None:
    """Its params are logged all the same."""
    done = tracker("run", *_sweep("lr=0.1", "act=relu"), "--", "true")

    (run,) = _runs(database)
    assert (run.group_id, _params(database)) == (None, [{"lr": 0.1, "act": "relu"}])
    assert len(done.err.splitlines()) == 1


def test_sweep_goes_on_when_a_run_fails(tracker: "Cli", database: Path) -> None:
    """The exit code is that of the first that did."""
    done = tracker("run", *_sweep("code=0,3,00,4"), "--", "sh", "-c", "exit {code}")

    assert done.code == 3
    assert "tracker: 4 runs: 2 finished, 2 failed\n" in done.err
    statuses = [run.status for run in _runs(database)]
    assert statuses == ["FINISHED", "FAILED", "FINISHED", "FAILED"]


def test_name_of_a_sweep_is_told_apart_by_its_values(
    tracker: "Cli", database: Path
) -> None:
    """Without one the names are friendly ones."""
    tracker("run", "--name", "base", *_sweep("seed=1..2"), "--", "true")

    assert [run.name for run in _runs(database)] == ["base seed=1", "base seed=2"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--param", "lr"), "is no NAME=VALUES"),
        (("--param", "seed=1..10001"), "make 10,001 runs"),
        (("--param", "seed=1,2", "--run-id", "r"), "--run-id and --step are of one"),
        (("--param", "seed=1,2", "--step", "s"), "--run-id and --step are of one"),
    ],
)
def test_sweep_that_could_not_be_starts_nothing(
    tracker: "Cli", database: Path, words: tuple[str, ...], says: str
) -> None:
    """It is told at once, with exit code 2."""
    done = tracker("run", *words, "--", "true")

    assert (done.code, says in done.err) == (2, True)
    assert not database.exists()


def test_sweep_of_a_command_that_is_not_there_starts_nothing(
    tracker: "Cli", database: Path
) -> None:
    """A night of failed runs would tell no more."""
    done = tracker("run", *_sweep("p=sh,no-such-thing"), "--", "{p}", "-c", "true")

    assert done.code == 2
    assert "no command is named 'no-such-thing'" in done.err
    assert not database.exists()


def test_interrupt_ends_a_sweep_with_its_run(tracker: "Cli", database: Path) -> None:
    """Also where the job takes it and ends well."""
    words = ("run", *_sweep("seed=1..3"), "--", "sh", "-c", WAITS)
    with tracker.start(*words) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGINT
    assert "tracker: 1 of 3 runs: 1 finished, 0 failed\n" in err
    assert len(_runs(database)) == 1
