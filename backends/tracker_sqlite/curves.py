"""Series: their points as rows, and their summaries as columns."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from tracker_core.points import Points
from tracker_core.summaries import SeriesState, Summary
from tracker_core.values import Value, from_json, to_json
from tracker_sqlite.columns import Column, from_columns, to_columns, to_number

if TYPE_CHECKING:
    from tracker_core.records import OrderKey

__all__ = ["Point", "add_points", "points", "summaries"]

Point: TypeAlias = "tuple[OrderKey, int | None, Value]"
"""Its place in the order of the run, its step and its value."""

_KEEP_SERIES = """
INSERT INTO series (run, name, count, first_type, first, last_type, last,
    min, max, mean, min_step, max_step, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, name) DO UPDATE SET
    count = excluded.count,
    first_type = excluded.first_type, first = excluded.first,
    last_type = excluded.last_type, last = excluded.last,
    min = excluded.min, max = excluded.max, mean = excluded.mean,
    min_step = excluded.min_step, max_step = excluded.max_step,
    state = excluded.state
"""
_KEEP_POINT = """
INSERT INTO metrics (series, attempt, time_ns, writer, sequence, row, step, type, value)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT_POINTS = """
SELECT step, time_ns, type, value FROM metrics
WHERE series = (SELECT id FROM series WHERE run = ? AND name = ?)
ORDER BY attempt, time_ns, writer, sequence, row
LIMIT ? OFFSET ?
"""


def add_points(
    connection: sqlite3.Connection, run: int, name: str, added: Iterable[Point]
) -> None:
    """Add points to a series, and to its summary; each comes once."""
    state = _state(connection, run, name)
    rows: list[tuple[Column, ...]] = []
    for key, step, value in added:
        state.add(key, step, value)
        rows.append((*key, step, *to_columns(value)))
    summary = _summary_to_columns(state.summary())
    connection.execute(_KEEP_SERIES, (run, name, *summary, to_json(state.to_value())))
    (series,) = connection.execute(
        "SELECT id FROM series WHERE run = ? AND name = ?", (run, name)
    ).fetchone()
    connection.executemany(_KEEP_POINT, [(series, *row) for row in rows])


def summaries(connection: sqlite3.Connection, run: int) -> dict[str, Summary]:
    """Return the summary of each series, exact to the bit, sorted by name."""
    rows = connection.execute(
        "SELECT name, state FROM series WHERE run = ? ORDER BY name", (run,)
    )
    return {name: _state_from_json(state).summary() for name, state in rows}


def points(
    connection: sqlite3.Connection, run: int, name: str, start: int, limit: int | None
) -> Points:
    """Return points of a series in the order of the run."""
    found = connection.execute(
        _SELECT_POINTS, (run, name, -1 if limit is None else limit, start)
    )
    return Points(
        ((step, time_ns, from_columns(*value)) for step, time_ns, *value in found),
        start,
    )


def _state(connection: sqlite3.Connection, run: int, name: str) -> SeriesState:
    row = connection.execute(
        "SELECT state FROM series WHERE run = ? AND name = ?", (run, name)
    ).fetchone()
    return SeriesState() if row is None else _state_from_json(row[0])


def _state_from_json(text: str) -> SeriesState:
    return SeriesState.from_value(cast("Mapping[str, Value]", from_json(text)))


def _summary_to_columns(summary: Summary) -> tuple[Column, ...]:
    return (
        summary.count,
        *to_columns(summary.first),
        *to_columns(summary.last),
        to_number(summary.min),
        to_number(summary.max),
        summary.mean,
        summary.min_step,
        summary.max_step,
    )
