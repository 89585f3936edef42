"""The run of a job, as the environment tells it, and how it ends with its process."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tracker_memory
import tracker_sqlite
from tracker_core import AppRun, NativeTracker, TrackerBase
from tracker_core.errors import BackendNotFoundError, ConfigError, RunEndedError
from tracker_core.runs import RunInfo
from tracker_core.settings import VARIABLES
from tracker_core.testing import MemoryTracker

MEMORY = "memory=tracker_memory:create"
SQLITE = "sqlite=tracker_sqlite:create"
FAULTY = "faulty=tracker_core.testing.faults:create"
# An error that is dealt with, and shown as a window or a prompt shows it.
SHOWN = """
import sys
try:
    1 / 0
except ZeroDivisionError:
    sys.excepthook(*sys.exc_info())
"""
RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, in a process that nothing launched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    known = [name for pair in VARIABLES.values() for name in pair[:2] if name]
    for name in (*known, *RANKS):
        monkeypatch.delenv(name, raising=False)
    hook = sys.excepthook
    AppRun.run_from_env.cache_clear()
    yield tmp_path
    sys.excepthook = hook


@pytest.fixture
def launch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., MemoryTracker]:
    """Give a function that sets variables, and gives the memory they may lead to."""

    def launched(**variables: str) -> MemoryTracker:
        monkeypatch.setenv("TORCHX_TRACKER_MEMORY_CONFIG", str(tmp_path))
        for name, text in variables.items():
            monkeypatch.setenv(name, text)
        return tracker_memory.create(str(tmp_path))

    return launched


def test_job_id_and_backends_give_that_run(
    launch: Callable[..., MemoryTracker],
) -> None:
    """It runs until it is finished, and tells who it is."""
    store = launch(
        TRACKER_JOB_ID="scheduler://session/app",
        TRACKER_BACKENDS=MEMORY,
        TRACKER_EXPERIMENT="e",
        TRACKER_GROUP="g",
        TRACKER_ATTEMPT="2",
    )

    run = AppRun.run_from_env()
    run.flush()
    started = store.run("scheduler://session/app")
    run.finish()

    assert (started.status, started.experiment, started.group_id) == (
        "RUNNING",
        "e",
        "g",
    )
    assert [attempt.number for attempt in started.attempts] == [2]
    assert store.run(run.id).status == "FINISHED"


def test_backends_only_give_a_run_with_an_id_of_its_own(
    launch: Callable[..., MemoryTracker],
) -> None:
    """It is a ULID, another for each process."""
    store = launch(TRACKER_BACKENDS=MEMORY)

    run = AppRun.run_from_env()
    run.finish()

    assert len(run.id) == 26
    assert store.run(run.id).status == "FINISHED"


@pytest.mark.parametrize(
    ("variables", "run_id"),
    [
        ({}, "<UNDEFINED>"),
        ({"TRACKER_JOB_ID": "j"}, "j"),
        ({"AWS_BATCH_JOB_ID": "7"}, "aws-batch-7"),
        ({"LSB_JOBID": "7", "LSB_INTERACTIVE": "Y"}, "<UNDEFINED>"),
        ({"TORCHX_JOB_ID": "j"}, "j"),
        ({"TORCHX_JOB_ID": "j", "TORCHX_TRACKERS": ""}, "j"),
        ({"TRACKER_JOB_ID": "j", "TRACKER_BACKENDS": " , "}, "j"),
        ({"TRACKER_BACKENDS": ","}, "<UNDEFINED>"),
        ({"TRACKER_EXPERIMENT": "e", "TRACKER_GROUP": "g"}, "<UNDEFINED>"),
    ],
)
def test_without_backends_the_run_is_empty(
    launch: Callable[..., MemoryTracker], variables: dict[str, str], run_id: str
) -> None:
    """It stores nothing, answers with nothing, and checks every value."""
    launch(**variables)

    run = AppRun.run_from_env()
    run.log_metric("x", 1)
    run.add_source("p")

    assert (run.id, run.backends, run.status) == (run_id, [], None)
    assert (run.sources(), run.children()) == ([], [])
    with pytest.raises(ValueError, match="step is -1"):
        run.log_metric("x", 1, step=-1)


def test_scheduled_job_gives_a_run_that_its_launcher_may_name(
    launch: Callable[..., MemoryTracker],
) -> None:
    """The job is asked where nobody else says which run it is."""
    store = launch(
        TRACKER_BACKENDS=MEMORY,
        AWS_BATCH_JOB_ID="7:2",
        AWS_BATCH_JOB_ARRAY_INDEX="2",
        RANK="0",
    )

    AppRun.run_from_env().finish()
    launch(TRACKER_JOB_ID="j", TRACKER_GROUP="g")
    AppRun.run_from_env.cache_clear()
    AppRun.run_from_env().finish()

    assert {run.run_id: run.group_id for run in store.runs()} == {
        "aws-batch-7_2": "aws-batch-7",
        "j": "g",
    }


def test_scheduled_job_reads_the_files(
    launch: Callable[..., MemoryTracker], folder: Path
) -> None:
    """Its backends may be named there, as those of a job with a run id."""
    (folder / "tracker.toml").write_text(
        f'[backends.memory]\nfactory = "tracker_memory:create"\nconfig = "{folder}"\n'
    )
    store = launch(AWS_BATCH_JOB_ID="a-b")

    AppRun.run_from_env().finish()

    assert store.run_ids() == ["aws-batch-a-b"]


def test_unlaunched_process_reads_no_file(folder: Path) -> None:
    """A corrupt file harms only those who track."""
    (folder / "tracker.toml").write_text("a = ")

    assert AppRun.run_from_env().backends == []


def test_torchx_variables_alone_are_enough(
    launch: Callable[..., MemoryTracker], folder: Path
) -> None:
    """A job that torchx launched tracks to where torchx says."""
    store = launch(
        TORCHX_JOB_ID="run_id",
        TORCHX_TRACKERS=f"{MEMORY}",
        TORCHX_PARENT_RUN_ID="parent_run_id",
        TORCHX_TRACKING_EXPERIMENT_NAME="e",
    )

    run = AppRun.run_from_env()
    run.finish()

    (backend,) = run.backends
    assert run.id == "run_id"
    assert isinstance(backend, TrackerBase)
    assert isinstance(backend, MemoryTracker)
    assert (
        backend.run_ids() == ["run_id"] == tracker_memory.create(str(folder)).run_ids()
    )
    assert [source.parent.id for source in run.sources()] == ["parent_run_id"]
    assert store.run("run_id").parent_run_id == "parent_run_id"
    assert store.run("run_id").experiment == "e"


def test_parent_is_recorded_on_every_backend(
    launch: Callable[..., MemoryTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them can tell the lineage by itself."""
    first = launch(
        TRACKER_JOB_ID="j",
        TRACKER_BACKENDS=f"{MEMORY},other=tracker_memory:create",
        TRACKER_PARENT_RUN_ID="p",
    )
    monkeypatch.setenv("TRACKER_OTHER_CONFIG", "other")

    run = AppRun.run_from_env()
    run.finish()

    for store in (first, tracker_memory.create("other")):
        assert [source.source_run_id for source in store.sources("j")] == ["p"]


