"""What a process appends, every reader finds: values, order, and all of it."""

import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from tracker_core.errors import InvalidValueError, JournalError, RunEndedError
from tracker_core.journal import reader as reading
from tracker_core.journal import writer as writing
from tracker_core.journal.folders import RunFolder, run_folders
from tracker_core.journal.reader import BEGINNING, JournalReader, Position
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import (
    Body,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    Record,
    UnknownBody,
)

_Make = Callable[..., JournalWriter]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Where the run is."""
    return RunFolder.of(tmp_path, "run 1")


@pytest.fixture
def make(folder: RunFolder) -> Iterator[_Make]:
    """Make writers that are closed at the end."""
    made: list[JournalWriter] = []

    def make_writer(**options: object) -> JournalWriter:
        made.append(JournalWriter(folder, **options))  # type: ignore[arg-type]  # as given
        return made[-1]

    yield make_writer
    for writer in made:
        writer.close()


def _point(value: object = 0.5, step: int | None = None, key: str = "loss") -> Body:
    return MetricsBody(step, {"": {key: value}})  # type: ignore[dict-item]  # a value


def _read(
    folder: RunFolder, writer_id: str, *, max_bytes: int = 2**20, is_final: bool = False
) -> list[Record]:
    """Read all of one writer, portion by portion, and check what portions promise."""
    (found,) = (one for one in folder.writers() if one.writer.id == writer_id)
    reader, position = JournalReader(found.path), BEGINNING
    records: list[Record] = []
    while True:
        portion = reader.read(position, max_bytes=max_bytes, is_final=is_final)
        assert portion.damages == ()
        if portion.records:
            sequences = [record.sequence for record in portion.records]
            assert sequences == list(range(portion.first, portion.last + 1))
            records += portion.records
        elif portion.end == position:
            return records
        again = JournalReader(found.path).read(portion.begin, upto=portion.end.offset)
        if portion.end.segment == portion.begin.segment:
            assert list(again.records) == list(portion.records)
        position = portion.end


def test_record_of_any_kind_is_read_as_it_was_written(
    folder: RunFolder, make: _Make
) -> None:
    """Bodies, sequence and time come back, also of a kind that nobody knows."""
    bodies: list[Body] = [
        ParamsBody({"lr": 0.1, "deep": {"a": [1, None, True]}}),
        _point(float("inf"), 3),
        _point(-0.0),
        _point(2**70, 1),
        _point([True], 1),
        MetricsBody(7, {"": {"loss": 1.5, "n": 3}, "train": {"loss": 2.5}}),
        LogBody("info", "grüße", None),
        UnknownBody("from the future", {"x": 1}),
        MetricsBody(None, {"s": {}}),
    ]
    writer = make(clock=iter(range(100, 200)).__next__)

    for body in bodies:
        writer.append(body)

    records = _read(folder, writer.writer.id)
    assert [repr(record.body) for record in records] == [*map(repr, bodies)]
    assert [record.sequence for record in records] == [*range(1, len(bodies) + 1)]
    assert [record.time_ns for record in records] == [*range(100, 100 + len(bodies))]


def test_short_way_writes_what_the_long_way_writes(
    folder: RunFolder, make: _Make
) -> None:
    """They take what is like an earlier record, and refuse everything else."""
    writer = make()
    writer.append(MetricsBody(0, {"": {"loss": 0.5}, "a": {"n": 1}}))

    assert writer.points({"loss": 1.5, "a/n": 2}, 1)
    assert writer.points({"loss": 2.5, "a/n": -3}, None)
    assert not writer.points({"loss": 1.5, "a/n": 2**63}, 1)
    assert not writer.points({"loss": 1.5}, 1)
    assert not writer.points({"loss": 1.5, "a/n": 2}, -1)
    assert not writer.points({"loss": 1.5, "a/n": 2}, "1")
    assert not writer.point("loss", 1.5, 1)
    writer.append(MetricsBody(2, {"": {"loss": 3.5}, "a": {"n": 4}}))

    streams = [record.body for record in _read(folder, writer.writer.id)]
    assert streams == [
        MetricsBody(0, {"": {"loss": 0.5}, "a": {"n": 1}}),
        MetricsBody(1, {"": {"loss": 1.5}, "a": {"n": 2}}),
        MetricsBody(None, {"": {"loss": 2.5}, "a": {"n": -3}}),
        MetricsBody(2, {"": {"loss": 3.5}, "a": {"n": 4}}),
    ]


@pytest.mark.parametrize("reserves", [True, False], ids=["mapped", "written"])
@pytest.mark.parametrize("max_bytes", [64, 1000, 2**20])
def test_series_in_several_shapes_keep_their_order(
    folder: RunFolder,
    make: _Make,
    monkeypatch: pytest.MonkeyPatch,
    max_bytes: int,
    *,
    reserves: bool,
) -> None:
    """One series alone, with another, and with ints, over several segments."""
    if not reserves:
        monkeypatch.setattr(writing, "network_type", lambda _path: "nfs4")
    writer = make(segment_bytes=4096)
    bodies = [
        (
            _point(float(step), step),
            MetricsBody(step, {"": {"loss": step, "acc": 0.5}}),
            LogBody("info", "x" * (step % 50), None),
        )[step % 3]
        for step in range(500)
    ]

    for body in bodies:
        writer.append(body)

    records = _read(folder, writer.writer.id, max_bytes=max_bytes)
    assert [record.body for record in records] == bodies


def test_record_larger_than_a_segment_has_one_of_its_own(
    folder: RunFolder, make: _Make
) -> None:
    """Its size is no reason to refuse it, up to a bound that is told."""
    writer = make(segment_bytes=4096)
    large = MetadataBody({"text": "x" * 100_000})

    writer.append(_point())
    writer.append(large)
    writer.append(_point())

    bodies = [record.body for record in _read(folder, writer.writer.id, max_bytes=64)]
    assert bodies == [_point(), large, _point()]


def test_record_beyond_all_bounds_is_refused(
    make: _Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how large it may be and what to do."""
    monkeypatch.setattr(writing, "LARGEST_RECORD", 1000)
    writer = make()

    with pytest.raises(InvalidValueError, match=r"larger than the 1000 .* artifact"):
        writer.append(MetadataBody({"text": "x" * 1000}))


