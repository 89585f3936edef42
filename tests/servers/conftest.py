"""The servers of a test session: each is started when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.servers.mlflow_server import MlflowServer
from tests.servers.postgres import postgres
from tests.unmeasured import unmeasured

__all__ = ["unmeasured"]


@pytest.fixture(scope="session")
def mlflow_on_sqlite(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[MlflowServer]:
    """Give a running MLflow server that keeps its runs in SQLite."""
    folder = tmp_path_factory.mktemp("mlflow")
    server = MlflowServer(folder, f"sqlite:///{folder}/mlflow.db")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mlflow_on_postgres(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[MlflowServer]:
    """Give a running MLflow server that keeps its runs in PostgreSQL."""
    folder = tmp_path_factory.mktemp("mlflow")
    with postgres() as address:
        store = f"postgresql+pg8000://postgres@{address}/postgres"
        server = MlflowServer(folder, store)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def mlflow(request: pytest.FixtureRequest) -> MlflowServer:
    """Give a server on each of the databases."""
    server: MlflowServer = request.getfixturevalue(f"mlflow_on_{request.param}")
    return server
