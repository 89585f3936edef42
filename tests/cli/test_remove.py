"""Tests of ``tracker rm``."""

import os
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import tracker_sqlite
from tracker_core.api import NativeTracker, TrackerBase
from tracker_core.delivery.ledger import expect, ledger_folder
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import Lock, make_folder
from tracker_core.journal.shared import SharedWriter
from tracker_core.records import (
    CreatedBody,
    ParamsBody,
    Sequencer,
    StartedBody,
    TagsBody,
)
from tracker_core.runs import LOST_AFTER
from tracker_core.testing import MemoryTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Journals, Store


class Stubborn(MemoryTracker):
    """Keeps its runs for ever."""

    remove = NativeTracker.remove


class Rude(MemoryTracker):
    """Fails whenever it is asked."""

    def runs(self, *_: object) -> list[object]:  # type: ignore[override]  # it fails
        """Fail."""
        message = "server on fire"
        raise OSError(message)

    run = runs  # type: ignore[assignment]  # it fails


_STUBBORN = Stubborn()


def create_stubborn(_config: str | None) -> TrackerBase:
    """Return the one that keeps all."""
    return _STUBBORN


def create_rude(_config: str | None) -> TrackerBase:
    """Return one that fails."""
    return Rude()


@pytest.fixture
def two(stores: Callable[..., list["Store"]]) -> list["Store"]:
    """Configure two stores, which both hold two runs, the second one a third."""
    one, other = stores("one", "other")
    for store in (one, other):
        store.run("keep", ParamsBody({"lr": 0.1}), at=1)
        store.run(
            "gone", ParamsBody({"lr": 0.5}), store.content("m", b"x" * 2048), at=99
        )
    other.run("extra", at=500)
    return [one, other]


def ids(store: "Store") -> list[str]:
    """Return the runs of a store, sorted."""
    return sorted(store.tracker.run_ids())


def test_run_is_removed_from_every_backend(tracker: "Cli", two: list["Store"]) -> None:
    """The receipt tells of each what was removed."""
    done = tracker("rm", "gone", "--yes")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"gone from {name}: 5 records and 1 artifact removed, 2.0 KiB freed"
        for name in ("one", "other")
    ]
    assert [ids(store) for store in two] == [["keep"], ["extra", "keep"]]


def test_runs_are_chosen_by_name_beginning_and_query(
    tracker: "Cli", two: list["Store"]
) -> None:
    """Each once, and in whichever backend they are."""
    done = tracker(
        "rm", friendly_name("gone"), "ext", "--where", "params.lr > 0.2", "--yes"
    )

    assert done.code == 0
    assert [ids(store) for store in two] == [["keep"], ["keep"]]
    assert len(done.rows) == 3


def test_last_is_the_newest_of_all_backends(tracker: "Cli", two: list["Store"]) -> None:
    """Though the first backend does not hold it."""
    assert tracker("rm", "@last", "--yes").code == 0
    assert [ids(store) for store in two] == [["gone", "keep"], ["gone", "keep"]]


def test_dry_run_shows_what_would_go(tracker: "Cli", two: list["Store"]) -> None:
    """And removes nothing."""
    done = tracker("rm", "gone", "--dry-run")

    title, row = done.rows
    assert (done.code, done.err) == (0, "")
    assert title[-4:] == ["RECORDS", "ARTIFACTS", "SIZE", "IN"]
    assert row[1:] == [
        *("gone", "iris", "FINISHED", "5", "1", "2.0", "KiB", "one,", "other")
    ]
    assert [ids(store) for store in two] == [
        ["gone", "keep"],
        ["extra", "gone", "keep"],
    ]


@pytest.mark.usefixtures("two")
def test_json_tells_what_was_removed(tracker: "Cli") -> None:
    """One object, with a part for each backend."""
    done = tracker("rm", "gone", "--yes", "--json")

    assert done.json == {
        "version": 1,
        "is_dry_run": False,
        "runs": [
            {
                "run_id": "gone",
                "name": friendly_name("gone"),
                "experiment": "iris",
                "status": "FINISHED",
                "records": 5,
                "artifacts": 1,
                "size_bytes": 2048,
                "held_by": ["one", "other"],
                "has_journal": False,
                "refusal": None,
                "backends": [
                    {
                        "backend": name,
                        "is_removed": True,
                        "reason": None,
                        "records": 5,
                        "artifacts": 1,
                        "freed_bytes": 2048,
                        "remains": [],
                    }
                    for name in ("one", "other")
                ],
                "journal_bytes": None,
            }
        ],
        "away": [],
    }


