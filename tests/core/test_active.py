"""The run that code without a run object at hand means."""

import asyncio
import gc
import os
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

import pytest

import tracker_memory
from tracker_core import AppRun, track_this
from tracker_core.active import Active
from tracker_core.errors import InvalidValueError, RunEndedError, UnsupportedTypeError
from tracker_core.testing import MemoryTracker


class Owner:
    """Something that can be meant; it remembers what it was told."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.told: list[tuple[int, dict[str, object]]] = []
        self.active = Active(self)

    def track_this(self, /, step: int = 0, **values: object) -> None:
        """Remember the values."""
        self.told.append((step, values))

    @contextmanager
    def block(self) -> Iterator[None]:
        """Be meant for a while."""
        self.active.enter()
        try:
            yield
        finally:
            self.active.leave()

    @property
    def names(self) -> list[str]:
        """The names of the values that it was told."""
        return [name for _, values in self.told for name in values]


@pytest.fixture
def tracker() -> MemoryTracker:
    """Give an empty tracker."""
    return MemoryTracker()


def in_thread(work: Callable[[], object]) -> None:
    """Do the work in a thread of its own, and wait for it."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result()


def test_values_go_to_the_block_around_the_call() -> None:
    """With their step, which is 0 where none is given."""
    owner = Owner()

    with owner.block():
        track_this(a=1, b="x")
        track_this(3, a=2)
        track_this(step=4, a=3)

    assert owner.told == [(0, {"a": 1, "b": "x"}), (3, {"a": 2}), (4, {"a": 3})]


def test_innermost_block_is_meant() -> None:
    """When it is left, the one around it is meant again."""
    outer, inner = Owner(), Owner()

    with outer.block():
        track_this(a=1)
        with inner.block():
            track_this(b=1)
        track_this(c=1)

    assert (outer.names, inner.names) == (["a", "c"], ["b"])


def test_block_may_be_entered_again_within_itself() -> None:
    """It is meant until it was left as often."""
    outer, owner = Owner(), Owner()

    with outer.block():
        with owner.block():
            with owner.block():
                track_this(a=1)
            track_this(b=1)
        track_this(c=1)

    assert (owner.names, outer.names) == (["a", "b"], ["c"])


def test_block_that_is_left_by_an_error_is_left() -> None:
    """The one around it is meant again."""
    outer, inner = Owner(), Owner()

    def work() -> None:
        with inner.block():
            raise LookupError

    with outer.block():
        with pytest.raises(LookupError):
            work()
        track_this(a=1)

    assert (outer.names, inner.names) == (["a"], [])


def test_leaving_once_more_changes_nothing() -> None:
    """What is around is still meant."""
    outer, inner = Owner(), Owner()

    with outer.block():
        inner.active.leave()
        inner.active.enter()
        inner.active.leave()
        inner.active.leave()
        track_this(a=1)

    assert outer.names == ["a"]


def test_block_that_is_left_first_leaves_the_other_meant() -> None:
    """Generators end in any order."""
    first, second, outer = Owner(), Owner(), Owner()

    with outer.block():
        first.active.enter()
        second.active.enter()
        first.active.leave()
        track_this(a=1)
        second.active.leave()
        track_this(b=1)

    assert (second.names, outer.names, first.names) == (["a"], ["b"], [])


def test_generator_that_is_closed_late_does_not_change_what_is_meant() -> None:
    """Its block ends in the middle of another one."""
    inside, later = Owner(), Owner()

    def values() -> Generator[int, None, None]:
        with inside.block():
            track_this(a=1)
            yield 1

    generator = values()
    next(generator)
    with later.block():
        generator.close()
        track_this(b=1)

    assert (inside.names, later.names) == (["a"], ["b"])


def test_thread_without_a_block_means_the_last_one_of_the_process() -> None:
    """Workers log to the run that the main thread has opened."""
    first, last = Owner(), Owner()

    with first.block(), last.block():
        in_thread(lambda: track_this(a=1))

    assert (first.names, last.names) == ([], ["a"])


def test_thread_with_a_block_means_its_own() -> None:
    """Whatever other threads enter meanwhile."""
    mine, other = Owner(), Owner()
    entered, done = threading.Event(), threading.Event()

    def work() -> None:
        with other.block():
            entered.set()
            done.wait()
            track_this(b=1)

    with mine.block(), ThreadPoolExecutor(1) as threads:
        found = threads.submit(work)
        entered.wait()
        track_this(a=1)
        done.set()
        found.result()

    assert (mine.names, other.names) == (["a"], ["b"])


def test_block_may_be_left_in_another_thread() -> None:
    """It is meant no longer, in the thread that entered it neither."""
    outer, owner = Owner(), Owner()

    with outer.block():
        owner.active.enter()
        in_thread(owner.active.leave)
        track_this(a=1)

    assert (owner.names, outer.names) == ([], ["a"])


def test_block_that_a_thread_did_not_leave_is_still_meant() -> None:
    """The thread is gone, the block is not."""
    owner = Owner()

    in_thread(owner.active.enter)
    track_this(a=1)
    owner.active.leave()

    assert owner.names == ["a"]


def test_tasks_mean_their_own_blocks() -> None:
    """However they take turns."""
    owners = [Owner() for _ in range(3)]

    async def work(number: int) -> None:
        with owners[number].block():
            for _ in range(3):
                await asyncio.sleep(0)
                track_this(**{str(number): 1})

    async def main() -> None:
        await asyncio.gather(*map(work, range(3)))

    asyncio.run(main())

    assert [owner.names for owner in owners] == [["0"] * 3, ["1"] * 3, ["2"] * 3]


