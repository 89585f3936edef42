"""Eight calls made to take records: what is kept where, and what is counted."""

import gc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from tracker_core.contents import content_of_bytes
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import ConfigError, NotSupportedError, RunNotFoundError
from tracker_core.plain import PlainTracker, native
from tracker_core.records import (
    ArtifactBody,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
)
from tracker_core.runs import to_datetime
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import START_NS, Pen

if TYPE_CHECKING:
    from tracker_core.values import Value

_CONTENT = content_of_bytes(b"abc")


class _Eight:
    """The eight calls on dictionaries; it keeps what comes as it comes."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, object]] = {}
        self.files: dict[str, dict[str, TrackerArtifact]] = {}
        self.edges: dict[str, list[TrackerSource]] = {}
        self.closed = 0

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        self.kept.setdefault(run_id, {}).update(kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        return self.kept.get(run_id, {})

    def add_artifact(self, run_id: str, name: str, path: str, metadata: Any) -> None:  # noqa: ANN401 - foreign code
        self.files.setdefault(run_id, {})[name] = TrackerArtifact(name, path, metadata)

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        return self.files.get(run_id, {})

    def add_source(self, run_id: str, source_id: str, artifact_name: Any) -> None:  # noqa: ANN401 - foreign code
        edge = TrackerSource(source_id, artifact_name)
        self.edges.setdefault(run_id, []).append(edge)

    def sources(self, run_id: str) -> list[TrackerSource]:
        return self.edges.get(run_id, [])

    def lineage(self, run_id: str) -> object:
        raise NotImplementedError

    def run_ids(self) -> list[str]:
        return [*{**self.kept, **self.files, **self.edges}]

    def close(self) -> None:
        self.closed += 1


class _Refusing:
    """Has all calls and implements none, as an unfinished backend does."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or name == "close":
            raise AttributeError(name)
        return self._refuse

    def _refuse(self, *_: object, **__: object) -> None:
        raise NotImplementedError


def _written(*said: Body) -> tuple[_Eight, PlainTracker]:
    raw = _Eight()
    tracker = PlainTracker(raw)
    tracker.write(Pen("run").log(*said))
    return raw, tracker


def test_object_without_the_eight_calls_is_no_tracker() -> None:
    """The error names the calls that are missing, and what to do."""

    class _Half:
        add_metadata = metadata = run_ids = lineage = print
        sources = None

    missing = "it lacks add_artifact, add_source, artifacts, sources; derive it"
    with pytest.raises(ConfigError, match=f"_Half is no tracker: {missing}"):
        PlainTracker(_Half())


def test_records_with_a_call_go_to_it() -> None:
    """Metadata, artifacts and sources arrive as the eight calls have them."""
    raw, _ = _written(
        MetadataBody({"m": 1}), ArtifactBody("a", "p", None), SourceBody("s", "l")
    )

    assert raw.kept == {"run": {"m": 1}}
    assert raw.files == {"run": {"a": TrackerArtifact("a", "p")}}
    assert raw.edges == {"run": [TrackerSource("s", "l")]}


def test_records_without_a_call_become_metadata() -> None:
    """Under the reserved prefix, where the raw tracker shows them."""
    raw, _ = _written(
        ParamsBody({"lr": 0.1}),
        TagsBody({"device": "cpu"}),
        MetricsBody(3, {"train": {"loss": 0.5}, "": {"n": 1}}),
    )

    assert raw.kept["run"] == {
        "tracker.params.lr": 0.1,
        "tracker.tags.device": "cpu",
        "tracker.metrics.train/loss": 0.5,
        "tracker.metrics.n": 1,
    }


def test_life_cycle_becomes_metadata() -> None:
    """Identity and status, with their times."""
    cause = {"kind": "exit_code", "exit_code": 3}
    raw, tracker = _written(
        CreatedBody("name", experiment="exp"),
        StartedBody("job"),
        EndedBody("job", "FAILED", {"kind": "exit_code", "exit_code": 3}),
    )

    info = tracker.run("run")

    assert raw.kept["run"]["tracker.status"] == "FAILED"
    assert (info.name, info.experiment) == ("name", "exp")
    assert (info.group_id, info.parent_run_id) == (None, None)
    assert (info.status, info.cause) == ("FAILED", cause)
    assert info.created_at == to_datetime(START_NS + 1_000_000)
    assert info.started_at == to_datetime(START_NS + 2_000_000)
    assert info.ended_at == to_datetime(START_NS + 3_000_000)


