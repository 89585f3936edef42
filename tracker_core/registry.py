"""The door through which every backend comes in.

A backend is found by its name in the entry-point group ``tracker_core.backends``, then
in ``torchx.tracker`` (packages made for torchx work unchanged), or is named as
``package.module:factory``. Its factory takes the config string, or None, and returns a
tracker. Nothing is imported before it is named.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from tracker_core.configfile import BackendSetting
from tracker_core.errors import (
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    TrackerError,
    UnsupportedTypeError,
)
from tracker_core.plain import native
from tracker_core.redaction import describe, redact, shows_secret
from tracker_core.settings import (
    read_settings,
    tracker_config_env_var_name,
)

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from tracker_core.api import TrackerBase

__all__ = [
    "GROUPS",
    "InstalledBackend",
    "build_tracker",
    "build_trackers",
    "installed_backend",
    "installed_backends",
    "installed_importers",
    "torchx_name",
    "tracker_config_env_var_name",
    "trackers_from_environ",
]

GROUPS = ("tracker_core.backends", "torchx.tracker")
_IMPORTERS = "tracker_core.importers"
_DISTRIBUTION = "tracker-core"
_OWN_POINTS = "tracker_core-[0-9]*.dist-info/entry_points.txt"


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

    A factory that has several names is listed once, by the first of them, and where
    two packages use one name the first group wins.
    """
    found: dict[str, InstalledBackend] = {}
    factories: set[str] = set()
    for group in GROUPS:
        points = _entry_points(group)
        for point in sorted(points, key=lambda point: (point.name, _is_foreign(point))):
            backend = _installed(point)
            if point.name not in found and backend.factory not in factories:
                factories.add(backend.factory)
                found[point.name] = backend
    return [found[name] for name in sorted(found)]


def installed_backend(name: str) -> InstalledBackend | None:
    """Return what an installed package offers under ``name``, one of several maybe.

    It is what :func:`build_tracker` uses; None where no package has that name.
    """
    point = _point(name)
    return None if point is None else _installed(point)


def installed_importers() -> dict[str, str]:
    """Return form → factory of what runs can be imported from, sorted by name.

    They are in the entry-point group ``tracker_core.importers``; each takes a config
    and returns a tracker on runs that were not logged with Tracker.
    """
    points = sorted(_entry_points(_IMPORTERS), key=_is_foreign, reverse=True)
    found = {point.name: point.value for point in points}
    return {name: found[name] for name in sorted(found)}


def build_trackers(configs: "Mapping[str, str | None]") -> "list[TrackerBase]":
    """Build a tracker for each name, in order, from its config string or None.

    Raises:
        BackendNotFoundError: Nothing has that name.
        BackendUnavailableError: A package that it needs is not installed.
        ConfigError: The factory is none, or refused the config.
        UnsupportedTypeError: ``configs`` is no mapping.
    """
    if not isinstance(configs, Mapping):
        kind = type(configs).__qualname__
        expected = "a mapping from names to configs, such as {'sqlite': None}"
        raise UnsupportedTypeError("backends", kind, expected)
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


def torchx_name(backend: BackendSetting) -> str:
    """Return the name by which genuine torchx finds the factory of ``backend``."""
    ours = {point.name: _factory(point) for point in _entry_points(GROUPS[0])}
    path = backend.factory or ours.get(backend.name)
    for point in _entry_points(GROUPS[1]):
        if _factory(point) == path:
            return point.name
    return path or backend.name


def _call(
    backend: BackendSetting, factory: Callable[[str | None], object]
) -> "TrackerBase":
    # A chained traceback would print the secret that a message hides.
    try:
        return _checked(backend.name, factory(backend.config))
    except TrackerError as error:
        if redact(str(error), [backend.config]) != str(error):
            raise ConfigError(_failure(backend, error)) from None
        if shows_secret(error, [backend.config]):
            raise error from None
        raise
    except Exception as error:  # noqa: BLE001 - the border to backends
        is_shown = not shows_secret(error, [backend.config])
        raise ConfigError(_failure(backend, error)) from (error if is_shown else None)


def _failure(backend: BackendSetting, error: Exception) -> str:
    return (
        f"the factory of backend {backend.name!r} failed: "
        f"{describe(error, [backend.config])}; it was called with the value of "
        f"{tracker_config_env_var_name(backend.name)} or of a configuration file, or "
        "with None"
    )


def _checked(name: str, tracker: object) -> "TrackerBase":
    if isinstance(tracker, type):
        message = (
            f"the factory of backend {name!r} returned the class {tracker.__name__}; "
            "return an object of it"
        )
        raise ConfigError(message)
    try:
        native(tracker)
    except ConfigError as error:
        message = f"the factory of backend {name!r} returned no tracker: {error}"
        raise ConfigError(message) from None
    return cast("TrackerBase", tracker)