def test_threads_share_a_writer(folder: RunFolder, make: _Make) -> None:
    """Every record is there once, and times never go back."""
    writer = make(segment_bytes=16384)

    def log(name: int) -> None:
        key = f"s{name}"
        for step in range(1000):
            if not writer.point(key, 0.5, step):
                writer.append(_point(0.5, step, key))

    threads = [threading.Thread(target=log, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    records = _read(folder, writer.writer.id)
    seen = [
        (next(iter(record.body.streams[""])), record.body.step)
        for record in records
        if isinstance(record.body, MetricsBody)
    ]
    assert sorted(seen) == sorted(
        (f"s{n}", step) for n in range(4) for step in range(1000)
    )
    times = [record.time_ns for record in records]
    assert times == sorted(times)


def test_forked_child_is_a_writer_of_its_own(folder: RunFolder, make: _Make) -> None:
    """Neither disturbs the other; the parent's lock is not the child's."""
    writer = make(role="job", rank=3)
    writer.append(_point(1.0))

    child = os.fork()
    if child == 0:
        writer.append(_point(2.0))
        writer.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writer.append(_point(3.0))

    mine, its = folder.writers()
    assert (mine.role, its.role) == ("job", None)
    assert (mine.writer.rank, its.writer.rank) == (3, 3)
    assert (mine.is_alive(), its.is_alive()) == (True, False)
    assert (mine.is_settled, its.is_settled) == (False, True)
    bodies = [[r.body for r in _read(folder, one.writer.id)] for one in (mine, its)]
    assert bodies == [[_point(1.0), _point(3.0)], [_point(2.0)]]


def test_silent_forked_child_leaves_nothing(folder: RunFolder, make: _Make) -> None:
    """Who logs nothing is no writer."""
    writer = make()

    child = os.fork()
    if child == 0:
        writer.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert len(folder.writers()) == 1


@pytest.mark.parametrize("raises", [False, True])
def test_handler_that_logs_in_the_middle_of_a_call(
    folder: RunFolder, make: _Make, *, raises: bool
) -> None:
    """Neither its record nor the one that it interrupted is lost or doubled."""
    handled = 0

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal handled
        handled += 1
        writer.append(_point(float(handled), None, "handled"))
        if raises:
            raise _InterruptedError

    def clock() -> int:
        # In the middle of an append.
        if next(ticks) % 5 == 4:
            signal.raise_signal(signal.SIGUSR1)
        return next(times)

    ticks, times = iter(range(10**6)), iter(range(10**6))
    previous = signal.signal(signal.SIGUSR1, handle)
    try:
        writer = make(clock=clock, segment_bytes=4096)
        taken = []
        for step in range(100):
            try:
                if not writer.point("loss", 0.5, step):
                    writer.append(_point(0.5, step))
            except _InterruptedError:
                continue
            taken.append(step)
    finally:
        signal.signal(signal.SIGUSR1, previous)

    assert handled
    mine, aside = folder.writers()
    steps = [r.body.step for r in _read(folder, mine.writer.id)]  # type: ignore[union-attr]  # points
    assert set(taken) <= set(steps)
    assert len(steps) == len(set(steps))
    assert len(_read(folder, aside.writer.id)) == handled
    assert writer.written() == {mine.writer.id: len(steps), aside.writer.id: handled}


class _InterruptedError(Exception):
    pass


def test_clock_that_is_set_back_does_not_reorder(
    folder: RunFolder, make: _Make
) -> None:
    """A writer's times never decrease."""
    writer = make(clock=iter([5, 3, 9, 1]).__next__)

    for _ in range(4):
        if not writer.point("loss", 0.5, None):
            writer.append(_point())

    assert [r.time_ns for r in _read(folder, writer.writer.id)] == [5, 5, 9, 9]


def test_journal_is_for_its_owner_alone(folder: RunFolder, make: _Make) -> None:
    """Folders have mode 0700, files 0600, whatever the umask."""
    previous = os.umask(0)
    try:
        writer = make()
        writer.append(_point())
        writer.close()
    finally:
        os.umask(previous)

    for path in [folder.path, *folder.path.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_closed_writer_takes_no_more(folder: RunFolder, make: _Make) -> None:
    """Closing settles it; closing again changes nothing."""
    writer = make()
    writer.append(_point())

    writer.close()
    writer.close()

    assert not writer.point("loss", 0.5, 1)
    with pytest.raises(RunEndedError):
        writer.append(_point())
    (found,) = folder.writers()
    assert found.is_settled


def test_journal_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    """The message names the folder and the remedy."""
    (tmp_path / "journal").write_text("in the way")

    with pytest.raises(JournalError, match=r"cannot be written.*TRACKER_HOME"):
        JournalWriter(RunFolder.of(tmp_path, "r"))


def test_small_budget_has_room_for_several_writers(
    make: _Make, folder: RunFolder
) -> None:
    """Their segments are smaller; a budget that is smaller than these is refused."""
    writers = [make(budget=10**6) for _ in range(3)]
    for writer in writers:
        writer.append(_point())

    assert folder.used_bytes() <= 10**6
    assert [len(_read(folder, one.writer.id)) for one in writers] == [1, 1, 1]
    with pytest.raises(JournalError, match="raise TRACKER_DISK_BUDGET, or set"):
        make(budget=1000)


def test_budget_is_kept_and_records_wait_for_space(
    folder: RunFolder,
    make: _Make,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line warns; when space is there again all is stored in order."""
    monkeypatch.setattr(writing, "_RETRIES_EACH_S", 0.0)
    writer = make(budget=40_000, segment_bytes=4096)

    for step in range(1000):
        writer.append(_point(0.5, step))

    assert folder.used_bytes() <= 40_000
    assert len(caplog.records) == 1
    assert "disk budget" in caplog.text
    stored = _read(folder, writer.writer.id)
    assert 0 < len(stored) < 1000

    (found,) = folder.writers()
    for path in sorted(found.path.glob("*.segment"))[:-1]:
        path.unlink()
    writer.append(_point(0.5, 1000))

    (reader,) = (JournalReader(found.path),)
    rest: list[Record] = []
    position = BEGINNING
    while (portion := reader.read(position)).end != position:
        rest += portion.records
        position = portion.end
    both = {record.sequence: record for record in [*stored, *rest]}
    steps = [both[key].body.step for key in sorted(both)]  # type: ignore[union-attr]  # points
    assert steps[: len(stored)] == [*range(len(stored))]
    assert len(steps) > len(stored)


def test_what_exceeds_disk_and_memory_is_counted(
    make: _Make,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest are dropped, and the end says how many."""
    monkeypatch.setattr(writing, "_KEPT_BYTES", 5000)
    writer = make(budget=20_000, segment_bytes=4096)

    for step in range(1000):
        writer.append(_point(0.5, step))
    dropped = writer.dropped
    writer.close()

    assert dropped > 0
    assert f"lost {1000 - sum(writer.written().values())} records" in caplog.text


def test_sync_reaches_the_disk(make: _Make) -> None:
    """It can be asked at any time, also before anything was logged."""
    writer = make()

    writer.sync()
    writer.append(_point())
    writer.sync()


def test_segments_that_are_done_can_go(folder: RunFolder, make: _Make) -> None:
    """A reader goes on behind them."""
    writer = make(segment_bytes=4096)
    for step in range(200):
        writer.append(_point(0.5, step))
    (found,) = folder.writers()
    reader = JournalReader(found.path)
    first = reader.read()
    (found.path / "00000001.segment").unlink()

    following = reader.read(first.end)

    assert following.first == first.last + 1
    assert reader.read(Position(1, 64, 1)).first == first.last + 1


def test_runs_of_a_home_are_found(tmp_path: Path) -> None:
    """By their own ids, whatever these look like."""
    ids = ["a", "A b/c", "..", "ü", "x" * 300, ".hidden"]
    for run_id in ids:
        JournalWriter(RunFolder.of(tmp_path, run_id)).close()

    assert sorted(found.run_id for found in run_folders(tmp_path)) == sorted(ids)


def test_segment_that_goes_while_it_is_looked_for_gives_nothing(
    make: _Make, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process removes what every backend has at any moment."""
    writer = make()
    writer.append(_point())
    (found,) = folder.writers()
    segment = found.path / "00000001.segment"
    reader = JournalReader(found.path)
    position = reader.read().end

    def look_and_lose(path: Path, number: int) -> bool:
        is_begun = looked(path, number)
        segment.unlink()
        return is_begun

    looked = reading._is_begun  # noqa: SLF001 - the moment between looking and opening
    monkeypatch.setattr(reading, "_is_begun", look_and_lose)

    portion = reader.read(position)

    assert (len(portion.records), portion.end, portion.damages) == (0, position, ())