def test_empty_parent_is_none(launch: Callable[..., MemoryTracker]) -> None:
    """A launcher may set the variable to nothing."""
    launch(TRACKER_JOB_ID="j", TRACKER_BACKENDS=MEMORY, TORCHX_PARENT_RUN_ID="")

    run = AppRun.run_from_env()
    run.finish()

    assert run.sources() == []


def test_rank_makes_writers_of_one_run(launch: Callable[..., MemoryTracker]) -> None:
    """Processes of one job share its run."""
    store = launch(TRACKER_JOB_ID="j", TRACKER_BACKENDS=MEMORY, RANK="0")
    first = AppRun.run_from_env()
    AppRun.run_from_env.cache_clear()
    launch(RANK="1")
    second = AppRun.run_from_env()

    first.log_metric("x", 1)
    second.log_metric("x", 2)
    first.finish()
    second.flush()
    alive = store.run("j").status
    second.finish()

    assert store.series("j")["x"].count == 2
    assert (alive, store.run("j").status) == ("RUNNING", "FINISHED")


def test_run_is_the_same_until_the_cache_is_cleared(
    launch: Callable[..., MemoryTracker],
) -> None:
    """A later change of the environment is not looked at before."""
    first = AppRun.run_from_env()
    launch(TRACKER_JOB_ID="j")
    same = AppRun.run_from_env()

    AppRun.run_from_env.cache_clear()

    assert same is first
    assert AppRun.run_from_env().id == "j"


