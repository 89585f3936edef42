"""The ``tracker`` command: it launches jobs and shows their runs.

Jobs never import this package, nor click and rich, which it is made with.
"""

from tracker_core.cli.app import main

__all__ = ["main"]
