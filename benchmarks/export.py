"""Points of many runs from the sqlite backend into one Parquet file.

The runs have one series each, of a noisy float. The file is written as ``tracker
export`` does, through to the disk, and read back. The bare case writes columns that are
in memory already by pyarrow alone: run, step and value. The cases take turns.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tracker_core import AppRun
from tracker_core.exporting import exported, points_of_runs
from tracker_sqlite import SqliteTracker


def fill(tracker: SqliteTracker, runs: int, points: int) -> None:
    """Log the runs."""
    source = random.Random(7)  # noqa: S311 - noise, no secret
    for number in range(runs):
        values = [1 / (1 + step) + source.gauss(0, 0.1) for step in range(points)]
        run = AppRun(f"run{number}", [tracker])
        run.metrics("train").extend({"loss": values}, step=range(points))


def through_tracker(tracker: SqliteTracker, path: Path) -> float:
    """Export; return the seconds that it took."""
    start = time.perf_counter()
    with path.open("wb") as file:
        for piece in exported("parquet", points_of_runs(tracker, tracker.runs())):
            file.write(piece)
        os.fsync(file.fileno())
    return time.perf_counter() - start


def bare(columns: "list[tuple[str, array[int], array[float]]]", path: Path) -> float:
    """Write columns that are in memory; return the seconds that it took."""
    start = time.perf_counter()
    schema = pa.schema(
        [("run", pa.string()), ("step", pa.int64()), ("value", pa.float64())]
    )
    with (
        path.open("wb") as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for table in _tables(columns, schema):
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - start


def _tables(
    columns: "list[tuple[str, array[int], array[float]]]", schema: pa.Schema
) -> Iterator[pa.Table]:
    for place in range(0, len(columns), 26):
        tables = []
        for run, steps, values in columns[place : place + 26]:
            names = pa.repeat(pa.scalar(run), len(steps))
            table = pa.table([names, pa.array(steps), pa.array(values)], schema=schema)
            tables.append(table)
        yield pa.concat_tables(tables)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=10_000, help="points a run")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    total = chosen.runs * chosen.points
    with tempfile.TemporaryDirectory() as folder:
        file, other = Path(folder, "points.parquet"), Path(folder, "bare.parquet")
        with closing(SqliteTracker(Path(folder, "runs.db"))) as tracker:
            fill(tracker, chosen.runs, chosen.points)
            columns = [
                (it.run.run_id, steps, array("d", values))
                for it in points_of_runs(tracker, tracker.runs())
                if isinstance(values := it.points.values, array)
                and isinstance(steps := it.points.steps, array)
            ]
            taken = [
                (through_tracker(tracker, file), bare(columns, other))
                for _ in range(chosen.rounds)
            ]
        size = file.stat().st_size
        found = pq.read_table(file, columns=["value"]).num_rows
    if found != total:
        raise SystemExit(f"{found} points in the file, {total} logged")
    ours, theirs = (statistics.median(column) for column in zip(*taken, strict=True))
    print(f"Python {sys.version.split()[0]}, pyarrow {pa.__version__}")
    print(f"{total:,} points of {chosen.runs:,} runs, {chosen.rounds} rounds, median:")
    speed = total / ours / 1e6
    print(f"export {ours:.2f} s, {speed:.2f} M points/s, {size / total:.1f} B a point")
    print(f"bare {theirs:.2f} s; bare / export {theirs / ours:.2f}")


if __name__ == "__main__":
    main()
