"""One directory, two trackers: genuine torchx's format is read here, and ours there.

``torchx_metadata`` and its like read as torchx 0.7 does; the files that they meet in
the first tests are those that it writes, byte for byte.
"""

import json
import logging
from base64 import b32decode, b32encode
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from tracker_core.contents import content_of_bytes
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.records import ArtifactBody, Batch, MetadataBody, Record, Writer
from tracker_core.runs import to_datetime
from tracker_core.testing.contract.answers import answers
from tracker_fsspec import FsspecTracker
from tracker_fsspec.layout import LAKE

RUN = "local_cwd://torchx/app-x1"


def base32(text: str) -> str:
    """Name a run's directory as torchx does."""
    return b32encode(text.encode("ascii")).decode()


def open_at(root: Path) -> FsspecTracker:
    """Open another tracker on a local directory."""
    return FsspecTracker(LocalFileSystem(), str(root))


def put(root: Path, name: str, content: str, run: str = RUN) -> None:
    """Write one of torchx's files."""
    path = root / base32(run) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())


def torchx_metadata(run: Path) -> dict[str, object]:
    """Merge the files of ``metadata``, by name."""
    merged: dict[str, object] = {}
    for path in sorted((run / "metadata").iterdir()):
        merged.update(json.loads(path.read_text())["metadata"])
    return merged


def torchx_sources(run: Path) -> set[tuple[str, str | None]]:
    """Read the files of ``sources``."""
    edges: set[tuple[str, str | None]] = set()
    for path in (run / "sources").iterdir():
        source = b32decode(path.name).decode()
        labels = [line.strip() for line in path.read_bytes().splitlines()]
        named = [label.decode() for label in labels if label]
        edges |= {(source, label) for label in named} or {(source, None)}
    return edges


def test_torchx_metadata_is_read_by_time(tmp_path: Path) -> None:
    """The last write of a key wins, in whatever order the directory lists files."""
    for time_ns in [*range(150, 200), *range(100, 150), *range(1000, 999, -1)]:
        content = json.dumps({"metadata": {"last": time_ns, f"k{time_ns}": "1"}})
        put(tmp_path, f"metadata/{time_ns}", content)

    metadata = open_at(tmp_path).metadata(RUN)

    assert metadata["last"] == 1000
    assert metadata["k100"] == "1"
    assert len(metadata) == 102


def test_torchx_values_keep_their_types(tmp_path: Path) -> None:
    """Numbers, texts and torchx's bare NaN are read as what they were."""
    values = '{"i": 1, "f": 1.0, "s": "1", "n": null, "nan": NaN, "d": {"1": [2]}}'
    put(tmp_path, "metadata/7", f'{{"metadata": {values}}}')

    read = open_at(tmp_path).metadata(RUN)

    assert repr(read) == repr(dict(sorted(json.loads(values).items())))


def test_torchx_artifact_of_a_name_is_the_newest(tmp_path: Path) -> None:
    """Of two files of one name the later time wins, 9 before 10."""
    for time_ns, about in ((10, {"epoch": 10}), (9, None)):
        entry = {"name": "model", "path": f"s3://b/{time_ns}", "metadata": about}
        put(tmp_path, f"artifacts/{time_ns}", json.dumps(entry))

    artifacts = open_at(tmp_path).artifacts(RUN)

    assert artifacts == {"model": TrackerArtifact("model", "s3://b/10", {"epoch": 10})}


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("\n", [None]),
        ("", [None]),
        ("model\n", ["model"]),
        ("model\ndata\n", ["data", "model"]),
        ("\nmodel\n", [None, "model"]),
        ("model", ["model"]),
    ],
)
def test_torchx_source_file_gives_its_edges(
    tmp_path: Path, content: str, labels: list[str | None]
) -> None:
    """Named lines are edges, and a blank one is the edge without a label."""
    put(tmp_path, f"sources/{base32('parent')}", content)

    edges = open_at(tmp_path).sources(RUN)

    assert edges == [TrackerSource("parent", label) for label in labels]


def test_torchx_run_has_no_status_and_the_time_of_its_first_file(
    tmp_path: Path,
) -> None:
    """Nobody recorded a life cycle, but the names of the files tell when it began."""
    first = 1_700_000_000_000_000_000
    put(tmp_path, f"metadata/{first + 5000}", '{"metadata": {}}')
    entry = '{"name": "a", "path": "p", "metadata": null}'
    put(tmp_path, f"artifacts/{first}", entry)

    info = open_at(tmp_path).run(RUN)

    assert (info.status, info.attempts) == (None, ())
    assert info.created_at == to_datetime(first)


