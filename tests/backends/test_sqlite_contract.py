"""The sqlite backend keeps the contract of a tracker."""

import functools
from pathlib import Path

import pytest
from hypothesis import settings

from tests.unmeasured import unmeasured
from tracker_core.testing import TrackerContract
from tracker_sqlite import SqliteTracker, create

__all__ = ["unmeasured"]


class TestSqlite(TrackerContract):
    """The suite, on a database file that no other test has."""

    machine_examples = settings().max_examples

    @pytest.fixture
    def open_tracker(self, tmp_path: Path) -> functools.partial[SqliteTracker]:
        """Open trackers on one new file."""
        return functools.partial(create, str(tmp_path / "runs.db"))
