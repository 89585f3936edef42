"""The MLflow backend keeps the contract on a server that uses SQLite."""

import functools
from collections.abc import Callable

import pytest

from tests.servers.mlflow_server import MlflowServer
from tracker_core.testing import TrackerContract
from tracker_mlflow import MlflowTracker, create

pytestmark = pytest.mark.one_python


class TestMlflowOnSqlite(TrackerContract):
    """The contract on a real server, whose runs are deleted before each test."""

    machine_examples = 3
    machine_steps = 15

    @pytest.fixture
    def open_tracker(
        self, mlflow_on_sqlite: MlflowServer
    ) -> Callable[[], MlflowTracker]:
        """Open a tracker on a server without runs."""
        mlflow_on_sqlite.empty()
        return functools.partial(create, mlflow_on_sqlite.uri)
