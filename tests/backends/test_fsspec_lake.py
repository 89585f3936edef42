"""Runs that have ended as Parquet: what is compacted, by whom, and who reads it."""

import gzip
import io
import json
import math
import os
import random
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker_core import track
from tracker_core.compactions import Compaction
from tracker_core.errors import RetryableError, RunNotFoundError
from tracker_core.identity import new_run_id
from tracker_core.records import (
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    Record,
    StartedBody,
    TagsBody,
    Writer,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.columns import gathered
from tracker_core.testing.contract.machine import bodies
from tracker_core.testing.contract.pen import Pen
from tracker_fsspec import FsspecTracker
from tracker_fsspec.cleaning import Cleaner
from tracker_fsspec.index import Index
from tracker_fsspec.layout import LAKE, directory_name, key_of
from tracker_fsspec.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracker_core.values import Value

pytest.importorskip("pyarrow", reason="needs pyarrow")

RUN = "run"
END = EndedBody("job", "FINISHED", None)
POINTS = f"{LAKE}/points/*/*.parquet"
HOUR = 3_601
BIG: "list[Value]" = [2**53 + 1, 2**63, 2**70, -(2**70), 10**400]
ODD: "list[Value]" = [1, 1.0, True, None, "x", math.nan, -math.inf, -0.0, [1.5], *BIG]


def open_at(root: Path) -> FsspecTracker:
    """Open another tracker on a local directory."""
    return FsspecTracker(LocalFileSystem(), str(root))


def story(pen: Pen, *more: Body, points: int = 20) -> Batch:
    """Return the records of a run that has ended."""
    said = [MetricsBody(n, {"train": {"loss": n / 7, "n": n}}) for n in range(points)]
    return gathered(
        pen.log(
            CreatedBody("name", "iris"),
            StartedBody("job"),
            ParamsBody({"lr": 0.1}),
            *said,
            *more,
            END,
        )
    )


def make_old(root: Path) -> None:
    """Let all that is compacted be more than an hour old."""
    for path in (root / LAKE).rglob("*"):
        told = path.stat().st_mtime - HOUR
        os.utime(path, (told, told))


def batches_in(root: Path) -> list[str]:
    """Return the names of all batches."""
    return sorted(path.name for path in root.glob("*/batches/*"))


def test_closing_compacts_what_has_ended(tmp_path: Path) -> None:
    """The points are Parquet, the rest a head and a line of the index."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))

    tracker.close()

    run = tmp_path / directory_name(RUN)
    assert len([*tmp_path.glob(POINTS)]) == 1
    assert len([*(run / "heads").iterdir()]) == 1
    assert len([*(tmp_path / LAKE / "index").iterdir()]) == 1
    assert [*(tmp_path / LAKE / "open").iterdir()] == []
    assert len(batches_in(tmp_path)) == 1


def test_run_is_compacted_by_whoever_delivers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the block is left the lake has its points, and the journal keeps nothing."""
    root = tmp_path / "runs"
    monkeypatch.setenv("TRACKER_BACKENDS", "fsspec")
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", str(root))

    with track("iris") as run:
        for step in range(10):
            run.log_metric("train/loss", 1 / (step + 1), step=step)

    rows = parquet_rows(root)
    assert [row["step"] for row in rows] == [*range(10)]
    assert {row["experiment"] for row in rows} == {"iris"}
    (found,) = open_at(root).runs()
    assert (found.run_id, found.status) == (run.id, "FINISHED")
    assert [*(root / LAKE / "open").iterdir()] == []


def test_closing_leaves_a_run_alone_that_runs(tmp_path: Path) -> None:
    """Nothing of it is compacted, and no mark stays behind."""
    tracker = open_at(tmp_path)
    tracker.write(Pen(RUN).log(StartedBody("job"), MetricsBody(0, {"": {"x": 1}})))

    tracker.close()

    assert [*tmp_path.glob(POINTS)] == []
    assert [*(tmp_path / LAKE / "open").iterdir()] == []


def test_closing_never_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be compacted is told once, and stays as it is."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))
    (tmp_path / LAKE / "points").write_text("in the way")

    tracker.close()

    assert len(caplog.records) == 1
    assert "`tracker compact` does it later" in caplog.records[0].getMessage()
    assert open_at(tmp_path).series(RUN)["train/n"].count == 20


class _GoneFiles(LocalFileSystem):  # type: ignore[misc]  # it has no types
    """A filesystem that may go away."""

    is_gone = False

    def ls(self, path: str, detail: bool = False, **kwargs: object) -> object:  # noqa: FBT001, FBT002 - as fsspec has it
        if self.is_gone:
            raise ConnectionError("gone")
        return super().ls(path, detail, **kwargs)


def test_closing_a_reader_asks_nothing_of_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is away by then is no matter for who has only read."""
    open_at(tmp_path).write(story(Pen(RUN)))
    files = _GoneFiles(skip_instance_cache=True)
    reader = FsspecTracker(files, str(tmp_path))
    reader.params(RUN)
    files.is_gone = True

    reader.close()

    assert not caplog.records


def test_compacted_run_reads_the_same_without_its_batches(tmp_path: Path) -> None:
    """An hour later they are removed, and every read is told from the rest."""
    model, tracker = MemoryTracker(), open_at(tmp_path)
    for pen in (Pen(RUN, "a", 1, 0), Pen(RUN, "b", 2, 0), Pen(RUN, "c", 2, 1)):
        batch = story(
            pen,
            *(MetricsBody(None, {"odd": {"v": value}}) for value in ODD),
            MetricsBody(3, {"": {"x": 1}, "empty": {}}),
            MetricsBody(3, {}),
            ColumnsBody("c", [1, 2, 3], {"f": [1.5, 2.5, 3.5], "i": [1, 2, 2**60]}),
            ColumnsBody("c", None, {"f": [None, "x", {"a": [1]}]}),
            LogBody("info", "two\nlines\u2028", None),
        )
        tracker.write(batch)
        model.write(batch)
    assert tracker.compact() == Compaction(1, 3 * 64, 0)
    make_old(tmp_path)

    done = open_at(tmp_path).compact()

    assert (done, batches_in(tmp_path)) == (Compaction(0, 0, 3), [])
    for reader in (tracker, open_at(tmp_path)):
        assert answers(reader, RUN) == answers(model, RUN)
        assert exact(reader.runs()) == exact(model.runs())


def test_batches_are_removed_an_hour_later_and_no_sooner(tmp_path: Path) -> None:
    """Who has listed them before finds them."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))
    tracker.compact()

    early = tracker.compact()
    make_old(tmp_path)
    late = tracker.compact(RUN)

    assert (early.removed, late.removed) == (0, 1)


def test_compaction_is_done_once(tmp_path: Path) -> None:
    """Two trackers and a repetition leave what one leaves."""
    one, other = open_at(tmp_path), open_at(tmp_path)
    one.write(story(Pen(RUN)))
    one.compact()
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.parquet")}

    other.compact(RUN)
    other.compact()

    assert {path: path.stat().st_ino for path in tmp_path.rglob("*.parquet")} == before
    assert len([*tmp_path.glob("*/heads/*")]) == 1


def test_late_batches_replace_what_was_compacted(tmp_path: Path) -> None:
    """SQL sees each point once, and those that were rewound are said to be."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    late = Pen(RUN, "late", 2).log(MetricsBody(5, {"train": {"loss": 0.5}}), END)
    for batch in (story(Pen(RUN)), late):
        tracker.write(batch)
        tracker.compact()
        model.write(batch)

    rows = parquet_rows(tmp_path)

    assert len([*(tmp_path / LAKE / "index").iterdir()]) == 1
    assert len(rows) == 41
    loss = [row for row in rows if row["series"] == "train/loss"]
    assert [row["step"] for row in loss if not row["abandoned"]] == [0, 1, 2, 3, 4, 5]
    assert [row["index"] for row in loss if row["abandoned"]] == [None] * 15
    assert answers(tracker, RUN) == answers(model, RUN)


def parquet_rows(root: Path) -> list[dict[str, object]]:
    """Return all rows of the lake, with what the name of the directory tells.

    Times are nanoseconds, for which Python has no type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, object]] = []
    for path in sorted(root.glob(POINTS)):
        name, _, told = path.parent.name.partition("=")
        # From memory, as readers of files close them when they like.
        table = pq.read_table(io.BytesIO(path.read_bytes()))
        moments = {
            field.name: table[field.name].cast("int64")
            for field in table.schema
            if pa.types.is_timestamp(field.type)
        }
        for column, values in moments.items():
            place = table.column_names.index(column)
            table = table.set_column(place, column, values)
        rows += [{**row, name: told} for row in table.to_pylist()]
    return rows


