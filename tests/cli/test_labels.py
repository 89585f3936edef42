"""Tests of the lists of experiments and groups."""

from typing import TYPE_CHECKING

import pytest

from tracker_core.records import CreatedBody, StartedBody

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store


@pytest.fixture
def runs(store: "Store") -> "Store":
    """Record three runs of two experiments and one group."""
    labels = [("iris", "sweep"), ("other", None), ("iris", "sweep")]
    for number, (experiment, group) in enumerate(labels, 1):
        config = {"depth": number} if number == 1 else None
        body = CreatedBody(None, experiment, group, None, config)
        store.write(f"x{number}", body, at=number)
    store.write("y", StartedBody("job"), at=9)
    return store


@pytest.mark.parametrize(
    ("command", "table"),
    [
        (
            "experiments",
            (
                "EXPERIMENT  RUNS  FIRST                    LAST\n"
                "iris        2     1970-01-01 00:00:01 UTC  1970-01-01 00:00:03 UTC\n"
                "other       1     1970-01-01 00:00:02 UTC  1970-01-01 00:00:02 UTC\n"
            ),
        ),
        (
            "groups",
            (
                "GROUP  RUNS  FIRST                    LAST\n"
                "sweep  2     1970-01-01 00:00:01 UTC  1970-01-01 00:00:03 UTC\n"
            ),
        ),
    ],
)
def test_labels_are_a_table(
    tracker: "Cli", runs: "Store", command: str, table: str
) -> None:
    """A row is a label: how many runs it has, its first and its last."""
    del runs

    done = tracker("list", command)

    assert (done.code, done.out, done.err) == (0, table, "")


def test_experiments_are_read_by_programs(tracker: "Cli", runs: "Store") -> None:
    """Programs get the config too, as the newest run that told one said it."""
    del runs

    found = tracker("list", "experiments", "--json").json["experiments"]

    at = "1970-01-01T00:00:0{}.000000Z".format
    assert found == [
        {
            "name": "iris",
            "config": {"depth": 1},
            "run_count": 2,
            "created_at": at(1),
            "last_run_at": at(3),
        },
        {
            "name": "other",
            "config": None,
            "run_count": 1,
            "created_at": at(2),
            "last_run_at": at(2),
        },
    ]


def test_groups_are_read_by_programs(tracker: "Cli", runs: "Store") -> None:
    """Programs get label, number of runs and times."""
    del runs

    done = tracker("list", "groups", "--json")

    times = {
        "created_at": "1970-01-01T00:00:01.000000Z",
        "last_run_at": "1970-01-01T00:00:03.000000Z",
    }
    group = {"group_id": "sweep", "run_count": 2, **times}
    assert done.json == {"version": 1, "groups": [group]}


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("experiments", "no run in 'one' has an experiment; --experiment NAME gives"),
        ("groups", "no run in 'one' has a group; --group LABEL gives"),
    ],
)
def test_no_labels_come_with_a_hint(
    tracker: "Cli", store: "Store", command: str, hint: str
) -> None:
    """An empty table is no failure, and is explained."""
    store.write("y", StartedBody("job"))

    done = tracker("list", command)

    assert (done.code, len(done.rows)) == (0, 1)
    assert done.err.startswith(f"tracker: {hint}")
