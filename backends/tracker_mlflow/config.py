"""From a configuration to a tracker.

=======================================  =============================================
``http://host:5000``, ``sqlite:///a.db``  a tracking URI, as MLflow itself takes it
``{"tracking_uri": "…", …}``              the same with options
``/a/file``, ``/a/dir``                   torchx's INI file, or the directory of a
                                          ``.torchxconfig``: the section
                                          ``[tracker:mlflow]``
=======================================  =============================================

Options are ``experiment_name`` – where runs go that name no experiment – and
``artifact_location`` of experiments that are made. Without a configuration the tracking
URI is that of ``MLFLOW_TRACKING_URI``.

A configuration may hold passwords: no message repeats it.
"""

import json
import os
import re
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path

from tracker_core.errors import ConfigError
from tracker_core.settings import launch_path
from tracker_mlflow.foreign import ForeignRuns
from tracker_mlflow.server import Server
from tracker_mlflow.tracker import MlflowTracker

__all__ = ["create", "create_foreign"]

_SECTION = "tracker:mlflow"
_OPTIONS = ("tracking_uri", "experiment_name", "artifact_location")
_URI = re.compile(r"[a-zA-Z][\w+.-]*:")
_DATABASE = "sqlite:///"
_WORDS = ("databricks", "uc")
_FORMS = (
    "set its config (TRACKER_MLFLOW_CONFIG, where the backend is called mlflow) or "
    "MLFLOW_TRACKING_URI to a tracking URI such as http://host:5000 or "
    "sqlite:///mlflow.db, or the config to an INI file with the section "
    f"[{_SECTION}], or to a JSON object with tracking_uri"
)


def create(config: str | None = None) -> MlflowTracker:
    """Return a tracker on the server that ``config`` describes.

    Nobody is contacted yet.

    Args:
        config: One of the forms above.

    Raises:
        ConfigError: It is none of them.
    """
    options = _options((config or "").strip())
    return MlflowTracker(
        _server(options),
        options.get("experiment_name") or "Default",
        options.get("artifact_location"),
    )


def create_foreign(config: str | None = None) -> ForeignRuns:
    """Return a tracker on the runs that others logged to a server; it is read only.

    Args:
        config: As for :func:`create`.

    Raises:
        ConfigError: It is no such form.
    """
    return ForeignRuns(_server(_options((config or "").strip())))


def _server(options: Mapping[str, str]) -> Server:
    uri = options.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.strip():
        raise ConfigError(f"the backend mlflow has no server to write to; {_FORMS}")
    return Server(_from_launch(uri.strip()))


def _from_launch(uri: str) -> str:
    """Return the URI of a database file with its absolute path."""
    path = uri.removeprefix(_DATABASE)
    if path == uri or path.startswith("/"):
        return uri
    return f"{_DATABASE}{launch_path(path)}"


def _options(config: str) -> dict[str, str]:
    if not config:
        return {}
    if config.startswith("{"):
        return _checked(_json_object(config), "the JSON configuration")
    if _URI.match(config) or config in _WORDS:
        return {"tracking_uri": config}
    return _from_file(launch_path(config))


def _json_object(text: str) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads(text)
    except ValueError as error:
        # Its text tells the place, its attributes would tell the document.
        message = f"the JSON configuration cannot be read: {error}; {_FORMS}"
        raise ConfigError(message) from None
    return found


def _from_file(path: Path) -> dict[str, str]:
    file = path / ".torchxconfig" if path.is_dir() else path
    where = f"the configuration file {str(file)!r}"
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # as its manual says
    try:
        parser.read_string(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        message = f"{where} cannot be read: {error.strerror}; {_FORMS}"
        raise ConfigError(message) from error
    except (IniError, UnicodeDecodeError):
        raise ConfigError(f"{where} is no INI file; {_FORMS}") from None
    if not parser.has_section(_SECTION):
        raise ConfigError(f"{where} has no section [{_SECTION}]; {_FORMS}")
    found = dict(parser[_SECTION])
    found.pop("config", None)  # that is what torchx calls this file
    return _checked(found, where)


def _checked(found: Mapping[str, object], where: str) -> dict[str, str]:
    unknown = sorted(found.keys() - set(_OPTIONS))
    if unknown:
        message = (
            f"{where} has the unknown option {unknown[0]!r}; the options are "
            f"{', '.join(_OPTIONS)}"
        )
        raise ConfigError(message)
    options: dict[str, str] = {}
    for name, value in found.items():
        if not isinstance(value, str):
            kind = type(value).__name__
            raise ConfigError(f"{where}: {name} is of the type {kind}; write text")
        options[name] = value
    return options
