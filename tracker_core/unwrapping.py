"""What is inside the objects that jobs keep settings and results in.

Libraries are recognised without being imported: only a program that uses one can hand
over what it makes.
"""

import sys
from collections.abc import Callable
from enum import Enum
from math import prod
from os import PathLike, fspath
from types import NoneType, SimpleNamespace

from tracker_core.errors import InvalidValueError, TrackerError

__all__ = ["type_name", "unwrapped"]

_LARGEST_ARRAY = 10_000
_MOST_LAYERS = 64
_PLAIN = frozenset({str, int, float, bool, NoneType, list, tuple, dict})


def unwrapped(value: object, what: str) -> object:
    """Return the plain object within ``value``, or ``value`` itself.

    Pydantic models and dataclasses (by alias), dataclasses, attrs objects, namespaces
    and OmegaConf containers become mappings or lists, arrays lists or numbers, enum
    members their values, path objects text, dates and times ISO 8601 text. What is
    inside a mapping or a list is left as it is.

    Args:
        value: Anything.
        what: The thing's name in an error message, for example ``param 'lr'``.

    Raises:
        InvalidValueError: An array is large, an OmegaConf value is missing, or the
            object's own code fails when it is asked what it holds.
    """
    for _ in range(_MOST_LAYERS):
        inner = _inner(value, what)
        if inner is value:
            return value
        value = inner
    message = f"{what} is an object in more than {_MOST_LAYERS} others; unwrap it"
    raise InvalidValueError(message)


def type_name(value: object) -> str:
    """Return the name of the type of ``value``, or that ``value`` is a type itself."""
    if isinstance(value, type):
        return f"type[{_full_name(value)}]"
    return _full_name(type(value))


def _full_name(kind: type) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _inner(value: object, what: str) -> object:
    if type(value) in _PLAIN or isinstance(value, type):
        return value  # a class is no object of its kind
    try:
        for unwrap in _UNWRAPPERS:
            inner = unwrap(value, what)
            if inner is not value:
                return inner
    except TrackerError:
        raise
    except Exception as error:  # a serializer of the job's own may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"{what}: {type_name(value)} cannot be read: {reason}"
        raise InvalidValueError(message) from error
    return value


def _container(value: object, what: str) -> object:
    omegaconf = sys.modules.get("omegaconf")
    if omegaconf is None or not omegaconf.OmegaConf.is_config(value):
        return value
    try:
        return omegaconf.OmegaConf.to_container(
            value, resolve=True, throw_on_missing=True
        )
    except omegaconf.errors.OmegaConfBaseException as error:
        message = f"{what}: {_reason(error)}; set it before logging"
        raise InvalidValueError(message) from error


def _reason(error: Exception) -> str:
    # The text names only the last part of a key that is missing.
    key, full_key = getattr(error, "key", None), getattr(error, "full_key", None)
    first = str(error).partition("\n")[0]
    if full_key and first.endswith(f": {key}"):
        return f"{first.removesuffix(str(key))}{full_key}"
    return f"{first} (at {full_key})" if full_key else first


def _single(value: object, _what: str) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PathLike):
        return fspath(value)
    datetime = sys.modules.get("datetime")
    if datetime and isinstance(value, datetime.date | datetime.time):
        text: str = value.isoformat()  # a datetime is a date
        return text
    return value


def _model(value: object, _what: str) -> object:
    kind = type(value)
    if hasattr(kind, "model_fields") and hasattr(kind, "model_dump"):
        return _dumped(kind.model_dump, value)
    if hasattr(kind, "__fields__") and hasattr(kind, "parse_obj"):
        dump: Callable[..., object] = kind.dict  # type: ignore[attr-defined]  # pydantic before 2
        return dump(value, by_alias=True)
    if "__is_pydantic_dataclass__" in kind.__dict__:
        return _dumped(sys.modules["pydantic"].TypeAdapter(kind).dump_python, value)
    return value


def _dumped(dump: Callable[..., object], model: object) -> object:
    # All fields of a subclass, where the model declares the class alone. The second
    # option, of 2.7, also passes over the serializer that an annotation brings; the
    # first, of 2.13, does not.
    for option in ("polymorphic_serialization", "serialize_as_any"):
        try:
            # Values of a type that the model does not declare are checked here, so
            # nobody need be warned.
            return dump(model, by_alias=True, warnings=False, **{option: True})
        except TypeError:  # an older pydantic, or a ``model_dump`` of the job's own
            continue
    return dump(model, by_alias=True)


def _fields(value: object, _what: str) -> object:
    kind = type(value)
    argparse = sys.modules.get("argparse")
    namespaces = (SimpleNamespace, argparse.Namespace) if argparse else SimpleNamespace
    if isinstance(value, namespaces):
        return vars(value)
    if hasattr(kind, "__dataclass_fields__"):
        names = [field.name for field in sys.modules["dataclasses"].fields(value)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [attribute.name for attribute in kind.__attrs_attrs__]
    else:
        return value
    return {name: getattr(value, name) for name in names}


def _moments(value: object, _what: str) -> object:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray | numpy.datetime64):
        return value
    if value.dtype.kind != "M":
        return value
    # ``tolist`` makes bare numbers of what is finer than a microsecond.
    return numpy.datetime_as_string(value).tolist()


def _array(value: object, what: str) -> object:
    dimensions = getattr(value, "ndim", None)
    if not isinstance(dimensions, int) or _is_timedelta(value):
        return value
    if dimensions == 0:
        return _scalar(value)
    to_list = getattr(value, "tolist", None)
    if not callable(to_list):
        return value
    count = prod(getattr(value, "shape", ()))
    if count > _LARGEST_ARRAY:
        message = (
            f"{what} is an array of {count} elements; log a file of it, its summary, "
            f"or at most {_LARGEST_ARRAY} elements"
        )
        raise InvalidValueError(message)
    return to_list()


def _is_timedelta(array: object) -> bool:
    # A number of it alone would be without its unit.
    return getattr(getattr(array, "dtype", None), "kind", None) == "m"


def _scalar(array: object) -> object:
    # A masked one is None by ``tolist``, and a wrong number by ``item``.
    to_plain = getattr(array, "tolist", None) or getattr(array, "item", None)
    if not callable(to_plain):
        return array
    plain = to_plain()
    is_plain = plain is None or isinstance(plain, bool | int | float | str)
    return plain if is_plain and type(plain) is not type(array) else array


_UNWRAPPERS: tuple[Callable[[object, str], object], ...] = (
    _container,
    _single,
    _model,
    _fields,
    _moments,
    _array,
)
