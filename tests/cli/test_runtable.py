"""Tests of what the table of runs tells of them."""

import math
import re
from typing import TYPE_CHECKING, cast

import pytest

from tracker_core.cli.overview import answers_of, default_overview
from tracker_core.cli.runcourses import courses
from tracker_core.records import (
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
    TagsBody,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cli.conftest import Cli, Store


def learn(store: "Store", number: int, *more: Body) -> None:
    """Record a run that learns: its params, and five points of two series."""
    life = (CreatedBody(f"n{number}", "iris"), StartedBody("launcher"))
    params = ParamsBody({"model": "vit", "lr": 0.1 * number, "epochs": 10})
    loss = [1.0 / step for step in range(1, 6)]
    columns: Mapping[str, list[float]] = {"loss": loss, "accuracy": loss[::-1]}
    told = ColumnsBody("train", range(5), columns)
    machine = ColumnsBody("system", range(5), {"a_loss": loss})
    end = EndedBody("launcher", "FINISHED", None)
    store.write(f"x{number}", *life, params, told, machine, *more, end, at=number)


@pytest.fixture
def runs(store: "Store") -> "Store":
    """Record two runs that differ in one param."""
    learn(store, 1, TagsBody({"device": "cpu"}))
    learn(store, 2)
    return store


def cells(line: str) -> list[str]:
    """Give the cells of a row."""
    return re.split("  +", line.strip())


def test_table_tells_in_what_runs_differ(tracker: "Cli", runs: "Store") -> None:
    """There is a column for the param that differs, and for the main series."""
    del runs

    titles, newer, older = map(cells, tracker("list").out.splitlines())

    assert titles[4:] == ["lr", "train/loss", "STARTED", "TOOK"]
    assert (newer[4:6], older[4:6]) == (["0.2", "0.2"], ["0.1", "0.2"])


def test_query_stands_in_front_of_options(tracker: "Cli", runs: "Store") -> None:
    """It needs no option, and both it and those of ``--where`` must hold."""
    del runs

    def names(*words: str) -> list[str]:
        return [row[0] for row in tracker("list", *words).rows[1:]]

    assert names("params.lr < 0.15") == ["n1"]
    assert names("params.lr > 0", "--limit", "1") == ["n2"]
    assert names("--sort-by", "name", "params.lr > 0") == ["n1", "n2"]
    assert names("params.lr > 0", "--where", "params.lr > 0.15") == ["n2"]


def test_query_and_a_command_are_too_much(tracker: "Cli", runs: "Store") -> None:
    """What would be passed over is refused."""
    del runs

    done = tracker("list", "params.lr > 0", "groups")

    assert (done.code, done.out) == (2, "")
    assert "runs are chosen by `tracker list`, not by 'groups'" in done.err


def test_query_that_is_none_is_shown(tracker: "Cli", runs: "Store") -> None:
    """A field alone is no query, and no command either."""
    del runs

    done = tracker("list", "params.lr")

    assert done.code == 2
    assert done.err.startswith("tracker: expected an operator, found the end")


@pytest.mark.parametrize(
    "words", [("status", "=", "FAILED"), ("params.lr > 0", "params.lr < 1")]
)
def test_query_in_pieces_is_told_to_be_quoted(
    tracker: "Cli", runs: "Store", words: tuple[str, ...]
) -> None:
    """A shell has cut it at its blanks."""
    del runs

    done = tracker("list", *words)

    assert done.code == 2
    assert "put all of it in quotes" in done.err


def test_columns_are_those_that_are_chosen(tracker: "Cli", runs: "Store") -> None:
    """They come in their order, and no others."""
    del runs
    fields = "duration, tags.device,status,metrics.train/loss.max,params.lr,name"

    done = tracker("list", "--columns", fields)

    titles, newer, older = map(cells, done.out.splitlines())
    assert titles == ["DURATION", "device", "STATUS", "train/loss.max", "lr", "NAME"]
    assert newer[1:] == ["–", "FINISHED", "1", "0.2", "n2"]
    assert older[1:] == ["cpu", "FINISHED", "1", "0.1", "n1"]


def test_columns_of_one_title_are_told_apart(tracker: "Cli", runs: "Store") -> None:
    """A tag may have the name of a param."""
    del runs

    done = tracker("list", "--columns", "params.lr,tags.lr")

    assert done.rows[0] == ["params.lr", "tags.lr"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--columns", "params.lrr"), "has params.lrr; did you mean 'params.lr'?"),
        (("--columns", "tags.qqq"), "no run here has tags.qqq\n"),
        (("--spark", "train/los"), "did you mean 'metrics.train/loss'"),
    ],
)
def test_column_that_no_run_has_is_asked_back_about(
    tracker: "Cli", runs: "Store", options: tuple[str, ...], hint: str
) -> None:
    """The runs are shown all the same."""
    del runs

    done = tracker("list", *options)

    assert (done.code, len(done.rows)) == (0, 3)
    assert hint in done.err


def test_attribute_that_there_is_not_is_misuse(tracker: "Cli", runs: "Store") -> None:
    """Its place is shown, with what may have been meant."""
    del runs

    done = tracker("list", "--columns", "name,durtion")

    assert done.code == 2
    assert "did you mean 'duration'?\n  name,durtion\n       ^" in done.err


def test_document_holds_what_the_table_does(tracker: "Cli", runs: "Store") -> None:
    """Columns by the names of queries, what all share, and the course of a series."""
    del runs

    document = tracker("list", "--json", "--spark", "train/loss").json

    first, _ = cast("list[dict[str, object]]", document["runs"])
    assert document["columns"] == ["params.lr", "metrics.train/loss.last"]
    assert first["values"] == {"params.lr": 0.2, "metrics.train/loss.last": 0.2}
    assert first["course"] == [1.0, 0.5, 1 / 3, 0.25, 0.2]
    assert document["series"] == "train/loss"
    assert document["same_for_all"] == {
        "experiment": "iris",
        "status": "FINISHED",
        "params.epochs": 10,
        "params.model": "vit",
    }


