"""Queries of the sqlite backend: SQL that answers as the model does, by indexes."""

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.fields import (
    RUN_ATTRIBUTES,
    STATUSES,
    SUMMARY_PARTS,
    Field,
    Operand,
    Space,
)
from tracker_core.filters import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Exists,
    FilterOp,
    Membership,
    Negation,
)
from tracker_core.records import (
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    SpanBody,
    StartedBody,
    TagsBody,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.strategies import texts, values
from tracker_core.values import Value
from tracker_sqlite import SqliteTracker, create, listing
from tracker_sqlite.functions import register_own_functions

_NUMBERS: list[int | float] = [
    *(0, 1, 1.0, -0.0, 0.5, -1, 2**53, 2**53 + 1, float(2**53)),
    *(2**63 - 1, 2**63, float(2**63), -(2**63), -(2**63) - 1, 9 * 10**18, 9e18),
    *(2**70, 2**70 + 1, float(2**70), -(2**70), -(2**70) - 1, 10**400, -(10**400)),
    *(float("nan"), float("inf"), float("-inf"), 5e-324, 1e308),
]
_TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "b\x00c",
    "b",
    "é",
    "🚀",
    "\uffff",
    "1",
    "nan",
    "FINISHED",
]
_STATUSES = st.sampled_from(["FINISHED", "FAILED", "KILLED"])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _scalars() -> st.SearchStrategy[str | int | float | bool]:
    return (
        st.sampled_from(_NUMBERS)
        | st.sampled_from(_TEXTS)
        | st.booleans()
        | texts().filter(lambda text: len(text) < 20)
    )


def _values() -> st.SearchStrategy[Value]:
    return _scalars() | st.none() | values()


def _keys() -> st.SearchStrategy[str]:
    return st.sampled_from(["k", "K", "a.b"])


def _bodies() -> st.SearchStrategy[Body]:
    name = st.none() | st.sampled_from(_TEXTS).filter(bool)
    kept = st.dictionaries(_keys(), _values(), min_size=1)
    tags = st.dictionaries(_keys(), st.sampled_from(_TEXTS), min_size=1)
    fields = st.dictionaries(st.sampled_from("vw"), _values(), min_size=1)
    return st.one_of(
        st.builds(ParamsBody, kept),
        st.builds(MetadataBody, kept),
        st.builds(TagsBody, tags),
        st.builds(
            MetricsBody,
            st.none() | st.integers(0, 3) | st.just(2**63 - 1),
            st.fixed_dictionaries({"": fields}),
        ),
        st.builds(CreatedBody, name, name, name, name, st.none()),
        st.builds(SpanBody, name, name),
        st.builds(StartedBody, st.just("job")),
        # Hypothesis makes up what has a default, were it left out.
        st.builds(EndedBody, st.just("job"), _STATUSES, *[st.none()] * 3),
    )


@st.composite
def _fields(draw: st.DrawFn) -> Field:
    space = draw(st.sampled_from(Space))
    if space is Space.RUN:
        return Field(space, draw(st.sampled_from(sorted(RUN_ATTRIBUTES))))
    if space is Space.METRICS:
        part = draw(st.sampled_from(SUMMARY_PARTS))
        return Field(space, draw(st.sampled_from("vw")), part)
    return Field(space, draw(_keys()))


