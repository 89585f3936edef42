"""Runs as files: what is taken, where it lies, what others see."""

import math
import os
import shutil
from pathlib import Path
from typing import get_args

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker_core.api import Capability
from tracker_core.contents import Content, content_of_bytes
from tracker_core.errors import RunNotFoundError
from tracker_core.identity import new_run_id
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
    Record,
    SourceBody,
    SpanBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
    UnknownBody,
    Writer,
)
from tracker_core.testing import MemoryTracker
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.machine import bodies
from tracker_core.testing.contract.pen import START_NS
from tracker_core.values import Value
from tracker_fsspec import FsspecTracker
from tracker_fsspec.layout import directory_name, is_digest, run_id_in
from tracker_fsspec.store import Store

RUN = "local://session/app-1"
VALUES: dict[str, Value] = {
    "text": "1",
    "integer": 1,
    "large": 2**63,
    "real": 1.0,
    "truth": True,
    "nothing": None,
    "nan": math.nan,
    "infinite": -math.inf,
    "nested": {"list": [1, 1.0, "x", {"$float": "nan"}]},
}


def open_at(root: Path) -> FsspecTracker:
    """Open another tracker on a local directory."""
    return FsspecTracker(LocalFileSystem(), str(root))


def one(body: Body, writer: str) -> Batch:
    """Return a batch of one record."""
    return Batch(RUN, Writer(writer), 1, 1, (Record(1, 5, body),))


