"""What a tracker has taken of one writer, so that nothing counts twice.

A tracker keeps a :class:`Taken` per (run, writer) in the same transaction or object as
the data. Mostly it is one range from 1 to the watermark; a batch that was skipped and
comes later fills its gap.
"""

from typing import NamedTuple

from tracker_core.records import Batch, Record

__all__ = ["Taken"]


class Taken(NamedTuple):
    """Sequence numbers as sorted ranges, both ends included, that do not touch."""

    ranges: tuple[tuple[int, int], ...] = ()

    def has(self, sequence: int) -> bool:
        """Tell whether the record of that sequence was taken."""
        return any(first <= sequence <= last for first, last in self.ranges)

    @property
    def total(self) -> int:
        """How many records were taken."""
        return sum(last - first + 1 for first, last in self.ranges)

    def count_in(self, first: int, last: int) -> int:
        """Return how many of the records from ``first`` to ``last`` were taken."""
        return sum(
            max(0, min(high, last) - max(low, first) + 1) for low, high in self.ranges
        )

    def missing(self, batch: Batch) -> list[Record]:
        """Return the records of ``batch`` that were not taken yet, in order."""
        return [record for record in batch.records if not self.has(record.sequence)]

    def overlaps(self, first: int, last: int) -> bool:
        """Tell whether any record from ``first`` to ``last`` was taken."""
        return any(low <= last and first <= high for low, high in self.ranges)

    def covers(self, first: int, last: int) -> bool:
        """Tell whether all records from ``first`` to ``last`` were taken."""
        return any(low <= first and last <= high for low, high in self.ranges)

    def plus(self, first: int, last: int) -> "Taken":
        """Return what was taken once ``first`` to ``last`` were taken too."""
        apart = []
        for low, high in self.ranges:
            if high < first - 1 or low > last + 1:
                apart.append((low, high))
            else:
                first, last = min(first, low), max(last, high)
        return Taken(tuple(sorted([*apart, (first, last)])))
