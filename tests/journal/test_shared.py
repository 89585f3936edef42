"""One writer for processes that come and go: none loses or doubles another's record."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker_core.delivery.settling import settle_dead
from tracker_core.errors import InvalidValueError, JournalError
from tracker_core.journal import shared
from tracker_core.journal.folders import Lock, RunFolder, segment_numbers
from tracker_core.journal.frames import FRAME
from tracker_core.journal.reader import BEGINNING, JournalReader
from tracker_core.journal.segments import segment_path
from tracker_core.journal.shared import SharedWriter, settle_shared
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import LogBody, Record, TagsBody


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Where the run is."""
    return RunFolder.of(tmp_path, "r")


@pytest.fixture
def make(folder: RunFolder) -> Iterator[Callable[..., SharedWriter]]:
    """Make writers, each as a process of its own would, and close them at the end."""
    made: list[SharedWriter] = []

    def make_writer(**options: object) -> SharedWriter:
        made.append(SharedWriter(folder, **options))  # type: ignore[arg-type]  # as given
        return made[-1]

    yield make_writer
    for writer in made:
        writer.close()


def said(text: str) -> LogBody:
    """Give a message."""
    return LogBody("info", text, None)


def records_of(folder: RunFolder, *, is_final: bool = False) -> list[Record]:
    """Read all writers, of which nothing is damaged."""
    found: list[Record] = []
    for writer in folder.writers():
        reader, position = JournalReader(writer.path), BEGINNING
        while True:
            portion = reader.read(position, is_final=is_final)
            assert not portion.damages
            found += portion.records
            if portion.end == position:
                break
            position = portion.end
    return found


# Appends until it is killed, and says each time what is safe; a record has pages.
ENDLESS = """
import sys
from pathlib import Path
from tracker_core.journal.shared import RunFolder, SharedWriter
from tracker_core.records import LogBody

writer = SharedWriter(RunFolder.of(Path(sys.argv[1]), "r"))
for number in range(100_000):
    text = f"{sys.argv[2]}-{number}"
    writer.append(LogBody("info", text + " " * 10_000, None))
    print(text, flush=True)
"""


def texts_in(folder: RunFolder, *, is_final: bool = False) -> list[str]:
    """Give the messages of all writers."""
    bodies = [record.body for record in records_of(folder, is_final=is_final)]
    return [body.message for body in bodies if isinstance(body, LogBody)]


def last_segment(folder: RunFolder) -> Path:
    """Give the file that is written to."""
    (writer,) = folder.writers()
    return segment_path(writer.path, segment_numbers(writer.path)[-1])


