"""Points through the sqlite backend, against plain rows of SQLite.

A million points of one series – step, time, a noisy float – are written and read back
as columns. The rows are what one would write without Tracker: a table (run, key, step,
time, value) whose primary key is (run, key, step), WITHOUT ROWID, filled by one
``executemany``. Both databases are in WAL mode with ``synchronous=NORMAL``. The cases
take turns.
"""

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from tracker_core import AppRun
from tracker_sqlite import SqliteTracker

TABLE = """
CREATE TABLE points (
    run TEXT, key TEXT, step INTEGER, time INTEGER, value REAL,
    PRIMARY KEY (run, key, step)
) WITHOUT ROWID
"""
INSERT = "INSERT INTO points VALUES ('run', 'train/loss', ?, ?, ?)"
SELECT = (
    "SELECT step, time, value FROM points "
    "WHERE run = 'run' AND key = 'train/loss' ORDER BY step"
)


T = TypeVar("T")


class Taken(NamedTuple):
    """What one round took."""

    write_s: float
    read_s: float
    size_bytes: int


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Return how many seconds an action takes, and what it returns."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def check(found: object, values: list[float]) -> None:
    """End the program unless the values came back as they were."""
    if found != array("d", values):
        raise SystemExit("the points came back changed")


def through_tracker(path: Path, values: list[float], chunk: int) -> Taken:
    """Write by ``AppRun.metrics(…).extend`` and read by ``points``."""
    with closing(SqliteTracker(path)) as tracker:
        train = AppRun("run", [tracker]).metrics("train")

        def write() -> None:
            for start in range(0, len(values), chunk):
                steps = range(start, min(start + chunk, len(values)))
                train.extend({"loss": values[start : start + chunk]}, step=steps)

        write_s, _ = timed(write)
        read_s, points = timed(lambda: tracker.points("run", "train/loss"))
        check(points.values, values)
        return Taken(write_s, read_s, size_of(path, tracker.close))


def through_rows(path: Path, values: list[float]) -> Taken:
    """Write by ``executemany`` and read by ``SELECT``."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(TABLE)

        def write() -> None:
            now = time.time_ns()
            rows = ((step, now + step, value) for step, value in enumerate(values))
            connection.execute("BEGIN")
            connection.executemany(INSERT, rows)
            connection.execute("COMMIT")

        def read() -> "list[array[float]]":
            columns = zip(*connection.execute(SELECT), strict=True)
            kinds = zip("qqd", columns, strict=True)
            return [array(kind, column) for kind, column in kinds]

        write_s, _ = timed(write)
        read_s, columns = timed(read)
        check(columns[-1], values)
        return Taken(write_s, read_s, size_of(path, connection.close))


def size_of(path: Path, close: Callable[[], None]) -> int:
    """Return how large a database is once it is closed."""
    close()
    return path.stat().st_size


def measure(count: int, chunk: int, rounds: int, folder: Path) -> list[list[Taken]]:
    """Measure both ways in turn."""
    source = random.Random(7)  # noqa: S311 - noise, no secret
    values = [1 / (1 + step / 1e4) + source.gauss(0, 0.1) for step in range(count)]
    taken = [
        (
            through_tracker(folder / f"tracker-{turn}.db", values, chunk),
            through_rows(folder / f"rows-{turn}.db", values),
        )
        for turn in range(rounds)
    ]
    return [list(column) for column in zip(*taken, strict=True)]


def report(taken: list[list[Taken]], count: int) -> None:
    """Print the table, in Markdown."""
    print("| | write s (min, median) | read s (min, median) | bytes a point |")
    print("| :-- | --: | --: | --: |")
    least = []
    for name, column in zip(("tracker", "rows"), taken, strict=True):
        writes, reads, sizes = zip(*column, strict=True)
        least.append((min(writes), min(reads), min(sizes)))
        print(
            f"| {name} | {min(writes):.3f}, {statistics.median(writes):.3f} "
            f"| {min(reads):.3f}, {statistics.median(reads):.3f} "
            f"| {min(sizes) / count:.1f} |"
        )
    tracker, rows = least
    ratios = (row / own for own, row in zip(tracker, rows, strict=True))
    print("| rows / tracker |", " | ".join(f"{ratio:.1f}" for ratio in ratios), "|")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--chunk", type=int, default=50_000, help="points a call")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rounds = (chosen.points, chosen.chunk, chosen.rounds)
        taken = measure(*rounds, Path(folder))
    print(
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, "
        f"{chosen.points} points, {chosen.chunk} a call, {chosen.rounds} rounds\n"
    )
    report(taken, chosen.points)


if __name__ == "__main__":
    main()
