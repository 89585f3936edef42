"""Runs that are removed from the fsspec backend: their files, and who meets whom."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from tracker_core.contents import content_of_bytes
from tracker_core.errors import RetryableError, RunNotFoundError
from tracker_core.identity import new_run_id
from tracker_core.records import (
    ArtifactBody,
    Body,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    SourceBody,
    StartedBody,
)
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.pen import Pen
from tracker_fsspec import FsspecTracker
from tracker_fsspec.layout import LAKE, directory_name

pytest.importorskip("pyarrow", reason="needs pyarrow")

HOUR = 3_601
END = EndedBody("job", "FINISHED", None)
CONTENT = content_of_bytes(b"weights" * 1000)
NAMED = ArtifactBody("a", "p", {"x": 1}, digest=CONTENT.digest)
RUN, OTHER, SOURCE = (directory_name(name) for name in ("run", "other", "source"))


def open_at(root: Path) -> FsspecTracker:
    """Open a tracker on a local directory."""
    return FsspecTracker(LocalFileSystem(), str(root))


def said(*more: Body) -> tuple[Body, ...]:
    """Return the records of a run that has ended."""
    points = (MetricsBody(n, {"": {"x": n}}) for n in range(5))
    return (CreatedBody("n", "iris"), StartedBody("job"), *more, *points, END)


def make_old(root: Path) -> None:
    """Let all that is compacted, and all marks, be more than an hour old."""
    for path in (root / LAKE).rglob("*"):
        told = path.stat().st_mtime - HOUR
        os.utime(path, (told, told))


def names(root: Path) -> list[str]:
    """Return all files below a directory."""
    found = (path for path in root.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(root)) for path in found)


def filled(tracker: FsspecTracker) -> None:
    """Write a run that is compacted and written to again, and two others."""
    tracker.add_content(CONTENT)
    pen = Pen("run")
    tracker.write(Pen("source").log(*said()))
    tracker.write(
        pen.log(*said(NAMED, MetadataBody({"k": 1}), SourceBody("source", None)))
    )
    tracker.write(Pen("other").log(*said(SourceBody("run", "label"))))
    tracker.compact()
    tracker.beat("run", 7)
    tracker.write(pen.log(ParamsBody({"late": 1})))


def test_removal_leaves_no_file_of_the_run(tmp_path: Path) -> None:
    """Nor a directory that genuine torchx would take for a run."""
    tracker = open_at(tmp_path)
    filled(tracker)

    tracker.remove("run")

    assert not (tmp_path / RUN).exists()
    assert not (tmp_path / SOURCE / "descendants" / RUN).exists()
    assert (tmp_path / OTHER / "sources" / RUN).exists()
    assert len([*(tmp_path / LAKE / "points").rglob("*.parquet")]) == 2
    assert len([*(tmp_path / LAKE / "index").iterdir()]) == 2


def test_merged_index_forgets_the_run(tmp_path: Path) -> None:
    """What lists tell of the others stays there."""
    tracker = open_at(tmp_path)
    for number in range(12):
        tracker.write(Pen(f"run-{number}").log(*said()))
    tracker.compact()
    make_old(tmp_path)
    tracker.compact()
    before = exact(tracker.runs("run_id != 'run-3'"))

    tracker.remove("run-3")

    index = [*(tmp_path / LAKE / "index").iterdir()]
    assert len(index) == 1
    assert exact(open_at(tmp_path).runs()) == before


def test_content_is_freed_an_hour_later(tmp_path: Path) -> None:
    """By a compaction, unless another run has named it by then."""
    tracker = open_at(tmp_path)
    filled(tracker)
    another = content_of_bytes(b"other")
    tracker.add_content(another)
    late = ArtifactBody("b", "p", None, digest=another.digest)
    tracker.write(Pen("run").log(late))

    removal = tracker.remove("run")
    tracker.write(Pen("new").log(late))
    tracker.compact()
    with tracker.open_content(CONTENT.digest) as file:
        is_there = len(file.read()) == CONTENT.size_bytes
    make_old(tmp_path)
    tracker.compact()

    assert "tracker compact" in removal.remains[0]
    assert is_there
    assert not [name for name in names(tmp_path) if CONTENT.digest[7:] in name]
    with tracker.open_artifact("new", "b") as file:
        assert file.read() == b"other"
    assert not [*(tmp_path / LAKE / "unused").iterdir()]


def test_content_that_is_added_again_is_not_freed(tmp_path: Path) -> None:
    """The record that names it is on its way."""
    tracker = open_at(tmp_path)
    filled(tracker)
    tracker.remove("run")
    make_old(tmp_path)

    open_at(tmp_path).add_content(CONTENT)
    tracker.compact()
    tracker.write(Pen("new").log(NAMED))

    with tracker.open_artifact("new", "a") as file:
        assert len(file.read()) == CONTENT.size_bytes


def test_content_stays_while_a_run_cannot_be_read(tmp_path: Path) -> None:
    """It may be the one that names it."""
    tracker = open_at(tmp_path)
    filled(tracker)
    tracker.remove("run")
    make_old(tmp_path)
    damaged = tmp_path / directory_name("damaged") / "batches"
    damaged.mkdir(parents=True)
    (damaged / "w-000000000001-000000000001.jsonl").write_text("what")

    tracker.compact()

    assert tracker.open_content(CONTENT.digest).close() is None


class RefusingFiles(LocalFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A disk on which so many files can be removed, and no more."""

    cachable = False
    left: int

    def rm_file(self, path: str) -> None:
        """Remove, or refuse."""
        if not self.left:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        self.left -= 1
        super().rm_file(path)


