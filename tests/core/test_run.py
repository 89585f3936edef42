"""The run as the code of a job sees it, on trackers that it was given."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from tracker_core import AppRun, Lineage, TrackerArtifact, TrackerBase, TrackerSource
from tracker_core.errors import (
    ArtifactNotFoundError,
    ConfigError,
    InvalidValueError,
    KeyConflictError,
    NotSupportedError,
    RetryableError,
    RunEndedError,
    UnsupportedTypeError,
)
from tracker_core.testing import FaultyTracker, MemoryTracker


class Torchx(TrackerBase):
    """A tracker as torchx's own tests have one: no defaults, and live answers."""

    def __init__(self) -> None:
        """Begin empty."""
        self._metadata: dict[str, dict[str, object]] = {}
        self._artifacts: dict[str, dict[str, TrackerArtifact]] = {}
        self._sources: dict[str, list[TrackerSource]] = {}

    def add_artifact(  # type: ignore[override]  # without a default, on purpose
        self, run_id: str, name: str, path: str, metadata: Mapping[str, object] | None
    ) -> None:
        """Keep a reference."""
        artifact = TrackerArtifact(name, path, metadata)
        self._artifacts.setdefault(run_id, {})[name] = artifact

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Give the live mapping."""
        return self._artifacts.setdefault(run_id, {})

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        """Keep values."""
        self._metadata.setdefault(run_id, {}).update(kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        """Give the live mapping."""
        return self._metadata.setdefault(run_id, {})

    def add_source(  # type: ignore[override]  # without a default, on purpose
        self, run_id: str, source_id: str, artifact_name: str | None
    ) -> None:
        """Keep an edge."""
        source = TrackerSource(source_id, artifact_name)
        self._sources.setdefault(run_id, []).append(source)

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Iterable[TrackerSource]:
        """Give the edges, once."""
        del artifact_name
        return iter(self._sources.get(run_id, []))

    def lineage(self, run_id: str) -> Lineage:
        """Give nothing."""
        raise NotImplementedError

    def run_ids(self, **kwargs: str | None) -> Iterable[str]:
        """Give the runs that have metadata."""
        del kwargs
        return iter(self._metadata)


BOTH = pytest.mark.parametrize("make", [Torchx, MemoryTracker])


def test_run_has_the_id_that_it_was_given() -> None:
    """Torchx's name for it works too."""
    run = AppRun("scheduler://session/app", [])

    assert run.id == run.run_id == run.job_id() == "scheduler://session/app"
    assert run.status is None


def test_run_has_a_name_for_people() -> None:
    """The one that was given, else the one that goes with the id."""
    named, bare, same = AppRun("r", [], name="n"), AppRun("r", []), AppRun("r", [])

    assert named.name == "n"
    assert bare.name == same.name != "r"


@pytest.mark.parametrize("run_id", ["", "a\udcff"])
def test_run_with_an_unusable_id_is_refused(run_id: str) -> None:
    """An id is non-empty text that can be encoded."""
    with pytest.raises(InvalidValueError, match="run id"):
        AppRun(run_id, [])


@pytest.mark.parametrize("run_id", [None, 1, b"r"])
def test_run_with_an_id_that_is_no_text_is_refused(run_id: object) -> None:
    """The message names the type."""
    with pytest.raises(UnsupportedTypeError, match="run id has the type"):
        AppRun(cast("str", run_id), [])


def test_run_on_something_that_is_no_tracker_is_refused() -> None:
    """The message says what is missing."""
    with pytest.raises(ConfigError, match="object is no tracker: it lacks"):
        AppRun("r", [cast("TrackerBase", object())])


def test_run_keeps_the_very_objects() -> None:
    """Wrappers are not seen from outside."""
    trackers: list[TrackerBase] = [Torchx(), MemoryTracker()]

    run = AppRun("r", trackers)

    assert all(
        kept is given for kept, given in zip(run.backends, trackers, strict=True)
    )
    assert all(isinstance(backend, TrackerBase) for backend in run.backends)


def test_run_takes_trackers_from_a_generator() -> None:
    """It is gone through once, and every write reaches every tracker."""
    trackers = [MemoryTracker(), MemoryTracker()]

    run = AppRun("r", (tracker for tracker in trackers))
    run.add_metadata(a=1)
    run.add_metadata(b=2)

    assert [tracker.metadata("r") for tracker in trackers] == [{"a": 1, "b": 2}] * 2


