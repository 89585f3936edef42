"""MLflow's own functions for a while, with our run as MLflow's active run."""

from collections.abc import Iterator
from contextlib import contextmanager

import mlflow

from tracker_core import AppRun
from tracker_core.errors import ConfigError
from tracker_mlflow.tracker import MlflowTracker

__all__ = ["active"]


@contextmanager
def active(run: AppRun) -> Iterator[mlflow.ActiveRun]:
    """Make ``run`` the active run of MLflow within a ``with`` block.

    ::

        with tracker_mlflow.active(run):
            mlflow.log_figure(figure, "confusion.png")
            mlflow.sklearn.log_model(model, name="model")

    What is logged so goes to MLflow alone. It changes MLflow's global state for as long
    as the block lasts: the tracking URI and the active run, of this thread. The run
    goes on afterwards.

    Args:
        run: One of whose backends is MLflow; its first records are delivered first.

    Raises:
        ConfigError: None of its backends is MLflow, or MLflow does not hold it yet.
    """
    trackers = [one for one in run.backends if isinstance(one, MlflowTracker)]
    if not trackers:
        message = (
            f"run {run.run_id!r} has no backend mlflow; add it to TRACKER_BACKENDS"
        )
        raise ConfigError(message)
    run.flush()
    with trackers[0].turn:
        mlflow_id = trackers[0].mlflow_run_id(run.run_id)
    if mlflow_id is None:
        message = (
            f"MLflow does not hold the run {run.run_id!r} yet; see `tracker status`, "
            "which tells what its backend says"
        )
        raise ConfigError(message)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(trackers[0].tracking_uri)
    try:
        started = mlflow.start_run(run_id=mlflow_id, log_system_metrics=False)
        try:
            yield started
        finally:
            mlflow.end_run("RUNNING")
    finally:
        mlflow.set_tracking_uri(before)
