"""Network filesystems, on which SQLite would damage its file.

Write-ahead logging keeps its index in shared memory, which two machines do not share,
and locks on network filesystems are known to be forgotten
(https://www.sqlite.org/wal.html, https://www.sqlite.org/faq.html#q5). On systems that
do not tell what is mounted nothing is refused.
"""

from pathlib import Path

from tracker_core.errors import ConfigError
from tracker_core.mounts import network_type

__all__ = ["refuse_network"]


def refuse_network(path: Path, mountinfo: str | None = None) -> None:
    """Refuse a path on a network filesystem.

    Args:
        path: An absolute path without symbolic links; it need not exist.
        mountinfo: The text of ``/proc/self/mountinfo``; None reads it.

    Raises:
        ConfigError: The path lies on one; it says which and what to use instead.
    """
    kind = network_type(path, mountinfo)
    if kind is not None:
        message = (
            f"{str(path)!r} lies on a network filesystem ({kind}), where SQLite would "
            "lose data; choose a path on a local disk, or the fsspec backend, which is "
            "made for shared folders"
        )
        raise ConfigError(message)
