"""Listing runs that have ended: in seconds on a disk, in requests in S3.

Runs of five points each are written to a local disk and compacted, then copied to a
bucket at a server of moto's, without their points and the batches that compaction has
replaced: whoever lists runs looks at neither.
"""

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
from s3_requests import Counted  # type: ignore[import-not-found]  # beside this one

from tracker_core.records import (
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetricsBody,
    ParamsBody,
    Record,
    StartedBody,
    Writer,
)
from tracker_fsspec import FsspecTracker

BUCKET = "listed"
ROUNDS = 5
START_NS = 1_700_000_000_000_000_000


def batches(runs: int) -> Iterator[Batch]:
    """Give each run as one batch."""
    for number in range(runs):
        bodies: tuple[Body, ...] = (
            CreatedBody(None, "iris"),
            StartedBody("job"),
            ParamsBody({"lr": 1 / (number + 1)}),
            *(MetricsBody(step, {"": {"loss": 1 / (step + 1)}}) for step in range(5)),
            EndedBody("job", "FINISHED", None),
        )
        now_ns = START_NS + number
        records = tuple(Record(n, now_ns, body) for n, body in enumerate(bodies, 1))
        writer = Writer(f"writer-{number}")
        yield Batch(f"run-{number:06}", writer, 1, len(records), records)


def main() -> None:
    """Write, list on the disk, copy, list in the bucket."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    chosen = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        tracker = FsspecTracker(LocalFileSystem(), folder)
        for batch in batches(chosen.runs):
            tracker.write(batch)
        tracker.close()
        tracker.compact()
        took = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            found = FsspecTracker(LocalFileSystem(), folder).runs("params.lr < 0.5")
            took.append(time.perf_counter() - begun)
        least, middle = min(took), statistics.median(took)
        print(f"disk: {len(found)} runs in {least:.2f}, {middle:.2f} s (min, median)")
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            list_in_bucket(server, Path(folder))
        finally:
            server.stop()


def list_in_bucket(server: ThreadedMotoServer, folder: Path) -> None:
    """Copy a directory to a bucket, list the runs there, and print the requests."""
    host, port = server.get_host_and_port()
    options = {
        "key": "key",
        "secret": "secret",
        "endpoint_url": f"http://{host}:{port}",
        "client_kwargs": {"region_name": "eu-west-1"},
    }
    Counted(**options).mkdir(BUCKET)
    # Not by requests, of which the server answers some fifty a second.
    store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not {"batches", "points"} & set(name.parts):
            store.put_object(BUCKET, f"runs/{name}", path.read_bytes())
    Counted.made.clear()
    found = FsspecTracker(Counted(**options), f"{BUCKET}/runs").runs("params.lr < 0.5")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counted.made.items()))
    print(f"S3: {len(found)} runs in {Counted.made.total()} requests: {kinds}")


if __name__ == "__main__":
    main()