def test_runs_are_equal_when_id_and_backends_are() -> None:
    """As dataclasses are, so a run is no key of a mapping."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    assert run == AppRun("r", [tracker])
    assert run != AppRun("s", [tracker])
    assert run != AppRun("r", [])
    assert run != "r"
    with pytest.raises(TypeError, match="unhashable"):
        hash(run)


def test_run_shows_id_and_kinds_of_backends() -> None:
    """What the backends say of themselves may hold secrets, so it is not asked."""
    assert repr(AppRun("r", [Torchx(), MemoryTracker()])) == (
        "AppRun(id='r', backends=[Torchx, MemoryTracker])"
    )


@BOTH
def test_metadata_are_merged_and_keep_their_types(
    make: Callable[[], TrackerBase],
) -> None:
    """A later value of a key replaces the earlier, and the other keys stay."""
    tracker = make()
    run = AppRun("r", [tracker])

    run.add_metadata(k1="v1", k2=2)
    run.add_metadata(k2=2.5)

    assert tracker.metadata("r") == {"k1": "v1", "k2": 2.5}
    assert isinstance(tracker.metadata("r")["k2"], float)


@BOTH
def test_artifact_is_handed_on_with_and_without_metadata(
    make: Callable[[], TrackerBase],
) -> None:
    """None stays None; a path object becomes text."""
    tracker = make()
    run = AppRun("r", [tracker])

    run.add_artifact("model", "/tmp/m")  # noqa: S108 - nothing is written there
    run.add_artifact("data", PurePosixPath("d/x"), {"rows": 3})

    assert tracker.artifacts("r") == {
        "model": TrackerArtifact("model", "/tmp/m", None),  # noqa: S108 - as above
        "data": TrackerArtifact("data", "d/x", {"rows": 3}),
    }


@BOTH
def test_sources_are_runs_on_the_same_backends(make: Callable[[], TrackerBase]) -> None:
    """The answer can be gone through twice; a parent is a run like any other."""
    run = AppRun("r", [make()])
    run.add_source("p")
    run.add_source("q", "model")

    sources = run.sources()

    assert [(s.parent.id, s.artifact_name) for s in sources] == [
        ("p", None),
        ("q", "model"),
    ]
    assert list(sources) == list(sources)
    assert sources[0].parent == AppRun("p", run.backends)
    assert sources[0].parent.backends == run.backends


def test_source_without_an_id_is_passed_over() -> None:
    """Torchx records one for an empty variable."""
    tracker = Torchx()
    tracker.add_source("r", "", None)

    assert AppRun("r", [tracker]).sources() == []


def test_children_are_runs_on_the_same_backends() -> None:
    """They are the runs that used this one."""
    tracker = MemoryTracker()
    parent = AppRun("p", [tracker])

    AppRun("c", [tracker]).add_source("p")

    assert parent.children() == [AppRun("c", [tracker])]


def test_child_without_an_id_is_passed_over() -> None:
    """A foreign tracker may list one."""
    tracker = Torchx()
    tracker.add_metadata("", a=1)

    assert AppRun("p", [tracker]).children() == []


def test_lineage_is_computed_from_edges() -> None:
    """The runs above and below are found."""
    tracker = MemoryTracker()
    AppRun("r", [tracker]).add_source("p")
    AppRun("c", [tracker]).add_source("r")

    lineage = AppRun("r", [tracker]).lineage()

    assert (lineage.parents, lineage.children) == (("p",), ("c",))


def test_reads_without_trackers_are_empty() -> None:
    """A run that is kept nowhere knows nothing."""
    run = AppRun("r", [])

    assert (run.sources(), run.children()) == ([], [])
    assert run.lineage() == Lineage("r")


def test_read_is_answered_by_a_tracker_that_can() -> None:
    """One that fails is passed over."""

    class Broken(MemoryTracker):
        def sources(self, *_: object) -> list[TrackerSource]:
            raise RetryableError("cannot read")

    run = AppRun("r", [Broken(), MemoryTracker()])
    run.add_source("p")

    assert [source.parent.id for source in run.sources()] == ["p"]


def test_params_tags_and_metrics_are_logged() -> None:
    """Each goes to its own place, with its type."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    run.log_param("seed", 7)
    run.log_param("optimizer", {"lr": 0.1})
    run.log_params({"layers": [1, 2]})
    run.set_tag("device", "cpu")
    run.set_tags({"task": "iris", "device": "gpu"})
    run.log_metric("train/loss", 0.5, step=1)
    run.log_metrics({"train/loss": 0.25, "lr": 0.1}, step=2)

    assert tracker.params("r") == {"layers": [1, 2], "optimizer.lr": 0.1, "seed": 7}
    assert tracker.tags("r") == {"device": "gpu", "task": "iris"}
    assert list(tracker.points("r", "train/loss").steps) == [1, 2]
    assert tracker.series("r")["lr"].last == 0.1


