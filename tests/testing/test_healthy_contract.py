"""A faulty tracker whose plan has no faults is as good as the one inside."""

import functools

import pytest

from tracker_core.testing import FaultyTracker, MemoryTracker, TrackerContract
from tracker_core.testing.memory import MemoryStore


def open_healthy(store: MemoryStore) -> FaultyTracker:
    """Stand before a memory tracker and let all pass."""
    return FaultyTracker(MemoryTracker(store), lambda _: None)


@pytest.mark.one_python
class TestHealthy(TrackerContract):
    """The suite, on a tracker that hands everything on."""

    machine_examples = 20

    @pytest.fixture
    def open_tracker(self) -> functools.partial[FaultyTracker]:
        """Open trackers on one new store."""
        return functools.partial(open_healthy, MemoryStore())
