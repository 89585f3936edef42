"""``tracker show RUN --logs``: the messages of a run, line by line."""

from collections.abc import Iterable, Iterator, Sequence

import click

from tracker_core.cli.border import say
from tracker_core.cli.documents import log_values, print_json, print_json_line
from tracker_core.cli.following import NewMessages, looks, piped
from tracker_core.cli.outcomes import outcome_words
from tracker_core.cli.printing import clean, echo, has_colours
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import print_heading
from tracker_core.cli.text import shown
from tracker_core.cli.times import stamp, zones
from tracker_core.entries import LogEntry

__all__ = ["follow_messages", "show_messages"]

_INTERVAL = 1.0

_COLOURS = {"debug": "bright_black", "warn": "yellow", "error": "red", "fatal": "red"}
_LEVEL_WIDTH = 5


def show_messages(
    wanted: str, level: str | None, backend: str | None, *, as_json: bool
) -> None:
    """Print the messages of a run.

    A message of several lines has its further ones set in, so that none of them looks
    like a message of its own.

    Args:
        wanted: The word for the run.
        level: The mildest level that is wanted; None for all.
        backend: Where to look.
        as_json: Whether to print for programs.
    """
    with open_store(backend) as store:
        run = select_run(store, wanted)
        logs = store.tracker.logs(run.run_id, level)
    if as_json:
        print_json({"run_id": run.run_id, "logs": [*log_values(logs)]})
        return
    if not logs:
        mildest = "" if level is None else f" at {level} or above"
        say(f"run {run.name!r} has logged nothing{mildest}")
        return
    print_heading(_titles(logs))
    _print(logs)


def follow_messages(
    wanted: str, level: str | None, backend: str | None, *, as_json: bool
) -> None:
    """Print the messages of a run as they come, until it has ended.

    How it ended is said on stderr.

    Args:
        wanted: The word for the run.
        level: The mildest level that is wanted; None for all.
        backend: Where to look.
        as_json: Whether to print for programs, a line for each message.
    """
    with piped(), open_store(backend) as store:
        chosen = select_run(store, wanted)
        messages = NewMessages(store.tracker, chosen.run_id, level)
        run = chosen
        for run in looks(store.tracker, chosen.run_id, _INTERVAL):  # noqa: B007 - the last one is told
            _print_new(messages, as_json=as_json)
        _print_new(messages, as_json=as_json, is_last=True)
    say(f"run {run.name!r} {outcome_words(run) or 'tells nothing of its life'}")


def _print_new(messages: NewMessages, *, as_json: bool, is_last: bool = False) -> None:
    is_first = not messages.has_given
    new = messages.read(from_start=is_last)
    if as_json:
        for value in log_values(new):
            print_json_line(value)
        return
    if new and is_first:
        print_heading(_titles(new))
    _print(new)


def _print(logs: Iterable[LogEntry]) -> None:
    for entry in logs:
        for line in _lines(entry):
            echo(line)


def _titles(logs: Sequence[LogEntry]) -> str:
    logged = f"LOGGED ({zones(entry.time_ns for entry in logs)})"
    time = stamp(logs[0].time_ns)
    return f"{logged:{len(time)}} {'LEVEL':{_LEVEL_WIDTH}} MESSAGE"


def _lines(entry: LogEntry) -> Iterator[str]:
    head = f"{stamp(entry.time_ns)} "
    room = " " * (len(head) + _LEVEL_WIDTH + 1)
    message = entry.message if entry.metadata is None else _with_metadata(entry)
    first, *others = message.split("\n")
    yield f"{head}{_coloured(entry.level)} {clean(first)}"
    yield from (f"{room}{clean(line)}" for line in others)


def _with_metadata(entry: LogEntry) -> str:
    return f"{entry.message} {shown(dict(entry.metadata or {}))}"


def _coloured(level: str) -> str:
    text = level.ljust(_LEVEL_WIDTH)
    colour = _COLOURS.get(level)
    return click.style(text, colour) if colour and has_colours() else text