def _times() -> st.SearchStrategy[datetime]:
    start = _EPOCH + timedelta(microseconds=START_NS // 1000)
    near = st.integers(-2000, 9000).map(lambda us: start + timedelta(microseconds=us))
    far = st.sampled_from([_EPOCH, datetime.max.replace(tzinfo=UTC)])
    return near | far | st.just(start)


def _operands(field: Field) -> st.SearchStrategy[Operand]:
    if field.space is not Space.RUN:
        return _scalars()
    kind = RUN_ATTRIBUTES[field.key]
    if kind is datetime:
        return _times()
    if kind is float:
        return st.sampled_from([*_NUMBERS, 0.001, 0.002])
    return st.sampled_from(STATUSES if field.key == "status" else _TEXTS)


@st.composite
def _comparisons(draw: st.DrawFn) -> Condition:
    field = draw(_fields())
    ops = list(FilterOp)
    kind = RUN_ATTRIBUTES.get(field.key) if field.space is Space.RUN else None
    if kind in (float, datetime):
        ops = [op for op in ops if op.value[0] in "=!<>"]
    op = draw(st.sampled_from(ops))
    if op is FilterOp.MATCHES:
        return Comparison(field, op, draw(st.sampled_from(["", "^a", "b.c", "(?i)A$"])))
    return Comparison(field, op, draw(_operands(field)))


@st.composite
def _memberships(draw: st.DrawFn) -> Condition:
    field = draw(_fields())
    found = draw(st.lists(_operands(field), min_size=1, max_size=4))
    return Membership(field, tuple(found))


def _conditions() -> st.SearchStrategy[Condition]:
    leaves = _comparisons() | _memberships() | st.builds(Exists, _fields())
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(AllOf, st.lists(inner, min_size=2, max_size=4).map(tuple)),
            st.builds(AnyOf, st.lists(inner, min_size=2, max_size=4).map(tuple)),
            st.builds(Negation, inner),
        ),
        max_leaves=6,
    )


def _stories() -> st.SearchStrategy[list[list[Body]]]:
    return st.lists(st.lists(_bodies(), min_size=1, max_size=6), max_size=6)