def test_columns_are_those_of_the_page(tmp_path: Path) -> None:
    """A point has all of them, of the types that are promised."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN, "w", 2, 3), MetricsBody(None, {"": {"x": "text"}})))
    tracker.compact()

    rows = parquet_rows(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "backend-fsspec.md").read_text("utf-8")

    (text,) = (row for row in rows if row["series"] == "x")
    assert text["value"] is None
    assert json.loads(str(text["value_json"])) == "text"
    first = next(row for row in rows if row["series"] == "train/n")
    named = ("stream", "field", "index", "step", "value", "is_integer", "value_json")
    assert [first[name] for name in named] == ["train", "n", 0, 0, 0.0, True, None]
    assert (first["run_id"], first["experiment"]) == (RUN, "iris")
    assert (first["attempt"], first["rank"], first["row"]) == (2, 3, 0)
    assert [name for name in first if f"`{name}`" not in page] == []


def test_killed_compaction_is_completed(tmp_path: Path) -> None:
    """Wherever it ended, all reads are right, and the next one does the rest."""
    model = MemoryTracker()
    batch = story(Pen(RUN))
    model.write(batch)
    tracker = open_at(tmp_path)
    tracker.write(batch)
    tracker.compact()
    made = [
        *tmp_path.glob("*/heads/*"),
        *(tmp_path / LAKE / "index").iterdir(),
        *(tmp_path / LAKE / "left").iterdir(),
    ]
    for path in made:
        path.unlink()
        reader = open_at(tmp_path)
        assert answers(reader, RUN) == answers(model, RUN)

        open_at(tmp_path).compact()

        again = open_at(tmp_path)
        assert exact(again.runs()) == exact(model.runs())
        assert path.exists()
    assert len(parquet_rows(tmp_path)) == 40


def test_points_of_nobody_are_removed(tmp_path: Path) -> None:
    """Those that a killed compaction left, and those of a run that was removed."""
    tracker = open_at(tmp_path)
    for run_id in ("kept", "gone"):
        tracker.write(story(Pen(run_id)))
    tracker.compact()
    key = key_of(directory_name("kept"))
    day = next((tmp_path / LAKE / "points").iterdir())
    (day / f"{5:020d}-{key}-{'0' * 20}.parquet").write_bytes(b"left by a crash")
    removed = tmp_path / directory_name("gone")
    for path in sorted(removed.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    removed.rmdir()
    assert [info.run_id for info in tracker.runs()] == ["kept"]
    make_old(tmp_path)

    open_at(tmp_path).compact()

    assert {row["run_id"] for row in parquet_rows(tmp_path)} == {"kept"}
    with pytest.raises(RunNotFoundError):
        open_at(tmp_path).points("gone", "train/loss")


def reuse(root: Path, *batches: Batch) -> FsspecTracker:
    """Remove the run by hand and give its id to another one; return what lists it."""
    shutil.rmtree(root / directory_name(RUN))
    tracker = open_at(root)
    for batch in batches:
        tracker.write(batch)
    tracker.close()
    return open_at(root)


def test_run_id_is_used_again_for_fewer_records(tmp_path: Path) -> None:
    """Lists tell of the run that is there; nothing of the one before it stays."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    tracker.write(story(Pen(RUN)))
    tracker.close()
    model.write(batch := story(Pen(RUN), points=3))

    reader = reuse(tmp_path, batch)

    assert exact(reader.runs("metrics.train/n.max = 2")) == exact(model.runs())
    make_old(tmp_path)
    open_at(tmp_path).compact()
    assert exact(open_at(tmp_path).runs()) == exact(model.runs())
    assert len(parquet_rows(tmp_path)) == 6
    assert len([*(tmp_path / LAKE / "index").iterdir()]) == 1
    assert [*(tmp_path / LAKE / "open").iterdir()] == []


