"""Whether the system has killed a process of this cgroup, since memory ran out.

The kernel kills by SIGKILL, which tells no reason, and counts it in the cgroup:
``oom_kill`` in ``memory.events`` (version 2) or in ``memory.oom_control`` (version 1);
https://docs.kernel.org/admin-guide/cgroup-v2.html and
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
"""

from pathlib import Path

__all__ = ["OutOfMemory"]

_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


class OutOfMemory:
    """Watches the cgroup of this process, which is that of what it starts too."""

    def __init__(self) -> None:
        """Note how often the kernel has killed so far."""
        self._files = _files()
        self._before = self._count()

    def has_killed(self) -> bool:
        """Tell whether the kernel has killed since then, as far as it tells."""
        return self._count() > self._before

    def _count(self) -> int:
        return sum(_kills(path) for path in self._files)


def _files() -> list[Path]:
    found = []
    try:
        lines = _GROUPS.read_text("utf-8").splitlines()
    except OSError:  # no Linux
        return []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        inner = group.lstrip("/")
        if not controllers:
            found.append(_MOUNT / inner / "memory.events")
        elif "memory" in controllers.split(","):
            found.append(_MOUNT / "memory" / inner / "memory.oom_control")
    return found


def _kills(path: Path) -> int:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return 0
    words = (line.split() for line in lines)
    return next((int(word[1]) for word in words if word[0] == "oom_kill"), 0)
