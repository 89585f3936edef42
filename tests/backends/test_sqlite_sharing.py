"""One file of the sqlite backend in several processes, forks and hands."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.errors import ConfigError, RetryableError
from tracker_core.records import MetadataBody
from tracker_core.testing.contract.pen import Pen
from tracker_sqlite import SqliteTracker, create

_PROCESSES = 4
_WRITES = 20

# Waits for a line, so that all processes open the new file at the same moment.
_CREATE_AND_WRITE = """
import sys
from tracker_sqlite import create
print("ready", flush=True)
sys.stdin.readline()
create(sys.argv[1]).add_metadata(sys.argv[2], key=1)
"""

# Allows files of 300 KiB, as if the disk were full, and then more.
_FILL_THE_DISK = """
import resource, sys
from tracker_core.errors import RetryableError
from tracker_core.records import MetadataBody
from tracker_core.testing.contract.pen import Pen
from tracker_sqlite import create
tracker = create(sys.argv[1])
tracker.add_metadata("run", before=1)
batch = Pen("run").log(MetadataBody({"small": 1}), MetadataBody({"large": "x" * 10**6}))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    tracker.write(batch)
except RetryableError:
    assert tracker.metadata("run") == {"before": 1}
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    tracker.write(batch)
    assert set(tracker.metadata("run")) == {"before", "small", "large"}
    print("retried")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on that path."""
    tracker = create(str(path))
    yield tracker
    tracker.close()


def start(script: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a script in an interpreter that finds what this one finds."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def forked(child: Callable[[], None]) -> int:
    """Run ``child`` in a forked process and return that process's id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        child()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nothing of pytest may run on here
        os._exit(1)


def exit_code(pid: int) -> int:
    """Wait for a forked process and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("exists", [False, True])
def test_processes_create_one_file_at_once(path: Path, *, exists: bool) -> None:
    """Of several that find the file missing or empty, each opens it and writes."""
    if exists:
        path.touch()
    names = [f"run{number}" for number in range(_PROCESSES)]
    processes = [start(_CREATE_AND_WRITE, str(path), name) for name in names]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in processes]

    assert errors == [""] * _PROCESSES
    with closing(create(str(path))) as tracker:
        assert sorted(tracker.run_ids()) == names


def test_locked_database_asks_to_try_again(path: Path, tracker: SqliteTracker) -> None:
    """Another writer that does not end in time is no loss: the batch can come again."""
    impatient = SqliteTracker(path, busy_timeout=0.05)
    batch = Pen("run").log(MetadataBody({"key": 1}))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(RetryableError, match=r"runs\.db.*locked"):
        impatient.write(batch)
    other.close()
    impatient.write(batch)

    assert tracker.metadata("run") == {"key": 1}
    impatient.close()


def test_locked_database_is_waited_for_once(path: Path, tracker: SqliteTracker) -> None:
    """A process that never lets go costs a job one long wait, and short ones after."""
    waiting = SqliteTracker(path, busy_timeout=2.0)
    batch = Pen("run").log(MetadataBody({"key": 1}))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryableError, match="locked"):
        waiting.write(batch)

    begun = time.monotonic()
    for _ in range(4):
        with pytest.raises(RetryableError, match="locked"):
            waiting.write(batch)
    waited = time.monotonic() - begun

    other.close()
    waiting.write(batch)
    assert waited < 2.0
    assert tracker.metadata("run") == {"key": 1}
    waiting.close()


def test_locked_database_is_waited_for_again_after_a_write(
    path: Path, tracker: SqliteTracker
) -> None:
    """One write that succeeded makes up for the long wait before it."""
    pen = Pen("run")
    impatient = SqliteTracker(path, busy_timeout=0.4)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryableError, match="locked"):
        impatient.write(pen.log(MetadataBody({"lost": 1})))
    other.execute("ROLLBACK")
    impatient.write(pen.log(MetadataBody({"kept": 2})))
    other.execute("BEGIN IMMEDIATE")

    begun = time.monotonic()
    with pytest.raises(RetryableError, match="locked"):
        impatient.write(pen.log(MetadataBody({"lost": 3})))
    waited = time.monotonic() - begun

    other.close()
    assert waited >= 0.3
    assert tracker.metadata("run") == {"kept": 2}
    impatient.close()


@pytest.mark.parametrize("writes", [False, True])
def test_new_file_that_others_hold_asks_to_try_again(
    path: Path, *, writes: bool
) -> None:
    """Opening waits its time for who writes or reads the empty file, then says so."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("VACUUM")
    other.execute("BEGIN EXCLUSIVE" if writes else "BEGIN")
    other.execute("SELECT count(*) FROM sqlite_master").fetchall()

    with pytest.raises(RetryableError, match=r"runs\.db.*locked"):
        SqliteTracker(path, busy_timeout=0.05)
    other.close()

    SqliteTracker(path, busy_timeout=0.05).close()


