"""The content of artifacts as files: kept once, whole or not at all, in pieces."""

import io
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from base64 import b32decode
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile

from tracker_core.contents import (
    PIECE_BYTES,
    Content,
    checked,
    content_of_bytes,
    content_of_file,
)
from tracker_core.errors import ContentError, RetryableError
from tracker_core.identity import new_run_id
from tracker_fsspec import FsspecTracker
from tracker_fsspec.layout import INCOMING_CONTENTS, content_path
from tracker_fsspec.store import Store

MEBIBYTE = 2**20
CONTENT = content_of_bytes(b"some content")


class UploadFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec ships no types
    """A file of an object store, sent in parts, which shows when it is closed."""

    def _initiate_upload(self) -> None:
        self.fs.uploads[self.path] = []

    def _upload_chunk(self, final: bool = False) -> None:  # noqa: FBT001, FBT002 - fsspec's signature
        self.fs.uploads[self.path].append(self.buffer.getvalue())
        if final:
            self.fs.pipe_file(self.path, b"".join(self.fs.uploads.pop(self.path)))

    def discard(self) -> None:
        """Take the parts back."""
        self.fs.uploads.pop(self.path, None)


class ObjectStore(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem where an object shows when its upload is complete."""

    protocol = "s3"
    cachable = False

    def __init__(self) -> None:
        """Begin without uploads."""
        super().__init__()
        self.uploads: dict[str, list[bytes]] = {}
        self.block_sizes: list[int] = []
        self.ranges: list[int] = []

    def _open(self, path: str, mode: str = "rb", **options: object) -> object:
        if mode == "rb" or "data" in options:  # the latter to write it at once
            return super()._open(path, mode, **options)
        file = UploadFile(self, path, mode, **options)
        self.block_sizes.append(file.blocksize)
        return file

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **kw: object
    ) -> bytes:
        """Fetch a range, and remember how long it was."""
        data: bytes = super().cat_file(path, start, end, **kw)
        self.ranges.append(len(data))
        return data


class RenamingFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem that shows files while they are written, and can rename them."""

    protocol = "renaming"
    cachable = False

    def mv(self, path1: str, path2: str, **kw: object) -> None:  # noqa: ARG002 - fsspec's signature
        """Rename a file, into a directory that is there."""
        if not self.isdir(self._parent(path2)):
            raise FileNotFoundError(path2)
        self.store[path2] = self.store.pop(path1)


class BrokenFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem whose client is away from its network when files are moved."""

    cachable = False
    is_broken = True

    def cp_file(self, path1: str, path2: str, **kw: object) -> None:
        """Refuse, or copy."""
        if self.is_broken:
            message = "hidden"
            raise EOFError(message)
        super().cp_file(path1, path2, **kw)


Place = tuple[fsspec.AbstractFileSystem, str]


@pytest.fixture(
    params=[LocalFileSystem, MemoryFileSystem, ObjectStore, RenamingFiles],
    ids=lambda kind: kind.__name__,
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Give each sort of filesystem, with a root that a pattern would not find."""
    if request.param is LocalFileSystem:
        return LocalFileSystem(), str(tmp_path / "a[1]*?")
    return request.param(), f"/{new_run_id()}[1]*?"


def files_in(place: Place) -> list[str]:
    """Return the paths of all files below a root."""
    fs, root = place
    return sorted(
        f"{folder}/{name}" for folder, _, names in fs.walk(root) for name in names
    )


class BrokenReader(io.RawIOBase):
    """A source that gives zeros and then fails."""

    def __init__(self, pieces: int, error: BaseException) -> None:
        """Give so many pieces before the error."""
        super().__init__()
        self._left = pieces
        self._error = error

    def read(self, size: int = -1) -> bytes:
        """Give the next piece, or fail."""
        self._left -= 1
        if self._left < 0:
            raise self._error
        return bytes(size)


def broken_after(pieces: int, error: BaseException) -> Content:
    """Return content that cannot be read to its end."""
    return CONTENT._replace(open=lambda: cast("BinaryIO", BrokenReader(pieces, error)))


@pytest.mark.parametrize("size_bytes", [0, 1, 5 * MEBIBYTE, 11 * MEBIBYTE + 7])
def test_content_reads_back(place: Place, size_bytes: int) -> None:
    """Another tracker reads what was kept, to the byte, whatever its size."""
    data = os.urandom(size_bytes)
    content = content_of_bytes(data)

    FsspecTracker(*place).add_content(content)

    with FsspecTracker(*place).open_content(content.digest) as file:
        assert file.read() == data


def test_content_leaves_one_file(place: Place) -> None:
    """It lies under its digest, in a directory that no run has, and nothing else."""
    FsspecTracker(*place).add_content(CONTENT)

    fs, root = place
    name = CONTENT.digest.removeprefix("sha256:")
    expected = f"{root}/ONUGCMRVGY5GG33OORSW45DT/{name[:2]}/{name}"
    assert files_in((fs, root)) == [expected]


def test_content_that_is_there_is_not_read_again(place: Place) -> None:
    """A second run with the same content costs a look."""
    FsspecTracker(*place).add_content(CONTENT)
    unreadable = broken_after(0, OSError("read again"))

    FsspecTracker(*place).add_content(unreadable)

    with FsspecTracker(*place).open_content(CONTENT.digest) as file:
        assert file.read() == b"some content"


def test_content_of_another_size_is_replaced(place: Place) -> None:
    """What was cut off since it was written is made whole by logging it again."""
    fs, root = place
    tracker = FsspecTracker(fs, root)
    tracker.add_content(CONTENT)
    fs.pipe_file(f"{root}/{content_path(CONTENT.digest)}", b"some")

    tracker.add_content(CONTENT)

    with tracker.open_content(CONTENT.digest) as file:
        assert file.read() == b"some content"


def test_damaged_content_is_replaced_on_a_disk(tmp_path: Path) -> None:
    """Its size is right, so its bytes are compared before it is taken for whole."""
    tracker = FsspecTracker(LocalFileSystem(), str(tmp_path))
    tracker.add_content(CONTENT)
    (tmp_path / content_path(CONTENT.digest)).write_bytes(b"SOME content")

    tracker.add_content(CONTENT)

    with tracker.open_content(CONTENT.digest) as file:
        assert file.read() == b"some content"


def test_content_is_not_fetched_to_be_compared() -> None:
    """Elsewhere than on a disk a look at the size is all that adding it again costs."""
    fs = ObjectStore()
    tracker = FsspecTracker(fs, f"/{new_run_id()}")
    tracker.add_content(CONTENT)

    tracker.add_content(CONTENT)

    assert fs.ranges == []


def test_content_that_may_not_be_read_says_so(humble_folder: Path) -> None:
    """What to do is said when it is opened, and adding it again mends it."""
    tracker = FsspecTracker(LocalFileSystem(), str(humble_folder))
    tracker.add_content(CONTENT)
    (humble_folder / content_path(CONTENT.digest)).chmod(0)

    with pytest.raises(ContentError, match="Permission denied; allow it"):
        tracker.open_content(CONTENT.digest)
    tracker.add_content(CONTENT)

    with tracker.open_content(CONTENT.digest) as file:
        assert file.read() == b"some content"


def test_directory_in_the_place_of_content_says_so(place: Place) -> None:
    """Opening and adding say what to do, and it works once that is done."""
    fs, root = place
    tracker, path = FsspecTracker(fs, root), content_path(CONTENT.digest)
    fs.makedirs(f"{root}/{path}")

    with pytest.raises(ContentError, match=f"{path}.*Is a directory.*remove what"):
        tracker.open_content(CONTENT.digest)
    with pytest.raises(RetryableError, match=f"Is a directory; remove .*{path}"):
        tracker.add_content(CONTENT)

    fs.rmdir(f"{root}/{path}")
    tracker.add_content(CONTENT)
    with tracker.open_content(CONTENT.digest) as file:
        assert file.read() == b"some content"


def test_what_a_killed_writer_left_is_removed_after_a_day(tmp_path: Path) -> None:
    """What is fresh may be another process's, and stays."""
    incoming = tmp_path / INCOMING_CONTENTS
    incoming.mkdir(parents=True)
    for name, hours in (("fresh", 23), ("old", 25)):
        written = time.time() - 3600 * hours
        (incoming / name).write_bytes(b"half")
        os.utime(incoming / name, (written, written))

    FsspecTracker(LocalFileSystem(), str(tmp_path)).add_content(CONTENT)

    assert [path.name for path in incoming.iterdir()] == ["fresh"]


def test_changed_content_is_refused_and_leaves_nothing(place: Place) -> None:
    """A file that was changed while it was logged is not kept under its old digest."""
    data = bytes(7 * MEBIBYTE)
    changed = content_of_bytes(data[1:] + b"x")._replace(
        digest=content_of_bytes(data).digest
    )

    with pytest.raises(ContentError, match="sha256:"):
        FsspecTracker(*place).add_content(changed)

    assert files_in(place) == []
    with pytest.raises(ContentError, match="log it again"):
        FsspecTracker(*place).open_content(changed.digest)


@pytest.mark.parametrize("pieces", [0, 7])
def test_unreadable_content_may_be_tried_again(place: Place, pieces: int) -> None:
    """A source that fails on the way leaves nothing, and the error says why."""
    broken = broken_after(pieces, OSError(5, "Input/output error"))

    with pytest.raises(RetryableError, match=r"could not be kept .*: Input/output"):
        FsspecTracker(*place).add_content(broken)

    assert files_in(place) == []


def test_interrupted_content_leaves_nothing(place: Place) -> None:
    """Ctrl-C in the middle of a large file is no content either."""
    with pytest.raises(KeyboardInterrupt):
        FsspecTracker(*place).add_content(broken_after(7, KeyboardInterrupt()))

    assert files_in(place) == []


def test_abandoned_upload_gives_its_parts_back() -> None:
    """An object store does not go on keeping what nobody will see."""
    fs = ObjectStore()

    with pytest.raises(RetryableError):
        FsspecTracker(fs, "/bucket").add_content(broken_after(7, OSError()))

    assert fs.block_sizes
    assert fs.uploads == {}


def test_failed_move_may_be_tried_again() -> None:
    """Whatever the client of a filesystem raises, the content can be sent again."""
    fs, root = BrokenFiles(), f"/user:hidden@{new_run_id()}"
    tracker = FsspecTracker(fs, root)
    with pytest.raises(RetryableError, match=r"sha256:.*: EOFError$") as caught:
        tracker.add_content(CONTENT)
    assert "hidden" not in str(caught.value)
    assert files_in((fs, root)) == []
    fs.is_broken = False

    tracker.add_content(CONTENT)

    assert len(files_in((fs, root))) == 1


def test_full_disk_may_be_tried_again(tmp_path: Path) -> None:
    """What stands in the way is named, and it works once that is gone."""
    (tmp_path / "root").write_text("a file")
    tracker = FsspecTracker(LocalFileSystem(), str(tmp_path / "root"))

    with pytest.raises(RetryableError, match=r"could not be kept .*: Not a directory"):
        tracker.add_content(CONTENT)

    (tmp_path / "root").unlink()
    tracker.add_content(CONTENT)
    with tracker.open_content(CONTENT.digest) as file:
        assert file.read() == b"some content"


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "sha256:../../x", "", "a/b"])
def test_unknown_content_says_what_to_do(place: Place, digest: str) -> None:
    """What is not there, and what is no digest, is an error with a remedy."""
    tracker = FsspecTracker(*place)
    tracker.add_content(CONTENT)

    with pytest.raises(ContentError, match="log it again, or copy it from another"):
        tracker.open_content(digest)