def test_processes_are_one_writer(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """Each goes on where the last one was, whoever that was."""
    first, second = make(), make()

    for text, writer in [("a", first), ("b", second), ("c", first), ("d", make())]:
        writer.append(said(text))

    assert texts_in(folder) == ["a", "b", "c", "d"]
    assert [record.sequence for record in records_of(folder)] == [1, 2, 3, 4]
    assert [writer.is_shared for writer in folder.writers()] == [True]


def test_attempts_and_ranks_are_writers_of_their_own(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """The place of a record in the order of the run depends on both."""
    for attempt, rank in [(1, None), (1, 0), (2, 0), (2, 0)]:
        make(attempt=attempt, rank=rank).append(said("x"))

    writers = [writer.writer for writer in folder.writers()]
    found = [(one.attempt, one.rank) for one in writers]
    assert len(found) == 3
    assert set(found) == {(1, None), (1, 0), (2, 0)}


def test_first_words_are_said_once(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """What a new writer begins with is said when it is made, and not again."""
    for text in ("a", "b"):
        make(first=lambda: [TagsBody({"k": "v"})]).append(said(text))

    kinds = [type(record.body) for record in records_of(folder)]
    assert kinds == [TagsBody, LogBody, LogBody]


def test_full_segment_is_followed_by_another(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """Who holds the one before open notices."""
    first, second = make(), make()
    long = "x" * 100_000

    for writer in (first, second, first, second, first):
        writer.append(said(long))

    (writer_folder,) = folder.writers()
    assert segment_numbers(writer_folder.path) == [1, 2, 3]
    assert [record.sequence for record in records_of(folder)] == [1, 2, 3, 4, 5]


def test_record_larger_than_a_segment_has_its_own(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """A segment is as large as its record needs."""
    for size in (10, 1_000_000, 10):
        make().append(said("x" * size))

    assert list(map(len, texts_in(folder))) == [10, 1_000_000, 10]


def test_record_too_large_is_refused(
    folder: RunFolder,
    make: Callable[..., SharedWriter],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of it is written."""
    monkeypatch.setattr(shared, "LARGEST_RECORD", 1000)

    with pytest.raises(InvalidValueError, match="log it as an artifact"):
        make().append(said("x" * 1000))

    assert folder.writers() == []


@pytest.mark.parametrize(
    "behind", [b"torn", FRAME.pack(4, 1), FRAME.pack(99, 1) + b"x"]
)
def test_bytes_behind_the_end_are_left_alone(
    folder: RunFolder, make: Callable[..., SharedWriter], behind: bytes
) -> None:
    """Who finds what a crash has left goes on as a new writer; all others stay."""
    make().append(said("a"))
    with last_segment(folder).open("ab") as file:
        file.write(bytes(-file.tell() % 8) + behind)

    make().append(said("b"))

    old, new = sorted(folder.writers(), key=lambda one: not one.is_settled)
    assert (old.is_settled, new.is_settled) == (True, False)
    portions = [JournalReader(one.path).read() for one in (old, new)]
    bodies = [record.body for portion in portions for record in portion.records]
    assert bodies == [said("a"), said("b")]


def test_payload_without_its_header_is_nothing(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """What a process that was killed in between leaves is no damage."""
    make().append(said("a"))
    path = last_segment(folder)
    size = path.stat().st_size
    os.truncate(path, size + -size % 8 + FRAME.size)
    with path.open("ab") as file:
        file.write(b"a payload")

    make().append(said("b"))

    assert sorted(texts_in(folder, is_final=True)) == ["a", "b"]


def test_segment_that_is_cut_anywhere_loses_what_was_cut_alone(tmp_path: Path) -> None:
    """Whatever the disk has lost, what comes next is kept and read."""
    for size in range(300):
        folder = RunFolder.of(tmp_path / str(size), "r")
        with SharedWriter(folder) as writer:
            for text in "abc":
                writer.append(said(text))
        path = last_segment(folder)
        size_before = path.stat().st_size
        os.truncate(path, min(size, size_before))
        with SharedWriter(folder) as writer:
            writer.append(said("d"))

        found = sorted(texts_in(folder))

        assert found == [*"abc"[: len(found) - 1], "d"]
        assert size < size_before or len(found) == 4


def test_named_writer_that_is_gone_is_replaced(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """A crash before the name was written, or in the middle of it, blocks nobody."""
    make().append(said("a"))
    (writer,) = folder.writers()
    folder.turns(writer.writer).write_bytes(b"\xff")

    make().append(said("b"))

    assert sorted(texts_in(folder)) == ["a", "b"]


def test_nothing_is_appended_to_a_writer_that_has_ended(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """Who reads it to its end has read all of it, also where it is held open."""
    writer = make()
    writer.append(said("a"))
    (before,) = folder.writers()

    settle_shared(folder, before)
    writer.append(said("b"))

    assert len(folder.writers()) == 2
    assert len(JournalReader(before.path).read().records) == 1


def test_writer_is_not_ended_in_the_middle_of_a_call(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """Who wants to end it comes again."""
    make().append(said("a"))
    (writer,) = folder.writers()
    turn = Lock.awaited(folder.turns(writer.writer))

    settle_shared(folder, writer)

    turn.drop()
    assert not writer.is_settled


def test_writer_ends_with_the_last_process_of_the_run(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """As long as the launcher lives, calls that come and go are one writer."""
    launcher = JournalWriter(folder, role="launcher")
    make().append(said("a"))

    settle_dead(folder)
    alive = [writer.is_settled for writer in folder.writers()]
    launcher.close()
    settle_dead(folder)

    assert alive == [False, False]
    assert [writer.is_settled for writer in folder.writers()] == [True, True]


def test_time_never_decreases(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """A clock that is set back changes no order."""
    for now in (5, 3, 9):
        make(clock=lambda now=now: now).append(said("x"))

    assert [record.time_ns for record in records_of(folder)] == [5, 5, 9]


def test_spent_budget_is_an_error_that_says_what_to_do(
    folder: RunFolder, make: Callable[..., SharedWriter]
) -> None:
    """The record is not taken, the caller knows, and nothing is left behind."""
    with pytest.raises(JournalError, match="raise TRACKER_DISK_BUDGET"):
        make(budget=1000).append(said("a"))

    assert folder.writer_ids() == []


def test_processes_that_are_killed_lose_and_double_nothing(
    folder: RunFolder, tmp_path: Path
) -> None:
    """Whatever they were at, alone or at once, what was safe is there once."""
    safe: list[str] = []
    for number in range(6):
        commands = [
            (sys.executable, "-c", ENDLESS, str(tmp_path), f"{number}{name}")
            for name in "ab"
        ]
        processes = [subprocess.Popen(one, stdout=subprocess.PIPE) for one in commands]
        for process in processes:
            with process:
                assert process.stdout
                safe += [process.stdout.readline().decode() for _ in range(20)]
                process.kill()
                safe += process.stdout.read().decode().splitlines()

    found = [text.strip() for text in texts_in(folder)]
    assert {text.strip() for text in safe} <= set(found)
    assert len(found) == len(set(found))


def test_full_disk_takes_nothing_of_a_record(
    folder: RunFolder, make: Callable[..., SharedWriter], tmp_path: Path
) -> None:
    """The caller is told, and who comes when there is space goes on."""
    make().append(said("a"))
    code = (
        "import resource\n"
        "from pathlib import Path\n"
        "from tracker_core.errors import JournalError\n"
        "from tracker_core.journal.shared import RunFolder, SharedWriter\n"
        "from tracker_core.records import LogBody\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"writer = SharedWriter(RunFolder.of(Path({str(tmp_path)!r}), 'r'))\n"
        "try:\n    writer.append(LogBody('info', 'x' * 2000, None))\n"
        "except JournalError as error:\n    print(error)\n"
        "writer.append(LogBody('info', 'b', None))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    make().append(said("c"))

    assert "cannot be written: No space left on device; free" in done.stdout
    assert texts_in(folder) == ["a", "b", "c"]


def test_processes_are_writers_of_their_own_where_nothing_can_be_locked(
    folder: RunFolder,
    make: Callable[..., SharedWriter],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some network filesystems know no locks; there is no turn to wait for."""

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    writers = [make(first=lambda: [TagsBody({"k": "v"})]) for _ in range(2)]
    for text, writer in zip("abc", [*writers, writers[0]], strict=True):
        writer.append(said(text))
    for writer in writers:
        writer.close()

    found = folder.writers()
    assert sorted(texts_in(folder)) == ["a", "b", "c"]
    assert [(one.is_shared, one.is_settled) for one in found] == [(False, True)] * 2


def test_process_that_dies_in_its_turn_blocks_nobody(
    folder: RunFolder, make: Callable[..., SharedWriter], tmp_path: Path
) -> None:
    """The system gives its lock up; what was kept before is kept."""
    home = tmp_path
    make().append(said("a"))
    code = (
        "import os\n"
        "from tracker_core.journal.shared import RunFolder, SharedWriter\n"
        "from tracker_core.records import LogBody\n"
        f"folder = RunFolder.of(__import__('pathlib').Path({str(home)!r}), 'r')\n"
        "writer = SharedWriter(folder, clock=lambda: os.kill(os.getpid(), 9))\n"
        "writer.append(LogBody('info', 'never', None))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)

    make().append(said("b"))

    assert done.returncode == -signal.SIGKILL
    assert texts_in(folder) == ["a", "b"]
