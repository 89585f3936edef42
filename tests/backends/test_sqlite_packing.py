"""The blocks of the sqlite backend: how many there are, and that nobody notices."""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker_core.errors import ConfigError
from tracker_core.records import (
    Batch,
    ColumnsBody,
    EndedBody,
    MetricsBody,
    StartedBody,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.pen import Pen
from tracker_sqlite import SqliteTracker, create, register_functions

if TYPE_CHECKING:
    from tracker_core.values import Value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "runs.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[SqliteTracker]:
    """Return a tracker on that path."""
    with closing(create(str(path))) as tracker:
        yield tracker


def sizes(path: Path) -> list[int]:
    """Return how many points each block holds, in order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT count FROM metrics ORDER BY first_ns")
        return [size for (size,) in rows]


def one_by_one(pen: Pen, count: int) -> list[Batch]:
    """Return a batch for each of ``count`` points."""
    return [pen.log(MetricsBody(step, {"": {"v": step / 7}})) for step in range(count)]


def test_damaged_block_names_its_file_and_series(
    path: Path, tracker: SqliteTracker
) -> None:
    """The error says what to do, and other series are read."""
    tracker.write(Pen("run").log(MetricsBody(0, {"": {"good": 1.5, "bad": 2.5}})))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE metrics SET data = substr(data, 1, 20) "
            "WHERE series = (SELECT id FROM series WHERE name = 'bad')"
        )
        connection.commit()

    with pytest.raises(
        ConfigError, match=r"runs\.db': a block of series 'bad' is damaged.*from a copy"
    ):
        tracker.points("run", "bad")

    assert list(tracker.points("run", "good").values) == [1.5]


def test_single_points_pile_up_and_are_packed(
    path: Path, tracker: SqliteTracker
) -> None:
    """A run that logs point by point has few blocks at any time."""
    for batch in one_by_one(Pen("run"), 500):
        tracker.write(batch)

        assert len(sizes(path)) <= 64

    assert sum(sizes(path)) == 500


def test_end_of_the_run_packs_what_is_left(path: Path, tracker: SqliteTracker) -> None:
    """Neighbours become blocks of some four thousand points."""
    pen = Pen("run")
    for batch in one_by_one(pen, 30):
        tracker.write(batch)
    steps = range(30, 5030)
    values = [step / 7 for step in steps]
    for start in range(0, 5000, 1000):
        part = slice(start, start + 1000)
        tracker.write(pen.log(ColumnsBody("", steps[part], {"v": values[part]})))
    before = list(tracker.points("run", "v"))

    tracker.write(pen.log(EndedBody("job", "FINISHED", None)))

    assert sizes(path) == [4096, 934]
    assert list(tracker.points("run", "v")) == before


def test_many_points_are_cut_into_blocks(path: Path, tracker: SqliteTracker) -> None:
    """A record of any length costs a reader of some points little."""
    count = 150_000
    values = [step / 7 for step in range(count)]

    tracker.write(Pen("run").log(ColumnsBody("", range(count), {"v": values})))

    assert sizes(path) == [*[8_192] * 18, 2_544]
    window = tracker.points("run", "v", 65_530, 10)
    assert list(window.steps) == list(range(65_530, 65_540))
    assert list(window.values) == values[65_530:65_540]


def test_packing_changes_no_answer_in_any_order() -> None:
    """Late points, of several writers at once, find their place."""
    shuffle = random.Random(5)  # noqa: S311 - no secret
    tracker, model = create(":memory:"), MemoryTracker()
    pens = [Pen("run", f"w{number}", 1 + number // 2, 0) for number in range(4)]
    batches = [batch for pen in pens for batch in one_by_one(pen, 120)]
    shuffle.shuffle(batches)

    with closing(tracker):
        for batch in [*batches, pens[0].log(StartedBody("job"))]:
            model.write(batch)
            tracker.write(batch)
        unpacked = answers(tracker, "run")
        for pen in pens:
            end = pen.log(EndedBody("job", "FINISHED", None))
            model.write(end)
            tracker.write(end)

        assert unpacked["points"] == answers(model, "run")["points"]
        assert answers(tracker, "run") == answers(model, "run")


def test_rewind_in_the_middle_of_blocks_is_seen(tracker: SqliteTracker) -> None:
    """Points of packed blocks fall, in the summary and in every window."""
    first, second = Pen("run", attempt=1), Pen("run", attempt=2)
    steps = list(range(10_000))
    tracker.write(first.log(ColumnsBody("", steps, {"v": [float(s) for s in steps]})))

    tracker.write(second.log(ColumnsBody("", [7000, 7001], {"v": [-1.0, -2.0]})))

    summary = tracker.series("run")["v"]
    assert (summary.count, summary.max, summary.min) == (7002, 6999.0, -2.0)
    assert list(tracker.points("run", "v", 6998, 9).steps) == [6998, 6999, 7000, 7001]
    assert len(tracker.points("run", "v", abandoned=True)) == 10_002


def test_sql_reads_blocks_by_a_function(path: Path, tracker: SqliteTracker) -> None:
    """Any connection on which it is registered, NaN and texts included."""
    values: list[Value] = [0.5, float("nan"), "text"]
    steps = [3, None, 5]
    bodies = [
        MetricsBody(step, {"": {"v": value}})
        for step, value in zip(steps, values, strict=True)
    ]
    tracker.write(Pen("run").log(*bodies))

    with closing(sqlite3.connect(path)) as connection:
        register_functions(connection)
        rows = connection.execute(
            "SELECT point.value FROM metrics, json_each(tracker_points(data)) AS point"
        ).fetchall()

    told = [json.loads(text) for (text,) in rows]
    points = tracker.points("run", "v")
    assert [point["step"] for point in told] == steps
    assert [point["value"] for point in told] == [0.5, {"$float": "nan"}, "text"]
    assert [point["time_ns"] for point in told] == list(points.times_ns)
    assert exact(list(points.values)) == exact(values)
