"""Tests of where the reads look."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tracker_core.api import NativeTracker, Query, TrackerBase
from tracker_core.errors import RetryableError
from tracker_core.records import CreatedBody, ParamsBody, Sequencer
from tracker_core.runs import RunInfo
from tracker_core.testing import MemoryTracker
from tracker_core.testing.faults import FaultyTracker
from tracker_sqlite import SqliteTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

Stores = Callable[..., "list[Store]"]


class BrokenTracker(FaultyTracker):
    """Fails when it is read from."""

    def __init__(self, error: Exception) -> None:
        super().__init__(MemoryTracker())
        self._error = error

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Fail."""
        del query, order_by, limit
        raise self._error


def create_broken(config: str | None) -> NativeTracker:
    """Make a tracker that fails like a foreign one, telling its config."""
    return BrokenTracker(KeyError(config))


def create_busy(config: str | None) -> NativeTracker:
    """Make a tracker that fails in the words of ours, telling its config."""
    return BrokenTracker(RetryableError(f"{config} is busy"))


def create_refusing(config: str | None) -> NoReturn:
    """Refuse any config."""
    raise ValueError(config)


class Eight:
    """A plain tracker, by the eight calls of a memory tracker alone."""

    def __init__(self, name: str) -> None:
        inner = MemoryTracker()
        inner.write(Sequencer().batch(name, CreatedBody()))
        for call in TrackerBase.__abstractmethods__:
            setattr(self, call, getattr(inner, call))


def create_plain(config: str | None) -> Eight:
    """Make a plain tracker that holds one run."""
    return Eight(config or "plain")


@pytest.fixture
def database(place: Path) -> Path:
    """Record a run in a database."""
    path = place / "runs.db"
    store = SqliteTracker(path)
    store.write(Sequencer().batch("kept", CreatedBody(name="kept")))
    store.close()
    return path


def test_store_is_the_first_that_is_configured(tracker: "Cli", stores: Stores) -> None:
    """Without a name, of several stores of one kind the first answers."""
    one, two = stores("one", "two")
    one.run("in one")
    two.run("in two")

    done = tracker("list", "jobs", "--json")

    assert done.json["jobs"] == ["in one"]


@pytest.mark.parametrize(
    "arguments", [("jobs", "--tracker", "two"), ("--tracker", "two", "jobs")]
)
def test_store_is_the_one_that_is_named(
    tracker: "Cli", stores: Stores, arguments: tuple[str, ...]
) -> None:
    """A configured store is chosen by its name, before or after the subcommand."""
    _, two = stores("one", "two")
    two.run("in two")

    done = tracker("list", *arguments)

    assert done.rows == [["JOB", "ID"], ["in", "two"]]


def test_store_that_outlives_a_process_is_preferred(
    tracker: "Cli", database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only this process could have written is asked last."""
    monkeypatch.setenv("TRACKER_BACKENDS", "memory,sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(database))

    done = tracker("list", "jobs", "--json")

    assert done.json["jobs"] == ["kept"]


def test_plain_store_is_preferred_to_memory(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain tracker may hold runs; memory of this process holds none."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"memory,eight={__name__}:create_plain")

    done = tracker("list", "jobs", "--json")

    assert done.json["jobs"] == ["plain"]


def test_plain_store_is_opened_when_it_is_all_there_is(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runs of a plain tracker are listed too, with dashes for what it lacks."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"eight={__name__}:create_plain")

    done = tracker("list")

    assert done.rows[1][1:] == ["plain", "–", "–", "–", "–"]


def test_store_without_any_configuration_is_sqlite(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    """Reads look where an unconfigured launch writes."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "home"))
    store = SqliteTracker(place / "home" / "tracker.db")
    store.write(Sequencer().batch("kept", ParamsBody({"lr": 0.1})))
    store.close()

    done = tracker("list", "jobs", "--json")

    assert done.json["jobs"] == ["kept"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("list",), 0),
        (("list", "jobs"), 0),
        (("list", "--tracker", "sqlite"), 0),
        (("list", "trackers"), 0),
        (("list", "metadata", "x"), 1),
        (("show", "@last"), 1),
    ],
)
@pytest.mark.parametrize("home", [None, "home"])
def test_reading_makes_no_store(  # noqa: PLR0917 - pytest gives them by name
    tracker: "Cli",
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    home: str | None,
) -> None:
    """In an empty folder reads find no run, say where, and leave nothing behind."""
    monkeypatch.setenv("TRACKER_HOME", home or "")

    done = tracker(*arguments)

    where = f"no run yet in 'sqlite' under {place / (home or '.tracker')}; start one"
    assert done.code == code
    assert where in done.err or "trackers" in arguments
    assert not list(place.iterdir())


