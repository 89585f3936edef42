"""One scripted run with every kind of record, in files, databases and on servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import tracker_fsspec
import tracker_mlflow
import tracker_sqlite
from tests.end_to_end.test_all_kinds import log_everything
from tests.servers.mlflow_server import MlflowServer
from tests.servers.test_s3_contract import config, s3_server
from tracker_core import NativeTracker, verify
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.memory import MemoryTracker

pytestmark = pytest.mark.one_python

__all__ = ["config", "s3_server"]


@pytest.fixture
def trackers(
    tmp_path: Path, mlflow_on_sqlite: MlflowServer, config: str
) -> Iterator[dict[str, NativeTracker]]:
    """Give one tracker of each native backend."""
    found = {
        "memory": MemoryTracker(),
        "sqlite": tracker_sqlite.create(str(tmp_path / "runs.db")),
        "files": tracker_fsspec.create(str(tmp_path / "runs")),
        "s3": tracker_fsspec.create(config),
        "mlflow": tracker_mlflow.create(mlflow_on_sqlite.uri),
    }
    yield found
    for tracker in found.values():
        tracker.close()


def test_run_is_the_same_everywhere(
    trackers: dict[str, NativeTracker], tmp_path: Path
) -> None:
    """Kind by kind, by value and type; and verification says so."""
    run_id = log_everything(trackers, tmp_path)

    expected = _answers(trackers["memory"], run_id)
    assert all(expected.values())
    for name, tracker in trackers.items():
        found = _answers(tracker, run_id)
        for kind, answer in expected.items():
            assert found[kind] == answer, f"{kind} in {name}"
    assert verify(run_id, trackers).is_equal


def _answers(tracker: NativeTracker, run_id: str) -> dict[str, object]:
    """Return all reads, without heartbeats: when they come is not the run's."""
    found = answers(tracker, run_id)
    run = found["run"]
    assert isinstance(run, dict)
    return {**found, "run": {**run, "heartbeat_at": None}}
