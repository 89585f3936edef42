"""Points through the fsspec backend, on a local disk.

A run logs one number after the other, as the journal hands them on: batches of plain
points of two series, as columns. They are written, read back by another tracker, and
their files counted. The clock stops when ``write`` and ``points`` have returned. The
last row is the Parquet object of the run: made by ``compact``, and read.
"""

import argparse
import random
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import Batch, EndedBody, Record, Writer

# Parquet is imported here so that no case is charged for it.
from tracker_fsspec import FsspecTracker, create
from tracker_fsspec.parquet import PointsFile  # noqa: F401 - for its effect

SERIES = ("loss", "accuracy")


class Measured(NamedTuple):
    """What it took."""

    write_s: float
    read_s: float
    size_bytes: int
    files: int


def batches(count: int, chunk: int) -> Iterator[Batch]:
    """Give the batches of a run of ``count`` points."""
    source = random.Random(7)  # noqa: S311 - noise, no secret
    now = time.time_ns()
    for start in range(1, count // len(SERIES) + 1, chunk):
        sequences = range(start, start + chunk)
        times_ns = array("q", (now + n * 100_000_000 for n in sequences))
        points = {
            ("train", field): PointColumns(
                sequences,
                times_ns,
                array("q", [0]) * chunk,
                sequences,
                array("d", (source.gauss(1 / n, 0.1) for n in sequences)),
            )
            for field in SERIES
        }
        records = Gathered((), points, chunk)
        yield Batch("run", Writer("writer"), start, start + chunk - 1, records)


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compacted(folder: Path, count: int) -> Measured:
    """Compact the run that :func:`measure` has written, and read it."""
    tracker = create(str(folder))
    sequence = count // len(SERIES) + 1
    end = Record(sequence, 2**61, EndedBody("job", "FINISHED", None))
    tracker.write(Batch("run", Writer("writer"), sequence, sequence, (end,)))
    write_s = timed(tracker.compact)
    read_s = timed(lambda: read(create(str(folder))))
    files = [*folder.rglob("*.parquet")]
    size_bytes = sum(path.stat().st_size for path in files)
    return Measured(write_s, read_s, size_bytes, len(files))


def read(tracker: FsspecTracker) -> None:
    """Read all points."""
    for field in SERIES:
        if not len(tracker.points("run", f"train/{field}")):
            raise SystemExit("the points are not there")


def measure(folder: Path, count: int, chunk: int) -> Measured:
    """Write and read one run."""
    made = [*batches(count, chunk)]
    tracker = create(str(folder))

    def write() -> None:
        for batch in made:
            tracker.write(batch)

    write_s = timed(write)
    read_s = timed(lambda: read(create(str(folder))))
    files = [path for path in folder.rglob("*") if path.is_file()]
    size_bytes = sum(path.stat().st_size for path in files)
    return Measured(write_s, read_s, size_bytes, len(files))


def show(case: str, found: Measured, count: int) -> None:
    """Print a row of the table, in Markdown."""
    print(
        f"| {case} | {count / found.write_s:,.0f} | {count / found.read_s:,.0f} "
        f"| {found.size_bytes / count:.1f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--chunks", type=int, nargs="*", default=[10, 1_000, 50_000])
    chosen = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {chosen.points} points of two series\n")
    print("| records a batch | written (points/s) | read (points/s) | B a point |")
    print("| --: | --: | --: | --: |")
    for chunk in chosen.chunks:
        # Small batches are files each: a tenth of them tells as much.
        count = chosen.points if chunk > 100 else chosen.points // 10  # noqa: PLR2004
        with tempfile.TemporaryDirectory() as folder:
            show(str(chunk), measure(Path(folder) / "runs", count, chunk), count)
            if chunk == chosen.chunks[-1]:
                show("compacted", compacted(Path(folder) / "runs", count), count)


if __name__ == "__main__":
    main()
