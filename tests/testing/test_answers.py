"""The comparison of the contract sees types and bits."""

import itertools
import math

import pytest

from tracker_core.api import Capability
from tracker_core.datatypes import TrackerArtifact
from tracker_core.records import (
    ArtifactBody,
    Body,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    SourceBody,
    SpanBody,
    StepBody,
    TagsBody,
    TrackBody,
)
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


def test_answers_tell_all_that_was_logged() -> None:
    """Each kind of record shows in the answer that it is for."""
    said: dict[str, Body] = {
        "run": SpanBody(None, "x"),
        "metadata": MetadataBody({"x": 1}),
        "params": ParamsBody({"x": 1}),
        "tags": TagsBody({"x": "1"}),
        "provenance": ProvenanceBody({"x": 1}),
        "artifacts": ArtifactBody("x", "p", None),
        "sources": SourceBody("x", None),
        "points": MetricsBody(0, {"": {"x": 1}}),
        "steps": StepBody("x", "1", "RUNNING", None),
        "logs": LogBody("info", "x", None),
        "tracks": TrackBody("x", 1.0, {}),
    }
    empty = _answers(MetadataBody({}))

    changed = {
        name: {key for key, told in _answers(body).items() if told != empty[key]}
        for name, body in said.items()
    }

    assert all(name in keys for name, keys in changed.items())
    assert changed["points"] == {"points", "last", "series", "rows", "abandoned"}
    assert changed["params"] == {"params", "param history"}
    assert changed["artifacts"] == {"artifacts", "artifact history"}


def test_tracker_without_history_is_asked_for_last_values_alone() -> None:
    """What it does not declare is not compared."""

    class _LastOnly(MemoryTracker):
        capabilities: frozenset[Capability] = frozenset()

    batch = Pen("run").log(MetricsBody(0, {"": {"v": 1}}))
    full, last = MemoryTracker(), _LastOnly()
    full.write(batch)
    last.write(batch)

    told = answers(last, "run")
    left_out = answers(full, "run").keys() - told.keys()

    assert {"series", "points", "rows", "logs", "tracks", "steps"} <= left_out
    assert not left_out & {"run", "params", "tags", "artifacts", "last"}
    assert told["last"] == answers(full, "run")["last"]


def _answers(body: Body) -> dict[str, object]:
    tracker = MemoryTracker()
    tracker.write(Pen("run").log(body))
    return answers(tracker, "run")
