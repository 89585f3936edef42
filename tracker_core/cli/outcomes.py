"""How a run fares, in words that say why."""

from collections.abc import Mapping
from datetime import UTC, datetime

import click

from tracker_core.cli.glyphs import status_glyph
from tracker_core.cli.printing import has_colours
from tracker_core.cli.text import age, duration, status_name
from tracker_core.runs import RunInfo
from tracker_core.values import Value

__all__ = ["cause_text", "coloured", "outcome_words", "status_text"]

_COLOURS = {
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "yellow",
    "RUNNING": "cyan",
    "LOST": "magenta",
}


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
        return f"lost, last seen {age(run.heartbeat_at, now)} ago, started {took} ago"
    words = [status.lower(), "for" if status == "RUNNING" else "after", took]
    if len(run.attempts) > 1:
        words.append(_attempt_words(run))
    cause = cause_text(run.cause, _exit_code(run))
    return " ".join(words) + (f": {cause}" if cause else "")


def coloured(text: str, run: RunInfo) -> str:
    """Return ``text`` in the colour of the status of a run, where there are colours."""
    colour = _COLOURS.get(status_name(run) or "")
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


def _attempt_words(run: RunInfo) -> str:
    count = len(run.attempts)
    return f"(attempt {count})" if run.status == "RUNNING" else f"and {count} attempts"


def _exit_code(run: RunInfo) -> int | None:
    return run.attempts[-1].exit_code if run.attempts else None