@pytest.mark.parametrize("tags", [None, ["a"], "a"])
def test_tags_that_are_no_mapping_are_refused(tags: object) -> None:
    """The message says what would do."""
    with pytest.raises(UnsupportedTypeError, match=r"tags has the type .* a mapping"):
        AppRun("r", []).set_tags(cast("Mapping[str, str]", tags))


def test_run_that_was_given_backends_writes_no_life_cycle() -> None:
    """It records what it is asked to, and nothing else."""
    tracker = MemoryTracker()

    AppRun("r", [tracker]).add_metadata(a=1)

    assert tracker.run("r").status is None


def test_block_starts_and_ends_the_run() -> None:
    """The status follows, here and in the tracker."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    with run as entered:
        assert entered is run
        assert (run.status, tracker.run("r").status) == ("RUNNING", "RUNNING")

    assert (run.status, tracker.run("r").status) == ("FINISHED", "FINISHED")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ValueError("no"), "FAILED", "exception"),
        (KeyboardInterrupt(), "KILLED", "signal"),
        (SystemExit(3), "FAILED", "exit_code"),
        (SystemExit("text"), "FAILED", "exit_code"),
        (SystemExit(0), "FINISHED", None),
        (SystemExit(), "FINISHED", None),
    ],
)
def test_block_ends_as_it_is_left(
    error: BaseException, status: str, kind: str | None
) -> None:
    """The cause is recorded, and what was raised goes on."""
    tracker = MemoryTracker()

    with pytest.raises(type(error)) as found, AppRun("r", [tracker]):
        raise error

    info = tracker.run("r")
    assert found.value is error
    assert info.status == status
    assert (info.cause or {}).get("kind") == kind


def test_block_may_finish_by_itself() -> None:
    """What the code said stays."""
    tracker = MemoryTracker()

    with AppRun("r", [tracker]) as run:
        run.finish("KILLED", {"kind": "time_limit"})

    info = tracker.run("r")
    assert (info.status, info.cause) == ("KILLED", {"kind": "time_limit"})


def at_write(number: int) -> FaultyTracker:
    """Give a tracker whose write of that number fails."""
    error = RetryableError("no end at db://me:hunter2@host")
    return FaultyTracker(MemoryTracker(), lambda n: error if n == number else None)


def test_error_of_the_block_goes_before_that_of_the_end() -> None:
    """A backend that fails at the end hides nothing; its error becomes a note."""
    error = ValueError("mine")

    with pytest.raises(ValueError, match="mine") as found, AppRun("r", [at_write(2)]):
        raise error

    assert found.value is error
    assert "the end of run 'r' is not recorded: " in error.__notes__[0]
    assert "hunter2" not in error.__notes__[0]


def test_error_of_the_end_is_raised_when_the_block_had_none() -> None:
    """The run has ended all the same."""
    run = AppRun("r", [at_write(2)])

    with pytest.raises(RetryableError, match="no end"), run:
        pass

    assert run.status == "FINISHED"


def test_start_that_fails_has_started_the_run() -> None:
    """The other backends have the record; the caller has the error."""
    tracker = MemoryTracker()
    run = AppRun("r", [at_write(1), tracker])

    with pytest.raises(RetryableError):
        run.start()
    run.start()

    assert (run.status, tracker.run("r").status) == ("RUNNING", "RUNNING")


def test_start_is_recorded_once() -> None:
    """A run that has started stays so."""
    tracker = at_write(99)
    run = AppRun("r", [tracker])

    run.start()
    run.start()

    assert tracker.writes == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda run: run.add_metadata(a=1),
        lambda run: run.add_artifact("a", "b"),
        lambda run: run.add_source("a"),
        lambda run: run.log_param("a", 1),
        lambda run: run.log_params({"a": 1}),
        lambda run: run.set_tag("a", "b"),
        lambda run: run.set_tags({"a": "b"}),
        lambda run: run.log_metric("a", 1),
        lambda run: run.log_metrics({"a": 1}),
        lambda run: run.track_this(a=1),
        lambda run: run.log("a"),
        lambda run: run.log_json("a", 1),
        lambda run: run.log_text("a", "b"),
        lambda run: run.log_bytes("a", b"b"),
        lambda run: run.log_file(__file__),
        lambda run: run.set_span_id("a"),
        lambda run: run.metrics("a").log(b=1),
        lambda run: run.tracks("a").append(b=1),
        lambda run: run.step("a").__enter__(),
        lambda run: run.start(),
        lambda run: run.finish(),
        lambda run: run.__enter__(),
    ],
)
@pytest.mark.parametrize("trackers", [0, 1])
def test_ended_run_takes_no_more(
    call: Callable[[AppRun], object], trackers: int
) -> None:
    """Every call raises and writes nothing, even where the run is kept nowhere."""
    kept = [MemoryTracker() for _ in range(trackers)]
    run = AppRun("r", kept)
    run.finish("FAILED")

    with pytest.raises(RunEndedError, match="run 'r' has ended and takes no more"):
        call(run)

    assert run.status == "FAILED"
    assert all(not tracker.metadata("r") for tracker in kept)


def test_ended_run_can_be_read() -> None:
    """Only writing is over."""
    run = AppRun("r", [MemoryTracker()])
    run.add_source("p")
    run.finish()

    assert len(run.sources()) == 1


def test_finish_refuses_another_status() -> None:
    """The run goes on."""
    run = AppRun("r", [])

    with pytest.raises(InvalidValueError, match="status is 'DONE'"):
        run.finish("DONE")

    assert run.status is None


def test_bad_value_reaches_no_tracker() -> None:
    """It is refused before anything is written, the good part of the call included."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    with pytest.raises(
        UnsupportedTypeError, match="metadata 'bad' has the type object"
    ):
        run.add_metadata(good=1, bad=object())

    assert tracker.runs() == []


