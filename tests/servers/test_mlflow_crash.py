"""Jobs, deliveries and servers die, and what was logged is in MLflow once."""

import random
import shutil
from collections import Counter
from itertools import count
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.conftest import chance, rounds
from tests.crash.deeds import check_found
from tests.crash.jobs import obey
from tests.crash.processes import code_of, killed_job
from tests.crash.stepwise import DEEDS, leave_behind
from tests.crash.stores import deliver_rest, until
from tests.servers.mlflow_deeds import DIED, deliver_until, environment
from tests.servers.mlflow_server import MlflowServer
from tracker_core.delivery.ledger import ledgers
from tracker_core.identity import new_run_id
from tracker_core.journal.folders import run_folders
from tracker_mlflow import create
from tracker_mlflow.claims import run_key

pytestmark = pytest.mark.one_python

__all__ = ["chance", "rounds"]


@pytest.fixture(scope="module")
def prepared() -> ForkServerContext:
    """Give processes that have imported all that a job imports, and opened nothing."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.jobs", "tests.servers.mlflow_deeds"])
    return context


@pytest.mark.timeout(1200)
def test_killed_job_has_lost_nothing_that_was_acknowledged(
    mlflow: MlflowServer,
    prepared: ForkServerContext,
    chance: random.Random,
    rounds: int,
    tmp_path: Path,
) -> None:
    """All that returned is in MLflow once, wherever delivery was when it was killed."""
    for number in range(rounds // 4):
        home, run_id = tmp_path / str(number), new_run_id()
        given = environment(home, mlflow.uri, run_id)
        deeds = int(10 ** (chance.random() * 3))
        acknowledged = killed_job(prepared, given, deeds)

        tracker = create(mlflow.uri)
        assert not deliver_rest(home, {"mlflow": tracker})
        check_found(tracker, run_id, acknowledged)
        _check_shown(mlflow, run_id)


@pytest.mark.timeout(1200)
def test_delivery_that_dies_at_any_request_loses_and_doubles_nothing(
    mlflow: MlflowServer, prepared: ForkServerContext, tmp_path: Path
) -> None:
    """Before it was sent, or before its answer was heard; at each 13th moment."""
    origin, uri = tmp_path / "origin", mlflow.uri
    assert code_of(prepared, leave_behind, origin) == 0
    client, tracker = MlflowClient(uri), create(uri)

    for last in count(1, 13):
        home = tmp_path / str(last)
        shutil.copytree(origin, home)
        code = code_of(prepared, deliver_until, home, uri, last)
        deliver_rest(home, {"mlflow": tracker})
        check_found(tracker, "r", {"t0": DEEDS, "u0": DEEDS})
        client.delete_run(_check_shown(mlflow, "r"))
        if code == 0:
            break
        assert code == DIED

    assert last > 20


@pytest.mark.timeout(600)
def test_server_that_was_away_gets_all_of_it_once(
    prepared: ForkServerContext, tmp_path: Path
) -> None:
    """It is stopped in the middle of a run and started again after it."""
    server = MlflowServer(tmp_path, f"sqlite:///{tmp_path}/mlflow.db")
    server.start()
    home, run_id = tmp_path / "home", new_run_id()
    given = environment(home, server.uri, run_id)
    given["TRACKER_CLOSE_TIMEOUT"] = "1"
    told, orders = prepared.Pipe(duplex=False)
    try:
        with Acknowledgements() as heard:
            job = prepared.Process(
                target=obey, args=(given, tmp_path / "errors", None, heard.end, told)
            )
            job.start()
            heard.let_go()
            heard.wait_for(100)
            server.stop()
            until(lambda: "cannot be reached" in _error_of(home))
            heard.wait_for(sum(heard.counts.values()) + 100)
            orders.send(0)
            heard.read_all()
            job.join()
            assert job.exitcode == 0
            job.close()

        server.start()
        tracker = create(server.uri)
        assert not deliver_rest(home, {"mlflow": tracker})
        assert check_found(tracker, run_id, heard.counts) == heard.counts["o0"]
        assert tracker.run(run_id).status == "FINISHED"
        _check_shown(server, run_id)
    finally:
        server.stop()
        told.close()
        orders.close()


def _error_of(home: Path) -> str:
    found = [ledger.error for folder in run_folders(home) for ledger in ledgers(folder)]
    return " ".join(error for error in found if error)


def _check_shown(server: MlflowServer, run_id: str) -> str:
    """Check that MLflow has one run, and each point once; return its id."""
    client, tracker = MlflowClient(server.uri), create(server.uri)
    ids = [one.experiment_id for one in client.search_experiments()]
    (found,) = client.search_runs(ids, f"tags.`tracker.key` = '{run_key(run_id)}'")
    for name in tracker.series(run_id):
        points = tracker.points(run_id, name)
        history = client.get_metric_history(found.info.run_id, name)
        shown = Counter((one.step, one.value) for one in history)
        assert shown == Counter(zip(points.steps, points.values, strict=True))
    id_: str = found.info.run_id
    return id_