def test_removal_that_breaks_off_can_be_repeated(tmp_path: Path) -> None:
    """Wherever it does: what is left is a run that can be removed, or none."""
    outcomes = []
    for left in range(30):
        root = tmp_path / str(left)
        fs = RefusingFiles()
        fs.left = left
        tracker = FsspecTracker(fs, str(root))
        filled(open_at(root))
        others = [answers(open_at(root), name) for name in ("source", "other")]

        try:
            tracker.remove("run")
        except RetryableError:
            outcomes.append(False)
            assert "run" in open_at(root).run_ids()
            open_at(root).remove("run")
        else:
            outcomes.append(True)

        reader = open_at(root)
        assert sorted(reader.run_ids()) == ["other", "source"]
        assert [answers(reader, name) for name in ("source", "other")] == others
        assert not (root / RUN).exists()
        if outcomes[-1]:
            break
    assert outcomes[-1]
    assert len(outcomes) > 6


class MeetingFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem on which something happens just before a file is written.

    Attributes:
        part: What the path of the file contains.
        meets: What happens, once.
    """

    cachable = False
    part = ""
    meets: Callable[[], object] | None = None

    def pipe_file(self, path: str, value: bytes, *args: object, **kw: object) -> None:
        """Let it happen, and write."""
        meets = self.meets
        if meets is not None and self.part in path:
            self.meets = None
            meets()
        super().pipe_file(path, value, *args, **kw)


@pytest.mark.parametrize("part", ["/batches/", "/metadata/", f"{LAKE}/open/"])
def test_removal_in_the_middle_of_a_write_wins(part: str) -> None:
    """The batch of a writer whose run is being removed does not bring it back."""
    root, fs = f"/{new_run_id()}", MeetingFiles()
    remover = FsspecTracker(MemoryFileSystem(), root)
    writer, pen = FsspecTracker(fs, root), Pen("run")
    remover.write(pen.log(*said()))
    fs.part, fs.meets = part, lambda: remover.remove("run")

    writer.write(pen.log(MetadataBody({"late": 1}), NAMED))

    assert fs.meets is None
    for tracker in (remover, writer):
        assert not list(tracker.run_ids())
    assert not fs.find(f"{root}/{RUN}")


@pytest.mark.parametrize("part", ["/heads/", "/points/", "/index/"])
def test_removal_in_the_middle_of_a_compaction_wins(part: str) -> None:
    """What is compacted of a run that is gone meanwhile is taken back."""
    root, fs = f"/{new_run_id()}", MeetingFiles()
    remover = FsspecTracker(MemoryFileSystem(), root)
    compactor = FsspecTracker(fs, root)
    remover.write(Pen("run").log(*said()))
    fs.part, fs.meets = part, lambda: remover.remove("run")

    compactor.compact()

    assert fs.meets is None
    for tracker in (remover, compactor):
        assert not list(tracker.run_ids())
        with pytest.raises(RunNotFoundError):
            tracker.run("run")
    kept = [*fs.find(f"{root}/{LAKE}/points"), *fs.find(f"{root}/{LAKE}/index")]
    assert not kept
    assert not fs.find(f"{root}/{RUN}")


class ForbiddenFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem on which the marks of removed runs are another user's."""

    cachable = False

    def ls(self, path: str, *args: object, **kw: object) -> object:
        """Refuse."""
        _refuse(path)
        return super().ls(path, *args, **kw)

    def cat_file(self, path: str, *args: object, **kw: object) -> object:
        """Refuse."""
        _refuse(path)
        return super().cat_file(path, *args, **kw)

    def rm_file(self, path: str) -> None:
        """Refuse."""
        _refuse(path)
        super().rm_file(path)


def _refuse(path: str) -> None:
    if f"{LAKE}/removed" in path or f"{LAKE}/unused" in path:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_marks_of_others_keep_nobody_from_writing() -> None:
    """Another user of the same directory has removed a run of theirs."""
    root = f"/{new_run_id()}"
    other = FsspecTracker(MemoryFileSystem(), root)
    filled(other)
    other.remove("run")
    tracker = FsspecTracker(ForbiddenFiles(), root)

    tracker.add_content(CONTENT)
    tracker.write(Pen("new").log(*said(NAMED)))
    tracker.compact()

    with other.open_artifact("new", "a") as file:
        assert len(file.read()) == CONTENT.size_bytes
