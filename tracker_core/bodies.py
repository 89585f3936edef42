"""From what a job hands over to the body of a record: all kinds but params, metrics.

A function here checks its arguments and returns the body, or raises and nothing is
written.
"""

import math
from collections.abc import Mapping
from os import PathLike, fspath

from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.records import (
    LEVELS,
    ArtifactBody,
    LogBody,
    MetadataBody,
    SourceBody,
    SpanBody,
    TagsBody,
    TrackBody,
)
from tracker_core.values import (
    Value,
    check_mapping,
    check_name,
    check_text,
    check_value,
)

__all__ = [
    "RESERVED_PREFIX",
    "artifact_body",
    "check_level",
    "check_seconds",
    "log_body",
    "metadata_body",
    "source_body",
    "span_body",
    "tags_body",
    "track_body",
]

RESERVED_PREFIX = "tracker."
_RESERVED_KEYS = frozenset({"self", "run_id"})
_LEVEL_NAMES = {"warning": "warn", "critical": "fatal"}
# Words that the rows of a track use for its axis in one format or another.
_RESERVED_FIELDS = frozenset({"_ts", "timestamp", "time"})


def metadata_body(values: Mapping[str, object]) -> MetadataBody:
    """Check metadata as a job gave it.

    Raises:
        InvalidValueError: A key is empty, reserved (``self``, ``run_id``, or beginning
            with ``tracker.``), or a value lies outside what is allowed.
        UnsupportedTypeError: A value has a type that cannot be kept.
    """
    checked: dict[str, Value] = {}
    for key, value in values.items():
        name = check_name(key, "metadata key")
        if name in _RESERVED_KEYS or name.startswith(RESERVED_PREFIX):
            message = f"metadata key {name!r} is reserved; choose another"
            raise InvalidValueError(message)
        checked[name] = check_value(value, f"metadata {name!r}")
    return MetadataBody(checked)


def tags_body(tags: Mapping[str, str]) -> TagsBody:
    """Check tags as a job gave them.

    Raises:
        InvalidValueError: A key is empty, or a text cannot be kept.
        UnsupportedTypeError: The tags are no mapping, or the value of one is no text.
    """
    if not isinstance(tags, Mapping):
        raise UnsupportedTypeError("tags", type(tags).__qualname__, "a mapping")
    checked = {
        check_name(key, "tag key"): check_text(text, f"tag {key!r}")
        for key, text in tags.items()
    }
    return TagsBody(checked)


def artifact_body(
    name: str, path: object, metadata: Mapping[str, object] | None
) -> ArtifactBody:
    """Check a reference as a job gave it; ``path`` may be text or any path object.

    Raises:
        InvalidValueError: The name or the path is empty or cannot be kept.
        UnsupportedTypeError: One of the arguments has a type that cannot be kept.
    """
    checked_name = check_name(name, "artifact name")
    what = f"artifact {checked_name!r}"
    location = fspath(path) if isinstance(path, PathLike) else path
    about = None if metadata is None else check_mapping(metadata, f"metadata of {what}")
    return ArtifactBody(checked_name, check_name(location, f"path of {what}"), about)


def source_body(source_id: str, artifact_name: str | None) -> SourceBody:
    """Check an edge as a job gave it.

    Raises:
        InvalidValueError: The source id is empty, or one of them cannot be kept.
        UnsupportedTypeError: One of the arguments is no text.
    """
    source = check_name(source_id, "source id")
    if artifact_name is None:
        return SourceBody(source, None)
    # torchx writes an unnamed edge for an empty label.
    return SourceBody(source, check_text(artifact_name, "artifact name") or None)


def span_body(span_id: str, trace_id: str | None) -> SpanBody:
    """Check a place in a trace as a job gave it: any non-empty texts.

    Raises:
        InvalidValueError: One of them is empty or cannot be kept.
        UnsupportedTypeError: One of them is no text.
    """
    trace = None if trace_id is None else check_name(trace_id, "trace id")
    return SpanBody(trace, check_name(span_id, "span id"))


def log_body(
    message: str, level: str, metadata: Mapping[str, object] | None
) -> LogBody:
    """Check a message as a job gave it.

    Raises:
        InvalidValueError: There is no such level, or a text cannot be kept.
        UnsupportedTypeError: One of the arguments has a type that cannot be kept.
    """
    about = None if metadata is None else check_mapping(metadata, "metadata of the log")
    return LogBody(check_level(level), check_text(message, "log message"), about)


def check_level(level: str) -> str:
    """Return the level that is meant, in any letter case; ``warning`` is ``warn``.

    Raises:
        InvalidValueError: There is no such level.
        UnsupportedTypeError: It is no text.
    """
    word = check_text(level, "level").lower()
    name = _LEVEL_NAMES.get(word, word)
    if name not in LEVELS:
        message = f"level is {level!r}; use {', '.join(LEVELS)}"
        raise InvalidValueError(message)
    return name


def track_body(
    topic: str, timestamp: object, fields: Mapping[str, object]
) -> TrackBody:
    """Check an entry of a track as a job gave it; nested mappings are flattened.

    Args:
        topic: Any name.
        timestamp: Seconds, a finite int or float.
        fields: Field → value; ``{"pose": {"x": 1}}`` is the field ``pose.x``.

    Raises:
        InvalidValueError: The topic or a field is empty or reserved, or a value or the
            timestamp lies outside what is allowed.
        UnsupportedTypeError: One of the arguments has a type that cannot be kept.
    """
    name = check_name(topic, "topic")
    reserved = sorted(_RESERVED_FIELDS & fields.keys())
    if reserved:
        message = (
            f"field {reserved[0]!r} of topic {name!r} is reserved for the timestamp; "
            "give that as _ts, and the field another name"
        )
        raise InvalidValueError(message)
    seconds = check_seconds(timestamp, f"_ts of topic {name!r}")
    checked = check_mapping(fields, f"an entry of topic {name!r}")
    return TrackBody(name, seconds, _flat(checked, ""))


def check_seconds(seconds: object, what: str) -> float:
    """Return seconds as a finite float.

    Raises:
        InvalidValueError: They are NaN, infinite, or beyond every float.
        UnsupportedTypeError: They are no number.
    """
    checked = check_value(seconds, what)
    if isinstance(checked, bool) or not isinstance(checked, int | float):
        raise UnsupportedTypeError(what, type(seconds).__qualname__, "seconds")
    try:
        number = float(checked)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        message = f"{what} is {checked!r}; use finite seconds"
        raise InvalidValueError(message)
    return number + 0.0  # the zero without a sign


def _flat(values: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    leaves: dict[str, Value] = {}
    for key, value in values.items():
        name = f"{prefix}{check_name(key, 'field of a track')}"
        if isinstance(value, dict) and value:
            leaves.update(_flat(value, f"{name}."))
        else:
            leaves[name] = value
    return leaves
