"""Files of earlier versions of the tables are opened, with all that they hold."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.entries import LogEntry
from tracker_core.errors import RetryableError
from tracker_core.records import (
    ArtifactBody,
    Batch,
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
    TagsBody,
    UnknownBody,
    order_key,
    series_name,
)
from tracker_core.runs import to_datetime
from tracker_core.summaries import SeriesState
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.torture import VALUES
from tracker_core.values import Value, to_json
from tracker_core.wire import body_kind, body_to_fields
from tracker_sqlite import SqliteTracker, create
from tracker_sqlite.columns import to_columns

_VERSION_1 = """
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- What a run is; all but created_ns follows from its life cycle in records.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    experiment INTEGER REFERENCES experiments (id),
    group_id TEXT,
    parent_run_id TEXT,
    status TEXT,
    cause TEXT,                        -- JSON
    attempts TEXT NOT NULL DEFAULT '[]',  -- JSON
    created_ns INTEGER NOT NULL,
    started_ns INTEGER,
    ended_ns INTEGER
);
CREATE INDEX runs_by_creation ON runs (created_ns, run_id);
CREATE INDEX runs_by_experiment ON runs (experiment);

CREATE TABLE params (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    value,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE TABLE metadata (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    value,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE TABLE tags (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE TABLE artifacts (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    metadata TEXT,                     -- JSON
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (run, name)
);

CREATE TABLE sources (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    source_run_id TEXT NOT NULL,
    artifact_name TEXT
);
-- Not the label alone, since NULL equals nothing in a unique index.
CREATE UNIQUE INDEX sources_once
    ON sources (run, source_run_id, artifact_name IS NULL, ifnull(artifact_name, ''));
CREATE INDEX sources_by_source ON sources (source_run_id, run);

-- The summaries; state is what they are made from, so that late points can be added.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_type TEXT NOT NULL,
    first,
    last_type TEXT NOT NULL,
    last,
    min,
    max,
    mean,
    min_step INTEGER,
    max_step INTEGER,
    state TEXT NOT NULL,               -- JSON
    UNIQUE (run, name)
);
CREATE INDEX series_by_min ON series (name, min);
CREATE INDEX series_by_max ON series (name, max);
CREATE INDEX series_by_last ON series (name, last);

-- The points; the primary key is their order.
CREATE TABLE metrics (
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    row INTEGER NOT NULL,
    step INTEGER,
    type TEXT NOT NULL,
    value,
    PRIMARY KEY (series, attempt, time_ns, writer, sequence, row)
) WITHOUT ROWID;

-- Records kept word for word: the life cycle, and the history of params and artifacts.
CREATE TABLE records (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    body TEXT NOT NULL,                -- JSON
    PRIMARY KEY (run, kind, attempt, time_ns, writer, sequence)
) WITHOUT ROWID;

-- Records of a later version, until that version opens the database.
CREATE TABLE unknown (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    body TEXT NOT NULL,                -- JSON
    PRIMARY KEY (run, kind, attempt, time_ns, writer, sequence)
) WITHOUT ROWID;

-- Which records of a writer are here: from first to last, both included.
CREATE TABLE taken (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    writer TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    rank INTEGER,
    PRIMARY KEY (run, writer, first)
) WITHOUT ROWID;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


def write_version_1(path: Path, *batches: Batch) -> None:
    """Make a file as version 1 did, one run only."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(_VERSION_1)
        connection.execute(f"PRAGMA application_id = {int.from_bytes(b'Trkr', 'big')}")
        connection.execute("PRAGMA user_version = 1")
        created_ns = min(record.time_ns for b in batches for record in b.records)
        connection.execute(
            "INSERT INTO runs (id, run_id, name, created_ns) VALUES (1, ?, 'named', ?)",
            (batches[0].run_id, created_ns),
        )
        for batch in batches:
            _write_batch(connection, batch)
        connection.commit()


def _write_batch(connection: sqlite3.Connection, batch: Batch) -> None:
    writer = batch.writer
    taken = (1, writer.id, batch.first, batch.last, writer.attempt, writer.rank)
    connection.execute("INSERT INTO taken VALUES (?, ?, ?, ?, ?, ?)", taken)
    for record in batch.records:
        key = order_key(writer, record)[:4]
        _write_body(connection, key, record.body)


def _write_body(
    connection: sqlite3.Connection, key: tuple[int, int, str, int], body: Body
) -> None:
    match body:
        case ParamsBody(values) | MetadataBody(values):
            table = "params" if isinstance(body, ParamsBody) else "metadata"
            connection.executemany(
                f"INSERT INTO {table} VALUES (1, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - one of two
                [(name, *to_columns(value), *key) for name, value in values.items()],
            )
        case TagsBody(texts):
            connection.executemany(
                "INSERT INTO tags VALUES (1, ?, ?, ?, ?, ?, ?)",
                [(name, text, *key) for name, text in texts.items()],
            )
        case ArtifactBody(name, place, _):
            connection.execute(
                "INSERT INTO artifacts VALUES (1, ?, ?, NULL, ?, ?, ?, ?)",
                (name, place, *key),
            )
        case SourceBody():
            connection.execute("INSERT INTO sources VALUES (1, ?, ?)", body)
        case MetricsBody():
            _write_points(connection, key, body)
    _keep_whole(connection, key, body)


def _keep_whole(
    connection: sqlite3.Connection, key: tuple[int, int, str, int], body: Body
) -> None:
    kinds = (CreatedBody, StartedBody, EndedBody, ParamsBody, ArtifactBody)
    if isinstance(body, kinds):
        # Fields that are later than version 1 have defaults, and are not used here.
        old: dict[str, Value] = {}
        if isinstance(body, ArtifactBody):
            old["metadata"] = None
        row = (body_kind(body), *key, to_json(old | body_to_fields(body)))
        connection.execute("INSERT INTO records VALUES (1, ?, ?, ?, ?, ?, ?)", row)
    elif isinstance(body, LogBody | ColumnsBody | SpanBody | UnknownBody):
        row = (body_kind(body), *key, to_json(body_to_fields(body)))
        connection.execute("INSERT INTO unknown VALUES (1, ?, ?, ?, ?, ?, ?)", row)


def _write_points(
    connection: sqlite3.Connection, key: tuple[int, int, str, int], body: MetricsBody
) -> None:
    for row, (stream, fields) in enumerate(body.streams.items()):
        for field, value in fields.items():
            name = series_name(stream, field)
            state = SeriesState()
            state.add((*key, row), body.step, value)
            connection.execute(
                "INSERT INTO series (run, name, count, first_type, last_type, state) "
                "VALUES (1, ?, 1, 'null', 'null', ?) ON CONFLICT DO NOTHING",
                (name, to_json(state.to_value())),
            )
            connection.execute(
                "INSERT INTO metrics VALUES ((SELECT id FROM series WHERE name = ?), "
                "?, ?, ?, ?, ?, ?, ?, ?)",
                (name, *key, row, body.step, *to_columns(value)),
            )


def _story() -> list[Batch]:
    """Return what two attempts log, the second from an earlier step on."""
    first, second = Pen("run", "a", attempt=1, rank=0), Pen("run", "b", 2, 0)
    every = {f"key{number}": value for number, value in enumerate(VALUES)}
    points = [MetricsBody(step, {"train": {"loss": step / 7}}) for step in range(99)]
    rewound = [MetricsBody(step, {"train": {"loss": 1}}) for step in range(50, 60)]
    said: list[Body] = [
        CreatedBody("named", "iris", "group", "parent"),
        StartedBody("job"),
        ParamsBody(every),
        MetadataBody({f"m{key}": value for key, value in every.items()}),
        TagsBody({"device": "cpu"}),
        ArtifactBody("model", "one", None),
        SourceBody("data", None),
        SourceBody("data", "label"),
        MetricsBody(None, {"": every}),
        *points,
        EndedBody("job", "FAILED", {"kind": "exit_code", "exit_code": 3}),
    ]
    return [first.log(*said), second.log(StartedBody("job"), *rewound)]


# Made once: each pen is a writer of its own.
_BATCHES = _story()


@pytest.fixture
def migrated(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on a file of version 1 that holds the story."""
    write_version_1(path, *_BATCHES)
    with closing(create(str(path))) as tracker:
        yield tracker


def test_data_of_version_1_is_there(migrated: SqliteTracker) -> None:
    """All reads tell what the model tells, rewound points passed over.

    But those of what the run is, whose columns are not made up above.
    """
    model = MemoryTracker()
    for batch in _BATCHES:
        model.write(batch)

    told, expected = answers(migrated, "run"), answers(model, "run")

    assert {name: told[name] for name in told if name != "run"} == {
        name: expected[name] for name in expected if name != "run"
    }


def test_migrated_run_takes_more(migrated: SqliteTracker) -> None:
    """Records are taken as ever, and those that were taken are passed over."""
    model = MemoryTracker()
    more = Pen("run", "c", attempt=2, rank=0).log(
        MetricsBody(40, {"train": {"loss": 0.5}}), EndedBody("job", "FINISHED", None)
    )
    for batch in (*_BATCHES, more):
        model.write(batch)

    for batch in (*_BATCHES, more):
        migrated.write(batch)

    assert answers(migrated, "run") == answers(model, "run")


def test_migrated_tables_are_those_of_a_new_file(
    path: Path, migrated: SqliteTracker, tmp_path: Path
) -> None:
    """Names, columns and indexes; only the order of columns may differ."""
    migrated.flush()
    new = tmp_path / "new.db"
    create(str(new)).close()

    assert _shape(path) == _shape(new)


def _shape(path: Path) -> set[tuple[object, ...]]:
    statement = (
        "SELECT found.type, found.name, found.tbl_name, columns.name, columns.type, "
        "columns.pk FROM sqlite_master AS found "
        "LEFT JOIN pragma_table_info(found.name) AS columns"
    )
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()
        return {version, *connection.execute(statement)}


def test_records_of_later_kinds_are_taken_up(path: Path) -> None:
    """What version 1 only kept is read now, and what is still unknown stays."""
    pen = Pen("run", rank=3)
    columns = ColumnsBody("a", [1, 2], {"v": [0.5, 0.25]})
    said: list[Body] = [
        LogBody("info", "hello", None),
        columns,
        SpanBody("trace", "span"),
        UnknownBody("hologram", {"x": 1}),
    ]
    write_version_1(path, pen.log(MetricsBody(0, {"a": {"v": 1.0}}), *said))

    with closing(create(str(path))) as tracker:
        values = tracker.points("run", "a/v").values
        (entry,) = tracker.logs("run")
        info = tracker.run("run")

    assert list(values) == [1.0, 0.5, 0.25]
    assert (info.trace_id, info.span_id) == ("trace", "span")
    assert exact(entry) == exact(LogEntry(entry.time_ns, "info", "hello", None))
    with closing(sqlite3.connect(path)) as connection:
        kinds = connection.execute("SELECT kind FROM unknown").fetchall()
    assert kinds == [("hologram",)]


def test_migration_that_fails_leaves_version_1(path: Path) -> None:
    """All of it is one transaction."""
    write_version_1(path, *_BATCHES)
    with closing(sqlite3.connect(path)) as connection:
        # Nothing that version 1 wrote: the migration stops half-way.
        connection.execute("UPDATE metrics SET type = 'list', value = 'no JSON'")
        connection.commit()
        before = list(connection.iterdump())

    with pytest.raises(ValueError, match="Expecting value"):
        create(str(path))

    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_file_of_version_2_keeps_heartbeats_from_now_on(
    path: Path, tmp_path: Path
) -> None:
    """It has a column more, and holds what it held."""
    model = MemoryTracker()
    with closing(create(str(path))) as tracker:
        for batch in _BATCHES:
            tracker.write(batch)
            model.write(batch)
    with closing(sqlite3.connect(path)) as connection:
        # All that version 2 lacks.
        connection.execute("DROP TABLE removed")
        connection.execute("DROP TABLE unused")
        connection.execute("ALTER TABLE runs DROP COLUMN heartbeat_ns")
        connection.execute("PRAGMA user_version = 2")

    with closing(create(str(path))) as tracker:
        told = answers(tracker, "run")
        tracker.beat("run", 7_000)
        heartbeat_at = tracker.run("run").heartbeat_at

    assert told == answers(model, "run")
    assert heartbeat_at == to_datetime(7_000)
    new = tmp_path / "new.db"
    create(str(new)).close()
    assert _shape(path) == _shape(new)


def test_migration_waits_for_other_processes(path: Path) -> None:
    """A writer of version 1 that is busy makes it a matter of trying again."""
    write_version_1(path, *_BATCHES)

    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetryableError, match="locked"):
            SqliteTracker(path, busy_timeout=0.01)
        writer.execute("ROLLBACK")

    with closing(SqliteTracker(path)) as tracker:
        assert list(tracker.run_ids()) == ["run"]


def test_attempts_without_facts_are_read(path: Path) -> None:
    """Earlier versions kept less of an attempt, in the same column."""
    with closing(create(str(path))) as tracker:
        tracker.write(_BATCHES[0])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE runs SET attempts = json_remove("
            "attempts, '$[0].host', '$[0].exit_code', '$[0].peak_memory_bytes')"
        )

    with closing(create(str(path))) as tracker:
        (attempt,) = tracker.run("run").attempts

    assert (attempt.status, attempt.host, attempt.exit_code) == ("FAILED", None, None)