def test_task_means_the_block_that_it_was_made_in() -> None:
    """Until that is left; then it means what is around."""
    outer, inner = Owner(), Owner()

    async def main() -> None:
        left = asyncio.Event()

        async def work() -> None:
            track_this(a=1)
            await left.wait()
            track_this(b=1)

        with outer.block():
            with inner.block():
                task = asyncio.create_task(work())
                await asyncio.sleep(0)
            left.set()
            await task

    asyncio.run(main())

    assert (inner.names, outer.names) == (["a"], ["b"])


def test_block_may_be_left_in_another_context() -> None:
    """As a framework does that calls back in a copy of it."""
    owner, outer = Owner(), Owner()

    with outer.block():
        owner.active.enter()
        copy_context().run(owner.active.leave)
        track_this(a=1)

    assert outer.names == ["a"]


def test_block_that_was_left_holds_nothing() -> None:
    """A run that is over can be forgotten."""
    owner = Owner()
    in_thread_left = Owner()
    with owner.block():
        pass
    in_thread_left.active.enter()
    in_thread(in_thread_left.active.leave)
    found = [weakref.ref(owner), weakref.ref(in_thread_left)]

    del owner, in_thread_left
    gc.collect()

    assert [reference() for reference in found] == [None, None]


def test_threads_may_enter_and_leave_at_once() -> None:
    """Nothing is meant in the end, and each meant its own in between."""
    owners = [Owner() for _ in range(4)]

    def work(number: int) -> None:
        for _ in range(100):
            with owners[number].block():
                track_this(**{str(number): 1})

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))

    assert [owner.names for owner in owners] == [[str(n)] * 100 for n in range(4)]


def test_forked_child_means_the_block_of_its_parent() -> None:
    """It goes on where it was forked, and leaves it for itself."""
    outer, owner = Owner(), Owner()

    with outer.block(), owner.block():
        child = os.fork()
        if child == 0:
            code = 1
            try:
                track_this(a=1)
                owner.active.leave()
                track_this(b=1)
                code = 0 if (owner.names, outer.names) == (["a"], ["b"]) else 1
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        track_this(c=1)

    assert (owner.names, outer.names) == (["c"], [])


def test_run_and_step_are_blocks(tracker: MemoryTracker) -> None:
    """The values of a step are those of the stream that has its name."""
    with AppRun("r", [tracker]) as run:
        track_this(a=1)
        with run.step("train") as step:
            track_this(b=2)
            with step.step("inner"):
                track_this(c=3, step=5)
            track_this(b=4)
        track_this(d=5)

    series = tracker.series("r")
    assert {name: summary.last for name, summary in series.items()} == {
        "a": 1,
        "d": 5,
        "train/b": 4,
        "train/inner/c": 3,
    }
    assert tracker.points("r", "train/inner/c")[0].step == 5


def test_runs_may_be_nested(tracker: MemoryTracker) -> None:
    """The inner one is meant while it lasts."""
    with AppRun("outer", [tracker]):
        with AppRun("inner", [tracker]):
            track_this(a=1)
        track_this(b=1)

    assert [list(tracker.series(name)) for name in ("outer", "inner")] == [["b"], ["a"]]


def test_run_that_was_finished_within_its_block_takes_no_more(
    tracker: MemoryTracker,
) -> None:
    """It is still the one that is meant, and says so."""
    with AppRun("r", [tracker]) as run:
        run.finish()
        with pytest.raises(RunEndedError, match="run 'r' has ended"):
            track_this(a=1)


def test_run_that_was_left_is_meant_no_longer(tracker: MemoryTracker) -> None:
    """What comes after its block goes to the run of the environment."""
    with AppRun("r", [tracker]):
        pass

    track_this(a=1)

    assert not tracker.series("r")


@pytest.mark.parametrize(
    ("step", "values", "message"),
    [
        (-1, {"a": 1}, "step is -1"),
        (True, {"a": 1}, "step has the type bool"),
        (0, {"a": object()}, "metric 'a' has the type object"),
        (0, {"": 1}, "metric key is empty"),
    ],
)
def test_bad_value_is_refused(
    tracker: MemoryTracker, step: int, values: dict[str, object], message: str
) -> None:
    """In a block and without one, where the empty run is meant."""
    with pytest.raises((InvalidValueError, UnsupportedTypeError), match=message):
        track_this(step, **values)
    with (
        AppRun("r", [tracker]),
        pytest.raises((InvalidValueError, UnsupportedTypeError), match=message),
    ):
        track_this(step, **values)

    assert not tracker.series("r")


def test_without_a_block_the_run_of_the_environment_is_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is opened for that, once."""
    monkeypatch.setenv("TRACKER_JOB_ID", "j")
    monkeypatch.setenv("TRACKER_BACKENDS", "memory=tracker_memory:create")
    monkeypatch.setenv("TRACKER_MEMORY_CONFIG", str(tmp_path))

    track_this(a=1)
    track_this(a=2)

    AppRun.run_from_env().finish()
    store = tracker_memory.create(str(tmp_path))
    assert list(store.points("j", "a").values) == [1, 2]
    assert store.run("j").status == "FINISHED"
