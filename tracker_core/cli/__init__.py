"""The ``tracker`` command: it launches jobs and shows their runs.

Jobs never import this package. What it is made with, click and rich, is loaded once a
command needs it: ``tracker log`` needs neither, since scripts call it in loops.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracker_core.cli.app import main

__all__ = ["main"]


def __getattr__(name: str) -> object:
    """Load the command at its first use."""
    if name == "main":
        from tracker_core.cli.app import main

        return main
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
