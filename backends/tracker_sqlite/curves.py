"""The points that stand, in the order of the run, read from their blocks."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, repeat
from typing import NamedTuple, TypeAlias, cast

from tracker_core.blocks import Block, joined, joined_column
from tracker_core.entries import Row, Rows
from tracker_core.points import Points
from tracker_core.records import OrderKey
from tracker_core.values import Value
from tracker_sqlite.extents import Extents, Limits, standing
from tracker_sqlite.metrics import Head, Stretch, fetched, heads

__all__ = ["points", "rows"]

_Told: TypeAlias = tuple[int, int | None, dict[str, Value]]
"""Time in nanoseconds, step and fields of a row."""


class _Curve(NamedTuple):
    """Points of one series in the order of the run.

    Args:
        writers: Attempt, writer and for how many points in a row.
        block: The points.
    """

    writers: list[tuple[int, str, int]]
    block: Block

    @property
    def shape(self) -> tuple[object, ...]:
        """All that the places of the points are made from."""
        return (self.writers, *self.block[:3])

    def places(self) -> Iterator[OrderKey]:
        """Give the place of each point."""
        attempts = chain.from_iterable(repeat(a, size) for a, _, size in self.writers)
        writers = chain.from_iterable(repeat(w, size) for _, w, size in self.writers)
        times_ns, sequences, in_record, *_ = self.block
        return zip(attempts, times_ns, writers, sequences, in_record, strict=True)


def points(
    connection: sqlite3.Connection,
    run: int,
    name: str,
    window: slice,
    *,
    abandoned: bool,
) -> Points:
    """Return points of a series; nothing for an unknown one.

    Args:
        connection: The connection.
        run: The key of the run.
        name: The name of the series.
        window: From which index to which, from 0; the stop may be None.
        abandoned: Whether points that do not stand are counted and returned too.
    """
    row = connection.execute(
        "SELECT id, extents FROM series WHERE run = ? AND name = ?", (run, name)
    ).fetchone()
    if row is None:
        return Points((), (), (), window.start)
    series, extents = row
    limits: Limits = {} if abandoned else Extents(extents).limits()
    found = [
        _cut(block, position, window)
        for position, (_, block) in _curves(connection, series, limits, window)
    ]
    if not found:
        return Points((), (), (), window.start)
    # Not of the columns that only places need.
    return Points(
        cast("Sequence[int | None]", joined_column([block.steps for block in found])),
        cast("Sequence[int]", joined_column([block.times_ns for block in found])),
        joined_column([block.values for block in found]),
        window.start,
    )


def rows(connection: sqlite3.Connection, run: int, stream: str, window: slice) -> Rows:
    """Return points of a whole stream; nothing for an unknown one.

    Args:
        connection: The connection.
        run: The key of the run.
        stream: The name of the stream.
        window: From which index to which, from 0; the stop may be None.
    """
    found = {
        name.rpartition("/")[2]: _whole(connection, series, Extents(extents).limits())
        for series, name, extents in connection.execute(
            "SELECT id, name, extents FROM series WHERE run = ? ORDER BY name", (run,)
        ).fetchall()
        if name.rpartition("/")[0] == stream
    }
    shapes = [curve.shape for curve in found.values()]
    is_full = all(shape == shapes[0] for shape in shapes)
    told, total = (_side_by_side if is_full else _merged)(found, window)
    return Rows(
        (
            Row(index, step, time_ns, fields)
            for index, (time_ns, step, fields) in enumerate(told, window.start)
        ),
        total,
    )


def _side_by_side(
    curves: Mapping[str, _Curve], window: slice
) -> tuple[list[_Told], int]:
    """Return rows that all have all fields, without a look at their places."""
    first = next(iter(curves.values()), None)
    if first is None:
        return [], 0
    cut = {field: _cut(curve.block, 0, window) for field, curve in curves.items()}
    times_ns, _, _, steps, _ = _cut(first.block, 0, window)
    values = zip(*(block.values for block in cut.values()), strict=True)
    told = [
        (time_ns, step, dict(zip(cut, row, strict=True)))
        for time_ns, step, row in zip(times_ns, steps, values, strict=True)
    ]
    return told, first.block.size


def _merged(curves: Mapping[str, _Curve], window: slice) -> tuple[list[_Told], int]:
    told: dict[OrderKey, _Told] = {}
    for field, curve in curves.items():
        cells = zip(curve.places(), curve.block.steps, curve.block.values, strict=True)
        for place, step, value in cells:
            told.setdefault(place, (place[1], step, {}))[2][field] = value
    return [told[place] for place in sorted(told)[window]], len(told)


def _whole(connection: sqlite3.Connection, series: int, limits: Limits) -> _Curve:
    found = [curve for _, curve in _curves(connection, series, limits, slice(0, None))]
    writers = [writer for curve in found for writer in curve.writers]
    return _Curve(writers, joined([curve.block for curve in found]))


def _curves(
    connection: sqlite3.Connection, series: int, limits: Limits, window: slice
) -> Iterator[tuple[int, _Curve]]:
    """Give the parts of a series that a window touches, each with its first index."""
    position = 0
    for cluster in _clusters(heads(connection, series)):
        if window.stop is not None and position >= window.stop:
            return
        size = sum(head.size for head in cluster)
        if position + size <= window.start and not _is_cut(cluster, limits):
            position += size
            continue
        curve = _in_order(connection, cluster, limits)
        if curve.block.size:
            yield position, curve
        position += curve.block.size


def _clusters(found: Iterable[Head]) -> Iterator[list[Head]]:
    """Give the blocks whose points come among those of each other."""
    cluster: list[Head] = []
    last: OrderKey | None = None
    for head in found:
        if last is not None and head.first > last:
            yield cluster
            cluster = []
        cluster.append(head)
        last = head.last if last is None else max(last, head.last)
    if cluster:
        yield cluster


def _is_cut(cluster: Iterable[Head], limits: Limits) -> bool:
    return any(
        head.max_step is not None
        and head.max_step
        >= limits.get((head.writer.rank, head.writer.attempt), head.max_step + 1)
        for head in cluster
    )


def _in_order(
    connection: sqlite3.Connection, cluster: Iterable[Head], limits: Limits
) -> _Curve:
    found = [_standing(fetched(connection, head), limits) for head in cluster]
    stretches = [stretch for stretch in found if stretch.block.size] or found[:1]
    writers = [
        (writer.attempt, writer.id, block.size) for writer, block, _ in stretches
    ]
    curve = _Curve(writers, joined([stretch.block for stretch in stretches]))
    if len(stretches) == 1:
        return curve
    places = list(curve.places())
    order = sorted(range(len(places)), key=places.__getitem__)
    owners = groupby((places[index][0], places[index][2]) for index in order)
    in_a_row = [(*owner, len(list(group))) for owner, group in owners]
    return _Curve(in_a_row, curve.block.at(order))


def _standing(stretch: Stretch, limits: Limits) -> Stretch:
    writer, block, _ = stretch
    return Stretch(writer, standing(writer, block, limits))


def _cut(block: Block, position: int, window: slice) -> Block:
    stop = block.size if window.stop is None else window.stop - position
    return block.part(max(0, window.start - position), stop)
