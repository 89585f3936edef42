"""Cgroups with little memory, real ones and simulated ones."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["has_groups", "in_group", "simulated", "small_group"]

_MOUNT = Path("/sys/fs/cgroup")
_LIMIT_BYTES = 256 * 2**20
# What limits memory, with and without swap, in each version; the last may be missing.
_LIMITS = {
    1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    2: ("memory.max", "memory.swap.max"),
}


def has_groups() -> bool:
    """Tell whether this process can make a cgroup that limits memory."""
    try:
        with small_group():
            return True
    except OSError:
        return False


@contextmanager
def small_group() -> Iterator[Path]:
    """Make a cgroup with little memory, below that of this process.

    Raises:
        OSError: The machine does not let us.
    """
    parent, version = _own_group()
    group = parent / f"tracker-{os.getpid()}-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        memory, swap = _LIMITS[version]
        (group / memory).write_text(str(_LIMIT_BYTES))
        with suppress(FileNotFoundError):
            (group / swap).write_text(str(_LIMIT_BYTES if version == 1 else 0))
        yield group
    finally:
        group.rmdir()


def in_group(group: Path, command: Sequence[str]) -> list[str]:
    """Return a command that runs another one in a cgroup."""
    enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    return ["sh", "-c", enter, str(group), *command]


def simulated(folder: Path, version: int) -> dict[str, str]:
    """Make files that look like those of a cgroup; return what leads there."""
    names = {1: "memory/job/memory.oom_control", 2: "job/memory.events"}
    lines = {1: "4:memory:/job\n", 2: "0::/job\n"}
    counts = folder / "mount" / names[version]
    counts.parent.mkdir(parents=True)
    counts.write_text("oom_kill 0\n")
    (folder / "groups").write_text(lines[version])
    site = str(Path(__file__).with_name("simulated"))
    path = os.pathsep.join((site, os.environ.get("PYTHONPATH", "")))
    return {"SIMULATED_GROUPS": str(folder), "PYTHONPATH": path}


def _own_group() -> tuple[Path, int]:
    lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    found = {line.split(":")[1]: line.split(":", 2)[2].lstrip("/") for line in lines}
    for controllers, group in found.items():
        if "memory" in controllers.split(","):
            return _MOUNT / "memory" / group, 1
    return _MOUNT / found.get("", ""), 2
