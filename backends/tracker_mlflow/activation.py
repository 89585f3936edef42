"""MLflow's own functions for a while, with our run as MLflow's active run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow

from tracker_core import AppRun
from tracker_core.errors import ConfigError
from tracker_mlflow.tracker import MlflowTracker

__all__ = ["active"]

_QUIET = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"
_URI = "MLFLOW_TRACKING_URI"


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
        ConfigError: None of its backends is MLflow, MLflow does not hold it yet, or a
            run of MLflow's own is active.
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
    with _tracking_at(trackers[0].tracking_uri):
        try:
            started = mlflow.start_run(run_id=mlflow_id, log_system_metrics=False)
        except Exception as error:  # MLflow raises plain ones too
            reason = str(error).partition("\n")[0]
            message = (
                f"MLflow cannot make the run {run.run_id!r} its active one: {reason}; "
                "end MLflow's own run first, and set no experiment by "
                "mlflow.set_experiment"
            )
            raise ConfigError(message) from error
        try:
            yield started
        finally:
            mlflow.end_run("RUNNING")


@contextmanager
def _tracking_at(uri: str) -> Iterator[None]:
    """Let MLflow's own functions speak to a server, and print no link to it.

    The link would show the password of the address.
    """
    before = mlflow.get_tracking_uri()
    kept = {name: os.environ.get(name) for name in (_QUIET, _URI)}
    os.environ[_QUIET] = "true"
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
        for name, text in kept.items():
            os.environ.pop(name, None)
            if text is not None:
                os.environ[name] = text