def test_damaged_content_is_an_error_when_it_is_read(place: Place) -> None:
    """Its size is right, so reading to the end is what shows it."""
    fs, root = place
    tracker = FsspecTracker(fs, root)
    tracker.add_content(CONTENT)
    fs.pipe_file(f"{root}/{content_path(CONTENT.digest)}", b"SOME content")

    with (
        checked(tracker.open_content(CONTENT.digest), CONTENT.digest) as file,
        pytest.raises(ContentError, match="damaged"),
    ):
        file.read()


def test_two_files_have_places_of_their_own(place: Place) -> None:
    """Reading one does not move the other."""
    tracker = FsspecTracker(*place)
    tracker.add_content(CONTENT)

    with (
        tracker.open_content(CONTENT.digest) as one,
        tracker.open_content(CONTENT.digest) as two,
    ):
        read = (
            one.read(5),
            two.read(4),
            one.seek(-4, os.SEEK_END),
            one.read(),
            one.tell(),
        )

    assert read == (b"some ", b"some", 8, b"tent", 12)


def test_content_that_vanishes_while_it_is_read_is_an_error() -> None:
    """An empty answer would be taken for the end."""
    fs, root = MemoryFileSystem(), f"/{new_run_id()}"
    tracker = FsspecTracker(fs, root)
    tracker.add_content(CONTENT)

    with tracker.open_content(CONTENT.digest) as file:
        fs.rm_file(f"{root}/{content_path(CONTENT.digest)}")
        with pytest.raises(FileNotFoundError):
            file.read()


