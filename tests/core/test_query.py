"""Tests of runs as objects and tables for programs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker_core import ConfigError, QueryError, query, track
from tracker_core.testing import MemoryTracker


@pytest.fixture
def tracker() -> Iterator[MemoryTracker]:
    """Give a tracker with two runs of one experiment."""
    found = MemoryTracker()
    for number, rate in enumerate((0.1, 1), 1):
        with track(name=f"run-{number}", experiment="iris", trackers=[found]) as run:
            run.log_params({"lr": rate, "model": {"depth": number}, "shape": [1, 2]})
            run.set_tag("device", "<b>cuda</b>")
            for step in range(3):
                run.log_metric("train/loss", rate / (step + 1), step=step)
            run.log_metric("notes", "text")
            run.log_metric("system/cpu_percent", 50.0)
    yield found
    found.close()


def test_runs_are_objects_with_what_they_logged(tracker: MemoryTracker) -> None:
    """A run gives its typed params, series and points."""
    found = query.runs("params.lr < 1", tracker=tracker)

    (run,) = found
    assert (run.name, run.status) == ("run-1", "FINISHED")
    assert run.params == {"lr": 0.1, "model.depth": 1, "shape": [1, 2]}
    assert run.tags == {"device": "<b>cuda</b>"}
    assert run.series["train/loss"].min_step == 2
    assert list(run.points("train/loss").steps) == [0, 1, 2]
    assert repr(run) == f"<run 'run-1' {run.run_id!r} FINISHED>"


def test_runs_keep_the_order_and_may_be_sliced(tracker: MemoryTracker) -> None:
    """A part of a table is a table."""
    found = query.runs(order_by="-params.lr", tracker=tracker)

    assert [run.name for run in found] == ["run-2", "run-1"]
    assert [run.name for run in found[1:]] == ["run-1"]
    assert repr(found[1:]) == "<1 runs>"


def test_runs_say_where_a_query_is_wrong(tracker: MemoryTracker) -> None:
    """The error is that of the query language."""
    with pytest.raises(QueryError, match="did you mean 'status'"):
        query.runs("statsu = 'x'", tracker=tracker)


def test_runs_are_read_from_the_embedded_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a tracker it is the store that the command line reads."""
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path))
    monkeypatch.delenv("TRACKER_BACKENDS", raising=False)
    with track(name="kept") as run:
        run.log_param("lr", 0.5)

    found = query.runs()

    assert [(run.name, dict(run.params)) for run in found] == [("kept", {"lr": 0.5})]


def test_table_has_a_column_for_each_thing_of_a_query(tracker: MemoryTracker) -> None:
    """Names are those of the query language, and types those that were logged."""
    chosen = query.runs(order_by="name", tracker=tracker)

    columns = chosen.to_arrow().to_pydict()
    assert columns["name"] == ["run-1", "run-2"]
    assert columns["params.lr"] == [0.1, 1.0]
    assert columns["params.model.depth"] == [1, 2]
    assert columns["params.shape"] == ["[1,2]", "[1,2]"]
    assert columns["metrics.train/loss.min"] == [0.1 / 3, 1 / 3]
    assert columns["metrics.notes.last"] == ["text", "text"]
    assert columns["created_at"] == [run.info.created_at for run in chosen]
    assert columns["group_id"] == [None, None]
    assert "metrics.system/cpu_percent.last" not in columns


def test_table_of_no_runs_is_empty(tracker: MemoryTracker) -> None:
    """Nothing chosen is no error."""
    found = query.runs("name = 'nobody'", tracker=tracker)

    assert found.to_arrow().num_rows == 0
    assert found.points().to_arrow().num_rows == 0
    assert found._repr_html_() == "<p>no runs</p>"


def test_points_of_several_runs_are_one_table(tracker: MemoryTracker) -> None:
    """A row is a point, with its run and series."""
    found = query.runs(order_by="name", tracker=tracker).points("train/loss")

    # Nanoseconds are more than Python's own times hold.
    columns = found.to_arrow().drop_columns(["time"]).to_pydict()
    assert columns["step"] == [0, 1, 2, 0, 1, 2]
    assert columns["value"] == [0.1, 0.1 / 2, 0.1 / 3, 1, 1 / 2, 1 / 3]
    assert set(columns["series"]) == {"train/loss"}


