"""Settings in files.

YAML is read as PyYAML does it, which is YAML 1.1: ``1e-3`` is text there and ``1.0e-3``
a number, ``on`` and ``no`` are bools.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tracker_core.errors import ConfigError

__all__ = ["read_config"]


def read_config(path: "os.PathLike[str]") -> Mapping[str, object]:
    """Return what a JSON, YAML or TOML file says; its suffix tells which it is.

    Args:
        path: A file in UTF-8, with or without a byte order mark.

    Raises:
        ConfigError: It cannot be read, is none of these, is wrong, or is no mapping;
            or a package that reads it is missing.
    """
    file = Path(os.fsdecode(path))
    what = f"config {str(file)!r}"
    read = _READERS.get(file.suffix.lower())
    if read is None:
        raise ConfigError(f"{what} is none of {', '.join(_READERS)}; rename it")
    found = _read(file, read, what)
    if not isinstance(found, Mapping):
        kind = "nothing" if found is None else f"a {type(found).__name__}"
        message = f"{what} holds {kind}; make it a mapping of names and values"
        raise ConfigError(message)
    return found


def _read(file: Path, read: Callable[[str], object], what: str) -> object:
    try:
        return read(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        message = f"{what} cannot be read: {error.strerror or error}; check it"
        raise ConfigError(message) from error
    except ImportError as error:
        message = f"{what} needs the package pyyaml; install tracker-core[yaml]"
        raise ConfigError(message) from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{what} is wrong: {reason}; put it right") from error


def _from_json(text: str) -> object:
    import json

    return json.loads(text)


def _from_toml(text: str) -> object:
    import tomllib

    return tomllib.loads(text)


def _from_yaml(text: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        # Its own text shows the line, in which a secret may stand.
        mark = error.problem_mark or error.context_mark
        message = f"{error.problem or error.context}: {_place(mark)}"
        raise ValueError(message) from None
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    except (AttributeError, LookupError, TypeError) as error:
        # How PyYAML fails at a value that is not of its tag: ``!!bool maybe``.
        message = f"a value does not fit its tag ({type(error).__name__}: {error})"
        raise ValueError(message) from error


def _place(mark: object) -> str:
    line, column = getattr(mark, "line", None), getattr(mark, "column", None)
    if line is None or column is None:
        return "place unknown"
    return f"line {line + 1} column {column + 1}"


_READERS: Mapping[str, Callable[[str], object]] = {
    ".json": _from_json,
    ".toml": _from_toml,
    ".yaml": _from_yaml,
    ".yml": _from_yaml,
}