def test_threads_may_share_a_run() -> None:
    """Nothing is lost, and nothing is counted twice."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    def work() -> None:
        for step in range(100):
            run.log_metric("x", step, step=step)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tracker.series("r")["x"].count == 800


def in_child(work: Callable[[], object]) -> None:
    """Do the work in a forked child, and see that it ends well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


class Filed(MemoryTracker):
    """A tracker that leaves a line in a file for each record, in any process."""

    def __init__(self, path: Path) -> None:
        """Use the file."""
        super().__init__()
        self.path = path

    def write(self, batch: object) -> None:
        """Name the kind of the record's body and its writer."""
        (record,) = batch.records  # type: ignore[attr-defined]  # a batch of one
        line = f"{type(record.body).__name__} {batch.writer.id}\n"  # type: ignore[attr-defined]  # a batch
        with self.path.open("a") as file:
            file.write(line)


def test_end_of_a_forked_child_is_not_that_of_the_run(tmp_path: Path) -> None:
    """A child logs as a writer of its own, and leaving the block there ends nothing."""
    tracker = Filed(tmp_path / "kept")
    run = AppRun("r", [tracker])

    def work() -> None:
        run.add_metadata(a=1)
        run.__exit__(None, None, None)
        assert run.status == "FINISHED"

    with run:
        in_child(work)

    lines = [line.split() for line in tracker.path.read_text().splitlines()]
    assert [kind for kind, _ in lines] == ["StartedBody", "MetadataBody", "EndedBody"]
    assert lines[0][1] == lines[2][1] != lines[1][1]


def test_forked_child_that_starts_the_run_ends_it(tmp_path: Path) -> None:
    """A run that its parent has only made is the child's."""
    tracker = Filed(tmp_path / "kept")
    run = AppRun("r", [tracker])

    def work() -> None:
        with run:
            pass

    in_child(work)

    lines = [line.split() for line in tracker.path.read_text().splitlines()]
    assert [kind for kind, _ in lines] == ["StartedBody", "EndedBody"]
    assert lines[0][1] == lines[1][1]


