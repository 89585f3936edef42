"""What the lines of ``tracker log --stdin`` say: one JSON object is one record.

::

    {"param": {"lr": 0.1}}
    {"metric": {"loss": 0.5, "train/acc": 0.9}, "step": 3}
    {"tag": {"device": "gpu0"}}
    {"text": "begun", "level": "info"}
    {"artifact": "model", "path": "model.pt", "reference": false}

The step, the level and ``reference`` may be left out. Other keys are refused, so that
a misspelt one is not lost.
"""

import json
from collections.abc import Callable, Mapping

from tracker_core.bodies import artifact_body, log_body, tags_body
from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.metrics import metrics_body
from tracker_core.params import params_body
from tracker_core.shelllog import Entry, FileEntry
from tracker_core.values import check_mapping, check_name

__all__ = ["read_line"]


def read_line(line: bytes) -> Entry:
    """Return what a line says.

    Raises:
        InvalidValueError: It is no such object, or a value lies outside what is
            allowed.
        UnsupportedTypeError: A value has a type that is not kept.
    """
    told = _told(line)
    kinds = [kind for kind in _KINDS if kind in told]
    if len(kinds) != 1:
        message = f"it has {len(kinds)} of the keys {', '.join(_KINDS)}; give it one"
        raise InvalidValueError(message)
    (kind,) = kinds
    others = _OTHERS[kind]
    for key in told:
        if key != kind and key not in others:
            known = f"only {', '.join(others)}" if others else "nothing"
            message = f"{kind} has {known} beside it, no {key!r}"
            raise InvalidValueError(message)
    return _KINDS[kind](told)


def _told(line: bytes) -> Mapping[str, object]:
    try:
        told: object = json.loads(line)
    except json.JSONDecodeError as error:
        message = f"it is no JSON: {error.msg} at character {error.colno}"
        raise InvalidValueError(message) from error
    except UnicodeDecodeError as error:
        message = "it is no JSON, since it is no UTF-8"
        raise InvalidValueError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"it cannot be read as JSON: {error}"
        raise InvalidValueError(message) from error
    if not isinstance(told, dict):
        message = 'it is no JSON object, such as {"param": {"lr": 0.1}}'
        raise InvalidValueError(message)
    return told


def _params(told: Mapping[str, object]) -> Entry:
    return params_body(check_mapping(told["param"], "param"))


def _metrics(told: Mapping[str, object]) -> Entry:
    return metrics_body(check_mapping(told["metric"], "metric"), told.get("step"))


def _tags(told: Mapping[str, object]) -> Entry:
    return tags_body(told["tag"])  # type: ignore[arg-type]  # it is checked there


def _text(told: Mapping[str, object]) -> Entry:
    return log_body(told["text"], told.get("level", "info"), None)  # type: ignore[arg-type]  # they are checked there


def _artifact(told: Mapping[str, object]) -> Entry:
    name = check_name(told["artifact"], "artifact name")
    path = check_name(told.get("path", ""), f"path of artifact {name!r}")
    is_reference = told.get("reference", False)
    if not isinstance(is_reference, bool):
        kind = type(is_reference).__qualname__
        raise UnsupportedTypeError("reference", kind, "true or false")
    return artifact_body(name, path, None) if is_reference else FileEntry(name, path)


_KINDS: dict[str, Callable[[Mapping[str, object]], Entry]] = {
    "param": _params,
    "metric": _metrics,
    "tag": _tags,
    "text": _text,
    "artifact": _artifact,
}
_OTHERS: dict[str, tuple[str, ...]] = {
    "param": (),
    "metric": ("step",),
    "tag": (),
    "text": ("level",),
    "artifact": ("path", "reference"),
}