def test_torchx_run_of_edges_alone_is_listed_last(tmp_path: Path) -> None:
    """It is a run although nothing tells its time."""
    put(tmp_path, f"sources/{base32('parent')}", "\n")
    put(tmp_path, "metadata/5", '{"metadata": {}}', run="other")
    tracker = open_at(tmp_path)

    infos = tracker.runs()

    assert [info.run_id for info in infos] == ["other", RUN]
    assert infos[-1].created_at is None
    assert list(tracker.run_ids(parent_run_id="parent")) == [RUN]
    assert tracker.lineage("parent").children == (RUN,)


@pytest.mark.parametrize(
    "damaged",
    [
        '{"metadata": {"k',
        "",
        "[]",
        '{"other": 1}',
        '{"metadata": 3}',
        '{"metadata": {"k": "\\ud800"}}',
        "\x00\x01",
        "[" * 200_000,
    ],
    ids=range(8),
)
def test_damaged_torchx_file_is_passed_over_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damaged: str
) -> None:
    """The other files are read, and the warning names the one that is not."""
    put(tmp_path, "metadata/1", '{"metadata": {"a": 1}}')
    put(tmp_path, "metadata/2", damaged)
    tracker = open_at(tmp_path)

    with caplog.at_level(logging.WARNING):
        assert tracker.metadata(RUN) == {"a": 1}
        assert tracker.metadata(RUN) == {"a": 1}

    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert f"{base32(RUN)}/metadata/2" in warnings[0]


