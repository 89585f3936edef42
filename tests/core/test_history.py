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
    ColumnsBody,
    CreatedBody,
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
    assert (history.provenance(), history.steps(), history.logs()) == ({}, [], [])
    assert (history.topics(), history.track_entries("t")) == ([], [])
    assert (history.param_history("p"), history.artifact_history("a")) == ([], [])
    assert (history.rows(""), history.rows("").total) == ([], 0)


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
            ColumnsBody("s", [5], {"v": [8]}),
            LogBody("info", "message", None),
            TrackBody("topic", 1.5, {"x": 9}),
            StepBody("step", "1", "RUNNING", None),
            SpanBody("trace", "span"),
            ProvenanceBody({"code": 10}),
        )
    )

    assert (history.metadata(), history.params()) == ({"m": 1}, {"p": 2})
    assert history.tags() == {"t": "3"}
    assert list(history.points("s/v").values) == [5, 8]
    assert [entry.message for entry in history.logs()] == ["message"]
    assert history.topics() == ["topic"]
    assert history.track_entries("topic") == [(1.5, {"x": 9})]
    assert [step.name for step in history.steps()] == ["step"]
    assert (history.info().trace_id, history.info().span_id) == ("trace", "span")
    assert history.provenance() == {"code": 10}
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

    assert history.points("a/b").values == ["first", "second"]
    assert [row.fields for row in history.rows("a")] == [
        {"b": "first"},
        {"b": "second"},
    ]


def test_answers_share_nothing_with_what_is_kept() -> None:
    """A reader that changes an answer changes nothing else."""
    deep: dict[str, Value] = {"list": [1]}
    pen = Pen("run")
    history = _history(
        pen.log(MetadataBody({"key": deep}), ParamsBody({"key": deep})),
        pen.log(ArtifactBody("a", "p", {"key": deep})),
        pen.log(MetricsBody(0, {"": {"v": deep}})),
        pen.log(LogBody("info", "m", {"key": deep}), TrackBody("t", 0.0, {"x": deep})),
        pen.log(ProvenanceBody({"key": deep}), StepBody("s", "1", "FAILED", deep)),
        pen.log(CreatedBody(experiment_config={"key": deep})),
    )

    def read() -> list[object]:
        described = [
            history.artifacts()["a"].metadata,
            history.artifact_history("a")[0].metadata,
            history.logs()[0].metadata,
            history.info().experiment_config,
        ]
        return [
            *(about["key"] for about in described if about),
            history.track_entries("t")[0].fields["x"],
            history.provenance()["key"],
            history.steps()[0].attempts[0].cause,
            history.param_history("key")[0].value,
            history.rows("")[0].fields["v"],
            history.metadata()["key"],
            history.params()["key"],
            history.series()["v"].last,
            history.series()["v"].first,
            history.points("v").values[0],
        ]

    for found in read():
        assert isinstance(found, dict)
        found["list"].append(2)

    assert read() == [{"list": [1]}] * 14


def test_windows_reach_beyond_the_end() -> None:
    """What is not there is left out, and the total stays."""
    history = _history(Pen("run").log(ColumnsBody("s", None, {"v": [0, 1, 2]})))

    found = [
        history.rows("s", start, limit) for start, limit in [(1, 9), (3, 1), (9, 0)]
    ]

    assert [[row.index for row in rows] for rows in found] == [[1, 2], [], []]
    assert [rows.total for rows in found] == [3, 3, 3]


def test_field_that_lacks_in_a_row_is_no_none() -> None:
    """None is a value that was logged."""
    pen = Pen("run")
    history = _history(
        pen.log(MetricsBody(0, {"s": {"a": None}})),
        pen.log(MetricsBody(1, {"s": {"b": 1}})),
    )

    assert [row.fields for row in history.rows("s")] == [{"a": None}, {"b": 1}]


def test_logs_are_chosen_by_all_that_is_asked_for() -> None:
    """Bounds are included, and the last ones are given."""
    pen = Pen("run")
    for at, level in enumerate(["info", "warn", "error", "warn"]):
        pen.log(LogBody(level, f"M{at}", None), at=at)
    history = _history(pen.batch(1, 4))

    def asked(**words: str | int) -> list[str]:
        return [entry.message for entry in history.logs(**words)]  # type: ignore[arg-type]  # its own arguments

    first, last = START_NS, START_NS + 2_000_000
    assert asked(start_ns=first, end_ns=last) == ["M0", "M1", "M2"]
    assert asked(start_ns=first + 1, end_ns=last - 1) == ["M1"]
    assert asked(level="warn", limit=2) == ["M2", "M3"]
    assert asked(text="m2") == ["M2"]
    assert asked(limit=0) == []


def test_zero_of_either_sign_is_one_moment() -> None:
    """Told as it was first said in the order of the run, whatever came first."""
    pen = Pen("run")
    first = pen.log(TrackBody("t", -0.0, {"x": 1}))
    second = pen.log(TrackBody("t", 0.0, {"y": 2}))

    told = [
        _history(*order).track_entries("t")
        for order in [(first, second), (second, first)]
    ]

    assert repr(told[0]) == repr(told[1])
    assert told[0] == [(0.0, {"x": 1, "y": 2})]


def test_span_keeps_what_a_later_word_leaves_out() -> None:
    """None, as everywhere in a life cycle, says nothing."""
    pen = Pen("run")

    history = _history(
        pen.log(SpanBody("t", "1"), SpanBody(None, "2"), SpanBody(None, None))
    )

    assert (history.info().trace_id, history.info().span_id) == ("t", "2")
    assert history.info().status is None


def test_artifact_is_told_with_its_content() -> None:
    """Digest, size, media type, kind and role are those of the record."""
    body = ArtifactBody("a", "d", {}, "d", 5, "text/plain", "note", "results")

    history = _history(Pen("run").log(body))

    told = TrackerArtifact("a", "d", {}, "d", 5, "text/plain", "note", "results")
    assert history.artifacts() == {"a": told}
    assert history.artifact_history("a") == [told]


def test_records_are_taken_once_whichever_batches_bring_them() -> None:
    """Appended kinds show it."""
    pen = Pen("run")
    pen.log(*(LogBody("info", str(n), None) for n in range(1, 5)))

    history = _history(pen.batch(2, 3), pen.batch(1, 4), pen.batch(3, 4))

    assert [entry.message for entry in history.logs()] == ["1", "2", "3", "4"]
