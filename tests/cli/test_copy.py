"""Tests of ``tracker copy``."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tracker_sqlite
from tracker_core.contents import content_of_bytes
from tracker_core.records import (
    ArtifactBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
)
from tracker_core.testing.contract.pen import Pen

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tracker_sqlite import SqliteTracker

pytest.importorskip("tracker_fsspec", reason="needs fsspec")

ARGUMENTS = ("copy", "--from", "sqlite", "--to", "fsspec")
CONTENT = content_of_bytes(b"model")


class Plain:
    """Eight calls that keep what they are given in the memory of the class."""

    kept: dict[str, dict[str, object]] = {}  # noqa: RUF012 - it is to be shared

    def add_metadata(self, run_id: str, **values: object) -> None:
        """Keep it."""
        self.kept.setdefault(run_id, {}).update(values)

    def metadata(self, run_id: str) -> dict[str, object]:
        """Give it."""
        return self.kept.get(run_id, {})

    def run_ids(self, **_: str) -> list[str]:
        """Give the runs."""
        return [*self.kept]

    def add_artifact(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise NotImplementedError

    artifacts = add_source = sources = lineage = add_artifact


def create_plain(config: str | None) -> Plain:
    """Make a plain tracker."""
    del config
    return Plain()


@pytest.fixture
def database(place: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[SqliteTracker]":
    """Configure a database, a folder and a plain tracker; give the database."""
    monkeypatch.setenv("TRACKER_HOME", str(place / "home"))
    monkeypatch.setenv(
        "TRACKER_BACKENDS", f"sqlite,fsspec,plain={__name__}:create_plain"
    )
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    monkeypatch.setenv("TRACKER_FSSPEC_CONFIG", str(place / "runs"))
    Plain.kept.clear()
    with closing(tracker_sqlite.create(str(place / "runs.db"))) as tracker:
        yield tracker


def write(database: "SqliteTracker", run_id: str, experiment: str = "iris") -> None:
    """Write a run of seven records."""
    life = (CreatedBody(run_id, experiment), StartedBody("job"))
    points = (MetricsBody(step, {"": {"loss": 0.5}}) for step in range(2))
    end = EndedBody("job", "FINISHED", None)
    said = (ParamsBody({"lr": 0.1}), LogBody("info", "hello", None))
    database.write(Pen(run_id).log(*life, *said, *points, end))


def test_runs_are_copied_and_verified(
    tracker: "Cli", database: "SqliteTracker"
) -> None:
    """The oldest first; the two backends then hold the same."""
    write(database, "a")
    write(database, "b")

    done = tracker(*ARGUMENTS)

    assert (done.code, done.err) == (0, "")
    assert done.out == "a: 7 records copied\nb: 7 records copied\n"
    for run_id in ("a", "b"):
        proof = tracker("verify", run_id, "--tracker", "sqlite", "--tracker", "fsspec")
        assert (proof.code, proof.out.count("is the same")) == (0, 1)


def test_copy_is_left_as_it_is_the_second_time(
    tracker: "Cli", database: "SqliteTracker"
) -> None:
    """Only what is new is copied."""
    write(database, "a")
    tracker(*ARGUMENTS)
    database.write(Pen("a").log(ParamsBody({"more": 1})))

    second, third = tracker(*ARGUMENTS), tracker(*ARGUMENTS)

    assert (second.code, second.out) == (0, "a: 1 record copied\n")
    assert (third.code, third.out) == (0, "a: unchanged\n")


def test_copy_goes_back_too(
    tracker: "Cli", database: "SqliteTracker", place: Path
) -> None:
    """What was copied to a folder fills a database that was lost."""
    write(database, "a")
    tracker(*ARGUMENTS)
    database.close()
    shutil.move(place / "runs.db", place / "old.db")

    done = tracker("copy", "--from", "fsspec", "--to", "sqlite")

    assert (done.code, done.out) == (0, "a: 7 records copied\n")
    with (
        closing(tracker_sqlite.create(str(place / "old.db"))) as old,
        closing(tracker_sqlite.create(str(place / "runs.db"))) as new,
    ):
        assert new.run("a") == old.run("a")
        assert new.series("a") == old.series("a")


def test_copy_that_was_killed_goes_on(
    tracker: "Cli",
    database: "SqliteTracker",
    faulty: Callable[..., None],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is lost and nothing comes twice."""
    write(database, "a")
    for attempt in (2, 3):
        pen = Pen("a", attempt=attempt)
        points = (MetricsBody(step, {"": {"loss": 1.0}}) for step in range(attempt))
        database.write(pen.log(StartedBody("job"), *points))
    faulty(fault="die-after", plan="once", n=2)
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    arguments = ("copy", "--from", "sqlite", "--to", "faulty")

    killed = tracker.process(*arguments)
    faulty(until=str(place))
    done, again = tracker(*arguments), tracker(*arguments)

    assert killed.code < 0
    assert (done.code, done.out) == (0, "a: 4 records copied\n")
    assert again.out == "a: unchanged\n"
    proof = tracker("verify", "a", "--tracker", "sqlite", "--tracker", "faulty")
    assert (proof.code, proof.out.count("is the same")) == (0, 1)


