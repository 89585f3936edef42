"""One MLflow run for each of our run ids, whoever makes it, and however often.

MLflow chooses the ids of its runs and offers no way to make one only if it is missing,
so two processes may make one each at the same time, and a request that was tried again
may make two. What says which counts are two tags: ``tracker.key``, the SHA-256 of our
run id, which a run has from its making, and ``tracker.run_id``, our run id, which it
has once it was *claimed*. A run is made in five steps:

1. Search for the key. A claimed run is the one; else go on.
2. Make a run with the key.
3. Wait for :data:`PAUSE`, and search for the key again.
4. If another run is claimed, or one with a smaller id is there, or making took longer
   than the pause: delete one's own and begin again – unless it is the only one.
5. Claim it.

Two processes that both searched before the other's run was there both see it in step 3,
since each makes its run within a pause of its search and then waits for one; so they
agree on the smaller id. One that was slower gives way to all others. What a crash
leaves behind is a run without a claim, which whoever comes next claims, after a pause
in which nobody else did.
"""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from random import random
from typing import Final

from mlflow.entities import Run

from tracker_mlflow.names import LONGEST_TAG, cut
from tracker_mlflow.server import Server

__all__ = ["KEY", "PAUSE", "RUN_ID", "claimed_run", "found_run", "run_key"]

KEY: Final = "tracker.key"
RUN_ID: Final = "tracker.run_id"
PAUSE: Final = 0.1
"""How long to wait for the runs of others to show, in seconds."""

_Sleep = Callable[[float], None]


def run_key(run_id: str) -> str:
    """Return the text by which the MLflow run of a run id is found."""
    return sha256(run_id.encode()).hexdigest()


def found_run(server: Server, run_id: str) -> Run | None:
    """Return the claimed MLflow run of a run id."""
    # Most often it is in an experiment that was there before.
    known = _with_key(server, run_id, is_quick=True)
    return _claimed(known) or _claimed(_with_key(server, run_id))


def claimed_run(
    server: Server,
    run_id: str,
    make: Callable[[Mapping[str, str]], Run],
    sleep: _Sleep = time.sleep,
) -> Run:
    """Return the MLflow run of a run id, which is made if it is missing.

    Args:
        server: Where.
        run_id: Ours.
        make: Makes an MLflow run with certain tags.
        sleep: Waits for some seconds.
    """
    while True:
        begun = time.monotonic()
        known = _with_key(server, run_id)
        if known and (found := _claimed(known) or _settled(server, run_id, sleep)):
            return found
        if known:  # somebody else gave way meanwhile
            continue
        mine = make({KEY: run_key(run_id)})
        is_slow = time.monotonic() - begun > PAUSE
        sleep(PAUSE)
        known = _with_key(server, run_id, is_quick=True)
        others = [run for run in known if _id(run) != _id(mine)]
        if not others or not (
            _claimed(others) or is_slow or _least(others) < _id(mine)
        ):
            return _claim(server, run_id, mine)
        server.client.delete_run(_id(mine))
        sleep(PAUSE * random())  # noqa: S311 - else two that gave way to each other do so again


def _settled(server: Server, run_id: str, sleep: _Sleep) -> Run | None:
    """Claim a run that its maker left, unless somebody does so within two pauses."""
    sleep(2 * PAUSE)
    known = _with_key(server, run_id)
    found = _claimed(known)
    if found is not None or not known:
        return found
    return _claim(server, run_id, min(known, key=_id))


def _claim(server: Server, run_id: str, run: Run) -> Run:
    server.client.set_tag(_id(run), RUN_ID, cut(run_id, LONGEST_TAG))
    return run


def _with_key(server: Server, run_id: str, *, is_quick: bool = False) -> list[Run]:
    query = f"tags.`{KEY}` = '{run_key(run_id)}'"
    return server.search(query, is_quick=is_quick)


def _claimed(runs: list[Run]) -> Run | None:
    claimed = [run for run in runs if RUN_ID in run.data.tags]
    return min(claimed, key=_id, default=None)


def _least(runs: list[Run]) -> str:
    return min(map(_id, runs))


def _id(run: Run) -> str:
    id_: str = run.info.run_id
    return id_
