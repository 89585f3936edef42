"""Where tests of launches work, and the store that they deliver to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import tracker_sqlite
from tracker_core.api import NativeTracker


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder without any configuration; return it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(place: Path) -> Iterator[NativeTracker]:
    """Give a store that outlives its process, which a launcher delivers to."""
    tracker = tracker_sqlite.create(str(place / "runs.db"))
    yield tracker
    tracker.close()
