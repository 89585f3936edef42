"""What a job hands over is checked before it becomes a record."""

import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from tracker_core.bodies import (
    artifact_body,
    check_level,
    check_seconds,
    log_body,
    metadata_body,
    source_body,
    span_body,
    tags_body,
    track_body,
)
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

if TYPE_CHECKING:
    from tracker_core.values import Value


def test_metadata_is_checked() -> None:
    """Values become plain, keys and types stay."""
    assert metadata_body({"a": (1,), "b c": None}) == MetadataBody(
        {"a": [1], "b c": None}
    )


@pytest.mark.parametrize("key", ["self", "run_id", "tracker.", "tracker.params.lr"])
def test_metadata_keys_that_are_reserved_are_refused(key: str) -> None:
    """They could not reach a plain tracker, or would be taken for ours."""
    with pytest.raises(InvalidValueError, match=f"{key!r} is reserved"):
        metadata_body({"good": 1, key: 1})


@pytest.mark.parametrize("key", ["tracker", "Tracker.x", "xtracker.", "runid"])
def test_metadata_keys_that_look_reserved_are_free(key: str) -> None:
    """Only the prefix itself and the two names are taken."""
    assert metadata_body({key: 1}) == MetadataBody({key: 1})


@pytest.mark.parametrize(
    ("path", "kept"),
    [("s3://b/k", "s3://b/k"), (Path("/a/b"), "/a/b"), (PurePosixPath("a"), "a")],
)
def test_artifact_path_is_text_or_a_path(path: object, kept: str) -> None:
    """Path objects of all sorts become text."""
    assert artifact_body("n", path, None) == ArtifactBody("n", kept, None)


def test_artifact_metadata_is_checked() -> None:
    """None stays None, and an empty mapping stays one."""
    assert artifact_body("n", "p", {}) == ArtifactBody("n", "p", {})
    assert artifact_body("n", "p", {"a": (1,)}) == ArtifactBody("n", "p", {"a": [1]})


_REFUSED: dict[str, Callable[[], object]] = {
    "metadata 'x' has the type object": lambda: metadata_body({"x": object()}),
    "metadata key is empty": lambda: metadata_body({"": 1}),
    "artifact name is empty": lambda: artifact_body("", "p", None),
    "artifact name has the type int": lambda: artifact_body(1, "p", None),  # type: ignore[arg-type]  # what is tested
    "path of artifact 'n' is empty": lambda: artifact_body("n", "", None),
    "path of artifact 'n' has the type int": lambda: artifact_body("n", 1, None),
    "metadata of artifact 'n'.* bytes": lambda: artifact_body("n", "p", {"x": b""}),
    "source id is empty": lambda: source_body("", None),
    "source id has the type NoneType": lambda: source_body(None, None),  # type: ignore[arg-type]  # what is tested
    "artifact name has the type bytes": lambda: source_body("s", b"x"),  # type: ignore[arg-type]  # what is tested
    "tags has the type list": lambda: tags_body([("a", "b")]),  # type: ignore[arg-type]  # what is tested
    "tag 'a' has the type int": lambda: tags_body({"a": 1}),  # type: ignore[dict-item]  # what is tested
    "tag key is empty": lambda: tags_body({"": "x"}),
    "span id is empty": lambda: span_body("", None),
    "trace id is empty": lambda: span_body("s", ""),
    "span id has the type int": lambda: span_body(1, None),  # type: ignore[arg-type]  # what is tested
    "log message has the type int": lambda: log_body(1, "info", None),  # type: ignore[arg-type]  # what is tested
    "log message .*surrogate": lambda: log_body("\ud800", "info", None),
    "level is 'loud'; use debug, info": lambda: log_body("m", "loud", None),
    "level has the type int": lambda: log_body("m", 20, None),  # type: ignore[arg-type]  # what is tested
    "metadata of the log.* bytes": lambda: log_body("m", "info", {"x": b""}),
    "topic is empty": lambda: track_body("", 1.0, {}),
    "field of a track is empty": lambda: track_body("t", 1.0, {"": 1}),
    "field of a track is empt": lambda: track_body("t", 1.0, {"a": {"": 1}}),
    "an entry of topic 't'.* bytes": lambda: track_body("t", 1.0, {"x": b""}),
}


