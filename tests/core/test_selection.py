"""Queries as callers give them: parsed once, and asked of each run."""

import pytest

from tracker_core.errors import InvalidValueError, QueryError
from tracker_core.expressions import parse, parse_order
from tracker_core.history import RunHistory
from tracker_core.records import CreatedBody, MetricsBody, ParamsBody, TagsBody
from tracker_core.selection import (
    Selection,
    TrackerFacts,
    select_runs,
    to_selection,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import Pen


def _history(run_id: str, value: int) -> RunHistory:
    history = RunHistory(run_id)
    history.add(Pen(run_id).log(ParamsBody({"x": value})))
    return history


def test_text_is_parsed_and_a_condition_is_kept() -> None:
    """Nothing means all runs, in their own order."""
    condition = parse("params.x > 1")

    assert to_selection(None, None) == Selection(None, ())
    assert to_selection("params.x > 1", "-params.x") == Selection(
        condition, parse_order("-params.x")
    )
    assert to_selection(condition, None).condition is condition


@pytest.mark.parametrize(("query", "order"), [("x <", None), (None, "x y"), ("", None)])
def test_what_means_nothing_is_a_query_error(
    query: str | None, order: str | None
) -> None:
    """Also when there is no run to ask."""
    with pytest.raises(QueryError):
        select_runs([], query, order)


def test_negative_limit_is_refused() -> None:
    """None is for all, 0 for none."""
    with pytest.raises(InvalidValueError, match="limit is -1"):
        to_selection(None, None, -1)
    assert select_runs([_history("a", 1)], limit=0) == []


def test_runs_are_chosen_sorted_and_cut() -> None:
    """In this order."""
    histories = [_history(str(value), value) for value in (3, 1, 2, 0)]

    found = select_runs(histories, "params.x > 0", "params.x", 2)

    assert [run.run_id for run in found] == ["1", "2"]


def test_facts_of_a_tracker_are_its_reads() -> None:
    """Each is asked of the one run that it is about."""
    tracker = MemoryTracker()
    tracker.write(Pen("run").log(CreatedBody("n"), ParamsBody({"p": 1})))
    tracker.write(Pen("run").log(TagsBody({"t": "x"}), MetricsBody(0, {"": {"v": 2}})))
    tracker.add_metadata("run", m=3)
    tracker.add_metadata("other", m=4)

    facts = TrackerFacts(tracker, tracker.run("run"))

    assert (facts.run_id, facts.info().name) == ("run", "n")
    assert (facts.params(), facts.tags()) == (
        {"p": 1},
        {"t": "x"},
    )
    assert (facts.metadata(), facts.series()["v"].last) == ({"m": 3}, 2)
