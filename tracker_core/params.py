"""Settings of a run, from whatever a job keeps them in.

Nested mappings become dotted keys: ``{"optimizer": {"lr": 0.1}}`` is the param
``optimizer.lr``. Lists stay whole, and an empty mapping stays a leaf.
"""

import sys
from collections.abc import Mapping
from types import SimpleNamespace

from tracker_core.errors import UnsupportedTypeError
from tracker_core.records import ParamsBody
from tracker_core.values import Value, check_name, check_value

__all__ = ["params_body"]

_EXPECTED = "a mapping, an argparse.Namespace or a dataclass instance"


def params_body(config: object) -> ParamsBody:
    """Check and flatten settings as a job gave them.

    Args:
        config: A mapping with text keys, nested at will; a namespace; a dataclass
            instance. Mappings, namespaces and dataclasses inside it are taken too.

    Raises:
        UnsupportedTypeError: It is none of these, or holds a type that is not kept.
        InvalidValueError: A key is empty, or a value lies outside what is allowed.
    """
    fields = _fields(config)
    if fields is None:
        raise UnsupportedTypeError("params", type(config).__qualname__, _EXPECTED)
    return ParamsBody(dict(_flat("", fields)))


def _flat(prefix: str, fields: Mapping[str, object]) -> list[tuple[str, Value]]:
    leaves: list[tuple[str, Value]] = []
    for key, value in fields.items():
        name = prefix + check_name(key, f"param key under {prefix!r}")
        nested = _fields(value)
        if nested:
            leaves += _flat(f"{name}.", nested)
        else:
            leaf = value if nested is None else {}
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
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    return None
