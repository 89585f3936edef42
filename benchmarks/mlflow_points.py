"""Points into an MLflow server: through Tracker, and by MLflow's client used bare.

Usage: ``python benchmarks/mlflow_points.py [--points 40000] [--rounds 3]``, where
``mlflow`` is installed. It starts a server of its own on a loopback port.

Each round logs as many points of four series to the same server in both ways, one
after the other, and prints the ratio of their rates: with Tracker from the first call
until everything is delivered, with the client by ``log_batch`` of 1,000 points.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

# The server is started as the tests do.
sys.path[:0] = [str(Path(__file__).parents[1])]
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from mlflow import MlflowClient  # noqa: E402 - told before that it tells nobody
from mlflow.entities import Metric  # noqa: E402

from tests.servers.mlflow_server import MlflowServer  # noqa: E402
from tracker_core import track  # noqa: E402
from tracker_mlflow import create  # noqa: E402

_SERIES = 4
_BATCH = 1000
_DELIVERED_S = 3600.0


def _bare(uri: str, points: int) -> float:
    """Log by MLflow's client; return the seconds."""
    client = MlflowClient(uri)
    run = client.create_run("0").info.run_id
    begun = time.perf_counter()
    batch: list[Metric] = []
    for number in range(points):
        key = f"train/loss{number % _SERIES}"
        now_ms = int(time.time() * 1000)
        batch.append(Metric(key, 1 / (number + 1), now_ms, number // _SERIES))
        if len(batch) == _BATCH:
            client.log_batch(run, batch)
            batch = []
    client.log_batch(run, batch)
    return time.perf_counter() - begun


def _tracked(uri: str, points: int) -> float:
    """Log through Tracker; return the seconds until all of it is on the server."""
    with track(trackers=[create(uri)]) as run:
        run.flush(_DELIVERED_S)
        begun = time.perf_counter()
        for number in range(points):
            key = f"train/loss{number % _SERIES}"
            run.log_metric(key, 1 / (number + 1), step=number // _SERIES)
        run.flush(_DELIVERED_S)
        return time.perf_counter() - begun


def main() -> None:
    """Run the rounds and print what they took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        os.environ["TRACKER_HOME"] = f"{folder}/home"
        server = MlflowServer(Path(folder), f"sqlite:///{folder}/mlflow.db")
        server.start()
        ratios = []
        try:
            for _ in range(given.rounds):
                bare, tracked = (
                    way(server.uri, given.points) for way in (_bare, _tracked)
                )
                ratios.append(bare / tracked)
                print(
                    f"bare {given.points / bare:7.0f} points/s, "
                    f"Tracker {given.points / tracked:7.0f}, ratio {ratios[-1]:.2f}"
                )
        finally:
            server.stop()
    print(f"median ratio {median(ratios):.2f}")


if __name__ == "__main__":
    main()
