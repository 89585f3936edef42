"""Runs on an MLflow server or store, natural in MLflow's own pages and exact here.

``TRACKER_MLFLOW_CONFIG`` says where: a tracking URI, torchx's INI file with the section
``[tracker:mlflow]``, or a JSON object.
"""

from tracker_mlflow.activation import active
from tracker_mlflow.config import create, create_foreign
from tracker_mlflow.foreign import ForeignRuns
from tracker_mlflow.tracker import MlflowTracker

__all__ = ["ForeignRuns", "MlflowTracker", "active", "create", "create_foreign"]
