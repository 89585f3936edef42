"""Where the reads of the command line look: one tracker, or several."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import click

from tracker_core.cli.border import failure_of
from tracker_core.configfile import BackendSetting
from tracker_core.settings import read_settings
from tracker_core.stores import (
    Store,
    backend_of_name,
    open_backend,
    open_preferred,
    read_backends,
)

__all__ = ["blamed", "open_configured", "open_store", "open_stores"]

_OPTION = "--tracker"


@contextmanager
def open_store(name: str | None) -> Iterator[Store]:
    """Open a tracker for reading.

    Without a name it is the first configured one that outlives a process, a native
    one before a plain one; with nothing configured it is SQLite under ``TRACKER_HOME``.

    Raises:
        TrackerError: It cannot be built.
        Failure: It failed while it was read from.
    """
    with open_configured(*read_backends(name, _OPTION)) as store:
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
    store = open_preferred(backends, on_error)
    with blamed(store), closing(store.tracker), store.tracker.turn:
        yield store


@contextmanager
def open_stores(
    names: Sequence[str], others: Sequence[BackendSetting] = ()
) -> Iterator[list[Store]]:
    """Open several trackers for reading: those of the names, without any all.

    All are those that are configured; with nothing configured it is the embedded one.

    Args:
        names: Configured backends, or installed ones.
        others: More of them, which need be neither.

    Raises:
        TrackerError: One of them cannot be built, under the policy ``raise``.
    """
    settings = read_settings()
    chosen = [
        *(backend_of_name(name, _OPTION) for name in dict.fromkeys(names)),
        *others,
    ]
    on_error = "raise" if chosen else settings.on_error
    with ExitStack() as stack:
        stores = []
        for backend in chosen or settings.backends or (settings.embedded,):
            for store in open_backend(backend, on_error):
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
