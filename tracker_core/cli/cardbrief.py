"""The card of a run on a terminal: what a person wants to know first, in one screen."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from tracker_core.cli.card import Card
from tracker_core.cli.cardface import code_words, words_of
from tracker_core.cli.courses import Courses
from tracker_core.cli.delivered import delivery_words
from tracker_core.cli.layout import (
    columns,
    cut,
    ellipsis,
    fitting,
    labelled,
    left_out,
    packed,
)
from tracker_core.cli.machine import machine_items
from tracker_core.cli.mainseries import own_series
from tracker_core.cli.outcomes import cause_text, status_text
from tracker_core.cli.printing import clean
from tracker_core.cli.seriesrows import series_lines
from tracker_core.cli.tables import value_cell
from tracker_core.cli.text import shown, size_words
from tracker_core.cli.times import ago, duration, moment, stamp
from tracker_core.runs import Attempt, RunInfo
from tracker_core.values import Value

__all__ = ["brief_lines"]

_LABEL = 13
_MOST_LINES = 5
_MOST_ROWS = 8
_MOST_LOGS = 3
_MOST_ITEM = 56


def brief_lines(card: Card, courses: Courses | None, room: int) -> list[str]:
    """Return the lines of a card, each of at most ``room`` cells, but for the id.

    Lists are cut, and say how much they lack; the whole card has all.

    Args:
        card: The card.
        courses: Where the courses of series are read, or None for none.
        room: How wide the lines may be.
    """
    status = cut(status_text(card.run), room - _LABEL)
    lines = [
        cut(card.run.name, room),
        f"{'status':{_LABEL}}{status or '–'}",
        f"{'run id':{_LABEL}}{clean(card.run.run_id)}",
    ]
    facts = {
        **_life(card),
        **_origin(card),
        **_said(card, room - _LABEL),
        **_lineage(card),
    }
    for label, items in facts.items():
        found = packed(filter(None, items), room - _LABEL, _MOST_LINES)
        lines += labelled(label, found, _LABEL)
    for block in _blocks(card, courses, room):
        lines += ["", *block] if block else []
    return lines


def _life(card: Card) -> dict[str, list[str]]:
    run, now = card.run, datetime.now(UTC)
    environment = _recorded(card, "environment")
    host, python = (words_of(environment.get(name)) for name in ("host", "python"))
    where = [host and f"on {host}", python and f"Python {python}"]
    is_started = run.started_at is not None
    return {
        "experiment": [run.experiment or ""],
        "group": [run.group_id or ""],
        "parent": [run.parent_run_id or ""],
        "started": [_since(run.started_at, now), *where] if is_started else [],
        "created": [] if is_started else [_since(run.created_at, now), *where],
    }


def _origin(card: Card) -> dict[str, list[str]]:
    return {
        "code": [code_words(_recorded(card, "code"))],
        "trace": [card.run.trace_id or "", card.run.span_id or ""],
        "delivery": delivery_words(card.delivery or ()),
    }


def _recorded(card: Card, part: str) -> dict[str, Value]:
    found = card.provenance.get(part)
    return found if isinstance(found, dict) else {}


def _memory(attempts: Sequence[Attempt]) -> list[str]:
    peaks = [one.peak_memory_bytes for one in attempts if one.peak_memory_bytes]
    return [f"peak memory {size_words(max(peaks))}"] if peaks else []


def _said(card: Card, room: int) -> dict[str, list[str]]:
    measured = machine_items(card.series)
    return {
        "config": _pairs(card.run.experiment_config or {}),
        "params": _pairs(card.params),
        "tags": _pairs(card.tags),
        "metadata": fitting(_pairs(card.metadata), room),
        "tracks": list(card.story.topics) if card.story else [],
        "system": fitting([*_memory(card.run.attempts), *measured], room),
    }


def _lineage(card: Card) -> dict[str, list[str]]:
    sources = [
        card.names[one.source_run_id] or one.source_run_id for one in card.sources
    ]
    labels = [
        f" ({one.artifact_name})" * bool(one.artifact_name) for one in card.sources
    ]
    return {
        "made from": [
            f"{name}{label}" for name, label in zip(sources, labels, strict=True)
        ],
        "used by": [card.names[user] or user for user in card.users or ()],
    }


def _pairs(values: Mapping[str, Value]) -> list[str]:
    return [cut(f"{key}={_value(value)}", _MOST_ITEM) for key, value in values.items()]


def _value(value: Value) -> str:
    return value_cell(value) if isinstance(value, float) else shown(value)


def _since(at: datetime | None, now: datetime) -> str:
    return "" if at is None else f"{moment(at)}, {ago(at, now)}"


def _blocks(card: Card, courses: Courses | None, room: int) -> Iterator[list[str]]:
    yield _traceback(card.run, room)
    yield _attempts(card.run.attempts, room)
    yield _steps(card, room)
    yield _series(card, courses, room)
    yield _artifacts(card, room)
    yield _logs(card, room)


def _traceback(run: RunInfo, room: int) -> list[str]:
    text = str((run.cause or {}).get("traceback") or "").rstrip()
    return [cut(line, room) for line in text.splitlines()[-_MOST_LINES:]]


def _attempts(attempts: Sequence[Attempt], room: int) -> list[str]:
    if len(attempts) < 2:  # noqa: PLR2004 - one is the run itself
        return []
    titles = ("ATTEMPT", "STATUS", "TOOK", "STARTED", "HOST", "MEMORY", "CAUSE")
    rows = [titles, *map(_attempt_row, attempts[-_MOST_ROWS:])]
    earlier = len(attempts) - _MOST_ROWS
    more = [f"{ellipsis()} and {earlier} earlier; --all shows them"]
    return columns(rows, room) + (more if earlier > 0 else [])


def _attempt_row(attempt: Attempt) -> tuple[str, ...]:
    memory = attempt.peak_memory_bytes
    return (
        str(attempt.number),
        attempt.status,
        duration(attempt),
        f"{attempt.started_at.astimezone():%m-%d %H:%M:%S}",
        attempt.host or "",
        "" if memory is None else size_words(memory),
        cause_text(attempt.cause, attempt.exit_code),
    )


def _steps(card: Card, room: int) -> list[str]:
    steps = card.story.steps if card.story else ()
    rows = [
        (step.name, step.status, duration(step.attempts[-1]), str(len(step.attempts)))
        for step in steps
    ]
    return _listed(("STEP", "STATUS", "TOOK", "ATTEMPTS"), rows, room)


def _series(card: Card, courses: Courses | None, room: int) -> list[str]:
    own = own_series(card.series)
    if not own:
        return []
    first = dict(list(own.items())[:_MOST_ROWS])
    more = len(own) - len(first)
    return series_lines(first, courses, room) + ([left_out(more)] if more else [])


def _artifacts(card: Card, room: int) -> list[str]:
    rows = [
        (
            item.name,
            "" if item.size_bytes is None else size_words(item.size_bytes),
            item.kind or "",
            (item.digest or "").removeprefix("sha256:")[:12] or item.path,
        )
        for item in card.artifacts
    ]
    return _listed(("ARTIFACT", "SIZE", "KIND", "DIGEST OR PATH"), rows, room)


def _listed(
    titles: Sequence[str], rows: Sequence[Sequence[str]], room: int
) -> list[str]:
    if not rows:
        return []
    more = len(rows) - _MOST_ROWS
    found = columns([titles, *rows[:_MOST_ROWS]], room)
    return found + ([left_out(more)] if more > 0 else [])


def _logs(card: Card, room: int) -> list[str]:
    logs = card.story.logs if card.story else ()
    return [
        cut(f"{stamp(one.time_ns)[11:19]} {one.level:5} {one.message}", room)
        for one in logs[-_MOST_LOGS:]
    ]
