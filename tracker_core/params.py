"""Settings of a run, from whatever a job keeps them in.

Nested mappings become dotted keys: ``{"optimizer": {"lr": 0.1}}`` is the param
``optimizer.lr``. Lists stay whole, an empty mapping stays a leaf. What objects hold
settings, :mod:`tracker_core.unwrapping` says; of a file it is
:mod:`tracker_core.configs`.
"""

from collections.abc import Mapping
from itertools import pairwise
from os import PathLike

from tracker_core.errors import (
    InvalidValueError,
    KeyConflictError,
    UnsupportedTypeError,
)
from tracker_core.records import ParamsBody
from tracker_core.unwrapping import type_name, unwrapped
from tracker_core.values import Value, check_name, check_value

__all__ = ["nested", "params_body"]

_EXPECTED = (
    "a mapping, an argparse.Namespace, a dataclass, pydantic, attrs or OmegaConf "
    "object, or pathlib.Path(…) of a JSON, YAML or TOML file"
)
_EXPECTED_OF_TEXT = "pathlib.Path(…) of it if it names a file, else a mapping"
_MAX_DEPTH = 64


def params_body(config: object) -> ParamsBody:
    """Check and flatten settings as a job gave them.

    Two spellings of one key, nested and with a dot, are one key: the later counts.

    Args:
        config: A mapping with text keys, nested at will; a namespace; an object of a
            dataclass, of pydantic (by alias), attrs or OmegaConf; or a path object of a
            JSON, YAML or TOML file. All but the last are taken within it too.

    Raises:
        UnsupportedTypeError: It is none of these, or holds a type that is not kept.
        InvalidValueError: A key is empty, a value lies outside what is allowed, or the
            nesting goes deeper than 64 levels.
        ConfigError: The file cannot be read.
    """
    if isinstance(config, PathLike):
        from tracker_core.configs import read_config

        config = read_config(config)
    fields = unwrapped(config, "params")
    if not isinstance(fields, Mapping):
        expected = _EXPECTED_OF_TEXT if isinstance(config, str) else _EXPECTED
        raise UnsupportedTypeError("params", type_name(config), expected)
    return ParamsBody(dict(_flat("", fields)))


def nested(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return dotted keys as mappings within mappings, sorted by key.

    Every dot divides: ``a..b`` is ``b`` within an empty key within ``a``.

    Raises:
        KeyConflictError: A key is a value and holds others too.
    """
    keys = sorted(values, key=lambda key: key.split("."))
    # In this order what a key holds follows it at once.
    for key, following in pairwise(keys):
        if following.startswith(f"{key}."):
            raise KeyConflictError(key, following)
    found: dict[str, Value] = {}
    for key in keys:
        *groups, last = key.split(".")
        inner = found
        for group in groups:
            inner = inner.setdefault(group, {})  # type: ignore[assignment]  # no value has the key
        inner[last] = values[key]
    return found


def _flat(prefix: str, fields: Mapping[str, object]) -> list[tuple[str, Value]]:
    leaves: list[tuple[str, Value]] = []
    under = f" under {prefix!r}" if prefix else ""
    for key, value in fields.items():
        name = prefix + check_name(key, f"param key{under}")
        _check_depth(name)
        what = f"param {name!r}"
        inner = unwrapped(value, what)
        if isinstance(inner, Mapping) and inner:
            leaves += _flat(f"{name}.", inner)
        else:
            leaves.append((name, check_value(inner, what)))
    return leaves


def _check_depth(name: str) -> None:
    if name.count(".") >= _MAX_DEPTH:
        first = name.partition(".")[0]
        message = (
            f"params nest deeper than {_MAX_DEPTH} levels under {first!r}; "
            "flatten them, and see that nothing holds itself"
        )
        raise InvalidValueError(message)
