"""The eight calls, and what a native tracker gets for nothing."""

import inspect

import pytest

from tracker_core.api import Capability, NativeTracker, TrackerBase
from tracker_core.contents import content_of_bytes
from tracker_core.datatypes import LineageEdge, TrackerArtifact, TrackerSource
from tracker_core.errors import ContentError, ExperimentNotFoundError, InvalidValueError
from tracker_core.filters import FilterOp, ParamFilter
from tracker_core.records import ArtifactBody, Batch, CreatedBody, ParamsBody
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.memory import MemoryStore

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
        self._store = MemoryStore()
        self.arrived: list[Batch] = []

    def write(self, batch: Batch) -> None:
        """Note the batch."""
        self.arrived.append(batch)
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
        "content",
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

    assert [(b.run_id, b.first, b.last) for b in tracker.arrived] == [
        ("a", 1, 1),
        ("b", 1, 1),
        ("a", 2, 2),
    ]
    assert len({batch.writer for batch in tracker.arrived}) == 1


def test_flush_and_close_have_nothing_to_do_by_default() -> None:
    """A tracker that keeps what it takes needs neither."""
    tracker = _NotingTracker()

    tracker.flush(timeout=1.0)
    tracker.close()
    tracker.close()

    assert tracker.arrived == []


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

    assert tracker.arrived == []


def test_eight_calls_give_what_was_written() -> None:
    """Through records and back."""
    tracker = MemoryTracker()

    tracker.add_metadata("run", a=1)
    tracker.add_artifact("run", "n", "p", {"x": 1})
    tracker.add_source("run", "s", "l")

    assert dict(tracker.metadata("run")) == {"a": 1}
    assert dict(tracker.artifacts("run")) == {"n": TrackerArtifact("n", "p", {"x": 1})}
    assert list(tracker.sources("run", "l")) == [TrackerSource("s", "l")]


def test_filter_runs_is_a_query_on_params() -> None:
    """Of one experiment, or of all."""
    tracker = MemoryTracker()
    for run_id, experiment, value in [("a", "e", 1), ("b", "f", 2), ("c", "f", 0)]:
        bodies = (CreatedBody(experiment=experiment), ParamsBody({"x": value}))
        tracker.write(Pen(run_id).log(*bodies))
    above = [ParamFilter("x", FilterOp.GT, 0)]

    assert {run.run_id for run in tracker.filter_runs(None, above)} == {"a", "b"}
    assert [run.run_id for run in tracker.filter_runs("f", above)] == ["b"]


def test_experiment_is_found_by_its_name() -> None:
    """An unknown one is an error that names it."""
    tracker = MemoryTracker()
    tracker.write(Pen("run").log(CreatedBody(experiment="e")))

    assert tracker.experiment("e").run_count == 1
    with pytest.raises(ExperimentNotFoundError, match="'E'"):
        tracker.experiment("E")


def test_artifact_is_opened_with_its_digest_checked() -> None:
    """A store that was damaged does not pass its bytes off as the artifact."""
    store = MemoryStore()
    tracker = MemoryTracker(store)
    content = content_of_bytes(b"right")
    tracker.add_content(content)
    body = ArtifactBody("a", content.digest, None, content.digest, 5)
    tracker.write(Pen("run").log(body))
    store.contents[content.digest] = b"wrong"

    with (
        tracker.open_artifact("run", "a") as file,
        pytest.raises(ContentError, match="damaged"),
    ):
        file.read()
