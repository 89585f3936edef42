"""A job that is killed at any moment has lost nothing that it was told is kept."""

import random
import time
from collections import Counter
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.deeds import check_found
from tests.crash.jobs import run_job
from tests.crash.stores import Stores, deliver_rest

_COUNT = 100_000
_OPENS_IN_S = 0.2


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("threads", [1, 4])
def test_killed_job_has_lost_nothing_that_was_acknowledged(
    tmp_path: Path,
    prepared: ForkServerContext,
    chance: random.Random,
    rounds: int,
    threads: int,
) -> None:
    """All that returned is in both stores once, in order, and nothing is half there."""
    totals: Counter[str] = Counter()
    for number in range(rounds):
        stores = Stores(tmp_path / str(number))
        acknowledged = _killed(prepared, stores, threads, chance)

        with stores.open() as trackers:
            said = deliver_rest(stores.home, trackers)
            held = {
                name: check_found(tracker, "r", acknowledged)
                for name, tracker in trackers.items()
            }

        assert not said
        assert len(set(held.values())) == 1
        totals["acknowledged"] += sum(acknowledged.values())
        totals.update(held)
    print(f"{threads} threads, {rounds} rounds: {dict(totals)}")  # noqa: T201 - with -s


def _killed(
    prepared: ForkServerContext, stores: Stores, threads: int, chance: random.Random
) -> dict[str, int]:
    """Kill a job at random; return who has how many deeds acknowledged."""
    environment = stores.environment(TRACKER_JOB_ID="r")
    with Acknowledgements() as heard:
        job = prepared.Process(
            target=run_job, args=(environment, threads, heard.end, _COUNT)
        )
        job.start()
        heard.let_go()
        if chance.random() < 0.25:  # while it opens its run, or shortly after
            time.sleep(chance.random() * _OPENS_IN_S)
        else:
            heard.wait_for(int(10 ** (chance.random() * 4)))
        job.kill()
        job.join()
        job.close()
        heard.read_all()
        return heard.counts
