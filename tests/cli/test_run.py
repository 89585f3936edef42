"""Tests of ``tracker run``, in processes of its own as a user starts it."""

import json
import os
import signal
import sys
import termios
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pytest

from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tracker_core.runs import RunInfo

# Says which signals it hears; USR1 makes it tell all and end well, TERM ends it badly.
LISTENER = """
import os, signal, sys, time

heard = []

def say(*words):
    # A handler may come in the middle of a print.
    os.write(1, (" ".join(words) + "\\n").encode())

def listen(number, frame):
    heard.append(signal.Signals(number).name)
    say("heard", heard[-1])

def tell(number, frame):
    say("all", *heard)
    sys.exit(0)

def leave(number, frame):
    sys.exit(7)

for name in ("SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR2"):
    signal.signal(getattr(signal, name), listen)
signal.signal(signal.SIGUSR1, tell)
signal.signal(signal.SIGTERM, leave)
say("ready")
while True:
    time.sleep(0.1)
"""
# Ends once it has been sampled twice.
SAMPLED = """
from tracker_core import AppRun

run = AppRun.run_from_env()
while run.metrics("system").read()["total"] < 2:
    pass
"""

TWINS = {
    "TRACKER_JOB_ID": "TORCHX_JOB_ID",
    "TRACKER_SQLITE_CONFIG": "TORCHX_TRACKER_TRACKER_SQLITE_CONFIG",
    "TRACKER_PARENT_RUN_ID": "TORCHX_PARENT_RUN_ID",
    "TRACKER_EXPERIMENT": "TORCHX_TRACKING_EXPERIMENT_NAME",
}


