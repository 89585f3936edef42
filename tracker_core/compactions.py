"""What a compaction has done."""

from typing import NamedTuple

__all__ = ["Compaction"]


class Compaction(NamedTuple):
    """What :meth:`NativeTracker.compact` has done; nothing by default.

    Args:
        runs: How many runs were compacted.
        points: How many points they have.
        removed: How many files were removed that nobody needs any more.
    """

    runs: int = 0
    points: int = 0
    removed: int = 0