def test_query_chooses_the_runs(tracker: "Cli", database: "SqliteTracker") -> None:
    """As that of ``tracker list --where`` does."""
    write(database, "a")
    write(database, "b", experiment="moons")

    done = tracker(*ARGUMENTS, 'experiment = "moons"')

    assert (done.code, done.out) == (0, "b: 7 records copied\n")


@pytest.mark.parametrize(
    ("query", "reason"),
    [("params.lr > 1", "matches; `tracker list` shows all"), (None, "no run yet in")],
)
def test_nothing_to_copy_is_said(
    tracker: "Cli", database: "SqliteTracker", query: str | None, reason: str
) -> None:
    """It is no failure."""
    if query is not None:
        write(database, "a")

    done = tracker(*ARGUMENTS, *([] if query is None else [query]))

    assert (done.code, done.out) == (0, "")
    assert reason in done.err


def test_content_goes_along(tracker: "Cli", database: "SqliteTracker") -> None:
    """It is there before the record that names it."""
    database.add_content(CONTENT)
    body = ArtifactBody("m", CONTENT.digest, None, CONTENT.digest, CONTENT.size_bytes)
    database.write(Pen("a").log(body))

    done = tracker(*ARGUMENTS)

    assert done.out == "a: 1 record and the content of 1 artifact copied\n"
    assert tracker("get", "a", "m", "--tracker", "fsspec").out == "model"


def test_content_that_is_gone_is_told(
    tracker: "Cli", database: "SqliteTracker"
) -> None:
    """The rest of the run is copied all the same."""
    body = ArtifactBody("m", CONTENT.digest, None, CONTENT.digest, CONTENT.size_bytes)
    database.write(Pen("a").log(body))

    done = tracker(*ARGUMENTS)

    assert (done.code, done.err) == (0, "")
    assert done.out == ("a: 1 record copied; sqlite lacks the content of 1 artifact\n")


def test_plain_tracker_gets_what_the_run_has_come_to(
    tracker: "Cli", database: "SqliteTracker"
) -> None:
    """What it cannot hold is told by kind."""
    write(database, "a")

    done = tracker("copy", "--from", "sqlite", "--to", "plain")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[1:] == [
        "plain holds none of 1 log records",
        "plain holds of 2 metric values the last of each series",
    ]
    proof = tracker("verify", "a", "--tracker", "sqlite", "--tracker", "plain")
    assert (proof.code, proof.out.count("is the same")) == (0, 1)


def test_programs_get_json(tracker: "Cli", database: "SqliteTracker") -> None:
    """One object, with all that is told."""
    write(database, "a")

    done = tracker(*ARGUMENTS, "--json")

    assert done.json == {
        "version": 1,
        "from": "sqlite",
        "to": "fsspec",
        "runs": [
            {
                "run_id": "a",
                "result": "copied",
                "records": 7,
                "contents": 0,
                "missing_contents": [],
                "degraded": {},
                "beside": {},
                "error": None,
            }
        ],
        "degraded": {},
        "beside": {},
    }


def test_run_that_fails_does_not_stop_the_others(
    tracker: "Cli", database: "SqliteTracker", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told why, and the exit code is 1."""
    write(database, "a")
    write(database, "b")
    monkeypatch.setenv(
        "TRACKER_BACKENDS", "sqlite,faulty=tracker_core.testing.faults:create"
    )
    plan = '{"plan": "once", "message": "no room", "inner": {"fsspec": "runs"}}'
    monkeypatch.setenv("TRACKER_FAULTY_CONFIG", plan)

    done = tracker("copy", "--from", "sqlite", "--to", "faulty")

    assert (done.code, done.err) == (1, "")
    assert done.out == "a: failed: no room\nb: 7 records copied\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--from", "sqlite", "--to", "sqlite"), "cannot be copied to itself"),
        (("--from", "sqlite", "--to", "fspec"), "did you mean 'fsspec'?"),
        (("--from", "sqlte", "--to", "fsspec"), "did you mean 'sqlite'?"),
        (("--from", "sqlite,fsspec", "--to", "x"), "'sqlite,fsspec' must name"),
        (("--from", "sqlite", "--to", "memory"), "keeps nothing beyond its process"),
        (("--from", "sqlite", "--to", "fsspec", "lr <"), "no attribute 'lr'"),
        (("--from", "sqlite"), "Missing option '--to'"),
    ],
)
def test_misuse_copies_nothing(
    tracker: "Cli",
    database: "SqliteTracker",
    place: Path,
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    """The exit code is 2."""
    write(database, "a")

    done = tracker("copy", *arguments)

    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert not (place / "runs").exists()


def test_terminal_sees_how_far_it_is_and_may_stop_it(
    tracker: "Cli",
    database: "SqliteTracker",
    faulty: Callable[..., None],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was copied stays so."""
    for run_id in ("a", "b", "c"):
        write(database, run_id)
    faulty(fault="hang", plan="once", n=2, until=str(place / "go"))
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))

    terminal = tracker.in_front("copy", "--from", "sqlite", "--to", "faulty")
    terminal.until("1/3")
    os.kill(terminal.process.pid, signal.SIGINT)
    done = terminal.finish()

    assert done.code == 1
    assert "interrupted; what was copied stays so" in done.out
    assert "a: 7 records copied\n" in done.out
