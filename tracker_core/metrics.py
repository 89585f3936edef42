"""Metric keys and values as a job gives them."""

from collections.abc import Mapping

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.records import MetricsBody
from tracker_core.values import Value, check_name, check_step, check_value

__all__ = ["metrics_body"]


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
        stream, field = _split(key)
        streams.setdefault(stream, {})[field] = check_value(value, f"metric {key!r}")
    return MetricsBody(checked_step, streams)


def _split(key: object) -> tuple[str, str]:
    name = check_name(key, "metric key")
    stream, slash, field = name.rpartition("/")
    if not field or (slash and not stream):
        message = f"metric key {name!r} has an empty stream or field; use stream/field"
        raise InvalidValueError(message)
    return stream, field
