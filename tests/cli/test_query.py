"""Tests of ``tracker query``."""

from typing import TYPE_CHECKING

import pytest

from tracker_core.records import MetricsBody, ParamsBody

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

pytestmark = pytest.mark.one_python


@pytest.fixture(autouse=True)
def runs(store: "Store") -> None:
    """Record two runs."""
    pytest.importorskip("duckdb")
    store.run("run-1", ParamsBody({"lr": 0.25}), name="first")
    store.run("run-2", ParamsBody({"lr": 0.5}), name="second", at=100)


def test_query_prints_a_table(tracker: "Cli") -> None:
    """A row of the answer is a line."""
    done = tracker("query", 'SELECT name, "params.lr" AS lr FROM runs ORDER BY lr')

    assert done.rows == [["name", "lr"], ["first", "0.25"], ["second", "0.5"]]


def test_query_is_asked_of_chosen_runs(tracker: "Cli") -> None:
    """Only the runs that are meant are in the tables."""
    done = tracker(
        "query", "SELECT name FROM runs", "--where", "params.lr > 0.3", "--json"
    )

    assert done.json == {"version": 1, "columns": ["name"], "rows": [["second"]]}


def test_query_prints_csv(tracker: "Cli") -> None:
    """Another program reads it."""
    done = tracker("query", "SELECT 1.5 AS a, 'x,y' AS b, NULL AS a", "--csv")

    assert done.out == 'a,b,a\n1.5,"x,y",\n'


def test_query_as_csv_has_json_for_what_has_parts(tracker: "Cli") -> None:
    """Lists, mappings and bools are not as Python writes them."""
    done = tracker("query", "SELECT [1, 2] AS a, {'k': 'v'} AS b, true AS c", "--csv")

    assert done.out == 'a,b,c\n"[1,2]","{""k"":""v""}",true\n'


def test_query_that_is_wrong_is_explained(tracker: "Cli") -> None:
    """What DuckDB says is on stderr, and the exit code is 2."""
    done = tracker("query", "selec name from runs")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("tracker: DuckDB cannot answer: Parser Error")


def test_query_prints_in_one_form(tracker: "Cli") -> None:
    """Two forms at once are a wrong usage."""
    done = tracker("query", "SELECT 1", "--csv", "--json")

    assert done.code == 2


def test_query_as_csv_leaves_a_terminal_alone(tracker: "Cli") -> None:
    """What a terminal would obey is written out there, as nowhere else."""
    screen = tracker.on_screen("query", "SELECT chr(27) || '[2J' AS a", "--csv")

    assert screen == "a\n\\x1b[2J\n"
    assert tracker("query", "SELECT chr(27) AS a", "--csv").out == "a\n\x1b\n"


def test_query_adds_up_ints_exactly(tracker: "Cli") -> None:
    """A sum of ints is an int, and a fraction stays one."""
    asked = "SELECT sum(n) AS n, sum(1.5) AS x FROM (VALUES (1), (2)) AS t(n)"

    done = tracker("query", asked, "--json")

    assert done.json["rows"] == [[3, 3]]
    assert tracker("query", "SELECT sum(1.25) AS x", "--csv").out == "x\n1.25\n"


def test_query_tells_a_span_of_time(tracker: "Cli") -> None:
    """As text that other programs know."""
    asked = "SELECT ended_at - started_at, INTERVAL '1 month 3 days 1.5 s' FROM runs"

    done = tracker("query", f"{asked} LIMIT 1", "--json")

    assert done.json["rows"] == [["PT2S", "P1M3DT1.5S"]]


def test_query_tells_which_tables_there_are(tracker: "Cli") -> None:
    """By SHOW TABLES, and where one is meant that there is not."""
    assert tracker("query", "show tables;").rows == [
        [name] for name in ("name", "params", "points", "runs", "series", "tags")
    ]

    wrong = tracker("query", "SELECT * FROM run").err
    assert wrong.endswith("the tables are runs, params, tags, series, points\n")


def test_query_prints_times_of_points(tracker: "Cli", store: "Store") -> None:
    """They are kept to the nanosecond, and shown to the microsecond."""
    store.run("run-3", MetricsBody(0, {"": {"loss": 0.5}}), at=200)

    done = tracker("query", "SELECT time, time::TIMESTAMP_NS FROM points", "--json")

    rows = done.json["rows"]
    assert isinstance(rows, list)
    assert rows[0][0] == "1970-01-01T00:03:22.000000Z"
    assert str(rows[0][1]).startswith("1970-01-01")
