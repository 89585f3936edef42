"""Points as Arrow arrays and as Parquet; the module needs pyarrow.

A value becomes three columns, the same in every Parquet file that is written here:
``value``, the number or the double nearest to an int; ``is_integer``, whether it was
logged as an int; and ``value_json`` for what no double holds exactly.
"""

import io
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from tracker_core.blocks import Column
from tracker_core.points import Points, value_column
from tracker_core.values import Value, check_value, to_json

__all__ = [
    "int_array",
    "packed",
    "parquet_pieces",
    "repeated",
    "table_of_points",
    "table_of_rows",
    "value_arrays",
]

_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("experiment", pa.string()),
        ("series", pa.string()),
        ("index", pa.int64()),
        ("step", pa.int64()),
        ("time", pa.timestamp("ns", "UTC")),
        ("value", pa.float64()),
        ("is_integer", pa.bool_()),
        ("value_json", pa.string()),
    ]
)
_WORDS = ("run_id", "experiment", "series", "value_json")
_NUMBERS = ("index", "step", "time")
# A row group that is worth its while.
_GROUP_ROWS = 2**18

_EXACT = 2**53
_KINDS = (
    (bool, pa.bool_()),
    (int, pa.int64()),
    (str, pa.string()),
    (datetime, pa.timestamp("us", "UTC")),
)


def parquet_pieces(
    tables: Iterable[tuple[str, str | None, str, Points]],
) -> Iterator[bytes]:
    """Give the pieces of a Parquet file that holds points.

    Args:
        tables: Run id, experiment, series and points, one after the other.
    """
    given = _Given()
    with pq.ParquetWriter(
        pa.PythonFile(given, "w"),
        _SCHEMA,
        compression="zstd",
        use_dictionary=[*_WORDS],
        column_encoding=dict.fromkeys(_NUMBERS, "DELTA_BINARY_PACKED"),
        # Else readers that know Arrow would take words for categories.
        store_schema=False,
    ) as writer:
        waiting: list[pa.Table] = []
        for table in tables:
            if len(table[-1]):
                waiting.append(_table(*table))
            if sum(one.num_rows for one in waiting) >= _GROUP_ROWS:
                writer.write_table(pa.concat_tables(waiting), _GROUP_ROWS)
                waiting = []
                yield given.taken()
        if waiting:
            writer.write_table(pa.concat_tables(waiting), _GROUP_ROWS)
    yield given.taken()


def table_of_points(
    tables: Iterable[tuple[str, str | None, str, Points]],
) -> pa.Table:
    """Return points as one table, with the columns of :func:`parquet_pieces`.

    Args:
        tables: Run id, experiment, series and points, one after the other.
    """
    parts = [_table(*table) for table in tables]
    return pa.concat_tables(parts) if parts else _SCHEMA.empty_table()


def table_of_rows(
    rows: Sequence[Mapping[str, object]], columns: Mapping[str, type]
) -> pa.Table:
    """Return mappings as a table: a column for each key, in the order of their coming.

    A column holds bools, ints, floats (also beside ints), texts or times; values of
    several kinds, lists and mappings are JSON text.

    Args:
        rows: The mappings.
        columns: The columns that come first, whether a row has them or not, and what
            they hold where no row has them.
    """
    names = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    return pa.table(
        {
            name: _column([row.get(name) for row in rows], columns.get(name, str))
            for name in names
        }
    )


def value_arrays(values: Sequence[Value]) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the columns ``value``, ``is_integer`` and ``value_json``."""
    column = packed(values)
    count = len(column)
    if isinstance(column, array) and column.typecode == "d":
        return (
            _of_array(column, pa.float64()),
            repeated(False, pa.bool_(), count),  # noqa: FBT003 - a value
            repeated(None, pa.string(), count),
        )
    rows = [_value(value) for value in column]
    numbers, integers, texts = zip(*rows, strict=True)
    return (
        pa.array(numbers, pa.float64()),
        pa.array(integers, pa.bool_()),
        pa.array(texts, pa.string()),
    )


def int_array(column: Sequence[int | None]) -> pa.Array:
    """Return whole numbers of 64 bits, or nulls; an array is not copied."""
    if not isinstance(column, array | range):
        return pa.array(column, pa.int64())
    numbers = column if isinstance(column, array) else array("q", [*column])
    return _of_array(numbers, pa.int64())


def repeated(value: object, kind: pa.DataType, count: int) -> pa.Array:
    """Return ``count`` times the same value."""
    return pa.repeat(pa.scalar(value, kind), count)


def packed(column: Sequence[Value]) -> Column:
    """Return a column in the least space; one that is an array stays as it is."""
    return column if isinstance(column, range | array) else value_column(column)


def _column(values: Sequence[object], usual: type) -> pa.Array:
    kinds = {type(value) for value in values if value is not None} or {usual}
    if kinds in ({int, float}, {float}):
        return pa.array([_float(value) for value in values], pa.float64())
    for kind, arrow in _KINDS:
        if kinds == {kind}:
            try:
                return pa.array(values, arrow)
            except OverflowError:  # an int beyond 64 bits
                break
    return pa.array([_told(value) for value in values], pa.string())


def _float(value: object) -> float | None:
    return None if value is None else _value(value)[0]  # type: ignore[arg-type]  # numbers


def _told(value: object) -> str | None:
    return None if value is None else to_json(check_value(value, "value"))


def _table(
    run_id: str, experiment: str | None, series: str, points: Points
) -> pa.Table:
    count = len(points)
    columns = [
        *(repeated(word, pa.string(), count) for word in (run_id, experiment, series)),
        int_array(range(count)),
        int_array(points.steps),
        int_array(points.times_ns).cast(_SCHEMA.field("time").type),
        *value_arrays(points.values),
    ]
    return pa.table(columns, schema=_SCHEMA)


class _Given(io.RawIOBase):
    """A file whose bytes are taken away as they are written."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]  # any buffer
        size = memoryview(data).nbytes
        self._held += data
        self._place += size
        return size

    def tell(self) -> int:
        return self._place

    def taken(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken


def _value(value: Value) -> tuple[float | None, bool, str | None]:
    if isinstance(value, float):
        return value, False, None
    if isinstance(value, bool) or not isinstance(value, int):
        return None, False, to_json(value)
    if -_EXACT <= value <= _EXACT:
        return float(value), True, None
    try:
        return float(value), True, to_json(value)
    except OverflowError:  # beyond every double
        return (1 if value > 0 else -1) * float("inf"), True, to_json(value)


def _of_array(column: "array[int] | array[float]", kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(column), [None, pa.py_buffer(column)])
