"""The fsspec backend keeps the contract, on a disk and in memory."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.unmeasured import unmeasured
from tracker_core.identity import new_run_id
from tracker_core.testing import TrackerContract
from tracker_fsspec import FsspecTracker, create

__all__ = ["unmeasured"]


class TestLocalFiles(TrackerContract):
    """The contract on the local filesystem."""

    machine_examples = settings().max_examples

    @pytest.fixture
    def open_tracker(self, tmp_path: Path) -> Callable[[], FsspecTracker]:
        """Open a tracker on a directory of the test."""
        return functools.partial(create, str(tmp_path / "runs"))


@pytest.mark.one_python
class TestMemoryFiles(TrackerContract):
    """The contract on fsspec's filesystem in memory, which one process shares."""

    # With one seed the stories are those of the local filesystem, told once more.
    machine_examples = 20

    @pytest.fixture
    def open_tracker(self) -> Callable[[], FsspecTracker]:
        """Open a tracker below a root that no other test has."""
        return functools.partial(create, f"memory://{new_run_id()}")
