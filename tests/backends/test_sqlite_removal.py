"""The file of the sqlite backend removed or replaced while it is in use."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.errors import ConfigError
from tracker_sqlite import SqliteTracker, create


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "store" / "runs.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on that path, with a run of its own."""
    tracker = create(str(path))
    tracker.add_metadata("before", key=1)
    yield tracker
    tracker.close()


def runs_at(path: Path) -> list[str]:
    """Return the runs that another tracker finds there."""
    with closing(create(str(path))) as other:
        return sorted(other.run_ids())


def remove_folder(path: Path) -> None:
    """Remove all, as ``git clean`` does."""
    shutil.rmtree(path.parent)


def remove_file(path: Path) -> None:
    """Remove the database alone."""
    path.unlink()


def put_a_file_for_the_folder(path: Path) -> None:
    """Remove all, and let the folder be one again only later."""
    shutil.rmtree(path.parent)
    path.parent.touch()


@pytest.mark.parametrize("remove", [remove_folder, remove_file])
def test_removed_file_is_made_again(
    path: Path,
    tracker: SqliteTracker,
    caplog: pytest.LogCaptureFixture,
    remove: Callable[[Path], None],
) -> None:
    """What is written afterwards is kept, and one warning tells what was lost."""
    remove(path)

    tracker.add_metadata("after", key=2)
    tracker.add_metadata("later", key=3)

    assert runs_at(path) == ["after", "later"]
    (warning,) = caplog.records
    assert (warning.name, warning.levelno) == ("tracker_sqlite", logging.WARNING)
    assert "held before is gone" in warning.getMessage()
    assert str(path) in warning.getMessage()


def test_replaced_file_is_the_one_that_is_written(
    path: Path, tracker: SqliteTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Two processes that lose one file share the new one, with the runs of both."""
    remove_folder(path)
    with closing(create(str(path))) as other:
        other.add_metadata("other", key=2)

        tracker.add_metadata("after", key=3)
        other.add_metadata("other again", key=4)

    tracker.close()
    assert runs_at(path) == ["after", "other", "other again"]
    assert len(caplog.records) == 1


def test_reading_shows_the_file_that_is_there(
    path: Path, tracker: SqliteTracker
) -> None:
    """A reader does not go on telling of a file that nobody else can see."""
    remove_folder(path)
    with closing(create(str(path))) as other:
        other.add_metadata("other", key=2)

        assert list(tracker.run_ids()) == ["other"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_file_removed_around_a_fork_is_noticed(
    path: Path, tracker: SqliteTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """A fork closes the connection, and the loss is told of all the same."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    remove_folder(path)

    tracker.add_metadata("after", key=2)

    assert len(caplog.records) == 1


def test_file_removed_after_close_is_no_loss(
    path: Path, tracker: SqliteTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Who closes a tracker may clear its file away before using it again."""
    tracker.close()
    remove_folder(path)

    tracker.add_metadata("after", key=2)

    assert caplog.records == []


def test_file_that_cannot_be_made_again_is_an_error_until_it_can(
    path: Path, tracker: SqliteTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written where nobody finds it, and the next call tries again."""
    put_a_file_for_the_folder(path)
    with pytest.raises(ConfigError, match="cannot be used"):
        tracker.add_metadata("lost", key=2)
    assert caplog.records == []
    path.parent.unlink()

    tracker.add_metadata("after", key=3)

    assert runs_at(path) == ["after"]
    assert len(caplog.records) == 1
