"""Jobs that just end have told S3 all of it, as those do that finish their run."""

import json
import subprocess
import sys

import pytest

from tests.servers.test_s3_contract import config, options, s3_server
from tracker_fsspec import create

pytestmark = pytest.mark.one_python

__all__ = ["config", "options", "s3_server"]

PROGRAM = """
import asyncio, atexit, sys
from tracker_core.records import EndedBody
from tracker_core.testing.contract.pen import Pen
from tracker_fsspec import create

tracker = create(sys.argv[1])

def end():
    # A connection that was idle for long is made anew, and the name looked up.
    loop = tracker._store.fs.loop
    found = asyncio.run_coroutine_threadsafe(loop.getaddrinfo("localhost", 80), loop)
    assert found.result(20)
    tracker.write(Pen("r").log(EndedBody("job", "FINISHED", None)))

atexit.register(end)
"""


def test_names_are_looked_up_when_a_program_ends(config: str) -> None:
    """Python has closed the pools of threads by then, in which that is done."""
    given = json.loads(config)
    given["endpoint_url"] = given["endpoint_url"].replace("127.0.0.1", "localhost")
    command = [sys.executable, "-c", PROGRAM, json.dumps(given)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert create(config).run("r").status == "FINISHED"
