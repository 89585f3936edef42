"""Opening the file of the sqlite backend: what is made, and what is refused."""

import gc
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.errors import ConfigError
from tracker_sqlite import SqliteTracker, create


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let new files be read and written by everybody, unless somebody forbids it."""
    before = os.umask(0)
    yield
    os.umask(before)


def write(path: Path, run_id: str = "run") -> None:
    """Write something to the database at ``path``."""
    with closing(create(str(path))) as tracker:
        tracker.add_metadata(run_id, key=1)


def mode(path: Path) -> int:
    """Return the permission bits of ``path``."""
    return stat.S_IMODE(path.stat().st_mode)


def change(path: Path, *statements: str) -> None:
    """Change a database as another program would."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.usefixtures("open_umask")
def test_files_and_folders_are_private(tmp_path: Path) -> None:
    """Files are made with mode 0600 and folders with 0700, whatever the umask."""
    path = tmp_path / "a" / "b" / "runs.db"

    with closing(create(str(path))) as tracker:
        tracker.add_metadata("run", key=1)
        modes = {file.name: mode(file) for file in path.parent.iterdir()}

    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def test_schema_is_marked_as_ours(path: Path) -> None:
    """The application id and the version stand in the file's header."""
    write(path)

    with closing(sqlite3.connect(path)) as connection:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()

    assert application_id.to_bytes(4, "big") == b"Trkr"
    assert (version, journal) == (4, "wal")


def test_data_survives_reopening(path: Path) -> None:
    """A second opening finds the tables and what is in them."""
    write(path, "one")
    write(path, "two")

    with closing(create(str(path))) as tracker:
        assert sorted(tracker.run_ids()) == ["one", "two"]


def test_empty_file_is_filled(path: Path) -> None:
    """A crash between making the file and its tables is mended by the next opening."""
    path.touch()

    write(path)

    with closing(create(str(path))) as tracker:
        assert tracker.metadata("run") == {"key": 1}


def test_closed_tracker_opens_again(path: Path) -> None:
    """A call after close is answered, and written, as before it."""
    with closing(create(str(path))) as tracker:
        tracker.add_metadata("run", before=1)
        tracker.close()
        tracker.close()

        tracker.add_metadata("run", after=2)

        assert tracker.metadata("run") == {"after": 2, "before": 1}


def test_forgotten_tracker_is_closed(path: Path) -> None:
    """One that nobody closed leaves no open connection and no second file."""
    create(str(path)).add_metadata("run", key=1)

    gc.collect()

    assert [file.name for file in path.parent.iterdir()] == ["runs.db"]


def test_relative_path_does_not_follow_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is the one of the first opening, wherever the process goes."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with closing(create("runs.db")) as tracker:
        tracker.close()
        monkeypatch.chdir("elsewhere")

        tracker.add_metadata("run", key=1)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere", "runs.db"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_relative_path_starts_where_the_job_was_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that has changed its directory finds the file of its launcher."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("TRACKER_LAUNCH_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path / "elsewhere")

    write(Path("below/runs.db"))

    assert (tmp_path / "below" / "runs.db").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_path_may_begin_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tilde means the home of the user, as in a shell."""
    monkeypatch.setenv("HOME", str(tmp_path))

    write(Path("~/runs.db"))

    assert (tmp_path / "runs.db").is_file()


def test_default_file_lies_in_the_home_of_tracker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a config the file is TRACKER_HOME/tracker.db."""
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path / "home"))

    create().close()

    assert (tmp_path / "home" / "tracker.db").is_file()


def test_memory_database_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps what is written until it is closed, and declares that."""
    monkeypatch.chdir(tmp_path)

    with closing(create(":memory:")) as tracker:
        tracker.add_metadata("run", key=1)

        assert tracker.metadata("run") == {"key": 1}
        assert tracker.capabilities == {"history", "content"}
        assert list(tmp_path.iterdir()) == []


def not_a_database(path: Path) -> None:
    """Make a file of text, longer than the header of a database."""
    path.write_text("experiment,loss\n" * 100)


def not_even_a_header(path: Path) -> None:
    """Make a file of one word."""
    path.write_text("hello")


def cut_off(path: Path) -> None:
    """Make a database and cut it off in its first page."""
    write(path)
    os.truncate(path, 1000)


def of_another_program(path: Path) -> None:
    """Make a database without an application id, as most programs do."""
    change(
        path, "CREATE TABLE runs (run_id TEXT)", "INSERT INTO runs VALUES ('theirs')"
    )


def marked_by_another_program(path: Path) -> None:
    """Make a database with another application id and nothing in it."""
    change(path, "PRAGMA application_id = 7", "VACUUM")


def newer(path: Path) -> None:
    """Make a database of a version to come."""
    write(path)
    change(path, "PRAGMA user_version = 5")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (not_a_database, "not a database"),
        (not_even_a_header, "not a database"),
        (cut_off, "choose another path, or restore"),
        (of_another_program, "a database of something else"),
        (marked_by_another_program, "a database of something else"),
        (newer, "version 5 of the schema.*upgrade tracker-core"),
    ],
)
def test_file_that_is_not_ours_is_refused_and_untouched(
    path: Path, make: Callable[[Path], None], message: str
) -> None:
    """Opening says what it found, and leaves every byte as it was."""
    make(path)
    before = path.read_bytes()

    with pytest.raises(ConfigError, match=f"(?s){path.name}.*{message}"):
        create(str(path))

    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "name",
    [
        "folder",
        "folder/",
        ".",
        "",
        "file/runs.db",
        "file/below/runs.db",
        "loop/runs.db",
    ],
)
def test_path_that_cannot_be_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The message names the path and says what to do."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=r"cannot be used.*folder that you may write"):
        create(name)


@pytest.mark.parametrize(
    "path", ["/proc/tracker/runs.db", "/proc/runs.db", "/dev/null", "/x\0y/runs.db"]
)
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux")
def test_place_where_nobody_may_write_is_refused(path: str) -> None:
    """Also root gets a clear error where the system makes no files."""
    with pytest.raises(ConfigError, match="cannot be used"):
        create(path)


def test_read_only_folder_is_refused(humble_folder: Path) -> None:
    """Permission bits of the folder count, for a new file and for one that is there."""
    write(humble_folder / "old.db")
    humble_folder.chmod(0o500)

    for name in ("new.db", "old.db"):
        with pytest.raises(ConfigError, match="cannot be used"):
            create(str(humble_folder / name))


def test_read_only_file_is_refused(humble_folder: Path) -> None:
    """Permission bits of the file count at opening, not at the first write."""
    path = humble_folder / "runs.db"
    write(path)
    path.chmod(0o400)

    with pytest.raises(ConfigError, match=r"read and written;.*copy this"):
        create(str(path))


@pytest.mark.parametrize("open_it", [SqliteTracker, create])
def test_unknown_home_is_refused(open_it: Callable[[str], SqliteTracker]) -> None:
    """The home of a user that does not exist is a wrong setting."""
    with pytest.raises(ConfigError, match="cannot be used"):
        open_it("~no-such-user-here/runs.db")


@pytest.mark.parametrize(
    "config",
    [
        "postgres://user:hunter2@host/db",
        " sqlite:///hunter2.db",
        "simplecache::s3://hunter2/runs",
    ],
)
def test_url_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    """It names a backend that takes URLs, tells no password and makes no folder."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="use the backend fsspec") as caught:
        create(config)

    assert "hunter2" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
