"""The memory backend keeps the contract of a tracker."""

import functools

import pytest

from tracker_core.identity import new_run_id
from tracker_core.testing import TrackerContract
from tracker_memory import MemoryTracker, create


class TestMemory(TrackerContract):
    """The suite, on a store that no other test has."""

    @pytest.fixture
    def open_tracker(self) -> functools.partial[MemoryTracker]:
        """Open trackers on one new store."""
        return functools.partial(create, new_run_id())
