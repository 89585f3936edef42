"""Objects and requests of a run in S3, counted at a server of moto's.

A run logs ten points a second for an hour. What is counted is what an object store
charges for: requests of the run while it is written, of its end, which compacts it, of
reading it, and of listing a store of such runs; and the objects that lie there. The
clock is not waited for: batches are those that would be delivered.
"""

import argparse
import json
import logging
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from typing import ClassVar

import s3fs
from moto.server import ThreadedMotoServer

from tracker_core.gathered import Gathered, PointColumns
from tracker_core.records import (
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    ParamsBody,
    Record,
    StartedBody,
    Writer,
)
from tracker_fsspec import FsspecTracker

BUCKET = "lake-of-runs"
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND


class Counted(s3fs.S3FileSystem):  # type: ignore[misc]  # ships no types
    """Counts the requests of all filesystems."""

    made: ClassVar[Counter[str]] = Counter()
    cachable = False

    async def _call_s3(self, method: str, *args: object, **kwargs: object) -> object:
        Counted.made[method] += 1
        return await super()._call_s3(method, *args, **kwargs)


def batches(run_id: str, seconds: int, every: int, rate: int) -> Iterator[Batch]:
    """Give the batches of a run, one for each ``every`` seconds."""
    writer = Writer(f"{run_id}-writer")
    begun: tuple[Body, ...] = (
        CreatedBody(None, "iris"),
        StartedBody("job"),
        ParamsBody({"lr": 0.1}),
    )
    records = tuple(Record(n, START_NS, body) for n, body in enumerate(begun, 1))
    yield Batch(run_id, writer, 1, len(begun), records)
    first = len(begun) + 1
    for start in range(0, seconds, every):
        count = every * rate
        sequences = range(first, first + count)
        begun_ns = START_NS + start * SECOND
        times_ns = range(begun_ns, sys.maxsize, SECOND // rate)
        steps = range(start * rate, start * rate + count)
        values = array("d", (1 / (step + 1) for step in steps))
        rows = array("q", [0]) * count
        columns = PointColumns(sequences, times_ns[:count], rows, steps, values)
        points = Gathered((), {("train", "loss"): columns}, count)
        yield Batch(run_id, writer, first, first + count - 1, points)
        first += count
    end = Record(first, START_NS + seconds * SECOND, EndedBody("job", "FINISHED", None))
    yield Batch(run_id, writer, first, first, (end,))


def report(what: str, action: Callable[[], object]) -> None:
    """Do something, and print which requests it took."""
    Counted.made.clear()
    action()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counted.made.items()))
    print(f"| {what} | {Counted.made.total()} | {kinds} |")


def measure(options: dict[str, object], chosen: argparse.Namespace) -> None:
    """Write runs, end them, read one and list all."""
    fs = Counted(**options)
    fs.mkdir(BUCKET)

    def opened() -> FsspecTracker:
        return FsspecTracker(Counted(**options), f"{BUCKET}/runs")

    tracker = opened()

    def write(run_id: str) -> None:
        made = batches(run_id, chosen.seconds, chosen.every, chosen.rate)
        for batch in made:
            tracker.write(batch)

    print("| | requests | of these |\n| :-- | --: | :-- |")
    report("writing a run", lambda: write("run"))
    report("reading its points", lambda: opened().points("run", "train/loss"))
    report("its end", tracker.close)
    report("reading its points then", lambda: opened().points("run", "train/loss"))
    for number in range(chosen.runs - 1):
        write(f"run-{number}")
    tracker.close()
    report(f"listing {chosen.runs} runs", lambda: opened().runs())
    opened().compact()
    report("listing them after tracker compact", lambda: opened().runs())
    fs.invalidate_cache()
    names = [name.split("/")[2:] for name in fs.find(BUCKET)]
    kinds = Counter(parts[0] if parts[0] != "batches" else "batches" for parts in names)
    print("\nobjects:", json.dumps(kinds))


def main() -> None:
    """Measure at a server of this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3_600)
    parser.add_argument("--rate", type=int, default=10, help="points a second")
    parser.add_argument("--every", type=int, default=10, help="seconds a batch")
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options: dict[str, object] = {
        "key": "key",
        "secret": "secret",
        "endpoint_url": f"http://{host}:{port}",
        "client_kwargs": {"region_name": "eu-west-1"},
    }
    try:
        measure(options, chosen)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