def test_run_id_is_used_again_when_the_index_was_merged(tmp_path: Path) -> None:
    """The entry of the run that is there is kept, though it is of fewer records."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    for number in range(9):
        tracker.write(batch := story(Pen(f"run-{number}")))
        model.write(batch)
    tracker.write(story(Pen(RUN)))
    tracker.close()
    for _ in range(2):
        tracker.compact()
        make_old(tmp_path)
    assert len([*(tmp_path / LAKE / "index").iterdir()]) == 1
    model.write(batch := story(Pen(RUN), points=3))

    reuse(tmp_path, batch)

    for _ in range(2):
        make_old(tmp_path)
        open_at(tmp_path).compact()
        names = {path.name for path in (tmp_path / LAKE / "index").iterdir()}
        assert any(name.startswith(key_of(directory_name(RUN))) for name in names)
        assert exact(open_at(tmp_path).runs()) == exact(model.runs())


def test_run_id_is_used_again_by_one_that_does_not_end(tmp_path: Path) -> None:
    """Lists look at it for as long as the index tells of the run before."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    tracker.write(story(Pen(RUN)))
    tracker.close()
    model.write(batch := Pen(RUN).log(StartedBody("job"), ParamsBody({"lr": 7})))

    reader = reuse(tmp_path, batch)

    assert exact(reader.runs("params.lr = 7")) == exact(model.runs())
    make_old(tmp_path)
    open_at(tmp_path).compact()
    assert exact(open_at(tmp_path).runs("params.lr = 7")) == exact(model.runs())
    assert parquet_rows(tmp_path) == []


