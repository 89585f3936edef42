"""The JSON form of batches, for stores that keep records as text.

A batch is lines of JSON. The first names its writer and range; each further line is a
record: ``{"sequence": 7, "time_ns": …, "kind": "params", …}`` with the fields of its
body. A kind that this version does not know is kept as it is and written back
unchanged, so an older reader never destroys what a newer writer logged.
"""

from collections.abc import Iterable, Mapping

from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    Record,
    SourceBody,
    StartedBody,
    TagsBody,
    UnknownBody,
    Writer,
)
from tracker_core.values import Value, from_json, to_json

__all__ = ["batch_from_lines", "batch_to_lines", "body_kind"]

FORMAT_VERSION = 1

_KINDS: dict[str, type[Body]] = {
    "metadata": MetadataBody,
    "params": ParamsBody,
    "tags": TagsBody,
    "metrics": MetricsBody,
    "artifact": ArtifactBody,
    "source": SourceBody,
    "created": CreatedBody,
    "started": StartedBody,
    "ended": EndedBody,
}
_NAMES = {body: kind for kind, body in _KINDS.items()}
# What 63 bits hold: a time until the year 2262, and any count.
_LIMIT = 2**63
# The fields of bodies that readers go through.
_MAPPINGS = frozenset({"values", "streams"})
_ENVELOPE = ("sequence", "time_ns", "kind")


def body_kind(body: Body) -> str:
    """Return the name of the body's kind, for example ``params``."""
    return body.kind if isinstance(body, UnknownBody) else _NAMES[type(body)]


def batch_to_lines(batch: Batch) -> str:
    """Write ``batch`` as lines of JSON, each ended by a newline."""
    head: dict[str, Value] = {
        "version": FORMAT_VERSION,
        "run_id": batch.run_id,
        "writer": batch.writer.id,
        "attempt": batch.writer.attempt,
        "rank": batch.writer.rank,
        "first": batch.first,
        "last": batch.last,
    }
    lines = [head, *(_record_to_value(record) for record in batch.records)]
    return "".join(f"{to_json(line)}\n" for line in lines)


def batch_from_lines(text: str) -> Batch:
    """Read a batch that :func:`batch_to_lines` wrote.

    Raises:
        ValueError: The text is no such batch, or of a newer version; it says which.
    """
    head, *rows = (_mapping(from_json(line)) for line in text.split("\n") if line)
    if head.get("version") != FORMAT_VERSION:
        message = f"batch of version {head.get('version')!r}; this reads 1; upgrade"
        raise ValueError(message)
    try:
        return _batch(head, rows)
    except KeyError as error:
        message = f"batch without the field {error}; it was damaged"
        raise ValueError(message) from error


def _batch(head: Mapping[str, Value], rows: Iterable[Mapping[str, Value]]) -> Batch:
    return Batch(
        _text(head, "run_id"),
        Writer(
            _text(head, "writer"),
            _count(head, "attempt"),
            None if head["rank"] is None else _count(head, "rank"),
        ),
        _count(head, "first"),
        _count(head, "last"),
        tuple(_record_from_value(row) for row in rows),
    )


def _record_to_value(record: Record) -> dict[str, Value]:
    body = record.body
    fields = body.fields if isinstance(body, UnknownBody) else body._asdict()
    return {
        "sequence": record.sequence,
        "time_ns": record.time_ns,
        "kind": body_kind(body),
        **fields,
    }


def _record_from_value(row: Mapping[str, Value]) -> Record:
    kind = _text(row, "kind")
    fields = {key: value for key, value in row.items() if key not in _ENVELOPE}
    known = _KINDS.get(kind)
    body: Body
    if known is None or set(fields) != set(known._fields):
        body = UnknownBody(kind, fields)
    else:
        _check_mappings(fields)
        body = known(**fields)  # type: ignore[arg-type]  # the fields are those written
    return Record(_count(row, "sequence"), _count(row, "time_ns"), body)


def _count(fields: Mapping[str, Value], name: str) -> int:
    value = fields[name]
    if type(value) is not int or not 0 <= value < _LIMIT:
        message = f"the field {name!r} is {value!r}; it was damaged"
        raise ValueError(message)
    return value


def _text(fields: Mapping[str, Value], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        message = f"the field {name!r} is {value!r}; it was damaged"
        raise ValueError(message)  # noqa: TRY004 - the text is wrong, not a type
    return value


def _check_mappings(fields: Mapping[str, Value]) -> None:
    for name in _MAPPINGS & fields.keys():
        inner = _mapping(fields[name])
        if name == "streams":
            for stream in inner.values():
                _mapping(stream)


def _mapping(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        message = f"expected a JSON object, found {value!r}"
        raise ValueError(message)  # noqa: TRY004 - the text is wrong, not a type
    return value
