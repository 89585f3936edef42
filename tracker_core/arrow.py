"""Columns of points as Arrow arrays; the module needs pyarrow.

A value becomes three columns, the same in every Parquet file that is written here:
``value``, the number or the double nearest to an int; ``is_integer``, whether it was
logged as an int; and ``value_json`` for what no double holds exactly.
"""

from array import array
from collections.abc import Sequence

import pyarrow as pa

from tracker_core.blocks import Column
from tracker_core.points import value_column
from tracker_core.values import Value, to_json

__all__ = ["int_array", "packed", "repeated", "value_arrays"]

_EXACT = 2**53


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
