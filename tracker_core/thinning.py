"""Curves with as many points as a picture of some width can show.

Of each column of the picture the first, the least, the greatest and the last point are
kept, so a curve looks as if all were drawn: no peak is lost. Where a column has points
but none that can be drawn – NaN, the infinities, and on a logarithmic scale what is not
above zero – the line is broken. A million points take a fraction of a second.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import le
from typing import NamedTuple

__all__ = ["Curve", "Stroke", "thinned"]


class Curve(NamedTuple):
    """Points of equally long columns, in any order."""

    xs: Sequence[float]
    ys: Sequence[float]


class Stroke(NamedTuple):
    """An unbroken line through points whose ``xs`` do not descend; one at least."""

    xs: list[float]
    ys: list[float]


def thinned(
    curve: Curve, columns: int, limits: tuple[float, float], *, is_log: bool = False
) -> list[Stroke]:
    """Return what is to be drawn of a curve.

    Args:
        curve: All its points; the ``xs`` are finite.
        columns: How wide the picture is, 1 at least.
        limits: The least and the greatest ``x`` of the picture.
        is_log: Whether the scale of the ``ys`` is logarithmic.
    """
    xs, ys = _sorted(curve)
    is_whole = _is_drawn(sum(ys), is_log=False) and (
        not is_log or _is_drawn(min(ys, default=1.0), is_log=True)
    )
    strokes: list[Stroke] = []
    is_broken = True
    for start, end in _columns(xs, columns, limits):
        kept = _kept(ys, start, end, is_whole=is_whole, is_log=is_log)
        if kept and is_broken:
            strokes.append(Stroke([], []))
        is_broken = not kept
        for place in kept:
            strokes[-1].xs.append(float(xs[place]))
            strokes[-1].ys.append(float(ys[place]))
    return strokes


def _sorted(curve: Curve) -> Curve:
    xs, ys = curve
    if all(map(le, xs, islice(xs, 1, None))):
        return curve
    order = sorted(range(len(xs)), key=xs.__getitem__)
    return Curve([xs[place] for place in order], [ys[place] for place in order])


def _columns(
    xs: Sequence[float], columns: int, limits: tuple[float, float]
) -> Iterator[tuple[int, int]]:
    """Give the points of each column that has any: where they begin and end."""
    least, greatest = limits
    start = 0
    for column in range(1, columns + 1):
        edge = least + (greatest - least) * column / columns
        end = len(xs) if column == columns else bisect_left(xs, edge, start)
        if end > start:
            yield start, end
        start = end


def _kept(
    ys: Sequence[float], start: int, end: int, *, is_whole: bool, is_log: bool
) -> list[int]:
    """Return the places of the points of a column that are drawn."""
    if not is_whole:
        drawn = [n for n in range(start, end) if _is_drawn(ys[n], is_log=is_log)]
        if not drawn:
            return []
        ends = (min(drawn, key=ys.__getitem__), max(drawn, key=ys.__getitem__))
        return sorted({drawn[0], *ends, drawn[-1]})
    column = ys[start:end]
    ends = (column.index(min(column)), column.index(max(column)))
    return sorted({start, *(start + place for place in ends), end - 1})


def _is_drawn(y: float, *, is_log: bool) -> bool:
    return math.isfinite(y) and (y > 0 or not is_log)
