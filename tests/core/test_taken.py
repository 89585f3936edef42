"""What was taken of a writer is a set of sequences, in a few bytes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tracker_core.records import Batch, Record, TagsBody, Writer
from tracker_core.taken import Taken


def _ranges() -> st.SearchStrategy[list[tuple[int, int]]]:
    pair = st.tuples(st.integers(1, 30), st.integers(0, 6))
    return st.lists(
        pair.map(lambda found: (found[0], found[0] + found[1])), max_size=12
    )


def _taken(ranges: list[tuple[int, int]]) -> Taken:
    taken = Taken()
    for first, last in ranges:
        taken = taken.plus(first, last)
    return taken


def _batch(first: int, last: int) -> Batch:
    records = (Record(n, n, TagsBody({})) for n in range(first, last + 1))
    return Batch("run", Writer("w"), first, last, tuple(records))


@given(_ranges())
def test_taken_holds_what_a_set_holds(ranges: list[tuple[int, int]]) -> None:
    """Whatever ranges come in whatever order, exactly their sequences are in it."""
    expected = {n for first, last in ranges for n in range(first, last + 1)}

    taken = _taken(ranges)

    assert {n for n in range(50) if taken.has(n)} == expected


@given(_ranges())
def test_taken_keeps_as_few_ranges_as_possible(ranges: list[tuple[int, int]]) -> None:
    """They are sorted, and two that touch or overlap are one."""
    taken = _taken(ranges).ranges

    assert list(taken) == sorted(taken)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(taken))


@given(_ranges(), st.integers(1, 30), st.integers(0, 6))
def test_missing_are_the_records_not_in_it(
    ranges: list[tuple[int, int]], first: int, more: int
) -> None:
    """They come in the order of their sequence."""
    taken, batch = _taken(ranges), _batch(first, first + more)

    missing = taken.missing(batch)

    wanted = range(first, first + more + 1)
    assert [record.sequence for record in missing] == [
        n for n in wanted if not taken.has(n)
    ]


def test_usual_case_is_one_range() -> None:
    """Batches that follow each other leave a watermark."""
    assert _taken([(1, 4), (5, 5), (6, 90)]) == Taken(((1, 90),))


def test_gap_stays_open_until_it_is_filled() -> None:
    """A range between two others joins them."""
    open_gap = _taken([(1, 2), (5, 6)])

    assert open_gap == Taken(((1, 2), (5, 6)))
    assert open_gap.plus(3, 4) == Taken(((1, 6),))


@given(_ranges(), st.integers(1, 40), st.integers(0, 10))
def test_count_tells_how_much_of_a_stretch_was_taken(
    ranges: list[tuple[int, int]], first: int, more: int
) -> None:
    """Of any stretch."""
    taken = _taken(ranges)

    found = taken.count_in(first, first + more)

    assert found == sum(map(taken.has, range(first, first + more + 1)))


@given(_ranges(), st.integers(1, 30), st.integers(0, 6))
def test_taken_tells_of_a_stretch_what_a_set_tells(
    ranges: list[tuple[int, int]], first: int, more: int
) -> None:
    """Whether it was taken in part, and whether as a whole."""
    known = {n for low, high in ranges for n in range(low, high + 1)}
    asked = {*range(first, first + more + 1)}

    taken = _taken(ranges)

    assert taken.overlaps(first, first + more) == bool(known & asked)
    assert taken.covers(first, first + more) == (asked <= known)