def test_damaged_torchx_artifact_and_source_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What makes no sense in those directories harms no read either."""
    put(tmp_path, "metadata/1", '{"metadata": {"a": 1}}')
    put(tmp_path, "artifacts/2", '{"name": 3, "path": "p", "metadata": null}')
    put(tmp_path, f"sources/{base32('one')}", "model\n")
    put(tmp_path, "sources/no-base32", "model\n")
    (tmp_path / base32(RUN) / "sources" / base32("two")).write_bytes(b"\xff\n")
    tracker = open_at(tmp_path)

    assert tracker.artifacts(RUN) == {}
    assert tracker.sources(RUN) == [TrackerSource("one", "model")]
    assert len(caplog.records) == 2


def test_torchx_file_is_read_once_it_is_whole(tmp_path: Path) -> None:
    """One that was read while torchx wrote it is tried again at the next read."""
    put(tmp_path, "metadata/1", '{"metadata": {"a"')
    tracker = open_at(tmp_path)
    assert tracker.metadata(RUN) == {}

    put(tmp_path, "metadata/1", '{"metadata": {"a": 1}}')

    assert tracker.metadata(RUN) == {"a": 1}


def test_files_of_other_names_are_not_torchx_files(tmp_path: Path) -> None:
    """Only a decimal time names one."""
    put(tmp_path, "metadata/1", '{"metadata": {"a": 1}}')
    for name in ("notes.json", "1.tmp", "-2", "٣", "9" * 20):
        put(tmp_path, f"metadata/{name}", '{"metadata": {"a": 2}}')

    assert open_at(tmp_path).metadata(RUN) == {"a": 1}


def test_both_write_one_run(tmp_path: Path) -> None:
    """What torchx and what we wrote is one run, the later of a key winning."""
    put(tmp_path, "metadata/10", '{"metadata": {"a": 10, "b": 10}}')
    put(tmp_path, f"sources/{base32('parent')}", "model\n")
    tracker = open_at(tmp_path)
    for time_ns, values in ((5, {"a": 5}), (20, {"b": 20})):
        record = Record(1, time_ns, MetadataBody(values))
        tracker.write(Batch(RUN, Writer(f"w{time_ns}"), 1, 1, (record,)))
    tracker.add_source(RUN, "parent", "data")
    tracker.add_source(RUN, "parent", "model")

    assert tracker.metadata(RUN) == {"a": 10, "b": 20}
    assert [edge.artifact_name for edge in tracker.sources(RUN)] == ["data", "model"]
    assert torchx_sources(tmp_path / base32(RUN)) == {
        ("parent", "data"),
        ("parent", "model"),
    }


def test_torchx_reads_our_metadata(tmp_path: Path) -> None:
    """Merged by name, our files give what our own read gives, as valid JSON."""
    tracker = open_at(tmp_path)
    for values in ({"a": 1, "b": "1"}, {"a": 2.0, "c": None}, {"a": 3, "d": [{}]}):
        tracker.add_metadata(RUN, **values)

    run = tmp_path / base32(RUN)

    assert torchx_metadata(run) == tracker.metadata(RUN)


def test_our_metadata_is_valid_json_for_every_float(tmp_path: Path) -> None:
    """NaN and the infinities are written as text, since JSON has no word for them."""
    open_at(tmp_path).add_metadata(RUN, x=float("nan"))
    (path,) = (tmp_path / base32(RUN) / "metadata").iterdir()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    entry = json.loads(path.read_text(), parse_constant=refuse)

    assert entry == {"metadata": {"x": {"$float": "nan"}}}


def test_torchx_reads_our_artifacts(tmp_path: Path) -> None:
    """A file has the three keys that torchx reads."""
    open_at(tmp_path).add_artifact(RUN, "model", "s3://b/m", {"epoch": 10})

    (path,) = (tmp_path / base32(RUN) / "artifacts").iterdir()

    entry = {"name": "model", "path": "s3://b/m", "metadata": {"epoch": 10}}
    assert json.loads(path.read_text()) == entry


def test_torchx_reads_an_artifact_with_content(tmp_path: Path) -> None:
    """Its path is the digest, and its metadata is what was given."""
    content = content_of_bytes(b"weights")
    about = {"epoch": 10}
    body = ArtifactBody("model", content.digest, about, content.digest, 7, "text/plain")
    record = Record(1, 5, body)
    tracker = open_at(tmp_path)
    tracker.add_content(content)

    tracker.write(Batch(RUN, Writer("w"), 1, 1, (record,)))

    (path,) = (tmp_path / base32(RUN) / "artifacts").iterdir()
    entry = {"name": "model", "path": content.digest, "metadata": about}
    assert json.loads(path.read_text()) == entry


def test_torchx_reads_our_sources(tmp_path: Path) -> None:
    """A line for each label, and a file without named lines for none."""
    tracker = open_at(tmp_path)
    for source, label in (("p1", "a"), ("p1", "b"), ("p1", "a"), ("p2", None)):
        tracker.add_source(RUN, source, label)

    run = tmp_path / base32(RUN)

    assert torchx_sources(run) == {("p1", "a"), ("p1", "b"), ("p2", None)}
    assert (run / "sources" / base32("p1")).read_text() == "a\nb\n"


def test_descendant_is_written_when_its_parent_is_there(tmp_path: Path) -> None:
    """A parent that was tracked before learns of its child; another gets no file."""
    tracker = open_at(tmp_path)
    tracker.add_metadata("parent", key=1)

    tracker.add_source(RUN, "parent", "model")
    tracker.add_source(RUN, "unknown", "model")

    child = tmp_path / base32("parent") / "descendants" / base32(RUN)
    assert child.read_text() == "model\n"
    assert not (tmp_path / base32("unknown")).exists()


@pytest.mark.parametrize("run_id", ["ünï", "r" * 5000])
def test_torchx_can_list_runs_that_it_could_not_write(
    tmp_path: Path, run_id: str
) -> None:
    """It decodes every directory below the root, and fails at all if one is foreign."""
    open_at(tmp_path).add_source(run_id, run_id)

    (run,) = (path for path in tmp_path.iterdir() if path.name != LAKE)

    assert b32decode(run.name).decode()
    assert len(torchx_sources(run)) == 1


def test_torchx_records_are_told_to_another_tracker(tmp_path: Path) -> None:
    """Its files and its edges too, and each once."""
    put(tmp_path, "metadata/1000", '{"metadata": {"lr": 0.1}}')
    put(tmp_path, f"sources/{base32('parent')}", "\nlabel\n")
    tracker = open_at(tmp_path)
    tracker.add_source(RUN, "ours")
    copy = open_at(tmp_path / "copy")

    for batch in [*tracker.batches(RUN), *tracker.batches(RUN)]:
        copy.write(batch)

    assert answers(copy, RUN) == answers(tracker, RUN)
    assert copy.taken(RUN) == tracker.taken(RUN)
    assert [*copy.sources(RUN)] == [
        TrackerSource("ours"),
        TrackerSource("parent"),
        TrackerSource("parent", "label"),
    ]
