"""How a run fares, in words that say why."""

from collections.abc import Mapping
from datetime import UTC, datetime

import click

from tracker_core.cli.glyphs import STATUS_COLOURS, status_glyph
from tracker_core.cli.printing import has_colours
from tracker_core.cli.times import ago, duration
from tracker_core.runs import RunInfo
from tracker_core.values import Value

__all__ = [
    "cause_text",
    "cause_words",
    "coloured",
    "outcome_words",
    "status_name",
    "status_text",
    "status_words",
]


def status_name(info: RunInfo, now: datetime | None = None) -> str | None:
    """Return the status of a run, or LOST where it has not been seen for long."""
    return "LOST" if info.is_lost(now) else info.status


def status_words(info: RunInfo) -> str:
    """Return the status of a run with its cause in a word: ``FAILED: ValueError``."""
    status = status_name(info)
    if status is None:
        return "–"
    cause = cause_words(info.cause)
    return f"{status}: {cause}" if cause else status


def status_text(run: RunInfo, now: datetime | None = None) -> str:
    """Return the outcome of a run behind the glyph of its status; else nothing."""
    words = outcome_words(run, now)
    return f"{status_glyph(status_name(run, now))} {words}" if words else ""


def outcome_words(run: RunInfo, now: datetime | None = None) -> str:
    """Return the status of a run with its duration and its cause.

    ``failed after 3m12s: exit code 3 (ValueError: bad lr)``

    Args:
        run: The run.
        now: The moment to judge from; by default this one.
    """
    now = now or datetime.now(UTC)
    status, took = status_name(run, now), duration(run, now)
    if status is None or status == "PENDING":
        return "" if status is None else "pending"
    if status == "LOST":
        return f"lost, last seen {ago(run.heartbeat_at, now)}, started {took} ago"
    words = [status.lower(), "for" if status == "RUNNING" else "after", took]
    if len(run.attempts) > 1:
        words.append(_attempt_words(run))
    cause = cause_text(run.cause, _exit_code(run))
    return " ".join(words) + (f": {cause}" if cause else "")


def coloured(text: str, run: RunInfo) -> str:
    """Return ``text`` in the colour of the status of a run, where there are colours."""
    colour = STATUS_COLOURS.get(status_name(run) or "")
    return click.style(text, colour) if colour and has_colours() else text


def cause_text(cause: Mapping[str, Value] | None, exit_code: int | None = None) -> str:
    """Return a cause in words, the exit code first where it is known; else nothing."""
    if cause is None:
        return ""
    kind = cause.get("kind")
    code = cause.get("exit_code", exit_code)
    message = cause.get("message")
    known = {
        "exception": cause.get("type"),
        "exit_code": f"exit code {code}",
        "signal": f"signal {cause.get('signal')}",
    }
    words = str(known.get(str(kind)) or kind or "unknown cause").replace("_", " ")
    words = f"{words}: {message}" if message else words
    if kind == "exit_code" or code is None:
        return words
    return f"exit code {code} ({words})"


def cause_words(cause: Mapping[str, Value] | None) -> str:
    """Return a cause in a word or two, for a column: ``exit 3``; else nothing."""
    match cause:
        case None:
            return ""
        case {"kind": "exit_code", "exit_code": code}:
            return f"exit {code}"
        case {"kind": "exception", "type": name} | {"kind": "signal", "signal": name}:
            return str(name).rpartition(".")[2]
        case _:
            return str(cause.get("kind", "unknown cause")).replace("_", " ")


def _attempt_words(run: RunInfo) -> str:
    count = len(run.attempts)
    return f"(attempt {count})" if run.status == "RUNNING" else f"and {count} attempts"


def _exit_code(run: RunInfo) -> int | None:
    return run.attempts[-1].exit_code if run.attempts else None