def every_kind(content: Content) -> tuple[Body, ...]:
    """Return a record of each kind, with all its fields."""
    return (
        CreatedBody("name", "experiment", "group", "parent", {"lr": [1, 1.0]}),
        StartedBody("job"),
        ProvenanceBody({"code": {"commit": "0" * 40, "dirty": True}}),
        MetadataBody(VALUES),
        ParamsBody(VALUES),
        TagsBody({"device": "cpu"}),
        MetricsBody(3, {"": {"loss": 0.5}, "train": {"loss": math.nan}}),
        ColumnsBody("train", [4, 5], {"loss": [0.25, None], "note": ["a", math.inf]}),
        ColumnsBody("free", None, {"x": [1, 2.0, True]}),
        LogBody("warn", "two\nlines", {"k": 1}),
        TrackBody("pose", 1.5, {"q": [0.1, -0.0]}),
        ArtifactBody("reference", "s3://bucket/model", None),
        ArtifactBody(
            "kept",
            content.digest,
            {"epoch": 1},
            content.digest,
            content.size_bytes,
            "text/plain",
            "note",
            "results",
        ),
        SourceBody("source", "label"),
        SpanBody("trace", "span"),
        StepBody("prepare", "1", "RUNNING", None),
        StepBody("prepare", "1", "FAILED", {"kind": "exit_code", "exit_code": 2}),
        UnknownBody("hologram", {"depth": 3}),
        EndedBody("job", "FAILED", {"kind": "exception"}),
    )


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return inode and content of every file."""
    return {
        str(path.relative_to(root)): (path.stat().st_ino, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("key", VALUES)
def test_value_keeps_its_type_in_every_kind(tmp_path: Path, key: str) -> None:
    """Metadata, params and points come back as what they were, to the bit."""
    values = {key: VALUES[key]}
    bodies: tuple[Body, ...] = (
        MetadataBody(values),
        ParamsBody(values),
        MetricsBody(0, {"": values}),
        ArtifactBody("a", "p", values),
    )
    records = tuple(Record(n, n, body) for n, body in enumerate(bodies, start=1))
    open_at(tmp_path).write(Batch(RUN, Writer("w"), 1, 4, records))

    again = open_at(tmp_path)

    read = [
        again.metadata(RUN)[key],
        again.params(RUN)[key],
        again.points(RUN, key)[0].value,
        dict(again.artifacts(RUN)["a"].metadata or {})[key],
    ]
    assert repr(read) == repr([VALUES[key]] * 4)


def test_every_kind_of_record_reads_as_the_model_reads_it(tmp_path: Path) -> None:
    """One batch with a record of each kind, and another tracker tells all of it."""
    content = content_of_bytes(b"content")
    records = tuple(
        Record(n, START_NS + n, body)
        for n, body in enumerate(every_kind(content), start=1)
    )
    assert {type(record.body) for record in records} == set(get_args(Body))
    batch, model = Batch(RUN, Writer("w"), 1, len(records), records), MemoryTracker()

    for tracker in (open_at(tmp_path), model):
        tracker.add_content(content)
        tracker.write(batch)

    again = open_at(tmp_path)
    assert answers(again, RUN) == answers(model, RUN)
    assert exact(again.runs()) == exact(model.runs())
    assert exact(again.experiments()) == exact(model.experiments())
    with again.open_artifact(RUN, "kept") as file:
        assert file.read() == b"content"


def test_runs_are_queried(tmp_path: Path) -> None:
    """Query, order and limit are understood, also for runs that others wrote."""
    writer, reader = open_at(tmp_path), open_at(tmp_path)
    for run_id, rate in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        writer.add_metadata(run_id, rate=rate)

    found = reader.runs("metadata.rate > 0.1", order_by="metadata.rate", limit=1)

    assert [info.run_id for info in found] == ["b"]


def test_write_again_changes_no_file(tmp_path: Path) -> None:
    """A batch that was taken is passed over: not one file is written anew."""
    records = (Record(1, 5, MetadataBody({"k": 1})), Record(2, 6, SourceBody("s", "a")))
    batch = Batch(RUN, Writer("w"), 1, 2, records)
    open_at(tmp_path).write(batch)
    before = snapshot(tmp_path)

    open_at(tmp_path).write(batch)

    assert snapshot(tmp_path) == before


def test_write_keeps_two_writers_of_one_nanosecond(tmp_path: Path) -> None:
    """Writes at the very same time do not replace each other."""
    tracker = open_at(tmp_path)

    tracker.write(one(MetadataBody({"a": 1}), writer="w1"))
    tracker.write(one(MetadataBody({"b": 2}), writer="w2"))

    assert tracker.metadata(RUN) == {"a": 1, "b": 2}


def test_sources_lists_every_label_of_a_source(tmp_path: Path) -> None:
    """Two names and no name to one source are three edges."""
    tracker = open_at(tmp_path)
    for label in ("model", None, "data"):
        tracker.add_source(RUN, "parent", label)

    edges = [(edge.source_run_id, edge.artifact_name) for edge in tracker.sources(RUN)]

    assert edges == [("parent", None), ("parent", "data"), ("parent", "model")]
    assert len(tracker.sources(RUN, "model")) == 1


@pytest.mark.parametrize("label", ["two\nlines", " padded ", "\r", "a\u2028b"])
def test_sources_keeps_a_label_that_no_line_can_hold(
    tmp_path: Path, label: str
) -> None:
    """The edge is exactly the one that was written, and there is only that one."""
    open_at(tmp_path).add_source(RUN, "parent", label)

    edges = open_at(tmp_path).sources(RUN)

    assert [edge.artifact_name for edge in edges] == [label]


@pytest.mark.parametrize("run_id", ["ünï/①", "r" * 155, "r" * 156, "r" * 5000])
def test_run_id_of_any_length_and_script_comes_back(
    tmp_path: Path, run_id: str
) -> None:
    """It makes a name that a disk takes, and other trackers list the id itself."""
    open_at(tmp_path).add_metadata(run_id, key=1)

    again = open_at(tmp_path)

    assert list(again.run_ids()) == [run_id]
    assert again.metadata(run_id) == {"key": 1}


def test_directory_name_is_torchx_name() -> None:
    """It is BASE32 as torchx writes it, as long as a file name may be."""
    assert directory_name("run") == "OJ2W4==="
    assert run_id_in("OJ2W4===") == "run"
    assert len(directory_name("r" * 155)) == 248
    assert not is_digest(directory_name("r" * 155))


def test_directory_name_of_a_long_id_is_its_digest() -> None:
    """It tells no id, and no id that reads like a digest has the same name."""
    name = directory_name("r" * 156)

    assert is_digest(name)
    assert run_id_in(name) is None
    digest = "sha256:" + "0" * 64
    assert directory_name(digest) != directory_name("sha256:" + "1" * 64)
    assert run_id_in(directory_name(digest)) is None


@pytest.mark.parametrize("name", ["", "notes", "MZXW6", "oj2w4===", "ÿ", "74======"])
def test_run_id_in_tells_nothing_of_a_foreign_name(name: str) -> None:
    """What is no BASE32 of text, in capitals and padded, names no run."""
    assert run_id_in(name) is None


def test_runs_ignores_what_is_no_run(tmp_path: Path) -> None:
    """Foreign files and directories below the root are no runs and no errors."""
    tracker = open_at(tmp_path)
    tracker.add_metadata(RUN, key=1)
    for name in ("notes", ".git", "AAAAAAAA", directory_name("empty")):
        (tmp_path / name / "sub").mkdir(parents=True)
    (tmp_path / directory_name("file")).write_text("a file")

    assert list(tracker.run_ids()) == [RUN]


def test_runs_ignores_batches_of_another_run(tmp_path: Path) -> None:
    """A run's directory copied to another name is no second run."""
    tracker = open_at(tmp_path)
    tracker.add_metadata(RUN, key=1)
    shutil.copytree(
        tmp_path / directory_name(RUN) / "batches",
        tmp_path / directory_name("copy") / "batches",
    )

    assert list(tracker.run_ids()) == [RUN]
    assert tracker.metadata("copy") == {}


