"""Settings of a run, from whatever a job keeps them in.

Nested mappings become dotted keys: ``{"optimizer": {"lr": 0.1}}`` is the param
``optimizer.lr``. Lists stay whole, an empty mapping stays a leaf, and path objects,
which command lines are full of, become text.
"""

import sys
from collections.abc import Mapping
from os import PathLike, fspath
from types import SimpleNamespace

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.records import ParamsBody
from tracker_core.values import Value, check_name, check_value

__all__ = ["params_body"]

_EXPECTED = "a mapping, an argparse.Namespace or a dataclass instance"
_MAX_DEPTH = 64


def params_body(config: object) -> ParamsBody:
    """Check and flatten settings as a job gave them.

    Args:
        config: A mapping with text keys, nested at will; a namespace; a dataclass
            instance. Mappings, namespaces and dataclasses inside it are taken too.

    Raises:
        UnsupportedTypeError: It is none of these, or holds a type that is not kept.
        InvalidValueError: A key is empty, a value lies outside what is allowed, or the
            nesting goes deeper than 64 levels.
    """
    fields = _fields(config)
    if fields is None:
        raise UnsupportedTypeError("params", type(config).__qualname__, _EXPECTED)
    return ParamsBody(dict(_flat("", fields, 1)))


def _flat(
    prefix: str, fields: Mapping[str, object], depth: int
) -> list[tuple[str, Value]]:
    if depth > _MAX_DEPTH:
        message = f"params nest deeper than {_MAX_DEPTH} levels at {prefix!r}"
        raise InvalidValueError(message)
    leaves: list[tuple[str, Value]] = []
    for key, value in fields.items():
        name = prefix + check_name(key, f"param key under {prefix!r}")
        nested = _fields(value)
        if nested:
            leaves += _flat(f"{name}.", nested, depth + 1)
        else:
            leaf = value if nested is None else {}
            leaf = fspath(leaf) if isinstance(leaf, PathLike) else leaf
            leaves.append((name, check_value(leaf, f"param {name!r}")))
    return leaves


def _fields(value: object) -> Mapping[str, object] | None:
    if isinstance(value, Mapping):
        return value
    # Only a program that uses these modules can hand over what they make.
    argparse = sys.modules.get("argparse")
    namespaces = (SimpleNamespace, argparse.Namespace) if argparse else SimpleNamespace
    if isinstance(value, namespaces):
        return vars(value)
    if hasattr(type(value), "__dataclass_fields__"):
        fields = sys.modules["dataclasses"].fields(value)
        return {field.name: getattr(value, field.name) for field in fields}
    return None
