"""Content beside the database: files that are whole or not there."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from tracker_core.contents import Content, content_of_bytes
from tracker_core.errors import ContentError, RetryableError
from tracker_sqlite import SqliteTracker, create

_CONTENT = content_of_bytes(b"weights" * 300_000)
_NAME = _CONTENT.digest.removeprefix("sha256:")


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on a new file."""
    with closing(create(str(tmp_path / "store" / "runs.db"))) as tracker:
        yield tracker


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where the content is kept."""
    return tmp_path / "store" / "objects" / "sha256" / _NAME[:2] / _NAME


def read(tracker: SqliteTracker, digest: str = _CONTENT.digest) -> bytes:
    """Return the content that a tracker keeps."""
    with tracker.open_content(digest) as file:
        return file.read()


def read_all(content: Content) -> bytes:
    """Return all of some content."""
    return b"".join(content.read_checked())


def test_content_is_a_file_named_by_its_digest(
    tracker: SqliteTracker, place: Path
) -> None:
    """Nobody else may read it, and nothing else lies beside it."""
    tracker.add_content(_CONTENT)

    assert place.read_bytes() == read(tracker) == b"weights" * 300_000
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    for folder in list(place.parents)[:3]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert os.listdir(place.parent) == [_NAME]  # noqa: PTH208 - names


def test_file_that_nobody_changes_is_not_copied(
    tracker: SqliteTracker, place: Path, tmp_path: Path
) -> None:
    """It gets a second name; what is damaged under that name is never linked."""
    spooled = tmp_path / "spooled"
    spooled.write_bytes(read_all(_CONTENT))
    content = _CONTENT._replace(path=spooled, open=lambda: spooled.open("rb"))

    tracker.add_content(content)
    assert place.samefile(spooled)
    with spooled.open("r+b") as file:
        file.write(b"W")
    with pytest.raises(ContentError, match="changed"):
        tracker.add_content(content)

    tracker.add_content(_CONTENT)
    assert read(tracker) == b"weights" * 300_000
    assert os.listdir(tmp_path / "store" / "objects" / "incoming") == []  # noqa: PTH208 - names


def test_file_that_cannot_be_linked_is_copied(
    tracker: SqliteTracker, place: Path, tmp_path: Path
) -> None:
    """As one on another disk, which a folder in its place stands for."""
    content = _CONTENT._replace(path=tmp_path)

    tracker.add_content(content)

    assert read(tracker) == b"weights" * 300_000
    assert place.stat().st_nlink == 1


def test_content_that_is_there_is_not_written_again(tracker: SqliteTracker) -> None:
    """What is there is read, and what is added is not."""
    tracker.add_content(_CONTENT)

    tracker.add_content(_CONTENT._replace(open=lambda: BytesIO(b"never read")))

    assert read(tracker) == b"weights" * 300_000


def test_content_that_was_cut_off_is_written_again(
    tracker: SqliteTracker, place: Path
) -> None:
    """A file of another size is not taken for it."""
    tracker.add_content(_CONTENT)
    os.truncate(place, 10)

    tracker.add_content(_CONTENT)

    assert read(tracker) == b"weights" * 300_000


def test_content_that_was_damaged_is_written_again(
    tracker: SqliteTracker, place: Path
) -> None:
    """Its size is right, and its bytes are not."""
    tracker.add_content(_CONTENT)
    place.write_bytes(b"WEIGHTS" * 300_000)

    tracker.add_content(_CONTENT)

    assert read(tracker) == b"weights" * 300_000


def test_readers_keep_what_they_opened_when_it_is_replaced(
    tracker: SqliteTracker, place: Path
) -> None:
    """A damaged file is replaced by another one, not written over."""
    tracker.add_content(_CONTENT)
    place.write_bytes(b"WEIGHTS" * 300_000)

    with tracker.open_content(_CONTENT.digest) as file:
        tracker.add_content(_CONTENT)

        assert file.read() == b"WEIGHTS" * 300_000


def test_content_that_may_not_be_read_says_so(humble_folder: Path) -> None:
    """What to do is said when it is opened, and adding it again mends it."""
    with closing(create(str(humble_folder / "runs.db"))) as tracker:
        tracker.add_content(_CONTENT)
        kept = humble_folder / "objects" / "sha256" / _NAME[:2] / _NAME
        kept.chmod(0)

        with pytest.raises(ContentError, match="Permission denied; allow it"):
            tracker.open_content(_CONTENT.digest)
        tracker.add_content(_CONTENT)

        assert read(tracker) == b"weights" * 300_000


def test_folder_in_the_place_of_content_says_so(
    tracker: SqliteTracker, place: Path
) -> None:
    """Opening and adding name the path and what to do."""
    place.mkdir(parents=True)

    with pytest.raises(ContentError, match=f"{place}.*Is a directory.*remove what"):
        tracker.open_content(_CONTENT.digest)
    with pytest.raises(RetryableError, match=f"{place}.*remove the folder"):
        tracker.add_content(_CONTENT)

    place.rmdir()
    tracker.add_content(_CONTENT)
    assert read(tracker) == b"weights" * 300_000


def test_what_a_killed_writer_left_is_removed_after_a_day(
    tracker: SqliteTracker, tmp_path: Path
) -> None:
    """What is fresh may be another process's, and stays."""
    incoming = tmp_path / "store" / "objects" / "incoming"
    incoming.mkdir(parents=True)
    for name, hours in (("fresh", 23), ("old", 25)):
        written = time.time() - 3600 * hours
        (incoming / name).write_bytes(b"half")
        os.utime(incoming / name, (written, written))
    (incoming / "folder").mkdir()
    os.utime(incoming / "folder", (0, 0))

    tracker.add_content(_CONTENT)

    assert sorted(path.name for path in incoming.iterdir()) == ["folder", "fresh"]


