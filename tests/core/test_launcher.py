"""Tests of planning and launching, with the job in a process of its own."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker_core.delivery.base import Target
from tracker_core.errors import ConfigError, InvalidValueError
from tracker_core.identity import friendly_name
from tracker_core.launcher import Launch, launch_job, plan_launch
from tracker_core.runs import RunInfo
from tracker_core.testing import MemoryTracker
from tracker_core.testing.faults import FaultyTracker

OUTER = {
    "TRACKER_JOB_ID": "outer",
    "TORCHX_JOB_ID": "outer",
    "TRACKER_PARENT_RUN_ID": "grandparent",
    "TORCHX_PARENT_RUN_ID": "grandparent",
    "TRACKER_ATTEMPT": "3",
    "TRACKER_EXPERIMENT": "mine",
    "TRACKER_GROUP": "sweep",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder without any configuration; return it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def job_sees(launch: Launch, environ: dict[str, str]) -> dict[str, str]:
    """Give our variables and those of torchx, as the job has them."""
    seen = launch.job_environment(environ)
    return {name: seen[name] for name in seen if name.startswith(("TRACKER", "TORCHX"))}


def run(
    tracker: MemoryTracker | FaultyTracker, *command: str, backend: str = "memory"
) -> tuple[int, RunInfo]:
    """Launch a command that is recorded in ``tracker``; give its code and its run."""
    launch = plan_launch(os.environ)
    target = Target(backend, tracker)
    code = launch_job(launch, [target], command, os.environ)
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
        "TRACKER_ATTEMPT": "1",
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
    assert seen["TRACKER_ATTEMPT"] == "1"
    assert (seen["TRACKER_EXPERIMENT"], seen["TRACKER_GROUP"]) == ("mine", "sweep")


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
        "TRACKER_ATTEMPT": "1",
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
    ending: str, code: int, status: str, cause: object
) -> None:
    """The exit code is the job's, 128 + n for a signal, and the run ends so."""
    found, info = run(MemoryTracker(), *python(f"import os; os._exit({ending})"))

    assert (found, info.status, info.cause) == (code, status, cause)
    assert info.started_at is not None


def test_launch_records_who_the_run_is() -> None:
    """Name, experiment, group and parent are recorded, the parent as a source too."""
    tracker = MemoryTracker()
    launch = plan_launch(OUTER, name="n")

    launch_job(launch, [Target("memory", tracker)], python(""), OUTER)

    info = tracker.run(launch.run_id)
    assert (info.name, info.experiment) == ("n", "mine")
    assert (info.group_id, info.parent_run_id) == ("sweep", "outer")
    assert [source.source_run_id for source in tracker.sources(launch.run_id)] == [
        "outer"
    ]


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


@pytest.mark.parametrize(
    ("program", "code", "reason"),
    [
        (missing, 127, "no command is named"),
        (below_a_file, 127, "no command is named"),
        (folder, 126, "cannot be executed: Permission denied"),
        (not_executable, 126, "cannot be executed: Permission denied"),
        (without_interpreter, 126, "cannot be executed: its interpreter is missing"),
    ],
)
def test_launch_explains_a_command_that_cannot_start(
    program: Callable[[Path], str],
    code: int,
    reason: str,
    place: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The codes are those of a shell, and the run has failed for that reason."""
    found, info = run(MemoryTracker(), program(place))

    assert (found, info.status) == (code, "FAILED")
    assert info.cause
    assert (info.cause["kind"], info.cause["exit_code"]) == ("exit_code", code)
    assert reason in str(info.cause["message"])
    assert reason in caplog.text


def test_launch_survives_backends_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    """One summary, since the job itself warns, and the job's exit code."""
    tracker = MemoryTracker()
    launch = plan_launch(os.environ)
    targets = [Target("bad", FaultyTracker(tracker)), Target("good", tracker)]

    code = launch_job(launch, targets, python("raise SystemExit(5)"), os.environ)

    assert code == 5
    assert tracker.run(launch.run_id).status == "FAILED"
    (summary,) = (record.message for record in caplog.records)
    assert summary.startswith("backend 'bad' missed 4 of 4 records of run")


class Interrupting(list[str]):
    """A command whose reading sends this process a signal."""

    def __iter__(self) -> Iterator[str]:
        """Send it, and give the words of the command."""
        os.kill(os.getpid(), signal.SIGUSR1)
        return super().__iter__()


def test_launch_hands_on_what_came_before_the_job() -> None:
    """A signal that arrives while the job is being started reaches it."""
    tracker = MemoryTracker()
    launch = plan_launch(os.environ)
    command = Interrupting(["sleep", "60"])

    code = launch_job(launch, [Target("memory", tracker)], command, os.environ)

    assert code == 128 + signal.SIGUSR1


def test_launch_that_is_interrupted_before_the_job_starts_none() -> None:
    """Ctrl-C while a backend is slow at the beginning kills the run, not a job."""
    plan = {1: KeyboardInterrupt()}
    tracker = FaultyTracker(MemoryTracker(), plan.get)

    code, info = run(tracker, *python("open('ran', 'w')"))

    assert code == 130
    assert info.status == "KILLED"
    assert not Path("ran").exists()


def test_launch_that_is_interrupted_after_the_job_keeps_its_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ctrl-C while a backend is slow at the end is said, and the code passed on."""
    plan = {4: KeyboardInterrupt()}
    tracker = FaultyTracker(MemoryTracker(), plan.get)

    code, info = run(tracker, *python("raise SystemExit(5)"))

    assert (code, info.status) == (5, "FAILED")
    assert "interrupted: backends may miss the end of run" in caplog.text


def test_launch_leaves_signals_as_they_were() -> None:
    """What a program does with signals is its own again after the job."""
    before = [signal.getsignal(number) for number in signal.valid_signals()]

    run(MemoryTracker(), *python(""))

    assert [signal.getsignal(number) for number in signal.valid_signals()] == before
