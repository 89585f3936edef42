"""A function that does its work once."""

import os
import threading
from collections.abc import Callable

import pytest

from tracker_core.once import Once


def test_once_gives_the_same_result_ever_after() -> None:
    """The function is called a single time."""
    make = Once(object)

    assert make() is make()


def test_once_keeps_the_docstring() -> None:
    """What it wraps stays documented."""

    @Once
    def make() -> int:
        """Make a number."""
        return 1

    assert make.__doc__ == "Make a number."
    assert make() == 1


def test_once_makes_a_new_result_when_cleared() -> None:
    """Clearing forgets the result, and only that."""
    make = Once(object)
    first = make()

    make.cache_clear()

    assert make() is not first


def test_once_keeps_nothing_of_a_failure() -> None:
    """The next call tries again."""
    failures = [ValueError("not yet")]

    @Once
    def make() -> str:
        if failures:
            raise failures.pop()
        return "done"

    with pytest.raises(ValueError, match="not yet"):
        make()

    assert make() == "done"


def test_once_keeps_none() -> None:
    """Nothing is a result like any other."""
    calls = []
    make = Once(lambda: calls.append(1))

    make()
    make()

    assert calls == [1]


def test_once_tells_what_it_has_made() -> None:
    """Asking for it calls nothing."""
    made: list[object] = []

    @Once
    def make() -> object:
        made.append(object())
        return made[-1]

    before = make.made
    result = make()
    after = make.made
    make.cache_clear()

    assert before is None
    assert after is result
    assert make.made is None
    assert made == [result]


def test_once_has_made_nothing_of_a_failure() -> None:
    """What raised left no result."""

    @Once
    def make() -> object:
        raise ValueError("never")

    with pytest.raises(ValueError, match="never"):
        make()

    assert make.made is None


def test_once_tells_what_it_has_made_while_it_makes_more() -> None:
    """Nobody who only looks waits for a call that takes its time."""
    entered, leave = threading.Event(), threading.Event()

    @Once
    def make() -> int:
        entered.set()
        leave.wait()
        return 1

    thread = threading.Thread(target=make)
    thread.start()
    entered.wait()
    during = make.made
    leave.set()
    thread.join()

    assert during is None
    assert make.made == 1


def test_once_lets_threads_wait_for_one_call() -> None:
    """Threads that come at the same moment get the same object."""
    barrier = threading.Barrier(8)
    make = Once(object)
    found = []

    def ask() -> None:
        barrier.wait()
        found.append(make())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def in_child(holds: Callable[[], bool]) -> int:
    """Fork a child that exits with 0 if the claim holds there; give its id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if holds() else 1
        finally:
            os._exit(code)
    return child


# Python 3.12 warns of what is tested here.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_once_can_be_asked_in_a_child_that_was_forked_during_the_call() -> None:
    """The child does not wait for a thread that it does not have."""
    entered, leave = threading.Event(), threading.Event()

    @Once
    def make() -> int:
        entered.set()
        leave.wait()
        return os.getpid()

    thread = threading.Thread(target=make)
    thread.start()
    entered.wait()

    def holds() -> bool:
        leave.set()
        return make() == os.getpid()

    child = in_child(holds)
    leave.set()
    thread.join()

    assert os.waitpid(child, 0)[1] == 0
    assert make() == os.getpid()