def test_threads_get_one_run(launch: Callable[..., MemoryTracker]) -> None:
    """It is opened once, whoever asks first."""
    store = launch(TRACKER_BACKENDS=MEMORY)
    barrier = threading.Barrier(8)
    runs = []

    def ask() -> None:
        barrier.wait()
        runs.append(AppRun.run_from_env())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs[0].finish()

    assert len({id(run) for run in runs}) == 1
    assert len(store.runs()) == 1


def test_unusable_backend_is_raised_and_the_next_call_tries_again(
    launch: Callable[..., MemoryTracker],
) -> None:
    """A failed opening leaves nothing behind."""
    launch(TRACKER_JOB_ID="j", TRACKER_BACKENDS="zzz")
    with pytest.raises(BackendNotFoundError, match="no backend is named 'zzz'"):
        AppRun.run_from_env()

    launch(TRACKER_BACKENDS=MEMORY)
    run = AppRun.run_from_env()
    run.finish()

    assert run.id == "j"


def test_unusable_settings_give_the_empty_run_where_that_is_the_policy(
    launch: Callable[..., MemoryTracker], caplog: pytest.LogCaptureFixture
) -> None:
    """It keeps its id, and a warning says why nothing is tracked."""
    launch(
        TRACKER_JOB_ID="j",
        TRACKER_BACKENDS=MEMORY,
        TRACKER_ATTEMPT="x",
        TRACKER_ON_ERROR="warn",
    )

    run = AppRun.run_from_env()

    assert (run.id, run.backends) == ("j", [])
    assert len(caplog.messages) == 1
    assert "TRACKER_ATTEMPT is 'x'" in caplog.messages[0]


def test_job_without_any_usable_backend_keeps_its_id(
    launch: Callable[..., MemoryTracker], caplog: pytest.LogCaptureFixture
) -> None:
    """Each backend that is left out is a warning."""
    launch(TRACKER_JOB_ID="j", TRACKER_BACKENDS="zzz,gone:f", TRACKER_ON_ERROR="warn")

    run = AppRun.run_from_env()

    assert (run.id, run.backends) == ("j", [])
    assert len(caplog.messages) == 2


