"""Which try of a run a process belongs to, by what the journal knows."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tracker_core.delivery.attempts import (
    has_launcher,
    is_launched_within,
    job_attempt,
    launcher_attempt,
    shell_attempt,
)
from tracker_core.identity import new_writer_id
from tracker_core.journal.folders import RunFolder
from tracker_core.records import Role, Writer


class _Processes:
    """Writers of one run, as the processes of its attempts leave them."""

    def __init__(self, folder: RunFolder) -> None:
        """Begin without any."""
        self.folder = folder
        self._alive = ExitStack()
        folder.make()

    def live(
        self,
        attempt: int,
        rank: int | None = None,
        role: Role | None = "job",
        step: str | None = None,
    ) -> None:
        """Add one that goes on writing until the end of the test."""
        writer = Writer(new_writer_id(), attempt, rank)
        _, lock = self.folder.add_writer(writer, role, step=step)
        self._alive.callback(lock.drop)

    def die(
        self,
        attempt: int,
        rank: int | None = None,
        role: Role | None = "job",
        step: str | None = None,
    ) -> None:
        """Add one that was killed: it says nothing any more, nor that it has ended."""
        writer = Writer(new_writer_id(), attempt, rank)
        _, lock = self.folder.add_writer(writer, role, step=step)
        lock.drop()

    def end(
        self,
        attempt: int,
        rank: int | None = None,
        role: Role | None = "job",
        step: str | None = None,
    ) -> None:
        """Add one that has come to its end."""
        writer = Writer(new_writer_id(), attempt, rank)
        added, lock = self.folder.add_writer(writer, role, step=step)
        added.settle()
        lock.drop()

    def close(self) -> None:
        """End those that are alive."""
        self._alive.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[_Processes]:
    """Give a run that nobody has written to."""
    made = _Processes(RunFolder.of(tmp_path, "r"))
    yield made
    made.close()


def _attempt(
    processes: _Processes,
    rank: int | None = None,
    requeues: int = 0,
    restarts: int = 0,
) -> int:
    return job_attempt(processes.folder, rank, requeues, restarts)


def test_run_that_nobody_knows_begins_with_the_first_attempt(tmp_path: Path) -> None:
    """Its folder need not exist."""
    folder = RunFolder.of(tmp_path, "r")

    assert not has_launcher(folder)
    assert launcher_attempt(folder, 0) == 1
    assert job_attempt(folder, None, 0, 0) == 1


def test_launcher_is_seen_for_as_long_as_it_lives(processes: _Processes) -> None:
    """Neither a job, nor one that was killed, nor one that has ended is one."""
    processes.live(1)
    processes.die(1, role="launcher")
    processes.end(1, role="launcher")
    before = has_launcher(processes.folder)

    processes.live(2, role="launcher")

    assert not before
    assert has_launcher(processes.folder)


def test_launcher_begins_one_more_than_any_attempt_before(
    processes: _Processes,
) -> None:
    """Whoever made it, and however it ended."""
    processes.end(1, role="launcher")
    processes.die(3)
    processes.live(2, rank=1)

    assert launcher_attempt(processes.folder, 0) == 4


@pytest.mark.parametrize(("requeues", "attempt"), [(0, 3), (1, 3), (2, 3), (4, 5)])
def test_launcher_that_is_requeued_counts_what_the_scheduler_counts(
    processes: _Processes, requeues: int, attempt: int
) -> None:
    """The journal of the attempts before may be on another machine."""
    processes.end(2)

    assert launcher_attempt(processes.folder, requeues) == attempt


@pytest.mark.parametrize("rank", [None, 0, 7])
def test_job_below_a_launcher_has_its_attempt(
    processes: _Processes, rank: int | None
) -> None:
    """Whatever processes of its rank have done before."""
    processes.end(1, rank=rank)
    processes.die(6, rank=rank)
    processes.live(3, role="launcher")

    assert _attempt(processes, rank, requeues=9) == 3


def test_job_that_is_restarted_below_a_launcher_begins_another(
    processes: _Processes,
) -> None:
    """Each restart within the job is an attempt."""
    processes.live(3, role="launcher")

    assert [_attempt(processes, 0, restarts=count) for count in range(3)] == [3, 4, 5]


@pytest.mark.parametrize("rank", [None, 1])
def test_job_with_a_living_process_of_its_rank_shares_its_attempt(
    processes: _Processes, rank: int | None
) -> None:
    """Such as its parent, whatever a scheduler counts."""
    processes.end(4, rank=rank)
    processes.live(2, rank=rank)

    assert _attempt(processes, rank, requeues=5, restarts=5) == 2


@pytest.mark.parametrize("rank", [None, 1])
@pytest.mark.parametrize("ending", ["die", "end"])
def test_job_follows_the_last_process_of_its_rank(
    processes: _Processes, rank: int | None, ending: str
) -> None:
    """It is one more than that, whether it has ended or was killed."""
    for attempt in (1, 2):
        getattr(processes, ending)(attempt, rank=rank)

    assert _attempt(processes, rank) == 3


def test_job_does_not_count_the_dead_of_another_rank(processes: _Processes) -> None:
    """A first process of its rank belongs to the first attempt."""
    processes.end(5, rank=0)
    processes.end(5, rank=None)

    assert _attempt(processes, rank=1) == 1


def test_job_joins_the_attempt_of_other_ranks_that_live(processes: _Processes) -> None:
    """Ranks of one attempt start one after the other."""
    processes.die(1, rank=0)
    processes.die(1, rank=1)
    processes.live(2, rank=0)

    assert _attempt(processes, rank=1) == 2
    assert _attempt(processes, rank=2) == 2


@pytest.mark.parametrize(
    ("requeues", "restarts", "attempt"),
    [(0, 0, 2), (1, 0, 2), (2, 0, 3), (0, 3, 4), (2, 3, 6)],
)
def test_job_counts_requeues_and_restarts_where_they_tell_more(
    processes: _Processes, requeues: int, restarts: int, attempt: int
) -> None:
    """What has happened elsewhere the journal here does not know."""
    processes.end(1)

    assert _attempt(processes, None, requeues, restarts) == attempt


def test_writers_without_a_role_and_dead_launchers_do_not_count(
    processes: _Processes,
) -> None:
    """They are no processes of the job."""
    processes.live(7, role=None)
    processes.end(8, role=None)
    processes.end(9, role="launcher")

    assert _attempt(processes) == 1


def _of_step(processes: _Processes, step: str, before: int = 0) -> int:
    return launcher_attempt(processes.folder, before, step)


def test_steps_share_an_attempt(processes: _Processes) -> None:
    """Whether others have ended, were killed, or go on."""
    first = _of_step(processes, "a")
    processes.end(1, role="launcher", step="a")
    processes.end(1, step="a")
    processes.live(1, role="launcher", step="b")

    assert (first, _of_step(processes, "c")) == (1, 1)


def test_step_that_is_launched_again_begins_an_attempt(processes: _Processes) -> None:
    """Those that come after it belong to that one."""
    processes.end(1, role="launcher", step="a")
    processes.end(1, role="launcher", step="b")
    again = _of_step(processes, "a")

    processes.end(2, role="launcher", step="a")

    assert again == 2
    assert (_of_step(processes, "b"), _of_step(processes, "a")) == (2, 3)


def test_step_behind_a_whole_run_begins_an_attempt(processes: _Processes) -> None:
    """The attempt of that one is over."""
    processes.end(1, role="launcher")
    processes.end(1)

    assert _of_step(processes, "a") == 2


@pytest.mark.parametrize("role", ["job", "launcher"])
def test_step_within_a_run_that_lives_shares_its_attempt(
    processes: _Processes, role: Role
) -> None:
    """It counts no restarts, since whoever is around it has."""
    processes.live(1, role=role)

    assert _of_step(processes, "a", before=5) == 1


def test_step_counts_what_the_scheduler_counts(processes: _Processes) -> None:
    """Where its run was started again, it is in a later attempt once."""
    processes.end(1, role="launcher", step="a")

    assert (_of_step(processes, "a", before=1), _of_step(processes, "b", 1)) == (2, 2)


def test_job_belongs_to_the_launcher_of_its_step(processes: _Processes) -> None:
    """Of several that live at once."""
    processes.live(1, role="launcher", step="a")
    processes.live(2, role="launcher", step="b")

    found = [job_attempt(processes.folder, None, 0, 0, step) for step in ("a", "b")]

    assert found == [1, 2]
    assert shell_attempt(processes.folder, 0, 0, "b") == 2


def test_step_is_within_what_lives_around_it(processes: _Processes) -> None:
    """That is the whole run, or a step with the beginning of its name."""
    processes.end(1, role="launcher")
    processes.live(1, role="launcher", step="a")

    within = [is_launched_within(processes.folder, name) for name in ("a/b", "ab", "a")]

    assert within == [True, False, False]
