"""What a forked child must do before it may log.

A child made by ``os.fork`` inherits locks that threads of its parent may have held at
that moment, and the parent's identity as a writer. One hook of the interpreter tells
every object that asked for it, in the child, before any other code of the child runs.
"""

import os
import threading
from types import TracebackType
from typing import Protocol
from weakref import WeakSet

__all__ = ["ForkLock", "Forkable", "tell_after_fork"]


class Forkable(Protocol):
    """An object that must change in a forked child."""

    def after_fork(self) -> None:
        """Become usable in the child; called there once, before anything else."""


_forkables: WeakSet[Forkable] = WeakSet()


def tell_after_fork(forkable: Forkable) -> None:
    """Call ``forkable.after_fork()`` in every child forked from now on.

    The object is held weakly. Repeating the call changes nothing.
    """
    _forkables.add(forkable)


class ForkLock:
    """A re-entrant lock that is free in a forked child, whoever held it before."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        """Make a free lock."""
        self._lock = threading.RLock()
        tell_after_fork(self)

    def after_fork(self) -> None:
        """Forget holders that do not exist in this process."""
        self._lock = threading.RLock()

    def acquire(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the lock; tell whether it was taken."""
        return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def __enter__(self) -> None:
        """Wait for the lock and take it."""
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        self._lock.release()


def _tell() -> None:
    for forkable in list(_forkables):
        forkable.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)
