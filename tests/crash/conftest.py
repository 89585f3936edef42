"""What the tests of crashes need: rounds, chance, processes and stores."""

import os
import random
import secrets
import sys
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.stores import Stores
from tests.unmeasured import unmeasured

__all__ = ["unmeasured"]

# What every job imports sooner or later.
_IMPORTED = (
    "tests.crash.jobs",
    "tracker_core.delivery.journaled",
    "tracker_core.processend",
    "tracker_core.provenance",
    "tracker_core.trackvars",
    "tracker_fsspec",
    "tracker_sqlite",
    "fsspec.implementations.local",
)
# Read before the variables of Tracker are taken out of the environment.
_ROUNDS = int(os.environ.get("TRACKER_TEST_ROUNDS") or 20)
_SEED = int(os.environ.get("TRACKER_TEST_SEED") or secrets.randbelow(2**32))


@pytest.fixture(autouse=True)
def _where_jobs_find_us(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Let jobs import what this process can, and keep nothing elsewhere."""
    del clean_environment
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rounds() -> int:
    """Give how often a job is killed at random: TRACKER_TEST_ROUNDS, or 20."""
    return _ROUNDS


@pytest.fixture
def chance() -> random.Random:
    """Give random numbers by TRACKER_TEST_SEED, which a failure shows."""
    print(f"TRACKER_TEST_SEED={_SEED}")  # noqa: T201 - shown with a failure
    return random.Random(_SEED)  # noqa: S311 - no secret


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    """Give stores below the folder of the test."""
    return Stores(tmp_path)


@pytest.fixture(scope="session")
def prepared() -> ForkServerContext:
    """Give processes that have imported all that a job imports, and opened nothing."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    return context
