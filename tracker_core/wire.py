"""The JSON form of batches, for stores that keep records as text.

A batch is lines of JSON. The first names its version, writer and range; each further
line is a record: ``{"sequence": 7, "time_ns": …, "kind": "params", …}`` with the fields
of its body. A kind that this version does not know is kept as it is and written back
unchanged, so an older reader never destroys what a newer writer logged. A field that
has its default is left out, so a field added later does not make older records unknown.

Many points that came as columns stay columns, which makes the batch one of version 2.
Behind its records it has a line for each series: ``{"stream": "train", "field": "loss",
"points": "…"}``. The text is the BASE64 form of a block (``tracker_core/blocks.py``) of
times, sequences, rows, steps and values, and the first line tells under ``count`` how
many records there are, those that the points stand for included. A record of columns
may hold ``{"block": "…"}`` in the place of a list of values or steps: a block too, of
which only the values count. Whatever has few points is of version 1.
"""

import math
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias, cast

from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    Record,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
    Writer,
)
from tracker_core.values import Value, from_json, to_json

__all__ = [
    "batch_from_lines",
    "batch_to_lines",
    "body_from_fields",
    "body_kind",
    "body_to_fields",
]

FORMAT_VERSION = 2

_Series: TypeAlias = Mapping[tuple[str, str], PointColumns]

_AS_RECORDS = 1
# With fewer points a series a line for each record is as short.
_FEWEST_POINTS = 4
# A shorter list is as short as JSON.
_FEWEST_ITEMS = 32

_KINDS: dict[str, type[Body]] = {
    "metadata": MetadataBody,
    "params": ParamsBody,
    "tags": TagsBody,
    "metrics": MetricsBody,
    "columns": ColumnsBody,
    "log": LogBody,
    "track": TrackBody,
    "artifact": ArtifactBody,
    "source": SourceBody,
    "created": CreatedBody,
    "started": StartedBody,
    "ended": EndedBody,
    "span": SpanBody,
    "step": StepBody,
    "provenance": ProvenanceBody,
}
_NAMES = {body: kind for kind, body in _KINDS.items()}
# What 63 bits hold: a time until the year 2262, and any count.
_LIMIT = 2**63
# The fields of bodies that readers go through.
_MAPPINGS = frozenset({"values", "streams", "fields"})
_TEXTS = frozenset(
    [
        "artifact_name",
        "digest",
        "execution",
        "experiment",
        "group_id",
        "host",
        "level",
        "message",
        "name",
        "parent_run_id",
        "path",
        "role",
        "source_run_id",
        "span_id",
        "status",
        "stream",
        "topic",
        "trace_id",
    ]
)
_COUNTS = ("exit_code", "peak_memory_bytes")
_NULLABLE = frozenset({"artifact_name", "span_id", "trace_id"})
_ENVELOPE = ("sequence", "time_ns", "kind")


def body_kind(body: Body) -> str:
    """Return the name of the body's kind, for example ``params``."""
    return body.kind if isinstance(body, UnknownBody) else _NAMES[type(body)]


def body_to_fields(body: Body) -> dict[str, Value]:
    """Return what a body says, without the fields that have their defaults."""
    if isinstance(body, UnknownBody):
        return dict(body.fields)
    if isinstance(body, ColumnsBody):
        body = _with_lists(body)
    defaults = body._field_defaults
    return {
        name: value
        for name, value in body._asdict().items()
        if name not in defaults or value != defaults[name]
    }


def body_from_fields(kind: str, fields: Mapping[str, Value]) -> Body:
    """Return the body that :func:`body_to_fields` told of.

    Fields that this version does not know, or of a kind that it does not, make it an
    :class:`~tracker_core.records.UnknownBody`.

    Raises:
        ValueError: A field was damaged; it says which.
    """
    known = _KINDS.get(kind)
    if known is None:
        return UnknownBody(kind, fields)
    required = set(known._fields) - set(known._field_defaults)
    if not required <= set(fields) <= set(known._fields):
        return UnknownBody(kind, fields)
    _check_fields(fields, _NULLABLE | known._field_defaults.keys())
    body: Body = known(**fields)  # type: ignore[arg-type]  # the fields are those written
    if isinstance(body, ColumnsBody):
        _check_columns(body)
    if isinstance(body, MetricsBody) and body.step is not None:
        _check_steps([body.step])
    if isinstance(body, StepBody | StartedBody) and body.step is not None:
        _text(fields, "step")
    return body