def test_times_are_exact_in_a_document(tracker: "Cli", runs: "Store") -> None:
    """People read how long ago it was."""
    del runs
    wanted = ("list", "--columns", "created_at,duration", "--limit", "1")

    document, table = tracker(*wanted, "--json").json, tracker(*wanted).out

    (run,) = cast("list[dict[str, object]]", document["runs"])
    created = "1970-01-01T00:00:02.000000Z"
    assert run["values"] == {"created_at": created, "duration": 4.0}
    assert re.search(r"\d+ d ago +4\.0s", table)


def test_course_is_drawn_when_it_is_asked_for(tracker: "Cli", runs: "Store") -> None:
    """A pipe gets none that nobody wants."""
    del runs

    plain, drawn = tracker("list").out, tracker("list", "--spark", "train/loss").out

    assert "█▃▂▁▁" in drawn
    assert "█" not in plain


def test_course_of_odd_numbers_is_drawn(tracker: "Cli", runs: "Store") -> None:
    """NaN is a gap, an infinity the end of the scale; text is passed over."""
    values = [1.0, math.nan, math.inf, 2.0]
    odd = ColumnsBody("", range(4), {"odd": values})
    runs.write("x3", odd, MetricsBody(9, {"": {"odd": "text"}}), at=3)

    done = tracker("list", "--columns", "name", "--spark", "odd", "--limit", "1")

    assert done.out.splitlines()[1].endswith("▁ ██")


@pytest.mark.parametrize(("is_asked", "drawn"), [(True, 2), (False, 1)])
def test_courses_take_no_longer_than_anybody_waits(
    runs: "Store", *, is_asked: bool, drawn: int
) -> None:
    """What comes by itself is left out when time is up; what is wanted is not."""
    answers = answers_of(runs.tracker, runs.tracker.runs())
    times = iter((0.0, 0.2, 0.3))

    found = courses(
        runs.tracker,
        answers,
        "train/loss",
        is_asked=is_asked,
        clock=lambda: next(times),
    )

    assert len(found) == drawn


def test_course_of_a_long_series_is_a_few_stretches(store: "Store") -> None:
    """Its ends are among them."""
    count = 10_000
    points = ColumnsBody("", range(count), {"loss": [float(n) for n in range(count)]})
    store.write("x", StartedBody("job"), points)
    answers = answers_of(store.tracker, store.tracker.runs())

    found = courses(store.tracker, answers, "loss", is_asked=True)["x"]

    assert (len(found), found[0], found[-1]) == (10, 24.5, count - 25.5)
    assert found == sorted(found)


def test_main_series_is_one_that_most_runs_have(runs: "Store") -> None:
    """A loss comes before an accuracy, and what the machine does is none."""
    loss = MetricsBody(0, {"a": {"loss": 1.0}})
    runs.write("x3", CreatedBody("n3"), StartedBody("job"), loss, at=3)
    answers = answers_of(runs.tracker, runs.tracker.runs())

    assert default_overview(answers, (), None).series == "train/loss"
    assert default_overview(answers[:1], (), None).series == "a/loss"


def test_values_of_other_types_differ(runs: "Store") -> None:
    """An int is no float, and what a run lacks is not shared; NaN is like NaN."""
    for number, one in ((3, 1), (4, 1.0)):
        params = ParamsBody({"one": one, "nan": math.nan, f"p{number}": 0})
        runs.write(f"x{number}", StartedBody("job"), params, at=number)
    answers = answers_of(runs.tracker, runs.tracker.runs(limit=2))

    overview = default_overview(answers, (), None)

    assert [field.key for field in overview.fields] == ["one", "p3", "p4"]
    assert [*overview.same] == ["status", "params.nan"]


@pytest.mark.one_python
def test_terminal_gets_what_is_shared_in_a_line(
    tracker: "Cli", place: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the table, cut with a count; each row begins with a glyph."""
    from tests.cli.conftest import Store
    from tracker_sqlite import SqliteTracker

    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    monkeypatch.setenv("NO_COLOR", "1")
    store = Store("unused")
    store.tracker = SqliteTracker(place / "runs.db")
    more = ParamsBody({f"p{number}": "x" * 20 for number in range(9)})
    for number in (1, 2):
        learn(store, number, more)
    store.tracker.close()

    shared, titles, newer, _ = tracker.on_screen("list").splitlines()[:4]

    assert re.fullmatch(r"same for all: experiment=iris, .*, and \d+ more", shared)
    assert len(shared) <= 80
    assert cells(titles)[:3] == ["NAME", "RUN ID", "lr"]
    assert newer.startswith("✓  n2")
    assert "█▃▂▁▁" in newer


@pytest.mark.one_python
def test_long_name_leaves_room_on_a_terminal(
    tracker: "Cli", place: "Path", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut to half of the line, by cells, and the id stays beside it."""
    from tests.cli.conftest import Store
    from tracker_sqlite import SqliteTracker

    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    store = Store("unused")
    store.tracker = SqliteTracker(place / "runs.db")
    for number, letter in enumerate("n験", 1):
        store.run(f"{letter}1", name=letter * 200, at=number)
    store.tracker.close()

    lines = tracker.on_screen("list").splitlines()

    assert [cells(line)[1:3] for line in lines[2:4]] == [
        ["験" * 19 + "…", "験1"],
        ["n" * 39 + "…", "n1"],
    ]
