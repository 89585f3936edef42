"""Tracker: one tracking API for launched jobs.

A job says ``AppRun.run_from_env()`` and logs params, metrics, tags, logs, tracks,
artifacts and lineage once; it is delivered to every configured backend. Code that
nobody launched uses ``track(...)``.
"""

from typing import TYPE_CHECKING

from tracker_core.active import track_this
from tracker_core.api import Capability, NativeTracker, TrackerBase
from tracker_core.errors import (
    ArtifactNotFoundError,
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    ContentError,
    DeliveryTimeoutError,
    ExperimentNotFoundError,
    InvalidValueError,
    JournalError,
    KeyConflictError,
    NotSupportedError,
    PermanentError,
    QueryError,
    RetryableError,
    RunEndedError,
    RunNotFoundError,
    TrackerError,
    UnsupportedTypeError,
)
from tracker_core.opening import track
from tracker_core.run import AppRun

if TYPE_CHECKING:
    from tracker_core.datatypes import (
        AppRunTrackableSource,
        Lineage,
        LineageEdge,
        TrackerArtifact,
        TrackerSource,
    )
    from tracker_core.entries import LogEntry, ParamChange, Row, Rows, TrackEntry
    from tracker_core.experiments import Experiment, Group
    from tracker_core.filters import FilterOp, ParamFilter
    from tracker_core.findings import Difference, Verification
    from tracker_core.folded import FoldedTracker
    from tracker_core.loghandler import LogHandler
    from tracker_core.points import Point, Points
    from tracker_core.runs import Attempt, RunInfo
    from tracker_core.stepinfo import StepInfo
    from tracker_core.summaries import Summary
    from tracker_core.verification import verify

__version__ = "0.1.0"

__all__ = [
    "AppRun",
    "AppRunTrackableSource",
    "ArtifactNotFoundError",
    "Attempt",
    "BackendNotFoundError",
    "BackendUnavailableError",
    "Capability",
    "ConfigError",
    "ContentError",
    "DeliveryTimeoutError",
    "Difference",
    "Experiment",
    "ExperimentNotFoundError",
    "FilterOp",
    "FoldedTracker",
    "Group",
    "InvalidValueError",
    "JournalError",
    "KeyConflictError",
    "Lineage",
    "LineageEdge",
    "LogEntry",
    "LogHandler",
    "NativeTracker",
    "NotSupportedError",
    "ParamChange",
    "ParamFilter",
    "PermanentError",
    "Point",
    "Points",
    "QueryError",
    "RetryableError",
    "Row",
    "Rows",
    "RunEndedError",
    "RunInfo",
    "RunNotFoundError",
    "StepInfo",
    "Summary",
    "TrackEntry",
    "TrackerArtifact",
    "TrackerBase",
    "TrackerError",
    "TrackerSource",
    "UnsupportedTypeError",
    "Verification",
    "__version__",
    "track",
    "track_this",
    "verify",
]

# What a job that only logs needs none of, by the module that it is imported from.
_LAZY = {
    name: module
    for module, names in {
        "datatypes": "AppRunTrackableSource Lineage LineageEdge "
        "TrackerArtifact TrackerSource",
        "entries": "LogEntry ParamChange Row Rows TrackEntry",
        "experiments": "Experiment Group",
        "filters": "FilterOp ParamFilter",
        "findings": "Difference Verification",
        "folded": "FoldedTracker",
        "loghandler": "LogHandler",
        "points": "Point Points",
        "runs": "Attempt RunInfo",
        "stepinfo": "StepInfo",
        "summaries": "Summary",
        "verification": "verify",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    """Import what reads give at its first use."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"tracker_core.{_LAZY[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
