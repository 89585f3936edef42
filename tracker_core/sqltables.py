"""Runs and their points as tables that SQL can ask; the module needs DuckDB.

Points are written to a nameless Parquet file for as long as the question takes, so
that they need not fit into memory, and a statement may name them more than once.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from tracker_core.arrow import parquet_pieces, table_of_rows
from tracker_core.errors import QueryError
from tracker_core.exporting import points_of_runs
from tracker_core.metrics import is_number
from tracker_core.query import RunTable, StoredRun
from tracker_core.values import Value, to_json

__all__ = ["answer"]


def answer(statement: str, runs: RunTable) -> pa.Table:
    """Return what a statement says of runs.

    Raises:
        QueryError: DuckDB does not understand it, or it is no question.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tracker-") as folder,
        duckdb.connect() as connection,
    ):
        try:
            _check(connection, statement)
            # Making a table that is not meant costs time, and nothing else.
            words = {*re.findall(r"\w+", statement.lower())}
            if words == {"show", "tables"}:
                words, runs = {*_MAKERS, "points"}, runs[:0]
            for name in words & _MAKERS.keys():
                connection.register(name, _MAKERS[name](runs))
            if "points" in words:
                file = _points_file(runs, Path(folder))
                connection.read_parquet(str(file)).create_view("points")
            return connection.sql(statement).to_arrow_table()
        except duckdb.Error as error:
            message = f"DuckDB cannot answer: {error}"
            if str(error).startswith("Catalog Error: Table"):
                # It would offer tables of its own.
                said = message.partition("!")[0]
                message = f"{said}; the tables are {', '.join(_MAKERS)}, points"
            raise QueryError(message) from error


def _check(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    found = connection.extract_statements(statement)
    if [one.type for one in found] != [duckdb.StatementType.SELECT]:
        message = f"the SQL {statement!r} is not one SELECT; ask one question at a time"
        raise QueryError(message)


def _points_file(runs: RunTable, folder: Path) -> Path:
    infos = [run.info for run in runs]
    path = folder / "points.parquet"
    with path.open("wb") as file, runs.tracker.turn:
        tables = points_of_runs(runs.tracker, infos)
        for piece in parquet_pieces(
            (run.run_id, run.experiment, series, points)
            for run, series, points in tables
        ):
            file.write(piece)
    return path


def _pairs(runs: Iterable[StoredRun], kind: str) -> Iterator[dict[str, object]]:
    for run in runs:
        found = run.params if kind == "params" else run.tags
        for key, value in found.items():
            yield {
                "run_id": run.run_id,
                "key": key,
                "value": value if isinstance(value, str) else to_json(value),
                "number": _number(value),
            }


def _series(runs: Iterable[StoredRun]) -> Iterator[dict[str, object]]:
    for run in runs:
        for name, summary in run.series.items():
            said = {part: getattr(summary, part, None) for part in _SUMMARY}
            yield {**said, "run_id": run.run_id, "series": name}


def _number(value: Value) -> float | None:
    if not is_number(value):
        return None
    try:
        return float(value)
    except OverflowError:  # beyond every double
        return None


_PAIR = {"run_id": str, "key": str, "value": str, "number": float}
_SUMMARY = {
    "run_id": str,
    "series": str,
    "count": int,
    "first": float,
    "last": float,
    "min": float,
    "max": float,
    "mean": float,
    "min_step": int,
    "max_step": int,
}
_MAKERS: Mapping[str, Callable[[RunTable], pa.Table]] = {
    "runs": RunTable.to_arrow,
    "params": lambda runs: table_of_rows([*_pairs(runs, "params")], _PAIR),
    "tags": lambda runs: table_of_rows([*_pairs(runs, "tags")], _PAIR),
    "series": lambda runs: table_of_rows([*_series(runs)], _SUMMARY),
}
