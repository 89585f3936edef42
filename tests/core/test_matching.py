"""Which runs match, and in which order they come."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.expressions import parse, parse_order
from tracker_core.fields import Field, Operand, Space
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
from tracker_core.matching import matches, needs, select
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

_T = TypeVar("_T")
_NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
_X = Field(Space.PARAMS, "x")
_BY_SIGN: Mapping[FilterOp, Callable[[Fraction, Fraction], bool]] = {
    FilterOp.EQ: lambda a, b: a == b,
    FilterOp.NE: lambda a, b: a != b,
    FilterOp.LT: lambda a, b: a < b,
    FilterOp.LTE: lambda a, b: a <= b,
    FilterOp.GT: lambda a, b: a > b,
    FilterOp.GTE: lambda a, b: a >= b,
}


@dataclass
class _Run:
    """A run that remembers what it was asked for."""

    run_id: str = "r1"
    experiment: str | None = None
    status: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    own_params: Mapping[str, Value] = field(default_factory=dict)
    own_tags: Mapping[str, str] = field(default_factory=dict)
    own_metadata: Mapping[str, Value] = field(default_factory=dict)
    own_series: Mapping[str, Summary] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def info(self) -> RunInfo:
        return self._answer("info", self._info())

    def params(self) -> Mapping[str, Value]:
        return self._answer("params", self.own_params)

    def tags(self) -> Mapping[str, str]:
        return self._answer("tags", self.own_tags)

    def metadata(self) -> Mapping[str, Value]:
        return self._answer("metadata", self.own_metadata)

    def series(self) -> Mapping[str, Summary]:
        return self._answer("series", self.own_series)

    def _answer(self, name: str, answer: _T) -> _T:
        self.asked.append(name)
        return answer

    def _info(self) -> RunInfo:
        return RunInfo(
            run_id=self.run_id,
            name="quick-hopper-0544",
            experiment=self.experiment,
            group_id=None,
            parent_run_id=None,
            status=self.status,
            cause=None,
            attempts=(),
            created_at=_NOON,
            started_at=self.started_at,
            ended_at=self.ended_at,
        )


def _last(value: Value) -> Summary:
    """Return what a tracker without history knows of a series."""
    return Summary(None, None, value, None, None, None, None, None)


_RUN = _Run(
    experiment="iris",
    status="FINISHED",
    started_at=_NOON,
    ended_at=_NOON + timedelta(seconds=90.5),
    own_params={
        "lr": 0.1,
        "epochs": 3,
        "big": 2**53 + 1,
        "optimizer": "adamw",
        "amp": True,
        "nothing": None,
        "layers": [1, 2],
        "empty": {},
        "nan": math.nan,
        "inf": math.inf,
    },
    own_tags={"device": "cuda:0", "number": "3"},
    own_metadata={"note": "first", "labels": ["a"]},
    own_series={
        "train/loss": Summary(4, 2.0, 0.5, 0.25, 2, 1.0, 3, 0),
        "phase": Summary(2, "warm", "cold", None, None, None, None, None),
        "flag": _last(value=True),
    },
)


@pytest.mark.parametrize(
    "query",
    [
        "params.lr = 0.1",
        "params.epochs = 3.0",
        "params.epochs >= 3 and params.epochs <= 3 and not params.epochs != 3",
        "params.big > 9007199254740992.0",
        "params.big != 9007199254740992.0",
        "params.big = 9007199254740993",
        'params.optimizer = "adamw" and params.optimizer > "Z"',
        'params.optimizer contains "dam" and params.optimizer startswith "ad"',
        r'params.optimizer matches "w$" and params.optimizer matches "\w{5}"',
        "params.amp = true and params.amp != false",
        "params.optimizer in ('sgd', 'adamw') and params.epochs in (1, 3)",
        "params.nothing exists and params.layers exists and params.empty exists",
        "params.nan != 1 and params.nan != nan and params.nan exists",
        "params.inf = inf and params.inf > 1e308",
        'tags.device = "cuda:0"',
        'metadata.note = "first"',
        "metrics.train/loss = 0.5 and metrics.train/loss.first = 2",
        "metrics.train/loss.count = 4 and metrics.train/loss.mean < 2",
        "metrics.train/loss.min_step = 3 and metrics.train/loss.max_step = 0",
        'metrics.phase = "cold" and metrics.flag = true',
        "metrics.phase exists and not metrics.phase.min exists",
        'run_id = "r1" and name contains "hopper" and experiment = "iris"',
        'status = "finished" and status != "FAILED" and status in ("Finished")',
        "duration = 90.5 and duration > 90",
        'created_at = "2026-01-31T13:00+01:00" and created_at > "2026-01-31"',
        'ended_at > "2026-01-31T12:01:30Z"',
        "status exists and not group_id exists and duration exists",
    ],
)
def test_query_matches(query: str) -> None:
    """Each value compares with those of its own kind."""
    assert matches(parse(query), _RUN)


@pytest.mark.parametrize("op", ["=", "!=", "<", "<=", ">", ">=", "contains"])
@pytest.mark.parametrize(
    "operands",
    [
        "params.gone {} 1",
        "params.gone {} 'x'",
        "params.gone {} true",
        "params.lr {} '0.1'",
        "params.lr {} true",
        "params.epochs {} '3'",
        "params.amp {} 1",
        "params.amp {} 'true'",
        "params.optimizer {} 3",
        "params.optimizer {} false",
        "params.nothing {} 'null'",
        "params.layers {} 1",
        "params.empty {} 'x'",
        "tags.gone {} 'x'",
        "tags.number {} 3",
        "metadata.labels {} 'a'",
        "metrics.gone {} 1",
        "metrics.phase.min {} 1",
        "metrics.flag.count {} 1",
        "metrics.phase {} 1",
        "group_id {} 'x'",
    ],
)
def test_what_cannot_be_compared_never_matches(operands: str, op: str) -> None:
    """Missing, null, lists, mappings and other kinds, for ``!=`` too."""
    assert not matches(parse(operands.format(op)), _RUN)


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "contains", "startswith"])
def test_bool_has_no_order_and_no_parts(op: str) -> None:
    """It is equal or not."""
    assert not matches(parse(f"params.amp {op} true"), _RUN)


@pytest.mark.parametrize("op", ["contains", "startswith"])
def test_number_has_no_parts(op: str) -> None:
    """It is no text."""
    assert not matches(parse(f"params.epochs {op} 3"), _RUN)


@pytest.mark.parametrize("op", ["=", "<", "<=", ">", ">="])
def test_nan_is_as_in_python(op: str) -> None:
    """It equals nothing and has no order."""
    assert not matches(parse(f"params.nan {op} nan"), _RUN)
    assert not matches(parse("params.nan in (nan, 1)"), _RUN)


def test_negation_is_true_of_what_is_missing() -> None:
    """Since the comparison is not."""
    assert matches(parse("not params.gone = 1 and not params.gone != 1"), _RUN)


def test_duration_needs_an_end() -> None:
    """A run that runs has none yet."""
    assert not matches(parse("duration >= 0"), _Run(started_at=_NOON))


def _numbers() -> st.SearchStrategy[int | float]:
    """Return numbers near those where floats stop holding every int."""
    near = st.sampled_from([0, 2**53, 2**63, 2**64, 10**22, 10**308])
    ints = st.builds(lambda n, d: n + d, near, st.integers(-2, 2))
    return ints | st.floats(allow_nan=False, allow_infinity=False) | ints.map(float)


@given(_numbers(), _numbers(), st.sampled_from(sorted(_BY_SIGN)))
def test_int_and_float_compare_exactly(
    a: int | float,  # noqa: PYI041 - both are meant
    b: int | float,  # noqa: PYI041 - both are meant
    op: FilterOp,
) -> None:
    """As the fractions that they are."""
    holds = matches(Comparison(_X, op, b), _Run(own_params={"x": a}))

    assert holds == _BY_SIGN[op](Fraction(a), Fraction(b))


def _operands() -> st.SearchStrategy[str | int | float | bool]:
    texts = st.sampled_from(["", "a", "ab", "3", "\U0001f600", "\uffff"])
    return st.sampled_from([0, 1, 3, 0.5, 1.0, math.nan, True, False]) | texts


def _runs() -> st.SearchStrategy[_Run]:
    values: st.SearchStrategy[Value] = (
        st.none() | _operands() | st.sampled_from([[1], {}])
    )
    params = st.dictionaries(st.sampled_from("xyz"), values)
    return params.map(lambda found: _Run(own_params=found))


def _conditions() -> st.SearchStrategy[Condition]:
    fields = st.builds(Field, st.just(Space.PARAMS), st.sampled_from("xyz"))
    ops = st.sampled_from([op for op in FilterOp if op is not FilterOp.MATCHES])
    values = st.lists(_operands(), min_size=1, max_size=3).map(tuple)
    leaves: st.SearchStrategy[Condition] = (
        st.builds(Comparison, fields, ops, _operands())
        | st.builds(Membership, fields, values)
        | st.builds(Exists, fields)
    )

    def joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return parts.map(AllOf) | parts.map(AnyOf) | inner.map(Negation)

    return st.recursive(leaves, joined, max_leaves=5)


@given(_conditions(), _conditions(), _runs())
def test_de_morgan_holds(a: Condition, b: Condition, run: _Run) -> None:
    """Every condition is true or false, and nothing between."""
    both = matches(Negation(AllOf((a, b))), run)
    one = matches(Negation(AnyOf((a, b))), run)

    assert both == matches(AnyOf((Negation(a), Negation(b))), run)
    assert one == matches(AllOf((Negation(a), Negation(b))), run)
    assert matches(Negation(a), run) is not matches(a, run)


@given(st.sampled_from([*_BY_SIGN]), _operands())
def test_missing_key_never_matches(op: FilterOp, value: Operand) -> None:
    """Whatever it is compared with."""
    assert not matches(Comparison(_X, op, value), _Run())


@given(_operands(), st.lists(_operands(), min_size=1), _runs())
def test_membership_is_equality_with_one(
    first: Operand, more: list[Operand], run: _Run
) -> None:
    """As if written with ``or``."""
    values = (first, *more)
    equals = tuple(Comparison(_X, FilterOp.EQ, value) for value in values)

    assert matches(Membership(_X, values), run) == matches(AnyOf(equals), run)


def test_needs_tells_the_spaces() -> None:
    """Those of the condition and of the order."""
    condition = parse("not (params.a = 1 or tags.b exists) and status in ('FAILED')")

    assert needs(condition) == {Space.PARAMS, Space.TAGS, Space.RUN}
    assert needs(None, parse_order("metrics.loss, -metadata.x")) == {
        Space.METRICS,
        Space.METADATA,
    }


def test_matching_asks_for_what_it_needs_alone() -> None:
    """Once each, and nothing that cannot change the answer."""
    run = _Run(own_params={"a": 1})

    matches(parse("params.a = 1 and (params.b = 1 or tags.c = 'x')"), run)

    assert run.asked == ["params", "tags"]


def test_matching_asks_nothing_for_an_id() -> None:
    """To look a few runs up among many costs nothing of the others."""
    run = _Run("r2")

    assert not matches(parse('run_id = "r1" and params.a = 1'), run)
    assert run.asked == []


def _sorted(values: Sequence[Value], order: str) -> list[Value]:
    """Sort runs whose param x has these values, and give the values."""
    runs = [
        _Run(str(place), own_params={} if value == "gone" else {"x": value})
        for place, value in enumerate(values)
    ]
    found = select(runs, order=parse_order(order))
    return [values[int(info.run_id)] for info in found]


def test_order_ranks_kinds_and_puts_the_rest_last() -> None:
    """Numbers, text, bool; then whatever has no place, as it came."""
    values: list[Value] = [
        None,
        True,
        "b",
        2.5,
        math.nan,
        "a",
        [1],
        10,
        False,
        "gone",
        -math.inf,
    ]
    rest: list[Value] = [None, math.nan, [1], "gone"]

    rising = _sorted(values, "params.x")
    falling = _sorted(values, "-params.x")

    assert repr(rising) == repr([-math.inf, 2.5, 10, "a", "b", False, True, *rest])
    assert repr(falling) == repr([True, False, "b", "a", 10, 2.5, -math.inf, *rest])


@pytest.mark.parametrize("order", ["params.x", "-params.x"])
def test_order_keeps_ties_as_they_came(order: str) -> None:
    """An int and a float of one value are a tie."""
    assert repr(_sorted([1, 1.0, 1, 1.0], order)) == "[1, 1.0, 1, 1.0]"


def test_order_has_several_levels() -> None:
    """The first decides, the others break its ties."""
    runs = [
        _Run("a", status="FAILED", own_series={"x": _last(1.0)}),
        _Run("b", status="FINISHED", own_series={"x": _last(1.0)}),
        _Run("c", status="FAILED", own_series={"x": _last(3.0)}),
        _Run("d", status="FINISHED"),
    ]

    found = select(runs, order=parse_order("status desc, metrics.x, run_id"))

    assert [info.run_id for info in found] == ["b", "d", "a", "c"]


def test_order_takes_times_and_durations() -> None:
    """A run that never ended has neither end nor duration."""
    ends = [None, _NOON + timedelta(seconds=9), _NOON + timedelta(seconds=1)]
    runs = [_Run(str(n), started_at=_NOON, ended_at=end) for n, end in enumerate(ends)]

    rising = select(runs, order=parse_order("ended_at"))
    falling = select(runs, order=parse_order("-duration"))

    assert [info.run_id for info in rising] == ["2", "1", "0"]
    assert [info.run_id for info in falling] == ["1", "2", "0"]


@given(st.lists(st.none() | _operands()), st.booleans())
def test_order_is_one_whatever_came_first(
    values: list[Value],
    is_descending: bool,  # noqa: FBT001 - given by hypothesis
) -> None:
    """Sorting what is sorted changes nothing."""
    order = "-params.x" if is_descending else "params.x"

    once = _sorted(values, order)

    assert repr(_sorted(once, order)) == repr(once)


@pytest.mark.parametrize(
    ("limit", "ids"),
    [(None, ["3", "2", "1"]), (2, ["3", "2"]), (0, []), (9, ["3", "2", "1"])],
)
@pytest.mark.parametrize("order", ["", "-run_id"])
def test_limit_cuts_what_matched(limit: int | None, ids: list[str], order: str) -> None:
    """After choosing and sorting."""
    runs = [_Run("9", status="FAILED"), *(_Run(name) for name in "321")]
    chosen = parse("not status = 'FAILED'")

    found = select(runs, chosen, parse_order(order) if order else (), limit)

    assert [info.run_id for info in found] == ids


def test_select_reads_no_more_than_it_needs() -> None:
    """Without an order the first that match are enough."""
    runs = [_Run(str(number)) for number in range(3)]

    select(iter(runs), parse("run_id exists"), limit=2)

    assert [run.asked for run in runs] == [["info"], ["info"], []]


def test_select_gives_all_runs_by_default() -> None:
    """In the order in which they came."""
    runs = [_Run("b"), _Run("c"), _Run("a")]

    assert [info.run_id for info in select(runs)] == ["b", "c", "a"]
