"""The table ``series``: the summaries of the points that stand, and adding points.

A summary is made from a state that takes points in any order
(:class:`tracker_core.summaries.SeriesState`), so an addition costs the same however
many points there are. Only one that makes earlier points fall, a rewind, has the state
made again from all blocks.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast, overload

from tracker_core.records import OrderKey
from tracker_core.summaries import SeriesState, Summary
from tracker_core.values import Value, from_json, to_json
from tracker_sqlite.columns import Column, to_columns, to_number
from tracker_sqlite.extents import Extents, standing
from tracker_sqlite.metrics import Stretch, fetched, heads, keep, pack

__all__ = ["add_points", "pack_all", "summaries"]

# How many small blocks of a series may lie unpacked.
_PILE = 64

_COLUMNS = (
    *("count", "first_type", "first", "last_type", "last", "min", "max", "mean"),
    *("min_step", "max_step", "state", "extents", "pile"),
)
_NEW = (
    f"INSERT INTO series (run, name, {', '.join(_COLUMNS)}) "  # noqa: S608 - the names are those above
    f"VALUES (?, ?, {', '.join('?' * len(_COLUMNS))})"
)
_UPDATE = (
    f"UPDATE series SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"  # noqa: S608 - as above
)


class _Kept(NamedTuple):
    """What an addition to a series needs to know of it."""

    id: int
    state: str
    extents: str
    pile: int


def add_points(
    connection: sqlite3.Connection, run: int, name: str, stretch: Stretch
) -> None:
    """Add points to a series and its summary; each comes once."""
    row = connection.execute(
        "SELECT id, state, extents, pile FROM series WHERE run = ? AND name = ?",
        (run, name),
    ).fetchone()
    if row is None:
        _begin(connection, run, name, stretch)
    else:
        _go_on(connection, stretch, _Kept(*row))


def summaries(connection: sqlite3.Connection, run: int) -> dict[str, Summary]:
    """Return the summary of each series, exact to the bit, sorted by name."""
    rows = connection.execute(
        "SELECT name, state FROM series WHERE run = ? ORDER BY name", (run,)
    )
    return {name: _state(text).summary() for name, text in rows}


def pack_all(connection: sqlite3.Connection, run: int) -> None:
    """Pack the small blocks of every series of a run."""
    piled = connection.execute(
        "SELECT id FROM series WHERE run = ? AND pile > 1", (run,)
    ).fetchall()
    for (series,) in piled:
        pack(connection, series)
    connection.execute("UPDATE series SET pile = 0 WHERE run = ? AND pile > 0", (run,))


def _begin(
    connection: sqlite3.Connection, run: int, name: str, stretch: Stretch
) -> None:
    state, extents = SeriesState(), Extents()
    extents.rewinds(stretch.writer, stretch.block)
    _stand(state, extents, stretch)
    row = (run, name, *_summary_columns(state), extents.to_json(), 1)
    series = cast("int", connection.execute(_NEW, row).lastrowid)
    keep(connection, series, stretch)


def _go_on(
    connection: sqlite3.Connection,
    stretch: Stretch,
    kept: _Kept,
) -> None:
    state, extents = _state(kept.state), Extents(kept.extents)
    pile = kept.pile + keep(connection, kept.id, stretch)
    if extents.rewinds(stretch.writer, stretch.block):
        state = _made_again(connection, kept.id, extents)
    else:
        _stand(state, extents, stretch)
    if pile >= _PILE:
        pack(connection, kept.id)
        pile = 0
    row = (*_summary_columns(state), extents.to_json(), pile, kept.id)
    connection.execute(_UPDATE, row)


def _made_again(
    connection: sqlite3.Connection, series: int, extents: Extents
) -> SeriesState:
    state = SeriesState()
    extents.forget_standing()
    for head in heads(connection, series):
        _stand(state, extents, fetched(connection, head))
    return state


def _stand(state: SeriesState, extents: Extents, stretch: Stretch) -> None:
    writer = stretch.writer
    block = standing(writer, stretch.block, extents.limits())
    if block.size:
        state.extend(_Places(Stretch(writer, block)), block.steps, block.values)
        extents.stand(writer, block)


def _state(text: str) -> SeriesState:
    return SeriesState.from_value(cast("Mapping[str, Value]", from_json(text)))


def _summary_columns(state: SeriesState) -> tuple[Column, ...]:
    summary = state.summary()
    return (
        summary.count,
        *to_columns(summary.first),
        *to_columns(summary.last),
        to_number(summary.min),
        to_number(summary.max),
        to_columns(summary.mean)[1],
        summary.min_step,
        summary.max_step,
        to_json(state.to_value()),
    )


class _Places(Sequence[OrderKey]):
    """The places of the points of a stretch, each made when it is looked at."""

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch

    def __len__(self) -> int:
        return self._stretch.block.size

    @overload
    def __getitem__(self, index: int) -> OrderKey: ...

    @overload
    def __getitem__(self, index: slice) -> list[OrderKey]: ...

    def __getitem__(self, index: int | slice) -> OrderKey | list[OrderKey]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        return self._stretch.place(index)
