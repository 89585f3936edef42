"""The servers of a test session: each is started when the first test asks for it."""

import os
from collections.abc import Iterator

import pytest
from coverage import Coverage

from tests.servers.mlflow_server import MlflowServer
from tests.servers.postgres import postgres

# By these coverage is measured in the processes that tests start.
_MEASURING = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


@pytest.fixture(scope="module", autouse=True)
def unmeasured() -> Iterator[None]:
    """Measure no coverage here, as that takes as long again as the servers do.

    What is run here of the core is run by other tests too.
    """
    measured = Coverage.current()
    if measured is None:
        yield
        return
    inherited = {name: os.environ.pop(name, None) for name in _MEASURING}
    measured.stop()
    yield
    measured.start()
    os.environ.update({name: text for name, text in inherited.items() if text})


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