def batch_to_lines(batch: Batch) -> str:
    """Write ``batch`` as lines of JSON, each ended by a newline."""
    head: dict[str, Value] = {
        "version": _AS_RECORDS,
        "run_id": batch.run_id,
        "writer": batch.writer.id,
        "attempt": batch.writer.attempt,
        "rank": batch.writer.rank,
        "first": batch.first,
        "last": batch.last,
    }
    records, points = _parted(batch.records)
    if points or any(map(_has_long_columns, records)):
        head |= {"version": FORMAT_VERSION, "count": len(batch.records)}
    lines = [*map(_record_to_value, records), *_point_lines(points)]
    return "".join(f"{to_json(line)}\n" for line in [head, *lines])


def batch_from_lines(text: str) -> Batch:
    """Read a batch that :func:`batch_to_lines` wrote.

    Its points are :class:`~tracker_core.gathered.Gathered` if they were written so.

    Raises:
        ValueError: The text is no such batch, or of a newer version; it says which.
    """
    head, *rows = (_mapping(from_json(line)) for line in text.split("\n") if line)
    version = head.get("version")
    if version not in (_AS_RECORDS, FORMAT_VERSION):
        message = f"batch of version {version!r}; this reads 1 and 2; upgrade"
        raise ValueError(message)
    try:
        return _batch(head, rows)
    except KeyError as error:
        message = f"batch without the field {error}; it was damaged"
        raise ValueError(message) from error


def _batch(head: Mapping[str, Value], rows: Iterable[Mapping[str, Value]]) -> Batch:
    first, last = _count(head, "first"), _count(head, "last")
    return Batch(
        _text(head, "run_id"),
        Writer(
            _text(head, "writer"),
            _count(head, "attempt"),
            None if head["rank"] is None else _count(head, "rank"),
        ),
        first,
        last,
        _records(head, rows, range(first, last + 1)),
    )


def _parted(records: Sequence[Record]) -> tuple[Sequence[Record], _Series]:
    """Return what becomes a line for each record, and what a line for each series."""
    if not isinstance(records, Gathered):
        return records, {}
    count = sum(len(columns.sequences) for columns in records.points.values())
    if count < _FEWEST_POINTS * len(records.points):
        return records, {}
    return records.others, records.points


def _has_long_columns(record: Record) -> bool:
    body = record.body
    return isinstance(body, ColumnsBody) and any(map(_is_long, body.fields.values()))


def _is_long(column: Sequence[Value]) -> bool:
    return len(column) >= _FEWEST_ITEMS


def _record_to_value(record: Record) -> dict[str, Value]:
    fields = body_to_fields(record.body)
    if _has_long_columns(record):
        fields = _with_blocks(fields)
    return {
        "sequence": record.sequence,
        "time_ns": record.time_ns,
        "kind": body_kind(record.body),
        **fields,
    }


def _point_lines(points: _Series) -> Iterator[dict[str, Value]]:
    from tracker_core.blocks import Block, Packed, encode, step_column
    from tracker_core.points import value_column

    known: Packed = {}
    for (stream, field), columns in points.items():
        block = Block(
            _ints(columns.times_ns),
            _ints(columns.sequences),
            _ints(columns.rows),
            step_column(columns.steps),
            value_column(columns.values),
        )
        text = b64encode(encode(block, known)).decode()
        yield {"stream": stream, "field": field, "points": text}


def _ints(numbers: Sequence[int]) -> "array[int] | range":
    return numbers if isinstance(numbers, range) else array("q", numbers)


def _records(
    head: Mapping[str, Value], rows: Iterable[Mapping[str, Value]], sequences: range
) -> Sequence[Record]:
    others: list[Record] = []
    points: dict[tuple[str, str], PointColumns] = {}
    for row in rows:
        if "points" in row and "kind" not in row:
            series = (_text(row, "stream"), _text(row, "field"))
            points[series] = _points(_text(row, "points"), sequences)
        else:
            others.append(_record_from_value(row))
    if not points:
        return tuple(others)
    return Gathered(tuple(others), points, _count(head, "count"))


def _points(text: str, sequences: range) -> PointColumns:
    from tracker_core.blocks import decode

    try:
        block = decode(b64decode(text, validate=True))
    except ValueError as error:
        message = f"a block of points {error}"
        raise ValueError(message) from error
    counts = (block.times_ns, block.rows, _without_none(block.steps))
    are_counts = all(min(_ends(column), default=0) >= 0 for column in counts)
    places = _ends(block.sequences)
    if (
        not (are_counts and _are_numbers(block.values))
        or not sequences[0] <= min(places) <= max(places) <= sequences[-1]
    ):
        message = "a block of points holds what is none; it was damaged"
        raise ValueError(message)
    return PointColumns(
        block.sequences,
        block.times_ns,
        block.rows,
        block.steps,
        cast("Sequence[float]", block.values),
    )


