"""Artifacts with content, from what a job hands over."""

import array
import hashlib
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core import AppRun, TrackerArtifact
from tracker_core.api import Capability
from tracker_core.artifacts import guessed_media_type
from tracker_core.contents import Content
from tracker_core.errors import (
    ArtifactNotFoundError,
    ContentError,
    InvalidValueError,
    RetryableError,
    RunEndedError,
    UnsupportedTypeError,
)
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.testing.memory import MemoryStore
from tracker_core.values import from_json

SURROGATE = "a\udcffb"


@pytest.fixture
def store() -> MemoryStore:
    """Give what a tracker keeps things in."""
    return MemoryStore()


@pytest.fixture
def tracker(store: MemoryStore) -> MemoryTracker:
    """Give an empty tracker."""
    return MemoryTracker(store)


@pytest.fixture
def run(tracker: MemoryTracker) -> AppRun:
    """Give a run on it."""
    return AppRun("r", [tracker])


def digest_of(data: bytes) -> str:
    """Give the digest of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def content(run: AppRun, name: str) -> bytes:
    """Give the content of an artifact."""
    with run.open_artifact(name) as file:
        return file.read()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("results", "json.results"),
        ("results.json", "json.results"),
        ("old/results.json", "json.results"),
        ("results.jsonl", "json.results.jsonl"),
        ("old/.json", "json.old/.json"),
    ],
)
def test_kind_of_json_is_the_end_of_its_name(run: AppRun, name: str, kind: str) -> None:
    """Neither its folder nor the suffix tells what it is."""
    assert run.log_json(name, {}).kind == kind


def test_json_is_an_artifact(run: AppRun) -> None:
    """All that is known of it comes back, at once and from the tracker."""
    found = run.log_json("counts", {"b": 2, "a": [1]}, "results", metadata={"n": 1})

    data = b'{"a":[1],"b":2}'
    assert (
        found
        == run.artifacts()["counts"]
        == TrackerArtifact(
            name="counts",
            path=digest_of(data),
            metadata={"n": 1},
            digest=digest_of(data),
            size_bytes=15,
            media_type="application/json",
            kind="json.counts",
            role="results",
        )
    )
    assert content(run, "counts") == data


def test_text_is_an_artifact(run: AppRun) -> None:
    """In UTF-8, newlines as they are."""
    found = run.log_text("note", "ä\r\n€", metadata={})

    assert found == run.artifacts()["note"]
    assert (found.kind, found.role) == ("text.note", "artifact")
    assert (found.media_type, found.metadata) == ("text/plain; charset=utf-8", {})
    assert content(run, "note") == "ä\r\n€".encode()


def test_bytes_are_an_artifact(run: AppRun) -> None:
    """Under their kind, or the name that they are given."""
    unnamed = run.log_bytes("qpy", b"\x00\xff")
    named = run.log_bytes("qpy", b"\x00", "image/png", "program", name="a/b")

    assert run.artifacts() == {"a/b": named, "qpy": unnamed}
    assert (unnamed.media_type, unnamed.role) == (
        "application/octet-stream",
        "artifact",
    )
    assert (named.media_type, named.role, named.kind) == ("image/png", "program", "qpy")
    assert (content(run, "qpy"), content(run, "a/b")) == (b"\x00\xff", b"\x00")


def test_file_is_an_artifact(run: AppRun, tmp_path: Path) -> None:
    """Under its name, with what that tells of it; the file itself is left alone."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")

    found = run.log_file(path, "model.weights", "output", metadata={"epoch": 3})

    assert found == run.artifacts()["model.safetensors"]
    assert (found.kind, found.role) == ("model.weights", "output")
    assert found.media_type == "application/x-safetensors"
    assert found.metadata == {"epoch": 3}
    assert content(run, found.digest or "") == path.read_bytes() == b"weights"