def test_entry_of_another_head_is_written_again(tmp_path: Path) -> None:
    """As where a compaction was killed between the head and its entry."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    tracker.write(story(Pen(RUN)))
    tracker.close()
    (before,) = (tmp_path / LAKE / "index").iterdir()
    content = before.read_bytes()
    model.write(batch := story(Pen(RUN), points=3))
    shutil.rmtree(tmp_path / directory_name(RUN))
    open_at(tmp_path).write(batch)
    open_at(tmp_path).compact()
    for path in (tmp_path / LAKE / "index").iterdir():
        path.unlink()
    before.write_bytes(content)

    open_at(tmp_path).compact()

    make_old(tmp_path)
    open_at(tmp_path).compact()
    assert [*(tmp_path / LAKE / "open").iterdir()] == []
    assert exact(open_at(tmp_path).runs()) == exact(model.runs())


def test_points_that_a_head_names_are_kept(tmp_path: Path) -> None:
    """Also where the index knows of another head alone, as after a race."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))
    tracker.compact()
    for path in (tmp_path / LAKE / "index").iterdir():
        path.unlink()
    make_old(tmp_path)
    cleaner = Cleaner(tracker._store, Marks(tracker._store))  # noqa: SLF001 - a step alone

    cleaner.merge(Index(tracker._store), [directory_name(RUN)])  # noqa: SLF001 - as above

    assert len(parquet_rows(tmp_path)) == 40


@pytest.mark.parametrize(
    "name",
    [
        "points/_SUCCESS",
        "points/day=2023-11-14/_SUCCESS",
        "points/day=2023-11-14/part-00000-0a1b-c000.snappy.parquet",
        "index/_SUCCESS",
        "index/a.jsonl.gz",
        "open/.DS_Store",
        "left/.DS_Store",
    ],
)
def test_what_others_put_into_the_lake_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """It is no trouble, nothing of ours, and never removed."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))
    tracker.close()
    stray = tmp_path / LAKE / name
    stray.write_bytes(b"")
    make_old(tmp_path)

    done = open_at(tmp_path).compact()

    assert done == Compaction(0, 0, 1)
    assert stray.exists()
    assert caplog.records == []
    assert [info.run_id for info in open_at(tmp_path).runs()] == [RUN]


class MarkingFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem in memory that has empty objects in place of directories."""

    cachable = False

    def find(self, path: str, **kw: object) -> object:
        """Give the object that stands for the directory too."""
        return [f"{path}/", *super().find(path, **kw)]


