"""The tables of the sqlite backend: what plain SQL finds in them."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.errors import InvalidValueError, PermanentError, RunNotFoundError
from tracker_core.records import (
    ArtifactBody,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    SourceBody,
    SpanBody,
    StartedBody,
    UnknownBody,
)
from tracker_core.runs import to_datetime
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import VALUES
from tracker_sqlite import SqliteTracker, create, register_functions

if TYPE_CHECKING:
    from tracker_core.values import Value

_PAGE = (Path(__file__).parents[2] / "docs" / "backend-sqlite.md").read_text("utf-8")
_BEST_RUNS, *_OTHER_QUERIES = re.findall(r"(?s)```sql\n(.*?)```", _PAGE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on that path."""
    tracker = create(str(path))
    yield tracker
    tracker.close()


def select(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Return what plain SQL finds, as any program would ask."""
    with closing(sqlite3.connect(path)) as connection:
        register_functions(connection)
        return connection.execute(statement).fetchall()


def test_sql_finds_the_best_runs_by_an_index(
    path: Path, tracker: SqliteTracker
) -> None:
    """The documented query is an index look-up, and sorts numbers of all sizes."""
    losses: dict[str, list[Value]] = {
        "nothing": ["text", float("nan")],
        "worst": [float("inf")],
        "large": [2**70, 10**400],
        "third": [3, 2.5, 4],
        "second": [2, True],
        "first": [-(2**70), 1],
    }
    for run_id, values in losses.items():
        logged = (MetricsBody(9, {"test": {"loss": value}}) for value in values)
        tracker.write(Pen(run_id).log(*logged))

    best = select(path, _BEST_RUNS)
    plan = str(select(path, f"EXPLAIN QUERY PLAN {_BEST_RUNS}"))

    assert [row[0] for row in best] == ["first", "second", "third", "large", "worst"]
    assert best[1:3] == [("second", 2, 9), ("third", 2.5, 9)]
    assert "USING INDEX series_by_min" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.usefixtures("tracker")
def test_documentation_names_every_table_and_column(path: Path) -> None:
    """The page on the backend is complete, and its queries run."""
    columns = select(
        path,
        "SELECT tables.name, columns.name FROM sqlite_master AS tables "
        "JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'",
    )

    names = {f"`{name}`" for row in columns for name in row}
    assert {name for name in names if name not in _PAGE} == set()
    assert [select(path, query) for query in _OTHER_QUERIES] == [[], [], []]


def test_sql_reads_a_curve(path: Path, tracker: SqliteTracker) -> None:
    """The documented query gives step, time and value of each point, in order."""
    pen = Pen("run")
    tracker.write(pen.log(CreatedBody("quick-hopper-0544")))
    for first in (0, 3):
        values: list[Value] = [0.5, first + 1, "text"]
        steps = list(range(first, first + 3))
        tracker.write(pen.log(ColumnsBody("train", steps, {"loss": values})))

    found = select(path, _OTHER_QUERIES[1])

    points = tracker.points("run", "train/loss")
    assert found == [(step, time_ns, value) for _, step, time_ns, value in points]
    assert len(found) == 6


def test_sql_sees_values_with_their_types(path: Path, tracker: SqliteTracker) -> None:
    """Numbers are numbers and texts are texts, and NaN does not vanish."""
    values: dict[str, Value] = {
        "a": 3,
        "b": 3.0,
        "c": True,
        "d": "3",
        "e": None,
        "f": [3],
        "g": 2**63,
        "h": float("nan"),
        "i": float("-inf"),
    }
    tracker.write(Pen("run").log(ParamsBody(values)))

    rows = select(path, "SELECT type, typeof(value), value FROM params ORDER BY key")

    assert rows == [
        ("int", "integer", 3),
        ("float", "real", 3.0),
        ("bool", "integer", 1),
        ("text", "text", "3"),
        ("null", "null", None),
        ("list", "text", "[3]"),
        ("int", "text", "9223372036854775808"),
        ("float", "text", '{"$float":"nan"}'),
        ("float", "real", float("-inf")),
    ]


def test_sql_sees_runs_and_experiments(path: Path, tracker: SqliteTracker) -> None:
    """Status, cause and times stand in plain columns."""
    pen = Pen("run")
    cause: dict[str, Value] = {"kind": "exit_code", "exit_code": 3}
    tracker.write(pen.log(CreatedBody("named", "iris", "group", "parent")))
    tracker.write(pen.log(StartedBody("launcher")))
    tracker.write(pen.log(EndedBody("launcher", "FAILED", cause)))

    rows = select(
        path,
        "SELECT runs.name, experiments.name, group_id, parent_run_id, status, "
        "json_extract(cause, '$.exit_code'), created_ns, ended_ns - started_ns "
        "FROM runs JOIN experiments ON experiments.id = runs.experiment",
    )

    expected = ("named", "iris", "group", "parent", "FAILED", 3)
    assert rows == [(*expected, START_NS + 1_000_000, 1_000_000)]


def test_history_of_params_and_artifacts_is_kept(
    path: Path, tracker: SqliteTracker
) -> None:
    """What a later value replaced stays in the records."""
    pen = Pen("run")
    said: list[Body] = [
        ParamsBody({"lr": 0.1}),
        ParamsBody({"lr": 0.2}),
        ArtifactBody("model", "one", None),
        ArtifactBody("model", "two", {"epoch": 2}),
    ]
    tracker.write(pen.log(*said))

    rows = select(path, "SELECT kind, body FROM records ORDER BY sequence")

    assert [(kind, json.loads(str(body))) for kind, body in rows] == [
        ("params", {"values": {"lr": 0.1}}),
        ("params", {"values": {"lr": 0.2}}),
        ("artifact", {"name": "model", "path": "one", "metadata": None}),
        ("artifact", {"name": "model", "path": "two", "metadata": {"epoch": 2}}),
    ]


def test_spans_are_one_row_for_each_key(path: Path, tracker: SqliteTracker) -> None:
    """However often a span is set, what a batch costs does not grow."""
    pen = Pen("run")
    spans = (SpanBody(None, f"span{number}") for number in range(100))
    tracker.write(pen.log(CreatedBody("named"), SpanBody("trace", None), *spans))

    rows = select(path, "SELECT key, value, sequence FROM spans ORDER BY key")
    records = select(path, "SELECT kind FROM records")

    assert rows == [("span_id", "span99", 102), ("trace_id", "trace", 2)]
    assert records == [("created",)]


def test_late_span_does_not_replace_a_later_one(tracker: SqliteTracker) -> None:
    """The order of the run decides, for each key by itself, not that of arrival."""
    pen = Pen("run")
    pen.log(SpanBody("first", "early"), SpanBody(None, "late"), StartedBody("job"))
    tracker.write(pen.batch(2, 3))

    tracker.write(pen.batch(1, 1))

    info = tracker.run("run")
    assert (info.trace_id, info.span_id) == ("first", "late")
    assert info.status == "RUNNING"


def test_sql_sees_heartbeats(path: Path, tracker: SqliteTracker) -> None:
    """The newest one, in nanoseconds; NULL where nobody watches."""
    for run_id in ("watched", "silent"):
        tracker.add_metadata(run_id, key=1)

    for time_ns in (5, 7, 6):
        tracker.beat("watched", time_ns)

    rows = select(path, "SELECT run_id, heartbeat_ns FROM runs ORDER BY run_id")
    assert rows == [("silent", None), ("watched", 7)]
    assert tracker.run("watched").heartbeat_at == to_datetime(7)


@pytest.mark.parametrize("order_by", [None, "metrics.v DESC"])
def test_limit_beyond_64_bits_is_no_limit(
    tracker: SqliteTracker, order_by: str | None
) -> None:
    """SQLite takes no such number, and callers need not know."""
    tracker.write(
        Pen("run").log(MetricsBody(0, {"": {"v": 1}}), LogBody("info", "x", None))
    )

    runs = tracker.runs(order_by=order_by, limit=2**64)
    logs = tracker.logs("run", limit=2**64)

    assert (len(runs), len(logs)) == (1, 1)


def test_unknown_records_are_kept(path: Path, tracker: SqliteTracker) -> None:
    """A record of a later version waits, whole and in its place in the order."""
    pen = Pen("run", "writer", attempt=2)
    body = UnknownBody("ended", {"role": "job", "x": [float("nan")]})
    tracker.write(pen.log(body))

    rows = select(path, "SELECT kind, attempt, time_ns, sequence, body FROM unknown")

    text = '{"role":"job","x":[{"$float":"nan"}]}'
    assert rows == [("ended", 2, START_NS + 1_000_000, 1, text)]
    assert tracker.run("run").status is None


def test_taken_is_one_row_for_each_unbroken_range(
    path: Path, tracker: SqliteTracker
) -> None:
    """Batches that touch grow together, and a filled gap joins its neighbours."""
    pen = Pen("run", rank=3)
    pen.log(*(MetadataBody({"key": number}) for number in range(9)))
    statement = "SELECT first, last, attempt, rank FROM taken ORDER BY first"

    for first, last in [(1, 2), (7, 8), (2, 3), (5, 5)]:
        tracker.write(pen.batch(first, last))
    apart = select(path, statement)
    tracker.write(pen.batch(4, 6))
    joined = select(path, statement)

    assert apart == [(1, 3, 1, 3), (5, 5, 1, 3), (7, 8, 1, 3)]
    assert joined == [(1, 8, 1, 3)]


def test_deleting_a_run_deletes_what_belongs_to_it(
    path: Path, tracker: SqliteTracker
) -> None:
    """Foreign keys hold the tables together, also for plain SQL."""
    metrics = MetricsBody(0, {"": {"v": 1}})
    for run_id in ("one", "two"):
        source = SourceBody("data", None)
        tracker.write(Pen(run_id).log(metrics, ParamsBody({"a": 1}), source))

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("DELETE FROM runs WHERE run_id = 'one'")
    connection.commit()
    connection.close()

    tables = ("params", "sources", "series", "metrics", "records", "taken")
    counts = [select(path, f"SELECT count(*) FROM {name}") for name in tables]  # noqa: S608 - the names are those above
    assert counts == [[(1,)]] * len(tables)
    assert list(tracker.run_ids()) == ["two"]
    assert list(tracker.points("two", "v").values) == [1]


def test_values_survive_as_params_metadata_and_metrics(
    tracker: SqliteTracker,
) -> None:
    """Every value comes back by type and bits, wherever it was logged."""
    values = {f"key{number}": value for number, value in enumerate(VALUES)}
    tracker.write(
        Pen("run").log(
            ParamsBody(values), MetadataBody(values), MetricsBody(0, {"": values})
        )
    )

    last = {name: found.last for name, found in tracker.series("run").items()}
    points = {name: tracker.points("run", name).values[0] for name in values}

    assert exact(tracker.params("run")) == exact(values)
    assert exact(tracker.metadata("run")) == exact(values)
    assert exact(last) == exact(points) == exact(values)


def test_too_large_number_is_refused_for_ever(tracker: SqliteTracker) -> None:
    """A batch that SQLite cannot hold is refused whole."""
    pen = Pen("run")

    with pytest.raises(PermanentError, match="cannot hold"):
        tracker.write(pen.log(ParamsBody({"a": 1}), MetricsBody(2**63, {"": {"v": 1}})))

    assert list(tracker.run_ids()) == []


def test_run_ids_refuses_unknown_filters(tracker: SqliteTracker) -> None:
    """A filter of another name is an error, not an answer without it."""
    with pytest.raises(InvalidValueError, match="experiment"):
        tracker.run_ids(experiment="iris")


def test_run_id_with_a_lone_surrogate_is_unknown(tracker: SqliteTracker) -> None:
    """No run can have such an id, so asking for it is no fault of the store."""
    assert tracker.metadata("\ud800") == {}
    with pytest.raises(RunNotFoundError):
        tracker.params("\ud800")
