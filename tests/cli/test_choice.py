"""Tests of which runs ``tracker list`` shows, and in which order."""

from typing import TYPE_CHECKING

import pytest

from tracker_core.records import (
    Body,
    CreatedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
    TagsBody,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store


@pytest.fixture
def runs(store: "Store") -> "Store":
    """Record three runs, the newest of which learned best."""
    learned: list[tuple[Body, ...]] = [
        (ParamsBody({"lr": 0.1}), MetricsBody(0, {"train": {"loss": 0.5}})),
        (ParamsBody({"lr": 0.01}), MetricsBody(0, {"train": {"loss": 1.5}})),
        (TagsBody({"device": "cpu"}), MetricsBody(0, {"train": {"loss": 0.25}})),
    ]
    for number, bodies in enumerate(learned, 1):
        group = "sweep" if number < 3 else None
        life = (CreatedBody(f"n{number}", "iris", group), StartedBody("launcher"))
        store.write(f"x{number}", *life, *bodies, at=number)
    store.write("y", CreatedBody("n4", "other"), MetadataBody({"a": 1}), at=9)
    return store


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--where", "params.lr < 0.05"), ["x2"]),
        (("--where", "params.lr exists", "--experiment", "iris"), ["x2", "x1"]),
        (("--where", 'name = "n3" or name = "n4"', "--experiment", "iris"), ["x3"]),
        (("--experiment", "other"), ["y"]),
        (("--group", "sweep"), ["x2", "x1"]),
        (("--group", "sweep", "--where", "params.lr > 0.05"), ["x1"]),
        (("--sort-by", "metrics.train/loss.min"), ["x3", "x1", "x2", "y"]),
        (("--sort-by", "-params.lr", "--limit", "2"), ["x1", "x2"]),
        (("--sort-by", "-name", "--limit", "1"), ["y"]),
    ],
)
def test_runs_are_chosen(
    tracker: "Cli", runs: "Store", options: tuple[str, ...], ids: list[str]
) -> None:
    """By a query, experiment and group, all of which must hold, and sorted."""
    del runs

    found = tracker("list", "--json", *options).json["runs"]

    assert isinstance(found, list)
    assert [run["run_id"] for run in found] == ids


def test_what_runs_are_sorted_by_is_a_column(tracker: "Cli", runs: "Store") -> None:
    """It stands before the times, with a dash where a run has none."""
    del runs
    order = "metrics.train/loss.min, params.lr, tags.device, metadata.a, status"

    done = tracker("list", "--sort-by", order)

    titles = ["train/loss.min", "lr", "device", "a"]
    assert done.rows[0][6:10] == titles
    assert [row[5:9] for row in done.rows[1:]] == [
        ["0.25", "–", "cpu", "–"],
        ["0.5", "0.1", "–", "–"],
        ["1.5", "0.01", "–", "–"],
        ["–", "–", "–", "1"],
    ]


def test_sorted_runs_are_the_first_not_the_newest(
    tracker: "Cli", runs: "Store"
) -> None:
    """The line that tells of more runs says which are shown."""
    del runs

    done = tracker("list", "--sort-by", "name", "--limit", "2")

    assert done.err == "tracker: showing the first 2 runs; --limit N shows more\n"


@pytest.mark.parametrize("option", ["--where", "--sort-by"])
def test_query_that_means_nothing_shows_the_place(
    tracker: "Cli", runs: "Store", option: str
) -> None:
    """The query stands below the message, with a sign below the place."""
    del runs

    done = tracker("list", option, "statsu")

    first, query, sign = done.err.splitlines()
    assert (done.code, done.out) == (2, "")
    assert first.startswith("tracker: a run has no attribute 'statsu'")
    assert (query, sign) == ("  statsu", "  ^")