def test_file_may_be_given_another_name_and_type(run: AppRun, tmp_path: Path) -> None:
    """What is given goes before what the name of the file tells."""
    (tmp_path / "a.json").write_text("{}")

    found = run.log_file(str(tmp_path / "a.json"), name="b", media_type="text/x-b")

    assert (found.name, found.media_type, found.kind) == ("b", "text/x-b", None)


def test_file_is_found_from_where_the_job_is(
    run: AppRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is one from the working directory, as everywhere."""
    (tmp_path / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path)

    assert run.log_file("a.txt").name == "a.txt"
    assert content(run, "a.txt") == b"a"


def test_file_that_is_only_referred_to_is_not_opened(
    run: AppRun, tmp_path: Path
) -> None:
    """The path is recorded as it was given; there is no digest and no content."""
    path = tmp_path / "data.csv"

    found = run.log_file(path, copy=False)

    assert found == run.artifacts()["data.csv"]
    assert (found.path, found.digest, found.size_bytes) == (str(path), None, None)
    assert found.media_type == "text/csv"
    with pytest.raises(ContentError, match=r"data\.csv"):
        run.open_artifact("data.csv")


def test_empty_content_is_content(run: AppRun, tmp_path: Path) -> None:
    """It has a digest, and reads back."""
    (tmp_path / "empty").touch()

    found = [
        run.log_bytes("bytes", b""),
        run.log_text("text", ""),
        run.log_file(tmp_path / "empty"),
    ]

    assert {artifact.digest for artifact in found} == {digest_of(b"")}
    assert content(run, "empty") == b""


@pytest.mark.parametrize(
    "data",
    [
        b"abcd",
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(b"a-b-c-d-")[::2],
        memoryview(array.array("H", [0x6261, 0x6463])),
    ],
    ids=lambda data: f"{type(data).__name__}",
)
def test_bytes_of_any_kind_are_taken(
    run: AppRun, data: bytes | bytearray | memoryview
) -> None:
    """As the bytes that they are."""
    run.log_bytes("k", data)

    assert content(run, "k") == b"abcd"


def test_bytes_that_change_later_do_not_change_the_artifact(run: AppRun) -> None:
    """What was logged is what they were."""
    data = bytearray(b"abcd")
    run.log_bytes("k", data)

    data[:] = b"xxxx"

    assert content(run, "k") == b"abcd"


def test_newest_of_a_name_is_read(run: AppRun, tracker: MemoryTracker) -> None:
    """The others are in its history, and their content is still there."""
    first = run.log_text("note", "one")
    run.log_text("note", "two")

    assert content(run, "note") == b"two"
    assert content(run, first.digest or "") == b"one"
    assert [a.size_bytes for a in tracker.artifact_history("r", "note")] == [3, 3]


def test_same_content_is_named_the_same(run: AppRun, tmp_path: Path) -> None:
    """However it came."""
    (tmp_path / "f").write_bytes(b'"a"')

    found = [
        run.log_json("a", "a"),
        run.log_text("b", '"a"'),
        run.log_bytes("c", b'"a"'),
        run.log_file(tmp_path / "f"),
    ]

    assert len({artifact.digest for artifact in found}) == 1
    assert len(run.artifacts()) == 4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([{"a": 1, "b": 2}], ({"b": 2, "a": 1},)),
        ({"x": 0.1}, {"x": np.float64(0.1)}),
        ({"x": np.array([1, 2])}, {"x": [1, 2]}),
    ],
)
def test_equal_values_have_equal_digests(
    run: AppRun, first: object, second: object
) -> None:
    """The order of keys does not count, nor what holds the values."""
    assert run.log_json("a", first).digest == run.log_json("b", second).digest


@pytest.mark.parametrize(
    ("first", "second"), [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), ([], {})]
)
def test_other_values_have_other_digests(
    run: AppRun, first: object, second: object
) -> None:
    """Types count."""
    assert run.log_json("a", first).digest != run.log_json("b", second).digest


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_json_reads_back(value: object) -> None:
    """It is valid JSON, and the very value."""
    run = AppRun("r", [MemoryTracker()])

    run.log_json("v", value)

    assert from_json(content(run, "v")) == value


def test_json_has_words_for_nan() -> None:
    """No reader of JSON stumbles over them."""
    run = AppRun("r", [MemoryTracker()])

    run.log_json("v", [math.nan, -math.inf])

    found = json.loads(content(run, "v"), parse_constant=pytest.fail)
    assert found == [{"$float": "nan"}, {"$float": "-inf"}]


@pytest.mark.parametrize(
    "name",
    [
        "a/b/c",
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "a b",
        "ä€😀",
        "a\nb",
        "a\\b",
        "con",
        "x" * 5000,
        "a\0b",
        "A",
        "a",
        "sha256:0",
    ],
)
def test_name_is_any_text(run: AppRun, name: str) -> None:
    """It is a key, never a place."""
    run.log_text(name, name)

    assert list(run.artifacts()) == [name]
    assert content(run, name) == name.encode()


MEDIA_TYPES = {
    "a.json": "application/json",
    "a.JSON": "application/json",
    "a.jsonl": "application/jsonl",
    "a.txt": "text/plain",
    "a.log": "text/plain",
    "a.md": "text/markdown",
    "a.csv": "text/csv",
    "a.html": "text/html",
    "a.png": "image/png",
    "A.PNG": "image/png",
    "a.jpg": "image/jpeg",
    "a.JPEG": "image/jpeg",
    "a.svg": "image/svg+xml",
    "a.pdf": "application/pdf",
    "a.mp4": "video/mp4",
    "a.py": "text/x-python",
    "a.ipynb": "application/x-ipynb+json",
    "a.yaml": "application/yaml",
    "a.yml": "application/yaml",
    "a.toml": "application/toml",
    "a.parquet": "application/vnd.apache.parquet",
    "a.npy": "application/x-npy",
    "a.NPZ": "application/x-npz",
    "a.pt": "application/x-pytorch",
    "model.v1.2.pth": "application/x-pytorch",
    "a.ckpt": "application/octet-stream",
    "a.safetensors": "application/x-safetensors",
    "a.qasm": "text/x-openqasm",
    "a.zip": "application/zip",
    "a.tar": "application/x-tar",
    "a.tar.gz": "application/gzip",
    "A.TAR.GZ": "application/gzip",
    "a.tgz": "application/gzip",
    "a.json.gz": "application/gzip",
    "a.tar.bz2": "application/x-bzip2",
    "a.tar.xz": "application/x-xz",
    "a.zst": "application/zstd",
    "a.br": "application/x-brotli",
    "a.Z": "application/x-compress",
    "Makefile": "application/octet-stream",
    ".bashrc": "application/octet-stream",
    "a.": "application/octet-stream",
    "": "application/octet-stream",
    "a.unknown": "application/octet-stream",
    "http:a.png": "image/png",
    "data:text,a.png": "image/png",
    "a b ä.png": "image/png",
}


@pytest.mark.parametrize(("name", "expected"), MEDIA_TYPES.items())
def test_media_type_is_guessed_from_the_name(name: str, expected: str) -> None:
    """In any letter case; what nobody knows is a stream of bytes."""
    assert guessed_media_type(name) == expected


BAD_ARTIFACTS: dict[str, tuple[Callable[[AppRun], object], str]] = {
    "json of an object": (
        lambda run: run.log_json("a", {"b": object()}),
        r"artifact 'a'\['b'\] has the type object, which cannot be kept; use text",
    ),
    "json of a surrogate": (
        lambda run: run.log_json("a", [SURROGATE]),
        r"artifact 'a'\[0\] holds the lone surrogate",
    ),
    "json without a name": (lambda run: run.log_json("", 1), "artifact name is empty"),
    "json of an empty kind": (
        lambda run: run.log_json("a", 1, kind=""),
        "kind of artifact 'a' is empty",
    ),
    "name that is no text": (
        lambda run: run.log_json(cast("str", 3), 1),
        "artifact name has the type int",
    ),
    "name of a surrogate": (
        lambda run: run.log_text(SURROGATE, "a"),
        "artifact name holds the lone surrogate",
    ),
    "text of bytes": (
        lambda run: run.log_text("a", cast("str", b"a")),
        "artifact 'a' has the type bytes, which cannot be kept; use text",
    ),
    "text of a surrogate": (
        lambda run: run.log_text("a", SURROGATE),
        "artifact 'a' holds the lone surrogate",
    ),
    "bytes of a text": (
        lambda run: run.log_bytes("k", cast("bytes", "a"), name="n"),
        "data of artifact 'n' has the type str, which cannot be kept; use bytes",
    ),
    "bytes of an array": (
        lambda run: run.log_bytes("k", cast("bytes", np.array([1]))),
        "data of artifact 'k' has the type ndarray",
    ),
    "bytes without a kind": (lambda run: run.log_bytes("", b""), "name is empty"),
    "bytes without a name": (
        lambda run: run.log_bytes("k", b"", name=""),
        "artifact name is empty",
    ),
    "bytes without a media type": (
        lambda run: run.log_bytes("k", b"", ""),
        "media type of artifact 'k' is empty",
    ),
    "bytes without a role": (
        lambda run: run.log_bytes("k", b"", role=""),
        "role of artifact 'k' is empty",
    ),
    "role that is no text": (
        lambda run: run.log_bytes("k", b"", role=cast("str", None)),
        "role of artifact 'k' has the type NoneType",
    ),
    "metadata that are no mapping": (
        lambda run: run.log_text("a", "b", metadata=cast("dict[str, object]", [1])),
        "metadata of artifact 'a' has the type list, .* use a mapping",
    ),
    "metadata of an object": (
        lambda run: run.log_text("a", "b", metadata={"c": object()}),
        r"metadata of artifact 'a'\['c'\] has the type object",
    ),
    "file that is not there": (
        lambda run: run.log_file("gone/model.pt"),
        "file 'gone/model.pt' cannot be logged: No such file or directory; check it",
    ),
    "file below a file": (
        lambda run: run.log_file(f"{__file__}/a"),
        "cannot be logged: Not a directory; check it",
    ),
    "folder": (lambda run: run.log_file("/etc"), "'/etc' is a folder; log regular fi"),
    "folder of the job": (
        lambda run: run.log_file(".", name="a"),
        r"'\.' is a folder; log regular files, one by one",
    ),
    "device without end": (
        lambda run: run.log_file("/dev/zero"),
        "'/dev/zero' is no regular file; log regular files, one by one",
    ),
    "path of None": (
        lambda run: run.log_file(cast("str", None)),
        "path has the type NoneType, which cannot be kept; use a path or text",
    ),
    "path of bytes": (
        lambda run: run.log_file(cast("str", b"a")),
        "path has the type bytes",
    ),
    "path of a number": (lambda run: run.log_file(cast("str", 3)), "path has the type"),
    "path with a null byte": (
        lambda run: run.log_file("a\0b"),
        "cannot be logged: .*embedded null",
    ),
    "empty path": (lambda run: run.log_file(""), "artifact name is empty"),
    "path without a name": (lambda run: run.log_file("/"), "artifact name is empty"),
    "name of a file that cannot be encoded": (
        lambda run: run.log_file(SURROGATE),
        "artifact name holds the lone surrogate",
    ),
    "reference that cannot be encoded": (
        lambda run: run.log_file(SURROGATE, name="a", copy=False),
        "path of artifact 'a' holds the lone surrogate",
    ),
    "empty reference": (
        lambda run: run.log_file("", name="a", copy=False),
        "path of artifact 'a' is empty",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD_ARTIFACTS.values(), ids=BAD_ARTIFACTS)
def test_bad_artifact_is_refused_and_nothing_is_written(
    run: AppRun, store: MemoryStore, call: Callable[[AppRun], object], message: str
) -> None:
    """The error names what was wrong; neither a record nor content is left."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        call(run)

    assert (store.runs, store.contents) == ({}, {})


@pytest.mark.parametrize(("call", "message"), BAD_ARTIFACTS.values(), ids=BAD_ARTIFACTS)
def test_bad_artifact_is_refused_by_the_empty_run(
    call: Callable[[AppRun], object], message: str
) -> None:
    """A job learns of its mistake before it is ever launched."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        call(AppRun.run_from_env())


def test_pipe_is_refused_at_once(run: AppRun, tmp_path: Path) -> None:
    """It is not opened, which would wait for somebody at its other end."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")

    for name in ("pipe", "link"):
        with pytest.raises(InvalidValueError, match=f"{name}' is no regular file"):
            run.log_file(tmp_path / name)


