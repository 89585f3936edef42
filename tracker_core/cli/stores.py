"""Where the reads look: one tracker, chosen by name or by the configuration."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

import click

from tracker_core.api import Capability, NativeTracker
from tracker_core.cli.border import Misuse, failure_of
from tracker_core.configfile import BackendSetting
from tracker_core.delivery import Target
from tracker_core.opening import open_targets
from tracker_core.plain import PlainTracker
from tracker_core.settings import parse_backends, read_settings

__all__ = ["open_store", "read_options"]

_Command = TypeVar("_Command", bound=Callable[..., object])


def read_options(command: _Command) -> _Command:
    """Add the options of every read: where to look, and for whom to print."""
    where = click.option(
        "--tracker",
        "backend",
        metavar="NAME",
        help="The backend to read from, configured or only installed.",
    )
    whom = click.option("--json", "as_json", is_flag=True, help="Print for programs.")
    return where(whom(command))


@contextmanager
def open_store(name: str | None) -> Iterator[NativeTracker]:
    """Open a tracker for reading.

    Without a name it is the first configured one that outlives a process, a native
    one before a plain one; with nothing configured it is SQLite under ``TRACKER_HOME``.

    Raises:
        TrackerError: It cannot be built.
        Failure: It failed while it was read from.
    """
    target = _open(name)
    try:
        with closing(target.tracker), target.tracker.turn:
            yield target.tracker
    except click.ClickException:
        raise
    except Exception as error:
        raise failure_of(error, backend=target.name, config=target.config) from error


def _open(name: str | None) -> Target:
    if name is not None:
        return open_targets([_named(name)], "raise")[0]
    settings = read_settings()
    backends = settings.backends or (settings.embedded,)
    opened: list[Target] = []
    for backend in backends:
        opened += open_targets([backend], settings.on_error)
        if opened and _rank(opened[-1]) == 0:
            break
    if not opened:
        message = "none of the configured backends can be opened; name one by --tracker"
        raise Misuse(message)
    chosen = min(opened, key=_rank)
    for target in opened:
        if target is not chosen:
            target.tracker.close()
    return chosen


def _named(name: str) -> BackendSetting:
    if len(parse_backends(name)) != 1:
        message = f"--tracker {name!r} must name one backend"
        raise Misuse(message)
    for backend in read_settings().backends:
        if backend.name == name:
            return backend
    return read_settings({**os.environ, "TRACKER_BACKENDS": name}).backends[0]


def _rank(target: Target) -> int:
    if Capability.PERSISTENT in target.tracker.capabilities:
        return 0
    # What a native tracker keeps in its process is of no use to this one.
    return 1 if isinstance(target.tracker, PlainTracker) else 2
