"""Several trackers hold the same of a run, or it is told what differs."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tracker_core
import tracker_sqlite
from tracker_core import pointwise
from tracker_core.api import Capability, NativeTracker, TrackerBase
from tracker_core.contents import Content, content_of_bytes
from tracker_core.datatypes import Lineage, TrackerArtifact, TrackerSource
from tracker_core.errors import (
    ConfigError,
    InvalidValueError,
    RetryableError,
    RunNotFoundError,
    UnsupportedTypeError,
)
from tracker_core.findings import (
    MOST_DIFFERENCES,
    NOTHING,
    Difference,
    Kind,
    Verification,
)
from tracker_core.plain import native
from tracker_core.records import (
    ArtifactBody,
    Batch,
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
)
from tracker_core.runs import RunInfo
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.strategies import CONTENTS, bodies
from tracker_core.verification import verify

tracker_fsspec = pytest.importorskip("tracker_fsspec", reason="needs fsspec")

_RUN = "r"
_CONTENT = content_of_bytes(b"abc")
_FULL: tuple[Body, ...] = (
    CreatedBody("first try", "iris", "sweep", "p", {"goal": 1}),
    SpanBody("t", "s"),
    ProvenanceBody({"code": {"commit": "c"}}),
    StartedBody("job"),
    ParamsBody({"lr": 0.1, "layers": [64, {"a": float("nan"), "b": -0.0}]}),
    ParamsBody({"lr": 0.2}),
    TagsBody({"device": "cpu"}),
    MetadataBody({"labels": ["a", "b"], "big": 2**80}),
    MetricsBody(0, {"train": {"loss": 2.0, "acc": 0}}),
    MetricsBody(1, {"train": {"loss": float("nan")}}),
    MetricsBody(None, {"": {"note": {"a": [1]}}}),
    LogBody("warn", "battery", {"volts": 10.9}),
    TrackBody("arm", 0.5, {"x": 1}),
    StepBody("train", "1", "RUNNING", None),
    StepBody("train", "1", "FINISHED", None),
    ArtifactBody("weights", "w.json", {"epoch": 3}),
    ArtifactBody("text", _CONTENT.digest, None, _CONTENT.digest, 3, "text/plain"),
    SourceBody("p", None),
    SourceBody("data", "input"),
    EndedBody("job", "FINISHED", None),
)


class Stores(NamedTuple):
    """A tracker of each kind."""

    sqlite: NativeTracker
    fsspec: NativeTracker
    memory: NativeTracker

    def write(self, *batches: Batch) -> None:
        """Have all of them take the same."""
        for tracker in self:
            for batch in batches:
                tracker.write(batch)

    def keep(self, content: Content) -> None:
        """Have all of them keep content."""
        for tracker in self:
            tracker.add_content(content)

    def verify(self) -> Verification:
        """Compare all of them by name."""
        return verify(_RUN, self._asdict())


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Open a store of each kind."""
    with closing(tracker_sqlite.create(str(tmp_path / "runs.db"))) as sqlite:
        fsspec = tracker_fsspec.create(str(tmp_path / "runs"))
        yield Stores(sqlite, fsspec, MemoryTracker())


def told(*said: Body, attempt: int = 1) -> MemoryTracker:
    """Give a memory tracker that was told of a run."""
    tracker = MemoryTracker()
    tracker.write(_pen(attempt).log(*said))
    return tracker


def _pen(attempt: int = 1) -> Pen:
    pen = Pen(_RUN, attempt=attempt)
    pen.writer = pen.writer._replace(id=f"w-{attempt}")
    return pen


def between(*said: tuple[Body, ...]) -> list[Difference]:
    """Give how trackers differ that were told this and that."""
    return list(verify(_RUN, [told(*bodies) for bodies in said]).differences)


def kinds(found: Verification | list[Difference]) -> set[tuple[str, str]]:
    """Give the kinds and the keys of differences."""
    differences = found if isinstance(found, list) else found.differences
    return {(difference.kind, difference.key) for difference in differences}


