"""Points of a run as a Parquet object, and back.

Each point is a row, in the order of series and, within a series, in that of the run:

============== ================ =====================================================
column         type             meaning
============== ================ =====================================================
``run_id``     string
``experiment`` string           null where the run has none
``stream``     string           ``train``; empty for the root stream
``field``      string           ``loss``
``series``     string           ``train/loss``
``index``      int64            its place among the points that stand, from 0; null
                                for an abandoned one
``step``       int64            null where it has none
``time``       timestamp        nanoseconds, UTC
``value``      double           the number, or the double nearest to an int; null for
                                what is no number
``is_integer`` boolean          whether it was logged as an int
``value_json`` string           JSON of what no double holds exactly: ints beyond 2**53,
                                text, booleans, null, lists, mappings; else null
``attempt``    int64            from 1
``rank``       int64            null where the process has none
``abandoned``  boolean          whether a later attempt has rewound it
``writer``     string           the process that logged it,
``sequence``   int64            which of its records that was,
``row``        int64            and which row of that record
============== ================ =====================================================

Compressed by zstd, whole numbers by their differences: what DuckDB, Polars, pandas and
Spark read. A later version adds columns at the most.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracker_core.arrow import int_array, packed, repeated, value_arrays
from tracker_core.blocks import joined_column
from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import ColumnsBody, MetricsBody, Record, series_name
from tracker_core.rewinds import abandoned_from
from tracker_core.values import Value, from_json
from tracker_fsspec.collected import Piece
from tracker_fsspec.heads import Section

__all__ = ["PointsFile", "points_to_bytes"]

SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("experiment", pa.string()),
        ("stream", pa.string()),
        ("field", pa.string()),
        ("series", pa.string()),
        ("index", pa.int64()),
        ("step", pa.int64()),
        ("time", pa.timestamp("ns", "UTC")),
        ("value", pa.float64()),
        ("is_integer", pa.bool_()),
        ("value_json", pa.string()),
        ("attempt", pa.int64()),
        ("rank", pa.int64()),
        ("abandoned", pa.bool_()),
        ("writer", pa.string()),
        ("sequence", pa.int64()),
        ("row", pa.int64()),
    ]
)
_WORDS = ("run_id", "experiment", "stream", "field", "series", "writer")
_NUMBERS = ("index", "step", "time", "attempt", "rank", "sequence", "row")
_READ = [
    *("stream", "field", "step", "time", "value", "is_integer", "value_json"),
    *("writer", "sequence", "row"),
]
_ORDER = ("attempt", "time", "writer", "sequence", "row")
_GROUP_ROWS = 2**18


def points_to_bytes(
    run_id: str, experiment: str | None, pieces: Iterable[Piece]
) -> tuple[bytes, int]:
    """Return the Parquet object of a run's points, and how many there are.

    The same points give the same rows, in whatever order the pieces come.
    """
    series: dict[str, list[Piece]] = {}
    for piece in pieces:
        name = series_name(piece.stream, piece.field)
        series.setdefault(name, []).append(piece)
    output = pa.BufferOutputStream()
    count = 0
    with pq.ParquetWriter(
        output,
        SCHEMA,
        compression="zstd",
        use_dictionary=[*_WORDS, "value_json"],
        column_encoding=dict.fromkeys(_NUMBERS, "DELTA_BINARY_PACKED"),
        # Else readers that know Arrow would take words for categories.
        store_schema=False,
    ) as writer:
        for table in _grouped(_table(name, series[name]) for name in sorted(series)):
            words = {"run_id": run_id, "experiment": experiment}
            for name, word in words.items():
                place = SCHEMA.get_field_index(name)
                column = repeated(word, pa.string(), table.num_rows)
                table = table.add_column(place, SCHEMA.field(name), column)  # noqa: PLW2901 - the same rows
            writer.write_table(table.select(SCHEMA.names), _GROUP_ROWS)
            count += table.num_rows
    return output.getvalue().to_pybytes(), count


class PointsFile:
    """The points of a run, read from a Parquet object when they are first asked for.

    Args:
        read: Gives the object's content.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        """Read nothing yet."""
        self._read = read
        self._table: pa.Table | None = None

    def records(self, section: Section) -> Gathered:
        """Return the records of a section that are points alone.

        Raises:
            OSError: The object cannot be read.
            ValueError: It is damaged.
        """
        table = self._of_writer(section.batch.writer.id)
        table = _inside(table, section.batch.first, section.batch.last)
        known = [record.sequence for record in section.batch.records]
        _, table = _parted(table, known)
        columns = [n for low, high in section.columns for n in range(low, high + 1)]
        apart, table = _parted(table, [*_odd(table), *columns])
        others = _records(apart, {*columns})
        return Gathered(others, _points(table), section.record_count)

    def _of_writer(self, writer: str) -> pa.Table:
        if self._table is None:
            source = pa.BufferReader(self._read())
            words = ["stream", "field", "writer"]
            self._table = pq.read_table(
                source, columns=_READ, read_dictionary=words
            ).unify_dictionaries()
        if self._table["writer"].unique().to_pylist() == [writer]:
            return self._table
        return self._table.filter(pc.equal(self._table["writer"], writer))


