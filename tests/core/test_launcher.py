"""Tests of planning and launching, with the job in a process of its own."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker_core.api import NativeTracker
from tracker_core.delivery.base import Target
from tracker_core.delivery.ledger import ledgers
from tracker_core.errors import ConfigError, InvalidValueError
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import RunFolder
from tracker_core.launcher import launch_job
from tracker_core.launches import Launch, plan_launch
from tracker_core.runs import RunInfo
from tracker_core.testing import MemoryTracker
from tracker_core.testing.faults import Call, FaultyTracker, once

OUTER = {
    "TRACKER_JOB_ID": "outer",
    "TORCHX_JOB_ID": "outer",
    "TRACKER_PARENT_RUN_ID": "grandparent",
    "TORCHX_PARENT_RUN_ID": "grandparent",
    "TRACKER_ATTEMPT": "3",
    "TRACKER_EXPERIMENT": "mine",
    "TRACKER_GROUP": "sweep",
}


pytestmark = pytest.mark.usefixtures("place")


def job_sees(launch: Launch, environ: dict[str, str]) -> dict[str, str]:
    """Give our variables and those of torchx, as the job has them."""
    seen = launch.job_environment(environ)
    return {name: seen[name] for name in seen if name.startswith(("TRACKER", "TORCHX"))}


def run(tracker: NativeTracker, *command: str) -> tuple[int, RunInfo]:
    """Launch a command that is recorded in ``tracker``; give its code and its run."""
    launch = plan_launch(os.environ)
    code = launch_job(launch, [Target("store", tracker)], command, os.environ)
    return code, tracker.run(launch.run_id)


def python(code: str) -> tuple[str, ...]:
    """Give the command that runs ``code``."""
    return (sys.executable, "-c", code)


def test_plan_names_the_run_in_both_families(place: Path) -> None:
    """Whichever library a job uses, it finds its run, and nothing else."""
    home = str(place / "home")

    launch = plan_launch(
        {"TRACKER_HOME": "home"},
        run_id="x",
        trackers="sqlite, lake=tracker_fsspec:create",
        experiment="iris",
        name="n",
        group_id="g",
        parent_run_id="p",
    )

    assert launch.name == "n"
    assert job_sees(launch, {}) == {
        "TRACKER_JOB_ID": "x",
        "TORCHX_JOB_ID": "x",
        "TRACKER_BACKENDS": "sqlite,lake=tracker_fsspec:create",
        "TORCHX_TRACKERS": "tracker_sqlite,tracker_fsspec",
        "TRACKER_PARENT_RUN_ID": "p",
        "TORCHX_PARENT_RUN_ID": "p",
        "TRACKER_EXPERIMENT": "iris",
        "TORCHX_TRACKING_EXPERIMENT_NAME": "iris",
        "TRACKER_GROUP": "g",
        "TRACKER_HOME": home,
        "TRACKER_LAUNCH_DIR": str(place),
        "TRACKER_ON_ERROR": "raise",
    }


def test_plan_makes_an_id_and_uses_sqlite() -> None:
    """Nothing needs to be configured."""
    launch = plan_launch({})

    assert len(launch.run_id) == 26
    assert launch.name == friendly_name(launch.run_id)
    assert launch.variables()["TRACKER_BACKENDS"] == "sqlite"
    assert launch.configs() == {}


def test_plan_carries_what_files_say(place: Path) -> None:
    """A job that changes its directory needs no file any more."""
    (place / "tracker.toml").write_text(
        'experiment = "iris"\non_error = "warn"\n'
        '[backends.sqlite]\nconfig = "runs.db"\n'
        '[backends.lake]\nfactory = "tracker_fsspec:create"\nconfig = "s3://b"\n'
    )

    launch = plan_launch({})

    variables = launch.variables()
    assert variables["TRACKER_BACKENDS"] == "sqlite,lake=tracker_fsspec:create"
    assert variables["TORCHX_TRACKERS"] == "tracker_sqlite,tracker_fsspec"
    assert variables["TRACKER_EXPERIMENT"] == "iris"
    assert variables["TRACKER_ON_ERROR"] == "warn"
    assert launch.configs() == {
        "TRACKER_SQLITE_CONFIG": "runs.db",
        "TRACKER_LAKE_CONFIG": "s3://b",
        "TORCHX_TRACKER_TRACKER_SQLITE_CONFIG": "runs.db",
        "TORCHX_TRACKER_TRACKER_FSSPEC_CONFIG": "s3://b",
    }


def test_plan_replaces_the_trackers_but_keeps_their_configs(place: Path) -> None:
    """A list that is given says which backends, the files say how."""
    (place / "tracker.toml").write_text(
        '[backends.sqlite]\nconfig = "runs.db"\n[backends.memory]\n'
    )

    launch = plan_launch({"TRACKER_FSSPEC_CONFIG": "runs"}, trackers="fsspec,sqlite")

    assert [tuple(backend) for backend in launch.backends] == [
        ("fsspec", None, "runs"),
        ("sqlite", None, "runs.db"),
    ]


def test_plan_within_a_job_makes_a_child() -> None:
    """A nested launch has an id of its own; its parent is the job around it."""
    launch = plan_launch(OUTER)

    seen = job_sees(launch, OUTER)
    assert seen["TRACKER_JOB_ID"] == seen["TORCHX_JOB_ID"] == launch.run_id != "outer"
    assert seen["TRACKER_PARENT_RUN_ID"] == seen["TORCHX_PARENT_RUN_ID"] == "outer"
    assert "TRACKER_ATTEMPT" not in seen
    assert launch.settings.attempt is None
    assert (seen["TRACKER_EXPERIMENT"], seen["TRACKER_GROUP"]) == ("mine", "sweep")


def test_plan_within_a_scheduled_job_is_a_run_of_its_own() -> None:
    """A script may launch several; they share the group of its array."""
    array = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2", "SLURM_PROCID": "0"}

    launches = [plan_launch({**os.environ, **array}) for _ in range(2)]

    assert len({launch.run_id for launch in launches}) == 2
    assert {launch.created.parent_run_id for launch in launches} == {None}
    assert {launch.created.group_id for launch in launches} == {"slurm-7"}


def test_plan_prefers_the_parent_that_is_given() -> None:
    """What is said wins over what is found."""
    assert plan_launch(OUTER, parent_run_id="p").created.parent_run_id == "p"


def test_plan_takes_the_parent_of_the_environment() -> None:
    """A launcher of another kind may have named the parent."""
    launch = plan_launch({"TORCHX_PARENT_RUN_ID": "p"})

    assert launch.created.parent_run_id == "p"


def test_plan_removes_what_tells_of_another_run() -> None:
    """Variables of another run, that this one has no word for, are stale."""
    environ = {"TORCHX_TRACKERS": "fsspec", "TRACKER_ATTEMPT": "3", "PATH": "/bin"}
    launch = plan_launch(environ, trackers="sqlite")

    assert launch.stale({**environ, "TRACKER_GROUP": "g"}) == [
        "TRACKER_ATTEMPT",
        "TRACKER_GROUP",
    ]
    assert launch.job_environment(environ)["PATH"] == "/bin"


def test_plan_passes_on_how_the_job_delivers() -> None:
    """What was said about mode, time and disk holds for the job as well."""
    environ = {
        "TRACKER_MODE": "offline",
        "TRACKER_CLOSE_TIMEOUT": "2.5",
        "TRACKER_DISK_BUDGET": "5MB",
    }

    launch = plan_launch(environ)

    assert job_sees(launch, environ).items() >= {
        ("TRACKER_MODE", "offline"),
        ("TRACKER_CLOSE_TIMEOUT", "2.5"),
        ("TRACKER_DISK_BUDGET", "5000000"),
    }


def test_plan_counts_the_attempt_of_its_own_run() -> None:
    """The attempt of a launched run is the one that is said with its id."""
    again = plan_launch({"TRACKER_JOB_ID": "x", "TRACKER_ATTEMPT": "3"}, run_id="x")
    first = plan_launch({"TRACKER_ATTEMPT": "3"})

    assert (again.settings.attempt, first.settings.attempt) == (3, 3)


@pytest.mark.parametrize("trackers", ["", " , "])
def test_plan_needs_a_tracker(trackers: str) -> None:
    """A list that names nothing is an error, not the default."""
    with pytest.raises(ConfigError, match="name none"):
        plan_launch({}, trackers=trackers)


@pytest.mark.parametrize(
    "option", ["run_id", "experiment", "name", "group_id", "parent_run_id"]
)
def test_plan_refuses_empty_names(option: str) -> None:
    """What is given must be something."""
    with pytest.raises(InvalidValueError, match="is empty"):
        plan_launch({}, **{option: ""})


def test_plan_refuses_unusable_settings(place: Path) -> None:
    """A file that cannot be read stops the launch."""
    (place / "tracker.toml").write_text("[backends")

    with pytest.raises(ConfigError, match=r"tracker\.toml cannot be read"):
        plan_launch({})


def test_plan_goes_on_untracked_under_warn(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the policy is to warn, the job is told of its run and of no backend."""
    (place / "tracker.toml").write_text("[backends")
    environ = {"TRACKER_ON_ERROR": "warn", "TRACKER_BACKENDS": "sqlite"}

    launch = plan_launch(environ)

    assert "nothing is tracked: tracker.toml cannot be read" in caplog.text
    assert job_sees(launch, environ) == {
        "TRACKER_JOB_ID": launch.run_id,
        "TORCHX_JOB_ID": launch.run_id,
        "TRACKER_LAUNCH_DIR": str(place),
        "TRACKER_ON_ERROR": "warn",
    }


