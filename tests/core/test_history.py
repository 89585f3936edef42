"""The model of what every tracker answers."""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.history import RunHistory
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    SourceBody,
    TagsBody,
    UnknownBody,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.machine import bodies
from tracker_core.testing.contract.pen import START_NS, Pen

if TYPE_CHECKING:
    from tracker_core.values import Value


def _history(*batches: Batch) -> RunHistory:
    history = RunHistory("run")
    for batch in batches:
        history.add(batch)
    return history


def _told(batches: Iterable[Batch]) -> dict[str, object]:
    tracker = MemoryTracker()
    for batch in batches:
        tracker.write(batch)
    return answers(tracker, "run")


def test_empty_history_has_nothing() -> None:
    """A run without records was made at no time."""
    history = RunHistory("run")

    assert (history.run_id, history.created_ns) == ("run", 0)
    assert (history.metadata(), history.params(), history.tags()) == ({}, {}, {})
    assert (history.artifacts(), history.sources(), history.series()) == ({}, [], {})


def test_history_keeps_every_kind() -> None:
    """Each record shows in the answer that it is for."""
    history = _history(
        Pen("run").log(
            MetadataBody({"m": 1}),
            ParamsBody({"p": 2}),
            TagsBody({"t": "3"}),
            MetricsBody(4, {"s": {"v": 5}}),
            ArtifactBody("a", "path", {"x": 6}),
            SourceBody("source", "label"),
            CreatedBody(name="name"),
            UnknownBody("hologram", {"x": 7}),
        )
    )

    assert (history.metadata(), history.params()) == ({"m": 1}, {"p": 2})
    assert history.tags() == {"t": "3"}
    assert history.series()["s/v"].last == 5
    assert history.artifacts() == {"a": TrackerArtifact("a", "path", {"x": 6})}
    assert history.sources() == [TrackerSource("source", "label")]
    assert history.info().name == "name"


@given(st.lists(st.lists(bodies(), min_size=1, max_size=2), min_size=1, max_size=4))
def test_answers_do_not_depend_on_arrival(said: list[list[Body]]) -> None:
    """Batches of two writers in any order tell the same run."""
    pens = (Pen("run", "a"), Pen("run", "b"))
    batches = [pens[n % 2].log(*found) for n, found in enumerate(said)]

    told = [_told(order) for order in itertools.permutations(batches)]

    assert all(answer == told[0] for answer in told)


def test_created_ns_is_the_earliest_time_of_any_record() -> None:
    """Also when that record comes later, and of an unknown kind."""
    late, early = Pen("run"), Pen("run")

    history = _history(
        late.log(CreatedBody(), at=9), early.log(UnknownBody("hologram", {}), at=2)
    )

    assert history.created_ns == START_NS + 2_000_000


def test_mappings_are_sorted() -> None:
    """By key, whatever order they were logged in."""
    values: dict[str, Value] = {"b": 1, "a": 2, "B": 3}
    pen = Pen("run")

    history = _history(
        pen.log(MetadataBody(values), ParamsBody(values), TagsBody({"b": "", "a": ""})),
        pen.log(ArtifactBody("b", "p", None), ArtifactBody("a", "p", None)),
        pen.log(MetricsBody(0, {"b": {"x": 1}, "": {"c": 1, "a": 1}})),
    )

    assert list(history.metadata()) == list(history.params()) == ["B", "a", "b"]
    assert list(history.tags()) == list(history.artifacts()) == ["a", "b"]
    assert list(history.series()) == ["a", "b/x", "c"]


def test_sources_are_sorted_and_given_once() -> None:
    """By source and label, those without one first."""
    edges = [("b", None), ("a", "y"), ("a", None), ("a", "x"), ("a", "y")]

    history = _history(Pen("run").log(*(SourceBody(*edge) for edge in edges)))

    assert history.sources() == [
        TrackerSource("a"),
        TrackerSource("a", "x"),
        TrackerSource("a", "y"),
        TrackerSource("b"),
    ]
    assert history.sources("y") == [TrackerSource("a", "y")]


@pytest.mark.parametrize(
    ("start", "limit", "found"),
    [(0, None, [0, 1, 2, 3]), (1, 2, [1, 2]), (3, 9, [3]), (9, 1, []), (0, 0, [])],
)
def test_points_are_cut_by_start_and_limit(
    start: int, limit: int | None, found: list[int]
) -> None:
    """Their indices are those in the whole series."""
    points = (MetricsBody(step, {"": {"v": step}}) for step in range(4))
    history = _history(Pen("run").log(*points))

    window = history.points("v", start, limit)

    assert [point.index for point in window] == list(window.values) == found


def test_unknown_series_has_no_points() -> None:
    """It is no error here."""
    assert list(_history().points("v")) == []


def test_rows_of_one_record_keep_their_order() -> None:
    """The same series twice in one record, as stream and as field, is two rows."""
    body = MetricsBody(0, {"a": {"b": "first"}, "": {"a/b": "second"}})

    history = _history(Pen("run").log(body))

    assert history.points("a/b").values == ("first", "second")


def test_answers_share_nothing_with_what_is_kept() -> None:
    """A reader that changes an answer changes nothing else."""
    deep: Value = {"list": [1]}
    pen = Pen("run")
    history = _history(
        pen.log(MetadataBody({"key": deep}), ParamsBody({"key": deep})),
        pen.log(ArtifactBody("a", "p", {"key": deep})),
        pen.log(MetricsBody(0, {"": {"v": deep}})),
    )

    def read() -> list[object]:
        about = history.artifacts()["a"].metadata
        assert about is not None
        return [
            history.metadata()["key"],
            history.params()["key"],
            about["key"],
            history.series()["v"].last,
            history.series()["v"].first,
            history.points("v").values[0],
        ]

    for found in read():
        assert isinstance(found, dict)
        found["list"].append(2)

    assert read() == [deep] * 6 == [{"list": [1]}] * 6
