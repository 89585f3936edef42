"""The sqlite backend tells the records of a run again, from its tables."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core.errors import RunNotFoundError
from tracker_core.gathered import Gathered
from tracker_core.records import (
    Body,
    ColumnsBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    Record,
    SourceBody,
    TagsBody,
)
from tracker_core.retelling import BATCH_RECORDS
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.columns import gathered
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_sqlite import SqliteTracker, create


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on that path."""
    with closing(create(str(path))) as tracker:
        yield tracker


def test_plain_points_are_told_as_columns(tracker: SqliteTracker) -> None:
    """Nobody makes a record of each; what else there is stands beside them."""
    pen = Pen("r")
    points = [MetricsBody(n, {"": {"x": n / 7}, "s": {"n": n}}) for n in range(50)]
    odd: list[Body] = [
        MetricsBody(None, {"": {"x": "text"}}),
        MetricsBody(None, {"": {"x": 1.0, "y": None}}),
        ColumnsBody("", [1, 2], {"x": [0.5, 0.25]}),
        ParamsBody({"p": 1}),
    ]
    tracker.write(gathered(pen.log(*points, *odd)))

    (batch,) = tracker.batches("r")

    assert isinstance(batch.records, Gathered)
    assert list(batch.records.points) == [("", "x"), ("s", "n")]
    assert [it.sequence for it in batch.records.others] == [51, 52, 53, 54]
    assert list(batch.records) == list(pen.records)


def test_record_that_was_replaced_says_nothing(tracker: SqliteTracker) -> None:
    """The run is as old as it was all the same."""
    pen, later = Pen("r"), Pen("r")
    tracker.write(pen.log(MetadataBody({"a": 1})))
    tracker.write(later.log(MetadataBody({"a": 2}), at=9))

    told = {it.writer: it.records for it in tracker.batches("r")}

    nothing = MetricsBody(None, {})
    assert list(told[pen.writer]) == [Record(1, START_NS + 1_000_000, nothing)]
    assert list(told[later.writer]) == later.records


def test_edges_are_told_once_however_often_they_are_copied(
    tracker: SqliteTracker, tmp_path: Path
) -> None:
    """A copy of a copy has the same writers."""
    tracker.write(Pen("r").log(SourceBody("s", None), SourceBody("s", "label")))
    with closing(create(str(tmp_path / "copy.db"))) as copy:
        for batch in tracker.batches("r"):
            copy.write(batch)

        names = [batch[1:4] for batch in copy.batches("r")]

        assert names == [batch[1:4] for batch in tracker.batches("r")]
        assert copy.taken("r") == tracker.taken("r")
        assert copy.sources("r") == tracker.sources("r")


def test_blocks_that_were_packed_are_told_across_batches(
    tracker: SqliteTracker,
) -> None:
    """Points of one block belong to many batches, and batches have many blocks."""
    model, pen = MemoryTracker(), Pen("r")
    for start in range(0, 3 * BATCH_RECORDS, 700):
        steps = range(start, start + 700)
        batch = pen.log(
            *(MetricsBody(n, {"": {"x": n / 7, "rare": n}}) for n in steps[:1]),
            *(MetricsBody(n, {"": {"x": n / 7}}) for n in steps[1:]),
        )
        tracker.write(gathered(batch))
        model.write(batch)
    copy = MemoryTracker()

    for batch in tracker.batches("r"):
        copy.write(batch)

    assert answers(copy, "r") == answers(model, "r")


def test_run_may_grow_while_it_is_told(tracker: SqliteTracker) -> None:
    """Each batch is read by itself, and nobody waits for whoever takes it."""
    pen = Pen("r")
    tracker.write(pen.log(*(LogBody("info", "x", None) for _ in range(20_001))))

    batches = tracker.batches("r")
    first = next(batches)
    tracker.write(pen.log(TagsBody({"a": "b"})))

    assert (first.first, first.last) == (1, BATCH_RECORDS)
    assert [it.last for it in batches] == [2 * BATCH_RECORDS, 2 * BATCH_RECORDS + 1]


def test_run_that_is_removed_while_it_is_told_is_unknown(
    path: Path, tracker: SqliteTracker
) -> None:
    """Nothing is told in its place, not even where another run has come."""
    tracker.write(Pen("r").log(*(TagsBody({"a": "b"}) for _ in range(10_001))))
    batches = tracker.batches("r")
    next(batches)

    path.unlink()
    tracker.write(Pen("other").log(TagsBody({})))

    with pytest.raises(RunNotFoundError):
        next(batches)