def test_reads_do_not_wait_for_a_writer(path: Path, tracker: SqliteTracker) -> None:
    """While another program writes, what was there before is read at once."""
    tracker.add_metadata("run", key=1)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM metadata")

        assert tracker.metadata("run") == {"key": 1}


def test_full_disk_asks_to_try_again(path: Path) -> None:
    """Nothing of the batch is kept, and the same batch is taken when there is room."""
    process = start(_FILL_THE_DISK, str(path))

    out, errors = process.communicate()

    assert (out, errors) == ("retried\n", "")


def test_writes_of_a_killed_process_are_kept(path: Path) -> None:
    """What write has returned from survives SIGKILL."""

    def child() -> None:
        create(str(path)).add_metadata("run", key=1)
        os.kill(os.getpid(), signal.SIGKILL)

    assert exit_code(forked(child)) == -signal.SIGKILL

    with closing(create(str(path))) as tracker:
        assert tracker.metadata("run") == {"key": 1}


def test_fork_child_keeps_its_writes_when_the_parent_closes(
    path: Path, tracker: SqliteTracker
) -> None:
    """The child holds locks of its own, so closing elsewhere takes nothing from it."""
    tracker.add_metadata("run", parent=1)
    told_reader, told_writer = os.pipe()
    go_reader, go_writer = os.pipe()

    def child() -> None:
        tracker.add_metadata("run", open=1)
        os.write(told_writer, b"x")
        os.read(go_reader, 1)
        tracker.add_metadata("run", late=1)
        os.kill(os.getpid(), signal.SIGKILL)

    pid = forked(child)
    os.read(told_reader, 1)
    tracker.close()
    os.write(go_writer, b"x")
    exit_code(pid)
    for descriptor in (told_reader, told_writer, go_reader, go_writer):
        os.close(descriptor)

    with closing(create(str(path))) as again:
        assert again.metadata("run") == {"late": 1, "open": 1, "parent": 1}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_forks_while_a_thread_writes_lose_nothing(tracker: SqliteTracker) -> None:
    """A fork waits for the write in progress; parent, thread and children go on."""
    written: list[int] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with tracker.turn:
                tracker.add_metadata("thread", **{f"key{len(written)}": 1})
            written.append(1)

    def child() -> None:
        for number in range(_WRITES):
            tracker.add_metadata(f"child{os.getpid()}", **{f"key{number}": 1})

    thread = threading.Thread(target=write)
    thread.start()
    pids = [forked(child) for _ in range(_PROCESSES)]
    codes = [exit_code(pid) for pid in pids]
    stop.set()
    thread.join()

    assert codes == [0] * _PROCESSES
    assert len(tracker.metadata("thread")) == len(written)
    assert {len(tracker.metadata(f"child{pid}")) for pid in pids} == {_WRITES}


def test_memory_database_refuses_a_forked_child() -> None:
    """The child is told so, and the parent keeps what it has."""
    tracker = create(":memory:")
    tracker.add_metadata("run", key=1)

    def child() -> None:
        with pytest.raises(ConfigError, match="stays in the process"):
            tracker.metadata("run")

    assert exit_code(forked(child)) == 0
    assert tracker.metadata("run") == {"key": 1}
    tracker.close()
