"""The memory backend keeps the contract of a tracker."""

import functools

import pytest
from hypothesis import settings

from tracker_core.identity import new_run_id
from tracker_core.testing import TrackerContract
from tracker_memory import MemoryTracker, create


class TestMemory(TrackerContract):
    """The suite, on a store that no other test has."""

    machine_examples = settings().max_examples

    @pytest.fixture
    def open_tracker(self) -> functools.partial[MemoryTracker]:
        """Open trackers on one new store."""
        return functools.partial(create, new_run_id())
