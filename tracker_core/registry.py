"""The door through which every backend comes in.

A backend is found by its name in the entry-point group ``tracker_core.backends``, then
in ``torchx.tracker`` (packages made for torchx work unchanged), or is named as
``package.module:factory``. Its factory takes the config string, or None, and returns a
tracker. Nothing is imported before it is named.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from tracker_core.errors import (
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    TrackerError,
)
from tracker_core.plain import native
from tracker_core.redaction import redact
from tracker_core.settings import (
    BackendSetting,
    read_settings,
    tracker_config_env_var_name,
)

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from tracker_core.api import TrackerBase

__all__ = [
    "GROUPS",
    "InstalledBackend",
    "build_tracker",
    "build_trackers",
    "installed_backends",
    "tracker_config_env_var_name",
    "trackers_from_environ",
]

GROUPS = ("tracker_core.backends", "torchx.tracker")
_DISTRIBUTION = "tracker-core"


class InstalledBackend(NamedTuple):
    """A backend that an installed package offers.

    Args:
        name: The name of its entry point.
        group: The entry-point group that it was found in.
        factory: ``package.module:factory``.
        distribution: The package that brought it, or an empty text.
    """

    name: str
    group: str
    factory: str
    distribution: str


def installed_backends() -> list[InstalledBackend]:
    """Return what installed packages offer, sorted by name; nothing is imported.

    A factory that has names in both groups is listed once, and where two packages use
    one name the first group wins.
    """
    found: dict[str, InstalledBackend] = {}
    for group in GROUPS:
        factories = {backend.factory for backend in found.values()}
        for point in sorted(_entry_points(group), key=lambda point: point.name):
            if point.value not in factories:
                backend = InstalledBackend(
                    point.name, group, point.value, _distribution(point)
                )
                found.setdefault(point.name, backend)
    return [found[name] for name in sorted(found)]


def build_trackers(configs: "Mapping[str, str | None]") -> "list[TrackerBase]":
    """Build a tracker for each name, in order, from its config string or None.

    Raises:
        BackendNotFoundError: Nothing has that name.
        BackendUnavailableError: A package that it needs is not installed.
        ConfigError: The factory is none, or refused the config.
    """
    return [
        build_tracker(BackendSetting(name, config=config))
        for name, config in configs.items()
    ]


def trackers_from_environ() -> "list[TrackerBase]":
    """Build the trackers that the environment and the configuration files name.

    Raises:
        TrackerError: As :func:`build_trackers`.
    """
    return [build_tracker(backend) for backend in read_settings().backends]


def build_tracker(backend: BackendSetting) -> "TrackerBase":
    """Build one tracker, as :func:`build_trackers` does."""
    factory = _find(backend)
    if isinstance(factory, type):
        message = (
            f"backend {backend.name!r} names the class {factory.__name__}; name a "
            "factory, a function (config: str | None) that returns a tracker"
        )
        raise ConfigError(message)
    if not callable(factory):
        message = (
            f"backend {backend.name!r} names a {type(factory).__name__}; name a "
            "factory, a function (config: str | None) that returns a tracker"
        )
        raise ConfigError(message)
    return _call(backend, factory)


def _call(
    backend: BackendSetting, factory: Callable[[str | None], object]
) -> "TrackerBase":
    try:
        tracker = factory(backend.config)
        native(tracker)
    except TrackerError as error:
        if redact(str(error)) != str(error):
            raise ConfigError(redact(str(error))) from None
        raise
    except Exception as error:  # noqa: BLE001 - the border to backends
        text = f"{type(error).__name__}: {error}"
        shown = redact(text, [backend.config])
        message = (
            f"the factory of backend {backend.name!r} failed: {shown}; it was called "
            f"with the value of {tracker_config_env_var_name(backend.name)}, or None"
        )
        # A chained traceback would print the secret that the message hides.
        raise ConfigError(message) from (error if shown == text else None)
    return cast("TrackerBase", tracker)


def _find(backend: BackendSetting) -> object:
    path = backend.factory or (backend.name if ":" in backend.name else None)
    if path is not None:
        return _load_path(backend.name, path)
    for group in GROUPS:
        for point in _entry_points(group):
            if point.name == backend.name:
                return _load_point(point)
    raise _not_found(backend.name)


def _not_found(name: str) -> BackendNotFoundError:
    from difflib import get_close_matches

    known = [backend.name for backend in installed_backends()]
    return BackendNotFoundError(name, known, get_close_matches(name, known))


def _load_point(point: "EntryPoint") -> object:
    distribution = _distribution(point)
    if distribution == _DISTRIBUTION:
        remedy = f"install {_DISTRIBUTION}[{point.value.split(':')[0].split('_')[-1]}]"
    else:
        remedy = f"install {distribution or point.value} again with what it needs"
    return _load(point.name, point.value, remedy)


def _load_path(name: str, path: str) -> object:
    return _load(name, path, "install the package that has it, or correct the name")


def _load(name: str, path: str, remedy: str) -> object:
    from importlib import import_module

    module_name, _, attribute = path.partition(":")
    try:
        found: object = import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise BackendUnavailableError(
            name, error.name or module_name, remedy
        ) from error
    except AttributeError as error:
        message = f"backend {name!r} names {path!r}, but {error}; correct the name"
        raise ConfigError(message) from error
    except Exception as error:
        message = (
            f"backend {name!r} cannot be imported: {type(error).__name__}: {error}"
        )
        raise ConfigError(message) from error
    return found


def _entry_points(group: str) -> "Iterable[EntryPoint]":
    # Imported at the first look-up of a name: it costs a job more than all the rest.
    if sys.version_info >= (3, 12):
        from importlib import metadata
    else:
        import importlib_metadata as metadata
    return cast("Iterable[EntryPoint]", metadata.entry_points(group=group))


def _distribution(point: "EntryPoint") -> str:
    return point.dist.name if point.dist else ""
