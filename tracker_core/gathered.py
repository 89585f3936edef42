"""Records of one writer with their plain points gathered by series.

Most of what a job logs is one number after the other. The journal keeps such points in
a compact form, and a :class:`Gathered` hands them on as columns, so that a backend
which stores columns never sees them one by one. To everybody else it is what it stands
for: a sequence of records.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, overload

from tracker_core.records import MetricsBody, Record

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Gathered", "PointColumns", "without_points"]


class PointColumns(NamedTuple):
    """Plain points of one series in order, a column for each thing that is known.

    A plain point has a float, or an int that 64 bits hold. All columns are equally
    long.

    Args:
        sequences: The sequence numbers of their records, increasing.
        times_ns: The times of their records.
        rows: Their rows within their records.
        steps: The steps; None where a point has none.
        values: The values.
    """

    sequences: Sequence[int]
    times_ns: Sequence[int]
    rows: Sequence[int]
    steps: Sequence[int | None]
    values: Sequence[float]


class Gathered(Sequence[Record]):
    """A sequence of records, in the order of their sequence numbers.

    Args:
        others: The records that are not made of plain points alone, in order.
        points: Stream and field → the plain points of that series.
        count: How many records there are in all.

    Attributes:
        others: As given.
        points: As given.
    """

    __slots__ = ("_count", "_records", "others", "points")

    def __init__(
        self,
        others: Sequence[Record],
        points: Mapping[tuple[str, str], PointColumns],
        count: int,
    ) -> None:
        """Keep what is given; nothing is expanded yet."""
        self.others: Sequence[Record] = others
        self.points: Mapping[tuple[str, str], PointColumns] = points
        self._count = count
        self._records: tuple[Record, ...] | None = None

    def __len__(self) -> int:
        """Tell how many records there are."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        """Return one record, or some."""
        return self._expanded()[index]

    def __iter__(self) -> Iterator[Record]:
        """Give the records in order."""
        return iter(self._expanded())

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` is a sequence of equal records."""
        if not isinstance(other, Gathered | tuple | list):
            return NotImplemented
        return self._expanded() == tuple(other)

    def __hash__(self) -> int:
        """Refuse, as the bodies of records cannot be hashed either."""
        return hash(self._expanded())

    def __repr__(self) -> str:
        """Show the records."""
        return repr(self._expanded())

    def _expanded(self) -> tuple[Record, ...]:
        if self._records is None:
            made = [*self.others, *_records_of(self.points)]
            self._records = tuple(sorted(made, key=lambda record: record.sequence))
        return self._records


def without_points(records: Sequence[Record]) -> Sequence[Record]:
    """Return records in order, without those that are known to be points alone."""
    return records.others if isinstance(records, Gathered) else records


def _records_of(
    points: Mapping[tuple[str, str], PointColumns],
) -> Iterator[Record]:
    told: dict[int, tuple[int, int | None, list[tuple[int, str, str, float]]]] = {}
    for (stream, field), columns in points.items():
        for sequence, time_ns, row, step, value in zip(*columns, strict=True):
            record = told.setdefault(sequence, (time_ns, step, []))
            record[2].append((row, stream, field, value))
    for sequence, (time_ns, step, cells) in told.items():
        streams: dict[str, dict[str, Value]] = {}
        for _, stream, field, value in sorted(cells, key=itemgetter(0)):
            streams.setdefault(stream, {})[field] = value
        yield Record(sequence, time_ns, MetricsBody(step, streams))
