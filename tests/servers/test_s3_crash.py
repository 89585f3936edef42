"""Jobs and deliveries die, and what was logged is in the bucket once."""

import random
import shutil
from itertools import count
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.conftest import chance, rounds
from tests.crash.deeds import check_found
from tests.crash.processes import code_of, killed_job
from tests.crash.stepwise import DEEDS, leave_behind
from tests.crash.stores import deliver_rest
from tests.servers.s3_deeds import DIED, deliver_until
from tests.servers.test_s3_contract import config, s3_server
from tracker_fsspec import create

pytestmark = pytest.mark.one_python

__all__ = ["chance", "config", "rounds", "s3_server"]


@pytest.fixture(scope="module")
def prepared() -> ForkServerContext:
    """Give processes that have imported all that a job imports, and opened nothing."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.jobs", "tests.servers.s3_deeds"])
    return context


@pytest.mark.timeout(1200)
def test_killed_job_has_lost_nothing_that_was_acknowledged(
    config: str,
    prepared: ForkServerContext,
    chance: random.Random,
    rounds: int,
    tmp_path: Path,
) -> None:
    """All that returned is in the bucket once, wherever delivery was."""
    for number in range(rounds // 4):
        home, run_id = tmp_path / str(number), f"run {number}"
        given = {
            "TRACKER_HOME": str(home),
            "TRACKER_BACKENDS": "s3=tracker_fsspec:create",
            "TRACKER_S3_CONFIG": config,
            "TRACKER_JOB_ID": run_id,
        }
        deeds = int(10 ** (chance.random() * 3))
        acknowledged = killed_job(prepared, given, deeds)

        tracker = create(config)
        assert not deliver_rest(home, {"s3": tracker})
        check_found(tracker, run_id, acknowledged)
        tracker.close()


@pytest.mark.timeout(1200)
def test_delivery_that_dies_at_any_request_loses_and_doubles_nothing(
    config: str, prepared: ForkServerContext, tmp_path: Path
) -> None:
    """Before it was sent, or before its answer was heard; at every third of them."""
    origin = tmp_path / "origin"
    assert code_of(prepared, leave_behind, origin) == 0

    for last in count(1, 3):
        home, place = tmp_path / str(last), config.replace("/runs", f"/{last}")
        shutil.copytree(origin, home)
        code = code_of(prepared, deliver_until, home, place, last)
        tracker = create(place)
        deliver_rest(home, {"s3": tracker})
        check_found(tracker, "r", {"t0": DEEDS, "u0": DEEDS})
        tracker.close()
        if code == 0:
            break
        assert code == DIED

    assert last > 20