@pytest.mark.parametrize(
    ("ending", "code", "status", "cause"),
    [
        ("0", 0, "FINISHED", None),
        ("3", 3, "FAILED", {"kind": "exit_code", "exit_code": 3}),
        (
            "os.kill(os.getpid(), 9)",
            137,
            "KILLED",
            {"kind": "signal", "signal": "SIGKILL", "number": 9},
        ),
    ],
)
def test_launch_passes_the_end_on(
    store: NativeTracker, ending: str, code: int, status: str, cause: object
) -> None:
    """The exit code is the job's, 128 + n for a signal, and the run ends so."""
    found, info = run(store, *python(f"import os; os._exit({ending})"))

    assert (found, info.status, info.cause) == (code, status, cause)
    assert info.started_at is not None


@pytest.mark.parametrize(
    ("ending", "exit_code", "signal_name"),
    [("0", 0, None), ("3", 3, None), ("os.kill(os.getpid(), 9)", None, "SIGKILL")],
)
def test_launch_tells_the_facts_of_its_attempt(
    store: NativeTracker, ending: str, exit_code: int | None, signal_name: str | None
) -> None:
    """Where it ran, how it ended and how much memory it took at most."""
    # More than this launcher has ever taken, below which nothing is told.
    own_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = own_kib * 1024 + (1 << 27)
    _, info = run(store, *python(f"import os; b'1' * {size}; os._exit({ending})"))

    (attempt,) = info.attempts
    assert attempt.host == os.uname().nodename
    assert (attempt.exit_code, attempt.signal) == (exit_code, signal_name)
    assert size < (attempt.peak_memory_bytes or 0) < 2 * size


