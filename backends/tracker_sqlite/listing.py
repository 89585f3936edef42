"""The answers about many runs."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tracker_core.api import Query
from tracker_core.experiments import Experiment
from tracker_core.fields import Ordering
from tracker_core.matching import select
from tracker_core.runs import RunInfo, to_datetime
from tracker_core.selection import Selection, to_selection
from tracker_core.summaries import Summary
from tracker_core.values import Value
from tracker_sqlite import reading
from tracker_sqlite.columns import to_limit
from tracker_sqlite.conditions import Sql, TooComplexError, to_sql
from tracker_sqlite.lifecycle import RUN_COLUMNS, info_from_row, mapping_from_json
from tracker_sqlite.ordering import NEWEST_FIRST, sorting, walk
from tracker_sqlite.series import summaries

__all__ = ["experiments", "run_ids", "runs"]

_EXPERIMENTS = """
SELECT name,
    (SELECT experiment_config FROM runs
        WHERE experiment = experiments.id AND experiment_config IS NOT NULL
        ORDER BY created_ns DESC, run_id DESC LIMIT 1),
    count, first_ns, last_ns
FROM experiments JOIN (
    SELECT experiment, count(*) AS count, min(created_ns) AS first_ns,
        max(created_ns) AS last_ns
    FROM runs GROUP BY experiment
) AS runs_of ON runs_of.experiment = experiments.id
ORDER BY last_ns DESC,
    (SELECT run_id FROM runs WHERE experiment = experiments.id
        ORDER BY created_ns DESC, run_id DESC LIMIT 1) DESC
"""


def runs(
    connection: sqlite3.Connection,
    query: Query,
    order_by: str | None,
    limit: int | None,
) -> list[RunInfo]:
    """Return runs, as :meth:`NativeTracker.runs` says."""
    selection = to_selection(query, order_by, limit)
    try:
        condition = to_sql(selection.condition)
    except TooComplexError:
        return select(_facts(connection), *selection, limit)
    return _walked(connection, condition, selection, limit) or _sorted(
        connection, condition, selection.order, limit
    )


def experiments(connection: sqlite3.Connection) -> list[Experiment]:
    """Return the experiments, the one with the newest run first."""
    return [
        Experiment(
            name, mapping_from_json(config), count, *map(to_datetime, (first, last))
        )
        for name, config, count, first, last in connection.execute(_EXPERIMENTS)
    ]


def run_ids(connection: sqlite3.Connection, parent_run_id: str | None) -> list[str]:
    """Return the ids of all runs, or of those that used one, the newest first."""
    if parent_run_id is None:
        rows = connection.execute(
            "SELECT run_id FROM runs ORDER BY created_ns DESC, run_id DESC"
        )
    else:
        rows = connection.execute(
            "SELECT run_id FROM (SELECT DISTINCT run FROM sources "
            "WHERE source_run_id = ?) JOIN runs ON runs.id = run "
            "ORDER BY created_ns DESC, run_id DESC",
            (parent_run_id,),
        )
    return [run_id for (run_id,) in rows]


def _sorted(
    connection: sqlite3.Connection,
    condition: Sql,
    order: tuple[Ordering, ...],
    limit: int | None,
) -> list[RunInfo]:
    joins, terms, keys = sorting(order)
    rows = connection.execute(
        f"SELECT {RUN_COLUMNS} {joins} WHERE {condition.text} ORDER BY {terms} LIMIT ?",
        (*keys, *condition.parameters, to_limit(limit)),
    )
    return [info_from_row(row) for row in rows]


def _walked(
    connection: sqlite3.Connection,
    condition: Sql,
    selection: Selection,
    limit: int | None,
) -> list[RunInfo]:
    """Return as many runs as the limit says, or nothing when an index cannot tell."""
    path = walk(selection.order)
    if path is None or not limit:
        return []
    (is_hidden,) = connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM {path.table} WHERE {path.before})",  # noqa: S608 - the words are ours
        (path.key,),
    ).fetchone()
    if is_hidden:
        return []
    # A cross join keeps the order of the tables, and so the walk.
    columns = RUN_COLUMNS.replace("FROM runs", f"FROM {path.table} CROSS JOIN runs")
    where = f"{path.where} AND runs.id = {path.table}.run AND {condition.text}"
    rows = connection.execute(
        f"SELECT {columns} WHERE {where} ORDER BY {path.terms} LIMIT ?",
        (path.key, *condition.parameters, to_limit(limit)),
    ).fetchall()
    return [info_from_row(row) for row in rows] if len(rows) == limit else []


class _Facts(NamedTuple):
    """One run, read when a condition needs it."""

    connection: sqlite3.Connection
    key: int
    known: RunInfo

    @property
    def run_id(self) -> str:
        return self.known.run_id

    def info(self) -> RunInfo:
        return self.known

    def params(self) -> Mapping[str, Value]:
        return reading.params(self.connection, self.known.run_id)

    def tags(self) -> Mapping[str, str]:
        return reading.tags(self.connection, self.known.run_id)

    def metadata(self) -> Mapping[str, Value]:
        return reading.metadata(self.connection, self.known.run_id)

    def series(self) -> Mapping[str, Summary]:
        return summaries(self.connection, self.key)


def _facts(connection: sqlite3.Connection) -> Iterator[_Facts]:
    rows = connection.execute(f"SELECT {RUN_COLUMNS} ORDER BY {NEWEST_FIRST}")
    for row in rows:
        known = info_from_row(row)
        yield _Facts(connection, reading.key_of(connection, known.run_id), known)
