"""A tracker that keeps records as they are answers from their fold."""

from collections.abc import Iterable

import pytest

from tracker_core.api import Capability
from tracker_core.contents import content_of_bytes
from tracker_core.errors import InvalidValueError, NotSupportedError, RunNotFoundError
from tracker_core.folded import FoldedTracker
from tracker_core.history import RunHistory
from tracker_core.records import (
    Batch,
    CreatedBody,
    LogBody,
    MetadataBody,
    ParamsBody,
    TrackBody,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.pen import Pen


class _ListTracker(FoldedTracker):
    """Keeps batches in a list and folds them for each question."""

    capabilities: frozenset[Capability] = frozenset({Capability.HISTORY})

    def __init__(self) -> None:
        self.arrived: list[Batch] = []

    def write(self, batch: Batch) -> None:
        self.arrived.append(batch)

    def history(self, run_id: str) -> RunHistory | None:
        return next((h for h in self.histories() if h.run_id == run_id), None)

    def histories(self) -> Iterable[RunHistory]:
        found: dict[str, RunHistory] = {}
        for batch in self.arrived:
            found.setdefault(batch.run_id, RunHistory(batch.run_id)).add(batch)
        return found.values()


def test_folded_tracker_answers_as_the_model() -> None:
    """Every read follows from what it keeps."""
    batch = Pen("run").log(
        CreatedBody("n", "e"),
        ParamsBody({"a": 1}),
        LogBody("warn", "m", None),
        TrackBody("t", 1.0, {"x": 1}),
    )
    tracker, model = _ListTracker(), MemoryTracker()
    for one in (tracker, model):
        one.write(batch)
        one.add_artifact("run", "a", "p")
        one.add_source("run", "s")

    assert answers(tracker, "run") == answers(model, "run")


def test_folded_tracker_that_lacks_a_method_cannot_be_made() -> None:
    """The interpreter names the three that an author writes at the least."""
    assert FoldedTracker.__abstractmethods__ == {"write", "history", "histories"}


def test_folded_tracker_refuses_content_by_default() -> None:
    """An author who keeps it overrides both methods."""
    tracker, content = _ListTracker(), content_of_bytes(b"abc")

    with pytest.raises(NotSupportedError, match=content.digest):
        tracker.add_content(content)
    with pytest.raises(NotSupportedError, match=content.digest):
        tracker.open_content(content.digest)


def test_runs_come_newest_first_whatever_order_they_are_kept_in() -> None:
    """By creation and id, with query, order and limit."""
    tracker = _ListTracker()
    for run_id, at in [("b", 5), ("old", 1), ("a", 5), ("new", 9)]:
        tracker.write(Pen(run_id).log(MetadataBody({"at": at}), at=at))

    def ids(*asked: str | int | None) -> list[str]:
        return [run.run_id for run in tracker.runs(*asked)]  # type: ignore[arg-type]  # query, order, limit

    assert ids() == ["new", "b", "a", "old"]
    assert ids("metadata.at = 5") == ["b", "a"]
    assert ids(None, "metadata.at", 2) == ["old", "b"]


def test_level_of_logs_is_checked_before_they_are_read() -> None:
    """Also in any letter case, by the names of Python's logging."""
    tracker = _ListTracker()
    tracker.write(Pen("run").log(LogBody("warn", "m", None)))

    assert len(tracker.logs("run", "WARNING")) == 1
    with pytest.raises(InvalidValueError, match="level is 'loud'"):
        tracker.logs("run", "loud")


def test_unknown_run_is_empty_to_the_eight_and_an_error_to_the_others() -> None:
    """The difference is made once, for all trackers of this sort."""
    tracker = _ListTracker()

    assert (tracker.metadata("x"), tracker.artifacts("x")) == ({}, {})
    assert list(tracker.sources("x")) == []
    with pytest.raises(RunNotFoundError):
        tracker.params("x")
    with pytest.raises(RunNotFoundError):
        tracker.topics("x")
