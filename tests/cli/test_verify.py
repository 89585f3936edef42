"""Tests of ``tracker verify``."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tracker_sqlite
from tracker_core.api import NativeTracker
from tracker_core.errors import RetryableError
from tracker_core.records import (
    Batch,
    CreatedBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    TagsBody,
)
from tracker_core.runs import RunInfo
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import Pen

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

tracker_fsspec = pytest.importorskip("tracker_fsspec", reason="needs fsspec")

Write = Callable[..., None]


class _Broken(MemoryTracker):
    """Fails when it is asked who a run is, telling its config."""

    def __init__(self, config: str | None) -> None:
        super().__init__()
        self._config = config

    def run(self, run_id: str) -> RunInfo:
        raise RetryableError(f"{self._config} does not know {run_id}")


class _Odd(MemoryTracker):
    """Holds a run, and fails when it is asked for its tags."""

    def tags(self, run_id: str) -> dict[str, str]:
        raise KeyError(run_id)


def create_broken(config: str | None) -> NativeTracker:
    """Make a tracker that cannot be read."""
    return _Broken(config)


def create_odd(config: str | None) -> NativeTracker:
    """Make a tracker that fails half-way."""
    tracker = _Odd()
    tracker.write(_batch("r", config or "odd"))
    return tracker


def _batch(run_id: str, name: str, lr: float = 0.1) -> Batch:
    said = (
        CreatedBody(name),
        ParamsBody({"lr": lr}),
        MetricsBody(0, {"": {"loss": 2.0}}),
        MetricsBody(1, {"": {"loss": lr}}),
    )
    return Pen(run_id).log(*said)


@pytest.fixture
def write(place: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Configure a database and a folder; give what writes batches to them."""
    configs = {"sqlite": str(place / "runs.db"), "fsspec": str(place / "runs")}
    monkeypatch.setenv("TRACKER_BACKENDS", ",".join(configs))
    for name, config in configs.items():
        monkeypatch.setenv(f"TRACKER_{name.upper()}_CONFIG", config)

    def to(*batches: Batch, name: str = "") -> None:
        if name != "fsspec":
            with closing(tracker_sqlite.create(configs["sqlite"])) as sqlite:
                for batch in batches:
                    sqlite.write(batch)
        if name != "sqlite":
            with closing(tracker_fsspec.create(configs["fsspec"])) as fsspec:
                for batch in batches:
                    fsspec.write(batch)

    return to


@pytest.mark.parametrize("wanted", ["run-1", "run", "first", "@last"])
def test_run_that_is_the_same_is_told_in_a_line(
    tracker: "Cli", write: Write, wanted: str
) -> None:
    """The exit code is 0, whichever word means the run."""
    write(_batch("run-1", "first"))

    done = tracker("verify", wanted)

    assert (done.code, done.err) == (0, "")
    assert done.out == "run 'first' is the same in sqlite and fsspec\n"


def test_differences_are_a_table(tracker: "Cli", write: Write) -> None:
    """What each backend says beside the others, and exit code 1."""
    batch = _batch("r", "x")
    write(batch, name="sqlite")
    other = _batch("r", "x", lr=0.2)
    write(other._replace(writer=batch.writer), name="fsspec")

    done = tracker("verify", "r")

    assert (done.code, done.err) == (1, "")
    assert done.out == (
        "run 'x' differs in 4 things\n"
        "KIND           KEY   INDEX  sqlite                        "
        "fsspec\n"
        "param          lr    –      0.1                           "
        "0.2\n"
        "param history  lr    0      value=0.1                     "
        "value=0.2\n"
        "series         loss  –      last=0.1, min=0.1, mean=1.05  "
        "last=0.2, min=0.2, mean=1.1\n"
        "points         loss  1      value=0.1                     "
        "value=0.2\n"
    )


