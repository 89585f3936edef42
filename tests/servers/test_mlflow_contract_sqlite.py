"""The MLflow backend keeps the contract on a server that uses SQLite."""

import functools
from collections.abc import Callable

import pytest

from tests.servers.mlflow_server import MlflowServer
from tests.servers.parts import StoreParts
from tracker_mlflow import MlflowTracker, create

pytestmark = pytest.mark.one_python


class TestMlflowOnSqlite(StoreParts):
    """The contract on a real server, in those parts that the store decides.

    The suite on PostgreSQL, which is the stricter of the two, has all others.
    """

    @pytest.fixture
    def open_tracker(
        self, mlflow_on_sqlite: MlflowServer
    ) -> Callable[[], MlflowTracker]:
        """Open a tracker on a server without runs."""
        mlflow_on_sqlite.empty()
        return functools.partial(create, mlflow_on_sqlite.uri)
