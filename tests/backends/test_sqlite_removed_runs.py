"""Runs that are removed from the sqlite backend, and their content."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.contents import content_of_bytes
from tracker_core.errors import ContentError
from tracker_core.records import ArtifactBody, ParamsBody
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.story import story
from tracker_sqlite import SqliteTracker, create

_CONTENT = content_of_bytes(b"weights" * 1000)
_NAMED = ArtifactBody("a", "p", None, digest=_CONTENT.digest)
_NAME = _CONTENT.digest.removeprefix("sha256:")
# The beginning of 1970.
_LONG_AGO = (0, 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the database."""
    return tmp_path / "runs.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on a new file, whose content was added long ago."""
    with closing(create(str(path))) as tracker:
        tracker.add_content(_CONTENT)
        yield tracker


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the file of the content."""
    return tmp_path / "objects" / "sha256" / _NAME[:2] / _NAME


def rows(path: Path) -> dict[str, int]:
    """Return how many rows each table has that has any."""
    with closing(sqlite3.connect(path)) as connection:
        named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [name for (name,) in connection.execute(named)]
        counts = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - a table
            for name in names
        }
    return {name: count for name, count in counts.items() if count}


def test_removal_leaves_no_row_of_the_run(tracker: SqliteTracker, path: Path) -> None:
    """Only who wrote it, and the name of its experiment."""
    for batch in story("run"):
        tracker.write(batch)

    tracker.remove("run")

    assert rows(path) == {"experiments": 1, "removed": 3}


def test_content_that_no_run_names_is_freed(
    tracker: SqliteTracker, place: Path, path: Path
) -> None:
    """Its size is told, and nothing is left of it."""
    tracker.write(Pen("run").log(_NAMED))
    os.utime(place, _LONG_AGO)

    removal = tracker.remove("run")

    assert removal == (1, 1, 7000, ())
    assert not place.exists()
    assert not list((path.parent / "objects" / "incoming").iterdir())
    assert "unused" not in rows(path)


def test_content_that_another_run_has_named_stays(
    tracker: SqliteTracker, place: Path, path: Path
) -> None:
    """Until that is removed too."""
    other = Pen("other")
    tracker.write(other.log(_NAMED, _NAMED._replace(digest=None)))
    tracker.write(Pen("run").log(_NAMED))
    os.utime(place, _LONG_AGO)

    first, second = tracker.remove("run"), tracker.remove("other")

    assert (first.freed_bytes, second.freed_bytes) == (0, 7000)
    assert "unused" not in rows(path)


def test_content_that_was_added_lately_is_freed_later(
    tracker: SqliteTracker, place: Path
) -> None:
    """The record that names it may be on its way; a compaction looks again."""
    tracker.write(Pen("run").log(_NAMED))

    removal = tracker.remove("run")
    is_there = place.exists()
    os.utime(place, _LONG_AGO)
    tracker.compact()

    assert removal.freed_bytes == 0
    assert "younger than an hour" in removal.remains[0]
    assert is_there
    assert not place.exists()


def test_content_that_is_added_again_is_awaited(
    tracker: SqliteTracker, place: Path
) -> None:
    """Whoever finds it there relies on it from then on."""
    tracker.write(Pen("run").log(_NAMED))
    os.utime(place, _LONG_AGO)

    tracker.add_content(_CONTENT)
    tracker.remove("run")

    with tracker.open_content(_CONTENT.digest) as file:
        assert len(file.read()) == _CONTENT.size_bytes


def test_content_of_a_late_batch_is_freed(tracker: SqliteTracker, place: Path) -> None:
    """It was sent before anybody knew that nobody needs it."""
    pen = Pen("run")
    tracker.write(pen.log(ParamsBody({"a": 1})))
    tracker.remove("run")

    tracker.write(pen.log(_NAMED))
    os.utime(place, _LONG_AGO)
    tracker.compact()

    with pytest.raises(ContentError):
        tracker.open_content(_CONTENT.digest)
