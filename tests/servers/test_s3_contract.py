"""The fsspec backend keeps the contract on S3, over HTTP."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tracker_core.identity import new_run_id
from tracker_core.testing import TrackerContract
from tracker_fsspec import FsspecTracker, create

pytestmark = pytest.mark.one_python


# In a process of its own, so that what it keeps is not taken for something of ours.
SERVER = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Give the address of a server that speaks S3."""
    pytest.importorskip("moto.server", reason="needs moto[server]")
    pytest.importorskip("s3fs", reason="needs s3fs")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def options(server: str) -> dict[str, object]:
    """Return what s3fs has to know; the region is one whose buckets moto makes."""
    return {
        "key": "key",
        "secret": "secret",
        "endpoint_url": server,
        "client_kwargs": {"region_name": "eu-west-1"},
    }


@pytest.fixture
def config(s3_server: str) -> str:
    """Give the config of a bucket of the test's own."""
    import s3fs

    bucket = f"tracker-{new_run_id().lower()}"
    s3fs.S3FileSystem(**options(s3_server)).mkdir(bucket)
    return json.dumps({"url": f"s3://{bucket}/runs", **options(s3_server)})


class TestS3(TrackerContract):
    """The contract on a bucket."""

    # Each request takes a hundred times what it takes on a disk.
    machine_examples = 3
    machine_steps = 15

    @pytest.fixture
    def open_tracker(self, config: str) -> Callable[[], FsspecTracker]:
        """Open a tracker on the bucket."""
        return functools.partial(create, config)
