"""Runs in the memory of this process, shared by name.

For tests and for notebooks that keep nothing. ``TRACKER_MEMORY_CONFIG`` names the
store; without it the store is ``default``. Trackers of one name share their runs
within the process; nothing outlives it, and a forked child has a copy of its own.
"""

from tracker_core.testing.memory import MemoryStore, MemoryTracker

__all__ = ["MemoryTracker", "create"]

_stores: dict[str, MemoryStore] = {}


def create(config: str | None = None) -> MemoryTracker:
    """Return a tracker on the store named ``config``, made at its first use."""
    return MemoryTracker(_stores.setdefault(config or "default", MemoryStore()))
