"""A job of several ranks is killed and started again by a scheduler."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.ranks import LAST, RANKS, first_step, value_at
from tests.crash.stores import Stores, deliver_rest, run_ids
from tracker_core import NativeTracker

_PLACE = Path(__file__).parent
_JOB = [sys.executable, str(_PLACE / "ranks.py")]
_LAUNCHER = [sys.executable, str(_PLACE / "requeued.py"), "r"]
_STEPS = {
    attempt: {rank: range(first_step(attempt, rank), last + 1) for rank in range(RANKS)}
    for attempt, last in LAST.items()
}


@pytest.mark.parametrize("launcher", [[], _LAUNCHER], ids=["alone", "launched"])
def test_requeued_job_continues_its_run_rank_by_rank(
    stores: Stores, launcher: list[str]
) -> None:
    """One run has two attempts, and of each rank one curve that is current."""
    environment = stores.environment()
    if not launcher:
        environment["TRACKER_JOB_ID"] = "r"

    assert _attempt(1, launcher, environment) == -signal.SIGKILL
    assert _attempt(2, launcher, environment) == 0

    assert run_ids(stores.home) == ["r"]
    with stores.open() as trackers:
        assert not deliver_rest(stores.home, trackers)
        for tracker in trackers.values():
            _check(tracker)


def _attempt(attempt: int, launcher: list[str], environment: dict[str, str]) -> int:
    """Start the job, kill its first attempt; return how it ended."""
    with Acknowledgements() as heard:
        end = heard.end.fileno()
        process = subprocess.Popen(
            [*launcher, *_JOB, str(attempt), str(end)],
            env={**os.environ, **environment},
            pass_fds=[end],
            start_new_session=True,
        )
        try:
            heard.let_go()
            heard.wait_for(sum(map(len, _STEPS[attempt].values())))
            if attempt == 1:
                os.killpg(process.pid, signal.SIGKILL)
            heard.read_all()
            return process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _check(tracker: NativeTracker) -> None:
    run = tracker.run("r")
    assert [(one.number, one.status, one.cause) for one in run.attempts] == [
        (1, "FAILED", {"kind": "lost"}),
        (2, "FINISHED", None),
    ]
    assert run.status == "FINISHED"
    every = {
        (step, value_at(attempt, rank, step))
        for attempt, ranks in _STEPS.items()
        for rank, steps in ranks.items()
        for step in steps
    }
    abandoned = {
        (step, value_at(1, rank, step))
        for rank, steps in _STEPS[1].items()
        for step in steps
        if step >= first_step(2, rank)
    }
    current = tracker.points("r", "loss")
    points = tracker.points("r", "loss", abandoned=True)
    assert sorted((point.step, point.value) for point in points) == sorted(every)
    assert sorted((p.step, p.value) for p in current) == sorted(every - abandoned)
    assert tracker.series("r")["loss"].count == len(every - abandoned)