def test_end_without_a_cause_forgets_an_earlier_one() -> None:
    """A run that failed first and finished then has nothing to explain."""
    _, tracker = _written(
        EndedBody("job", "FAILED", {"kind": "lost"}), EndedBody("job", "FINISHED", None)
    )

    assert (tracker.run("run").status, tracker.run("run").cause) == ("FINISHED", None)


def test_reserved_keys_are_hidden_from_metadata() -> None:
    """The wrapper gives what the user logged, sorted."""
    _, tracker = _written(
        MetadataBody({"b": 1}), ParamsBody({"lr": 2}), MetadataBody({"a": 3})
    )

    assert list(tracker.metadata("run").items()) == [("a", 3), ("b", 1)]


def test_params_tags_and_last_values_read_back() -> None:
    """Sorted by key, without the prefix; a summary has its last value alone."""
    _, tracker = _written(
        ParamsBody({"b": 1, "a": 2}),
        TagsBody({"b": "x", "a": "y"}),
        MetricsBody(0, {"b": {"v": 1}, "a": {"v": 2}}),
    )

    series = tracker.series("run")

    assert list(tracker.params("run").items()) == [("a", 2), ("b", 1)]
    assert list(tracker.tags("run").items()) == [("a", "y"), ("b", "x")]
    assert list(series) == ["a/v", "b/v"]
    assert (series["a/v"].last, series["a/v"].count, series["a/v"].mean) == (
        2,
        None,
        None,
    )


def test_sources_are_sorted_filtered_and_given_once() -> None:
    """Whatever the tracker repeats, and whichever filter it knows."""
    _, tracker = _written(
        SourceBody("b", None),
        SourceBody("a", "x"),
        SourceBody("b", None),
        SourceBody("a", None),
    )

    assert list(tracker.sources("run")) == [
        TrackerSource("a"),
        TrackerSource("a", "x"),
        TrackerSource("b"),
    ]
    assert list(tracker.sources("run", "x")) == [TrackerSource("a", "x")]


def test_points_are_refused() -> None:
    """Eight calls cannot hold a history; the error names series and run."""
    _, tracker = _written(MetricsBody(0, {"": {"v": 1}}))

    with pytest.raises(NotSupportedError, match="'v' of run 'run'"):
        tracker.points("run", "v")


_REFUSED: dict[str, tuple[Callable[[PlainTracker], object], str]] = {
    "rows": (lambda t: t.rows("run", "s"), "the last values of 's' of run 'run'"),
    "param history": (lambda t: t.param_history("run", "lr"), "'lr' of run 'run'"),
    "steps": (lambda t: t.steps("run"), "no steps of run 'run'"),
    "logs": (lambda t: t.logs("run"), "no logs of run 'run'"),
    "topics": (lambda t: t.topics("run"), "no tracks of run 'run'"),
    "entries": (lambda t: t.track_entries("run", "t"), "no tracks of run 'run'"),
    "add content": (lambda t: t.add_content(_CONTENT), _CONTENT.digest),
    "open content": (lambda t: t.open_content(_CONTENT.digest), _CONTENT.digest),
}


@pytest.mark.parametrize("read", _REFUSED)
def test_what_cannot_be_held_is_refused(read: str) -> None:
    """The error says what is held instead, and where to look."""
    _, tracker = _written(MetadataBody({"a": 1}))
    call, message = _REFUSED[read]

    with pytest.raises(NotSupportedError, match=message):
        call(tracker)


@pytest.mark.parametrize("read", ["run", "params", "tags", "series", "provenance"])
def test_unknown_run_is_an_error_to_typed_reads(read: str) -> None:
    """Also beside another run."""
    _, tracker = _written(MetadataBody({"a": 1}))

    with pytest.raises(RunNotFoundError):
        getattr(tracker, read)("other")


@pytest.mark.parametrize(
    "body",
    [MetadataBody({"a": 1}), ArtifactBody("a", "p", None), SourceBody("s", None)],
    ids=["metadata", "artifact", "source"],
)
def test_any_record_makes_the_run_known(body: Body) -> None:
    """A run without a life cycle has neither status nor times."""
    _, tracker = _written(body)

    info = tracker.run("run")

    assert (info.status, info.created_at, info.attempts) == (None, None, ())


def test_run_without_data_is_known_when_it_is_listed() -> None:
    """The tracker's own word counts."""
    raw = _Eight()
    raw.kept["run"] = {}

    assert PlainTracker(raw).run("run").run_id == "run"


