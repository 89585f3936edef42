"""From a configuration to a tracker.

====================================  ================================================
``s3://bucket/prefix``, ``/a/dir``    a URL that fsspec knows, or a directory
``{"url": "s3://…", "key": …}``       the same with options of the filesystem
``{"protocol": "s3",``                its parts, with options; values keep their type
``"root_path": "bucket/prefix", …}``
``/a/file`` or the URL of a file      torchx's ``key=value`` lines, with the keys
                                      ``protocol``, ``root_path`` and options
====================================  ================================================

A relative path, of a directory or of a file, starts where the job was launched.

A configuration may hold passwords: no message repeats it but for the names of keys,
protocols and, without user and password, locations.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import cast

import fsspec
from fsspec.core import url_to_fs

from tracker_core.errors import BackendUnavailableError, ConfigError
from tracker_core.settings import launch_path
from tracker_fsspec.remotes import check_usable, with_patience
from tracker_fsspec.settings_file import parse_settings
from tracker_fsspec.store import Store, reason_of
from tracker_fsspec.tracker import FsspecTracker

__all__ = ["create"]

_Opened = tuple[fsspec.AbstractFileSystem, str]

_LOCAL = ("file", "local")
_LOCAL_PREFIXES = ("file://", "local://", "file:", "local:")

_FORMS = (
    "set its config (TRACKER_FSSPEC_CONFIG, where the backend is called fsspec) to a "
    "directory, to a URL such as s3://bucket/prefix, "
    'to {"protocol": "s3", "root_path": "bucket/prefix"} with options, '
    "or to a file with the lines protocol=… and root_path=…"
)


def create(config: str | None = None) -> FsspecTracker:
    """Return a tracker on the directory that ``config`` describes.

    A directory on a local disk is made, and a file is written in it and removed
    again. An object store is asked, for some eight seconds at the most, whether it may
    be listed. Elsewhere than on a disk nothing is written before the first batch.

    Args:
        config: One of the forms above.

    Raises:
        ConfigError: It is none of them, or the directory cannot be used.
        BackendUnavailableError: The package of the protocol is not installed.
    """
    if config is None or not config.strip():
        raise ConfigError(f"the backend fsspec has no place to write to; {_FORMS}")
    fs, root = _open(config.strip())
    store = Store(fs, root)
    if store.is_local:
        _prepare(store.visible_root)
    return FsspecTracker(fs, root)


def _open(config: str) -> _Opened:
    if config.startswith("{"):
        return _from_options(_json_object(config), "the JSON configuration")
    fs, path = _from_url(config, {})
    if not fs.isfile(path):
        return fs, path
    where = f"the configuration file {Store(fs, path).visible_root!r}"
    try:
        options = parse_settings(fs.cat_file(path).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is no text; {_FORMS}") from None
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {reason_of(error)}") from error
    return _from_options(options, where)


def _json_object(text: str) -> dict[str, object]:
    try:
        # What begins with a brace is an object or no JSON.
        return cast("dict[str, object]", json.loads(text))
    except ValueError as error:
        # Its text tells the place, its attributes would tell the document.
        message = f"the JSON configuration cannot be read: {error}; {_FORMS}"
        raise ConfigError(message) from None


def _from_options(options: Mapping[str, object], where: str) -> _Opened:
    rest = dict(options)
    if "url" in options:
        return _from_url(_text(rest, "url", where), _unmixed(rest, where))
    missing = [name for name in ("protocol", "root_path") if not options.get(name)]
    if missing:
        raise ConfigError(f"{where} lacks {' and '.join(missing)}; {_FORMS}")
    protocol = _text(rest, "protocol", where)
    root = _text(rest, "root_path", where)
    return _at(protocol, root, rest)


def _from_url(url: str, options: Mapping[str, object]) -> _Opened:
    protocol = fsspec.utils.get_protocol(url)
    if protocol in _LOCAL:
        return _at(protocol, url, options)
    patient = with_patience(protocol, options)
    return _opened(protocol, lambda: cast("_Opened", url_to_fs(url, **patient)))


def _at(protocol: str, root: str, options: Mapping[str, object]) -> _Opened:
    place = _from_launch(root) if protocol in _LOCAL else root
    patient = with_patience(protocol, options)
    return _opened(protocol, lambda: (fsspec.filesystem(protocol, **patient), place))


def _from_launch(place: str) -> str:
    """Return the absolute path of what a local URL or path names."""
    prefixes = (prefix for prefix in _LOCAL_PREFIXES if place.startswith(prefix))
    path = place.removeprefix(next(prefixes, ""))
    try:
        return str(launch_path(path))
    except RuntimeError as error:
        message = (
            f"the path {path!r} cannot be used: {error}; name a directory without '~'"
        )
        raise ConfigError(message) from error


def _opened(protocol: str, open_it: Callable[[], _Opened]) -> _Opened:
    """Call ``open_it``, and say what is wrong without repeating what it was given."""
    try:
        fsspec.get_filesystem_class(protocol)
    except ValueError:
        message = f"fsspec knows no protocol {protocol!r}; {_FORMS}"
        raise ConfigError(message) from None
    except ImportError as error:
        raise _unavailable(protocol, error) from error
    try:
        fs, root = open_it()
    except ImportError as error:
        raise _unavailable(protocol, error) from error
    except (ValueError, TypeError, OSError) as error:
        message = (
            f"fsspec cannot open {protocol!r} as configured: {reason_of(error)}; "
            "check location and options"
        )
        raise ConfigError(message) from None
    check_usable(Store(fs, root))
    return fs, root


def _unavailable(protocol: str, error: ImportError) -> BackendUnavailableError:
    cause = error.__cause__
    module = (cause.name if isinstance(cause, ImportError) else error.name) or protocol
    remedy = f"of {protocol}:// fsspec says: {error.msg or 'install it'}"
    return BackendUnavailableError("fsspec", module, remedy)


def _prepare(root: str) -> None:
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=root) as file:
            file.write(b"tracker")
    except OSError as error:
        message = (
            f"the directory {root!r} cannot be written: {reason_of(error)}; that is "
            "needed for reading too; name another, change its rights, or make room"
        )
        raise ConfigError(message) from error


def _unmixed(options: dict[str, object], where: str) -> dict[str, object]:
    mixed = [name for name in ("protocol", "root_path") if name in options]
    if mixed:
        raise ConfigError(f"{where} has url and {' and '.join(mixed)}; keep one form")
    return options


def _text(options: dict[str, object], name: str, where: str) -> str:
    value = options.pop(name)
    if not isinstance(value, str):
        kind = type(value).__name__
        raise ConfigError(f"{where}: {name} is of the type {kind}; write text")
    return value
