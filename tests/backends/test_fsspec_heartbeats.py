"""Heartbeats as files: where they lie, what disturbs them, and whom they disturb."""

import json
import logging
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from tracker_core.errors import RetryableError, RunNotFoundError
from tracker_core.identity import new_run_id
from tracker_core.records import Batch, MetadataBody, Record, Writer
from tracker_core.runs import to_datetime
from tracker_fsspec import FsspecTracker
from tracker_fsspec.layout import directory_name

RUN = "local://session/app-1"


def open_at(root: Path) -> FsspecTracker:
    """Open another tracker on a local directory."""
    return FsspecTracker(LocalFileSystem(), str(root))


def heartbeats(root: Path) -> Path:
    """Return the directory of the run's heartbeats."""
    return root / directory_name(RUN) / "heartbeats"


def begin(tracker: FsspecTracker) -> None:
    """Make the run known."""
    record = Record(1, 5, MetadataBody({"key": 1}))
    tracker.write(Batch(RUN, Writer("w"), 1, 1, (record,)))


def test_each_watcher_has_one_small_file(tmp_path: Path) -> None:
    """It is replaced, and tells of the newest moment that its watcher was told."""
    one, two = open_at(tmp_path), open_at(tmp_path)
    begin(one)

    for time_ns in (4_000, 9_000, 7_000):
        one.beat(RUN, time_ns)
    two.beat(RUN, 8_000)

    texts = sorted(path.read_text() for path in heartbeats(tmp_path).iterdir())
    assert [json.loads(text) for text in texts] == [
        {"time_ns": 8_000},
        {"time_ns": 9_000},
    ]
    assert two.run(RUN).heartbeat_at == to_datetime(9_000)


def test_unknown_run_gets_no_directory(tmp_path: Path) -> None:
    """Genuine torchx would list it."""
    open_at(tmp_path).beat(RUN, 5)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    ["", "{", "7", '{"time_ns": -1}', '{"time_ns": true}', '{"time_ns": 1e9}'],
)
def test_damaged_heartbeat_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    """It is one warning, and the others count; the next write makes it whole."""
    one, two = open_at(tmp_path), open_at(tmp_path)
    begin(one)
    one.beat(RUN, 9_000)
    (damaged,) = heartbeats(tmp_path).iterdir()
    damaged.write_text(content)
    two.beat(RUN, 8_000)
    reader = open_at(tmp_path)

    with caplog.at_level(logging.WARNING):
        found = [reader.run(RUN).heartbeat_at for _ in range(2)]
    one.beat(RUN, 10_000)

    assert found == [to_datetime(8_000)] * 2
    assert [damaged.name in record.getMessage() for record in caplog.records] == [True]
    assert reader.run(RUN).heartbeat_at == to_datetime(10_000)


def test_removed_run_is_forgotten_with_its_heartbeats(tmp_path: Path) -> None:
    """One that is there again begins without."""
    tracker = open_at(tmp_path)
    begin(tracker)
    tracker.beat(RUN, 9_000)
    before = tracker.run(RUN).heartbeat_at
    (tmp_path / directory_name(RUN)).rename(tmp_path / "gone")
    with pytest.raises(RunNotFoundError):
        tracker.run(RUN)

    begin(tracker)

    assert before == to_datetime(9_000)
    assert tracker.run(RUN).heartbeat_at is None


class FullFiles(MemoryFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """A filesystem in memory that takes no heartbeats."""

    cachable = False

    def pipe_file(
        self, path: str, value: bytes, mode: str = "overwrite", **kwargs: object
    ) -> None:
        """Refuse what lies in their directory."""
        if "/heartbeats/" in path:
            raise OSError(28, "No space left on device")
        super().pipe_file(path, value, mode, **kwargs)


def test_failed_heartbeat_may_be_tried_again() -> None:
    """The error says which run, and no credentials."""
    tracker = FsspecTracker(FullFiles(), f"memory://{new_run_id()}")
    begin(tracker)

    with pytest.raises(
        RetryableError, match=r"heartbeat of run 'local:.*No space left"
    ):
        tracker.beat(RUN, 5)

    assert tracker.run(RUN).heartbeat_at is None