@pytest.fixture(autouse=True)
def database(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure a database."""
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    return place / "runs.db"


def python(code: str) -> tuple[str, ...]:
    """Give the command that runs ``code``."""
    return ("--", sys.executable, "-c", code)


def runs_in(database: Path) -> "list[RunInfo]":
    """Give the runs of a database, the newest first."""
    store = SqliteTracker(database)
    try:
        return list(store.runs())
    finally:
        store.close()


def only_run(database: Path) -> "RunInfo":
    """Give the one run of a database."""
    (run,) = runs_in(database)
    return run


def await_line(stream: IO[str] | None, line: str) -> None:
    """Read until the job has printed ``line``."""
    assert stream
    assert stream.readline() == f"{line}\n"


def test_run_leaves_stdout_to_the_job(tracker: "Cli", database: Path) -> None:
    """What the launcher says is one line on stderr, which names the run."""
    done = tracker.process("run", "--name", "n", *python("print('hello')"))

    run = only_run(database)
    assert (done.code, done.out) == (0, "hello\n")
    assert done.err == f"tracker: run {run.run_id} (n)\n"
    assert (run.name, run.status) == ("n", "FINISHED")


@pytest.mark.parametrize(
    ("ending", "code"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 15)", 143)]
)
def test_run_passes_the_exit_code_on(tracker: "Cli", ending: str, code: int) -> None:
    """A script sees what it would see without the launcher."""
    done = tracker.process("run", *python(f"import os, sys; {ending}"))

    assert done.code == code


def test_run_without_a_separator_takes_the_options_of_the_job(tracker: "Cli") -> None:
    """Everything from the command on belongs to it, a second separator too."""
    code = "import sys; print(sys.argv[1:])"

    done = tracker.process("run", sys.executable, "-c", code, "--name", "--", "-x")

    assert done.out == "['--name', '--', '-x']\n"


def test_run_explains_an_unknown_command(tracker: "Cli", database: Path) -> None:
    """The code is 127, and the run has failed."""
    done = tracker.process("run", "--", "no-such-command")

    assert done.code == 127
    assert "tracker: no command is named 'no-such-command'; check" in done.err
    assert only_run(database).status == "FAILED"


@pytest.mark.parametrize("arguments", [(), ("--",), ("--experiment", "e")])
def test_run_needs_a_command(tracker: "Cli", arguments: tuple[str, ...]) -> None:
    """Nothing to run is wrong usage."""
    done = tracker.process("run", *arguments)

    assert done.code == 2
    assert "COMMAND" in done.err


def test_run_takes_a_script_for_a_shell(tracker: "Cli", database: Path) -> None:
    """What it exports is kept, and its exit code is passed on."""
    script = "export TRACKER_TRACK_answer=42; exit 3"

    done = tracker.process("run", "--shell", script)

    assert done.code == 3
    with closing(SqliteTracker(database)) as store:
        assert store.series(only_run(database).run_id)["answer"].last == 42


def test_run_takes_a_script_or_a_command(tracker: "Cli") -> None:
    """Both at once mean nothing."""
    done = tracker.process("run", "--shell", "true", "--", "true")

    assert done.code == 2
    assert "either -- COMMAND... or --shell SCRIPT, not both" in done.err


def test_run_refuses_unknown_options_before_the_command(tracker: "Cli") -> None:
    """A misspelt option is not taken for the command."""
    done = tracker.process("run", "--trakers", "sqlite", "--", "true")

    assert done.code == 2
    assert "Did you mean" in done.err


def test_run_refuses_an_unknown_tracker(tracker: "Cli", place: Path) -> None:
    """Nothing is started, and the message offers the right name."""
    done = tracker.process("run", "--trackers", "sqlit", *python("open('ran', 'w')"))

    assert done.code == 2
    assert done.err.startswith("tracker: no backend is named 'sqlit'; did you mean")
    assert not (place / "ran").exists()


def test_run_goes_on_under_warn(
    tracker: "Cli", database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the policy is to warn, the other backends get the run."""
    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")

    done = tracker.process("run", "--trackers", "sqlit,sqlite", *python("print(1)"))

    assert (done.code, done.out) == (0, "1\n")
    assert done.err.startswith("tracker: backend 'sqlit' is left out: ")
    assert only_run(database).status == "FINISHED"


def test_run_in_a_changed_directory_finds_its_store(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative home is where the launcher was started, wherever the job goes."""
    monkeypatch.delenv("TRACKER_BACKENDS")
    monkeypatch.delenv("TRACKER_SQLITE_CONFIG")
    monkeypatch.setenv("TRACKER_HOME", "home")
    (place / "elsewhere").mkdir()
    code = (
        "import os; os.chdir('elsewhere'); from tracker_core import AppRun; "
        "AppRun.run_from_env().log_param('lr', 0.1)"
    )

    done = tracker.process("run", *python(code))

    store = SqliteTracker(place / "home" / "tracker.db")
    (run,) = store.runs()
    assert (done.code, store.params(run.run_id)) == (0, {"lr": 0.1})
    store.close()
    assert not list((place / "elsewhere").iterdir())


def test_run_within_a_run_is_its_child(tracker: "Cli", database: Path) -> None:
    """A nested launch records the run around it as its parent."""
    inner = (sys.executable, "-m", "tracker_core", "run", *python("print('in')"))

    done = tracker.process("run", "--group", "g", "--", *inner)

    child, parent = runs_in(database)
    assert done.out == "in\n"
    assert (child.parent_run_id, parent.parent_run_id) == (parent.run_id, None)
    assert child.group_id == parent.group_id == "g"


def test_run_with_a_failing_backend_keeps_the_others(
    tracker: "Cli", database: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both neighbours of a broken backend hold everything; the code is the job's."""
    config = {"inner": {"sqlite": str(place / "broken.db")}}
    monkeypatch.setenv("TRACKER_FAULTY_CONFIG", json.dumps(config))
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "3")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", str(place / "files"))
    code = (
        "from tracker_core import AppRun; run = AppRun.run_from_env(); "
        "run.log_metric('train/loss', 0.5, step=1); raise SystemExit(5)"
    )
    backends = "sqlite,faulty=tracker_core.testing.faults:create,fsspec"

    done = tracker.process("run", "--trackers", backends, *python(code))

    launched, failed, due = done.err.splitlines()
    assert done.code == 5
    assert launched.startswith("tracker: run ")
    assert "backend 'faulty' failed: " in failed
    # Of launcher and job four each, the packages, and the metric.
    assert "backend 'faulty' has not taken 10 records of run " in due
    one, other = (
        cast("Any", tracker("show", "@last", "--json", "--tracker", name).json)
        for name in ("sqlite", "fsspec")
    )
    # Each is told how the run lives when it is its turn.
    del one["run"]["heartbeat_at"], other["run"]["heartbeat_at"]
    # How long the rest of it waits depends on when one asks.
    del one["delivery"], other["delivery"]
    # Not told where every run would have to be read for it.
    del one["users"], other["users"]
    assert one == other
    assert one["run"]["status"] == "FAILED"
    assert list(one["series"]) == ["train/loss"]
    assert database.exists()


def test_run_ends_as_the_job_says_it_failed(tracker: "Cli", database: Path) -> None:
    """The exception of the job explains the exit code that the launcher saw."""
    code = "from tracker_core import AppRun; AppRun.run_from_env(); raise KeyError('k')"

    done = tracker.process("run", *python(code))

    cause = only_run(database).cause
    assert done.code == 1
    assert cause
    assert (cause["kind"], cause["type"]) == ("exception", "KeyError")


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR2"])
def test_run_hands_signals_on(tracker: "Cli", database: Path, name: str) -> None:
    """Away from a terminal the job gets what the launcher gets, and goes on."""
    with tracker.start("run", *python(LISTENER)) as process:
        await_line(process.stdout, "ready")
        process.send_signal(getattr(signal, name))
        await_line(process.stdout, f"heard {name}")
        process.send_signal(signal.SIGUSR1)
        out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (0, f"all {name}\n")
    assert only_run(database).status == "FINISHED"


def test_run_outlives_a_job_that_is_terminated(tracker: "Cli", database: Path) -> None:
    """The launcher waits for the end that the job chooses, and records it."""
    with tracker.start("run", *python(LISTENER)) as process:
        await_line(process.stdout, "ready")
        process.terminate()
        process.communicate(timeout=60)

    assert process.returncode == 7
    assert only_run(database).cause == {"kind": "exit_code", "exit_code": 7}


def test_run_leaves_ignored_signals_ignored(tracker: "Cli") -> None:
    """A launcher under nohup, and its job, survive the end of the terminal."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    code = (
        "import os, signal; os.kill(os.getppid(), signal.SIGHUP); "
        "print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    )
    try:
        done = tracker.process("run", *python(code))
    finally:
        signal.signal(signal.SIGHUP, previous)

    assert (done.code, done.out) == (0, "True\n")


@pytest.mark.parametrize(("key", "name"), [(b"\x03", "SIGINT"), (b"\x1c", "SIGQUIT")])
def test_run_does_not_repeat_a_key_press(tracker: "Cli", key: bytes, name: str) -> None:
    """In front of a terminal the job hears Ctrl-C once, and the launcher goes on."""
    terminal = tracker.in_front("run", *python(LISTENER))
    terminal.until("ready")
    terminal.press(key)
    terminal.until(f"heard {name}")

    # The launcher hands this on after whatever it would have handed on before.
    os.kill(terminal.process.pid, signal.SIGUSR1)
    done = terminal.finish()

    assert f"all {name}\n" in done.out
    assert done.code == 0


def test_run_gives_its_terminal_to_the_job(tracker: "Cli") -> None:
    """A job that asks a question gets the answer."""
    terminal = tracker.in_front("run", *python("print('hello', input('name? '))"))
    terminal.until("name? ")
    terminal.press(b"you\n")

    done = terminal.finish()

    assert "hello you" in done.out


def test_run_shows_the_job_a_terminal(tracker: "Cli") -> None:
    """It has the size of the real one, and what it shows in the end is kept."""
    code = (
        "import os, sys; print([os.isatty(n) for n in (0, 1, 2)], "
        "os.get_terminal_size(1).columns); "
        "print('50%\\r100%', file=sys.stderr)"
    )

    screen = tracker.on_screen("run", *python(code), columns=99)

    assert "[True, True, True] 99\n50%\r100%\n" in screen
    assert tracker("get", "@last", "console/1.log").out.splitlines() == [
        "[True, True, True] 99",
        "100%",
    ]


def test_run_lets_the_job_turn_echo_off_through_its_output(tracker: "Cli") -> None:
    """Full-screen programs do so, and read single keys then."""
    code = (
        "import os, tty; tty.setcbreak(1); print('ready'); print('got', os.read(0, 1))"
    )
    terminal = tracker.in_front("run", "--", sys.executable, "-uc", code)
    terminal.until("ready")
    while not _is_single(terminal.master):
        os.sched_yield()
    terminal.press(b"k")

    assert "got b'k'" in terminal.finish().out


def test_run_types_into_what_a_pager_reads_from(tracker: "Cli") -> None:
    """A pager opens the terminal that its output leads to, and reads keys there."""
    code = (
        "import os, termios, tty; keys = os.open(os.ttyname(2), os.O_RDONLY); "
        "before = termios.tcgetattr(2); tty.setcbreak(2); print('ready'); "
        "print('got', os.read(keys, 1)); termios.tcsetattr(2, 0, before); "
        "print('then', input('name? '))"
    )
    terminal = tracker.in_front("run", "--", sys.executable, "-uc", code)
    terminal.until("ready")
    while not _is_single(terminal.master):
        os.sched_yield()
    terminal.press(b"k")
    terminal.until("got b'k'")
    terminal.until("name? ")
    while _is_single(terminal.master):
        os.sched_yield()
    terminal.press(b"you\n")

    assert "then you" in terminal.finish().out


def _is_single(terminal: int) -> bool:
    """Tell whether a terminal gives each key at once."""
    return not termios.tcgetattr(terminal)[3] & termios.ICANON


def test_run_follows_the_size_of_its_terminal(tracker: "Cli") -> None:
    """The job is told of it, and sees it."""
    code = (
        "import os, signal; signal.signal(signal.SIGWINCH, lambda *_: "
        "print(os.get_terminal_size(1).columns)); print('ready')\n"
        "while True: signal.pause()"
    )
    terminal = tracker.in_front("run", "--", sys.executable, "-uc", code)
    terminal.until("ready")

    termios.tcsetwinsize(terminal.master, (30, 123))

    terminal.until("123\r\n")
    terminal.press(b"\x03")
    terminal.finish()


def test_run_without_an_output_gives_the_job_none(tracker: "Cli") -> None:
    """What the launcher opens in its place is not written to."""
    done = tracker.without_output("run", "--", "sh", "-c", "echo a; echo b >&2")

    assert done.err.splitlines()[-1] == "b"
    assert tracker("get", "@last", "console/1.log").out.splitlines()[-1] == "b"


def test_run_without_console_leaves_the_output_alone(tracker: "Cli") -> None:
    """Nothing stands between, and nothing is kept."""
    code = "import os; print(os.ttyname(1) == os.ttyname(0))"

    assert "True\n" in tracker.on_screen("run", "--no-console", *python(code))
    assert tracker("get", "@last", "console/1.log").code == 1


def test_run_that_is_killed_leaves_the_output_to_others(
    tracker: "Cli", place: Path
) -> None:
    """The job goes on printing, and what it prints is kept by ``tracker sync``."""
    os.mkfifo(place / "go")
    code = "print('one'); open('go').read(); print('two')"
    command = ("run", "--run-id", "r", "--", sys.executable, "-uc", code)
    with tracker.start(*command) as process:
        await_line(process.stdout, "one")
        process.kill()
        (place / "go").write_text("")
        await_line(process.stdout, "two")
        # It comes to an end when nobody is left who could print.
        assert process.stdout
        assert process.stdout.read() == ""

    tracker("sync", "r")

    assert tracker("get", "r", "console/1.log").out == "one\ntwo\n"


def test_run_whose_reader_has_gone_ends_the_job_as_without_it(
    tracker: "Cli", database: Path
) -> None:
    """A pipe that nobody reads breaks for the job."""
    with tracker.start("run", "--", "yes") as process:
        await_line(process.stdout, "y")
        assert process.stdout
        process.stdout.close()
        process.wait(60)

    assert process.returncode == 128 + signal.SIGPIPE
    assert only_run(database).cause == {
        "kind": "signal",
        "signal": "SIGPIPE",
        "number": 13,
    }


def test_run_gives_its_open_files_to_the_job(tracker: "Cli", place: Path) -> None:
    """A file that a shell has opened for the job is still open there."""
    (place / "input").write_text("content")
    command = (
        f'exec 7<input; "{sys.executable}" -m tracker_core run -- '
        f'"{sys.executable}" -c "import os; print(os.read(7, 99))"'
    )

    done = tracker.process("run", "--", "sh", "-c", command)

    assert done.out == "b'content'\n"


@pytest.mark.parametrize(
    ("trackers", "is_warned"), [("memory", True), ("memory,sqlite", False)]
)
def test_run_that_nothing_keeps_is_warned_of(
    tracker: "Cli",
    trackers: str,
    is_warned: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Memory alone keeps nothing, and this is said once."""
    done = tracker.process("run", "--trackers", trackers, "--", "true")

    warning = "nothing of this run outlives its processes in 'memory'; add a backend"
    assert done.code == 0
    assert done.err.count(warning) == is_warned


def test_run_gives_the_job_its_environment(tracker: "Cli", place: Path) -> None:
    """The job's library, ours or torchx's, finds the run."""
    code = "import json, os; json.dump(dict(os.environ), open('seen.json', 'w'))"

    tracker.process("run", "--experiment", "iris", "--parent", "p", *python(code))

    seen = json.loads((place / "seen.json").read_text())
    for ours, theirs in TWINS.items():
        assert seen[ours] == seen[theirs]
    assert seen["TORCHX_TRACKERS"] == f"tracker_{seen['TRACKER_BACKENDS']}"
    assert seen["TRACKER_PARENT_RUN_ID"] == "p"


def test_run_records_the_parent_that_a_name_means(
    tracker: "Cli", database: Path
) -> None:
    """A name is no id: lineage leads to the run that has it."""
    tracker.process("run", "--name", "base", *python("pass"))

    done = tracker.process("run", "--parent", "base", *python("pass"))

    child, parent = runs_in(database)
    assert child.parent_run_id == parent.run_id
    assert len(done.err.splitlines()) == 1


def test_run_goes_on_as_its_next_attempt(tracker: "Cli", database: Path) -> None:
    """A run is launched again by its id."""
    tracker.process("run", "--run-id", "r", *python("raise SystemExit(3)"))

    done = tracker.process("run", "--run-id", "r", *python("pass"))

    assert (done.code, done.err.splitlines()[0].split()[:3]) == (
        0,
        ["tracker:", "run", "r"],
    )
    (run,) = runs_in(database)
    assert [(one.number, one.status) for one in run.attempts] == [
        (1, "FAILED"),
        (2, "FINISHED"),
    ]


def test_run_tries_a_job_again(tracker: "Cli", database: Path) -> None:
    """One line tells of each retry; the exit code is that of the last attempt."""
    script = "test -e again || { touch again; exit 3; }"

    done = tracker("run", "--retries", "2", "--backoff", "0", "--shell", script)

    assert (done.code, len(only_run(database).attempts)) == (0, 2)
    assert "the job has failed (exit code 3); retry 1 of 2 in 0 s" in done.err


@pytest.mark.parametrize(
    ("option", "words", "told"),
    [
        ("--retries", "-1", "'-1' is no count; use a whole number from 0"),
        ("--backoff", "nan", "'nan' is no time; use seconds, such as 10 or 0.5"),
        ("--backoff", "1m", "'1m' is no time; use seconds, such as 10 or 0.5"),
    ],
)
def test_run_refuses_retries_that_are_none(
    tracker: "Cli", option: str, words: str, told: str
) -> None:
    """Before anything is started."""
    done = tracker("run", option, words, *python("open('ran', 'w')"))

    assert (done.code, Path("ran").exists()) == (2, False)
    assert told in done.err


def test_run_in_this_process_ends_with_the_code_of_the_job(
    tracker: "Cli", database: Path
) -> None:
    """The command line hands its words to the launcher and the code back."""
    done = tracker("run", "--experiment", "e", *python("raise SystemExit(3)"))

    assert done.code == 3
    assert only_run(database).experiment == "e"


def test_run_samples_machine_and_job(
    tracker: "Cli", database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The samples are a stream of the run, which the job need not know of."""
    monkeypatch.setenv("TRACKER_SYSTEM_INTERVAL", "0.1")

    done = tracker.process("run", *python(SAMPLED))

    assert done.code == 0
    with closing(SqliteTracker(str(database))) as store:
        (run_id,) = store.run_ids()
        found = store.series(run_id).keys()
    assert {"system/memory_percent", "system/job_memory_bytes"} <= found