def test_runs_come_newest_first_and_those_without_a_time_last() -> None:
    """Runs of one time, or of none, by id, descending."""
    raw = _Eight()
    tracker = PlainTracker(raw)
    for run_id, at in [("old", 1), ("new", 9), ("b", 5), ("a", 5)]:
        tracker.write(Pen(run_id).log(CreatedBody(), at=at))
    for run_id in ("x", "z"):
        raw.add_metadata(run_id, key=1)

    found = [run.run_id for run in tracker.runs()]

    assert found == ["new", "b", "a", "old", "z", "x"]
    assert [run.run_id for run in tracker.runs(limit=2)] == ["new", "b"]


def test_history_of_a_series_is_counted_as_degraded() -> None:
    """Each value is, as only the last one stays."""
    _, tracker = _written(
        MetricsBody(0, {"": {"v": 1, "w": 2}}), MetricsBody(1, {"": {"v": 1}})
    )

    assert tracker.degraded == {"metrics": 3}


def test_columns_leave_their_last_values() -> None:
    """All the values count as degraded, as those of single points do."""
    raw, tracker = _written(ColumnsBody("s", None, {"v": [1, 2, 3], "w": [4, 5, None]}))

    assert raw.kept["run"] == {"tracker.metrics.s/v": 3, "tracker.metrics.s/w": None}
    assert tracker.degraded == {"metrics": 6}


def test_provenance_span_and_config_become_metadata() -> None:
    """What a span leaves out replaces nothing."""
    raw, tracker = _written(
        ProvenanceBody({"code": {"commit": "abc"}}),
        CreatedBody(experiment_config={"lr": [1]}),
        SpanBody("trace", "1"),
        SpanBody(None, "2"),
    )

    info = tracker.run("run")

    assert raw.kept["run"]["tracker.provenance.code"] == {"commit": "abc"}
    assert dict(tracker.provenance("run")) == {"code": {"commit": "abc"}}
    assert (info.trace_id, info.span_id) == ("trace", "2")
    assert info.experiment_config == {"lr": [1]}
    assert dict(tracker.metadata("run")) == {}


def test_artifact_with_content_is_recorded_by_its_digest() -> None:
    """What is known of it is hidden in its metadata; that content lacks is counted."""
    about: dict[str, Value] = {"epoch": 3}
    digest = _CONTENT.digest
    body = ArtifactBody("a", digest, about, digest, 3, "text/plain", "note", "program")
    raw, tracker = _written(body)

    assert raw.files["run"]["a"].path == digest
    assert raw.files["run"]["a"].metadata == {
        "epoch": 3,
        "tracker.artifact": {
            "digest": digest,
            "size_bytes": 3,
            "media_type": "text/plain",
            "kind": "note",
            "role": "program",
            "has_metadata": True,
        },
    }
    assert tracker.artifacts("run")["a"] == TrackerArtifact(
        "a", digest, about, digest, 3, "text/plain", "note", "program"
    )
    assert tracker.degraded == {"content": 1}


@pytest.mark.parametrize("hidden", [None, 5, {}, {"digest": "other"}])
def test_metadata_that_only_looks_hidden_is_shown(hidden: "Value") -> None:
    """A foreign tracker may hold what it likes under that key."""
    raw = _Eight()
    raw.add_artifact("run", "a", "p", {"tracker.artifact": hidden, "x": 1})

    found = PlainTracker(raw).artifacts("run")["a"]

    assert found == TrackerArtifact("a", "p", {"tracker.artifact": hidden, "x": 1})


def test_artifact_history_is_the_newest_alone() -> None:
    """Eight calls hold no more."""
    _, tracker = _written(ArtifactBody("a", "1", None), ArtifactBody("a", "2", None))

    assert tracker.artifact_history("run", "a") == [TrackerArtifact("a", "2")]
    assert tracker.artifact_history("run", "b") == []


def test_messages_tracks_and_steps_are_counted_as_degraded() -> None:
    """Each by its kind; the run is known all the same if something else was said."""
    raw, tracker = _written(
        LogBody("info", "m", None),
        LogBody("info", "m", None),
        TrackBody("t", 1.0, {"x": 1}),
        StepBody("s", "1", "RUNNING", None),
    )

    assert tracker.degraded == {"log": 2, "track": 1, "step": 1}
    assert raw.kept == {}


def test_runs_are_chosen_by_what_the_eight_calls_hold() -> None:
    """Params, tags, metadata, last values and the life cycle."""
    raw = _Eight()
    tracker = PlainTracker(raw)
    tracker.write(
        Pen("a").log(ParamsBody({"lr": 1}), MetricsBody(0, {"": {"loss": 0.5}}))
    )
    tracker.write(Pen("b").log(TagsBody({"t": "x"}), MetadataBody({"m": 2})))

    def ids(query: str) -> list[str]:
        return [run.run_id for run in tracker.runs(query)]

    assert ids("params.lr = 1 and metrics.loss < 1") == ["a"]
    assert ids('tags.t = "x" and metadata.m = 2') == ["b"]
    assert ids("metrics.loss.count exists") == []


