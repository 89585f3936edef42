"""Runs as files: what a crash and a failing filesystem leave behind."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from tracker_core.datatypes import TrackerSource
from tracker_core.errors import RetryableError
from tracker_core.identity import new_run_id
from tracker_core.records import Batch, Body, MetadataBody, Record, SourceBody, Writer
from tracker_fsspec import FsspecTracker
from tracker_fsspec.layout import directory_name, file_name

RUN = "local://session/app-1"


def open_at(root: Path) -> FsspecTracker:
    """Open another tracker on a local directory."""
    return FsspecTracker(LocalFileSystem(), str(root))


def one(body: Body, sequence: int = 1) -> Batch:
    """Return a batch of one record."""
    record = Record(sequence, 5, body)
    return Batch(RUN, Writer("w"), sequence, sequence, (record,))


def test_unfinished_file_is_not_read(tmp_path: Path) -> None:
    """What a crash left in the directory of incoming files is nothing."""
    tracker = open_at(tmp_path)
    tracker.add_metadata(RUN, key=1)
    run = tmp_path / directory_name(RUN)
    batch = next((run / "batches").iterdir())
    (run / "incoming" / "leftover").write_bytes(batch.read_bytes()[:20])
    (run / "batches" / ".partial.jsonl").write_bytes(batch.read_bytes()[:20])

    assert open_at(tmp_path).metadata(RUN) == {"key": 1}


def test_incoming_is_empty_after_a_write(tmp_path: Path) -> None:
    """No unfinished file stays behind."""
    open_at(tmp_path).add_metadata(RUN, key=1)

    assert list((tmp_path / directory_name(RUN) / "incoming").iterdir()) == []


def test_damaged_batch_is_passed_over_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A torn batch is a warning for readers; the retry makes it whole."""
    batch, other = one(MetadataBody({"a": 1})), one(MetadataBody({"b": 2}), 2)
    tracker = open_at(tmp_path)
    tracker.write(other)
    tracker.write(batch)
    torn = (
        tmp_path / directory_name(RUN) / "batches" / "w-000000000001-000000000001.jsonl"
    )
    torn.write_bytes(torn.read_bytes()[:-10])
    reader = open_at(tmp_path)

    with caplog.at_level(logging.WARNING):
        assert reader.metadata(RUN) == {"b": 2}
        assert reader.metadata(RUN) == {"b": 2}
    tracker.write(batch)

    assert reader.metadata(RUN) == {"a": 1, "b": 2}
    assert [torn.name in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("time_ns", ["-1", "1e400", "9223372036854775808", "true"])
def test_batch_of_an_impossible_time_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, time_ns: str
) -> None:
    """It is named in a warning, and every other batch is read."""
    tracker = open_at(tmp_path)
    tracker.write(one(MetadataBody({"a": 1})))
    tracker.write(one(MetadataBody({"b": 2}), 2))
    name = "w-000000000001-000000000001.jsonl"
    batch = tmp_path / directory_name(RUN) / "batches" / name
    batch.write_text(batch.read_text().replace('"time_ns":5', f'"time_ns":{time_ns}'))
    reader = open_at(tmp_path)

    read = reader.metadata(RUN)

    assert read == {"b": 2}
    assert [info.run_id for info in reader.runs()] == [RUN]
    assert [name in record.getMessage() for record in caplog.records] == [True]


# Writes one batch after the other, and says of each when it is kept.
WRITE_FOR_EVER = """
import itertools, sys
from tracker_core.records import Batch, MetadataBody, MetricsBody, Record, SourceBody
from tracker_core.records import Writer
from tracker_fsspec import create

sys.stdout.reconfigure(line_buffering=True)
tracker = create(sys.argv[1])
for n in itertools.count(1, 3):
    values = {"n": n}
    bodies = MetricsBody(n, {"": values}), MetadataBody(values), SourceBody("s", "a")
    records = tuple(Record(m, m, body) for m, body in enumerate(bodies, start=n))
    tracker.write(Batch("run", Writer("w"), n, n + 2, records))
    print(n)
"""