def test_empty_object_in_place_of_a_directory_is_no_trouble() -> None:
    """Consoles of object stores write such ones."""
    tracker = FsspecTracker(MarkingFiles(), f"/{new_run_id()}")
    tracker.write(story(Pen(RUN)))

    assert tracker.compact() == Compaction(1, 40, 0)


@pytest.mark.parametrize("part", ["open", "left"])
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{", b"[]", b"{}", b'{"directory": 1, "time_ns": 2}', b"other"],
)
def test_damaged_mark_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, part: str, content: bytes
) -> None:
    """One warning names it; its run is compacted and listed, and no batch is lost."""
    open_at(tmp_path).write(story(Pen(RUN)))
    if part == "left":
        open_at(tmp_path).compact()
    (mark,) = (tmp_path / LAKE / part).iterdir()
    if content == b"other":
        content = mark.read_bytes().replace(directory_name(RUN).encode(), b"OTHER")
    mark.write_bytes(content)
    make_old(tmp_path)

    done = open_at(tmp_path).compact()

    assert (done.runs, done.removed) == (int(part == "open"), 0)
    assert [mark.name in record.getMessage() for record in caplog.records] == [True]
    assert mark.exists()
    open_at(tmp_path).write(Pen(RUN, attempt=2).log(ParamsBody({"lr": 7})))
    assert len([*open_at(tmp_path).runs("params.lr = 7")]) == 1


def test_batches_stay_where_their_points_are_gone(tmp_path: Path) -> None:
    """Whoever has removed them: what is left is not removed too."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))
    tracker.compact()
    next(tmp_path.glob(POINTS)).unlink()
    make_old(tmp_path)

    assert tracker.compact().removed == 0

    assert len(batches_in(tmp_path)) == 1


class RacingFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem in memory where something happens before a file is fetched."""

    cachable = False
    before = "/points/"
    races: "Sequence[Callable[[], object]]" = ()

    def cat_file(self, path: str, *args: object, **kw: object) -> object:
        """Let others be faster, once."""
        if self.before in path:
            races, self.races = self.races, ()
            for race in races:
                race()
        return super().cat_file(path, *args, **kw)


def late(writer: str, attempt: int, run_id: str = RUN) -> Batch:
    """Return what another attempt adds to a run."""
    pen = Pen(run_id, writer, attempt)
    return pen.log(MetricsBody(5, {"train": {"loss": 0.5}}), END)


def raced(root: str, batch: Batch, before: str = "/points/") -> FsspecTracker:
    """Open a tracker beside which another one brings and compacts a batch."""
    other, fs = FsspecTracker(MemoryFileSystem(), root), RacingFiles()
    fs.before = before
    fs.races = [partial(other.write, batch), partial(other.compact, RUN)]
    return FsspecTracker(fs, root)