def test_sign_stands_below_its_place(tracker: "Cli", runs: "Store") -> None:
    """What comes before the place is as wide in both lines."""
    del runs

    done = tracker("list", "--where", "params.lr < 1 and statsu = 'FAILED'")

    _, query, sign = done.err.splitlines()
    assert sign.index("^") == query.index("statsu")


def test_query_is_read_before_the_store(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that cannot be opened does not hide a mistake in the query."""
    monkeypatch.setenv("TRACKER_BACKENDS", "no_such_backend")

    done = tracker("list", "--where", "a =")

    assert done.code == 2
    assert "no_such_backend" not in done.err


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--where", "params.lr > 9"), "no run in 'one' matches; `tracker list`"),
        (("--experiment", "irs"), "has the experiment 'irs'; did you mean 'iris'?"),
        (("--group", "q"), "has the group 'q'; `tracker list groups` lists"),
        (("--experiment", "other", "--group", "sweep"), "no run in 'one' matches"),
    ],
)
def test_choice_of_no_run_is_explained(
    tracker: "Cli", runs: "Store", options: tuple[str, ...], hint: str
) -> None:
    """An empty table is no failure, and says what may have been meant."""
    del runs

    done = tracker("list", *options)

    assert (done.code, len(done.rows)) == (0, 1)
    assert hint in done.err


def test_choice_where_there_is_no_run_says_so(tracker: "Cli", store: "Store") -> None:
    """In an empty store the choice is not at fault."""
    del store

    done = tracker("list", "--where", "params.lr > 9")

    assert done.err.startswith("tracker: no run yet in 'one'")


def test_choice_belongs_to_runs_alone(tracker: "Cli", runs: "Store") -> None:
    """What would be passed over is refused."""
    del runs

    done = tracker("list", "--where", "params.lr > 9", "groups")

    assert (done.code, done.out) == (2, "")
    assert "runs are chosen by `tracker list`, not by 'groups'" in done.err


def test_limit_belongs_to_runs_alone(tracker: "Cli", runs: "Store") -> None:
    """It is refused where nothing would be limited, as the other options are."""
    del runs

    done = tracker("list", "--limit", "5", "groups")

    assert (done.code, done.out) == (2, "")
    assert "runs are chosen by `tracker list`, not by 'groups'" in done.err


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("params.rate", ["no run here has params.rate"]),
        ("-metrics.train/acc", ["no run here has metrics.train/acc.last"]),
        ("name, tags.b, metadata.a", ["no run here has tags.b"]),
        ("tags.b, tags.c", ["no run here has tags.b", "no run here has tags.c"]),
        ("name, params.lr, status", []),
    ],
)
def test_order_by_what_no_run_has_is_said(
    tracker: "Cli", runs: "Store", order: str, said: list[str]
) -> None:
    """The runs are shown all the same."""
    del runs

    done = tracker("list", "--sort-by", order)

    assert (done.code, len(done.rows)) == (0, 5)
    lines = [line.partition("; did you")[0] for line in done.err.splitlines()]
    assert lines == [f"tracker: {hint}" for hint in said]


def test_order_by_what_other_runs_have_is_said(tracker: "Cli", runs: "Store") -> None:
    """Only the runs of the choice count."""
    del runs

    done = tracker("list", "--experiment", "other", "--sort-by", "params.lr")

    assert done.err == "tracker: no run here has params.lr\n"


def test_order_by_what_a_run_beyond_the_limit_has_is_not_doubted(
    tracker: "Cli", runs: "Store"
) -> None:
    """The runs that are shown need not be those that have it."""
    del runs

    done = tracker("list", "--sort-by", "-name, params.lr", "--limit", "1")

    assert done.err == "tracker: showing the first run; --limit N shows more\n"


def test_markup_in_an_order_is_shown_as_it_is(tracker: "Cli", runs: "Store") -> None:
    """The title of a column comes from the person, and is not obeyed either."""
    del runs

    done = tracker("list", "--sort-by", 'params."[red]\x1b"')

    assert "  [red]\\x1b  " in done.out
