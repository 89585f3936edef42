"""A function that does its work once."""

from collections.abc import Callable
from typing import Generic, TypeVar

from tracker_core.forks import ForkLock

__all__ = ["Once"]

_T = TypeVar("_T")


class Once(Generic[_T]):
    """Calls a function at its first use and returns the same result ever after.

    Several threads that come at once wait for the one call. A call that raises leaves
    nothing behind; the next one tries again. Use it as a decorator.
    """

    def __init__(self, function: Callable[[], _T]) -> None:
        """Wrap ``function``, which takes no arguments."""
        self.__doc__ = function.__doc__
        self._function = function
        self._results: list[_T] = []
        self._lock = ForkLock()

    def __call__(self) -> _T:
        """Return the result, made now if there is none yet."""
        with self._lock:
            if not self._results:
                self._results.append(self._function())
            return self._results[0]

    @property
    def made(self) -> _T | None:
        """The result, if there is one already."""
        return self._results[0] if self._results else None

    def cache_clear(self) -> None:
        """Forget the result, so that the next call makes a new one."""
        with self._lock:
            self._results.clear()