def test_compaction_goes_on_when_another_one_is_faster(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Points that it was about to read are in the object that replaced theirs."""
    root, model = f"/{new_run_id()}", MemoryTracker()
    told = [story(Pen(RUN)), late("late", 2), late("later", 3)]
    for batch in told:
        model.write(batch)
    first = FsspecTracker(MemoryFileSystem(), root)
    first.write(told[0])
    first.compact()
    first.write(told[1])

    raced(root, told[2]).compact()

    assert caplog.records == []
    again = FsspecTracker(MemoryFileSystem(), root)
    again.compact()
    assert answers(again, RUN) == answers(model, RUN)
    assert len(MemoryFileSystem().find(f"{root}/{LAKE}/points")) == 1


def test_records_are_given_when_a_compaction_replaces_them() -> None:
    """Whoever copies a run gets all of it, the late records too."""
    root, model = f"/{new_run_id()}", MemoryTracker()
    told = [story(Pen(RUN)), late("late", 2)]
    first = FsspecTracker(MemoryFileSystem(), root)
    first.write(told[0])
    first.compact()

    for batch in raced(root, told[1]).batches(RUN):
        model.write(batch)

    assert answers(model, RUN) == answers(FsspecTracker(MemoryFileSystem(), root), RUN)


def test_run_is_read_whole_when_its_head_is_replaced() -> None:
    """Though the batches that the head covered are long gone."""
    root, model = f"/{new_run_id()}", MemoryTracker()
    told = [story(Pen(RUN)), late("late", 2)]
    for batch in told:
        model.write(batch)
    fs = MemoryFileSystem()
    first = FsspecTracker(fs, root)
    first.write(told[0])
    first.compact()
    fs.rm(f"{root}/{directory_name(RUN)}/batches", recursive=True)

    found = raced(root, told[1], "/heads/").params(RUN)

    assert found == model.params(RUN)


def test_head_whose_points_were_removed_already_is_superseded(tmp_path: Path) -> None:
    """As a compaction leaves it that was killed when it had written another head."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    heads = []
    for batch in (story(Pen(RUN)), late("late", 2)):
        tracker.write(batch)
        model.write(batch)
        tracker.compact()
        (head,) = tmp_path.glob("*/heads/*")
        heads.append((head, head.read_bytes()))
    (before, content), (after, _) = heads
    before.write_bytes(content)

    open_at(tmp_path).compact(RUN)

    assert [*tmp_path.glob("*/heads/*")] == [after]
    assert answers(open_at(tmp_path), RUN) == answers(model, RUN)


def test_run_that_cannot_be_compacted_stops_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named in a warning, and its error is raised when the others are done."""
    tracker = open_at(tmp_path)
    runs = sorted(("a", "b", "c"), key=directory_name)
    tracker.write(story(Pen(runs[0])))
    tracker.compact()
    tracker.write(late("late", 2, runs[0]))
    for run_id in runs[1:]:
        tracker.write(story(Pen(run_id)))
    next(tmp_path.glob(POINTS)).unlink()

    with pytest.raises(FileNotFoundError):
        open_at(tmp_path).compact()

    assert {row["run_id"] for row in parquet_rows(tmp_path)} == {*runs[1:]}
    assert [directory_name(runs[0]) in one.getMessage() for one in caplog.records] == [
        True
    ]


class CountingFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem in memory that counts what an object store would charge."""

    cachable = False
    calls: list[str]

    def ls(self, path: str, detail: bool = True, **kw: object) -> object:  # noqa: FBT001, FBT002 - fsspec's signature
        """Count a listing."""
        self.calls.append(f"ls {path}")
        return super().ls(path, detail=detail, **kw)

    def cat_file(self, path: str, *args: object, **kw: object) -> object:
        """Count a download."""
        self.calls.append(f"get {path}")
        return super().cat_file(path, *args, **kw)


def test_list_of_compacted_runs_takes_few_requests() -> None:
    """However many there are; neither points nor runs are looked at, by any query."""
    root = f"/{new_run_id()}"
    writer = FsspecTracker(MemoryFileSystem(), root)
    for number in range(30):
        writer.write(story(Pen(f"run-{number}"), TagsBody({"n": str(number)})))
    writer.close()
    writer.compact()
    fs = CountingFiles()
    fs.calls = []
    reader = FsspecTracker(fs, root)

    found = reader.runs('metrics.train/loss.max > 1 and tags.n = "7"')

    assert [info.run_id for info in found] == ["run-7"]
    assert len(fs.calls) <= 4
    assert not [call for call in fs.calls if "/points/" in call or "/heads/" in call]


def test_index_is_merged_and_its_parts_are_removed(tmp_path: Path) -> None:
    """Many objects become one, and lists are right at every moment."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    for number in range(12):
        batch = story(Pen(f"run-{number}"))
        tracker.write(batch)
        model.write(batch)
    tracker.close()
    index = tmp_path / LAKE / "index"
    assert len([*index.iterdir()]) == 12

    tracker.compact()
    with_parts = len([*index.iterdir()]), exact(open_at(tmp_path).runs())
    make_old(tmp_path)
    tracker.compact()

    assert with_parts == (13, exact(model.runs()))
    assert len([*index.iterdir()]) == 1
    assert exact(open_at(tmp_path).runs()) == exact(model.runs())


def test_index_of_version_1_is_read(tmp_path: Path) -> None:
    """What it does not tell of attempts is none."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    tracker.write(batch := story(Pen(RUN)))
    model.write(batch)
    tracker.close()
    (path,) = (tmp_path / LAKE / "index").iterdir()
    told = json.loads(gzip.decompress(path.read_bytes()))
    for fact in ("host", "exit_code", "peak_memory_bytes"):
        del told["info"]["attempts"][0][fact]
    path.write_bytes(gzip.compress(json.dumps({**told, "version": 1}).encode()))

    found = open_at(tmp_path).runs()

    assert exact(found) == exact(model.runs())


def test_damaged_index_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its runs are read from their directories."""
    tracker, model = open_at(tmp_path), MemoryTracker()
    tracker.write(batch := story(Pen(RUN)))
    model.write(batch)
    tracker.close()
    (path,) = (tmp_path / LAKE / "index").iterdir()
    path.write_bytes(path.read_bytes()[:40])

    found = open_at(tmp_path).runs()

    assert exact(found) == exact(model.runs())
    assert path.name in caplog.text


def test_mark_of_a_killed_tracker_is_removed_when_all_is_compacted(
    tmp_path: Path,
) -> None:
    """Until then lists look at the run itself."""
    open_at(tmp_path).write(story(Pen(RUN)))
    marks = tmp_path / LAKE / "open"
    open_at(tmp_path).compact()
    early = len([*marks.iterdir()])
    make_old(tmp_path)

    open_at(tmp_path).compact()

    assert (early, [*marks.iterdir()]) == (1, [])


def test_writer_that_comes_late_is_seen_by_lists(tmp_path: Path) -> None:
    """What it has written to a run that was compacted shows at once."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))
    tracker.close()
    reader = open_at(tmp_path)
    assert [*reader.runs("params.lr = 0.1")] != []

    open_at(tmp_path).write(Pen(RUN, attempt=2).log(ParamsBody({"lr": 7})))

    assert [*reader.runs("params.lr = 0.1")] == []
    assert len([*reader.runs("params.lr = 7")]) == 1


def test_run_of_the_name_of_the_lake_goes_by_its_digest(tmp_path: Path) -> None:
    """No id leads into the directory of what is compacted."""
    run_id = "X\x14I d"
    open_at(tmp_path).add_metadata(run_id, key=1)

    assert directory_name(run_id) != LAKE
    assert list(open_at(tmp_path).run_ids()) == [run_id]


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
from tracker_core.errors import BackendUnavailableError
from tracker_fsspec import create

tracker = create(sys.argv[1])
assert [info.run_id for info in tracker.runs("metrics.train/n.max = 19")] == ["run"]
assert tracker.params("run") == {"lr": 0.1}
for call in (lambda: tracker.points("run", "train/n"), tracker.compact):
    try:
        print(len(call()))
    except BackendUnavailableError as error:
        print(error)
"""


@pytest.mark.parametrize("has_batches", [True, False])
def test_points_need_pyarrow_where_they_are_parquet_alone(
    tmp_path: Path, *, has_batches: bool
) -> None:
    """The error names the extra; while the batches are there nothing is needed."""
    tracker = open_at(tmp_path)
    tracker.write(story(Pen(RUN)))
    tracker.close()
    if not has_batches:
        make_old(tmp_path)
        tracker.compact()

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYARROW, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    first, second = done.stdout.splitlines()
    assert (first == "20") is has_batches
    assert "install tracker-core[parquet]" in (second if has_batches else first)


def test_failed_backend_is_not_compacted_at_the_end() -> None:
    """Closing does not wait once more for a store that is away."""
    fs = CountingFiles()
    fs.calls = []
    fs.pipe_file = _refuse
    tracker = FsspecTracker(fs, f"/{new_run_id()}")
    with pytest.raises(RetryableError):
        tracker.write(story(Pen(RUN)))
    count = len(fs.calls)

    tracker.close()

    assert len(fs.calls) == count


def _refuse(*_args: object, **_kw: object) -> None:
    raise OSError(5, "Input/output error")


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[Batch, int]]:
    """Draw the batches of some writers, in any order, and what is done after each."""
    batches = []
    for number in range(draw(st.integers(1, 3))):
        writer = Writer(f"w{number}", draw(st.integers(1, 2)))
        said = draw(st.lists(bodies(), min_size=1, max_size=6))
        records = tuple(
            Record(sequence, 5 * sequence, body)
            for sequence, body in enumerate([*said, END], start=1)
        )
        cut = draw(st.integers(0, len(records)))
        batches += [
            gathered(Batch(RUN, writer, part[0].sequence, part[-1].sequence, part))
            for part in (records[:cut], records[cut:], records)
            if part
        ]
    order = draw(st.permutations(batches))
    return [(batch, draw(st.integers(0, 3))) for batch in order]


@settings(max_examples=40, deadline=None)
@given(arrivals())
def test_answers_are_the_models_whenever_it_is_compacted(
    story: list[tuple[Batch, int]],
) -> None:
    """Compacted by commands and by closing, between any batches."""
    root, model = f"/{new_run_id()}", MemoryTracker()
    one, two = (FsspecTracker(MemoryFileSystem(), root) for _ in range(2))

    for batch, then in story:
        one.write(batch)
        model.write(batch)
        if then == 1:
            two.compact()
        if then == 2:
            one.close()
        if then == 3:
            assert exact(two.runs()) == exact(model.runs())

    one.close()
    for reader in (one, two, FsspecTracker(MemoryFileSystem(), root)):
        assert answers(reader, RUN) == answers(model, RUN)
        assert exact(reader.runs()) == exact(model.runs())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a lake of a hundred runs."""
    root = tmp_path_factory.mktemp("lake")
    tracker = open_at(root)
    source = random.Random(7)  # noqa: S311 - noise, no secret
    for number in range(100):
        losses = [
            MetricsBody(n, {"train": {"loss": source.random(), "n": n}})
            for n in range(50)
        ]
        pen = Pen(f"run {number}/ü")
        created = CreatedBody(None, f"experiment {number % 3}")
        tracker.write(gathered(pen.log(created, StartedBody("job"), *losses, END)))
    tracker.close()
    return root


def least_losses(root: Path) -> dict[str, tuple[int, float]]:
    """Return how many losses each run has, and the least, as our reads tell."""
    tracker = open_at(root)
    found = {}
    for run in tracker.runs():
        values = tracker.points(run.run_id, "train/loss").values
        found[run.run_id] = (len(values), float(min(values)))  # type: ignore[type-var, arg-type]  # floats
    return found


@pytest.mark.one_python
def test_duckdb_reads_the_lake(lake: Path) -> None:
    """One query gives the numbers that our reads give."""
    duckdb = pytest.importorskip("duckdb", reason="needs duckdb")
    query = (
        "SELECT run_id, count(*), min(value) FROM read_parquet($lake) "
        "WHERE series = 'train/loss' AND NOT abandoned GROUP BY run_id"
    )

    with duckdb.connect() as connection:
        told = {"lake": f"{lake}/{LAKE}/points/**/*.parquet"}
        rows = connection.execute(query, told).fetchall()

    assert {name: (count, least) for name, count, least in rows} == least_losses(lake)


PANDAS = """
import json, sys
import pandas

table = pandas.read_parquet(sys.argv[1])
assert str(table.time.dtype) == "datetime64[ns, UTC]"
losses = table[(table.series == "train/loss") & ~table.abandoned]
groups = losses.groupby("run_id").value.agg(["count", "min"])
rows = groups.iterrows()
print(json.dumps({name: (int(row["count"]), row["min"]) for name, row in rows}))
"""
POLARS = """
import json, sys
import polars

rows = (
    polars.scan_parquet(sys.argv[1] + "/**/*.parquet")
    .filter((polars.col("series") == "train/loss") & ~polars.col("abandoned"))
    .group_by("run_id")
    .agg(polars.len(), polars.col("value").min())
    .collect()
    .rows()
)
print(json.dumps({name: (count, least) for name, count, least in rows}))
"""


@pytest.mark.one_python
@pytest.mark.parametrize(
    ("package", "code"),
    [("pandas", PANDAS), ("polars", POLARS)],
    ids=["pandas", "polars"],
)
def test_table_libraries_read_the_lake(lake: Path, package: str, code: str) -> None:
    """One query gives the numbers that our reads give, times to the nanosecond."""
    pytest.importorskip(package, reason=f"needs {package}")

    # In a process of its own, since threads and files of theirs stay.
    done = subprocess.run(
        [sys.executable, "-c", code, f"{lake}/{LAKE}/points"],
        capture_output=True,
        text=True,
        check=True,
    )

    found = {name: tuple(told) for name, told in json.loads(done.stdout).items()}
    assert found == least_losses(lake)
