"""The run that code without a run object at hand means, and ``track_this``.

It is the innermost ``with`` block of a run or of a step around the call, in the same
thread or task; else the block that any thread of the process entered last and has not
left; else the run of the environment.
"""

from contextvars import ContextVar
from typing import Protocol

from tracker_core.forks import ForkLock

__all__ = ["Active", "Logs", "track_this"]


class Logs(Protocol):
    """What a run and a step have in common."""

    def track_this(self, /, step: int = 0, **values: object) -> object:
        """Record values at a step."""


class Active:
    """Marks the blocks in which its owner is the one that is meant.

    Blocks may be left in another order, thread or task than they were entered, as
    generators do; the ones that were not left keep their meaning.
    """

    __slots__ = ("_blocks", "_owner")

    def __init__(self, owner: Logs) -> None:
        """Mark nothing yet."""
        self._owner = owner
        self._blocks: list[_Block] = []

    def enter(self) -> None:
        """Mean the owner from now on."""
        block = _Block(self._owner, _innermost_block())
        self._blocks.append(block)
        _innermost.set(block)
        _entered.add(block)

    def leave(self) -> None:
        """Mean what was meant before it was entered last; without that, do nothing."""
        if not self._blocks:
            return
        block = self._blocks.pop()
        block.owner = None
        _entered.discard(block)
        _innermost.set(_innermost_block())


class _Block:
    """A block of code; its owner is None once it was left."""

    __slots__ = ("outer", "owner")

    def __init__(self, owner: Logs, outer: "_Block | None") -> None:
        self.owner: Logs | None = owner
        self.outer = outer


class _Entered:
    """Blocks in the order in which the process entered them."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._lock = ForkLock()

    def add(self, block: _Block) -> None:
        with self._lock:
            self._blocks.append(block)

    def discard(self, block: _Block) -> None:
        with self._lock:
            self._blocks = [other for other in self._blocks if other is not block]

    def last(self) -> _Block | None:
        with self._lock:
            return self._blocks[-1] if self._blocks else None


_innermost: ContextVar[_Block | None] = ContextVar("tracker_core_active", default=None)
_entered = _Entered()


def track_this(step: int = 0, **values: object) -> None:
    """Record values of the run or step that this code is part of.

    ``track_this(answer=42)`` is ``run.track_this(answer=42)`` of the innermost ``with``
    block of a run or step around the call; in a thread without one, of the block that
    was entered last; without any, of the run of the environment.

    Args:
        step: The x axis that the job counts, 0 or more.
        **values: Key → number or any JSON value; pydantic models by alias.

    Raises:
        InvalidValueError: The step or a value lies outside what is allowed.
        UnsupportedTypeError: A value has a type that cannot be kept.
    """
    block = _innermost_block() or _entered.last()
    # Another thread may leave the block just now.
    owner = None if block is None else block.owner
    if owner is None:
        from tracker_core.run import AppRun

        owner = AppRun.run_from_env()
    owner.track_this(step=step, **values)


def _innermost_block() -> _Block | None:
    block = _innermost.get()
    while block is not None and block.owner is None:
        block = block.outer
    return block