def test_embedded_store_keeps_its_rank_before_it_is_made(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first backend has no run yet, the second does not answer for it."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"eight={__name__}:create_plain,sqlite")
    monkeypatch.setenv("TRACKER_HOME", "home")

    done = tracker("list", "jobs")

    assert done.out == "JOB ID\n"
    assert f"'sqlite' under {place / 'home'}" in done.err


def test_home_that_is_no_folder_is_a_mistake_of_configuration(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps a store from being read is not taken for its absence."""
    (place / "home").write_text("a file")
    monkeypatch.setenv("TRACKER_HOME", "home")

    done = tracker("list")

    assert (done.code, done.out) == (2, "")
    assert "TRACKER_HOME" in done.err


def test_installed_store_is_opened_with_its_variable(
    tracker: "Cli", store: "Store", database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that is not configured here is read by its name all the same."""
    del store
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(database))

    done = tracker("list", "jobs", "--tracker", "sqlite", "--json")

    assert done.json["jobs"] == ["kept"]


def test_unknown_store_is_a_mistake_of_configuration(
    tracker: "Cli", store: "Store"
) -> None:
    """A misspelt name is answered with the right one, and exit code 2."""
    del store

    done = tracker("list", "--tracker", "sqlit")

    assert done.code == 2
    assert done.err.startswith("tracker: no backend is named 'sqlit'; did you mean")


@pytest.mark.parametrize("name", ["", "one,two"])
def test_one_store_must_be_named(tracker: "Cli", store: "Store", name: str) -> None:
    """No name and two names are refused."""
    del store

    done = tracker("list", "--tracker", name)

    assert done.code == 2
    assert done.err == f"tracker: --tracker {name!r} must name one backend\n"


def test_refused_config_is_hidden(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that cannot be built is one line without its secret."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"bad={__name__}:create_refusing")
    monkeypatch.setenv("TRACKER_BAD_CONFIG", "hunter22")

    done = tracker("list")

    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "the factory of backend 'bad' failed" in done.err
    assert "hunter22" not in done.err


def test_store_that_cannot_be_opened_is_passed_over_under_warn(
    tracker: "Cli", database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the policy is to warn, the next store answers."""
    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")
    monkeypatch.setenv("TRACKER_BACKENDS", f"bad={__name__}:create_refusing,sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(database))

    done = tracker("list", "jobs")

    assert done.rows == [["JOB", "ID"], ["kept"]]
    assert done.err.startswith("tracker: backend 'bad' is left out: ")


def test_no_store_that_can_be_opened_is_a_mistake(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the policy to warn, too, there must be something to read."""
    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")
    monkeypatch.setenv("TRACKER_BACKENDS", f"bad={__name__}:create_refusing")

    done = tracker("list")

    assert done.code == 2
    assert "none of the configured backends can be opened" in done.err


def test_store_that_fails_is_named(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a foreign backend raises is one line with its name, without its secret."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"bad={__name__}:create_broken")
    monkeypatch.setenv("TRACKER_BAD_CONFIG", "hunter22")

    done = tracker("list")

    assert done.code == 1
    assert done.err == "tracker: backend 'bad' failed: KeyError: '***'\n"


def test_store_that_asks_for_patience_is_a_failure(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a backend says in our words is one line, without its secret."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"bad={__name__}:create_busy")
    monkeypatch.setenv("TRACKER_BAD_CONFIG", "hunter22")

    done = tracker("list")

    assert (done.code, done.err) == (1, "tracker: *** is busy\n")


def test_file_that_is_no_database_is_a_mistake_of_configuration(
    tracker: "Cli", place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is something else is one line, and exit code 2."""
    (place / "notes.txt").write_text("no database " * 100)
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", "notes.txt")

    done = tracker("list")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("tracker: ")
    assert done.err.count("\n") == 1


def test_corrupt_configuration_is_one_line(tracker: "Cli", place: Path) -> None:
    """A file that cannot be parsed is named."""
    (place / "tracker.toml").write_text("[backends")

    done = tracker("list")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("tracker: tracker.toml cannot be read")
