"""``tracker query``: SQL over runs and their points."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from tracker_core.cli.border import examples
from tracker_core.cli.documents import print_json
from tracker_core.cli.options import given, read_options
from tracker_core.cli.printing import echo, is_terminal
from tracker_core.cli.saving import print_text
from tracker_core.cli.tables import Table, print_table, value_cell
from tracker_core.cli.text import to_value
from tracker_core.cli.times import time_value
from tracker_core.metrics import is_number
from tracker_core.query import sql
from tracker_core.values import Value, to_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["query"]

_BILLION = 1_000_000_000


@click.command(
    epilog=examples(
        'tracker query "SELECT status, count(*) FROM runs GROUP BY status"',
        "tracker query 'SELECT name, \"params.lr\" FROM runs' --csv > runs.csv",
        "tracker query 'SELECT series, max(value) FROM points GROUP BY series'",
    )
)
@click.argument("statement", metavar="SQL")
@click.option(
    "--where",
    metavar="QUERY",
    callback=given,
    help="Only these runs, as in `tracker list --where`.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@read_options
def query(
    statement: str,
    where: str | None,
    backend: str | None,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Ask runs, params, tags, series and points by SQL, which DuckDB answers.

    Points are read whole where the SQL names them; --where keeps them few.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    found = sql(statement, where, tracker=backend)
    titles = tuple(found.column_names)
    rows = [tuple(map(_value, row.values())) for row in _rows(found)]
    if as_json:
        print_json({"columns": list(titles), "rows": [list(row) for row in rows]})
    elif as_csv:
        _print_csv(titles, rows)
    else:
        cells = [tuple(map(value_cell, row)) for row in rows]
        print_table(Table(titles, cells, flows=True))


def _rows(found: "pa.Table") -> Sequence[dict[str, object]]:
    # Two columns may have one name, which a mapping would not survive.
    columns = {str(place): _timed(one) for place, one in enumerate(found.columns)}
    rows: list[dict[str, object]] = type(found).from_pydict(columns).to_pylist()
    return rows


def _timed(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return times in microseconds, which is what Python's own hold."""
    kind = column.type
    if getattr(kind, "unit", None) != "ns" or not hasattr(kind, "tz"):
        return column
    import pyarrow as pa

    return column.cast(pa.timestamp("us", kind.tz), safe=False)


def _value(value: object) -> Value:
    if isinstance(value, datetime):
        return time_value(value)
    if isinstance(value, Decimal):
        # What DuckDB adds up of ints has more digits than an int of Arrow has.
        return float(value) if value.as_tuple().exponent else int(value)
    if isinstance(value, tuple):
        return _span(*value)
    return to_value(value)


def _span(months: int, days: int, nanoseconds: int) -> str:
    """Return an interval of SQL as a span of ISO 8601."""
    seconds = f"{nanoseconds / _BILLION:.9f}".rstrip("0").rstrip(".")
    parts = [f"{months}M" * bool(months), f"{days}D" * bool(days), f"T{seconds}S"]
    return f"P{''.join(parts)}"


def _csv_cell(value: Value) -> Value:
    """Return what a cell cannot hold as it is, and a bool, as JSON."""
    if value is None or isinstance(value, str) or is_number(value):
        return value
    return to_json(value)


def _print_csv(titles: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(map(_csv_cell, row) for row in rows)
    if is_terminal():
        print_text(iter([text.getvalue().encode()]))
    else:
        echo(text.getvalue(), ends_line=False)