def test_launch_tells_no_memory_that_may_be_its_own(store: NativeTracker) -> None:
    """A process begins as one of the launcher, and Linux counts that."""
    _, info = run(store, "true")

    assert info.attempts[0].peak_memory_bytes is None


def test_launch_records_who_the_run_is(store: NativeTracker) -> None:
    """Name, experiment, group and parent are recorded, the parent as a source too."""
    launch = plan_launch(OUTER, name="n")

    launch_job(launch, [Target("store", store)], python(""), OUTER)

    info = store.run(launch.run_id)
    assert [attempt.number for attempt in info.attempts] == [1]
    assert (info.name, info.experiment) == ("n", "mine")
    assert (info.group_id, info.parent_run_id) == ("sweep", "outer")
    assert [source.source_run_id for source in store.sources(launch.run_id)] == [
        "outer"
    ]


@pytest.mark.parametrize("mode", ["on", "offline"])
def test_launch_within_a_trace_hands_on_a_span_of_its_own(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """The job sees the trace, the run's span, and the state of the trace as it was."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    monkeypatch.setenv("TRACKER_MODE", mode)
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-00f067aa0ba902b7-01")
    monkeypatch.setenv("TRACESTATE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    launch = plan_launch(os.environ)
    command = ["sh", "-c", 'echo "$TRACEPARENT $TRACESTATE" > seen']

    launch_job(launch, [Target("store", store)], command, os.environ)

    header, state = Path("seen").read_text().split()
    version, trace_id, span_id, flags = header.split("-")
    assert (version, trace_id, flags) == ("00", trace, "01")
    assert (len(span_id), span_id != "00f067aa0ba902b7") == (16, True)
    assert state == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    if mode == "on":
        info = store.run(launch.run_id)
        assert (info.trace_id, info.span_id) == (trace_id, span_id)


@pytest.mark.parametrize(
    ("mode", "header"),
    [
        ("on", "garbage"),
        ("off", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ],
)
def test_launch_that_has_no_span_leaves_the_trace_alone(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch, mode: str, header: str
) -> None:
    """What is malformed means nothing, and a run that nobody records is no span."""
    monkeypatch.setenv("TRACKER_MODE", mode)
    monkeypatch.setenv("TRACEPARENT", header)
    launch = plan_launch(os.environ)
    command = ["sh", "-c", 'echo "$TRACEPARENT" > seen']

    launch_job(launch, [Target("store", store)], command, os.environ)

    assert Path("seen").read_text() == f"{header}\n"


def test_launch_outside_of_a_trace_begins_none(
    store: NativeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has asked for one."""
    monkeypatch.delenv("TRACEPARENT", raising=False)

    _, info = run(store, "sh", "-c", 'test -z "$TRACEPARENT"')

    assert (info.status, info.trace_id) == ("FINISHED", None)


def test_launch_gives_the_environment_to_the_job(place: Path) -> None:
    """The job sees the variables of its run and those that the launcher has."""
    launch = plan_launch(os.environ)
    write = "import json, os; json.dump(dict(os.environ), open('seen.json', 'w'))"

    launch_job(launch, [], python(write), {**os.environ, "OTHER": "1"})

    seen = json.loads((place / "seen.json").read_text())
    assert (seen["TRACKER_JOB_ID"], seen["OTHER"]) == (launch.run_id, "1")


def missing(place: Path) -> str:
    """Give a program that is not there."""
    return str(place / "nothing")


def below_a_file(place: Path) -> str:
    """Give a program inside something that is no folder."""
    (place / "file").write_text("")
    return str(place / "file" / "program")


def folder(place: Path) -> str:
    """Give a folder."""
    return str(place)


def not_executable(place: Path) -> str:
    """Give a file that may not be executed."""
    (place / "script").write_text("#!/bin/sh\n")
    return str(place / "script")


def without_interpreter(place: Path) -> str:
    """Give a script whose interpreter is not there."""
    script = place / "script"
    script.write_text("#!/nothing/here\n")
    script.chmod(0o755)
    return str(script)


def without_first_line(place: Path) -> str:
    """Give a script that names no interpreter."""
    script = place / "script"
    script.write_text("true\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("program", "code", "reason"),
    [
        (missing, 127, "no command is named"),
        (below_a_file, 127, "no command is named"),
        (folder, 126, "cannot be executed: Permission denied"),
        (not_executable, 126, "cannot be executed: Permission denied"),
        (without_interpreter, 126, "cannot be executed: its interpreter is missing"),
        (without_first_line, 126, "a script begins with a line such as #!/bin/sh"),
    ],
)
def test_launch_explains_a_command_that_cannot_start(
    program: Callable[[Path], str],
    code: int,
    reason: str,
    store: NativeTracker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The codes are those of a shell, and the run has failed for that reason."""
    found, info = run(store, program(Path.cwd()))

    assert (found, info.status) == (code, "FAILED")
    assert info.cause
    assert (info.cause["kind"], info.cause["exit_code"]) == ("exit_code", code)
    assert reason in str(info.cause["message"])
    assert reason in caplog.text


def test_launch_records_the_command_without_secrets(store: NativeTracker) -> None:
    """Every word is kept, but for what an option with a telling name says."""
    command = [*python("pass"), "--lr", "0.1", "--password", "hunter2"]

    _, info = run(store, *command)

    found = store.provenance(info.run_id)["command"]
    assert found == [*command[:-1], "***"]


def test_launch_survives_backends_that_fail(
    store: NativeTracker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line when it fails and one at the end, and the job's exit code."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    launch = plan_launch(os.environ)
    targets = [Target("bad", FaultyTracker(store)), Target("good", store)]

    code = launch_job(launch, targets, python("raise SystemExit(5)"), os.environ)

    assert code == 5
    assert store.run(launch.run_id).status == "FAILED"
    failed, due = (record.message for record in caplog.records)
    assert failed.startswith("backend 'bad' failed: ")
    assert failed.endswith("; the job and the other backends go on")
    assert due.startswith(
        f"backend 'bad' has not taken 5 records of run {launch.run_id!r} yet ("
    )
    assert due.endswith(f"safe in the journal: tracker sync {launch.run_id}")


def test_launch_keeps_the_diff_that_is_asked_for(
    store: NativeTracker, place: Path
) -> None:
    """It has the uncommitted changes, without what looks like a secret."""
    git = ("git", "-c", "user.name=n", "-c", "user.email=e")
    (place / "code.py").write_text("lr = 0.1\n")
    for words in (("init", "-q"), ("add", "code.py"), ("commit", "-qm", "first")):
        subprocess.run([*git, *words], check=True)
    (place / "code.py").write_text("lr = 0.2\npassword = 'tr0ub4dor&3'\n")
    launch = plan_launch(os.environ)._replace(keeps_diff=True)

    launch_job(launch, [Target("store", store)], ("true",), os.environ)

    artifact = store.artifacts(launch.run_id)["code.diff"]
    diff = store.open_artifact(launch.run_id, "code.diff").read().decode()
    assert "-lr = 0.1\n+lr = 0.2\n" in diff
    assert "tr0ub4dor" not in diff
    assert artifact.metadata is not None
    assert artifact.metadata["is_diff_cut"] is False
    assert (artifact.kind, artifact.role) == ("diff", "diff")


def test_launch_tells_of_a_diff_that_cannot_be_kept(
    store: NativeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Outside of a repository there is none."""
    launch = plan_launch(os.environ)._replace(keeps_diff=True)

    launch_job(launch, [Target("store", store)], ("true",), os.environ)

    assert "there is no diff to keep" in caplog.text
    assert not store.artifacts(launch.run_id)


def test_launch_records_the_packages_of_the_job(store: NativeTracker) -> None:
    """A Python lists what is installed for it; of others nothing is known."""
    (_, info), (_, other) = run(store, *python("")), run(store, "true")

    packages = store.provenance(info.run_id)["packages"]
    assert isinstance(packages, dict)
    assert packages["pytest"] == pytest.__version__
    assert "packages" not in store.provenance(other.run_id)


def test_launch_counts_what_the_job_has_logged(
    store: NativeTracker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The job leaves it to the launcher to deliver, and to say what is due."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    launch = plan_launch(os.environ, trackers="bad=tracker_sqlite:create")
    target = Target("bad", FaultyTracker(store))
    log = "from tracker_core import AppRun; AppRun.run_from_env().log_metric('x', 1)"

    launch_job(launch, [target], python(log), os.environ)

    # Of either four: created, provenance, started and ended; and the packages.
    assert "backend 'bad' has not taken 10 records of run " in caplog.messages[-1]


def test_launch_leaves_what_dies_with_a_process_to_the_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a launcher keeps in its own memory nobody could read."""
    tracker = MemoryTracker()
    launch = plan_launch(os.environ)

    launch_job(launch, [Target("memory", tracker)], python(""), os.environ)

    assert tracker.runs() == []
    assert caplog.messages == []


@pytest.mark.parametrize("is_owned", [True, False])
def test_launch_closes_the_trackers_that_it_owns(
    store: NativeTracker, *, is_owned: bool
) -> None:
    """Also those that it has no use for; others stay open."""
    trackers = [Closing(MemoryTracker()), Closing(store)]
    targets = [
        Target(name, tracker, is_owned=is_owned)
        for name, tracker in zip(("memory", "store"), trackers, strict=True)
    ]

    launch_job(plan_launch(os.environ), targets, python(""), os.environ)

    assert [tracker.is_closed for tracker in trackers] == [is_owned] * 2


@pytest.mark.parametrize("mode", ["offline", "off"])
def test_launch_delivers_nothing_where_that_is_the_mode(
    mode: str, store: NativeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trackers are closed all the same."""
    monkeypatch.setenv("TRACKER_MODE", mode)
    tracker = Closing(store)
    launch = plan_launch(os.environ)
    target = Target("store", tracker, is_owned=True)

    code = launch_job(launch, [target], python("raise SystemExit(5)"), os.environ)

    assert code == 5
    assert tracker.is_closed
    assert store.runs() == []


def test_launch_offline_notes_which_backends_are_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job need not track by itself for its run to be delivered later."""
    monkeypatch.setenv("TRACKER_MODE", "offline")
    launch = plan_launch(os.environ, trackers="sqlite,lake=tracker_fsspec:create")

    launch_job(launch, [], python(""), os.environ)

    assert launch.home is not None
    folder = RunFolder.of(launch.home, launch.run_id)
    assert [(found.backend, found.factory) for found in ledgers(folder)] == [
        ("lake", "tracker_fsspec:create"),
        ("sqlite", None),
    ]


class Closing(FaultyTracker):
    """Remembers that it was closed, and leaves the tracker behind it open."""

    def __init__(self, inner: NativeTracker) -> None:
        """Let every call through."""
        super().__init__(inner, lambda _: None)
        self.is_closed = False

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


class Interrupting(list[str]):
    """A command whose reading sends this process a signal, once that is handled."""

    def __iter__(self) -> Iterator[str]:
        """Send it, and give the words of the command."""
        # The command is read to be recorded, too, before signals are handed on.
        if signal.getsignal(signal.SIGUSR1) is not signal.SIG_DFL:
            os.kill(os.getpid(), signal.SIGUSR1)
        return super().__iter__()


def test_launch_hands_on_what_came_before_the_job(store: NativeTracker) -> None:
    """A signal that arrives while the job is being started reaches it."""
    launch = plan_launch(os.environ)
    command = Interrupting(["sleep", "60"])

    code = launch_job(launch, [Target("store", store)], command, os.environ)

    assert code == 128 + signal.SIGUSR1


def test_launch_hands_on_what_another_thread_takes(
    store: NativeTracker, place: Path
) -> None:
    """The system gives a signal to any of them while the main one has one to take."""
    os.mkfifo(place / "began")

    def take() -> None:
        (place / "began").read_bytes()
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    taker = threading.Thread(target=take)
    taker.start()
    code, _ = run(store, "sh", "-c", ": > began; exec sleep 60")
    taker.join()

    assert code == 128 + signal.SIGUSR1


def test_launch_hears_the_end_when_it_is_blocked(store: NativeTracker) -> None:
    """Whoever starts the launcher may leave it a mask of signals, which it keeps."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        code, _ = run(store, *python("raise SystemExit(5)"))
        during = signal.pthread_sigmask(signal.SIG_SETMASK, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    assert code == 5
    assert signal.SIGCHLD in during


def interrupt(call: Call) -> None:
    """Press Ctrl-C, and make a call that takes its time."""
    os.kill(os.getpid(), signal.SIGINT)
    call.released.wait(0.5)
    call.hand_on()


def test_launch_that_is_interrupted_before_the_job_starts_none(
    store: NativeTracker,
) -> None:
    """Ctrl-C while a backend is slow at the beginning kills the run, not a job."""
    tracker = FaultyTracker(store, once(1, interrupt))

    code, info = run(tracker, *python("open('ran', 'w')"))

    assert code == 130
    assert info.status == "KILLED"
    assert not Path("ran").exists()


def test_launch_that_is_interrupted_after_the_job_keeps_its_code(
    store: NativeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Ctrl-C while a backend is slow at the end is said, and the code passed on."""
    # Heartbeats are calls too, so it is the writes that tell the end.
    tracker = FaultyTracker(store, lambda _: interrupt if tracker.writes == 2 else None)
    launch = plan_launch(os.environ)
    target = Target("store", tracker)

    code = launch_job(launch, [target], ("sh", "-c", "exit 5"), os.environ)

    for thread in threading.enumerate():
        if thread.name == "tracker-store":
            thread.join()
    assert code == 5
    assert caplog.messages == [
        f"interrupted: backends may miss the end of run {launch.run_id!r}"
    ]


def test_launch_leaves_signals_as_they_were(store: NativeTracker) -> None:
    """What a program does with signals is its own again after the job."""
    before = [signal.getsignal(number) for number in signal.valid_signals()]

    run(store, *python(""))

    assert [signal.getsignal(number) for number in signal.valid_signals()] == before


def test_plan_of_a_step_belongs_to_the_run_around_it() -> None:
    """It takes over the id, and is no child of itself."""
    launch = plan_launch({**OUTER, "TRACKER_PARENT_RUN_ID": "p"}, step="train")

    seen = job_sees(launch, OUTER)
    assert (launch.run_id, launch.created.parent_run_id) == ("outer", "p")
    assert (seen["TRACKER_JOB_ID"], seen["TRACKER_STEP"]) == ("outer", "train")


def test_plan_of_a_step_within_a_step_has_both_names() -> None:
    """A step of another run lies within none."""
    around = {**OUTER, "TRACKER_STEP": "train"}

    inner, other = (
        plan_launch(around, run_id=run_id, step="fold") for run_id in (None, "other")
    )

    assert inner.variables()["TRACKER_STEP"] == "train/fold"
    assert other.variables()["TRACKER_STEP"] == "fold"


def test_plan_of_a_run_within_a_step_has_none() -> None:
    """A child is a run of its own."""
    around = {**OUTER, "TRACKER_STEP": "train"}

    launch = plan_launch(around)

    assert launch.created.parent_run_id == "outer"
    assert launch.settings.step is None
    assert "TRACKER_STEP" not in launch.job_environment(around)