def test_records_are_not_shared_with_the_tracker() -> None:
    """A tracker that changes what it was given changes no other backend's record."""
    deep: dict[str, Value] = {"list": [1]}
    raw, _ = _written(
        MetadataBody({"m": deep}), ParamsBody({"p": deep}), ArtifactBody("a", "p", deep)
    )

    for kept in (raw.kept["run"]["m"], raw.files["run"]["a"].metadata):
        assert isinstance(kept, dict)
        kept["list"].append(2)

    assert deep == {"list": [1]}


def test_what_cannot_be_held_is_counted_by_kind() -> None:
    """A call that is not implemented is no failure."""
    tracker = PlainTracker(_Refusing())

    tracker.write(
        Pen("run").log(
            MetadataBody({"a": 1}),
            ArtifactBody("a", "p", None),
            SourceBody("s", None),
            ParamsBody({"a": 1}),
            UnknownBody("hologram", {}),
        )
    )

    assert tracker.degraded == dict.fromkeys(
        ("metadata", "artifact", "source", "params", "hologram"), 1
    )


def test_reads_of_a_tracker_that_implements_none_are_empty() -> None:
    """It holds nothing, and no run is known."""
    tracker = PlainTracker(_Refusing())

    assert (dict(tracker.metadata("run")), dict(tracker.artifacts("run"))) == ({}, {})
    assert (list(tracker.sources("run")), list(tracker.runs())) == ([], [])
    with pytest.raises(RunNotFoundError):
        tracker.run("run")


def test_failure_of_a_call_is_raised() -> None:
    """Only NotImplementedError means that the tracker cannot hold it."""

    class _Failing(_Eight):
        def add_metadata(self, run_id: str, **kwargs: object) -> None:
            message = f"no place for {kwargs} of {run_id}"
            raise OSError(message)

    tracker = PlainTracker(_Failing())

    with pytest.raises(OSError, match="no place"):
        tracker.write(Pen("run").log(MetadataBody({"a": 1})))
    assert tracker.degraded == {}


def test_close_closes_what_can_be_closed() -> None:
    """A tracker without ``close`` needs none."""
    raw = _Eight()

    PlainTracker(raw).close()
    PlainTracker(_Refusing()).close()

    assert raw.closed == 1


def test_plain_tracker_declares_no_capability() -> None:
    """Eight calls promise none of them."""
    assert PlainTracker(_Eight()).capabilities == frozenset()


def test_native_tracker_is_not_wrapped() -> None:
    """It comes back as it is."""
    tracker = MemoryTracker()

    assert native(tracker) is tracker


def test_one_object_has_one_wrapper_while_it_is_in_use() -> None:
    """So that calls to it can take turns, whichever runs they come from."""
    raw, other = _Eight(), _Eight()

    wrapper = native(raw)

    assert native(raw) is wrapper
    assert native(other) is not wrapper


def test_wrapper_is_forgotten_with_its_last_user() -> None:
    """Nothing is kept alive, and what comes later is wrapped anew."""
    raw = _Eight()
    wrapper = native(raw)
    assert isinstance(wrapper, PlainTracker)
    wrapper.degraded["x"] = 1

    del wrapper
    gc.collect()
    again = native(raw)

    assert isinstance(again, PlainTracker)
    assert again.degraded == {}


def test_what_is_no_tracker_is_refused() -> None:
    """At the moment of wrapping."""
    with pytest.raises(ConfigError, match="object is no tracker"):
        native(object())


def test_plain_tracker_tells_what_a_run_has_come_to() -> None:
    """As one batch of one writer, which is another when there is something new."""
    tracker, pen = PlainTracker(_Eight()), Pen("r")
    tracker.write(pen.log(CreatedBody("n"), ParamsBody({"p": 1}), at=1))

    (first,), (same,) = tracker.batches("r"), tracker.batches("r")
    tracker.write(pen.log(StartedBody("job"), at=2))
    (other,) = tracker.batches("r")

    assert [record.body for record in first.records] == [
        CreatedBody("n"),
        ParamsBody({"p": 1}),
    ]
    assert first.records[0].time_ns == (START_NS + 1_000_000) // 1000 * 1000
    assert same[:4] == first[:4]
    assert other.writer != first.writer
    assert other.records[1].body == StartedBody("launcher")


def test_plain_tracker_tells_nothing_of_an_unknown_run() -> None:
    """As the typed reads."""
    with pytest.raises(RunNotFoundError):
        PlainTracker(_Eight()).batches("r")
