"""Metric keys, values and columns as a job gives them."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.records import ColumnsBody, MetricsBody
from tracker_core.values import MAX_STEP, Value, check_name, check_step, check_value

__all__ = [
    "SAMPLED",
    "columns_body",
    "is_number",
    "is_sampled",
    "metrics_body",
    "split_series",
    "stream_body",
]

SAMPLED = "system"
"""The stream of what a launcher samples; that of a further rank is ``system/3``."""


def metrics_body(values: Mapping[str, object], step: object) -> MetricsBody:
    """Check metrics and sort them by stream.

    Args:
        values: Key → value. A key is split at its last ``/``: ``train/loss`` is the
            field ``loss`` of the stream ``train``; ``loss`` is one of the root stream.
        step: The x axis that the job counts, or None.

    Raises:
        InvalidValueError: A key has an empty part, or the step or a value lies outside
            what is allowed.
        UnsupportedTypeError: The values are no mapping, the step is no int, or a value
            has a type that is not kept.
    """
    if not isinstance(values, Mapping):
        raise UnsupportedTypeError("metrics", type(values).__qualname__, "a mapping")
    checked_step = check_step(step)
    streams: dict[str, dict[str, Value]] = {}
    for key, value in values.items():
        stream, field = split_series(key)
        streams.setdefault(stream, {})[field] = check_value(value, f"metric {key!r}")
    return MetricsBody(checked_step, streams)


def stream_body(stream: str, values: Mapping[str, object], step: object) -> MetricsBody:
    """Check one point of one stream.

    Args:
        stream: The stream, ``""`` for the root stream.
        values: Field → value; a field holds no ``/``.
        step: The x axis that the job counts, or None.

    Raises:
        InvalidValueError: A field is empty or holds ``/``, or the step or a value lies
            outside what is allowed.
        UnsupportedTypeError: The step is no int, or a value has a type that is not
            kept.
    """
    checked_step = check_step(step)
    fields = {
        _field(stream, key): check_value(value, f"metric {key!r}")
        for key, value in values.items()
    }
    return MetricsBody(checked_step, {stream: fields})


def columns_body(
    stream: str, columns: Mapping[str, object], steps: object
) -> ColumnsBody:
    """Check many points of one stream, given as columns.

    Args:
        stream: The stream, ``""`` for the root stream.
        columns: Field → one value per point: a list, tuple, array of the standard
            library or of numpy, or anything with ``tolist``. Equally long, at least one
            value.
        steps: One step per point in the same forms, or None.

    Raises:
        InvalidValueError: The columns differ in length or are empty, a field is empty
            or holds ``/``, or a step or value lies outside what is allowed.
        UnsupportedTypeError: Columns are no mapping, a column is no sequence, or a step
            or value has a type that is not kept.
    """
    if not isinstance(columns, Mapping):
        raise UnsupportedTypeError("columns", type(columns).__qualname__, "a mapping")
    fields = {
        _field(stream, key): _values(_listed(column, f"column {key!r}"), key)
        for key, column in columns.items()
    }
    checked_steps = None if steps is None else _steps(_listed(steps, "column of steps"))
    lengths = {name: len(column) for name, column in fields.items()}
    if checked_steps is not None and lengths:
        lengths["the steps"] = len(checked_steps)
    _check_lengths(stream, lengths)
    return ColumnsBody(stream, checked_steps, fields)


def split_series(key: object) -> tuple[str, str]:
    """Return the stream and the field of a metric key: ``train/loss``.

    Raises:
        InvalidValueError: The stream or the field is empty.
        UnsupportedTypeError: The key is no text.
    """
    name = check_name(key, "metric key")
    stream, slash, field = name.rpartition("/")
    if not field or (slash and not stream):
        message = f"metric key {name!r} has an empty stream or field; use stream/field"
        raise InvalidValueError(message)
    return stream, field


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a number, NaN and the infinities too; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_sampled(series: str) -> bool:
    """Tell whether a series is of what a launcher samples, by its name."""
    return series.startswith(f"{SAMPLED}/")


def _field(stream: str, key: object) -> str:
    field = check_name(key, f"field of stream {stream!r}")
    if "/" in field:
        inner, _, last = field.rpartition("/")
        message = (
            f"field {field!r} of stream {stream!r} holds '/', which divides streams; "
            f"log {last!r} to the stream {f'{stream}/{inner}'.strip('/')!r}"
        )
        raise InvalidValueError(message)
    return field


def _listed(column: object, what: str) -> list[object]:
    to_list = getattr(column, "tolist", None)
    found = to_list() if callable(to_list) else column
    if isinstance(found, str | bytes | bytearray) or not isinstance(found, Sequence):
        raise UnsupportedTypeError(what, type(column).__qualname__, "a list or array")
    return list(found)


def _values(column: list[object], key: object) -> list[Value]:
    kinds = set(map(type, column))
    is_plain = kinds <= {float, bool} or (
        kinds == {int} and max(map(abs, column)) <= MAX_STEP  # type: ignore[arg-type]  # they are ints
    )
    if is_plain:
        return column  # type: ignore[return-value]  # its types were just looked at
    what = f"metric {key!r}"
    return [check_value(value, what) for value in column]


def _steps(column: list[object]) -> list[int]:
    if set(map(type, column)) == {int}:
        steps: list[int] = column  # type: ignore[assignment]  # as the line above says
        if min(steps) >= 0 and max(steps) <= MAX_STEP:
            return steps
    checked = [check_step(step) for step in column]
    if None in checked:
        message = f"step {checked.index(None)} is None; give all rows a step, or none"
        raise InvalidValueError(message)
    return checked  # type: ignore[return-value]  # none of them is None


def _check_lengths(stream: str, lengths: Mapping[str, int]) -> None:
    if not lengths or 0 in lengths.values():
        message = f"columns of stream {stream!r} are empty; give at least one point"
        raise InvalidValueError(message)
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        message = f"columns of stream {stream!r} differ in length: {shown}"
        raise InvalidValueError(message)
