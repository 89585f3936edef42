"""A writer whose clock is set by hand."""

from tracker_core.identity import new_writer_id
from tracker_core.records import Batch, Body, Record, Writer

__all__ = ["START_NS", "Pen"]

START_NS = 1_700_000_000_123_456_789
"""The zero of a pen's clock; it has digits below the microsecond."""

_MILLISECOND = 1_000_000


class Pen:
    """Writes the records of one writer of one run.

    Args:
        run_id: The run.
        name: The beginning of the writer's id, which settles ties between writers.
        attempt: The attempt of the run.
        rank: The rank in a distributed job, or None.
    """

    def __init__(
        self, run_id: str, name: str = "w", attempt: int = 1, rank: int | None = None
    ) -> None:
        """Begin without records."""
        self.run_id = run_id
        self.writer: Writer = Writer(f"{name}-{new_writer_id()}", attempt, rank)
        self.records: list[Record] = []
        self._now = 0

    def log(self, *bodies: Body, at: int | None = None) -> Batch:
        """Return the next records in one batch.

        Args:
            *bodies: What they say.
            at: Their time in milliseconds from :data:`START_NS`; by default each is
                one millisecond later than the one before.
        """
        first = len(self.records) + 1
        for body in bodies:
            self._now = self._now + 1 if at is None else at
            time_ns = START_NS + self._now * _MILLISECOND
            self.records.append(Record(len(self.records) + 1, time_ns, body))
        return self.batch(first, len(self.records))

    def batch(self, first: int, last: int) -> Batch:
        """Return records that were logged before, by their sequence numbers."""
        records = tuple(self.records[first - 1 : last])
        return Batch(self.run_id, self.writer, first, last, records)