def test_job_id_that_is_no_text_is_refused(
    launch: Callable[..., MemoryTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that no backend could keep are an error at once."""
    launch(TRACKER_JOB_ID=os.fsdecode(b"j\xff"), TRACKER_BACKENDS=MEMORY)

    with pytest.raises(ConfigError, match=r"TRACKER_JOB_ID is .*no valid UTF-8"):
        AppRun.run_from_env()

    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")
    assert AppRun.run_from_env().id == "<UNDEFINED>"


def test_finished_run_ignores_the_end_of_the_process(
    launch: Callable[..., MemoryTracker],
) -> None:
    """A job may end its run by itself."""
    store = launch(TRACKER_JOB_ID="j", TRACKER_BACKENDS=MEMORY)

    with AppRun.run_from_env() as run:
        run.finish("FAILED", {"kind": "time_limit"})

    assert store.run("j").status == "FAILED"
    with pytest.raises(RunEndedError):
        AppRun.run_from_env().log_metric("x", 1)


class Job:
    """Jobs that are started as processes, on one SQLite database.

    Args:
        folder: Where the database lies.
    """

    def __init__(self, folder: Path) -> None:
        """Begin without a database."""
        self.path = folder / "runs.db"
        self.readers: list[NativeTracker] = []

    def start(self, code: str, backends: str = SQLITE) -> "subprocess.Popen[str]":
        """Start a job that opens its run and then does what the code says."""
        opened = "from tracker_core import AppRun\nrun = AppRun.run_from_env()\n"
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TRACKER_JOB_ID": "j",
            "TRACKER_BACKENDS": backends,
            "TRACKER_SQLITE_CONFIG": str(self.path),
        }
        return subprocess.Popen(
            [sys.executable, "-c", opened + code],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, code: str, backends: str = SQLITE) -> tuple[int, str]:
        """Give the exit code of a job, and what it left on stderr."""
        process = self.start(code, backends)
        _, errors = process.communicate()
        return process.returncode, errors

    @property
    def tracker(self) -> NativeTracker:
        """The database."""
        if not self.readers:
            self.readers.append(tracker_sqlite.create(str(self.path)))
        return self.readers[0]

    @property
    def info(self) -> RunInfo:
        """The run, as the database has it."""
        return self.tracker.run("j")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """Give a place to start jobs, and close its database."""
    started = Job(tmp_path)
    yield started
    for tracker in started.readers:
        tracker.close()


@pytest.mark.parametrize(
    ("code", "exit_code", "status", "cause"),
    [
        ("run.log_metric('x', 1)", 0, "FINISHED", None),
        ("raise ValueError('no')", 1, "FAILED", ("exception", "no")),
        ("import sys; sys.exit(0)", 0, "FINISHED", None),
        (SHOWN, 0, "FINISHED", None),
        ("raise KeyboardInterrupt", -2, "KILLED", ("signal", "SIGINT")),
        ("with run: raise ValueError('no')", 1, "FAILED", ("exception", "no")),
        ("with run: raise SystemExit(3)", 3, "FAILED", ("exit_code", 3)),
        ("with run: raise SystemExit('text')", 1, "FAILED", ("exit_code", 1)),
        ("with run: raise SystemExit(0)", 0, "FINISHED", None),
        ("with run: raise KeyboardInterrupt", -2, "KILLED", ("signal", "SIGINT")),
    ],
)
def test_run_ends_with_its_process(
    job: Job, code: str, exit_code: int, status: str, cause: tuple[str, object] | None
) -> None:
    """The status is that of the job, whose exit code is left as it is."""
    found, _ = job.do(code)

    info = job.info
    said = info.cause or {}
    details = (said.get("message"), said.get("exit_code"), said.get("signal"))
    assert (found, info.status, said.get("kind")) == (
        exit_code,
        status,
        cause[0] if cause else None,
    )
    assert cause is None or cause[1] in details


def test_run_can_be_opened_while_the_process_ends(job: Job) -> None:
    """A job that logs only as it leaves is a job like any other."""
    code = """
import atexit
run.finish()
AppRun.run_from_env.cache_clear()
atexit.register(lambda: AppRun.run_from_env().log_metric('late', 1))
"""

    found, errors = job.do(code)

    assert (found, errors) == (0, "")
    assert job.tracker.series("j")["late"].count == 1


def test_run_ends_after_the_threads_of_the_job(job: Job) -> None:
    """What a thread logs once the main one is at its end is not refused."""
    code = """
import threading, time
def work():
    threading.main_thread().join()
    run.log_metric('x', 1)
threading.Thread(target=work).start()
"""

    _, errors = job.do(code)

    assert errors == ""
    assert job.tracker.series("j")["x"].count == 1
    assert job.info.status == "FINISHED"


@pytest.mark.parametrize("code", [3, "text"])
def test_exit_code_of_a_process_without_a_launcher_is_not_known(
    job: Job, code: object
) -> None:
    """Python tells nobody of it; who launches the job knows."""
    found, _ = job.do(f"import sys; sys.exit({code!r})")

    assert found != 0
    assert job.info.status == "FINISHED"


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os; os.abort()",
    ],
)
def test_run_of_a_process_that_vanishes_is_lost(job: Job, code: str) -> None:
    """Whoever delivers next says so, and what it logged is there."""
    job.do(f"run.log_metric('x', 1)\n{code}")
    before = job.info.status

    job.do("")

    lost, again = job.info.attempts
    assert before == "RUNNING"
    assert (lost.number, lost.status, lost.cause) == (1, "FAILED", {"kind": "lost"})
    assert (again.number, again.status) == (2, "FINISHED")
    assert job.tracker.series("j")["x"].count == 1


def test_exception_hook_of_the_job_is_still_called(job: Job) -> None:
    """The one that was there before, and the one that comes later and passes on."""
    code = (
        "import sys\n"
        "before = sys.excepthook\n"
        "sys.excepthook = lambda *error: (print('later', file=sys.stderr), "
        "before(*error))\n"
        "raise ValueError('no')\n"
    )

    found, errors = job.do(code)

    assert found == 1
    assert errors.startswith("later\nTraceback")
    assert job.info.status == "FAILED"


def test_forked_child_does_not_end_the_run(job: Job) -> None:
    """A child that leaves through the exit handlers logs, and ends nothing."""
    code = (
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore')  # Python's own, of forks beside threads\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    run.log_metric('child', 1)\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "from tracker_sqlite import create\n"
        "assert create(os.environ['TRACKER_SQLITE_CONFIG']).run('j').status == "
        "'RUNNING'\n"
        "run.log_metric('parent', 1)\n"
    )

    assert job.do(code) == (0, "")
    assert job.info.status == "FINISHED"
    assert sorted(job.tracker.series("j")) == ["child", "parent"]


def test_forked_child_that_fails_does_not_end_the_run(job: Job) -> None:
    """Its exception is its own."""
    code = (
        "import os\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    with run: raise ValueError('of the child')\n"
        "assert os.waitpid(child, 0)[1] != 0\n"
    )

    found, errors = job.do(code)

    assert found == 0
    assert "of the child" in errors
    assert job.info.status == "FINISHED"


def test_worker_processes_log_to_the_run(job: Job) -> None:
    """Forked workers leave without exit handlers; what they logged is there."""
    code = (
        "import multiprocessing\n"
        "def work(n): AppRun.run_from_env().log_metric('x', n)\n"
        "pool = multiprocessing.get_context('fork').Pool(2)\n"
        "pool.map(work, range(10), chunksize=1)\n"
        "pool.close()\n"
        "pool.join()\n"
    )

    found, _ = job.do(code)

    assert found == 0
    assert job.tracker.series("j")["x"].count == 10
    assert job.info.status == "FINISHED"


def test_daemon_thread_does_not_hold_up_the_end(job: Job) -> None:
    """The run ends while the thread still waits."""
    code = (
        "import threading\n"
        "def work():\n"
        "    run.log_metric('x', 1)\n"
        "    logged.set()\n"
        "    threading.Event().wait()\n"
        "logged = threading.Event()\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "logged.wait()\n"
    )

    assert job.do(code) == (0, "")
    assert job.info.status == "FINISHED"


def test_thread_that_outlives_the_main_one_still_logs(job: Job) -> None:
    """The run ends with the process, not with the main thread, by what ended that."""
    code = (
        "import threading\n"
        "def work():\n"
        "    threading.main_thread().join()\n"
        "    run.log_metric('x', 1)\n"
        "threading.Thread(target=work).start()\n"
        "raise ValueError('no')\n"
    )

    found, _ = job.do(code)

    assert found == 1
    assert job.tracker.series("j")["x"].count == 1
    assert job.info.status == "FAILED"


def test_exception_of_another_thread_is_not_that_of_the_run(job: Job) -> None:
    """The process goes on, and so does the run."""
    code = (
        "import threading\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\n"
        "thread.start()\n"
        "thread.join()\n"
    )

    found, errors = job.do(code)

    assert found == 0
    assert "ZeroDivisionError" in errors
    assert job.info.status == "FINISHED"


def test_signal_that_interrupts_a_job_kills_the_run(job: Job) -> None:
    """Ctrl-C is told apart from a failure."""
    process = job.start("print('ready', flush=True)\ninput()")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGINT)
    process.communicate()

    assert job.info.status == "KILLED"


def test_failing_backend_is_named_at_the_start_and_at_the_end(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lines on stderr; the exit code is the job's, and the other holds all."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    code = "for n in range(3): run.log_metric('x', n)\nimport sys; sys.exit(3)"

    found, errors = job.do(code, f"{FAULTY},{SQLITE}")

    assert found == 3
    failed, missed = errors.splitlines()
    assert failed.startswith("backend 'faulty' failed: ")
    assert "planned to fail; the job and the other backends go on" in failed
    assert missed.startswith("backend 'faulty' has missed 7 records of run 'j' (")
    assert missed.endswith("so nobody delivers them later")
    assert job.tracker.series("j")["x"].count == 3
    assert job.info.status == "FINISHED"


def test_failing_backend_that_others_reach_can_have_it_later(
    job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The last line says how."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    config = {"inner": {"sqlite": str(tmp_path / "other.db")}}
    monkeypatch.setenv("TRACKER_FAULTY_CONFIG", json.dumps(config))

    _, errors = job.do("", f"{FAULTY},{SQLITE}")

    _, due = errors.splitlines()
    assert due.startswith("backend 'faulty' has not taken 4 records of run 'j' yet (")
    assert due.endswith("); they are safe in the journal: tracker sync j")


def test_failing_backend_answers_no_read(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job sees what it has written, as soon as any backend has it."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "2")
    code = """
import time
begun = time.monotonic()
run.add_source('p')
assert run.sources()[0].parent.id == 'p'
assert time.monotonic() - begun < 5
"""

    found, errors = job.do(code, f"{FAULTY},{SQLITE}")

    assert found == 0
    assert len(errors.splitlines()) == 2