def test_away_from_a_terminal_it_must_be_told_yes(
    tracker: "Cli", two: list["Store"]
) -> None:
    """Else it does nothing and says what to add."""
    done = tracker("rm", "gone")

    assert (done.code, done.out) == (2, "")
    assert "add --yes" in done.err
    assert ids(two[0]) == ["gone", "keep"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name the runs to remove"),
        (("--where", "params.lr >", "--yes"), 2, "expected a value"),
        (("gome", "--yes"), 1, "did you mean 'gone'?"),
        (("--where", "params.lr > 7", "--yes"), 0, "no run matches"),
    ],
)
def test_what_means_nothing_removes_nothing(
    tracker: "Cli",
    two: list["Store"],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """It says what is wrong."""
    done = tracker("rm", *arguments)

    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert ids(two[0]) == ["gone", "keep"]


def test_person_is_asked(tracker: "Cli", journals: "Journals") -> None:
    """Only a yes removes; the screen shows what would go."""
    with closing(tracker_sqlite.create(str(journals.home / "tracker.db"))) as store:
        for run_id in ("first", "second"):
            store.write(Sequencer().batch(run_id, ParamsBody({"lr": 0.1})))
    screens = []
    for key in (b"n\n", b"y\n"):
        terminal = tracker.in_front("rm", "first")
        terminal.until("for good? [y/N]:")
        terminal.press(key)
        screens.append(terminal.finish())

    with closing(tracker_sqlite.create(str(journals.home / "tracker.db"))) as store:
        left = [*store.run_ids()]

    assert [screen.code for screen in screens] == [1, 0]
    assert "nothing was removed" in screens[0].out
    assert "RECORDS" in screens[1].out
    assert "first from sqlite: 1 record removed" in screens[1].out
    assert left == ["second"]


def test_journal_goes_too(tracker: "Cli", journals: "Journals") -> None:
    """So nothing of the run is delivered any more."""
    folder = journals.log("gone", CreatedBody(), ParamsBody({"lr": 0.1}))
    journals.log("keep", CreatedBody())
    assert tracker("sync", "gone").code == 0
    expect(folder, "late", "tests.cli.test_remove:create_stubborn")

    done = tracker("rm", "gone", "--yes")

    assert done.code == 0
    assert "gone from sqlite: 2 records removed\n" in done.out
    assert "gone from the journal here: removed" in done.out
    assert not folder.path.exists()
    assert not [*(journals.home / "removed").iterdir()]
    assert tracker("sync").code == 0
    assert tracker("list", "--json").json["runs"] != []
    assert "gone" not in tracker("list").out


def test_run_that_is_in_the_journal_alone_is_removed(
    tracker: "Cli", journals: "Journals"
) -> None:
    """No backend has got anything of it."""
    folder = journals.log("gone", CreatedBody())

    done = tracker("rm", "gone", "--yes")

    assert (done.code, done.err) == (0, "")
    assert [row[:5] for row in done.rows] == [
        ["gone", "from", "the", "journal", "here:"]
    ]
    assert not folder.path.exists()


def test_run_that_is_logged_to_stays(tracker: "Cli", journals: "Journals") -> None:
    """Whatever is asked for; it says by which process."""
    folder = journals.log("busy", CreatedBody(), StartedBody("job"), ends=False)

    done = tracker("rm", "busy", "--yes", "--force")

    assert done.code == 1
    assert done.out == (
        f"busy: kept: the process {os.getpid()} logs to it still; end it first\n"
    )
    assert folder.path.exists()


def test_run_that_is_delivered_just_now_stays(
    tracker: "Cli", journals: "Journals"
) -> None:
    """Whoever delivers would bring it back."""
    folder = journals.log("busy", CreatedBody())
    place = ledger_folder(folder, "sqlite")
    make_folder(place)
    lock = Lock.taken(place / "lock")

    done = tracker("rm", "busy", "--dry-run")
    assert lock is not None
    lock.drop()

    assert "a process delivers it just now" in done.err
    assert tracker("rm", "busy", "--yes").code == 0


def test_run_with_calls_of_a_shell_can_be_removed(
    tracker: "Cli", journals: "Journals"
) -> None:
    """Nobody is their writer between two calls."""
    folder = journals.log("gone", CreatedBody())
    with SharedWriter(folder) as writer:
        writer.append(TagsBody({"a": "b"}))

    assert tracker("rm", "gone", "--yes").code == 0
    assert not folder.path.exists()


def test_run_that_runs_elsewhere_needs_force(tracker: "Cli", store: "Store") -> None:
    """One that was lost does not."""
    store.write("busy", CreatedBody(), StartedBody("launcher"))
    store.write("lost", CreatedBody(), StartedBody("launcher"))
    store.tracker.beat("lost", int(LOST_AFTER.total_seconds()))

    refused = tracker("rm", "busy", "lost", "--yes")
    forced = tracker("rm", "busy", "--yes", "--force")

    assert refused.code == 1
    assert "busy: kept: it runs still; end it first, or remove it by --force" in (
        refused.out
    )
    assert "lost from one: 2 records removed" in refused.out
    assert (forced.code, ids(store)) == (0, [])


def test_what_a_backend_keeps_is_in_the_receipt(
    tracker: "Cli", two: list["Store"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot remove, one that fails; the others do their part."""
    _STUBBORN.write(Sequencer().batch("gone", ParamsBody({"a": 1})))
    listed = (
        "one=tracker_memory:create,rude=tests.cli.test_remove:create_rude,"
        "stubborn=tests.cli.test_remove:create_stubborn,nowhere=no.module:create"
    )
    monkeypatch.setenv("TRACKER_BACKENDS", listed)

    done = tracker("rm", "gone", "--yes")

    assert done.code == 1
    assert "gone from one: 5 records and 1 artifact removed" in done.out
    assert "gone from stubborn: kept: backend 'stubborn' cannot remove runs" in done.out
    assert "backend 'rude' may hold more: OSError: server on fire" in done.err
    assert "backend 'nowhere' may hold more" in done.err
    assert ids(two[0]) == ["keep"]