@pytest.mark.one_python
def test_tables_are_data_frames(tracker: MemoryTracker) -> None:
    """Pandas and Polars get the same columns."""
    pytest.importorskip("pandas")
    pytest.importorskip("polars")

    found = query.runs(order_by="name", tracker=tracker)

    assert list(found.to_pandas()["params.lr"]) == [0.1, 1.0]
    assert list(found.to_polars()["params.lr"]) == [0.1, 1.0]
    assert list(found.points("notes").to_pandas()["value_json"]) == ['"text"'] * 2
    assert found.points("train/loss").to_polars().height == 6


@pytest.mark.parametrize("kind", ["table", "run"])
def test_pages_escape_what_jobs_said(tracker: MemoryTracker, kind: str) -> None:
    """A notebook obeys nothing that a job has logged."""
    found = query.runs(tracker=tracker)

    page = found._repr_html_() if kind == "table" else found[0]._repr_html_()

    assert "run-2" in page
    assert "<b>cuda" not in page
    assert ("&lt;b&gt;cuda&lt;/b&gt;" in page) == (kind == "run")
    assert page.count("<div>") == page.count("</div>") == 1


def test_page_shows_the_params_that_differ(tracker: MemoryTracker) -> None:
    """What all runs share would only take room."""
    page = query.runs(tracker=tracker)._repr_html_()

    assert "params.lr" in page
    assert "params.shape" not in page


@pytest.mark.one_python
@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        (
            'SELECT name, "params.lr" AS lr FROM runs ORDER BY name',
            [{"name": "run-1", "lr": 0.1}, {"name": "run-2", "lr": 1.0}],
        ),
        (
            "SELECT count(*) AS n FROM points a JOIN points b USING (run_id, series)",
            [{"n": 22}],
        ),
        (
            "SELECT sum(number) AS s FROM params WHERE key = 'model.depth'",
            [{"s": 3.0}],
        ),
        (
            "SELECT value FROM params WHERE key = 'shape' LIMIT 1",
            [{"value": "[1,2]"}],
        ),
        (
            "SELECT DISTINCT min_step FROM series WHERE series = 'train/loss'",
            [{"min_step": 2}],
        ),
        ("SELECT DISTINCT key FROM tags", [{"key": "device"}]),
    ],
)
def test_sql_asks_runs_and_points(
    tracker: MemoryTracker, statement: str, rows: list[dict[str, object]]
) -> None:
    """Each table is there, and points may be named twice."""
    pytest.importorskip("duckdb")

    assert query.sql(statement, tracker=tracker).to_pylist() == rows


@pytest.mark.one_python
@pytest.mark.parametrize("table", ["runs", "params", "tags", "series", "points"])
def test_sql_finds_nothing_where_there_is_nothing(table: str) -> None:
    """An empty store has all tables."""
    pytest.importorskip("duckdb")
    empty = MemoryTracker()

    found = query.sql(f"FROM {table} WHERE run_id = 'x'", tracker=empty)

    assert found.num_rows == 0


@pytest.mark.one_python
@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("selec 1", "syntax error"),
        ("SELECT * FROM runz", "runz"),
        ("CREATE TABLE x (a INT)", "is not one SELECT"),
        ("SELECT 1; SELECT 2", "is not one SELECT"),
    ],
)
def test_sql_that_is_no_question_is_an_error(
    tracker: MemoryTracker, statement: str, why: str
) -> None:
    """The error says what DuckDB says."""
    pytest.importorskip("duckdb")

    with pytest.raises(QueryError, match=why):
        query.sql(statement, tracker=tracker)


def test_unknown_backend_is_an_error() -> None:
    """A name that nobody has is a clear error at the call."""
    with pytest.raises((ConfigError, LookupError), match="nobody"):
        query.runs(tracker="nobody")


def test_several_backends_are_an_error() -> None:
    """The message names the argument, not an option of the command line."""
    with pytest.raises(ConfigError, match=r"^tracker 'a,b' must name one backend$"):
        query.runs(tracker="a,b")