class _Eight(TrackerBase):
    """A plain tracker on dictionaries, which keeps what comes as it comes."""

    def __init__(self) -> None:
        self._values: dict[str, object] = {}
        self._artifacts: dict[str, TrackerArtifact] = {}
        self._sources: list[TrackerSource] = []

    def add_metadata(self, run_id: str, **kwargs: object) -> None:
        del run_id
        self._values.update(kwargs)

    def metadata(self, run_id: str) -> Mapping[str, object]:
        del run_id
        return self._values

    def add_artifact(
        self,
        run_id: str,
        name: str,
        path: str,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        del run_id
        self._artifacts[name] = TrackerArtifact(name, path, metadata)

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        del run_id
        return self._artifacts

    def add_source(
        self, run_id: str, source_id: str, artifact_name: str | None = None
    ) -> None:
        del run_id
        self._sources.append(TrackerSource(source_id, artifact_name))

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Iterable[TrackerSource]:
        del run_id, artifact_name
        return self._sources

    def lineage(self, run_id: str) -> Lineage:
        raise NotImplementedError

    def run_ids(self, **kwargs: str) -> Iterable[str]:
        raise NotImplementedError


class _Mute(_Eight):
    """A plain tracker that tells of nothing."""

    def metadata(self, run_id: str) -> Mapping[str, object]:
        raise NotImplementedError

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        raise NotImplementedError

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Iterable[TrackerSource]:
        raise NotImplementedError


class _Broken(MemoryTracker):
    """Fails when it is asked who a run is."""

    def run(self, run_id: str) -> RunInfo:
        """Fail."""
        raise RetryableError(run_id)


class _Forgetful(MemoryTracker):
    """Keeps neither history nor content, but answers as any."""

    capabilities: frozenset[Capability] = frozenset()


def test_stores_that_were_told_the_same_are_equal(stores: Stores) -> None:
    """A run with something of every kind, in all three stores."""
    stores.keep(_CONTENT)
    stores.write(_pen().log(*_FULL))

    found = stores.verify()

    assert found.is_equal
    assert found == Verification(
        _RUN,
        ("sqlite", "fsspec", "memory"),
        differences=(),
        left_out=(),
        difference_count=0,
        pairs={
            ("sqlite", "fsspec"): 0,
            ("sqlite", "memory"): 0,
            ("fsspec", "memory"): 0,
        },
    )


@pytest.mark.parametrize(
    "left", range(len(_FULL)), ids=lambda n: type(_FULL[n]).__name__
)
def test_record_that_one_store_lacks_is_a_difference(stores: Stores, left: int) -> None:
    """Whatever its kind, and it is the one store that differs from the others."""
    stores.keep(_CONTENT)
    pen = _pen()
    stores.write(pen.log(*_FULL))
    lacking = MemoryTracker()
    lacking.add_content(_CONTENT)
    for first, last in ((1, left), (left + 2, len(_FULL))):
        if first <= last:
            lacking.write(pen.batch(first, last))

    found = stores._replace(memory=lacking).verify()

    assert not found.is_equal
    assert found.pairs["sqlite", "fsspec"] == 0
    assert found.pairs["sqlite", "memory"] == found.difference_count


_MARK = StartedBody("job")


@pytest.mark.parametrize(
    ("one", "other", "kind", "key", "said"),
    [
        (ParamsBody({"a": 1}), ParamsBody({"a": 1.0}), "param", "a", "1 1.0"),
        (ParamsBody({"a": 1}), ParamsBody({"a": True}), "param", "a", "1 true"),
        (ParamsBody({"a": 0.0}), ParamsBody({"a": -0.0}), "param", "a", "0.0 -0.0"),
        (ParamsBody({"a": None}), ParamsBody({"b": 1}), "param", "a", "null –"),
        (TagsBody({"a": "x"}), TagsBody({"a": "y"}), "tag", "a", '"x" "y"'),
        (
            MetadataBody({"a": [1]}),
            MetadataBody({"a": [2]}),
            "metadata",
            "a",
            "[1] [2]",
        ),
        (
            ProvenanceBody({"code": "a"}),
            ProvenanceBody({"code": "b"}),
            "provenance",
            "code",
            '"a" "b"',
        ),
        (CreatedBody("a"), CreatedBody("b"), "run", "name", '"a" "b"'),
        (SpanBody(None, "a"), SpanBody(None, "b"), "span", "span_id", '"a" "b"'),
        (SourceBody("p", None), SourceBody("p", "q"), "source", '"p" as "q"', "– true"),
        (
            ArtifactBody("a", "x", None),
            ArtifactBody("a", "y", None),
            "artifact",
            "a",
            'path="x" path="y"',
        ),
        (
            StepBody("a", "1", "FINISHED", None),
            StepBody("a", "1", "FAILED", None),
            "step",
            "a",
            None,
        ),
        (
            EndedBody("job", "FINISHED", None),
            EndedBody("job", "FAILED", None),
            "status",
            "status",
            '"FINISHED" "FAILED"',
        ),
        (
            EndedBody("job", "FAILED", {"kind": "exit_code", "exit_code": 1}),
            EndedBody("job", "FAILED", None),
            "status",
            "cause",
            '{"exit_code":1,"kind":"exit_code"} null',
        ),
        (
            EndedBody("job", "FINISHED", None),
            EndedBody("job", "FAILED", None),
            "attempt",
            "1",
            'status="FINISHED" status="FAILED"',
        ),
    ],
)
def test_difference_tells_what_each_says(
    one: Body, other: Body, kind: Kind, key: str, said: str | None
) -> None:
    """By the name of the tracker, exactly and without what they agree in."""
    found = between((_MARK, one), (_MARK, other))

    (difference,) = [d for d in found if (d.kind, d.key) == (kind, key)]
    assert said is None or " ".join(difference.said.values()) == said
    assert [*difference.said] == ["MemoryTracker", "MemoryTracker 2"]
    assert difference.index is None


@pytest.mark.parametrize(
    ("one", "other", "kind", "key", "said"),
    [
        (
            LogBody("info", "x", None),
            LogBody("info", "y", None),
            "log",
            "",
            'message="x" message="y"',
        ),
        (
            TrackBody("t", 2.0, {"x": 1}),
            TrackBody("t", 2.0, {"x": 2}),
            "track",
            "t",
            'fields={"x":1} fields={"x":2}',
        ),
        (
            ArtifactBody("a", "x", None),
            ArtifactBody("a", "y", None),
            "artifact history",
            "a",
            'path="x" path="y"',
        ),
        (
            ParamsBody({"p": 1}),
            ParamsBody({"p": 2}),
            "param history",
            "p",
            "value=1 value=2",
        ),
        (
            MetricsBody(1, {"s": {"v": 1.0}}),
            MetricsBody(2, {"s": {"v": 1.0}}),
            "points",
            "s/v",
            "step=1 step=2",
        ),
        (
            MetricsBody(1, {"s": {"v": 1.0}}),
            MetricsBody(1, {"s": {"v": 1}}),
            "points",
            "s/v",
            "value=1.0 value=1",
        ),
        (
            MetricsBody(1, {"s": {"v": "a"}}),
            TagsBody({"t": "u"}),
            "points",
            "s/v",
            None,
        ),
    ],
)
def test_difference_in_an_order_tells_the_first_place(
    one: Body, other: Body, kind: Kind, key: str, said: str | None
) -> None:
    """What comes before is the same, and what comes after is not looked at."""
    before = (
        LogBody("info", "same", None),
        TrackBody("t", 1.0, {}),
        ArtifactBody("a", "same", None),
        ParamsBody({"p": 0}),
        MetricsBody(0, {"s": {"v": 0.0}}),
    )

    found = between((*before, one), (*before, other))

    (difference,) = [d for d in found if (d.kind, d.key) == (kind, key)]
    assert difference.index == 1
    assert said is None or " ".join(difference.said.values()) == said


def test_mapping_in_another_order_is_no_difference() -> None:
    """Neither the order of keys nor the bits of NaN are values."""
    one = MetadataBody({"a": {"x": float("nan"), "y": 1}})
    other = MetadataBody({"a": {"y": 1, "x": -float("nan")}})

    assert not between((one,), (other,))


def test_run_that_one_store_lacks_is_a_difference(stores: Stores) -> None:
    """The others are compared all the same."""
    stores.sqlite.write(_pen().log(_MARK, ParamsBody({"a": 1})))
    stores.memory.write(_pen().log(_MARK, ParamsBody({"a": 2})))

    found = stores.verify()

    assert found.differences[0] == Difference(
        "run", "", {"sqlite": "held", "fsspec": NOTHING, "memory": "held"}
    )
    assert ("param", "a") in kinds(found)
    assert found.pairs["sqlite", "fsspec"] == 1


def test_run_that_no_store_holds_is_an_error(stores: Stores) -> None:
    """There is nothing to compare."""
    with pytest.raises(RunNotFoundError, match="'r'"):
        stores.verify()


def test_abandoned_points_are_compared_too() -> None:
    """Curves that stand may be the same where what a restart left behind is not."""
    trackers = [told(MetricsBody(1, {"": {"v": value}})) for value in (1, 2)]
    for tracker in trackers:
        tracker.write(_pen(2).log(MetricsBody(0, {"": {"v": 0}}), at=9))

    found = verify(_RUN, trackers)

    assert [*found.differences] == [
        Difference(
            "abandoned points",
            "v",
            {"MemoryTracker": "value=1", "MemoryTracker 2": "value=2"},
            0,
        )
    ]


def test_fields_that_fall_into_other_rows_are_a_difference() -> None:
    """Their series alone do not tell."""
    one = _pen().log(MetricsBody(0, {"": {"a": 1, "b": 2}}), TagsBody({"t": "u"}))
    other = _pen().log(
        MetricsBody(0, {"": {"a": 1}}),
        MetricsBody(0, {"": {"b": 2}}),
        TagsBody({"t": "u"}),
        at=1,
    )
    trackers = [MemoryTracker(), MemoryTracker()]
    trackers[0].write(one)
    trackers[1].write(other)

    (difference,) = verify(_RUN, trackers).differences

    assert (difference.kind, difference.index) == ("rows", 0)
    assert [*difference.said.values()] == ['fields={"a":1,"b":2}', 'fields={"a":1}']


@pytest.mark.one_python
def test_rows_of_a_long_stream_are_left_out(stores: Stores) -> None:
    """Its series are compared, by the page, and the last point is seen."""
    count = pointwise.PAGE_POINTS + 1
    columns = {"a": [0.5] * count, "b": [*range(count)]}
    stores.write(_pen().log(ColumnsBody("s", None, columns)))
    pen = _pen()
    longer = [*columns["b"][:-1], -1]
    other = MemoryTracker()
    other.write(pen.log(ColumnsBody("s", None, {**columns, "b": longer})))

    equal = verify(_RUN, {"sqlite": stores.sqlite, "memory": stores.memory})
    found = verify(_RUN, {"sqlite": stores.sqlite, "other": other})

    assert equal.is_equal
    assert [part.things for part in equal.left_out] == [("rows of stream 's'",)] * 2
    assert found.differences[-1] == Difference(
        "points",
        "s/b",
        {"sqlite": f"value={count - 1}", "other": "value=-1"},
        count - 1,
    )


def test_content_that_is_gone_is_a_difference(stores: Stores) -> None:
    """The store that has lost it says so."""
    stores.write(_pen().log(_FULL[-4]))
    stores.sqlite.add_content(_CONTENT)
    stores.fsspec.add_content(_CONTENT)

    (difference,) = stores.verify().differences

    assert (difference.kind, difference.key) == ("content", _CONTENT.digest)
    assert difference.said["sqlite"] == difference.said["fsspec"] == "3 bytes"
    assert "is not in this memory" in difference.said["memory"]


def test_content_that_is_damaged_is_a_difference(
    stores: Stores, tmp_path: Path
) -> None:
    """It is read to its end, and the digest is checked."""
    stores.keep(_CONTENT)
    stores.write(_pen().log(_FULL[-4]))
    digits = _CONTENT.digest.removeprefix("sha256:")
    (path,) = [p for p in (tmp_path / "runs").rglob(f"*{digits[4:]}") if p.is_file()]
    path.chmod(0o600)
    path.write_bytes(b"abd")

    (difference,) = stores.verify().differences

    assert difference.kind == "content"
    assert "is damaged" in difference.said["fsspec"]


def test_content_that_all_have_lost_is_a_difference() -> None:
    """Though they agree, what was logged is not there."""
    (difference,) = between((_FULL[-4],), (_FULL[-4],))

    assert difference.kind == "content"


def test_plain_tracker_is_compared_as_far_as_it_goes() -> None:
    """What it cannot hold is left out, and what it holds is the same."""
    plain = _Eight()
    batch = _pen().log(*_FULL)
    native(plain).write(batch)
    memory = told(*_FULL)
    memory.add_content(_CONTENT)

    found = verify(_RUN, {"memory": memory, "plain": plain})

    assert not found.differences
    assert {part.tracker for part in found.left_out} == {"plain"}
    assert [part.reason for part in found.left_out] == [
        "it keeps no history",
        "it keeps no content",
    ]


def test_plain_tracker_that_differs_is_told() -> None:
    """Status, params, tags, metadata, artifacts, sources and last values."""
    plain = _Eight()
    native(plain).write(_pen().log(CreatedBody("other")))

    found = verify(_RUN, {"memory": told(*_FULL), "plain": plain})

    assert {kind for kind, _ in kinds(found)} == {
        *("run", "status", "span", "provenance", "param", "tag", "metadata"),
        *("series", "artifact", "source", "content"),
    }


def test_last_value_is_compared_with_trackers_without_history() -> None:
    """Of a series they know no more."""
    plain = _Eight()
    native(plain).write(_pen().log(MetricsBody(0, {"": {"a": 1, "b": 2}})))
    memory = told(MetricsBody(0, {"": {"a": 1, "b": 3}}))

    found = verify(_RUN, {"memory": memory, "plain": plain})

    assert [*found.differences] == [
        Difference("series", "b", {"memory": "last=3", "plain": "last=2"})
    ]


def test_calls_that_a_plain_tracker_lacks_are_left_out() -> None:
    """It can be told nothing of, so it says nothing wrong."""
    found = verify(_RUN, {"memory": told(*_FULL[:-5]), "plain": _Mute()})

    assert found.is_equal
    assert [part.reason for part in found.left_out] == [
        "it takes no metadata",
        "it takes no artifacts",
        "it takes no sources",
        "it keeps no history",
        "it keeps no content",
    ]


def test_plain_tracker_that_tells_of_nothing_holds_no_run() -> None:
    """It says neither that the run is there nor that it is not."""
    trackers = {"memory": MemoryTracker(), "plain": _Mute()}

    with pytest.raises(RunNotFoundError):
        verify(_RUN, trackers)


def test_capabilities_decide_what_is_asked() -> None:
    """A native tracker may lack them too."""
    forgetful = _Forgetful()
    forgetful.write(_pen().log(*_FULL, LogBody("info", "more", None)))
    memory = told(*_FULL)
    memory.add_content(_CONTENT)

    assert Capability.HISTORY not in forgetful.capabilities
    assert verify(_RUN, [memory, forgetful]).is_equal


def test_heartbeats_are_passed_over(stores: Stores) -> None:
    """They go to each store on its own."""
    stores.write(_pen().log(_MARK))
    stores.sqlite.beat(_RUN, START_NS)

    assert stores.verify().is_equal


def test_further_differences_are_counted() -> None:
    """A hundred are told of."""
    many = ParamsBody({f"p{number:03}": 1 for number in range(MOST_DIFFERENCES + 20)})

    found = verify(_RUN, [told(_MARK, many), told(_MARK, TagsBody({"a": "b"}))])

    assert len(found.differences) == MOST_DIFFERENCES
    assert found.difference_count == MOST_DIFFERENCES + 21
    assert [*found.pairs.values()] == [MOST_DIFFERENCES + 21]


def test_long_values_are_shortened_and_still_differ() -> None:
    """Their digests tell them apart."""
    one, other = ("x" * 10_000 + end for end in "ab")

    (difference, *_) = between((TagsBody({"a": one}),), (TagsBody({"a": other}),))

    said = [*difference.said.values()]
    assert said[0] != said[1]
    assert all("(10003 characters, sha256:" in text for text in said)
    assert max(map(len, said)) < 200


def test_trackers_are_at_least_two() -> None:
    """One alone agrees with itself."""
    with pytest.raises(InvalidValueError, match="give at least two"):
        verify(_RUN, [told(_MARK)])


def test_trackers_are_a_mapping_or_a_list() -> None:
    """A tracker on its own is neither."""
    with pytest.raises(UnsupportedTypeError, match="a mapping or a list"):
        verify(_RUN, told(_MARK))  # type: ignore[arg-type]  # what is refused


def test_tracker_is_one() -> None:
    """Anything else is refused in the words of every call."""
    with pytest.raises(ConfigError, match="object is no tracker"):
        verify(_RUN, [told(_MARK), object()])  # type: ignore[list-item]  # what is refused


def test_error_of_a_tracker_tells_its_name() -> None:
    """In a note: which of several failed is not seen otherwise."""
    with pytest.raises(RetryableError) as caught:
        verify(_RUN, {"memory": told(_MARK), "broken": _Broken()})

    assert caught.value.__notes__ == ["tracker 'broken' was asked"]


def test_verify_is_public() -> None:
    """With what it returns."""
    assert tracker_core.verify is verify
    assert tracker_core.Verification is Verification
    assert tracker_core.Difference is Difference


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(st.lists(bodies(), min_size=1, max_size=4), min_size=1, max_size=4),
    backwards=st.booleans(),
)
def test_stores_with_the_same_random_records_are_equal(
    stores: Stores, said: list[list[Body]], *, backwards: bool
) -> None:
    """Whatever was logged, and in whatever order the batches arrived."""
    for content in CONTENTS:
        stores.keep(content)
    pens = [
        Pen(f"{START_NS}-{id(said)}", f"w{n}", attempt=1 + n // 2) for n in range(4)
    ]
    run_id = pens[0].run_id
    batches = [pen.log(*told) for pen, told in zip(pens, said, strict=False)]
    stores.write(*batches[::-1]) if backwards else stores.write(*batches)

    found = verify(run_id, stores._asdict())

    assert found.is_equal, found.differences