def test_large_file_needs_little_memory_on_a_disk(tmp_path: Path) -> None:
    """Writing and reading go by pieces of one MiB."""
    path = tmp_path / "large"
    with path.open("wb") as large:
        large.truncate(64 * MEBIBYTE)
    content = content_of_file(path)
    tracker = FsspecTracker(LocalFileSystem(), str(tmp_path / "root"))

    tracemalloc.start()
    tracker.add_content(content)
    with checked(tracker.open_content(content.digest), content.digest) as file:
        while file.read(PIECE_BYTES):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * MEBIBYTE


def test_large_object_goes_in_small_parts_and_ranges() -> None:
    """What is sent and fetched at once is a few MiB, so memory is too."""
    fs, content = ObjectStore(), content_of_bytes(bytes(23 * MEBIBYTE))
    tracker = FsspecTracker(fs, f"/{new_run_id()}")

    tracker.add_content(content)
    with checked(tracker.open_content(content.digest), content.digest) as file:
        while file.read(PIECE_BYTES):
            pass

    assert fs.block_sizes == [5 * MEBIBYTE]
    assert max(fs.ranges) <= 4 * MEBIBYTE
    assert sum(fs.ranges) == 23 * MEBIBYTE


def test_file_that_nobody_changes_is_linked_on_a_local_disk(tmp_path: Path) -> None:
    """With the mode of the files beside it; what is damaged is never linked."""
    data = b"weights" * 300_000
    spooled = tmp_path / "spooled"
    spooled.write_bytes(data)
    spooled.chmod(0o600)
    (tmp_path / "other").write_bytes(b"")
    tracker = FsspecTracker(LocalFileSystem(), str(tmp_path / "store"))
    content = content_of_bytes(data)._replace(
        path=spooled, open=lambda: spooled.open("rb")
    )

    tracker.add_content(content)
    place = tmp_path / "store" / content_path(content.digest)
    assert place.samefile(spooled)
    assert place.stat().st_mode == (tmp_path / "other").stat().st_mode
    with spooled.open("r+b") as file:
        file.write(b"W")
    with pytest.raises(ContentError, match="changed"):
        tracker.add_content(content)

    tracker.add_content(content_of_bytes(data))
    assert place.read_bytes() == data
    assert list((tmp_path / "store" / INCOMING_CONTENTS).iterdir()) == []