def test_provenance_is_recorded_again_with_more() -> None:
    """Diff and packages come on request; what was recorded first is replaced."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    run.record_provenance()
    run.record_provenance(with_packages=True)

    environment = tracker.provenance("r")["environment"]
    assert isinstance(environment, dict)
    assert isinstance(environment["packages"], dict)
    assert "tracker-core" in environment["packages"]


def test_what_is_logged_is_read_through_the_run() -> None:
    """Each read gives what the calls have told, with its types."""
    run = AppRun("r", [MemoryTracker()])
    run.log_params({"optimizer": {"lr": 0.1}, "seed": 7})
    run.set_tags({"b": "2", "a": "1"})
    run.set_span_id("s", "t")
    run.log_text("note", "x")
    run.track_this(answer=42, step=3)

    assert run.params() == {"optimizer.lr": 0.1, "seed": 7}
    assert run.params(nested=True) == {"optimizer": {"lr": 0.1}, "seed": 7}
    assert list(run.tags().items()) == [("a", "1"), ("b", "2")]
    assert run.span_id() == "s"
    assert list(run.artifacts()) == ["note"]
    assert run.metrics().read()["data"][0]["step"] == 3
    assert run.flush() == 0


def test_key_that_is_a_value_and_holds_others_has_no_nested_view() -> None:
    """The flat one has both."""
    run = AppRun("r", [MemoryTracker()])
    run.log_params({"optimizer": "adam", "optimizer.lr": 0.1})

    assert run.params() == {"optimizer": "adam", "optimizer.lr": 0.1}
    with pytest.raises(KeyConflictError, match="optimizer"):
        run.params(nested=True)


def test_last_span_wins_and_keeps_the_trace() -> None:
    """None says nothing of it."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    run.set_span_id("s", "t")
    run.set_span_id("u")

    info = tracker.run("r")
    assert (info.span_id, info.trace_id) == ("u", "t")


def test_messages_are_read_by_level_time_and_text() -> None:
    """In any letter case; words of other systems are taken."""
    run = AppRun("r", [MemoryTracker()])
    run.log("Begin", "DEBUG")
    run.log("middle", "Warning", {"n": 1})
    run.log("end", "critical")

    said = [(entry.level, entry.message) for entry in run.logs()]
    assert said == [("debug", "Begin"), ("warn", "middle"), ("fatal", "end")]
    assert [entry.message for entry in run.logs("WARN")] == ["middle", "end"]
    assert [entry.message for entry in run.logs(text="BEG")] == ["Begin"]
    assert [entry.message for entry in run.logs(limit=1)] == ["end"]
    assert run.logs()[1].metadata == {"n": 1}
    assert list(run.logs(end=0.0)) == []


