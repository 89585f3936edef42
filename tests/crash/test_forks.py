"""A job forks while its threads log, and one of the two is killed, or none."""

import random
from itertools import product
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.deeds import check_found
from tests.crash.jobs import fork_amid
from tests.crash.processes import told_job
from tests.crash.stores import Stores, deliver_rest

_COUNT = 400
_VICTIMS = ("parent", "child", "both", None)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", ["fork", "multiprocessing"])
def test_fork_amid_logging_loses_and_doubles_nothing(
    tmp_path: Path,
    prepared: ForkServerContext,
    chance: random.Random,
    rounds: int,
    way: str,
) -> None:
    """All that either side was told is kept is there once; who is spared goes on."""
    least = range(max(rounds // 10, 1))
    for number, victim in product(least, _VICTIMS):
        stores = Stores(tmp_path / f"{number}-{victim}")
        acknowledged = _forked(prepared, stores, way, victim, chance)

        with stores.open() as trackers:
            assert not deliver_rest(stores.home, trackers)
            for tracker in trackers.values():
                check_found(tracker, "r", acknowledged)

        if victim in ("child", None):
            assert acknowledged["p0"] == acknowledged["p1"] == _COUNT
        if victim in ("parent", None):
            assert acknowledged["c0"] == acknowledged["c1"] == _COUNT


def _forked(
    prepared: ForkServerContext,
    stores: Stores,
    way: str,
    victim: str | None,
    chance: random.Random,
) -> dict[str, int]:
    environment = stores.environment(TRACKER_JOB_ID="r")
    with Acknowledgements() as heard:
        job = prepared.Process(
            target=fork_amid, args=(environment, way, heard.end, _COUNT)
        )
        job.start()
        heard.let_go()
        with told_job(heard, "child") as kill_child:
            heard.wait_for(heard.total + chance.randrange(_COUNT))
            if victim in ("parent", "both"):
                job.kill()
            if victim in ("child", "both"):
                kill_child()
            heard.read_all()
        job.join()
        job.close()
        return heard.counts
