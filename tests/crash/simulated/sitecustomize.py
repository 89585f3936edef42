"""What a machine may not let us do, for the programs that a test starts.

Python imports this module first where its folder is on ``PYTHONPATH``:

- ``SIMULATED_GROUPS`` names a folder whose files stand for those of cgroups;
- ``SIMULATED_FULL`` names a file, and while that is there, no journal can be written.
"""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path


def _simulate_groups(folder: Path) -> None:
    from tracker_core import outofmemory

    outofmemory._GROUPS = folder / "groups"  # noqa: SLF001 - there is no other way in
    outofmemory._MOUNT = folder / "mount"  # noqa: SLF001 - as above


def _simulate_full_disk(mark: Path) -> None:
    def refuse(path: object, flags: object) -> None:
        is_change = isinstance(flags, int) and bool(flags & os.O_CREAT)
        if is_change and "/journal/" in str(path) and mark.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def audit(event: str, given: tuple[object, ...]) -> None:
        if event == "open":
            refuse(given[0], given[2])

    def checked(call: Callable[..., int]) -> Callable[..., int]:
        def wrapped(descriptor: int, *given: object) -> int:
            refuse(Path(f"/proc/self/fd/{descriptor}").readlink(), os.O_CREAT)
            return call(descriptor, *given)

        return wrapped

    os.pwrite = checked(os.pwrite)
    os.posix_fallocate = checked(os.posix_fallocate)  # type: ignore[assignment]  # returns None
    sys.addaudithook(audit)


if "SIMULATED_GROUPS" in os.environ:
    _simulate_groups(Path(os.environ["SIMULATED_GROUPS"]))
if "SIMULATED_FULL" in os.environ:
    _simulate_full_disk(Path(os.environ["SIMULATED_FULL"]))
