"""Dead letters as they are shown: which records a backend refuses, and why."""

from collections.abc import Iterable

from tracker_core.cli.tables import Table, short_ids
from tracker_core.delivery.ledger import DeadLetter
from tracker_core.records import (
    ArtifactBody,
    Body,
    LogBody,
    MetricsBody,
    Record,
    StepBody,
    TrackBody,
    series_name,
)
from tracker_core.values import Value
from tracker_core.wire import batch_from_lines, body_kind, body_to_fields

__all__ = ["dead_table", "letter_value"]

_LONGEST_KEY = 40
_MOST_KEYS = 3


def dead_table(letters: Iterable[tuple[str, str, DeadLetter]]) -> Table:
    """Return dead letters as a table.

    Args:
        letters: The run, the backend, and what it refuses.
    """
    rows = [
        (
            run_id,
            backend,
            _numbers(letter),
            _what(letter),
            letter.why or "–",
        )
        for run_id, backend, letter in letters
    ]
    short = short_ids(row[0] for row in rows)
    titles = ("RUN ID", "BACKEND", "SEQUENCE", "WHAT", "WHY")
    return Table(titles, rows, short=short)


def letter_value(letter: DeadLetter, *, with_records: bool) -> dict[str, Value]:
    """Return a dead letter for programs.

    Args:
        letter: The letter.
        with_records: Whether each of its records is told.
    """
    found: dict[str, Value] = {
        "writer": letter.writer,
        "first": letter.first,
        "last": letter.last,
        "why": letter.why,
    }
    if with_records:
        found["records"] = [
            {
                "sequence": record.sequence,
                "kind": body_kind(record.body),
                "keys": [*_keys(record.body)],
            }
            for record in _records(letter)
        ]
    return found


def _numbers(letter: DeadLetter) -> str:
    is_one = letter.first == letter.last
    return str(letter.first) if is_one else f"{letter.first}–{letter.last}"


def _what(letter: DeadLetter) -> str:
    records = _records(letter)
    if not records:
        return "cannot be read"
    if len(records) == 1:
        (record,) = records
        return " ".join((body_kind(record.body), _shortened(_keys(record.body))))
    counts: dict[str, int] = {}
    for record in records:
        kind = body_kind(record.body)
        counts[kind] = counts.get(kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _records(letter: DeadLetter) -> list[Record]:
    """Return what is in a letter; nothing where it is gone or damaged."""
    try:
        return [*batch_from_lines(letter.path.read_text(encoding="utf-8")).records]
    except (OSError, ValueError):
        return []


def _keys(body: Body) -> list[str]:
    """Return what a record is about, without what it says of it."""
    match body:
        case MetricsBody(_, streams):
            return [
                series_name(stream, field)
                for stream, fields in streams.items()
                for field in fields
            ]
        case ArtifactBody(name=name) | TrackBody(topic=name) | StepBody(step=name):
            return [name]
        case LogBody(level=level):
            return [level]
    values = body_to_fields(body).get("values")
    return [*values] if isinstance(values, dict) else []


def _shortened(keys: list[str]) -> str:
    more = f" and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
    shown = (
        key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"
        for key in keys[:_MOST_KEYS]
    )
    return ", ".join(shown) + more
