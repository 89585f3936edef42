"""Which store a read looks into, where nobody hands it a tracker."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tracker_core.api import Capability, NativeTracker
from tracker_core.configfile import BackendSetting, parse_backends
from tracker_core.delivery.base import Target
from tracker_core.errors import ConfigError
from tracker_core.opening import open_targets
from tracker_core.plain import PlainTracker
from tracker_core.settings import home, read_settings

__all__ = [
    "Store",
    "backend_of_name",
    "embedded_home",
    "open_backend",
    "open_preferred",
    "outlives_process",
    "read_backends",
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


def read_backends(
    name: str | None, what: str = "tracker"
) -> tuple[list[BackendSetting], str]:
    """Return the backends that a read may look into, and what an unusable one does.

    Without a name they are those configured; with nothing configured it is SQLite
    under ``TRACKER_HOME``.

    Args:
        name: A configured or installed backend, or None.
        what: What the caller has called it, for the message of an error.

    Raises:
        ConfigError: The name, or a setting, is unusable.
    """
    if name is not None:
        return [backend_of_name(name, what)], "raise"
    settings = read_settings()
    return list(settings.backends or (settings.embedded,)), settings.on_error


def backend_of_name(name: str, what: str = "tracker") -> BackendSetting:
    """Return the backend of that name as it is configured, or else one installed.

    Args:
        name: Its name.
        what: As in :func:`read_backends`.

    Raises:
        ConfigError: The text names none or several.
    """
    if len(parse_backends(name)) != 1:
        message = f"{what} {name!r} must name one backend"
        raise ConfigError(message)
    for backend in read_settings().backends:
        if backend.name == name:
            return backend
    return read_settings({**os.environ, "TRACKER_BACKENDS": name}).backends[0]


def open_preferred(backends: Iterable[BackendSetting], on_error: str) -> Store:
    """Open the first backend that outlives a process, a native before a plain one.

    Raises:
        TrackerError: One of them cannot be built, under the policy ``raise``.
        ConfigError: None can be built.
    """
    opened: list[Store] = []
    for backend in backends:
        opened += open_backend(backend, on_error)
        if opened and _rank(opened[-1]) == 0:
            break
    if not opened:
        message = "none of the configured backends can be opened; name one that can"
        raise ConfigError(message)
    chosen = min(opened, key=_rank)
    for store in opened:
        if store is not chosen:
            store.tracker.close()
    return chosen


def open_backend(backend: BackendSetting, on_error: str) -> list[Store]:
    """Open a backend; under the policy ``warn`` there is none if it cannot be built.

    Raises:
        TrackerError: It cannot be built, under the policy ``raise``.
    """
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


def outlives_process(tracker: NativeTracker) -> bool:
    """Tell whether what is written may be read by another process.

    A plain tracker does not tell, and has the benefit of the doubt.
    """
    is_persistent = Capability.PERSISTENT in tracker.capabilities
    return is_persistent or isinstance(tracker, PlainTracker)


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:  # opening it says best what is wrong
        return False
    return False


def _rank(store: Store) -> int:
    is_persistent = Capability.PERSISTENT in store.tracker.capabilities
    if is_persistent or store.home is not None:
        return 0
    # What a native tracker keeps in its process is of no use to this one.
    return 1 if outlives_process(store.tracker) else 2
