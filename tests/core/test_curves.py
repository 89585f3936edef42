"""One series: its points in order, those that stand, and their summary."""

import itertools
from itertools import accumulate
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tracker_core.curves import Curve, CurvePoint
from tracker_core.gathered import PointColumns
from tracker_core.records import Writer

if TYPE_CHECKING:
    from tracker_core.records import OrderKey


def _point(
    attempt: int,
    step: int | None,
    at: int = 0,
    rank: int | None = None,
    value: float | None = None,
) -> CurvePoint:
    key: OrderKey = (attempt, at, f"w{rank}", 1, 0)
    return key, step, f"{attempt}:{step}" if value is None else value, rank


def _curve(*points: CurvePoint) -> Curve:
    curve = Curve()
    for point in points:
        curve.add(point)
    return curve


def _values(curve: Curve, *, abandoned: bool = False) -> list[object]:
    return [point[2] for point in curve.points(abandoned=abandoned)]


def _points() -> st.SearchStrategy[list[CurvePoint]]:
    drawn = st.tuples(
        st.integers(1, 3),
        st.none() | st.integers(0, 4),
        st.none() | st.integers(0, 1),
    )
    return st.lists(drawn, min_size=1, max_size=8).map(
        lambda found: [
            _point(attempt, step, at, rank, float(at))
            for at, (attempt, step, rank) in enumerate(found)
        ]
    )


def test_curve_without_points_is_empty() -> None:
    """In both views."""
    assert list(Curve().points()) == list(Curve().points(abandoned=True)) == []


def test_points_come_in_the_order_of_their_keys() -> None:
    """Whatever order they were added in."""
    points = [_point(1, n, at=n) for n in range(4)]

    for order in itertools.permutations(points):
        assert list(_curve(*order).points()) == points


def test_points_that_a_restart_passed_do_not_stand() -> None:
    """They are there when they are asked for."""
    curve = _curve(_point(1, 0, 0), _point(1, 1, 1), _point(2, 1, 2))

    assert _values(curve) == ["1:0", "2:1"]
    assert _values(curve, abandoned=True) == ["1:0", "1:1", "2:1"]


def test_point_that_comes_later_is_looked_at_again() -> None:
    """Reading between two points changes nothing."""
    curve = _curve(_point(2, 1, 2, value=2.0))
    first = (_values(curve), curve.summary().count)

    curve.add(_point(1, 0, 0, value=1.0))
    curve.add(_point(1, 5, 1, value=9.0))

    assert first == ([2.0], 1)
    assert _values(curve) == [1.0, 2.0]
    assert (curve.summary().count, curve.summary().max) == (2, 2.0)


def test_summary_is_of_the_points_that_stand() -> None:
    """The extremes of abandoned ones are none."""
    curve = _curve(
        _point(1, 0, 0, value=1.0),
        _point(1, 1, 1, value=-9.0),
        _point(2, 1, 2, value=3.0),
    )

    summary = curve.summary()

    assert summary == (2, 1.0, 3.0, 1.0, 3.0, 2.0, 0, 1)


@given(_points())
def test_what_stands_follows_from_the_words_of_the_rule(
    points: list[CurvePoint],
) -> None:
    """A later attempt of one rank abandons from its least step on."""
    expected = [
        point
        for point in sorted(points, key=lambda point: point[0])
        if point[1] is None
        or not any(
            other[0][0] > point[0][0]
            and other[3] == point[3]
            and other[1] is not None
            and other[1] <= point[1]
            for other in points
        )
    ]

    assert list(_curve(*points).points()) == expected


def _pieces() -> st.SearchStrategy[list[tuple[Writer, PointColumns]]]:
    def columns(found: tuple[int, list[int], bool, int, int]) -> PointColumns:
        begin, waits, has_steps, first, number = found
        times = [*accumulate(waits, initial=begin)]
        places = range(number * 10 + 1, number * 10 + 1 + len(times))
        steps = [first + n for n in range(len(times))] if has_steps else [None] * 99
        values = [place / 4 for place in places]
        return PointColumns(
            places, times, [0] * len(times), steps[: len(times)], values
        )

    shape = st.tuples(
        st.integers(0, 6),
        st.lists(st.integers(0, 2), max_size=4),
        st.booleans(),
        st.integers(0, 3),
    )
    writer = st.sampled_from([Writer("a"), Writer("b", 1, 1), Writer("a2", 2)])
    return st.lists(st.tuples(writer, shape), min_size=1, max_size=4).map(
        lambda found: [
            (writer, columns((*shape, number)))
            for number, (writer, shape) in enumerate(found)
        ]
    )


@given(pieces=_pieces(), abandoned=st.booleans())
def test_columns_tell_what_their_points_tell(
    pieces: list[tuple[Writer, PointColumns]], *, abandoned: bool
) -> None:
    """Whether they come in order or not, from one writer or from several."""
    curve, model = Curve(), Curve()
    for writer, columns in pieces:
        curve.extend(writer, columns)
        for sequence, time_ns, row, step, value in zip(*columns, strict=True):
            key = (writer.attempt, time_ns, writer.id, sequence, row)
            model.add((key, step, value, writer.rank))

    steps, times_ns, values = curve.columns(abandoned=abandoned)

    expected = model.points(abandoned=abandoned)
    assert [*zip(steps, times_ns, values, strict=True)] == [
        (step, key[1], value) for key, step, value, _ in expected
    ]
    if expected:
        assert curve.summary() == model.summary()
    assert curve.points(abandoned=abandoned) == expected


def test_points_and_columns_mix() -> None:
    """One after the other, read in between."""
    curve = _curve(_point(1, 0, at=0, value=0.5))
    curve.extend(Writer("w"), PointColumns([1], [1], [0], [1], [1.5]))
    before = [*curve.columns().values]

    curve.extend(Writer("w"), PointColumns([2], [2], [0], [2], [2.5]))

    assert (before, [*curve.columns().values]) == ([0.5, 1.5], [0.5, 1.5, 2.5])
    assert curve.summary().count == 3
