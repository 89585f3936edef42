"""One MLflow run for each of our run ids, whoever makes it, and however often.

MLflow chooses the ids of its runs and offers no way to make one only if it is missing,
so two processes may make one each at the same time, and a request that was tried again
may make two. What says which counts are tags: ``tracker.key``, the SHA-256 of our run
id, and ``tracker.maker``, who made it, which a run has from its making;
``tracker.claimed``, by which its maker asks for it; and ``tracker.run_id``, our run id,
which it has once it is the one.

1. Search for the key. A run that is the one is used. Any other is being made by
   somebody else: wait for what becomes of it.
2. Make a run with the key, wait for :data:`PAUSE`, and search for it again. If another
   run is claimed, or has a smaller id, delete one's own and begin again.
3. Claim it, wait for a pause, and search again. If another run is claimed and has a
   smaller id, or the claim came later than a pause after the search before, delete
   one's own and begin again.
4. Say that it is the one.

Two that claimed did not see each other's claim in step 2. The claim of each came within
a pause of its search, else it gives way; so each is there when the other looks in step
3, a pause after its own claim, and both agree on the smaller id. A slow server costs
time alone: whoever has the smallest id goes on, however long its making took.

Nobody touches the run of another maker that lives, since that may delete it. What a
crash leaves behind is a run that is not the one, which is taken over once its maker is
known to be dead: its process on this machine has ended, or has given up that try; else,
on another machine, after :data:`ABANDONED_S`. Its maker leaves it alone long before.
"""

import os
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from random import random
from typing import Final, NamedTuple

from mlflow.entities import Run

from tracker_core.errors import RetryableError
from tracker_core.identity import new_writer_id
from tracker_mlflow.names import LONGEST_TAG, cut
from tracker_mlflow.server import Server

__all__ = [
    "ABANDONED_S",
    "KEY",
    "PAUSE",
    "RUN_ID",
    "claimed_run",
    "found_run",
    "run_key",
]

KEY: Final = "tracker.key"
RUN_ID: Final = "tracker.run_id"
PAUSE: Final = 0.1
"""How long to wait for the runs of others to show, in seconds."""

ABANDONED_S: Final = 300.0
"""After how many seconds a run without a claim is taken over, if nothing else tells."""

_MAKER: Final = "tracker.maker"
_CLAIMED: Final = "tracker.claimed"
_PATIENCE_S = 5.0
# Its maker has little to do then, and does it at once.
_KEPT_S = 30.0
# The tries of this process that are under way, by whichever tracker object.
_TRYING: set[str] = set()


class _Maker(NamedTuple):
    """Who made a run.

    Args:
        machine: The host, and what keeps processes apart there.
        pid: The process.
        token: The one try.
        time_s: When, in seconds since 1970.
    """

    machine: str
    pid: int
    token: str
    time_s: float

    @classmethod
    def now(cls) -> "_Maker":
        """Give this process, for a new try."""
        return cls(_machine(), os.getpid(), new_writer_id(), time.time())

    @classmethod
    def of(cls, run: Run) -> "_Maker":
        """Read what the tag of a run says; a damaged one says nothing."""
        parts = run.data.tags.get(_MAKER, "").split()
        if len(parts) != len(cls._fields) or not parts[1].isdecimal():
            return cls("", 0, "", 0.0)
        return cls(parts[0], int(parts[1]), parts[2], float(parts[3]))

    def to_tag(self) -> str:
        """Return the value of the tag."""
        return f"{self.machine} {self.pid} {self.token} {self.time_s:.0f}"

    def lives(self, trying: set[str]) -> bool:
        """Tell whether it may still do something with its run."""
        if time.time() - self.time_s > ABANDONED_S:
            return False
        if self.machine != _machine():
            return True
        if self.pid == os.getpid():
            return self.token in trying or not self.token
        return _is_process(self.pid)


def run_key(run_id: str) -> str:
    """Return the text by which the MLflow run of a run id is found."""
    return sha256(run_id.encode()).hexdigest()


def found_run(server: Server, run_id: str) -> Run | None:
    """Return the MLflow run that is the one of a run id."""
    # Most often it is in an experiment that was there before.
    known = _with_key(server, run_id, is_quick=True)
    return _the_one(known) or _the_one(_with_key(server, run_id))


def claimed_run(
    server: Server, run_id: str, make: Callable[[Mapping[str, str]], Run]
) -> Run:
    """Return the MLflow run of a run id, which is made if it is missing.

    Args:
        server: Where.
        run_id: Ours.
        make: Makes an MLflow run with certain tags.

    Raises:
        RetryableError: Somebody else is making it, and takes long.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        begun = time.monotonic()
        known = _with_key(server, run_id)
        if found := _the_one(known):
            return found
        left = [run for run in known if not _Maker.of(run).lives(_TRYING)]
        if left and len(left) == len(known):
            return _chosen(server, run_id, min(known, key=_id))
        if not known and (found := _made(server, run_id, make, begun)):
            return found
        # Not all at the same time, else two that gave way to each other do so again.
        time.sleep(PAUSE * (1 + random()))  # noqa: S311 - no secret
    message = f"another process is making the MLflow run of {run_id!r}; it takes long"
    raise RetryableError(message)


def _made(
    server: Server, run_id: str, make: Callable[[Mapping[str, str]], Run], begun: float
) -> Run | None:
    """Make a run and claim it, or give way to others."""
    maker = _Maker.now()
    _TRYING.add(maker.token)
    try:
        mine = make({KEY: run_key(run_id), _MAKER: maker.to_tag()})
        is_first = _is_first(server, run_id, mine)
        if time.monotonic() - begun > _KEPT_S:
            return None  # others may take it over before long
        if is_first:
            return _chosen(server, run_id, mine)
        server.client.delete_run(_id(mine))
        return None
    finally:
        _TRYING.discard(maker.token)


def _is_first(server: Server, run_id: str, mine: Run) -> bool:
    """Claim a run, unless another goes before it; tell whether none does."""
    time.sleep(PAUSE)
    looked = time.monotonic()
    others = _others(server, run_id, mine)
    if any(_CLAIMED in it.data.tags or _id(it) < _id(mine) for it in others):
        return False
    server.client.set_tag(_id(mine), _CLAIMED, "yes")
    is_late = time.monotonic() - looked > PAUSE
    time.sleep(PAUSE)
    rivals = [it for it in _others(server, run_id, mine) if _CLAIMED in it.data.tags]
    return not any(is_late or _id(it) < _id(mine) for it in rivals)


def _chosen(server: Server, run_id: str, run: Run) -> Run:
    server.client.set_tag(_id(run), RUN_ID, cut(run_id, LONGEST_TAG))
    return run


def _others(server: Server, run_id: str, mine: Run) -> list[Run]:
    known = _with_key(server, run_id, is_quick=True)
    return [run for run in known if _id(run) != _id(mine)]


def _with_key(server: Server, run_id: str, *, is_quick: bool = False) -> list[Run]:
    query = f"tags.`{KEY}` = '{run_key(run_id)}'"
    return server.search(query, is_quick=is_quick)


def _the_one(runs: list[Run]) -> Run | None:
    found = [run for run in runs if RUN_ID in run.data.tags]
    return min(found, key=_id, default=None)


def _id(run: Run) -> str:
    id_: str = run.info.run_id
    return id_


def _machine() -> str:
    """Return what tells the processes of this machine from those of others."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path
    except OSError:  # no Linux: there is one for all
        space = "-"
    return f"{os.uname().nodename}/{space}"


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
