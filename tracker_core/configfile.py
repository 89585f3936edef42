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
replaces ``.torchxconfig``, where section ``[torchx:tracker]`` lists them (``name =
package.module:factory``, or an empty value) and ``[tracker:<name>]`` holds the
``config`` of one, listed or not. As in torchx, what the file in the home says goes
before what the one in the working directory says.

A file may hold secrets: an error names the file and the line, never what stands there.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tracker_core.errors import ConfigError

if TYPE_CHECKING:
    from configparser import ConfigParser

__all__ = ["BackendSetting", "FileSettings", "parse_backends", "read_files"]

_KEYS = ("experiment", "on_error", "backends")
_BACKEND_KEYS = ("factory", "config")
_LISTED, _ONE = "torchx:tracker", "tracker:"
# The errors of tomllib and of configparser tell the line in their text alone.
_LINE = re.compile(r"\(at line (\d+), column \d+\)$|\[line +(\d+)\]")


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
        unlisted: Backends that are configured, and used only where they are named.
    """

    backends: tuple[BackendSetting, ...] = ()
    experiment: str | None = None
    on_error: str | None = None
    unlisted: tuple[BackendSetting, ...] = ()


def parse_backends(text: str) -> tuple[BackendSetting, ...]:
    """Read a comma list of backends; blanks are trimmed, duplicates dropped.

    Raises:
        ConfigError: A name or a factory is empty, or one name has two factories.
    """
    found: dict[str, BackendSetting] = {}
    for item in text.split(","):
        if not item.strip():
            continue
        name, equals, factory = (part.strip() for part in item.partition("="))
        if not name or (equals and not factory):
            message = (
                f"backend {item.strip()!r} lacks its name or its factory; write name, "
                "name=package.module:factory or package.module:factory"
            )
            raise ConfigError(message)
        backend = BackendSetting(name, factory or None)
        if found.setdefault(name, backend) != backend:
            message = f"backend {name!r} is listed with two factories; keep one of them"
            raise ConfigError(message)
    return tuple(found.values())


def read_files(environ: Mapping[str, str]) -> FileSettings:
    """Read the configuration files that exist.

    Raises:
        ConfigError: One of them cannot be read or says something unusable.
    """
    ours = Path("tracker.toml")
    settings = _read_toml(ours) if os.access(ours, os.F_OK) else FileSettings()
    if settings.backends:
        return settings
    backends, unlisted = _read_torchx(environ)
    return settings._replace(backends=backends, unlisted=unlisted)


def _read_toml(path: Path) -> FileSettings:
    import tomllib

    text = _content(path)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(path, error, _line_of(error, text)) from None
    _refuse_unknown(str(path), content, _KEYS)
    tables = content.get("backends", {})
    if not isinstance(tables, dict):
        message = f"{path}: backends must be tables such as [backends.sqlite]"
        raise ConfigError(message)
    return FileSettings(
        tuple(_backend(path, name, table) for name, table in tables.items()),
        _text(str(path), content, "experiment"),
        _text(str(path), content, "on_error"),
    )


def _backend(path: Path, name: str, table: object) -> BackendSetting:
    if not isinstance(table, dict):
        message = f"{path}: backends.{name} must be a table [backends.{name}]"
        raise ConfigError(message)
    place = f"{path}, [backends.{name}]"
    _refuse_unknown(place, table, _BACKEND_KEYS)
    factory = _text(place, table, "factory")
    return _setting(path, name, factory, _text(place, table, "config"))


def _setting(
    path: Path, name: str, factory: str | None, config: str | None
) -> BackendSetting:
    # Others would not come through the list that a launcher hands to its job.
    if not name or name != name.strip() or set(name) & set(",="):
        message = (
            f"{path}: {name!r} cannot be a backend's name; use one without blanks "
            "around it, commas and equals signs"
        )
        raise ConfigError(message)
    return BackendSetting(name, (factory or "").strip() or None, config)


def _text(place: str, table: Mapping[str, object], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        message = f"{place}: {key} must be text, not {type(value).__name__}"
        raise ConfigError(message)
    return value


def _refuse_unknown(place: str, found: Iterable[str], known: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    for key in found:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"use {', '.join(known)}"
            message = f"{place}: unknown key {key!r}; {hint}"
            raise ConfigError(message)


def _read_torchx(
    environ: Mapping[str, str],
) -> tuple[tuple[BackendSetting, ...], tuple[BackendSetting, ...]]:
    listed: dict[str, BackendSetting] = {}
    configs: dict[str, str] = {}
    for path in _torchx_paths(environ):
        for name, factory in _listed(path):
            listed.setdefault(name, _setting(path, name, factory, None))
        for name, config in _configs(path):
            configs.setdefault(name, config)
    backends = [
        backend._replace(config=configs.pop(backend.name, None))
        for backend in listed.values()
    ]
    unlisted = [BackendSetting(name, None, config) for name, config in configs.items()]
    return tuple(backends), tuple(unlisted)


def _torchx_paths(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("TORCHXCONFIG")
    if named:
        if not os.access(named, os.R_OK):
            message = f"TORCHXCONFIG names {named!r}, which cannot be read; correct it"
            raise ConfigError(message)
        return [Path(named)]
    try:
        folders = (Path.home(), Path())
    except RuntimeError:  # a user id without a name and without HOME, as in containers
        folders = (Path(), Path())
    paths = dict.fromkeys(folder / ".torchxconfig" for folder in folders)
    # A home that may not be searched, as torchx has it, is one without the file.
    return [path for path in paths if os.access(path, os.R_OK)]


def _listed(path: Path) -> Iterable[tuple[str, str | None]]:
    # The colon, an ini delimiter too, is part of package.module:factory.
    parser = _parsed(path, "=")
    return parser.items(_LISTED) if parser.has_section(_LISTED) else ()


def _configs(path: Path) -> list[tuple[str, str]]:
    parser = _parsed(path, "=:")
    return [
        (section.removeprefix(_ONE).strip(), config)
        for section in parser.sections()
        if section.startswith(_ONE)
        for key, config in parser.items(section)
        if key == "config" and config is not None
    ]


def _parsed(path: Path, delimiters: str) -> "ConfigParser":
    from configparser import ConfigParser
    from configparser import Error as ParserError

    parser = ConfigParser(
        delimiters=tuple(delimiters),
        interpolation=None,
        allow_no_value=True,
        # Where the colon counts, two factories of one module share their key.
        strict=":" not in delimiters,
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case, as documented
    text = _content(path)
    try:
        parser.read_string(text, str(path))
    except ParserError as error:
        raise _unusable(path, error, _line_of(error, text)) from None
    return parser


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unusable(path, error) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _unusable(path, error, line) from None


def _unusable(path: Path, error: Exception, line: object = None) -> ConfigError:
    reason = (
        os.strerror(error.errno)
        if isinstance(error, OSError) and error.errno
        else _reason(error)
    )
    place = f" at line {line}" if line else ""
    return ConfigError(f"{path} cannot be read{place}: {reason}; correct it")


def _reason(error: Exception) -> str:
    # A parser may quote what it found, and with it a secret; the one for TOML does so
    # for keys alone, in brackets.
    reason = str(error).partition(" (at ")[0]
    is_safe = type(error).__module__ == "tomllib" and "(" not in reason
    return reason if is_safe else type(error).__name__


def _line_of(error: Exception, text: str) -> object:
    line: object = getattr(error, "lineno", None)
    if line is not None:
        return line
    found = _LINE.search(str(error))
    if found:
        return found[1] or found[2]
    # tomllib says "at end of document"; too deep a nesting has no line.
    return None if isinstance(error, RecursionError) else text.count("\n") + 1
