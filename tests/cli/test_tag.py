"""Tests of ``tracker tag``."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tracker_sqlite
from tracker_core.delivery.ledger import expect
from tracker_core.identity import friendly_name
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    ParamsBody,
    Sequencer,
    StartedBody,
    TagsBody,
)
from tracker_core.testing.contract.story import story

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Journals, Store

_LIFE = (CreatedBody(), StartedBody("job"), EndedBody("job", "FINISHED", None))


@pytest.fixture
def read(place: Path) -> Callable[[str, str], dict[str, str]]:
    """Return what reads the tags of a run from a database below the folder."""

    def tags(database: str, run_id: str) -> dict[str, str]:
        with closing(tracker_sqlite.create(str(place / database))) as store:
            return dict(store.tags(run_id))

    return tags


@pytest.fixture
def two(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure two databases, of which the second holds the run ``elsewhere``."""
    listed = "one=tracker_sqlite:create,other=tracker_sqlite:create"
    monkeypatch.setenv("TRACKER_BACKENDS", listed)
    for name in ("one", "other"):
        monkeypatch.setenv(f"TRACKER_{name.upper()}_CONFIG", str(place / f"{name}.db"))
    with closing(tracker_sqlite.create(str(place / "other.db"))) as store:
        for batch in story("elsewhere"):
            store.write(batch)


@pytest.fixture
def ended(tracker: "Cli", journals: "Journals") -> str:
    """Give a run that has ended, and was delivered to the embedded store."""
    journals.log("ended", *_LIFE, TagsBody({"a": "1"}))
    assert tracker("sync").code == 0
    return "ended"


def test_tags_are_set_after_the_end(
    tracker: "Cli", ended: str, read: Callable[[str, str], dict[str, str]]
) -> None:
    """They are there when the command has ended, and the run is as it was."""
    done = tracker("tag", friendly_name(ended), "a=2", "note=x=y")

    assert (done.code, done.err) == (0, "")
    assert done.out == "ended: a, note set in sqlite\n"
    assert read("home/tracker.db", ended) == {"a": "2", "note": "x=y"}
    assert '"status": "FINISHED"' in tracker("show", ended, "--json").out


def test_tags_are_no_part_of_the_step_around_the_call(
    tracker: "Cli", ended: str, journals: "Journals", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says of step and rank is of another run."""
    monkeypatch.setenv("TRACKER_STEP", "train")
    monkeypatch.setenv("RANK", "3")

    tracker("tag", ended, "a=2")

    writers = journals.folder(ended).writers()
    assert {(writer.step, writer.writer.rank) for writer in writers} == {(None, None)}


def test_tags_are_listed(tracker: "Cli", ended: str) -> None:
    """In a table, and for programs."""
    shown, told = tracker("tag", "@last"), tracker("tag", ended, "--json")

    assert shown.rows == [["TAG", "TEXT"], ["a", "1"]]
    assert told.json == {
        "version": 1,
        "runs": [{"run_id": ended, "name": friendly_name(ended), "tags": {"a": "1"}}],
    }


def test_tags_of_several_runs_are_told_apart(tracker: "Cli", store: "Store") -> None:
    """By their ids; one without any is said."""
    store.run("first", TagsBody({"a": "1", "b": "2"}))
    store.run("second", at=99)

    done = tracker("tag", "first", "second")

    assert done.rows == [
        ["RUN", "ID", "TAG", "TEXT"],
        ["first", "a", "1"],
        ["first", "b", "2"],
    ]
    assert "run 'second' has no tags" in done.err


@pytest.mark.usefixtures("journals", "two")
def test_run_without_a_journal_is_tagged_where_it_is(
    tracker: "Cli", place: Path, read: Callable[[str, str], dict[str, str]]
) -> None:
    """No other backend gets a run that is made of tags; the last text counts."""
    done = tracker("tag", "elsewhere", "key=new", "--json")

    assert done.json == {
        "version": 1,
        "runs": [
            {
                "run_id": "elsewhere",
                "tags": {"key": "new"},
                "delivered_to": ["other"],
                "pending": [],
            }
        ],
    }
    assert read("other.db", "elsewhere") == {"key": "new"}
    with closing(tracker_sqlite.create(str(place / "one.db"))) as store:
        assert not list(store.run_ids())


@pytest.mark.usefixtures("two")
def test_copy_of_a_run_is_tagged_too(
    tracker: "Cli", journals: "Journals", read: Callable[[str, str], dict[str, str]]
) -> None:
    """Though the journal knows nothing of it, and no longer has the run."""
    journals.log("run", *_LIFE, ParamsBody({"lr": 0.1}), backends=("one",))
    assert tracker("sync", "run").code == 0
    assert tracker("copy", "--from", "one", "--to", "other", 'run_id = "run"').code == 0

    done = tracker("tag", "run", "a=b")

    assert (done.code, done.out) == (0, "run: a set in one, other\n")
    assert [read(name, "run") for name in ("one.db", "other.db")] == [{"a": "b"}] * 2


def test_what_a_backend_lacks_is_said(
    tracker: "Cli",
    journals: "Journals",
    ended: str,
    read: Callable[[str, str], dict[str, str]],
) -> None:
    """It is in the journal, and the others have it."""
    expect(journals.folder(ended), "nowhere", "no.module:create")

    done = tracker("tag", ended, "a=b")

    assert done.code == 1
    assert done.out == "ended: a set in sqlite\n"
    assert "backend 'nowhere' lacks it still: it cannot be had" in done.err
    assert read("home/tracker.db", ended) == {"a": "b"}


@pytest.mark.usefixtures("ended")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name a run first"),
        (("a=b",), 2, "name a run first"),
        (("ended", "a=b", "a=c"), 2, "'a' is there twice"),
        (("ended", "=b"), 2, "tag key"),
        (("endet", "a=b"), 1, "did you mean 'ended'?"),
    ],
)
def test_wrong_words_set_nothing(
    tracker: "Cli",
    read: Callable[[str, str], dict[str, str]],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    """It says what is wrong."""
    done = tracker("tag", *arguments)

    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert read("home/tracker.db", "ended") == {"a": "1"}


def test_tag_counts_after_all_attempts(
    tracker: "Cli", journals: "Journals", read: Callable[[str, str], dict[str, str]]
) -> None:
    """Also where another machine has made them."""
    with closing(tracker_sqlite.create(str(journals.home / "tracker.db"))) as store:
        for attempt in (1, 2, 3):
            sequencer = Sequencer(attempt)
            for body in (StartedBody("job"), TagsBody({"a": str(attempt)})):
                store.write(sequencer.batch("run", body))

    assert tracker("tag", "run", "a=last").code == 0
    assert read("home/tracker.db", "run") == {"a": "last"}
