"""A launcher, its job or both are killed at any moment."""

import random
import signal

import pytest

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.deeds import check_found
from tests.crash.processes import launched, told_job
from tests.crash.stores import Stores, deliver_rest, run_ids
from tracker_core.runs import RunInfo

_COUNT = 1_000


def delivered(stores: Stores, acknowledged: dict[str, int]) -> RunInfo:
    """Deliver the rest, check that all is there, and give the run."""
    (run_id,) = run_ids(stores.home)
    with stores.open() as trackers:
        assert not deliver_rest(stores.home, trackers)
        for tracker in trackers.values():
            check_found(tracker, run_id, acknowledged)
        runs = [tracker.run(run_id) for tracker in trackers.values()]
        assert runs[0].status == runs[1].status
        assert runs[0].cause == runs[1].cause
        return runs[0]


@pytest.fixture
def few(rounds: int, chance: random.Random) -> list[int]:
    """Give how much was acknowledged when somebody dies, round by round."""
    least = max(rounds // 5, 1)
    return [chance.choice((0, chance.randrange(_COUNT))) for _ in range(least)]


@pytest.mark.timeout(3600)
def test_job_goes_on_when_its_launcher_is_killed(
    stores: Stores, few: list[int]
) -> None:
    """It finishes its work, and all of it is there."""
    for number, moment in enumerate(few):
        place = Stores(stores.home / str(number))
        with (
            Acknowledgements() as heard,
            launched(heard, place.environment(), _COUNT) as launcher,
            told_job(heard),
        ):
            heard.wait_for(moment)
            launcher.kill()
            heard.read_all()

        run = delivered(place, heard.counts)

        assert heard.counts == {"t0": _COUNT}
        assert (run.status, run.cause) == ("FINISHED", None)


@pytest.mark.timeout(3600)
def test_nothing_is_lost_when_launcher_and_job_are_killed(
    stores: Stores, few: list[int], chance: random.Random
) -> None:
    """Whoever dies first, all that was acknowledged is there."""
    for number, moment in enumerate(few):
        place = Stores(stores.home / str(number))
        with (
            Acknowledgements() as heard,
            launched(heard, place.environment(), _COUNT * 100) as launcher,
            told_job(heard) as kill_job,
        ):
            heard.wait_for(moment)
            first, second = chance.sample((launcher.kill, kill_job), 2)
            first()
            second()
            heard.read_all()

        run = delivered(place, heard.counts)

        assert run.status in ("FAILED", "KILLED")


@pytest.mark.timeout(3600)
def test_launcher_tells_that_its_job_was_killed(stores: Stores, few: list[int]) -> None:
    """It delivers what the job has left, and passes on what a shell would say."""
    for number, moment in enumerate(few):
        place = Stores(stores.home / str(number))
        with (
            Acknowledgements() as heard,
            launched(heard, place.environment(), _COUNT * 100) as launcher,
            told_job(heard) as kill_job,
        ):
            heard.wait_for(moment)
            kill_job()
            heard.read_all()
            code = launcher.wait()

        run = delivered(place, heard.counts)

        assert code == 128 + signal.SIGKILL
        assert run.status == "KILLED"
        assert run.cause == {"kind": "signal", "signal": "SIGKILL", "number": 9}