def _inside(table: pa.Table, first: int, last: int) -> pa.Table:
    """Return the points of some records."""
    sequences = table["sequence"]
    ends = pc.min_max(sequences).as_py()
    if not len(table) or first <= ends["min"] <= ends["max"] <= last:
        return table
    bounds = pc.greater_equal(sequences, first), pc.less_equal(sequences, last)
    return table.filter(pc.and_(*bounds))


def _parted(table: pa.Table, chosen: Sequence[int]) -> tuple[pa.Table, pa.Table]:
    """Return the points of the chosen records, and all others."""
    if not chosen:
        return table.slice(0, 0), table
    numbers = pa.array(chosen, pa.int64())
    are_chosen = pc.is_in(table["sequence"], value_set=numbers)
    return table.filter(are_chosen), table.filter(pc.invert(are_chosen))


def _odd(table: pa.Table) -> list[int]:
    """Return the sequences of records with values that no double holds exactly."""
    texts = table["value_json"]
    if texts.null_count == len(texts):
        return []
    found: list[int] = table.filter(texts.is_valid())["sequence"].unique().to_pylist()
    return found


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Put small tables together, so that a row group is worth its while."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(one.num_rows for one in waiting) >= _GROUP_ROWS:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _table(series: str, pieces: list[Piece]) -> pa.Table:
    """Return the points of one series in the order of the run."""
    limits = _limits(pieces)
    joined = _joined(pieces)
    table = pa.concat_tables(_rows(series, piece, limits) for piece in joined)
    if len(joined) > 1:
        table = table.sort_by([(name, "ascending") for name in _ORDER])
    return table.add_column(0, SCHEMA.field("index"), _index(table["abandoned"]))


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Return one piece for all those of a writer and a stream, if they keep order."""
    found: dict[tuple[str, str], list[Piece]] = {}
    for piece in sorted(pieces, key=lambda piece: piece.columns.sequences[0]):
        found.setdefault((piece.writer.id, piece.stream), []).append(piece)
    whole = []
    for same in found.values():
        ends = [(one.columns.sequences[0], one.columns.sequences[-1]) for one in same]
        is_apart = all(one[1] < other[0] for one, other in pairwise(ends))
        if not is_apart:
            whole += same
            continue
        columns = PointColumns(
            *(
                joined_column([packed(one.columns[place]) for one in same])  # type: ignore[arg-type]  # columns of one kind
                for place in range(5)
            )
        )
        whole.append(same[0]._replace(columns=columns))
    return whole


def _limits(pieces: Iterable[Piece]) -> dict[tuple[int | None, int], int]:
    """Return for each rank and attempt the step from which it is abandoned."""
    least: dict[int | None, dict[int, int]] = {}
    for piece in pieces:
        steps = [step for step in piece.columns.steps if step is not None]
        if steps:
            known = least.setdefault(piece.writer.rank, {})
            low, attempt = min(steps), piece.writer.attempt
            known[attempt] = min(low, known.get(attempt, low))
    return {
        (rank, attempt): limit
        for rank, steps_of in least.items()
        for attempt, limit in abandoned_from(steps_of).items()
    }


def _rows(
    series: str, piece: Piece, limits: Mapping[tuple[int | None, int], int]
) -> pa.Table:
    columns, writer = piece.columns, piece.writer
    count = len(columns.sequences)
    steps = int_array(columns.steps)
    limit = limits.get((writer.rank, writer.attempt))
    abandoned = repeated(False, pa.bool_(), count)  # noqa: FBT003 - a value
    if limit is not None:
        abandoned = pc.fill_null(pc.greater_equal(steps, limit), False)  # noqa: FBT003 - a value
    values, are_integers, texts = value_arrays(columns.values)
    return pa.table(
        {
            "stream": repeated(piece.stream, pa.string(), count),
            "field": repeated(piece.field, pa.string(), count),
            "series": repeated(series, pa.string(), count),
            "step": steps,
            "time": int_array(columns.times_ns).cast(SCHEMA.field("time").type),
            "value": values,
            "is_integer": are_integers,
            "value_json": texts,
            "attempt": repeated(writer.attempt, pa.int64(), count),
            "rank": repeated(writer.rank, pa.int64(), count),
            "abandoned": abandoned,
            "writer": repeated(writer.id, pa.string(), count),
            "sequence": int_array(columns.sequences),
            "row": int_array(columns.rows),
        }
    )


def _index(abandoned: pa.ChunkedArray) -> pa.Array:
    if not pc.any(abandoned).as_py():
        return int_array(range(len(abandoned)))
    stands = pc.invert(abandoned)
    places = pc.subtract(pc.cumulative_sum(stands.cast(pa.int64())), 1)
    return pc.if_else(stands, places, None)


def _points(table: pa.Table) -> dict[tuple[str, str], PointColumns]:
    """Return plain points of one writer as columns."""
    found: dict[tuple[str, str], PointColumns] = {}
    for stream, field, rows in _by_series(table):
        found[stream, field] = PointColumns(
            _to_ints(rows["sequence"]),
            _to_ints(rows["time"].cast(pa.int64())),
            _to_ints(rows["row"]),
            _to_steps(rows["step"]),
            _to_values(rows),
        )
    return found


def _by_series(table: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    groups = table.group_by(["stream", "field"], use_threads=False)
    counted = groups.aggregate([([], "count_all")]).to_pylist()
    names = {series_name(group["stream"], group["field"]) for group in counted}
    start = 0
    for group in counted:
        stream, field, count = group["stream"], group["field"], group["count_all"]
        if len(names) == len(counted):  # each lies together
            yield stream, field, table.slice(start, count)
        else:
            are_own = (
                pc.equal(table["stream"], stream),
                pc.equal(table["field"], field),
            )
            yield stream, field, table.filter(pc.and_(*are_own))
        start += count


def _to_ints(column: pa.ChunkedArray) -> "array[int]":
    return cast("array[int]", _to_array("q", column))


def _to_array(kind: str, column: pa.ChunkedArray) -> "array[int] | array[float]":
    whole = column.combine_chunks()
    numbers = array(kind)
    place = whole.offset * numbers.itemsize
    size = len(whole) * numbers.itemsize
    if size:
        numbers.frombytes(memoryview(whole.buffers()[1])[place : place + size])
    return numbers


def _to_steps(column: pa.ChunkedArray) -> Sequence[int | None]:
    if column.null_count:
        return cast("list[int | None]", column.to_pylist())
    return _to_ints(column)


def _to_values(rows: pa.Table) -> Sequence[float]:
    integers = pc.sum(rows["is_integer"]).as_py() or 0
    values = cast("array[float]", _to_array("d", rows["value"]))
    if not integers:
        return values
    if integers == len(values):
        return array("q", map(int, values))
    marks = rows["is_integer"].to_pylist()
    pairs = zip(values, marks, strict=True)
    return [int(value) if is_integer else value for value, is_integer in pairs]


def _records(table: pa.Table, columns: set[int]) -> tuple[Record, ...]:
    """Return points of one writer as the records that they were."""
    rows: dict[int, list[dict[str, Value]]] = {}
    names = ["stream", "field", "step", "value", "is_integer", "value_json"]
    times_ns = table["time"].cast(pa.int64())
    plain = table.select([*names, "sequence", "row"]).append_column("time_ns", times_ns)
    for row in plain.to_pylist():
        rows.setdefault(row["sequence"], []).append(row)
    return tuple(
        _columns_record(sequence, rows[sequence])
        if sequence in columns
        else _metrics_record(sequence, rows[sequence])
        for sequence in sorted(rows)
    )


def _columns_record(sequence: int, rows: list[dict[str, Value]]) -> Record:
    fields: dict[str, list[Value]] = {}
    steps: list[Value] = []
    for row in sorted(rows, key=_row):
        fields.setdefault(cast("str", row["field"]), []).append(_to_value(row))
        if len(steps) <= cast("int", row["row"]):
            steps.append(row["step"])
    has_steps = steps[0] is not None
    body = ColumnsBody(
        cast("str", rows[0]["stream"]),
        cast("list[int]", steps) if has_steps else None,
        fields,
    )
    return Record(sequence, cast("int", rows[0]["time_ns"]), body)


def _metrics_record(sequence: int, rows: list[dict[str, Value]]) -> Record:
    streams: dict[str, dict[str, Value]] = {}
    for row in sorted(rows, key=_row):
        fields = streams.setdefault(cast("str", row["stream"]), {})
        fields[cast("str", row["field"])] = _to_value(row)
    body = MetricsBody(cast("int | None", rows[0]["step"]), streams)
    return Record(sequence, cast("int", rows[0]["time_ns"]), body)


def _row(row: Mapping[str, Value]) -> int:
    return cast("int", row["row"])


def _to_value(row: Mapping[str, Value]) -> Value:
    text = row["value_json"]
    if text is not None:
        return from_json(cast("str", text))
    value = row["value"]
    return int(cast("float", value)) if row["is_integer"] else value