@pytest.mark.parametrize("kept", [1, 7, 40])
def test_killed_writer_leaves_what_was_acknowledged(tmp_path: Path, kept: int) -> None:
    """Every batch whose write returned is whole, and at most one more is there."""
    command = [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as child:
        assert child.stdout is not None
        said = [int(child.stdout.readline()) for _ in range(kept)]
        child.kill()
        said += [int(line) for line in child.stdout.read().split()]

    tracker = open_at(tmp_path)

    written = list(tracker.points("run", "n").values)
    assert said == written[: len(said)]
    assert len(written) - len(said) in (0, 1)
    assert tracker.metadata("run") == {"n": written[-1]}
    assert tracker.sources("run") == [TrackerSource("s", "a")]


class FailingFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem in memory that refuses objects whose path holds a word."""

    cachable = False
    refused = "batches"
    error: Exception = OSError(28, "No space left on device")

    def pipe_file(self, path: str, value: bytes, *args: object, **kw: object) -> None:
        """Refuse, or write."""
        if self.refused and self.refused in path:
            raise self.error
        super().pipe_file(path, value, *args, **kw)


@pytest.mark.parametrize("refused", ["metadata", "sources", "batches"])
def test_failed_write_takes_nothing_and_may_be_tried_again(refused: str) -> None:
    """Wherever the filesystem fails, readers see nothing until a retry got through."""
    fs = FailingFiles()
    fs.refused = refused
    tracker = FsspecTracker(fs, f"/{new_run_id()}")
    records = (Record(1, 5, MetadataBody({"k": 1})), Record(2, 6, SourceBody("s", "a")))
    batch = Batch(RUN, Writer("w"), 1, 2, records)

    with pytest.raises(RetryableError, match="No space left on device"):
        tracker.write(batch)

    assert list(tracker.run_ids()) == []
    assert tracker.metadata(RUN) == {}
    assert tracker.sources(RUN) == []
    fs.refused = ""
    tracker.write(batch)
    assert tracker.metadata(RUN) == {"k": 1}
    assert [edge.artifact_name for edge in tracker.sources(RUN)] == ["a"]


def test_failed_write_to_a_disk_leaves_no_unfinished_file(tmp_path: Path) -> None:
    """What cannot be renamed into place is removed, and the error may be retried."""
    batch = one(MetadataBody({"k": 1}))
    run = tmp_path / directory_name(RUN)
    (run / "metadata" / file_name(batch.writer, batch.records[0])).mkdir(parents=True)

    with pytest.raises(RetryableError, match="Is a directory"):
        open_at(tmp_path).write(batch)

    assert list((run / "incoming").iterdir()) == []
    assert open_at(tmp_path).metadata(RUN) == {}


def test_error_of_a_client_may_be_tried_again() -> None:
    """An object store's client is away from its network, and says so in its own way."""
    fs = FailingFiles()
    fs.error = EOFError("hidden")

    with pytest.raises(RetryableError, match=r"could not take .*: EOFError$"):
        FsspecTracker(fs, f"/{new_run_id()}").add_metadata(RUN, key=1)


def test_failed_read_is_an_error_and_no_empty_answer(tmp_path: Path) -> None:
    """A batch that is there but cannot be read is not passed over."""
    tracker = open_at(tmp_path)
    tracker.add_metadata(RUN, key=1)
    loop = tmp_path / directory_name(RUN) / "batches" / "x-1-1.jsonl"
    loop.symlink_to(loop)

    with pytest.raises(OSError, match="symbolic links"):
        tracker.metadata(RUN)


def test_runs_passes_over_a_run_that_may_not_be_read(
    humble_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A private run hides no other; asked for by its id, it is an error."""
    tracker = open_at(humble_folder)
    tracker.add_source(RUN, "private")
    tracker.add_metadata("private", key=1)
    private = humble_folder / directory_name("private")
    private.chmod(0)
    reader = open_at(humble_folder)

    listed = list(reader.run_ids()), list(reader.run_ids(parent_run_id="private"))
    with pytest.raises(PermissionError):
        reader.metadata("private")

    private.chmod(0o700)
    assert listed == ([RUN], [RUN])
    assert [str(private) in record.getMessage() for record in caplog.records] == [True]
    assert set(reader.run_ids()) == {RUN, "private"}


def test_edge_to_a_run_of_another_user_is_taken(humble_folder: Path) -> None:
    """The mirror for torchx cannot be written there, and our own reads need none."""
    tracker = open_at(humble_folder)
    tracker.add_metadata("theirs", key=1)
    theirs = humble_folder / directory_name("theirs")
    theirs.chmod(0o500)

    tracker.add_source(RUN, "theirs", "model")

    theirs.chmod(0o700)
    assert tracker.sources(RUN) == [TrackerSource("theirs", "model")]
    assert [path.name for path in theirs.glob("descendants/*")] == []


def test_write_failure_shows_no_credentials() -> None:
    """The message names what failed and where, without what may be a password."""
    tracker = FsspecTracker(FailingFiles(), "user:hidden@bucket/runs")

    with pytest.raises(RetryableError) as caught:
        tracker.add_metadata(RUN, key=1)

    assert "bucket/runs" in str(caught.value)
    assert "hidden" not in str(caught.value)
