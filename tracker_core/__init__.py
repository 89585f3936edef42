"""Tracker: one tracking API for launched jobs.

A job says ``AppRun.run_from_env()`` and logs params, metrics, tags, artifacts and
lineage once; it is delivered to every configured backend. Code that nobody launched
uses ``track(...)``.
"""

from typing import TYPE_CHECKING

from tracker_core.api import Capability, NativeTracker, TrackerBase
from tracker_core.errors import (
    BackendNotFoundError,
    BackendUnavailableError,
    ConfigError,
    InvalidValueError,
    NotSupportedError,
    PermanentError,
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

__version__ = "0.1.0"

__all__ = [
    "AppRun",
    "AppRunTrackableSource",
    "BackendNotFoundError",
    "BackendUnavailableError",
    "Capability",
    "ConfigError",
    "InvalidValueError",
    "Lineage",
    "LineageEdge",
    "NativeTracker",
    "NotSupportedError",
    "PermanentError",
    "RetryableError",
    "RunEndedError",
    "RunNotFoundError",
    "TrackerArtifact",
    "TrackerBase",
    "TrackerError",
    "TrackerSource",
    "UnsupportedTypeError",
    "__version__",
    "track",
]

_LAZY = frozenset(
    {
        "AppRunTrackableSource",
        "Lineage",
        "LineageEdge",
        "TrackerArtifact",
        "TrackerSource",
    }
)


def __getattr__(name: str) -> object:
    """Import the data types of reads at their first use; a job that logs needs none."""
    if name in _LAZY:
        from tracker_core import datatypes

        return getattr(datatypes, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