def _find(backend: BackendSetting) -> object:
    path = backend.factory or (backend.name if ":" in backend.name else None)
    if path is not None:
        return _load_path(backend.name, path)
    own = _own_factory(backend.name)
    if own is not None:
        with suppress(TrackerError):  # what is wrong is said by the longer way
            return _load_path(backend.name, own)
    point = _point(backend.name)
    if point is None:
        raise _not_found(backend.name)
    return _load_point(point)


def _own_factory(name: str) -> str | None:
    """Return what our own package offers as a backend of that name, or None.

    Its entry points are read as they lie, since ``importlib.metadata`` takes longer to
    import than all that a command or a job needs besides. None says nothing: what is
    not found so may be found by it.
    """
    with suppress(OSError, UnicodeDecodeError):
        for folder in sys.path:
            for found in Path(folder).glob(_OWN_POINTS):
                text = found.read_text("utf-8").partition(f"[{GROUPS[0]}]\n")[2]
                lines = (
                    line.split("=", 1) for line in text.partition("\n[")[0].split("\n")
                )
                own = {line[0].strip(): line[1].strip() for line in lines if line[1:]}
                return own.get(name)
    return None


def _point(name: str) -> "EntryPoint | None":
    for group in GROUPS:
        found = [point for point in _entry_points(group) if point.name == name]
        if len(found) > 1:
            # Whoever takes one of our names shall not take what is written under it.
            return min(found, key=_is_foreign)
        if found:
            return found[0]
    return None


def _installed(point: "EntryPoint") -> InstalledBackend:
    return InstalledBackend(
        point.name, point.group, _factory(point), _distribution(point)
    )


def _not_found(name: str) -> BackendNotFoundError:
    from difflib import get_close_matches

    known = {backend.name.lower(): backend.name for backend in installed_backends()}
    near = [known[found] for found in get_close_matches(name.lower(), known)]
    return BackendNotFoundError(name, list(known.values()), near)


def _load_point(point: "EntryPoint") -> object:
    package, factory = _distribution(point), _factory(point)
    extra = factory.partition(":")[0].rpartition("_")[2]
    if extra in _extras(point):
        remedy = f"install {package}[{extra}]"
    else:
        remedy = f"install {package or factory} again with what it needs"
    return _load(point.name, factory, remedy)


def _load_path(name: str, path: str) -> object:
    return _load(name, path, "install the package that has it, or correct the name")


def _load(name: str, path: str, remedy: str) -> object:
    module, _, attribute = (part.strip() for part in path.partition(":"))
    if not module or not attribute:
        message = (
            f"backend {name!r} names {path!r}; name a factory as package.module:factory"
        )
        raise ConfigError(message)
    found = _import(name, module, remedy)
    try:
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        message = f"backend {name!r} names {path!r}, but {error}; correct the name"
        raise ConfigError(message) from error
    return found


def _import(name: str, module: str, remedy: str) -> object:
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise BackendUnavailableError(name, error.name or module, remedy) from error
    except ImportError as error:
        # The package is there, but is broken or of the wrong version.
        reason = f"{describe(error)}; {remedy}"
        raise BackendUnavailableError(name, error.name or module, reason) from error
    except Exception as error:
        message = f"backend {name!r} cannot be imported: {describe(error)}"
        raise ConfigError(message) from error


def _entry_points(group: str) -> "Iterable[EntryPoint]":
    # Imported at the first look-up of a name: it costs a job more than all the rest.
    if sys.version_info >= (3, 12):
        from importlib import metadata
    else:
        import importlib_metadata as metadata
    try:
        return cast("Iterable[EntryPoint]", metadata.entry_points(group=group))
    except Exception:  # noqa: BLE001 - the border to packages of others
        # One of them is damaged; the others shall not suffer for it.
        return [
            point
            for package in metadata.distributions()
            for point in _readable_points(cast("Distribution", package), group)
        ]


def _readable_points(package: "Distribution", group: str) -> "list[EntryPoint]":
    try:
        return list(package.entry_points.select(group=group))
    except Exception as error:  # noqa: BLE001 - the border to packages of others
        import logging

        logging.getLogger("tracker_core").warning(
            "the installed package %r is damaged and passed over: %s; install it again",
            _name(package),
            describe(error),
        )
        return []


def _is_foreign(point: "EntryPoint") -> bool:
    return _distribution(point) != _DISTRIBUTION


def _factory(point: "EntryPoint") -> str:
    # An entry point may name extras behind it: package.module:factory [extra].
    return point.value.partition("[")[0].strip()


def _distribution(point: "EntryPoint") -> str:
    return _name(point.dist) if point.dist else ""


def _name(package: "Distribution") -> str:
    try:
        # A package that says nothing else of itself has no name, or refuses to tell.
        return package.name or ""
    except Exception:  # noqa: BLE001 - the border to packages of others
        return ""


def _extras(point: "EntryPoint") -> list[str]:
    try:
        metadata = point.dist and point.dist.metadata
        return (metadata and metadata.get_all("Provides-Extra")) or []
    except Exception:  # noqa: BLE001 - the border to packages of others
        return []
