"""The eight calls, and what a native tracker gets for nothing."""

import inspect
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from tracker_core.api import (
    Capability,
    NativeTracker,
    TrackerBase,
    artifact_body,
    metadata_body,
    source_body,
)
from tracker_core.datatypes import LineageEdge, TrackerArtifact, TrackerSource
from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.records import ArtifactBody, Batch, MetadataBody, SourceBody
from tracker_core.testing import MemoryTracker

_EIGHT = {
    "add_artifact": ["run_id", "name", "path", "metadata"],
    "artifacts": ["run_id"],
    "add_metadata": ["run_id", "kwargs"],
    "metadata": ["run_id"],
    "add_source": ["run_id", "source_id", "artifact_name"],
    "sources": ["run_id", "artifact_name"],
    "lineage": ["run_id"],
    "run_ids": ["kwargs"],
}


class _NotingTracker(MemoryTracker):
    """Keeps the batches that it is given."""

    def __init__(self) -> None:
        """Write down nothing yet, and call no constructor above."""
        self._store = {}
        self.batches: list[Batch] = []

    def write(self, batch: Batch) -> None:
        """Note the batch."""
        self.batches.append(batch)
        super().write(batch)


def test_tracker_base_has_the_eight_calls_and_nothing_else() -> None:
    """Their names and arguments are torchx's, and all are abstract."""
    public = {name for name in vars(TrackerBase) if not name.startswith("_")}
    arguments = {
        name: [*inspect.signature(getattr(TrackerBase, name)).parameters][1:]
        for name in public
    }

    assert TrackerBase.__abstractmethods__ == public
    assert arguments == _EIGHT


def test_tracker_that_lacks_a_call_cannot_be_made() -> None:
    """The interpreter holds an author to all of them."""

    class _Half(TrackerBase):
        pass

    with pytest.raises(TypeError, match="abstract"):
        _Half()  # type: ignore[abstract]  # what is tested


def test_native_tracker_declares_everything_by_default() -> None:
    """An author takes away what cannot be kept."""
    assert NativeTracker.capabilities == frozenset(Capability)
    assert {str(capability) for capability in Capability} == {
        "history",
        "persistent",
        "multi_process",
    }


def test_native_tracker_needs_no_constructor_above_an_authors() -> None:
    """What the eight calls need is there whatever ``__init__`` does."""
    tracker = _NotingTracker()

    tracker.add_metadata("run", key=1)
    with tracker.turn:
        found = dict(tracker.metadata("run"))

    assert found == {"key": 1}


def test_writes_of_one_tracker_have_one_writer() -> None:
    """Each call is one record, numbered within its run."""
    tracker = _NotingTracker()

    tracker.add_metadata("a", key=1)
    tracker.add_artifact("b", "name", "path")
    tracker.add_source("a", "source")

    assert [(b.run_id, b.first, b.last) for b in tracker.batches] == [
        ("a", 1, 1),
        ("b", 1, 1),
        ("a", 2, 2),
    ]
    assert len({batch.writer for batch in tracker.batches}) == 1


def test_flush_and_close_have_nothing_to_do_by_default() -> None:
    """A tracker that keeps what it takes needs neither."""
    tracker = _NotingTracker()

    tracker.flush(timeout=1.0)
    tracker.close()
    tracker.close()

    assert tracker.batches == []


def test_run_ids_without_a_filter_are_all() -> None:
    """None is no filter, as torchx's command line gives it."""
    tracker = MemoryTracker()
    tracker.add_metadata("a", key=1)
    tracker.add_source("b", "a")

    assert sorted(tracker.run_ids()) == ["a", "b"]
    assert sorted(tracker.run_ids(parent_run_id=None)) == ["a", "b"]
    assert list(tracker.run_ids(parent_run_id="a")) == ["b"]


def test_run_ids_refuse_a_filter_that_they_do_not_know() -> None:
    """It is named, and the one that exists too."""
    with pytest.raises(InvalidValueError, match="'status'; use parent_run_id"):
        MemoryTracker().run_ids(status="FAILED")


def test_lineage_follows_from_the_edges() -> None:
    """A native tracker has it for nothing."""
    tracker = MemoryTracker()
    tracker.add_source("b", "a", "label")

    assert tracker.lineage("a").edges == (LineageEdge("b", "a", "label"),)


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


@pytest.mark.parametrize("run_id", ["", "\ud800"])
def test_bad_run_id_is_refused_by_every_write(run_id: str) -> None:
    """Nothing is written."""
    tracker = _NotingTracker()

    with pytest.raises(InvalidValueError, match="run id"):
        tracker.add_metadata(run_id, key=1)
    with pytest.raises(InvalidValueError, match="run id"):
        tracker.add_artifact(run_id, "n", "p")
    with pytest.raises(InvalidValueError, match="run id"):
        tracker.add_source(run_id, "s")

    assert tracker.batches == []


def test_eight_calls_give_what_was_written() -> None:
    """Through records and back."""
    tracker = MemoryTracker()

    tracker.add_metadata("run", a=1)
    tracker.add_artifact("run", "n", "p", {"x": 1})
    tracker.add_source("run", "s", "l")

    assert dict(tracker.metadata("run")) == {"a": 1}
    assert dict(tracker.artifacts("run")) == {"n": TrackerArtifact("n", "p", {"x": 1})}
    assert list(tracker.sources("run", "l")) == [TrackerSource("s", "l")]