def _batches(stories: list[list[Body]]) -> Iterator[Batch]:
    """Give a run for each story; some have the same moment of creation."""
    for number, story in enumerate(stories):
        yield Pen(f"run-{number}").log(*story, at=number // 2)


def _pair(stories: list[list[Body]]) -> tuple[SqliteTracker, MemoryTracker]:
    tracker, model = create(":memory:"), MemoryTracker()
    for batch in _batches(stories):
        tracker.write(batch)
        model.write(batch)
    return tracker, model


@given(_stories(), st.lists(_conditions(), min_size=1, max_size=8))
def test_conditions_choose_what_the_model_chooses(
    stories: list[list[Body]], conditions: list[Condition]
) -> None:
    """Whatever is asked of whatever was logged."""
    tracker, model = _pair(stories)

    with closing(tracker):
        for condition in conditions:
            found = [run.run_id for run in tracker.runs(condition)]

            assert found == [run.run_id for run in model.runs(condition)], condition


def _order(field: Field) -> str:
    """Return the field as an order names it; its key needs no quotes."""
    name = field.key if field.space is Space.RUN else f"{field.space}.{field.key}"
    return name if field.part is None else f"{name}.{field.part}"


@given(
    _stories(),
    st.none() | _conditions(),
    st.lists(st.tuples(_fields(), st.sampled_from(["", "-"])), min_size=1, max_size=2),
    st.none() | st.integers(0, 5),
)
def test_orders_are_those_of_the_model(
    stories: list[list[Body]],
    condition: Condition | None,
    fields: list[tuple[Field, str]],
    limit: int | None,
) -> None:
    """By any fields, up and down, with any limit."""
    tracker, model = _pair(stories)
    order_by = ", ".join(sign + _order(field) for field, sign in fields)

    with closing(tracker):
        found = [run.run_id for run in tracker.runs(condition, order_by, limit)]

        expected = [run.run_id for run in model.runs(condition, order_by, limit)]
        assert found == expected


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    "found",
    [
        [3, 1, 2.5, -0.5, 1],
        [3, 1, None, "text", True],
        [2**70, 2**70 + 1, float(2**70), float("inf"), 5],
        [-(2**70), -(2**70) - 1, -float(2**70), float("-inf"), 5],
        [float("nan"), 1, float("nan"), [1], {}],
    ],
)
def test_first_runs_are_those_of_the_model(found: list[Value], sign: str) -> None:
    """However many are wanted, whether an index can tell or not."""
    stories: list[list[Body]] = [
        [ParamsBody({"k": value}), MetricsBody(0, {"": {"v": value}})]
        for value in [*found, *found]
    ]
    tracker, model = _pair([*stories, [TagsBody({"k": "x"})]])

    with closing(tracker):
        for name in ("params.k", "metrics.v.min", "metrics.v.last"):
            for limit in range(12):
                told = [run.run_id for run in tracker.runs(None, sign + name, limit)]

                runs = model.runs(None, sign + name, limit)
                assert told == [run.run_id for run in runs], name


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to a store of some runs, as the tracker has one."""
    path = tmp_path / "runs.db"
    with closing(create(str(path))) as tracker:
        for batch in _batches([[ParamsBody({"k": n})] for n in range(9)]):
            tracker.write(batch)
        for number in range(9):
            body = MetricsBody(0, {"": {"v": number}})
            tracker.write(Pen(f"run-{number}").log(body))
    with closing(sqlite3.connect(path)) as connection:
        register_own_functions(connection)
        yield connection


def _plan(
    connection: sqlite3.Connection, query: str | None, order_by: str | None
) -> str:
    """Return how SQLite answers the last statement that a listing makes."""
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    listing.runs(connection, query, order_by, 5)
    connection.set_trace_callback(None)
    return str(connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}").fetchall())


@pytest.mark.parametrize("order_by", ["metrics.v.min", "-metrics.v.min"])
@pytest.mark.parametrize("query", [None, "params.k > 1"])
def test_best_runs_are_a_walk_along_an_index(
    connection: sqlite3.Connection, query: str | None, order_by: str
) -> None:
    """Only runs of one value are sorted, by their age."""
    plan = _plan(connection, query, order_by)

    assert "INDEX series_by_min (name=? AND min>? AND min<?)" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("params.k < 3", "params_by_value (key=? AND value>? AND value<?)"),
        ('params.k = "text"', "params_by_value (key=? AND value=? AND type=?)"),
        ("params.k in (1, 2)", "params_by_value (key=? AND value=? AND type=?)"),
        ("metadata.k > 3", "metadata_by_value (key=? AND value>? AND value<?)"),
        ('tags.k startswith "a"', "tags_by_value (key=? AND value>?)"),
        ("metrics.v.max >= 3", "series_by_max (name=? AND max>? AND max<?)"),
        ("metrics.v > 3", "series_by_last (name=? AND last>? AND last<?)"),
        ('experiment = "iris"', "runs_by_experiment (experiment=?)"),
    ],
)
def test_conditions_are_looked_up_in_an_index(
    connection: sqlite3.Connection, query: str, index: str
) -> None:
    """By key and value, so that what a filter does not want is never looked at."""
    assert f"INDEX {index}" in _plan(connection, query, None)


def test_newest_runs_are_a_walk_along_an_index(connection: sqlite3.Connection) -> None:
    """Listing costs the same however many runs there are."""
    plan = _plan(connection, None, None)

    assert "INDEX runs_by_creation" in plan
    assert "TEMP B-TREE" not in plan


def _deep(condition: Condition, depth: int) -> Condition:
    """Return the condition inside ``depth`` others that it decides."""
    for _ in range(depth):
        never = Exists(Field(Space.TAGS, "never"))
        condition = Negation(AnyOf((never, Negation(condition))))
        condition = AllOf((condition, Negation(never)))
    return condition


_IS_TWO = Comparison(Field(Space.PARAMS, "k"), FilterOp.EQ, 2)


# Made by their test, since each worker that collects tests would make them too.
_LARGE: dict[str, Callable[[], Condition]] = {
    "many": lambda: Membership(_IS_TWO.field, (2, *range(1000, 41_000))),
    "many of many digits": lambda: Membership(
        _IS_TWO.field, (2, *(10**20 + n for n in range(40_000)))
    ),
    "any of many": lambda: AnyOf(
        (_IS_TWO, *(Comparison(_IS_TWO.field, FilterOp.LT, -n) for n in range(5000)))
    ),
    **{
        f"{depth} deep": functools.partial(_deep, _IS_TWO, depth)
        for depth in (*range(1, 12), 60)
    },
}


@pytest.mark.parametrize("large", _LARGE)
def test_conditions_of_any_size_are_answered(large: str) -> None:
    """What SQLite cannot take is asked of each run."""
    condition = _LARGE[large]()
    tracker, model = _pair([[ParamsBody({"k": n})] for n in range(5)])

    with closing(tracker):
        found = [run.run_id for run in tracker.runs(condition)]

    assert found == ["run-2"] == [run.run_id for run in model.runs(condition)]
