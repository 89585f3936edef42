"""Where the curves of one series part: the first place at which runs differ.

The place is a step; where no point of any of the runs has one it is the index. Curves
part where their values are not equal, and where one has a point and another has none.
Ranks and repeats may give a step several points: their values are compared whatever
their order. ``1`` equals ``1.0`` here, and NaN equals NaN. Columns are compared, not
points, so that curves of a million points take a moment.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import lt
from typing import Literal, TypeAlias, cast

from tracker_core.points import Points
from tracker_core.sameness import is_same
from tracker_core.values import Value

__all__ = ["Axis", "Parting", "parting_of"]

Axis: TypeAlias = Literal["step", "index"]
"""What counts the points of a series."""

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Parting:
    """The first place at which curves differ.

    Args:
        axis: Whether it is a step or an index.
        at: The place.
        values: What each run has there, by its id; empty where it has no point.
    """

    axis: Axis
    at: int
    values: Mapping[str, tuple[Value, ...]]


def parting_of(curves: Mapping[str, Points]) -> Parting | None:
    """Return where curves part, or None where they never do.

    Args:
        curves: The points of the series in each run, by its id; two at least.
    """
    has_steps = any(points.has_steps for points in curves.values())
    columns = {
        run_id: _Column.of(points, has_steps=has_steps)
        for run_id, points in curves.items()
    }
    first, *others = columns.values()
    found = [at for other in others if (at := _first_place(first, other)) is not None]
    if not found:
        return None
    at = min(found)
    values = {run_id: column.at(at) for run_id, column in columns.items()}
    return Parting("step" if has_steps else "index", at, values)


@dataclass(frozen=True, slots=True)
class _Column:
    """Values by their places, which ascend."""

    places: Sequence[int]
    values: Sequence[Value]
    # Whether the values are those of one point each.
    is_plain: bool

    @classmethod
    def of(cls, points: Points, *, has_steps: bool) -> "_Column":
        """Return the points of a series by their steps, or else by their indices."""
        if not has_steps:
            return cls(range(len(points)), points.values, is_plain=True)
        if not isinstance(points.steps, list) and _ascends(points.steps):
            return cls(points.steps, points.values, is_plain=True)
        return cls._gathered(points)

    @classmethod
    def _gathered(cls, points: Points) -> "_Column":
        found: dict[int, list[Value]] = {}
        for step, value in zip(points.steps, points.values, strict=True):
            if step is not None:
                found.setdefault(step, []).append(value)
        places = sorted(found)
        values: list[Value] = [sorted(found[place], key=repr) for place in places]
        return cls(places, values, is_plain=False)

    def gathered(self) -> "_Column":
        """Return the same with a list of values at each place."""
        if not self.is_plain:
            return self
        values: list[Value] = [[value] for value in self.values]
        return _Column(self.places, values, is_plain=False)

    def at(self, place: int) -> tuple[Value, ...]:
        """Return the values at a place."""
        index = bisect_left(self.places, place)
        if index == len(self.places) or self.places[index] != place:
            return ()
        value = self.values[index]
        return (value,) if self.is_plain else tuple(cast("list[Value]", value))


def _first_place(one: _Column, other: _Column) -> int | None:
    if one.is_plain != other.is_plain:
        one, other = one.gathered(), other.gathered()
    # Up to the first difference both have the same places.
    unequal = (
        _first_unequal(one.places, other.places),
        _first_unequal(one.values, other.values),
    )
    index = min((index for index in unequal if index is not None), default=None)
    if index is None:
        return None
    return min(
        column.places[index] for column in (one, other) if index < len(column.places)
    )


def _first_unequal(one: Sequence[Value], other: Sequence[Value]) -> int | None:
    shorter = min(len(one), len(other))
    for start in range(0, shorter, _CHUNK):
        part = slice(start, min(start + _CHUNK, shorter))
        here, beside = one[part], other[part]
        if here == beside:  # of arrays this is a loop in C
            continue
        for offset, pair in enumerate(zip(here, beside, strict=True)):
            if not _is_equal(*pair):
                return start + offset
    return None if len(one) == len(other) else shorter


def _is_equal(one: Value, other: Value) -> bool:
    return one == other or is_same(one, other)


def _ascends(steps: Iterable[int]) -> bool:
    return all(map(lt, steps, islice(steps, 1, None)))