def test_track_this_begins_at_step_zero() -> None:
    """As a keyword or by its place, any other may be given."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])

    run.track_this(a=1)
    run.track_this(5, a=2)

    assert [(p.step, p.value) for p in tracker.points("r", "a")] == [(0, 1), (5, 2)]


@pytest.mark.parametrize("run_id", ["r", "<UNDEFINED>"])
def test_reads_of_a_run_that_is_kept_nowhere_are_empty(run_id: str) -> None:
    """Every one; content is not found."""
    run = AppRun(run_id, [])
    run.log_metric("a", 1)

    assert not any(
        (
            run.params(),
            run.params(nested=True),
            run.tags(),
            run.artifacts(),
            run.run_log(),
            run.fingerprints(),
            run.logs(),
            run.tracks.topics(),
            run.span_id(),
        )
    )
    assert run.flush(1.0) == run.tracks.flush() == 0
    with pytest.raises(ArtifactNotFoundError, match="a"):
        run.open_artifact("a")


def test_first_reads_of_a_run_are_empty() -> None:
    """The backends have not heard of it, which is no error."""
    run = AppRun("r", [MemoryTracker(), FaultyTracker(MemoryTracker())])

    assert not any((run.params(), run.tags(), run.artifacts(), run.run_log()))
    assert not any((run.logs(), run.tracks.topics(), run.span_id()))
    assert run.metrics().stats()["total"] == 0


def test_plain_tracker_answers_what_it_can() -> None:
    """From the metadata in which the rest was kept."""
    run = AppRun("r", [Torchx()])
    run.log_params({"lr": 0.1})
    run.set_tag("device", "cpu")
    run.set_span_id("s")
    made = run.log_text("note", "x")

    assert (run.params(), run.tags(), run.span_id()) == (
        {"lr": 0.1},
        {"device": "cpu"},
        "s",
    )
    assert run.artifacts() == {"note": made}
    assert len(run.fingerprints()) == 4


@pytest.mark.parametrize(
    "read",
    [
        lambda run: run.logs(),
        lambda run: run.open_artifact("note"),
        lambda run: run.metrics("train").read(),
        lambda run: run.metrics("train").stats(),
        lambda run: run.tracks.topics(),
        lambda run: run.tracks("t").read(),
        lambda run: run.tracks("t").slice(),
    ],
)
def test_plain_tracker_says_what_it_does_not_hold(
    read: Callable[[AppRun], object],
) -> None:
    """An empty answer would look like the truth; a native one beside it has it."""
    both = AppRun("r", [Torchx(), MemoryTracker()])
    plain = AppRun("r", [both.backends[0]])
    both.log("a")
    both.log_text("note", "x")
    both.metrics("train").log(loss=1)
    both.tracks("t").append(x=1)

    with pytest.raises(NotSupportedError, match=r"tracker (holds|keeps) (no|only)"):
        read(plain)
    assert read(both) is not None


def test_error_of_one_backend_keeps_nothing_from_the_others() -> None:
    """Whatever the call; in the end it is raised."""
    tracker = MemoryTracker()
    run = AppRun("r", [FaultyTracker(MemoryTracker()), tracker, Torchx()])
    calls: list[Callable[[], object]] = [
        lambda: run.log_param("a", 1),
        lambda: run.set_tag("a", "1"),
        lambda: run.log("a"),
        lambda: run.log_text("a", "x"),
        lambda: run.metrics().log(a=1),
        lambda: run.tracks("a").append(x=1),
    ]

    for call in calls:
        with pytest.raises(RetryableError, match="planned to fail"):
            call()

    kept = AppRun("r", [tracker])
    assert (kept.params(), kept.tags(), list(kept.artifacts())) == (
        {"a": 1},
        {"a": "1"},
        ["a"],
    )
    assert len(kept.logs()) == kept.metrics().read()["total"] == 1
    assert kept.tracks.topics() == ["a"]


def test_read_goes_on_from_a_backend_that_does_not_know_the_run() -> None:
    """A backend that was added later hides nothing."""
    tracker = MemoryTracker()
    AppRun("r", [tracker]).log_param("a", 1)

    assert AppRun("r", [MemoryTracker(), tracker]).params() == {"a": 1}


def test_run_is_finished_once() -> None:
    """However many threads come at the same moment."""
    tracker = MemoryTracker()
    run = AppRun("r", [tracker])
    barrier = threading.Barrier(8)
    found: list[str] = []

    def work() -> None:
        barrier.wait()
        try:
            run.finish()
        except RunEndedError:
            found.append("refused")
        else:
            found.append("ended")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == ["ended"] + ["refused"] * 7


def test_end_is_recorded_when_a_variable_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backend that fails in between costs no more than it must."""
    monkeypatch.setenv("TRACKER_TRACK_loss", "0.5")
    inner = MemoryTracker()
    run = AppRun("r", [FaultyTracker(inner, {2: RetryableError("no")}.get)])

    with pytest.raises(RetryableError, match="no"), run:
        pass

    assert (run.status, inner.run("r").status) == ("FINISHED", "FINISHED")


def test_record_of_a_signal_handler_in_the_middle_of_a_read_is_kept() -> None:
    """It is handed on once the read has its answer."""

    class Interrupted(MemoryTracker):
        """Is interrupted whenever it is read."""

        def tags(self, run_id: str) -> Mapping[str, str]:
            run.log("preempted")
            messages.append(len(super().logs(run_id)))
            return super().tags(run_id)

    messages: list[int] = []
    run = AppRun("r", [Interrupted()])
    run.set_tag("a", "b")

    assert run.tags() == {"a": "b"}

    assert messages == [0]
    assert [entry.message for entry in run.logs()] == ["preempted"]