def test_one_difference_is_one_thing(tracker: "Cli", write: Write) -> None:
    """And what a backend lacks is a dash."""
    batch = Pen("r").log(CreatedBody("x"), TagsBody({"a": "b"}))
    write(batch._replace(last=1, records=batch.records[:1]), name="sqlite")
    write(batch, name="fsspec")

    done = tracker("verify", "r")

    assert done.rows == [
        ["run", "'x'", "differs", "in", "1", "thing"],
        ["KIND", "KEY", "INDEX", "sqlite", "fsspec"],
        ["tag", "a", "–", "–", '"b"'],
    ]


def test_run_that_one_backend_lacks_is_a_difference(
    tracker: "Cli", write: Write
) -> None:
    """It is looked for in all of them, the newest too."""
    write(Pen("old").log(CreatedBody("old"), at=1))
    write(Pen("new").log(CreatedBody("new"), at=2), name="fsspec")

    done = tracker("verify", "@last")

    assert done.code == 1
    assert done.rows[2] == ["run", "–", "–", "–", "held"]


def test_pairs_are_counted_when_there_are_several(
    tracker: "Cli", write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the backend that is alone with what it says stands out."""
    write(_batch("r", "x"))
    monkeypatch.setenv(
        "TRACKER_BACKENDS", f"sqlite,fsspec,odd={__name__}:create_memory"
    )
    names = ("--tracker", "sqlite", "--tracker", "fsspec", "--tracker", "odd")

    done = tracker("verify", "r", *names)

    assert done.code == 1
    assert done.rows[-4:] == [
        ["BETWEEN", "AND", "DIFFERENCES"],
        ["sqlite", "fsspec", "0"],
        ["sqlite", "odd", "1"],
        ["fsspec", "odd", "1"],
    ]


def create_memory(config: str | None) -> NativeTracker:
    """Make a tracker that holds nothing."""
    del config
    return MemoryTracker()


def test_backend_that_forgets_is_left_out(
    tracker: "Cli", write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it held has gone with the job, unless it is asked for by its name."""
    write(_batch("r", "x"))
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,memory,fsspec")

    done = tracker("verify", "r")

    assert done.code == 0
    assert done.out == (
        "run 'x' is the same in sqlite and fsspec\n"
        "\n"
        "LEFT OUT  WHAT  WHY\n"
        "memory    all   it keeps nothing beyond its process\n"
    )


def test_programs_get_the_same(tracker: "Cli", write: Write) -> None:
    """With what is left out, and the number of differences of each pair."""
    batch = Pen("r").log(LogBody("info", "a", None), TagsBody({"a": "b"}))
    write(batch._replace(last=1, records=batch.records[:1]), name="sqlite")
    write(batch, name="fsspec")

    done = tracker("verify", "r", "--json")

    assert done.code == 1
    assert done.json == {
        "version": 1,
        "run_id": "r",
        "trackers": ["sqlite", "fsspec"],
        "is_equal": False,
        "difference_count": 1,
        "differences": [
            {
                "kind": "tag",
                "key": "a",
                "index": None,
                "said": {"sqlite": "–", "fsspec": '"b"'},
            }
        ],
        "pairs": [{"trackers": ["sqlite", "fsspec"], "difference_count": 1}],
        "left_out": [],
    }


def test_programs_learn_what_is_left_out(
    tracker: "Cli", write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the tracker, with the reason."""
    write(_batch("r", "x"))
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,memory,fsspec")

    found = tracker("verify", "r", "--json").json

    reason = "it keeps nothing beyond its process"
    left_out = [{"tracker": "memory", "things": ["all"], "reason": reason}]
    assert found["left_out"] == left_out


def test_many_differences_are_cut(tracker: "Cli", write: Write) -> None:
    """A line tells how many there are."""
    many = TagsBody({f"t{number}": "x" for number in range(120)})
    batch = Pen("r").log(CreatedBody("x"), many)
    write(batch._replace(last=1, records=batch.records[:1]), name="sqlite")
    write(batch, name="fsspec")

    done = tracker("verify", "r")

    assert len(done.rows) == 102
    assert done.err == "tracker: showing the first 100 differences of 120\n"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("run-3", "did you mean 'run-"),
        ("qqq", "`tracker list` lists the runs"),
        ("run-", "means 2 runs; give more of the id of one of them:"),
        ("twin", "means 2 runs; give more of the id of one of them:"),
    ],
)
def test_word_that_means_no_run_or_several_is_a_misuse(
    tracker: "Cli", write: Write, wanted: str, said: str
) -> None:
    """The exit code is 2, since nothing was compared."""
    write(_batch("run-1", "twin"))
    write(_batch("run-2", "two"), name="sqlite")
    write(_batch("run-4", "twin"), name="fsspec")

    done = tracker("verify", wanted)

    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_word_that_means_another_run_elsewhere_is_a_misuse(
    tracker: "Cli", write: Write
) -> None:
    """In each backend it means one run, but not the same."""
    write(_batch("a", "twin"), name="sqlite")
    write(_batch("b", "twin"), name="fsspec")

    done = tracker("verify", "twin")

    assert done.code == 2
    assert done.err == (
        "tracker: 'twin' means 2 runs; give more of the id of one of them:\n"
        "  a  twin\n"
        "  b  twin\n"
    )


def test_id_goes_before_the_beginning_of_another(tracker: "Cli", write: Write) -> None:
    """Even where a backend has the other run alone."""
    write(_batch("a", "x"), name="sqlite")
    write(_batch("ab", "y"), name="fsspec")

    done = tracker("verify", "a")

    assert done.rows[0][1] == "'x'"


def test_last_run_of_empty_stores_is_a_misuse(tracker: "Cli", write: Write) -> None:
    """There is none yet."""
    write()

    done = tracker("verify", "@last")

    assert done.code == 2
    assert "no run '@last' in 'sqlite' or 'fsspec'" in done.err


def test_one_backend_is_a_misuse(tracker: "Cli", place: Path) -> None:
    """With nothing configured there is the embedded store, and nothing to compare."""
    done = tracker("verify", "@last")

    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "tracker: it takes two backends whose runs outlive a process to compare what "
        f"they hold, and there is only 'sqlite' under {place / 'tracker-home'}; "
        "configure more, or name two by --tracker\n"
    )


def test_one_named_backend_is_a_misuse(tracker: "Cli", write: Write) -> None:
    """However often it is named."""
    write()

    done = tracker("verify", "x", "--tracker", "sqlite", "--tracker", "sqlite")

    assert done.code == 2
    assert "there is only 'sqlite'; configure more, or name another one" in done.err


def test_no_lasting_backend_is_a_misuse(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory of another process cannot be compared."""
    monkeypatch.setenv("TRACKER_BACKENDS", "memory")

    done = tracker("verify", "x")

    assert done.code == 2
    assert "there is none; configure more, or name two by --tracker" in done.err


def test_value_that_is_missing_is_a_misuse(tracker: "Cli") -> None:
    """``--`` is no name."""
    done = tracker("verify", "x", "--tracker", "--")

    assert done.code == 2
    assert "a value is missing before '--'" in done.err


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("create_broken", "tracker: *** does not know r\n"),
        ("create_odd", "tracker: backend 'odd' failed: KeyError: 'r'\n"),
    ],
)
def test_backend_that_cannot_be_read_is_a_failure(
    tracker: "Cli",
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    factory: str,
    said: str,
) -> None:
    """It is named, and its config is not."""
    write(_batch("r", "x"))
    monkeypatch.setenv("TRACKER_BACKENDS", f"sqlite,odd={__name__}:{factory}")
    monkeypatch.setenv("TRACKER_ODD_CONFIG", "secret")

    done = tracker("verify", "r", "--tracker", "sqlite", "--tracker", "odd")

    assert (done.code, done.err) == (1, said)


def test_backend_that_cannot_be_built_closes_the_others(
    tracker: "Cli", write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing stays open."""
    write(_batch("r", "x"))
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,missing=nowhere:create")

    done = tracker("verify", "r")

    assert done.code == 2
    assert "nowhere" in done.err