def test_file_that_cannot_be_linked_is_copied(tmp_path: Path) -> None:
    """As one on another disk, which a folder in its place stands for."""
    tracker = FsspecTracker(LocalFileSystem(), str(tmp_path / "store"))
    content = content_of_bytes(b"weights")._replace(path=tmp_path)

    tracker.add_content(content)

    place = tmp_path / "store" / content_path(content.digest)
    assert place.read_bytes() == b"weights"
    assert place.stat().st_nlink == 1


def test_huge_object_has_no_more_parts_than_allowed() -> None:
    """S3 takes ten thousand, so the parts of a terabyte are larger, in whole MiB."""
    fs = ObjectStore()
    huge = content_of_bytes(b"begin")._replace(size_bytes=2**40)

    Store(fs, f"/{new_run_id()}").put_content("huge", huge, "incoming")

    assert fs.block_sizes == [105 * MEBIBYTE]


# Begins to add content, says so when a part of it is written, and goes no further.
STOP_HALF_WAY = """
import sys
from tracker_core.contents import Content
from tracker_fsspec import create

class HalfWay:
    is_first = True
    def read(self, size):
        if self.is_first:
            self.is_first = False
            return bytes(size)
        print("half", flush=True)
        sys.stdin.read()
    def close(self):
        pass

create(sys.argv[1]).add_content(Content(sys.argv[2], 2**21, HalfWay))
"""


def test_killed_writer_leaves_no_content(tmp_path: Path) -> None:
    """What was half-way written lies where nobody reads, and the next try succeeds."""
    content = content_of_bytes(bytes(2 * MEBIBYTE))
    command = [sys.executable, "-c", STOP_HALF_WAY, str(tmp_path), content.digest]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half\n"
        child.send_signal(signal.SIGKILL)

    tracker = FsspecTracker(LocalFileSystem(), str(tmp_path))
    with pytest.raises(ContentError):
        tracker.open_content(content.digest)
    assert [path.parent.name for path in tmp_path.rglob("*") if path.is_file()] == [
        "incoming"
    ]
    tracker.add_content(content)
    with tracker.open_content(content.digest) as file:
        assert file.read() == bytes(2 * MEBIBYTE)


def test_contents_are_no_run(place: Place) -> None:
    """The directory of contents is listed neither as a run nor with a warning."""
    tracker = FsspecTracker(*place)
    tracker.add_content(CONTENT)
    tracker.add_metadata("run", key=1)

    assert list(tracker.run_ids()) == ["run"]


@pytest.mark.parametrize("run_id", ["sha256:contents", "sha256:", CONTENT.digest])
def test_run_that_is_called_like_contents_is_apart(place: Place, run_id: str) -> None:
    """No run id leads to the directory of contents."""
    tracker = FsspecTracker(*place)
    tracker.add_content(CONTENT)

    tracker.add_metadata(run_id, key=1)

    again = FsspecTracker(*place)
    assert list(again.run_ids()) == [run_id]
    assert again.metadata(run_id) == {"key": 1}
    with again.open_content(CONTENT.digest) as file:
        assert file.read() == b"some content"


def test_torchx_can_decode_every_directory(tmp_path: Path) -> None:
    """Genuine torchx fails to list any run when the name of one directory is none."""
    tracker = FsspecTracker(LocalFileSystem(), str(tmp_path))
    tracker.add_content(CONTENT)
    tracker.add_metadata("run", key=1)

    decoded = [b32decode(path.name).decode("ascii") for path in tmp_path.iterdir()]

    assert sorted(decoded) == ["X\x14I d", "run", "sha256:contents"]
