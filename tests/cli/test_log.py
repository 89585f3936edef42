"""Tests of ``tracker log``, in processes of its own as a script calls it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.journal.folders import RunFolder, run_folders
from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Done
    from tracker_core.values import Value

LOG = f"{sys.executable} -m tracker_core log"


@pytest.fixture(autouse=True)
def database(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure a database."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "home"))
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    return place / "runs.db"


@pytest.fixture
def own_run(monkeypatch: pytest.MonkeyPatch) -> str:
    """Be inside of a run that nobody has opened, as a batch job is."""
    monkeypatch.setenv("TRACKER_JOB_ID", "r")
    return "r"


@contextmanager
def opened(database: Path) -> Iterator[SqliteTracker]:
    """Open the database for reading."""
    with closing(SqliteTracker(database)) as store:
        yield store


def in_job(tracker: "Cli", script: str, *options: str) -> "Done":
    """Run a script as a job, where ``log`` is the command."""
    text = f'log() {{ {LOG} "$@"; }}\n{script}'
    return tracker.process("run", "--run-id", "r", *options, "--", "sh", "-c", text)


def folder_of(place: Path) -> RunFolder:
    """Give the one journal."""
    (found,) = run_folders(place / "home")
    return found


def test_script_logs_to_the_run_of_its_job(tracker: "Cli", database: Path) -> None:
    """All kinds arrive, and the launcher alone decides how the run ended."""
    Path("model.pt").write_bytes(b"weights")

    done = in_job(
        tracker,
        "set -e\n"
        "log param lr 0.1\nlog param depth=3 sizes='[1, 2]' name=a=b\n"
        "log metric train/loss 0.5 --step 3\nlog metric --step=4 train/loss=0.25\n"
        "log tag device gpu0\nlog text 'half of it' --level warning\n"
        "log artifact model.pt model.pt\n"
        "log artifact data s3://b/data --reference\n",
    )

    with opened(database) as store:
        assert (done.code, done.out) == (0, "")
        assert store.params("r") == {
            "depth": 3,
            "lr": 0.1,
            "name": "a=b",
            "sizes": [1, 2],
        }
        points = [(one.step, one.value) for one in store.points("r", "train/loss")]
        assert points == [(3, 0.5), (4, 0.25)]
        assert store.tags("r") == {"device": "gpu0"}
        (entry,) = store.logs("r")
        assert (entry.level, entry.message) == ("warn", "half of it")
        assert store.open_artifact("r", "model.pt").read() == b"weights"
        assert store.artifacts("r")["data"].path == "s3://b/data"
        run = store.run("r")
        assert run.status == "FINISHED"
        assert [attempt.number for attempt in run.attempts] == [1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("-0.5", -0.5),
        ('{"a": {"b": 1}}', {"x.a.b": 1}),
        ("true", "true"),
        ("007", "007"),
        ("", ""),
    ],
)
@pytest.mark.usefixtures("own_run")
def test_value_is_what_json_it_is(
    tracker: "Cli", database: Path, text: str, value: "Value"
) -> None:
    """The rule is that of the variables that a job leaves behind."""
    tracker("log", "param", "x", text)

    tracker("sync")

    with opened(database) as store:
        assert store.params("r") == (value if isinstance(value, dict) else {"x": value})


def test_concurrent_shells_lose_and_double_nothing(
    tracker: "Cli", database: Path, place: Path
) -> None:
    """Calls of four loops at once are one writer, however slow each of them is."""
    loop = "for i in $(seq 12); do log metric s$k $i --step $i; done"
    script = f"for k in 1 2 3 4; do ( {loop} ) & done; wait"

    done = in_job(tracker, script)

    assert (done.code, done.err.count("\n")) == (0, 1)
    with opened(database) as store:
        for shell in "1234":
            values = [one.value for one in store.points("r", f"s{shell}")]
            assert values == list(range(1, 13))
    shared = [one for one in folder_of(place).writers() if one.is_shared]
    assert len(shared) == 1
    assert shared[0].is_settled


def test_calls_that_are_killed_lose_no_others(
    tracker: "Cli", database: Path, own_run: str
) -> None:
    """What was acknowledged is there, once; what was not, at the most once."""
    command = (sys.executable, "-m", "tracker_core", "log", "metric", "loss")
    acknowledged = []
    for number in range(12):
        with subprocess.Popen((*command, str(number))) as process:
            # Whichever step this finds it in; the others end in peace.
            if number % 3 and not os.waitid(
                os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
            ):
                process.kill()
        if process.returncode == 0:
            acknowledged.append(number)

    tracker("sync")

    with opened(database) as store:
        values = [one.value for one in store.points(own_run, "loss")]
    assert acknowledged
    assert set(acknowledged) <= set(values)
    assert len(values) == len(set(values))


def test_run_that_nobody_has_opened_is_made(
    tracker: "Cli", database: Path, own_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It exists, and neither runs nor has an attempt; `tracker sync` delivers it."""
    monkeypatch.setenv("TRACKER_EXPERIMENT", "iris")
    monkeypatch.setenv("TRACKER_PARENT_RUN_ID", "p")

    codes = [tracker("log", "param", "lr", "0.1").code for _ in range(2)]
    tracker("sync")

    with opened(database) as store:
        run = store.run(own_run)
        assert codes == [0, 0]
        assert (run.status, run.attempts) == ("PENDING", ())
        assert (run.experiment, run.parent_run_id) == ("iris", "p")
        assert [one.source_run_id for one in store.sources(own_run)] == ["p"]


