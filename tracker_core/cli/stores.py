"""Where the reads look: one tracker, chosen by name or by the configuration."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from tracker_core.api import Capability, NativeTracker
from tracker_core.cli.border import Misuse, failure_of
from tracker_core.configfile import BackendSetting, parse_backends
from tracker_core.delivery.base import Target
from tracker_core.opening import open_targets
from tracker_core.plain import PlainTracker
from tracker_core.settings import home, read_settings

__all__ = [
    "Store",
    "blamed",
    "embedded_home",
    "open_configured",
    "open_store",
    "open_stores",
    "outlives_process",
]

# Without a config it lies in the home of Tracker.
_EMBEDDED = BackendSetting("sqlite")
_EMBEDDED_FILE = "tracker.db"


class Store(NamedTuple):
    """A tracker that is read from.

    Args:
        target: The tracker, and what it is called.
        home: The folder of the embedded store; None for any other, since where that
            lies may be a secret.
    """

    target: Target
    home: Path | None = None

    @property
    def tracker(self) -> NativeTracker:
        """The tracker, or the wrapper of a plain one."""
        return self.target.tracker

    @property
    def place(self) -> str:
        """Which store this is, in words."""
        name = repr(self.target.name)
        return name if self.home is None else f"{name} under {self.home}"


@contextmanager
def open_store(name: str | None) -> Iterator[Store]:
    """Open a tracker for reading.

    Without a name it is the first configured one that outlives a process, a native
    one before a plain one; with nothing configured it is SQLite under ``TRACKER_HOME``.

    Raises:
        TrackerError: It cannot be built.
        Failure: It failed while it was read from.
    """
    if name is None:
        settings = read_settings()
        backends: Iterable[BackendSetting] = settings.backends or (settings.embedded,)
        on_error = settings.on_error
    else:
        backends, on_error = [_named(name)], "raise"
    with open_configured(backends, on_error) as store:
        yield store


@contextmanager
def open_configured(
    backends: Iterable[BackendSetting], on_error: str
) -> Iterator[Store]:
    """Open for reading the one of ``backends`` that reads prefer.

    Raises:
        TrackerError: One of them cannot be built, under the policy ``raise``.
        Failure: None can be built, or it failed while it was read from.
    """
    store = _preferred(backends, on_error)
    with blamed(store), closing(store.tracker), store.tracker.turn:
        yield store


@contextmanager
def open_stores(names: Sequence[str]) -> Iterator[list[Store]]:
    """Open several trackers for reading: those of the names, without any all.

    All are those that are configured; with nothing configured it is the embedded one.

    Raises:
        TrackerError: One of them cannot be built, under the policy ``raise``.
    """
    settings = read_settings()
    chosen = [_named(name) for name in dict.fromkeys(names)]
    on_error = "raise" if chosen else settings.on_error
    with ExitStack() as stack:
        stores = []
        for backend in chosen or settings.backends or (settings.embedded,):
            for store in _open(backend, on_error):
                stack.callback(store.target.close)
                stores.append(store)
        yield stores


@contextmanager
def blamed(store: Store) -> Iterator[None]:
    """Turn what a tracker raises into a failure that names it.

    Raises:
        Failure: It failed.
    """
    target = store.target
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:
        raise failure_of(error, backend=target.name, config=target.config) from error


def outlives_process(tracker: NativeTracker) -> bool:
    """Tell whether what is written may be read by another process.

    A plain tracker does not tell, and has the benefit of the doubt.
    """
    is_persistent = Capability.PERSISTENT in tracker.capabilities
    return is_persistent or isinstance(tracker, PlainTracker)


def _preferred(backends: Iterable[BackendSetting], on_error: str) -> Store:
    opened: list[Store] = []
    for backend in backends:
        opened += _open(backend, on_error)
        if opened and _rank(opened[-1]) == 0:
            break
    if not opened:
        message = "none of the configured backends can be opened; name one by --tracker"
        raise Misuse(message)
    chosen = min(opened, key=_rank)
    for store in opened:
        if store is not chosen:
            store.tracker.close()
    return chosen


def _open(backend: BackendSetting, on_error: str) -> list[Store]:
    folder = embedded_home() if backend == _EMBEDDED else None
    if folder is not None and _is_missing(folder / _EMBEDDED_FILE):
        # Answers the same as a new file would, and leaves none behind.
        backend = backend._replace(config=":memory:")
    return [Store(target, folder) for target in open_targets([backend], on_error)]


def embedded_home() -> Path:
    """Return the home of Tracker, which a read does not make."""
    named = os.environ.get("TRACKER_HOME")
    local = Path(".tracker").absolute()
    if named:
        return Path(os.path.expanduser(named)).absolute()  # noqa: PTH111 - never raises
    return home() if local.exists() or not os.access(".", os.W_OK) else local


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:  # opening it says best what is wrong
        return False
    return False


def _named(name: str) -> BackendSetting:
    if len(parse_backends(name)) != 1:
        message = f"--tracker {name!r} must name one backend"
        raise Misuse(message)
    for backend in read_settings().backends:
        if backend.name == name:
            return backend
    return read_settings({**os.environ, "TRACKER_BACKENDS": name}).backends[0]


def _rank(store: Store) -> int:
    is_persistent = Capability.PERSISTENT in store.tracker.capabilities
    if is_persistent or store.home is not None:
        return 0
    # What a native tracker keeps in its process is of no use to this one.
    return 1 if outlives_process(store.tracker) else 2