@pytest.mark.parametrize("message", _REFUSED)
def test_bad_argument_is_named(message: str) -> None:
    """The error says which argument it was, and what is wrong with it."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        _REFUSED[message]()


def test_empty_label_is_no_label() -> None:
    """Torchx writes an unnamed edge for it."""
    assert source_body("s", "") == SourceBody("s", None)
    assert source_body("s", "x") == SourceBody("s", "x")


def test_tags_are_texts() -> None:
    """Kept as they are, also where they look like a number or are empty."""
    assert tags_body({"a/b": "1", "b": ""}) == TagsBody({"a/b": "1", "b": ""})


def test_span_may_lack_its_trace() -> None:
    """Any texts identify them."""
    assert span_body("s", None) == SpanBody(None, "s")
    assert span_body("s", "t") == SpanBody("t", "s")


@pytest.mark.parametrize(
    ("given", "level"),
    [
        *((level, level) for level in LEVELS),
        ("WARN", "warn"),
        ("Error", "error"),
        ("warning", "warn"),
        ("CRITICAL", "fatal"),
    ],
)
def test_level_is_known_in_any_letter_case(given: str, level: str) -> None:
    """The names of Python's logging are taken too."""
    assert check_level(given) == level
    assert log_body("m", given, None).level == level


@pytest.mark.parametrize("level", ["", "loud", "info ", "20", "warnin"])
def test_unknown_level_is_refused(level: str) -> None:
    """The message says which there are."""
    with pytest.raises(InvalidValueError, match="debug, info, warn, error, fatal"):
        check_level(level)


def test_log_keeps_its_metadata() -> None:
    """None stays None, and an empty mapping stays one; the message may be empty."""
    assert log_body("", "info", None) == LogBody("info", "", None)
    assert log_body("m", "info", {}) == LogBody("info", "m", {})
    assert log_body("m", "info", {"a": (1,)}) == LogBody("info", "m", {"a": [1]})


def test_track_flattens_nested_fields() -> None:
    """With dots; lists stay whole, and an empty mapping is a leaf."""
    body = track_body("r/s", 1, {"pose": {"x": 1, "q": {"w": [0, {"a": 1}]}}, "e": {}})

    fields: dict[str, Value] = {"pose.x": 1, "pose.q.w": [0, {"a": 1}], "e": {}}
    assert body == TrackBody("r/s", 1.0, fields)
    assert isinstance(body.timestamp, float)


@pytest.mark.parametrize("field", ["_ts", "timestamp", "time"])
def test_fields_of_a_track_that_mean_its_time_are_refused(field: str) -> None:
    """They would stand for the timestamp in one format or another."""
    with pytest.raises(InvalidValueError, match=f"{field!r} of topic 't' is reserved"):
        track_body("t", 1.0, {"x": 1, field: 2})


@pytest.mark.parametrize("field", ["Time", "ts", "times", "a.time"])
def test_fields_of_a_track_that_look_reserved_are_free(field: str) -> None:
    """Only the three words themselves are taken."""
    assert track_body("t", 1.0, {field: 2}).fields == {field: 2}


@pytest.mark.parametrize("seconds", [0, -1, -1.0, 1e300, 5e-324, 2**53 + 1])
def test_seconds_are_any_finite_number(seconds: float) -> None:
    """Also below zero; they become a float."""
    checked = check_seconds(seconds, "x")

    assert checked == float(seconds)
    assert math.copysign(1, checked) == math.copysign(1, seconds)


def test_zero_seconds_have_no_sign() -> None:
    """Both zeros are one moment, so there is one way to write it."""
    assert math.copysign(1, check_seconds(-0.0, "x")) == 1


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 10**400])
def test_seconds_that_are_no_moment_are_refused(seconds: float) -> None:
    """The message names them and what would do."""
    with pytest.raises(
        InvalidValueError, match=r"_ts of 't' is .*; use finite seconds"
    ):
        check_seconds(seconds, "_ts of 't'")


@pytest.mark.parametrize("seconds", [None, "1.0", True, [1.0], {}])
def test_seconds_that_are_no_number_are_refused(seconds: object) -> None:
    """Text that looks like one, and bool, are none."""
    with pytest.raises(UnsupportedTypeError, match=r"_ts has the type .*; use seconds"):
        check_seconds(seconds, "_ts")
