"""Lists of runs from sqlite stores of 1,000, 10,000 and 100,000 runs.

Each run has 10 params and 5 series of 5 points. Every answer is timed from opening the
store to having the runs, and the stores take turns. What grows with the store shows in
the last column: how many times longer the largest takes than the smallest. The stores
are made once, which takes some two minutes; with ``--folder`` they are kept for the
next time.
"""

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tracker_core.records import (
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    ParamsBody,
    Record,
    StartedBody,
    Writer,
)
from tracker_sqlite import SqliteTracker

SIZES = (1_000, 10_000, 100_000)
LIMIT = 50
START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


class Question(NamedTuple):
    """What is asked of a store."""

    name: str
    query: str | None = None
    order_by: str | None = None


QUESTIONS = (
    Question("the newest 50"),
    Question("50 by params, 1 of 200 matches", "params.p0 < 0.01 and params.p1 > 0.5"),
    Question("50 by a param, 1 of 2 matches", "params.p1 > 0.5"),
    Question("the best 50 by a series", order_by="metrics.train/loss.min"),
    Question("the best 50 of 1 in 2", "params.p1 > 0.5", "metrics.train/loss.min"),
    Question("the worst 50 by a series", order_by="-metrics.train/loss.min"),
)


def story(number: int, source: random.Random) -> Batch:
    """Return all that one run logs."""
    columns = {
        field: [source.random() for _ in range(5)]
        for field in ("loss", "accuracy", "recall", "seconds", "memory")
    }
    bodies: tuple[Body, ...] = (
        CreatedBody(experiment=f"experiment-{number % 20}"),
        StartedBody("job"),
        ParamsBody({f"p{place}": source.random() for place in range(10)}),
        ColumnsBody("train", range(5), columns),
        EndedBody("job", "FINISHED", None),
    )
    time_ns = START_NS + number * SECOND_NS
    records = tuple(
        Record(sequence, time_ns + sequence, body)
        for sequence, body in enumerate(bodies, 1)
    )
    return Batch(f"run-{number}", Writer(f"w{number}"), 1, len(records), records)


def make_store(path: Path, size: int) -> None:
    """Make a store, unless it is there."""
    if path.exists():
        return
    source = random.Random(7)  # noqa: S311 - noise, no secret
    unfinished = path.with_suffix(".part")
    with closing(SqliteTracker(unfinished)) as tracker:
        for number in range(size):
            tracker.write(story(number, source))
    unfinished.rename(path)


def milliseconds(path: Path, question: Question) -> float:
    """Time one answer, from opening the store."""
    start = time.perf_counter()
    with closing(SqliteTracker(path)) as tracker:
        runs = tracker.runs(question.query, question.order_by, LIMIT)
        end = time.perf_counter()
    if not runs:
        raise SystemExit(f"no run answers {question.name!r}")
    return (end - start) * 1e3


def measure(paths: list[Path], rounds: int) -> list[list[list[float]]]:
    """Return the times by question and store, after one round to warm the caches."""
    turns = [
        [[milliseconds(path, question) for path in paths] for question in QUESTIONS]
        for _ in range(rounds + 1)
    ]
    return [
        [[turn[row][column] for turn in turns[1:]] for column in range(len(paths))]
        for row in range(len(QUESTIONS))
    ]


def report(times: list[list[list[float]]], sizes: tuple[int, ...]) -> None:
    """Print the table, in Markdown."""
    heads = " | ".join(f"{size:,} runs, ms (min, median)" for size in sizes)
    print(f"| | {heads} | largest / smallest |")
    print("| :-- |", " | ".join(["--:"] * (len(sizes) + 1)), "|")
    for question, columns in zip(QUESTIONS, times, strict=True):
        shown = " | ".join(
            f"{min(column):.1f}, {statistics.median(column):.1f}" for column in columns
        )
        ratio = min(columns[-1]) / min(columns[0])
        print(f"| {question.name} | {shown} | {ratio:.1f} |")


def main() -> None:
    """Make the stores, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the stores are kept")
    chosen = parser.parse_args()
    sizes = tuple(chosen.sizes)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        paths = [folder / f"runs-{size}.db" for size in sizes]
        for path, size in zip(paths, sizes, strict=True):
            make_store(path, size)
        times = measure(paths, chosen.rounds)
    print(
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, "
        f"{chosen.rounds} rounds\n"
    )
    report(times, sizes)


if __name__ == "__main__":
    main()
