"""Points that come to the sqlite backend as columns are kept as columns."""

import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import (
    Batch,
    ColumnsBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    Record,
    Writer,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers
from tracker_sqlite import SqliteTracker, create

_START_NS = 1_700_000_000_000_000_000


class Sealed(Gathered):
    """Columns that nobody may look at as records."""

    __slots__ = ()

    def _expanded(self) -> NoReturn:
        message = "the records were made"
        raise AssertionError(message)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on that path."""
    with closing(create(str(path))) as tracker:
        yield tracker


def columns(
    sequences: Sequence[int], row: int = 0, first_step: int = 0, scale: float = 0.1
) -> PointColumns:
    """Return a point for each of some records."""
    return PointColumns(
        sequences,
        [_START_NS + 977 * sequence**2 for sequence in sequences],
        [row] * len(sequences),
        range(first_step, first_step + len(sequences)),
        [scale * sequence for sequence in sequences],
    )


def batches(
    gathered: Gathered, first: int, last: int, writer: str = "w", attempt: int = 1
) -> tuple[Batch, Batch]:
    """Return columns as a batch that may not be expanded, and as one of records."""
    sealed = Sealed(gathered.others, gathered.points, len(gathered))
    who = Writer(writer, attempt)
    return (
        Batch("run", who, first, last, sealed),
        Batch("run", who, first, last, tuple(gathered)),
    )


def test_columns_are_never_made_into_records(tracker: SqliteTracker) -> None:
    """Batch after batch of one writer costs no object for each point."""
    model = MemoryTracker()
    for first in (1, 101, 201):
        shared = columns(range(first, first + 99), first_step=first)
        others = [Record(first + 99, _START_NS + 10**9, ParamsBody({"p": first}))]
        points = {
            ("train", "loss"): shared,
            ("train", "acc"): shared._replace(values=array("q", range(99))),
        }
        sealed, records = batches(Gathered(others, points, 100), first, first + 99)

        tracker.write(sealed)
        model.write(records)

    assert answers(tracker, "run") == answers(model, "run")


@pytest.mark.parametrize(
    "kind", [list, tuple, lambda column: array("q", column)], ids=["list", "tuple", "q"]
)
def test_columns_may_be_any_sequences(
    tracker: SqliteTracker, kind: Callable[[Sequence[int]], Sequence[int]]
) -> None:
    """Regular or not, with gaps in the sequence, one object for two columns."""
    sequences = kind([1, 2, 4, 7, 8])
    found = columns(sequences)._replace(rows=kind([0, 1, 0, 2, 0]), steps=sequences)
    gathered = Gathered((), {("", "v"): found}, 5)
    model = MemoryTracker()
    sealed, records = batches(gathered, 1, 8)

    tracker.write(sealed)
    model.write(records)

    assert answers(tracker, "run") == answers(model, "run")


def test_points_of_columns_and_of_records_find_their_order(
    tracker: SqliteTracker, path: Path
) -> None:
    """One series in both, and one that two pairs of stream and field name."""
    times_ns = [_START_NS + 977 * sequence**2 for sequence in range(1, 9)]
    others = [
        Record(3, times_ns[2], ColumnsBody("s", [9, 9], {"v": ["text", None]})),
        Record(6, times_ns[5], MetricsBody(None, {"s": {"v": True}})),
    ]
    points = {
        ("s", "v"): columns([1, 4, 7]),
        ("", "s/v"): columns([2, 5, 8], scale=-1.0),
        ("s", "none"): columns([]),
    }
    model = MemoryTracker()
    sealed, records = batches(Gathered(others, points, 8), 1, 8)

    tracker.write(sealed)
    model.write(records)

    assert answers(tracker, "run") == answers(model, "run")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count FROM metrics").fetchall() == [(9,)]


def test_part_of_what_was_taken_is_passed_over(tracker: SqliteTracker) -> None:
    """A batch that overlaps another is looked at record by record."""
    model = MemoryTracker()
    first, _ = batches(Gathered((), {("", "v"): columns(range(1, 51))}, 50), 1, 50)
    _, later = batches(Gathered((), {("", "v"): columns(range(1, 81))}, 80), 1, 80)
    tracker.write(first)

    tracker.write(later)
    tracker.write(first)

    model.write(later)
    assert answers(tracker, "run") == answers(model, "run")


def test_columns_of_a_later_attempt_rewind(tracker: SqliteTracker) -> None:
    """Points of columns fall, and make others fall, as those of records do."""
    model = MemoryTracker()
    for attempt, first_step in ((1, 0), (3, 10), (2, 5)):
        points = {("", "v"): columns(range(1, 31), first_step=first_step)}
        sealed, records = batches(
            Gathered((), points, 30), 1, 30, f"w{attempt}", attempt
        )
        tracker.write(sealed)
        model.write(records)

    assert answers(tracker, "run") == answers(model, "run")


@pytest.mark.one_python
def test_large_blocks_are_left_as_they_are(tracker: SqliteTracker, path: Path) -> None:
    """Later additions rewrite small blocks only, and those for a while."""
    size = 5_000
    for number in range(70):
        first = 1 + size * number
        points = {("", "v"): columns(range(first, first + size))}
        tracker.write(batches(Gathered((), points, size), first, first + size - 1)[0])
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT id, count FROM metrics").fetchall()

    last = size * 70 + 1
    end = Record(last, _START_NS * 2, EndedBody("job", "FINISHED", None))
    tracker.write(Batch("run", Writer("w"), last, last, (end,)))

    with closing(sqlite3.connect(path)) as connection:
        after = connection.execute("SELECT id, count FROM metrics").fetchall()
    assert after == before == [(number, size) for number in range(1, 71)]
