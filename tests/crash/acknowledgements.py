"""The pipe on which jobs acknowledge what they have logged."""

import os
import select
import time
from multiprocessing import Pipe
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["Acknowledgements"]


class Acknowledgements:
    """Reads who has acknowledged what; closed with its ``with`` block.

    Attributes:
        end: What jobs write to.
        counts: Who → how many deeds were acknowledged so far.
        told: What else a job told, such as its process: word → the number after it.
        total: How many deeds were acknowledged by all of them.
    """

    def __init__(self) -> None:
        """Open the pipe."""
        read, write = Pipe(duplex=False)
        self._read: Connection = read
        # To be inherited by jobs, then let go.
        self.end: Connection = write
        self._rest = b""
        self.counts: dict[str, int] = {}
        self.told: dict[str, int] = {}
        self.total: int = 0

    def __enter__(self) -> Self:
        """Be open for the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the pipe."""
        self.let_go()
        self._read.close()

    def let_go(self) -> None:
        """Leave the end that is written to the jobs; repeating it changes nothing."""
        self.end.close()

    def wait_for(self, total: int, seconds: float | None = None) -> bool:
        """Read until so many deeds were acknowledged.

        Args:
            total: How many.
            seconds: The longest to wait; None for as long as it takes.

        Returns:
            Whether they were; False too where all jobs are dead.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.total < total:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not select.select([self._read], [], [], left)[0] or not self._take():
                return False
        return True

    def wait_for_word(self, word: str) -> int:
        """Read until a job has told something, and return it.

        Raises:
            AssertionError: All jobs are dead.
        """
        while word not in self.told:
            assert self._take(), f"no job has told its {word}"
        return self.told[word]

    def read_all(self) -> None:
        """Read until all jobs are dead."""
        self.let_go()
        while self._take():
            pass

    def _take(self) -> bool:
        found = os.read(self._read.fileno(), 2**16)
        *lines, self._rest = (self._rest + found).split(b"\n")
        for line in lines:
            who, number = line.decode().split()
            if who[-1].isdigit():
                assert self.counts.get(who, 0) == int(number)
                self.counts[who] = int(number) + 1
                self.total += 1
            else:
                self.told[who] = int(number)
        return bool(found)