@pytest.mark.parametrize("where", ["file", ":memory:"])
def test_content_that_has_changed_leaves_nothing(tmp_path: Path, where: str) -> None:
    """Other bytes than those of the digest are never kept under its name."""
    changed = Content(_CONTENT.digest, 7, lambda: BytesIO(b"changed"))
    config = str(tmp_path / "runs.db") if where == "file" else where

    with closing(create(config)) as tracker:
        with pytest.raises(ContentError, match="damaged"):
            tracker.add_content(changed)

        with pytest.raises(ContentError, match="not kept here"):
            tracker.open_content(_CONTENT.digest)
    left = [path for path in tmp_path.rglob("objects/**/*") if path.is_file()]
    assert left == []


@pytest.mark.parametrize("digest", ["sha256:../../runs.db", "", "sha256:" + "0" * 64])
def test_digest_of_nothing_is_an_error(tracker: SqliteTracker, digest: str) -> None:
    """Above all it is never a path out of the folder."""
    with pytest.raises(ContentError, match="not kept here"):
        tracker.open_content(digest)


def test_folder_that_cannot_be_written_asks_to_be_tried_again(
    tracker: SqliteTracker, place: Path
) -> None:
    """Nothing was kept, and it may succeed later."""
    place.parents[2].write_text("in the way", encoding="ascii")

    with pytest.raises(RetryableError, match="cannot be kept"):
        tracker.add_content(_CONTENT)

    place.parents[2].unlink()
    tracker.add_content(_CONTENT)
    assert read(tracker) == b"weights" * 300_000


def test_content_in_memory_ends_with_the_database() -> None:
    """It is there until it is closed, and no file is made."""
    tracker = create(":memory:")
    tracker.add_content(_CONTENT)
    kept = read(tracker)

    tracker.close()

    assert kept == b"weights" * 300_000
    with pytest.raises(ContentError):
        tracker.open_content(_CONTENT.digest)
