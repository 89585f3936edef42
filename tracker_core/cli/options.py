"""Options that several commands have, and how the values of options are checked."""

import math
from collections.abc import Callable
from typing import TypeVar

import click

__all__ = [
    "count",
    "count_from_0",
    "given",
    "launch_options",
    "read_options",
    "seconds",
    "seconds_from",
    "tracker_option",
]

_Callback = Callable[[click.Context, click.Parameter, str], float]
_Command = TypeVar("_Command", bound=Callable[..., object])


def count(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    """Read the value of an option as a whole number from 1.

    Raises:
        BadParameter: It is none.
    """
    if text.isascii() and text.isdigit() and text.strip("0"):
        return int(text)
    raise click.BadParameter(f"{text!r} is no count; use a whole number from 1")


def count_from_0(_ctx: click.Context, _param: click.Parameter, text: str) -> int:
    """Read the value of an option as a whole number from 0.

    Raises:
        BadParameter: It is none.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    raise click.BadParameter(f"{text!r} is no count; use a whole number from 0")


def seconds(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    """Read the value of an option as a span of time in seconds.

    Raises:
        BadParameter: It is none.
    """
    return _seconds(text, 0, "such as 10 or 0.5")


def seconds_from(least: float) -> _Callback:
    """Return what reads an option as a span of at least so many seconds."""

    def read(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
        return _seconds(text, least, f"{least:g} at the least")

    return read


def _seconds(text: str, least: float, hint: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if math.isfinite(found) and found >= least:
        return found
    raise click.BadParameter(f"{text!r} is no time; use seconds, {hint}")


def given(_ctx: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    """Refuse as the value of an option what was meant to end the options.

    Raises:
        BadParameter: It is ``--``.
    """
    if text == "--":
        raise click.BadParameter("a value is missing before '--'")
    return text


def launch_options(command: _Command) -> _Command:
    """Add the options of every launch: who the run is, and where it goes."""
    options = (
        ("--experiment", "experiment", "NAME", "The experiment of the run."),
        (
            "--trackers",
            "trackers",
            "LIST",
            "Backends in place of those configured: sqlite,fsspec.",
        ),
        ("--parent", "parent", "RUN", "The run that this one is made from."),
        ("--group", "group_id", "LABEL", "The group of the run."),
    )
    for option, name, metavar, text in reversed(options):
        add = click.option(option, name, metavar=metavar, callback=given, help=text)
        command = add(command)
    return command


def read_options(command: _Command) -> _Command:
    """Add the options of every read: where to look, and for whom to print."""
    whom = click.option("--json", "as_json", is_flag=True, help="Print for programs.")
    return tracker_option(whom(command))


def tracker_option(command: _Command) -> _Command:
    """Add the option that says where to look."""
    where = click.option(
        "--tracker",
        "backend",
        metavar="NAME",
        callback=given,
        help="The backend to read from, configured or only installed.",
    )
    return where(command)
