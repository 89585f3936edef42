"""For authors of backends and for tests of code that logs.

- :class:`TrackerContract`: the suite that every backend passes; subclass it.
- :class:`MemoryTracker`: the reference model, and a store for tests.
- :class:`~tracker_core.testing.faults.FaultyTracker` and
  :data:`~tracker_core.testing.faults.plans.FaultPlan`: a tracker that fails as planned;
  the faults and plans are in :mod:`tracker_core.testing.faults`.

The contract needs pytest and hypothesis, so it is imported when it is asked for.
"""

from typing import TYPE_CHECKING

from tracker_core.testing.faults import FaultPlan, FaultyTracker
from tracker_core.testing.memory import MemoryTracker

if TYPE_CHECKING:
    from tracker_core.testing.contract import TrackerContract

__all__ = ["FaultPlan", "FaultyTracker", "MemoryTracker", "TrackerContract"]


def __getattr__(name: str) -> object:
    """Import the contract suite at its first use."""
    if name == "TrackerContract":
        from tracker_core.testing.contract import TrackerContract

        return TrackerContract
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
