"""Records told again, from what a store has kept of a run.

A store need not keep all that was said: a value that a later one replaced may be gone,
and with it the record that said it. :meth:`NativeTracker.batches` tells in its place a
record that says nothing, so that batches have no holes but those that were never taken.
A store that does not keep which record told of an edge tells each edge in a batch of
its own, by a writer that follows from the edge, so that telling it twice is telling it
once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tracker_core.records import (
    Batch,
    ColumnsBody,
    MetricsBody,
    Record,
    SourceBody,
    Writer,
)
from tracker_core.taken import Taken
from tracker_core.values import Value, to_json

__all__ = [
    "BATCH_RECORDS",
    "Cell",
    "body_of",
    "edge_batch",
    "fillers",
    "in_batches",
    "is_edge",
    "is_retold",
    "retold_writer",
    "stretches",
]

BATCH_RECORDS = 10_000
"""How many records a batch has at the most that is told again."""

_PREFIX = "retold-"
_EDGE_PREFIX = f"{_PREFIX}edge-"
_DIGITS = 32
_NOTHING = MetricsBody(None, {})


class Cell(NamedTuple):
    """One value of one series, with the place of its record within a writer.

    Args:
        sequence: The sequence number of the record.
        row: Its row within the record.
        series: The name of the series.
        time_ns: The time of the record.
        step: The step, or None.
        value: The value.
    """

    sequence: int
    row: int
    series: str
    time_ns: int
    step: int | None
    value: Value


def stretches(taken: Taken) -> Iterator[tuple[int, int]]:
    """Cut what was taken of a writer: give the first and the last of each batch.

    The cuts are at fixed sequence numbers, so that they stay where they are when more
    is taken.
    """
    for first, last in taken.ranges:
        start = first
        while start <= last:
            stop = min(last, ((start - 1) // BATCH_RECORDS + 1) * BATCH_RECORDS)
            yield start, stop
            start = stop + 1


def in_batches(
    run_id: str, writer: Writer, taken: Taken, records: Iterable[Record]
) -> Iterator[Batch]:
    """Put the records of a writer into batches.

    Args:
        run_id: The run.
        writer: Whose they are.
        taken: Which records there are.
        records: All of them, in order.
    """
    coming = iter(records)
    record = next(coming, None)
    for first, last in stretches(taken):
        found = []
        while record is not None and record.sequence <= last:
            found.append(record)
            record = next(coming, None)
        yield Batch(run_id, writer, first, last, tuple(found))


def fillers(
    first: int, last: int, known: Mapping[int, int], before_ns: int
) -> list[Record]:
    """Return records that say nothing, for those that are gone.

    Args:
        first: The first sequence number of the batch.
        last: The last one.
        known: Sequence number → time of the records that are still known.
        before_ns: The time of the writer's last record before the batch.
    """
    if len(known) == last - first + 1:
        return []
    found = []
    for sequence in range(first, last + 1):
        before_ns = known.get(sequence, before_ns)
        if sequence not in known:
            found.append(Record(sequence, before_ns, _NOTHING))
    return found


def body_of(cells: Sequence[Cell]) -> MetricsBody | ColumnsBody:
    """Return the body of the one record to which ``cells`` belong, in any order."""
    columns: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.row):
        columns.setdefault(cell.series, []).append(cell)
    if all(len(column) == 1 for column in columns.values()):
        return _point(columns)
    first = next(iter(columns.values()))
    steps = [cell.step for cell in first if cell.step is not None]
    return ColumnsBody(
        first[0].series.rpartition("/")[0],
        steps or None,
        {
            series.rpartition("/")[2]: [cell.value for cell in column]
            for series, column in columns.items()
        },
    )


def _point(columns: Mapping[str, Sequence[Cell]]) -> MetricsBody:
    streams: dict[str, dict[str, Value]] = {}
    step = None
    for series, (cell,) in columns.items():
        stream, _, field = series.rpartition("/")
        streams.setdefault(stream, {})[field] = cell.value
        step = cell.step
    return MetricsBody(step, streams)


def edge_batch(run_id: str, edge: SourceBody, time_ns: int) -> Batch:
    """Return the batch that tells of one edge, always of the same name.

    Args:
        run_id: The run.
        edge: The edge.
        time_ns: The time of its record; that at which the run was created does no harm.
    """
    name = _name_of(_EDGE_PREFIX, [edge.source_run_id, edge.artifact_name])
    return Batch(run_id, Writer(name), 1, 1, (Record(1, time_ns, edge),))


def retold_writer(said: Value) -> Writer:
    """Return the writer of what nobody else is known to have said, always the same."""
    return Writer(_name_of(_PREFIX, said))


def is_retold(writer_id: str) -> bool:
    """Tell whether :func:`retold_writer` made a writer, not a process of the run."""
    return writer_id.startswith(_PREFIX)


def is_edge(writer_id: str) -> bool:
    """Tell whether :func:`edge_batch` made a writer, who tells of an edge alone."""
    return writer_id.startswith(_EDGE_PREFIX)


def _name_of(prefix: str, said: Value) -> str:
    # A job has no use for it.
    from hashlib import sha256

    return f"{prefix}{sha256(to_json(said).encode()).hexdigest()[:_DIGITS]}"