def test_run_that_has_ended_is_logged_to_from_outside(
    tracker: "Cli", database: Path, place: Path
) -> None:
    """By its name too; how it ended stays."""
    tracker.process("run", "--name", "first", "--", "false")

    code = tracker("log", "tag", "verdict", "bad", "--run", "first").code
    tracker("sync")

    with opened(database) as store:
        (run,) = store.runs()
        assert code == 0
        assert store.tags(run.run_id) == {"verdict": "bad"}
        assert (run.status, len(run.attempts)) == ("FAILED", 1)
    assert folder_of(place).run_id == run.run_id


def test_run_from_outside_is_one_that_there_is(tracker: "Cli") -> None:
    """A misspelt name makes no run."""
    done = tracker("log", "tag", "a", "b", "--run", "nobody")

    assert done.code == 1
    assert "no run 'nobody'" in done.err


def test_log_outside_of_any_run_says_what_to_do(tracker: "Cli") -> None:
    """It is wrong usage, in either way to the command."""
    slow = tracker("log", "param", "lr", "0.1")
    quick = tracker.process("log", "param", "lr", "0.1")

    assert (slow.code, quick.code) == (2, 2)
    assert slow.err == quick.err
    assert quick.err == (
        "tracker: there is no run here to log to; call it inside of "
        "`tracker run -- COMMAND`, or name a run by --run\n"
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "it is not said what to log; use one of param, metric, tag, text"),
        (("parm", "a", "1"), "there is no kind 'parm'; use one of param, metric"),
        (("param", "lr"), "param takes NAME VALUE, or any number of NAME=VALUE, not 1"),
        (("param", "a", "b", "c"), "not 3 words; quote what holds blanks"),
        (("tag", "a=b", "c"), "'c' stands beside pairs and is none; write NAME=VALUE"),
        (("metric", "a=1", "a=2"), "'a' is there twice"),
        (("metric", "a", "1", "--step", "x"), "--step is 'x'; use a whole number"),
        (("metric", "a", "1", "--step"), "--step lacks its value"),
        (("metric", "a", "1", "--stpe", "3"), "there is no option '--stpe' but --run"),
        (("param", "a", "1", "--step", "3"), "--step belongs to metric, not to param"),
        (("text", "half", "done"), "text takes one MESSAGE, not 2 words; quote it"),
        (("text", "a", "--level", "loud"), "level is 'loud'; use debug, info"),
        (("param", "", "1"), "param key is empty; give it a name"),
        (("artifact", "a", "no-such-file"), "cannot be logged: No such file"),
        (("--stdin", "param"), "--stdin takes nothing beside it but --run"),
    ],
)
@pytest.mark.usefixtures("own_run")
def test_wrong_words_are_explained(
    tracker: "Cli", words: tuple[str, ...], why: str
) -> None:
    """One line says what is wrong and what is right."""
    done = tracker("log", *words)

    assert done.code == 2
    assert done.err.startswith("tracker: ")
    assert why in done.err
    assert done.err.count("\n") == 1


@pytest.mark.usefixtures("own_run")
def test_words_behind_two_dashes_are_no_options(tracker: "Cli", database: Path) -> None:
    """So a message may look like one."""
    quick = tracker.process("log", "text", "--", "--help")
    slow = tracker("log", "text", "--", "--step")

    tracker("sync")

    with opened(database) as store:
        assert (quick.code, slow.code) == (0, 0)
        assert [one.message for one in store.logs("r")] == ["--help", "--step"]


def test_help_is_that_of_the_command_line(tracker: "Cli") -> None:
    """Also where the call takes the short way."""
    assert tracker.process("log", "--help").out == tracker("log", "--help").out


@pytest.mark.parametrize("mode", ["off", "on"])
def test_values_are_checked_where_nothing_is_kept(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch, own_run: str, mode: str
) -> None:
    """A script that is tried out without tracking is told what it does wrong."""
    del own_run
    monkeypatch.setenv("TRACKER_MODE", mode)
    if mode == "on":
        monkeypatch.delenv("TRACKER_BACKENDS")

    codes = [tracker("log", "metric", name, "1").code for name in ("a", "a/")]

    assert codes == [0, 2]
    assert not Path("home").exists()


@pytest.mark.usefixtures("own_run")
def test_disk_that_refuses_is_told(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is not kept, and the exit code says so."""
    monkeypatch.setenv("TRACKER_DISK_BUDGET", "1000")

    done = tracker("log", "param", "a", "1")

    assert done.code == 1
    assert "raise TRACKER_DISK_BUDGET" in done.err