def test_file_that_nobody_can_read_is_refused(run: AppRun, tmp_path: Path) -> None:
    """The message names it and the reason; a circle of links is none for anybody."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(InvalidValueError, match=r"/a' cannot be logged: .*; check it"):
        run.log_file(tmp_path / "a")


def test_file_whose_name_cannot_be_encoded_may_be_given_another(
    run: AppRun, tmp_path: Path
) -> None:
    """Its content is as good as any."""
    path = tmp_path / os.fsdecode(b"\xff.txt")
    path.write_text("a")

    assert run.log_file(path, name="b.txt").media_type == "text/plain"
    assert content(run, "b.txt") == b"a"


def test_link_to_a_file_is_logged_as_the_file(run: AppRun, tmp_path: Path) -> None:
    """Under the name of the link, with the content."""
    (tmp_path / "best-3.pt").write_text("a")
    (tmp_path / "best.pt").symlink_to("best-3.pt")

    run.log_file(tmp_path / "best.pt")

    assert content(run, "best.pt") == b"a"


class Changing(MemoryTracker):
    """A tracker at whose reading of content a file has changed."""

    def __init__(self, path: Path, store: MemoryStore) -> None:
        """Change ``path``."""
        super().__init__(store)
        self.path = path

    def add_content(self, content: Content) -> None:
        """Change the file, then read it."""
        self.path.write_text("changed")
        super().add_content(content)


def test_file_that_changes_while_it_is_logged_is_an_error(
    tmp_path: Path, store: MemoryStore
) -> None:
    """Nothing is kept under a digest that it has not."""
    path = tmp_path / "a"
    path.write_text("before")
    run = AppRun("r", [Changing(path, store)])

    with pytest.raises(ContentError, match="is damaged"):
        run.log_file(path)

    assert (store.runs, store.contents) == ({}, {})


def test_file_that_changes_in_between_is_an_error_of_the_later_backend(
    tmp_path: Path, store: MemoryStore
) -> None:
    """The earlier one has what it was."""
    path = tmp_path / "a"
    path.write_text("before")
    first = MemoryTracker()
    run = AppRun("r", [first, Changing(path, store)])

    with pytest.raises(ContentError):
        run.log_file(path)

    assert content(AppRun("r", [first]), "a") == b"before"


def test_content_goes_before_the_record(tmp_path: Path) -> None:
    """A tracker that fails to keep the one is not given the other."""

    class Full(MemoryTracker):
        def add_content(self, content: Content) -> None:
            raise RetryableError(content.digest)

    full = Full()
    (tmp_path / "a").touch()

    with pytest.raises(RetryableError):
        AppRun("r", [full]).log_file(tmp_path / "a")

    assert full.runs() == []


def test_tracker_that_keeps_no_content_has_the_digest() -> None:
    """The record is the same; the content is asked of others."""

    class Bare(MemoryTracker):
        capabilities = frozenset({Capability.HISTORY})

        def open_content(self, digest: str) -> BinaryIO:
            raise ContentError(digest)

    bare = Bare()
    run = AppRun("r", [bare, MemoryTracker()])

    found = run.log_text("a", "text")

    assert AppRun("r", [bare]).artifacts() == run.artifacts() == {"a": found}
    assert content(run, "a") == b"text"


def test_failing_tracker_keeps_no_artifact_from_the_others() -> None:
    """They have record and content; the error is raised in the end."""
    tracker = MemoryTracker()
    run = AppRun("r", [FaultyTracker(MemoryTracker()), tracker])

    with pytest.raises(RetryableError):
        run.log_text("a", "text")

    assert content(AppRun("r", [tracker]), "a") == b"text"


@pytest.mark.parametrize(
    "call",
    [
        lambda run: run.log_json("a", 1),
        lambda run: run.log_text("a", "b"),
        lambda run: run.log_bytes("a", b"b"),
        lambda run: run.log_file(__file__),
        lambda run: run.log_file(__file__, copy=False),
    ],
)
def test_artifact_of_a_run_that_has_ended_is_refused(
    run: AppRun, store: MemoryStore, call: Callable[[AppRun], object]
) -> None:
    """No content is kept either; what is there can be read."""
    run.log_text("kept", "a")
    run.finish()

    with pytest.raises(RunEndedError, match="run 'r' has ended"):
        call(run)

    assert list(run.artifacts()) == ["kept"]
    assert len(store.contents) == 1
    assert content(run, "kept") == b"a"


def test_unknown_artifact_is_not_found(run: AppRun) -> None:
    """In a run without records and in one with others."""
    with pytest.raises(ArtifactNotFoundError, match="gone"):
        run.open_artifact("gone")

    run.log_text("a", "b")

    with pytest.raises(ArtifactNotFoundError, match="gone"):
        run.open_artifact("gone")


def test_empty_run_gives_digests_and_stores_nothing(tmp_path: Path) -> None:
    """A job goes on the same, launched or not."""
    run = AppRun.run_from_env()
    (tmp_path / "a").write_text("a")

    found = [
        run.log_json("a", "a").digest,
        run.log_text("a", "a").digest,
        run.log_bytes("a", b"a").digest,
        run.log_file(tmp_path / "a").digest,
    ]

    assert found == [digest_of(data) for data in (b'"a"', b"a", b"a", b"a")]
    assert run.artifacts() == {}
    with pytest.raises(ArtifactNotFoundError):
        run.open_artifact("a")


def test_threads_may_log_artifacts_side_by_side(run: AppRun) -> None:
    """Each is there, under its name, with its content."""

    def work(number: int) -> None:
        for place in range(20):
            run.log_text(f"{number}/{place}", f"text {number} {place}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(run.artifacts()) == 80
    assert content(run, "3/7") == b"text 3 7"


STREAMING = """
import hashlib, resource, sys
sys.path[:] = {path!r}
from tracker_core import AppRun
from tracker_core.api import Capability
from tracker_core.testing import MemoryTracker

class Hashing(MemoryTracker):
    def add_content(self, content):
        found = hashlib.sha256()
        for piece in content.read_checked():
            found.update(piece)
        self.digest = "sha256:" + found.hexdigest()

tracker = Hashing()
run = AppRun("r", [tracker])
run.log_file({small!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = run.log_file({large!r})
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert found.digest == tracker.digest
print(found.size_bytes, after - before)
"""


def test_large_file_costs_time_and_no_memory(tmp_path: Path) -> None:
    """Of 300 MB at no moment more than a small part is in memory."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(4 * 2**20))
    with large.open("wb") as file:
        file.truncate(300 * 10**6)
    code = STREAMING.format(path=sys.path, small=str(small), large=str(large))

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    size_bytes, grown = map(int, done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    assert size_bytes == 300 * 10**6
    assert grown * unit < 32 * 2**20
