"""The tables of version 4, as SQL that makes them where they are not there yet.

Ids of the user are text; tables point to each other by integer keys: ``run`` means
``runs.id`` and ``series`` in ``metrics`` means ``series.id``. Times are nanoseconds
since 1970. A value is two columns, ``type`` and ``value``
(:mod:`tracker_sqlite.columns`). The columns ``attempt``, ``time_ns``, ``writer`` and
``sequence`` are the place of a record in the one order of its run; among rows of one
key the greatest is the one that is kept.
"""

__all__ = ["STATEMENTS"]

_ORDER = """
    attempt INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    writer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
"""
_OF_RUN = "run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE"
_IN_ORDER = "attempt, time_ns, writer, sequence"

_EXPERIMENTS = """
CREATE TABLE IF NOT EXISTS experiments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
)
"""
# What a run is: its created_ns, what spans say last, when it was last seen alive, and
# what follows from the life cycle in records.
_RUNS = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    experiment INTEGER REFERENCES experiments (id),
    experiment_config TEXT,            -- JSON
    group_id TEXT,
    parent_run_id TEXT,
    trace_id TEXT,
    span_id TEXT,
    status TEXT,
    cause TEXT,                        -- JSON
    attempts TEXT NOT NULL DEFAULT '[]',  -- JSON
    created_ns INTEGER NOT NULL,
    started_ns INTEGER,
    ended_ns INTEGER,
    heartbeat_ns INTEGER
)
"""


def _latest(table: str) -> str:
    """Return the table of the last value of each key."""
    return f"""
CREATE TABLE IF NOT EXISTS {table} (
    {_OF_RUN},
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    value,{_ORDER}    PRIMARY KEY (run, key)
)
"""


def _latest_text(table: str) -> str:
    """Return the table of the last text of each key."""
    return f"""
CREATE TABLE IF NOT EXISTS {table} (
    {_OF_RUN},
    key TEXT NOT NULL,
    value TEXT NOT NULL,{_ORDER}    PRIMARY KEY (run, key)
)
"""


_ARTIFACTS = f"""
CREATE TABLE IF NOT EXISTS artifacts (
    {_OF_RUN},
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    metadata TEXT,                     -- JSON
    digest TEXT,
    size_bytes INTEGER,
    media_type TEXT,
    kind TEXT,
    role TEXT,{_ORDER}    PRIMARY KEY (run, name)
)
"""
_SOURCES = f"""
CREATE TABLE IF NOT EXISTS sources (
    {_OF_RUN},
    source_run_id TEXT NOT NULL,
    artifact_name TEXT
)
"""
# Not the label alone, since NULL equals nothing in a unique index.
_SOURCES_ONCE = """
CREATE UNIQUE INDEX IF NOT EXISTS sources_once
ON sources (run, source_run_id, artifact_name IS NULL, ifnull(artifact_name, ''))
"""
# The summaries. What they are made from, so that late points can be added: state of the
# points that stand, extents of the steps of all. Pile counts small blocks.
_SERIES = f"""
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    {_OF_RUN},
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
    extents TEXT NOT NULL,             -- JSON
    pile INTEGER NOT NULL,
    UNIQUE (run, name)
)
"""
_METRICS = """
CREATE TABLE IF NOT EXISTS metrics (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    writer TEXT NOT NULL,
    first_ns INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    count INTEGER NOT NULL,
    max_step INTEGER,
    data BLOB NOT NULL
)
"""
_LOGS = f"""
CREATE TABLE IF NOT EXISTS logs (
    {_OF_RUN},{_ORDER}    level TEXT NOT NULL,
    message TEXT NOT NULL,
    metadata TEXT,                     -- JSON
    PRIMARY KEY (run, {_IN_ORDER})
) WITHOUT ROWID
"""
# The timestamp has no declared type, in which SQLite would lose the sign of a zero.
_TRACKS = f"""
CREATE TABLE IF NOT EXISTS tracks (
    {_OF_RUN},
    topic TEXT NOT NULL,
    timestamp,{_ORDER}    fields TEXT NOT NULL,              -- JSON
    PRIMARY KEY (run, topic, timestamp, {_IN_ORDER})
) WITHOUT ROWID
"""
_STEPS = f"""
CREATE TABLE IF NOT EXISTS steps (
    {_OF_RUN},{_ORDER}    step TEXT NOT NULL,
    execution TEXT NOT NULL,
    status TEXT NOT NULL,
    cause TEXT,                        -- JSON
    PRIMARY KEY (run, {_IN_ORDER})
) WITHOUT ROWID
"""


def _whole(table: str) -> str:
    """Return the table of records that are kept word for word."""
    return f"""
CREATE TABLE IF NOT EXISTS {table} (
    {_OF_RUN},
    kind TEXT NOT NULL,{_ORDER}    body TEXT NOT NULL,                -- JSON
    PRIMARY KEY (run, kind, {_IN_ORDER})
) WITHOUT ROWID
"""


# Which records of a writer are here: from first to last, both included.
_TAKEN = f"""
CREATE TABLE IF NOT EXISTS taken (
    {_OF_RUN},
    writer TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    rank INTEGER,
    PRIMARY KEY (run, writer, first)
) WITHOUT ROWID
"""
# Whose records are passed over: the writers of runs that were removed.
_REMOVED = """
CREATE TABLE IF NOT EXISTS removed (
    run_id TEXT NOT NULL,
    writer TEXT NOT NULL,
    PRIMARY KEY (run_id, writer)
) WITHOUT ROWID
"""
# The content that runs which were removed have named.
_UNUSED = """
CREATE TABLE IF NOT EXISTS unused (digest TEXT PRIMARY KEY) WITHOUT ROWID
"""
# Those by value hold all that a filter asks for; those of series serve sorting too.
_INDEXES = {
    "runs_by_creation": "runs (created_ns, run_id)",
    "runs_by_experiment": "runs (experiment, created_ns, run_id)",
    "runs_by_group": "runs (group_id)",
    "runs_by_status": "runs (status)",
    "params_by_value": "params (key, value, type, run)",
    "metadata_by_value": "metadata (key, value, type, run)",
    "tags_by_value": "tags (key, value, run)",
    "sources_by_source": "sources (source_run_id, run)",
    "series_by_min": "series (name, min, run)",
    "series_by_max": "series (name, max, run)",
    "series_by_last": "series (name, last, last_type, run)",
    "metrics_in_order": (
        "metrics (series, attempt, first_ns, writer, first_sequence, first_row)"
    ),
}

STATEMENTS = (
    _EXPERIMENTS,
    _RUNS,
    *map(_latest, ("params", "metadata", "provenance")),
    *map(_latest_text, ("tags", "spans")),
    _ARTIFACTS,
    _SOURCES,
    _SERIES,
    _METRICS,
    _LOGS,
    _TRACKS,
    _STEPS,
    # The life cycle, and the history of params and artifacts.
    _whole("records"),
    # Records of a later version, until that version opens the database.
    _whole("unknown"),
    _TAKEN,
    _REMOVED,
    _UNUSED,
    _SOURCES_ONCE,
    *(f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in _INDEXES.items()),
)
"""What makes all tables and indexes; each statement may be repeated."""