def test_removed_run_is_forgotten(tmp_path: Path) -> None:
    """A tracker that has read a run does not tell of it after its files are gone."""
    tracker = open_at(tmp_path)
    tracker.add_metadata(RUN, key=1)
    assert tracker.metadata(RUN) == {"key": 1}
    (tmp_path / directory_name(RUN)).rename(tmp_path / "elsewhere")

    assert tracker.metadata(RUN) == {}
    with pytest.raises(RunNotFoundError):
        tracker.run(RUN)


def test_root_with_wildcards_is_taken_as_it_is(tmp_path: Path) -> None:
    """Characters that a pattern would use are only characters here."""
    tracker = open_at(tmp_path / "a[1]*?")
    tracker.add_metadata(RUN, key=1)

    assert open_at(tmp_path / "a[1]*?").metadata(RUN) == {"key": 1}


class ListingCache(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem that remembers listings until it is told to forget them."""

    cachable = False

    def ls(self, path: str, detail: bool = True, **kw: object) -> object:  # noqa: FBT001, FBT002 - fsspec's signature
        """List from the cache where possible."""
        if path not in self.dircache:
            self.dircache[path] = super().ls(path, detail=True, **kw)
        found = self.dircache[path]
        return found if detail else [entry["name"] for entry in found]

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget every listing, or that of one directory."""
        if path is None:
            self.dircache.clear()
        else:
            self.dircache.pop(path, None)


def test_new_files_are_seen_through_a_listing_cache() -> None:
    """What another tracker wrote is read although the directory was listed before."""
    root = f"/{new_run_id()}"
    writer = FsspecTracker(ListingCache(use_listings_cache=True), root)
    reader = FsspecTracker(ListingCache(use_listings_cache=True), root)
    writer.add_metadata(RUN, a=1)
    assert reader.metadata(RUN) == {"a": 1}

    writer.add_metadata(RUN, b=2)
    writer.add_metadata("other", c=3)

    assert reader.metadata(RUN) == {"a": 1, "b": 2}
    assert set(reader.run_ids()) == {RUN, "other"}


class AsyncLike(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem that says it does not survive a fork."""

    async_impl = True


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_store_opens_an_asynchronous_filesystem_again_in_a_fork() -> None:
    """Its event loop lives in a thread that a forked child does not have."""
    fs = AsyncLike()
    store = Store(fs, "/x")
    assert store.fs is fs

    pid = os.fork()
    if pid == 0:
        os._exit(0 if store.fs is not fs and store.fs is store.fs else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_capabilities_are_those_of_the_filesystem(tmp_path: Path) -> None:
    """Memory does not outlive its process; a disk does everything."""
    in_memory = FsspecTracker(MemoryFileSystem(), "/x")

    assert in_memory.capabilities == {Capability.HISTORY, Capability.CONTENT}
    assert open_at(tmp_path).capabilities == set(Capability)


def test_repr_shows_protocol_and_root_alone(tmp_path: Path) -> None:
    """Options and credentials stay out of it."""
    fs = MemoryFileSystem(key="hidden-1")

    shown = repr(FsspecTracker(fs, "user:hidden-2@bucket/runs?sig=hidden-3"))

    assert shown == "FsspecTracker('memory', '***@bucket/runs')"
    assert repr(open_at(tmp_path)) == f"FsspecTracker('file', '{tmp_path}')"


@st.composite
def arrivals(draw: st.DrawFn) -> list[Batch]:
    """Draw the batches of some writers, in any order, some of them twice."""
    batches = []
    for number in range(draw(st.integers(1, 3))):
        writer = Writer(f"w{number}", draw(st.integers(1, 2)))
        times = sorted(draw(st.lists(st.integers(0, 5), min_size=1, max_size=6)))
        records = tuple(
            Record(sequence, time_ns, draw(bodies()))
            for sequence, time_ns in enumerate(times, start=1)
        )
        cut = draw(st.integers(0, len(records)))
        batches += [
            Batch("run", writer, part[0].sequence, part[-1].sequence, part)
            for part in (records[:cut], records[cut:])
            if part
        ]
    order = draw(st.permutations(batches))
    return [*order, *draw(st.lists(st.sampled_from(batches), max_size=2))]


@settings(max_examples=40, deadline=None)
@given(arrivals())
def test_answers_are_the_models_in_any_order_of_arrival(batches: list[Batch]) -> None:
    """Two trackers that take turns answer as the model does, and so does a third."""
    root, model = f"/{new_run_id()}", MemoryTracker()
    one, two, three = (FsspecTracker(MemoryFileSystem(), root) for _ in range(3))

    for number, batch in enumerate(batches):
        (one, two)[number % 2].write(batch)
        one.runs()
        model.write(batch)

    told = answers(model, "run")
    assert answers(one, "run") == answers(three, "run") == told