def _ends(column: Sequence[int]) -> Sequence[int]:
    """Return items among which are the least and the greatest of all."""
    return (column[0], column[-1]) if isinstance(column, range) else column


def _without_none(steps: Sequence[int | None]) -> Sequence[int]:
    if isinstance(steps, list):
        return [step for step in steps if step is not None]
    return cast("Sequence[int]", steps)


def _are_numbers(values: Sequence[Value]) -> bool:
    return not isinstance(values, list) or all(
        isinstance(value, int | float) for value in values
    )


def _with_blocks(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields of a record of columns, these as blocks."""
    columns = cast("dict[str, list[Value]]", fields["fields"])
    packed = dict(fields)
    packed["fields"] = {name: _to_block(column) for name, column in columns.items()}
    if fields["steps"] is not None:
        packed["steps"] = _to_block(cast("list[Value]", fields["steps"]))
    return packed


def _without_blocks(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields of a record of columns, each of these as a list."""
    plain = dict(fields)
    plain["steps"] = _from_block(fields.get("steps"))
    if isinstance(columns := fields.get("fields"), dict):
        plain["fields"] = {name: _from_block(item) for name, item in columns.items()}
    return plain


def _to_block(column: list[Value]) -> Value:
    from tracker_core.blocks import Block, encode
    from tracker_core.points import value_column

    places = range(len(column))
    block = Block(places, places, places, places, value_column(column))
    return {"block": b64encode(encode(block)).decode()}


def _from_block(column: Value) -> Value:
    from tracker_core.blocks import decode

    if not isinstance(column, dict):
        return column
    try:
        return [*decode(b64decode(_text(column, "block"), validate=True)).values]
    except ValueError as error:
        message = f"a block of values {error}"
        raise ValueError(message) from error


def _record_from_value(row: Mapping[str, Value]) -> Record:
    kind = _text(row, "kind")
    fields = {key: value for key, value in row.items() if key not in _ENVELOPE}
    if kind == "columns" and "fields" in fields and "steps" in fields:
        fields = _without_blocks(fields)
    body = body_from_fields(kind, fields)
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


def _check_fields(fields: Mapping[str, Value], nullable: AbstractSet[str]) -> None:
    for name in _MAPPINGS & fields.keys():
        inner = _mapping(fields[name])
        if name == "streams":
            for stream in inner.values():
                _mapping(stream)
    for name in _TEXTS & fields.keys():
        if fields[name] is not None or name not in nullable:
            _text(fields, name)
    for name in _COUNTS:
        if fields.get(name) is not None:
            _count(fields, name)
    timestamp = fields.get("timestamp", 0.0)
    if not isinstance(timestamp, float) or not math.isfinite(timestamp):
        message = f"the field 'timestamp' is {timestamp!r}; it was damaged"
        raise ValueError(message)


def _with_lists(body: ColumnsBody) -> ColumnsBody:
    """Return columns as JSON has them: they may be any sequences, such as ranges."""
    fields = {name: list(column) for name, column in body.fields.items()}
    steps = None if body.steps is None else list(body.steps)
    return body._replace(steps=steps, fields=fields)


def _check_columns(body: ColumnsBody) -> None:
    columns: list[object] = [*body.fields.values()]
    columns += [] if body.steps is None else [body.steps]
    lengths = {len(column) if isinstance(column, list) else -1 for column in columns}
    if len(lengths) != 1 or lengths & {-1, 0}:
        message = f"the columns of stream {body.stream!r} are empty or differ in length"
        raise ValueError(f"{message}; they were damaged")
    _check_steps(body.steps or ())


def _check_steps(steps: Sequence[int]) -> None:
    are_ints = set(map(type, steps)) <= {int}
    if not are_ints or min(steps, default=0) < 0 or max(steps, default=0) >= _LIMIT:
        message = f"the steps from {steps[0]!r} on are no steps; they were damaged"
        raise ValueError(message)


def _mapping(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        message = f"expected a JSON object, found {value!r}"
        raise ValueError(message)  # noqa: TRY004 - the text is wrong, not a type
    return value
