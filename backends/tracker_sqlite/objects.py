"""The content of artifacts: files beside the database, named by their digest.

``sha256:abcd…`` lies in ``objects/sha256/ab/abcd…``, with mode 0600 in folders of mode
0700. A file is written under a name that begins with a dot, synced, and renamed when it
is whole and its digest is right. So a crash leaves no file that could be taken for
content, at worst one with a dot that nobody reads.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tracker_core.errors import ContentError, RetryableError
from tracker_sqlite.files import make_folders

if TYPE_CHECKING:  # it hashes, which most jobs never need
    from tracker_core.contents import Content

__all__ = ["FileObjects", "MemoryObjects", "Objects"]


class Objects(ABC):
    """A place for content."""

    @abstractmethod
    def add(self, content: "Content") -> None:
        """Keep content, as :meth:`NativeTracker.add_content` says."""

    @abstractmethod
    def open(self, digest: str) -> BinaryIO:
        """Open content, as :meth:`NativeTracker.open_content` says."""

    def close(self) -> None:  # noqa: B027 - files have nothing to give back
        """Give back what is held."""


class MemoryObjects(Objects):
    """Content in memory, for as long as this object lasts."""

    def __init__(self) -> None:
        """Begin without content."""
        self._found: dict[str, bytes] = {}

    def add(self, content: "Content") -> None:
        """Keep content in memory."""
        if content.digest not in self._found:
            self._found[content.digest] = b"".join(content.read_checked())

    def open(self, digest: str) -> BinaryIO:
        """Open content, which stays as it is whatever is written to the file."""
        if digest not in self._found:
            raise _missing(digest)
        return BytesIO(self._found[digest])

    def close(self) -> None:
        """Forget the content."""
        self._found = {}


class FileObjects(Objects):
    """Content in files.

    Args:
        folder: Where ``objects`` is or will be made.
    """

    def __init__(self, folder: Path) -> None:
        """Make nothing before there is content."""
        self._root = folder / "objects" / "sha256"

    def add(self, content: "Content") -> None:
        """Keep content in a file, unless one of its size is there.

        Raises:
            ContentError: The content has changed since its digest was taken.
            RetryableError: The disk is full or fails.
            OSError: The content cannot be read.
        """
        path = self._path(content.digest)
        with _disk(path):
            if _is_there(path, content.size_bytes):
                return
            make_folders(path.parent)
        _write(path, content)

    def open(self, digest: str) -> BinaryIO:
        """Open content for reading."""
        from tracker_core.contents import is_digest  # noqa: PLC0415 - as above

        if not is_digest(digest):
            raise _missing(digest)
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError as error:
            raise _missing(digest) from error

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name


def _is_there(path: Path, size_bytes: int) -> bool:
    # A file of another size was damaged since it was renamed.
    return path.is_file() and path.stat().st_size == size_bytes


def _write(path: Path, content: "Content") -> None:
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    with _disk(path):
        number = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(number, "wb", buffering=0) as file:
            for piece in content.read_checked():
                with _disk(path):
                    _write_all(file, piece)
            with _disk(path):
                os.fsync(file.fileno())
        with _disk(path):
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_all(file: FileIO, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Tell failures of our disk from those of what the content is read from."""
    try:
        yield
    except OSError as error:
        message = f"content cannot be kept in {str(path)!r}: {error.strerror}"
        raise RetryableError(message) from error


def _missing(digest: str) -> ContentError:
    return ContentError(
        f"content {digest!r} is not kept here; restore it from another backend"
    )
