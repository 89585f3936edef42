"""Trying a job again that has ended badly: how often, and after which pauses."""

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Retries"]

_LONGEST_S = 300.0


class Retries(NamedTuple):
    """How a launcher tries a job again.

    Args:
        times: How often at most.
        backoff: The first pause, in seconds.
    """

    times: int = 0
    backoff: float = 1.0

    def pauses(self) -> Iterator[float]:
        """Give the seconds to wait before each try: twice as long each time.

        None is longer than five minutes, unless the first one is. There is no chance
        in it, so the same job waits for the same times.
        """
        longest = max(self.backoff, _LONGEST_S)
        pause = self.backoff
        for _ in range(self.times):
            yield pause
            pause = min(2 * pause, longest)

    def numbers_before(self, starts: int) -> int:
        """Return how many attempts are set aside for ``starts`` earlier starts.

        Each start of the launcher may need as many as there are tries, and where the
        journal of the one before is on another machine nobody knows how many it used.
        """
        return starts * (self.times + 1)
