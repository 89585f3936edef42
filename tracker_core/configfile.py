"""The configuration files: ``tracker.toml`` and torchx's ``.torchxconfig``.

::

    # tracker.toml
    experiment = "iris"
    on_error = "warn"

    [backends.sqlite]
    config = "runs.db"

    [backends.lake]
    factory = "tracker_fsspec:create"
    config = "s3://bucket/prefix"

Backends are used in the order of their tables. A ``tracker.toml`` that lists backends
replaces those of ``.torchxconfig``, where section ``[torchx:tracker]`` lists them
(``name = package.module:factory``, or an empty value) and ``[tracker:<name>]`` holds
the ``config`` of one.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tracker_core.errors import ConfigError

__all__ = ["BackendSetting", "FileSettings", "read_files"]

_KEYS = ("experiment", "on_error", "backends")
_BACKEND_KEYS = ("factory", "config")


class BackendSetting(NamedTuple):
    """One configured backend.

    Args:
        name: What it is called in lists and messages.
        factory: ``package.module:factory``, or None when the name is an entry point.
        config: The one argument of the factory; a secret.
    """

    name: str
    factory: str | None = None
    config: str | None = None

    def __repr__(self) -> str:
        """Show everything but the config."""
        config = None if self.config is None else "…"
        return f"BackendSetting({self.name!r}, {self.factory!r}, config={config})"


class FileSettings(NamedTuple):
    """What the configuration files say.

    Args:
        backends: The backends, in the order of the file.
        experiment: The experiment's name, or None.
        on_error: ``raise``, ``warn`` or None.
    """

    backends: tuple[BackendSetting, ...] = ()
    experiment: str | None = None
    on_error: str | None = None


def read_files(environ: Mapping[str, str]) -> FileSettings:
    """Read the configuration files that exist.

    Raises:
        ConfigError: One of them cannot be read or says something unusable.
    """
    ours = Path("tracker.toml")
    settings = _read_toml(ours) if ours.exists() else FileSettings()
    if settings.backends:
        return settings
    return settings._replace(backends=_read_torchx(environ))


def _read_toml(path: Path) -> FileSettings:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from error
    _refuse_unknown(path, content, _KEYS)
    tables = content.get("backends", {})
    if not isinstance(tables, dict):
        message = f"{path}: backends must be tables such as [backends.sqlite]"
        raise ConfigError(message)
    return FileSettings(
        tuple(_backend(path, name, table) for name, table in tables.items()),
        _text(path, content, "experiment"),
        _text(path, content, "on_error"),
    )


def _backend(path: Path, name: str, table: object) -> BackendSetting:
    if not isinstance(table, dict):
        message = f"{path}: backends.{name} must be a table [backends.{name}]"
        raise ConfigError(message)
    _refuse_unknown(path, table, _BACKEND_KEYS)
    return BackendSetting(
        name, _text(path, table, "factory"), _text(path, table, "config")
    )


def _text(path: Path, table: Mapping[str, object], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        message = f"{path}: {key} must be text, not {type(value).__name__}"
        raise ConfigError(message)
    return value


def _refuse_unknown(path: Path, found: Iterable[str], known: tuple[str, ...]) -> None:
    for key in found:
        if key not in known:
            message = f"{path}: unknown key {key!r}; known are {', '.join(known)}"
            raise ConfigError(message)


def _read_torchx(environ: Mapping[str, str]) -> tuple[BackendSetting, ...]:
    named = environ.get("TORCHXCONFIG")
    if named and not Path(named).is_file():
        message = f"TORCHXCONFIG names {named!r}, which is no file; correct or unset it"
        raise ConfigError(message)
    homes = (Path("~").expanduser(), Path())
    paths = [Path(named)] if named else [path / ".torchxconfig" for path in homes]
    found: dict[str, BackendSetting] = {}
    for path in paths:
        if path.is_file():
            for backend in _read_ini(path):
                found.setdefault(backend.name, backend)
    return tuple(found.values())


def _read_ini(path: Path) -> list[BackendSetting]:
    from configparser import ConfigParser
    from configparser import Error as ParserError

    # The colon, an ini delimiter too, is part of package.module:factory.
    parser = ConfigParser(delimiters=("=",), interpolation=None, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case, as documented
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except (OSError, ValueError, ParserError) as error:
        raise _unusable(path, error) from error
    if not parser.has_section("torchx:tracker"):
        return []
    return [
        BackendSetting(
            name,
            factory or None,
            parser.get(f"tracker:{name}", "config", fallback=None),
        )
        for name, factory in parser.items("torchx:tracker")
    ]


def _unusable(path: Path, error: Exception) -> ConfigError:
    # A parser's own message can quote the line at fault, and with it a secret.
    reason = (
        os.strerror(error.errno) if isinstance(error, OSError) and error.errno else ""
    )
    where = getattr(error, "lineno", None)
    place = f" at line {where}" if where else ""
    return ConfigError(
        f"{path} cannot be read{place}: {reason or type(error).__name__}; correct it"
    )
