"""Runs are copied whole, once, and from where the copying stopped."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tracker_sqlite
from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import Content, content_of_bytes
from tracker_core.copying import Progress, Result, RunCopy, copy_run, copy_runs
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import (
    NotSupportedError,
    PermanentError,
    QueryError,
    RetryableError,
    RunNotFoundError,
)
from tracker_core.plain import PlainTracker
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    SourceBody,
    StartedBody,
    TagsBody,
    UnknownBody,
)
from tracker_core.retelling import is_retold
from tracker_core.runs import to_datetime
from tracker_core.taken import Taken
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.story import story
from tracker_core.testing.contract.strategies import bodies
from tracker_core.verification import verify

RUN = "r"
CONTENT = content_of_bytes(b"model")
ARTIFACT = ArtifactBody("m", CONTENT.digest, None, CONTENT.digest, 5)
LIFE = (CreatedBody("n", "e", "g", "p"), StartedBody("job"))
END = EndedBody("job", "FAILED", {"kind": "exit_code", "exit_code": 3})


class _Eight:
    """The eight calls on dictionaries."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, object]] = {}
        self.files: dict[str, dict[str, TrackerArtifact]] = {}
        self.edges: dict[str, dict[TrackerSource, None]] = {}
        self.calls = 0

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        self.calls += 1
        self.kept.setdefault(run_id, {}).update(kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        return self.kept.get(run_id, {})

    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        self.files.setdefault(run_id, {})[name] = TrackerArtifact(name, path, metadata)

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        return self.files.get(run_id, {})

    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        edge = TrackerSource(source_id, artifact_name)
        self.edges.setdefault(run_id, {})[edge] = None

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> list[TrackerSource]:
        del artifact_name
        return [*self.edges.get(run_id, ())]

    def lineage(self, run_id: str) -> object:
        raise NotImplementedError

    def run_ids(self, **_: str) -> list[str]:
        return [*{**self.kept, **self.files, **self.edges}]


class _Silent(MemoryTracker):
    """Gives its records, and does not tell what it has taken."""

    def taken(self, run_id: str) -> Mapping[str, Taken]:
        raise NotSupportedError(run_id)


class _Counting(MemoryTracker):
    """Counts who asked for its records."""

    asked = 0

    def batches(self, run_id: str) -> Iterator[Batch]:
        self.asked += 1
        return super().batches(run_id)


class _Ordered(MemoryTracker):
    """Notes what it was given first."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def write(self, batch: Batch) -> None:
        self.calls.append("batch")
        super().write(batch)

    def add_content(self, content: Content) -> None:
        self.calls.append("content")
        super().add_content(content)


class _NoContent(MemoryTracker):
    """Keeps no content."""

    capabilities = frozenset({Capability.HISTORY})


@pytest.fixture
def source() -> _Counting:
    """Return a tracker with a run of every kind of record."""
    tracker = _Counting()
    for batch in story(RUN):
        tracker.write(batch)
    return tracker


def _wrapped(eight: object) -> PlainTracker:
    return PlainTracker(eight)


def test_copied_run_is_the_same(source: MemoryTracker) -> None:
    """Every read, the heartbeat included."""
    source.beat(RUN, START_NS + 5_000)
    target = MemoryTracker()

    done = copy_run(source, target, RUN)

    count = sum(len(batch.records) for batch in story(RUN))
    assert done == RunCopy(RUN, Result.COPIED, count)
    assert answers(target, RUN) == answers(source, RUN)


def test_copying_again_reads_no_records(source: _Counting) -> None:
    """What was taken tells that nothing is lacking."""
    target = MemoryTracker()
    copy_run(source, target, RUN)
    source.asked = 0

    done = copy_run(source, target, RUN)

    assert (done.result, done.records, source.asked) == (Result.UNCHANGED, 0, 0)


def test_copying_goes_on_where_it_stopped(source: MemoryTracker) -> None:
    """What was copied before the failure is not written again."""
    inner = MemoryTracker()
    target = FaultyTracker(inner, lambda n: RetryableError("no") if n == 2 else None)
    with pytest.raises(RetryableError):
        copy_run(source, target, RUN)
    before = sum(it.count_in(1, 1000) for it in inner.taken(RUN).values())

    done = copy_run(source, target, RUN)

    count = sum(len(batch.records) for batch in story(RUN))
    assert (done.records, before > 0) == (count - before, True)
    assert answers(inner, RUN) == answers(source, RUN)


def test_what_the_job_delivered_is_not_doubled(source: MemoryTracker) -> None:
    """Only the rest is copied."""
    target = MemoryTracker()
    batches = [*source.batches(RUN)]
    target.write(batches[0])

    done = copy_run(source, target, RUN)

    assert done.records == sum(len(batch.records) for batch in batches[1:])
    assert answers(target, RUN) == answers(source, RUN)


def test_edges_that_the_job_told_are_unchanged(tmp_path: Path) -> None:
    """Where the source does not know who told of them, they are still the same."""
    pen, target = Pen(RUN), MemoryTracker()
    batch = pen.log(SourceBody("s", None), SourceBody("t", "x"), TagsBody({"a": "b"}))
    target.write(batch)
    with closing(tracker_sqlite.create(str(tmp_path / "runs.db"))) as source:
        source.write(batch)

        same = copy_run(source, target, RUN)
        source.write(pen.log(SourceBody("new", None)))
        more = copy_run(source, target, RUN)
        again = copy_run(source, target, RUN)

        assert (same.result, more.result, again.result) == (
            Result.UNCHANGED,
            Result.COPIED,
            Result.UNCHANGED,
        )
        assert target.sources(RUN) == source.sources(RUN)


def test_target_that_does_not_tell_is_given_all(source: MemoryTracker) -> None:
    """It passes over what it has."""
    target = _Silent()
    copy_run(source, target, RUN)

    done = copy_run(source, target, RUN)

    assert done.result is Result.COPIED
    assert answers(target, RUN) == answers(source, RUN)


def test_source_that_does_not_tell_is_read(source: MemoryTracker) -> None:
    """Nothing is lacking all the same."""
    silent, target = _Silent(), MemoryTracker()
    for one in (silent, target):
        copy_run(source, one, RUN)

    assert copy_run(silent, target, RUN).result is Result.UNCHANGED


def test_content_comes_before_its_record() -> None:
    """A target that has the record has the content."""
    source, target = MemoryTracker(), _Ordered()
    source.add_content(CONTENT)
    source.write(Pen(RUN).log(ARTIFACT, ARTIFACT._replace(path="x", digest=None)))

    done = copy_run(source, target, RUN)

    assert (done.records, done.contents, done.missing) == (2, 1, ())
    assert target.calls == ["content", "batch"]
    with target.open_content(CONTENT.digest) as file:
        assert file.read() == b"model"


def test_content_that_was_lost_on_its_way_is_brought_later() -> None:
    """Though its record is there already."""
    source, target = MemoryTracker(), MemoryTracker()
    batch = Pen(RUN).log(ARTIFACT)
    for one in (source, target):
        one.write(batch)

    lost = copy_run(source, target, RUN)
    source.add_content(CONTENT)
    brought = copy_run(source, target, RUN)

    assert lost == RunCopy(RUN, Result.UNCHANGED, missing=(CONTENT.digest,))
    assert brought == RunCopy(RUN, Result.COPIED, contents=1)


def test_target_without_content_is_told() -> None:
    """It is counted as degraded."""
    source, target = MemoryTracker(), _NoContent()
    source.add_content(CONTENT)
    source.write(Pen(RUN).log(ARTIFACT))

    done = copy_run(source, target, RUN)

    assert (done.contents, dict(done.degraded)) == (0, {"content": 1})


def test_plain_tracker_is_given_what_the_run_has_come_to() -> None:
    """By few calls, whatever the order in which many writers have said it."""
    source, eight = MemoryTracker(), _Eight()
    source.add_content(CONTENT)
    late, early = Pen(RUN, "a"), Pen(RUN, "b")
    source.write(late.log(*LIFE, ParamsBody({"p": "late"}), at=5))
    source.write(late.log(ARTIFACT, LogBody("info", "x", None), END, at=9))
    source.write(early.log(ParamsBody({"p": "early", "q": 1}), at=1))
    points = (MetricsBody(n, {"s": {"v": n}}) for n in range(50))
    source.write(early.log(*points, UnknownBody("hologram", {}), at=1))
    source.write(early.log(SourceBody("s", "x"), MetadataBody({"k": [1]}), at=2))

    done = copy_run(source, eight, RUN)  # type: ignore[arg-type]  # as torchx allows

    assert eight.calls < 10
    assert verify(RUN, [source, eight]).is_equal  # type: ignore[list-item]  # as above
    assert done.result is Result.COPIED
    assert dict(done.degraded) == {
        "content": 1,
        "hologram": 1,
        "log": 1,
        "metrics": 50,
    }


def test_plain_tracker_counts_what_it_refuses() -> None:
    """A call that it does not implement is no failure."""

    class Refusing(_Eight):
        def add_source(self, *_: object, **__: object) -> None:
            raise NotImplementedError

    source = MemoryTracker()
    source.write(Pen(RUN).log(SourceBody("s", None), TagsBody({"a": "b"})))

    done = copy_run(source, Refusing(), RUN)  # type: ignore[arg-type]  # as above

    assert dict(done.degraded) == {"source": 1}


@pytest.mark.parametrize("ends", [(), (END,)])
def test_plain_tracker_gives_what_it_holds(ends: tuple[Body, ...]) -> None:
    """A native tracker then answers what both can be asked the same."""
    eight, target = _Eight(), MemoryTracker()
    pen = Pen(RUN)
    said = (ParamsBody({"p": 1}), TagsBody({"t": "x"}), MetadataBody({"k": None}))
    values = (MetricsBody(3, {"s": {"v": 0.5}}), ARTIFACT, SourceBody("s", None))
    _wrapped(eight).write(pen.log(*LIFE, *said, *values, *ends))

    first = copy_run(eight, target, RUN)  # type: ignore[arg-type]  # as above
    found = answers(target, RUN)
    again = copy_run(eight, target, RUN)  # type: ignore[arg-type]  # as above
    target.add_content(CONTENT)

    assert verify(RUN, [eight, target]).is_equal  # type: ignore[list-item]  # as above
    assert target.run(RUN).created_at == _wrapped(eight).run(RUN).created_at
    assert first.missing == (CONTENT.digest,)
    assert again.result is Result.UNCHANGED
    assert answers(target, RUN) == found


def test_plain_tracker_that_has_changed_is_followed() -> None:
    """What it says now wins over what it said at the last copying."""
    eight, target = _Eight(), MemoryTracker()
    _wrapped(eight).write(Pen(RUN).log(*LIFE, MetadataBody({"k": 1})))
    copy_run(eight, target, RUN)  # type: ignore[arg-type]  # as above
    _wrapped(eight).write(Pen(RUN).log(END, MetadataBody({"k": 2})))

    copy_run(eight, target, RUN)  # type: ignore[arg-type]  # as above

    assert verify(RUN, [eight, target]).is_equal  # type: ignore[list-item]  # as above
    assert target.run(RUN).status == "FAILED"


def test_plain_tracker_gives_nothing_to_one_that_knows_more(
    source: MemoryTracker,
) -> None:
    """Its last values would stand beside the history that they come from."""
    eight, target = _Eight(), MemoryTracker()
    copy_run(source, eight, RUN)  # type: ignore[arg-type]  # as above
    copy_run(source, target, RUN)

    done = copy_run(eight, target, RUN)  # type: ignore[arg-type]  # as above

    assert done == RunCopy(RUN, Result.UNCHANGED)
    assert answers(target, RUN) == answers(source, RUN)


def test_plain_tracker_is_copied_to_another(source: MemoryTracker) -> None:
    """What the one holds the other can hold."""
    one, other = _Eight(), _Eight()
    copy_run(source, one, RUN)  # type: ignore[arg-type]  # as above

    done = copy_run(one, other, RUN)  # type: ignore[arg-type]  # as above

    assert verify(RUN, [one, other]).is_equal  # type: ignore[list-item]  # as above
    assert dict(done.degraded) == {}


def test_run_of_a_plain_tracker_may_be_empty() -> None:
    """It is known, and says nothing."""
    eight, target = _Eight(), MemoryTracker()
    eight.kept[RUN] = {}

    copy_run(eight, target, RUN)  # type: ignore[arg-type]  # as above

    assert [run.status for run in target.runs()] == [None]
    assert all(map(is_retold, target.taken(RUN)))


class _Forgetful(MemoryTracker):
    """Keeps no history, and cannot give its records."""

    capabilities = frozenset({Capability.CONTENT})

    def batches(self, run_id: str) -> Iterator[Batch]:
        raise NotSupportedError(run_id)

    def taken(self, run_id: str) -> Mapping[str, Taken]:
        raise NotSupportedError(run_id)


def test_native_tracker_without_history_gives_what_it_holds(
    source: MemoryTracker,
) -> None:
    """As a plain one does."""
    forgetful, target = _Forgetful(), MemoryTracker()
    for batch in source.batches(RUN):
        forgetful.write(batch)

    first = copy_run(forgetful, target, RUN)
    again = copy_run(forgetful, target, RUN)

    assert (first.result, again.result) == (Result.COPIED, Result.UNCHANGED)
    assert verify(RUN, [forgetful, target]).is_equal
    assert copy_run(forgetful, source, RUN).result is Result.UNCHANGED


def test_native_tracker_that_hides_its_history_cannot_be_copied() -> None:
    """Half of a run would look like all of it."""

    class Hiding(_Forgetful):
        capabilities = frozenset({Capability.HISTORY})

    hiding = Hiding()
    hiding.write(Pen(RUN).log(TagsBody({})))

    with pytest.raises(NotSupportedError):
        copy_run(hiding, MemoryTracker(), RUN)


def test_heartbeat_is_given_once(source: MemoryTracker) -> None:
    """A newer one of the target stays."""
    target = MemoryTracker()
    source.beat(RUN, START_NS + 5_000)
    copy_run(source, target, RUN)
    target.beat(RUN, START_NS + 9_000)

    faulty = FaultyTracker(target)
    done = copy_run(source, faulty, RUN)

    assert (done.result, faulty.calls) == (Result.UNCHANGED, 0)
    assert target.run(RUN).heartbeat_at == to_datetime(START_NS + 9_000)


def test_unknown_run_is_an_error(source: MemoryTracker) -> None:
    """Of one run that is asked for."""
    with pytest.raises(RunNotFoundError):
        copy_run(source, MemoryTracker(), "nothing")


def test_runs_are_copied_by_query_the_oldest_first() -> None:
    """And told one by one, with how far it is."""
    source, target = MemoryTracker(), MemoryTracker()
    for number, run_id in enumerate("abc"):
        batch = Pen(run_id).log(TagsBody({"n": str(number)}), at=number)
        source.write(batch)
    shown: list[Progress] = []

    done = copy_runs(source, target, "tags.n != '1'", progress=shown.append)

    assert [it.run_id for it in done] == ["a", "c"]
    assert sorted(target.run_ids()) == ["a", "c"]
    assert (shown[0], shown[-1]) == (Progress(0, 2, 1), Progress(2, 2, 2))


def test_run_that_fails_does_not_stop_the_others(source: MemoryTracker) -> None:
    """What it raised is told."""
    source.write(Pen("s").log(TagsBody({}), at=10_000))
    target = FaultyTracker(MemoryTracker(), lambda n: KeyError("x") if n == 1 else None)

    first, second = copy_runs(source, target)

    assert (first.run_id, first.result) == (RUN, Result.FAILED)
    assert isinstance(first.error, KeyError)
    assert (second.run_id, second.result) == ("s", Result.COPIED)


def test_query_that_means_nothing_is_refused(source: MemoryTracker) -> None:
    """Before anything is copied."""
    with pytest.raises(QueryError):
        next(copy_runs(source, MemoryTracker(), "lr <"))


@given(st.lists(st.lists(bodies(), min_size=1, max_size=3), min_size=1, max_size=5))
@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_run_survives_the_way_round(said: list[list[Body]]) -> None:
    """From memory to a database, to another one, and back."""
    source, back = MemoryTracker(), MemoryTracker()
    pens = (Pen(RUN, "a", rank=0), Pen(RUN, "b", attempt=2, rank=0))
    for number, found in enumerate(said):
        source.write(pens[number % 2].log(*found))
    with (
        closing(tracker_sqlite.create(":memory:")) as one,
        closing(tracker_sqlite.create(":memory:")) as other,
    ):
        trackers: list[NativeTracker] = [source, one, other, back]
        for giver, taker in pairwise(trackers):
            copy_run(giver, taker, RUN)

        assert answers(back, RUN) == answers(source, RUN)
        assert copy_run(other, source, RUN).result is Result.UNCHANGED


def test_run_is_not_copied_to_where_it_was_removed() -> None:
    """That tracker passes it over, so it must not be said that it was copied."""
    target = MemoryTracker()
    with closing(tracker_sqlite.create(":memory:")) as source:
        for batch in story("run"):
            source.write(batch)
            target.write(batch)
        target.remove("run")

        with pytest.raises(PermanentError, match="'run' was removed from there"):
            copy_run(source, target, "run")

    assert not list(target.run_ids())
