"""The comparison of the contract sees types and bits."""

import itertools
import math

import pytest

from tracker_core.api import Capability
from tracker_core.datatypes import TrackerArtifact
from tracker_core.records import MetricsBody
from tracker_core.summaries import Summary
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.pen import Pen

_DIFFERENT: tuple[object, ...] = (
    *(1, 1.0, True, "1", None, "None", "null", 0, 0.0, -0.0, False),
    *(math.nan, math.inf, -math.inf, "nan", "", 2**53, 2.0**53),
    *([], {}, (), [1], (1,), {"1": 1}, {"1": 1.0}, [[1]], "x" * 500, "x" * 501),
)


def test_different_values_differ() -> None:
    """Also where Python calls them equal, and wherever they stand."""
    pairs = list(itertools.combinations(_DIFFERENT, 2))

    assert [pair for pair in pairs if exact(pair[0]) == exact(pair[1])] == []
    assert [pair for pair in pairs if exact([pair[0]]) == exact([pair[1]])] == []


@pytest.mark.parametrize("value", _DIFFERENT, ids=range(len(_DIFFERENT)))
def test_same_values_are_equal(value: object) -> None:
    """NaN too, and mappings whatever their order."""
    assert exact([value]) == exact([value])
    assert exact({"a": 1, "b": value}) == exact({"b": value, "a": 1})


def test_records_of_all_sorts_compare_by_their_fields() -> None:
    """Named tuples and data classes are looked into."""
    summary = Summary(1, 1, 1, 1, 1, 1.0, None, None)

    assert exact(summary) != exact(summary._replace(last=1.0))
    assert exact(TrackerArtifact("n", "p", {"a": 1})) != exact(
        TrackerArtifact("n", "p", {"a": True})
    )


def test_long_texts_are_shown_short() -> None:
    """A failed comparison stays readable."""
    assert len(str(exact("x" * 1_000_000))) < 100


def test_tracker_without_history_is_asked_for_last_values_alone() -> None:
    """What it does not declare is not compared."""

    class _LastOnly(MemoryTracker):
        capabilities: frozenset[Capability] = frozenset()

    batch = Pen("run").log(MetricsBody(0, {"": {"v": 1}}))
    full, last = MemoryTracker(), _LastOnly()
    full.write(batch)
    last.write(batch)

    assert answers(full, "run").keys() - answers(last, "run").keys() == {
        "series",
        "points",
    }
    assert answers(last, "run")["last"] == answers(full, "run")["last"]
