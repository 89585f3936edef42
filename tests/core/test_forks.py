"""A forked child is told before it does anything else."""

import gc
import os
import threading
from collections.abc import Callable

import pytest

from tracker_core.forks import ForkLock, tell_after_fork

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    # Python 3.12 warns of threads, which other tests may have started for good.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


class _Noted:
    def __init__(self) -> None:
        self.pids: list[int] = []

    def after_fork(self) -> None:
        self.pids.append(os.getpid())


def _in_child(check: Callable[[], bool]) -> int:
    """Return the exit code of a child that ends with 0 if ``check()`` is true."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if check() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_object_is_told_once_in_the_child() -> None:
    """Asking twice changes nothing, and the parent is never told."""
    noted = _Noted()
    tell_after_fork(noted)
    tell_after_fork(noted)

    code = _in_child(lambda: noted.pids == [os.getpid()])

    assert code == 0
    assert noted.pids == []


def test_object_that_is_gone_is_forgotten() -> None:
    """Asking does not keep an object alive."""
    told: list[int] = []

    class _Telling:
        def after_fork(self) -> None:
            told.append(1)

    tell_after_fork(_Telling())
    gc.collect()

    assert _in_child(lambda: not told) == 0


def test_lock_is_free_in_the_child_whoever_held_it() -> None:
    """A thread that does not exist in the child cannot hold a lock there."""
    lock, held, done = ForkLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait()

    def takes_it() -> bool:
        with lock:
            return True

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        code = _in_child(takes_it)
    finally:
        done.set()
        thread.join()

    assert code == 0


def test_lock_is_reentrant() -> None:
    """A thread that holds the lock can take it again."""
    lock = ForkLock()

    with lock, lock:
        entered = True

    assert entered


def test_lock_lets_one_thread_in_at_a_time() -> None:
    """Threads that count under the lock lose no count."""
    lock, inside, most = ForkLock(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(500):
            with lock:
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (inside, most) == (0, 1)


def test_lock_is_acquired_and_released() -> None:
    """It can be had once more when it was given back as often as it was taken."""
    lock = ForkLock()

    taken = [lock.acquire(0) for _ in range(2)]
    lock.release()
    while_held = _in_thread(lambda: lock.acquire(0))
    lock.release()
    after = _in_thread(lambda: lock.acquire(0))

    assert taken == [True, True]
    assert (while_held, after) == (False, True)


def test_lock_is_waited_for() -> None:
    """Who waits gets it when it is given back, and within the time."""
    lock = ForkLock()
    begun, taken = threading.Event(), []

    def wait() -> None:
        taken.append(lock.acquire(0))
        begun.set()
        taken.append(lock.acquire(60))

    lock.acquire(0)
    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    lock.release()
    thread.join()

    assert taken == [False, True]


def test_lock_is_waited_for_no_longer_than_said() -> None:
    """Who waits in vain is told so."""
    lock = ForkLock()

    with lock:
        taken = _in_thread(lambda: lock.acquire(0.01))

    assert not taken


def test_lock_that_is_not_held_cannot_be_released() -> None:
    """Neither by a thread that never had it."""
    lock = ForkLock()
    failures: list[RuntimeError] = []

    def release() -> bool:
        try:
            lock.release()
        except RuntimeError as error:
            failures.append(error)
        return True

    with lock:
        _in_thread(release)

    assert len(failures) == 1


def test_lock_can_be_acquired_in_the_child_whoever_held_it() -> None:
    """It is free there, and the parent still holds it."""
    lock = ForkLock()

    with lock:
        code = _in_child(lambda: _in_thread(lambda: lock.acquire(0)))
        taken = _in_thread(lambda: lock.acquire(0))

    assert code == 0
    assert not taken


def _in_thread(call: Callable[[], bool]) -> bool:
    """Return what ``call()`` gives in another thread."""
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]
