"""The forms in which the entries of a track are read."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from tracker_core.entries import TrackEntry
from tracker_core.errors import ConfigError, InvalidValueError
from tracker_core.values import Value, to_json

__all__ = ["formatted"]

_FRAMES_PER_SECOND = 30


def formatted(
    form: str,
    topic: str,
    entries: Iterable[TrackEntry],
    columns: Collection[str] | None = None,
) -> object:
    """Return entries in one of the forms, as :meth:`Track.read` says.

    Raises:
        InvalidValueError: There is no such form.
        ConfigError: The form needs a package that is not installed.
    """
    write = _FORMS.get(form)
    if write is None:
        message = f"format is {form!r}; use {', '.join(_FORMS)}"
        raise InvalidValueError(message)
    return write(topic, [_chosen(entry, columns) for entry in entries])


def _chosen(entry: TrackEntry, columns: Collection[str] | None) -> TrackEntry:
    if columns is None:
        return entry
    fields = {name: value for name, value in entry.fields.items() if name in columns}
    return TrackEntry(entry.timestamp, fields)


def _to_json(topic: str, entries: list[TrackEntry]) -> object:
    del topic
    return {"entries": [_flat(entry) for entry in entries], "count": len(entries)}


def _to_jsonl(topic: str, entries: list[TrackEntry]) -> object:
    del topic
    return "\n".join(to_json(_flat(entry)) for entry in entries).encode()


def _to_mocap(topic: str, entries: list[TrackEntry]) -> object:
    times = [entry.timestamp for entry in entries]
    return {
        "version": "1.0",
        "metadata": {
            "topic": topic,
            "description": None,
            "tags": [],
            "fps": _FRAMES_PER_SECOND,
            "duration": times[-1] - times[0] if times else 0,
            "frameCount": len(entries),
            "startTime": times[0] if times else None,
            "endTime": times[-1] if times else None,
        },
        "channels": _names(entries),
        "frames": [{"time": entry.timestamp, **entry.fields} for entry in entries],
    }


def _to_parquet(topic: str, entries: list[TrackEntry]) -> object:
    del topic
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        message = (
            "format 'parquet' needs the package pyarrow; install tracker-core[parquet]"
        )
        raise ConfigError(message) from error

    def column(values: list[Value]) -> object:
        # Values that share no type of Parquet are written as JSON text.
        if len(set(_kinds(values))) == 1:
            try:
                return pa.array(values)
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                pass
        texts = [None if value is None else to_json(value) for value in values]
        return pa.array(texts, "string")

    times = [entry.timestamp for entry in entries]
    columns = {"timestamp": pa.array(times, "float64")}
    for name in _names(entries):
        columns[name] = column([entry.fields.get(name) for entry in entries])
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _kinds(values: Iterable[Value]) -> Iterator[object]:
    """Give the types of all values, those within lists too."""
    for value in values:
        if isinstance(value, list):
            yield from _kinds(value)
        elif isinstance(value, dict):
            # Its keys would become columns that all the others must have: no type.
            yield object()
            yield object()
        elif value is not None:
            yield type(value)


def _flat(entry: TrackEntry) -> dict[str, Value]:
    return {"timestamp": entry.timestamp, **entry.fields}


def _names(entries: list[TrackEntry]) -> list[str]:
    return sorted({name for entry in entries for name in entry.fields})


_FORMS: Mapping[str, Callable[[str, list[TrackEntry]], object]] = {
    "json": _to_json,
    "jsonl": _to_jsonl,
    "parquet": _to_parquet,
    "mocap": _to_mocap,
}
