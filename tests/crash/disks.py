"""Disks that are full: a small one of their own, or any one that is said to be."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

__all__ = ["Disk", "can_mount", "mounted_disk", "simulate_full", "simulated_disk"]

_SIZE = "10m"
_PIECE_BYTES = 2**16


class Disk(Protocol):
    """A disk that can be filled."""

    place: Path
    """Where it is."""

    mark: Path | None
    """The file that is there while the disk is said to be full; None for a real one."""

    def fill(self) -> None:
        """Leave no space."""

    def make_room(self) -> None:
        """Give the space back."""


class _Mounted:
    def __init__(self, place: Path) -> None:
        self.place: Path = place
        self.mark: Path | None = None

    def fill(self) -> None:
        """Write one file until no more can be written."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(descriptor, bytes(_PIECE_BYTES)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)

    def make_room(self) -> None:
        """Remove that file."""
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.place / "ballast"


class _Simulated:
    def __init__(self, place: Path) -> None:
        self.place: Path = place
        self.mark: Path | None = place / "full"

    def fill(self) -> None:
        """Make the mark."""
        (self.place / "full").touch()

    def make_room(self) -> None:
        """Remove the mark."""
        (self.place / "full").unlink()


@contextmanager
def mounted_disk(place: Path) -> Iterator[Disk]:
    """Mount a small disk for as long as the block lasts.

    Raises:
        OSError: The machine does not let us, or has no such command.
        CalledProcessError: As above.
    """
    place.mkdir()
    options = ("-t", "tmpfs", "-o", f"size={_SIZE}")
    command = ("mount", *options, "tmpfs", str(place))
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield _Mounted(place)
    finally:
        subprocess.run(("umount", str(place)), check=True)


@contextmanager
def simulated_disk(place: Path) -> Iterator[Disk]:
    """Give a folder whose journals cannot grow where a job has been told so."""
    place.mkdir()
    yield _Simulated(place)


def can_mount() -> bool:
    """Tell whether this process may mount a disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with mounted_disk(Path(folder) / "disk"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def simulate_full(mark: Path) -> None:
    """Refuse in this process to make segments while ``mark`` is there."""

    def refuse(path: object) -> None:
        if str(path).endswith(".segment") and mark.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def audit(event: str, given: tuple[object, ...]) -> None:
        if event == "open" and isinstance(given[2], int) and given[2] & os.O_CREAT:
            refuse(given[0])

    def checked(call: Callable[..., int]) -> Callable[..., int]:
        def wrapped(descriptor: int, *given: object) -> int:
            refuse(Path(f"/proc/self/fd/{descriptor}").readlink())
            return call(descriptor, *given)

        return wrapped

    os.pwrite = checked(os.pwrite)
    os.posix_fallocate = checked(os.posix_fallocate)  # type: ignore[assignment,arg-type]  # returns nothing
    sys.addaudithook(audit)
