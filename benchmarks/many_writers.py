"""Sixty-four writers of one run at once, through the fsspec backend.

Each is a thread with a tracker of its own, as the ranks of a job are processes, and
writes batches of points on a local disk and to a bucket at a server of moto's. Printed
are the batches and points a second of all together, the objects, and for the bucket the
requests of a batch. That nothing is lost or doubled is checked.
"""

import argparse
import logging
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable

from fsspec.implementations.local import LocalFileSystem
from moto.server import ThreadedMotoServer
from s3_requests import Counted  # type: ignore[import-not-found]  # beside this one

from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import Batch, Writer
from tracker_fsspec import FsspecTracker

RUN, SERIES = "run", ("train", "loss")
BUCKET = "many-writers"


def batch_of(writer: int, number: int, points: int) -> Batch:
    """Give a batch of one series, whose values tell who wrote them."""
    first = number * points + 1
    sequences = range(first, first + points)
    columns = PointColumns(
        sequences,
        array("q", (1_700_000_000_000_000_000 + n for n in sequences)),
        array("q", [0]) * points,
        sequences,
        array("d", (float(writer),)) * points,
    )
    records = Gathered((), {SERIES: columns}, points)
    whose = Writer(f"writer-{writer:02}", 1, writer)
    return Batch(RUN, whose, first, first + points - 1, records)


def together(opened: Callable[[], FsspecTracker], chosen: argparse.Namespace) -> float:
    """Let all write at once; return the seconds that it took."""
    start = threading.Barrier(chosen.writers + 1)

    def work(writer: int) -> None:
        tracker = opened()
        start.wait()
        for number in range(chosen.batches):
            tracker.write(batch_of(writer, number, chosen.points))

    threads = [
        threading.Thread(target=work, args=(writer,))
        for writer in range(chosen.writers)
    ]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def measure(
    name: str, opened: Callable[[], FsspecTracker], chosen: argparse.Namespace
) -> None:
    """Write, check what is there, and print a row."""
    Counted.made.clear()
    took = together(opened, chosen)
    requests = Counted.made.total()
    batches = chosen.writers * chosen.batches
    found = opened().points(RUN, "/".join(SERIES))
    if (
        len(found) != batches * chosen.points
        or len(set(found.values)) != chosen.writers
    ):
        sys.exit(f"{name}: {len(found)} points of {batches * chosen.points}")
    rates = f"{batches / took:.0f} | {batches * chosen.points / took:,.0f}"
    print(f"| {name} | {batches} | {rates} | {requests / batches:.1f} |")


def main() -> None:
    """Measure on a disk and at a server of this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--batches", type=int, default=10, help="of each writer")
    parser.add_argument("--points", type=int, default=1000, help="of each batch")
    chosen = parser.parse_args()
    print("| | batches | batches/s | points/s | requests a batch |")
    print("| :-- | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        measure("disk", lambda: FsspecTracker(LocalFileSystem(), folder), chosen)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {
        "key": "key",
        "secret": "secret",
        "endpoint_url": f"http://{host}:{port}",
        "client_kwargs": {"region_name": "eu-west-1"},
    }
    try:
        Counted(**options).mkdir(BUCKET)
        place = f"{BUCKET}/runs"
        measure("S3", lambda: FsspecTracker(Counted(**options), place), chosen)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
