"""Choosing and sorting runs, by any tracker: the answer is the same everywhere."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.errors import InvalidValueError, QueryError
from tracker_core.expressions import parse
from tracker_core.filters import FilterOp, ParamFilter
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
    TagsBody,
)
from tracker_core.runs import RunInfo
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen
from tracker_core.values import Value

if TYPE_CHECKING:
    from tracker_core.records import Body

__all__ = ["Queries"]

# The value of the param x of each run; the run "missing" has none.
_PARAMS: dict[str, Value] = {
    "int": 3,
    "float": 3.0,
    "half": 0.5,
    "nan": math.nan,
    "large": 2**63,
    "larger": 2**63 + 1,
    "bool": True,
    "text": "adam",
    "longer": "adamw",
    "upper": "ADAM",
    "number as text": "3",
    "null": None,
    "list": [3],
    "mapping": {"a": 3},
}
_OPERATORS: list[tuple[FilterOp, str | int | float | bool, set[str]]] = [
    (FilterOp.EQ, 3, {"int", "float"}),
    (FilterOp.EQ, 3.0, {"int", "float"}),
    (FilterOp.EQ, "3", {"number as text"}),
    (FilterOp.EQ, True, {"bool"}),
    (FilterOp.EQ, 2**63, {"large"}),
    (FilterOp.EQ, 2.0**63, {"large"}),
    (FilterOp.EQ, math.nan, set()),
    (FilterOp.NE, 3, {"half", "nan", "large", "larger"}),
    (FilterOp.NE, "adam", {"longer", "upper", "number as text"}),
    (FilterOp.NE, False, {"bool"}),
    (FilterOp.GT, 3, {"large", "larger"}),
    (FilterOp.GT, 2**63, {"larger"}),
    (FilterOp.GT, "adam", {"longer"}),
    (FilterOp.LT, 3.5, {"int", "float", "half"}),
    (FilterOp.LT, "adam", {"upper", "number as text"}),
    (FilterOp.LT, True, set()),
    (FilterOp.GTE, 3, {"int", "float", "large", "larger"}),
    (FilterOp.LTE, 3, {"int", "float", "half"}),
    (FilterOp.LTE, math.inf, {"int", "float", "half", "large", "larger"}),
    (FilterOp.CONTAINS, "dam", {"text", "longer"}),
    (FilterOp.CONTAINS, "", {"text", "longer", "upper", "number as text"}),
    (FilterOp.CONTAINS, 3, set()),
    (FilterOp.STARTS_WITH, "adam", {"text", "longer"}),
    (FilterOp.STARTS_WITH, "%", set()),
]
_QUERIES = {
    'params.x exists and experiment = "b"': ["three", "one"],
    "params.x > 1": ["three", "two"],
    "not params.x > 1": ["four", "one"],
    'tags.device = "cpu" or metadata.note = 7': ["two", "one"],
    "metrics.loss < 0.5": ["two"],
    "metrics.loss.last >= 0.5": ["one"],
    'status = "failed"': ["two"],
    'status in ("RUNNING", "PENDING")': ["four", "three", "one"],
    'group_id = "g" and not parent_run_id exists': ["four", "two"],
    'name matches "^t"': ["three", "two"],
    'run_id in ("one", "four", "nobody")': ["four", "one"],
    "duration >= 0.002": ["two"],
    'created_at < "2000-01-01"': [],
    'params.x = "1"': [],
    "metrics.other exists": [],
}
_ORDERS = {
    "params.x": ["one", "two", "three", "four"],
    "-params.x": ["three", "two", "one", "four"],
    "params.x desc": ["three", "two", "one", "four"],
    "metrics.loss": ["two", "one", "four", "three"],
    "name": ["four", "one", "three", "two"],
    "experiment, params.x desc": ["two", "three", "one", "four"],
    "-status": ["three", "four", "one", "two"],
    "started_at": ["three", "two", "four", "one"],
    "created_at": ["one", "two", "three", "four"],
}


class Queries(ContractFixtures):
    """What ``runs`` with a query, ``filter_runs`` and orders promise."""

    def test_query_chooses_runs(self, tracker: NativeTracker) -> None:
        """By what they logged and what they are, the newest first."""
        _write_four(tracker)

        found = {query: _ids(tracker.runs(query)) for query in _QUERIES}

        assert found == _QUERIES

    def test_query_may_be_text_or_a_condition(self, tracker: NativeTracker) -> None:
        """Both mean the same; without one all runs are meant."""
        _write_four(tracker)

        assert _ids(tracker.runs(parse("params.x > 1"))) == ["three", "two"]
        assert _ids(tracker.runs(None)) == ["four", "three", "two", "one"]

    def test_order_sorts_runs(self, tracker: NativeTracker) -> None:
        """Those without the field come last; of equal ones the newest first."""
        _write_four(tracker)

        found = {order: _ids(tracker.runs(order_by=order)) for order in _ORDERS}

        assert found == _ORDERS

    def test_limit_counts_the_runs_that_match_in_their_order(
        self, tracker: NativeTracker
    ) -> None:
        """It cuts last, after the query and the order."""
        _write_four(tracker)

        found = {
            (query, order, limit): _ids(tracker.runs(query, order, limit))
            for query, order, limit in [
                ("params.x exists", None, 2),
                ("params.x exists", "params.x", 1),
                (None, "params.x", 3),
                ("params.x = 9", None, 2),
                (None, "params.x", 0),
            ]
        }

        assert [*found.values()] == [
            ["three", "two"],
            ["one"],
            ["one", "two", "three"],
            [],
            [],
        ]

    def test_filter_compares_values_of_one_kind_alone(
        self, tracker: NativeTracker
    ) -> None:
        """Int and float are numbers; bool, text, lists, None, gaps never match them."""
        for run_id, param in _PARAMS.items():
            tracker.write(Pen(run_id).log(ParamsBody({"x": param, "y": 3})))
        tracker.write(Pen("missing").log(ParamsBody({"X": 3})))

        found = []
        for op, value, _ in _OPERATORS:
            runs = tracker.filter_runs(None, [ParamFilter("x", op, value)])
            found.append((op, value, set(_ids(runs))))

        assert found == _OPERATORS

    def test_filters_are_all_asked_for(self, tracker: NativeTracker) -> None:
        """Within one experiment, or over all; no filters let every run pass."""
        _write_four(tracker)
        above, below = (
            ParamFilter("x", FilterOp.GTE, 1),
            ParamFilter("x", FilterOp.LT, 3),
        )

        assert _ids(tracker.filter_runs(None, [above, below])) == ["two", "one"]
        assert _ids(tracker.filter_runs("b", [above, below])) == ["one"]
        assert _ids(tracker.filter_runs("b", [])) == ["three", "one"]
        assert _ids(tracker.filter_runs("B", [])) == []
        assert len(tracker.filter_runs(None, [])) == 4

    def test_query_sees_the_last_value(self, tracker: NativeTracker) -> None:
        """What a param, a tag or a status was before does not match."""
        pen = Pen("run")
        tracker.write(pen.log(ParamsBody({"x": 1}), TagsBody({"t": "old"})))
        tracker.write(pen.log(StartedBody("job"), EndedBody("job", "FAILED", None)))
        tracker.write(pen.log(ParamsBody({"x": "1"}), TagsBody({"t": "new"})))

        assert _ids(tracker.runs("params.x = 1")) == []
        assert _ids(tracker.runs('tags.t = "old" or status = "running"')) == []
        assert _ids(tracker.runs('params.x = "1" and tags.t = "new"')) == ["run"]

    def test_query_sees_the_summary_of_a_series(
        self, history_tracker: NativeTracker
    ) -> None:
        """Each of its parts, where history is kept; the abandoned does not count."""
        one, two = Pen("run", attempt=1), Pen("run", attempt=2)
        for step, value in enumerate([1.0, -9.0, 9.0]):
            history_tracker.write(one.log(MetricsBody(step, {"s": {"v": value}})))
        history_tracker.write(two.log(MetricsBody(1, {"s": {"v": 3.0}})))

        found = [
            _ids(history_tracker.runs(query))
            for query in (
                "metrics.s/v.count = 2 and metrics.s/v.mean = 2",
                "metrics.s/v.first = 1 and metrics.s/v.last = 3",
                "metrics.s/v.min = 1 and metrics.s/v.min_step = 0",
                "metrics.s/v.max = 3 and metrics.s/v.max_step = 1",
                "metrics.s/v.min < 0 or metrics.s/v.max > 3",
            )
        ]

        assert found == [["run"], ["run"], ["run"], ["run"], []]

    @pytest.mark.parametrize("text", ["params.x <", "colour = 1", "status = 'gone'"])
    def test_query_that_means_nothing_is_refused(
        self, tracker: NativeTracker, text: str
    ) -> None:
        """Also where there is no run that it could choose."""
        with pytest.raises(QueryError):
            tracker.runs(text)

    def test_order_that_means_nothing_is_refused(self, tracker: NativeTracker) -> None:
        """It is a query error too."""
        with pytest.raises(QueryError):
            tracker.runs(order_by="params.x sideways")

    def test_negative_limit_is_refused(self, tracker: NativeTracker) -> None:
        """None is for all."""
        with pytest.raises(InvalidValueError, match="-1"):
            tracker.runs(limit=-1)


def _ids(runs: Sequence[RunInfo]) -> list[str]:
    return [run.run_id for run in runs]


def _write_four(tracker: NativeTracker) -> None:
    """Write four runs, each a millisecond after the one before."""
    said: dict[str, list[Body]] = {
        "one": [
            CreatedBody("one", "b", parent_run_id="zero"),
            ParamsBody({"x": 1}),
            TagsBody({"device": "cpu"}),
            MetricsBody(0, {"": {"loss": 0.5}}),
        ],
        "two": [
            CreatedBody("two", "a", "g"),
            ParamsBody({"x": 2.5}),
            MetadataBody({"note": 7}),
            MetricsBody(0, {"": {"loss": 0.25}}),
            StartedBody("job"),
            TagsBody({}),
            EndedBody("job", "FAILED", None),
        ],
        "three": [
            CreatedBody("three", "b"),
            StartedBody("job"),
            ParamsBody({"x": 3}),
        ],
        "four": [CreatedBody("four", group_id="g"), MetadataBody({"note": "7"})],
    }
    for at, (run_id, bodies) in enumerate(said.items()):
        pen = Pen(run_id)
        tracker.write(pen.log(bodies[0], at=at))
        tracker.write(pen.log(*bodies[1:]))
