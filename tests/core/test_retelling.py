"""Records that are told again are cut, completed and named the same way each time."""

from hypothesis import given
from hypothesis import strategies as st

from tracker_core.history import RunHistory
from tracker_core.records import (
    Body,
    ColumnsBody,
    MetricsBody,
    Record,
    SourceBody,
    TagsBody,
    Writer,
)
from tracker_core.retelling import (
    BATCH_RECORDS,
    Cell,
    body_of,
    edge_batch,
    fillers,
    is_retold,
    stretches,
)
from tracker_core.taken import Taken
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.strategies import bodies


def test_stretches_end_at_the_same_sequences_wherever_they_begin() -> None:
    """A gap begins a new one, and what comes later changes none but the last."""
    some = Taken(((3, BATCH_RECORDS + 5), (BATCH_RECORDS + 9, 2 * BATCH_RECORDS)))

    assert list(stretches(some)) == [
        (3, BATCH_RECORDS),
        (BATCH_RECORDS + 1, BATCH_RECORDS + 5),
        (BATCH_RECORDS + 9, 2 * BATCH_RECORDS),
    ]
    assert list(stretches(Taken())) == []


def test_what_is_gone_is_filled_with_the_time_before_it() -> None:
    """Times never decrease within a writer."""
    found = fillers(4, 8, {5: 50, 7: 70}, before_ns=30)

    assert [(record.sequence, record.time_ns) for record in found] == [
        (4, 30),
        (6, 50),
        (8, 70),
    ]
    assert {type(record.body) for record in found} == {MetricsBody}


def test_nothing_is_filled_where_all_is_known() -> None:
    """The usual case."""
    assert fillers(4, 5, {4: 1, 5: 2}, before_ns=0) == []


def test_cells_of_a_point_are_a_point() -> None:
    """Of all its streams, in the order of their rows."""
    cells = [
        Cell(1, 1, "b/x", 9, 3, 1.0),
        Cell(1, 0, "y", 9, 3, None),
        Cell(1, 1, "b/z", 9, 3, 2),
    ]

    assert body_of(cells) == MetricsBody(3, {"": {"y": None}, "b": {"x": 1.0, "z": 2}})


def test_cells_of_many_rows_are_columns() -> None:
    """Whatever order they come in."""
    cells = [
        Cell(1, row, f"a/b/{field}", 9, 5 + row, value)
        for row, field, value in [(1, "x", 2), (0, "x", 1), (0, "y", 3), (1, "y", 4)]
    ]

    assert body_of(cells) == ColumnsBody("a/b", [5, 6], {"x": [1, 2], "y": [3, 4]})


def test_columns_without_steps_stay_without() -> None:
    """None is no step."""
    cells = [Cell(1, row, "x", 9, None, row) for row in range(2)]

    assert body_of(cells) == ColumnsBody("", None, {"x": [0, 1]})


def test_edge_is_told_by_a_writer_of_its_own() -> None:
    """The same one each time, and another for another edge."""
    edges = [SourceBody("s", None), SourceBody("s", "None"), SourceBody("s/None", None)]

    batches = [edge_batch("run", edge, 7) for edge in edges]

    assert batches[0] == edge_batch("run", edges[0], 7)
    assert batches[0].records == (Record(1, 7, edges[0]),)
    assert len({batch.writer.id for batch in batches}) == len(edges)
    assert all(is_retold(batch.writer.id) for batch in batches)
    assert not is_retold(Pen("run").writer.id)


@given(st.lists(bodies(), min_size=1, max_size=6))
def test_history_gives_the_records_that_it_took(said: list[Body]) -> None:
    """In their order, with their times, by their writer."""
    batch = Pen("run", attempt=2, rank=1).log(*said)
    history = RunHistory("run")
    history.add(batch)

    (found,) = history.batches()

    assert (found.writer, found.first, found.last) == batch[1:4]
    assert [it[:2] for it in found.records] == [it[:2] for it in batch.records]


def test_history_gives_the_writers_of_earlier_attempts_first() -> None:
    """And of one attempt by their ids."""
    history = RunHistory("run")
    for writer in (Writer("a", 2), Writer("c"), Writer("b")):
        pen = Pen("run")
        pen.writer = writer
        history.add(pen.log(TagsBody({})))

    assert [batch.writer.id for batch in history.batches()] == ["b", "c", "a"]


def test_history_may_grow_while_it_is_told() -> None:
    """What comes meanwhile is not told, and disturbs nothing."""
    pen, history = Pen("run"), RunHistory("run")
    history.add(pen.log(*(MetricsBody(n, {"": {"v": n}}) for n in range(3))))

    batches = history.batches()
    history.add(Pen("run", "0").log(MetricsBody(0, {"": {"v": 9}}), at=0))
    told = next(batches)
    history.add(pen.log(MetricsBody(3, {"": {"v": 3}})))

    assert len(told.records) <= len(pen.records)
    assert all(batch.last <= len(pen.records) for batch in batches)
