"""What holds for every test: a clean environment, and nothing left behind."""

import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports MLflow, which would tell its makers of its use.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Before anything imports it, so that a failed comparison shows what differs.
pytest.register_assert_rewrite("tracker_core.testing.contract")

settings.register_profile("tests", deadline=None, derandomize=False, print_blob=True)
# For the Pythons that only repeat what another one tries in full.
settings.register_profile("fewer", settings.get_profile("tests"), max_examples=20)
settings.load_profile(os.environ.get("TRACKER_TEST_PROFILE") or "tests")

_OURS = ("TRACKER_", "TORCHX", "MAGNUS_")
# Of the job that these tests may be, which is none that they are about.
_SCHEDULERS = ("AWS_BATCH_", "JOB_COMPLETION_INDEX", "JPY_", "LSB_", "PBS_", "RAY_")
_LAUNCHERS = ("OMPI_", "PMI", "RANK", "SLURM_", "TORCHELASTIC_", "WORLD_SIZE")
# Threads that other packages start once and never end.
_FOREIGN_THREADS = ("fsspecIO", "asyncio_", "pytest_timeout", "Mlflow")
# Processes that Python itself keeps for as long as the program runs.
_FOREIGN_PROCESSES = (
    b"multiprocessing.resource_tracker",
    b"multiprocessing.forkserver",
)
# Libraries that keep connections for as long as the program runs.
_CONNECTED = ("mlflow",)
# What such threads, processes and libraries hold open here.
_FOREIGN_FILES = ("anon_inode:[eventpoll]", "socket:", "pipe:")
_PATIENCE = 2.0
_LONGEST = (
    "test_mlflow_contract_postgres.py",
    "test_mlflow_contract_sqlite.py",
    "test_s3_contract.py",
)
# How the contract says that a tracker does not declare what a test is about.
_GATES = ("needs a native tracker", "needs the capability")

_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left with one."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests failed: their tracebacks hold on to what they opened.

    Under CI everything that a test needs is there, so one that skips is a failure, but
    for the parts of the contract that a tracker does not declare.
    """
    report = yield
    if report.skipped and "CI" in os.environ:
        reason = str(report.longrepr)
        if not any(gate in reason for gate in _GATES):
            report.outcome = "failed"
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take our variables out of the environment, and keep files in a folder."""
    for name in os.environ:
        if name.startswith((*_OURS, *_SCHEDULERS, *_LAUNCHERS)):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path / "tracker-home"))
    # What a job logs is counted, however long it takes here.
    monkeypatch.setenv("TRACKER_SYSTEM_INTERVAL", "0")


@pytest.fixture(autouse=True)
def no_run_from_another_test(
    nothing_left_behind: None, clean_environment: None
) -> Iterator[None]:
    """End and forget the run that ``run_from_env`` keeps, with its SIGTERM handler."""
    del nothing_left_behind, clean_environment
    previous = signal.getsignal(signal.SIGTERM)
    yield
    _forget_run()
    signal.signal(signal.SIGTERM, previous)


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a file descriptor, a thread or a process of ours."""
    files, threads, children = _open_files(), set(threading.enumerate()), _children()

    yield

    if request.node.stash.get(_failed, False):
        return
    new_threads = set(threading.enumerate()) - threads
    new_children = _children() - children
    foreign_threads = {thread for thread in new_threads if _is_foreign(thread)}
    foreign_children = {pid for pid in new_children if _is_pythons(pid)}
    # What others have started before may open what it needs when it likes.
    before = any(map(_is_foreign, threads)) or any(
        name in sys.modules for name in _CONNECTED
    )
    foreign = bool(foreign_threads or foreign_children) or before
    new_files = {
        target
        for number, target in _open_files().items()
        if files.get(number) != target
        and not (foreign and target.startswith(_FOREIGN_FILES))
    }
    lasting = (thread for thread in new_threads - foreign_threads if _lives(thread))
    left = [
        *(f"open file {target}" for target in new_files),
        *(f"thread {thread.name}" for thread in lasting),
        *(f"process {pid}" for pid in new_children - foreign_children),
    ]
    if left:
        pytest.fail(f"the test left behind: {', '.join(left)}", pytrace=False)


def _forget_run() -> None:
    module = sys.modules.get("tracker_core.run")
    if module is None:
        return
    run = module.AppRun.run_from_env.made
    module.AppRun.run_from_env.cache_clear()
    if run is not None and run.status == "RUNNING":
        run.finish()
    journaled = sys.modules.get("tracker_core.delivery.journaled")
    if journaled is not None:
        journaled.close_all()


def _is_foreign(thread: threading.Thread) -> bool:
    return thread.name.startswith(_FOREIGN_THREADS)


def _lives(thread: threading.Thread) -> bool:
    # One that was told to end may still be on its way out.
    thread.join(_PATIENCE)
    return thread.is_alive()


def _open_files() -> dict[str, str]:
    """Return what each file descriptor leads to; nothing where the system hides it."""
    folder = Path("/proc/self/fd")
    found = {}
    for number in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208 - texts
        try:
            found[number] = os.readlink(folder / number)  # noqa: PTH115 - no path
        except FileNotFoundError:  # it was the listing itself
            continue
    return found


def _children() -> set[int]:
    """Return the processes that this one has started."""
    found = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            found |= {int(pid) for pid in task.read_text(encoding="ascii").split()}
        except FileNotFoundError:  # a thread that has just ended
            continue
    return found


def _is_pythons(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return True
    return any(name in command for name in _FOREIGN_PROCESSES)
