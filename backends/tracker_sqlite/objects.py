"""The content of artifacts: files beside the database, named by their digest.

``sha256:abcd…`` lies in ``objects/sha256/ab/abcd…``, with mode 0600 in folders of mode
0700. A file is written in ``objects/incoming``, synced, and renamed when it is whole
and its digest is right; one that nobody changes and that lies on the same disk is
linked there instead. So a crash leaves no file that could be taken for content, at
worst one in ``incoming`` that nobody reads. Whoever writes the next content removes
what nobody has written to for a day: a writer that lives has written since.

Whoever adds content that is there touches its file, and content that was touched within
the hour is not freed: the record that names it may be on its way. Who frees it renames
it into ``incoming`` and looks once more, so that neither of two that meet here is
wrong about the other.

Content that is there was whole when it was renamed. It is read before it is taken for
whole again, so that logging it mends what a disk or a hand has damaged since.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tracker_core.errors import ContentError, RetryableError
from tracker_sqlite.files import make_folders

if TYPE_CHECKING:  # it hashes, which most jobs never need
    from tracker_core.contents import Content

__all__ = ["FileObjects", "MemoryObjects", "Objects"]

_LEFT_SECONDS = 86_400
_AWAITED_SECONDS = 3_600


class Objects(ABC):
    """A place for content."""

    @abstractmethod
    def add(self, content: "Content") -> None:
        """Keep content, as :meth:`NativeTracker.add_content` says."""

    @abstractmethod
    def open(self, digest: str) -> BinaryIO:
        """Open content, as :meth:`NativeTracker.open_content` says."""

    @abstractmethod
    def free(self, digest: str) -> int | None:
        """Remove content that nobody names.

        Returns:
            How many bytes it was; None where it stays, since it was added lately.
        """

    def close(self) -> None:  # noqa: B027 - files have nothing to give back
        """Give back what is held."""


class MemoryObjects(Objects):
    """Content in memory, for as long as this object lasts."""

    def __init__(self) -> None:
        """Begin without content."""
        self._found: dict[str, bytes] = {}
        self._added: dict[str, float] = {}

    def add(self, content: "Content") -> None:
        """Keep content in memory."""
        if content.digest not in self._found:
            self._found[content.digest] = b"".join(content.read_checked())
        self._added[content.digest] = time.monotonic()

    def free(self, digest: str) -> int | None:
        """Drop content, unless it was added within the hour."""
        added = self._added.get(digest)
        if added is not None and time.monotonic() - added < _AWAITED_SECONDS:
            return None
        self._added.pop(digest, None)
        return len(self._found.pop(digest, b""))

    def open(self, digest: str) -> BinaryIO:
        """Open content, which stays as it is whatever is written to the file."""
        if digest not in self._found:
            raise _missing(digest)
        return BytesIO(self._found[digest])

    def close(self) -> None:
        """Forget the content."""
        self._found, self._added = {}, {}


class FileObjects(Objects):
    """Content in files.

    Args:
        folder: Where ``objects`` is or will be made.
    """

    def __init__(self, folder: Path) -> None:
        """Make nothing before there is content."""
        self._root = folder / "objects" / "sha256"
        self._incoming = folder / "objects" / "incoming"

    def add(self, content: "Content") -> None:
        """Keep content in a file, unless it is there; a damaged one is replaced.

        Raises:
            ContentError: The content has changed since its digest was taken.
            RetryableError: The disk is full or fails, or something else is in the
                place of the file.
            OSError: The content cannot be read.
        """
        path = self._path(content.digest)
        with _disk(path):
            if _is_there(path, content) and _is_touched(path):
                return
            make_folders(path.parent)
            make_folders(self._incoming)
            _tidy(self._incoming)
        _write(path, self._incoming, content)

    def open(self, digest: str) -> BinaryIO:
        """Open content for reading.

        Raises:
            ContentError: It is not there, or what is there is no file or not readable.
        """
        from tracker_core.contents import is_digest

        if not is_digest(digest):
            raise _missing(digest)
        path = self._path(digest)
        try:
            return path.open("rb")
        except FileNotFoundError as error:
            raise _missing(digest) from error
        except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
            raise _unreadable(digest, path, error) from error

    def free(self, digest: str) -> int | None:
        """Remove the file of content, unless it was added within the hour.

        Raises:
            RetryableError: The disk fails.
        """
        from tracker_core.contents import is_digest

        path = self._path(digest)
        if not is_digest(digest):
            return 0
        with _disk(path):
            try:
                if _is_awaited(path):
                    return None
                make_folders(self._incoming)
                condemned = self._incoming / os.urandom(16).hex()
                path.rename(condemned)
            except FileNotFoundError:
                return 0
            if _is_awaited(condemned):
                condemned.replace(path)
                return None
            size_bytes = condemned.stat().st_size
            condemned.unlink()
            return size_bytes

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name


def _is_there(path: Path, content: "Content") -> bool:
    """Tell whether a file holds content to the bit; one that cannot be read does not.

    Raises:
        IsADirectoryError: There is a folder in its place.
    """
    from hashlib import file_digest

    try:
        with path.open("rb") as file:
            is_whole = os.fstat(file.fileno()).st_size == content.size_bytes
            # The digest alone would do, and costs all of a file that was cut off.
            return is_whole and content.digest.endswith(
                file_digest(file, "sha256").hexdigest()
            )
    except IsADirectoryError:
        raise
    except OSError:
        return False


def _is_touched(path: Path) -> bool:
    """Note that content is awaited; False where somebody has just freed it."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    except PermissionError:  # the file of somebody else
        return True
    return True


def _is_awaited(path: Path) -> bool:
    return time.time() - path.stat().st_mtime < _AWAITED_SECONDS


def _tidy(incoming: Path) -> None:
    """Remove what writers left that were killed."""
    oldest = time.time() - _LEFT_SECONDS
    for left in incoming.iterdir():
        # Another process may be faster, and what cannot be removed harms nobody.
        with suppress(OSError):
            if left.lstat().st_mtime < oldest:
                left.unlink()


def _write(path: Path, incoming: Path, content: "Content") -> None:
    temporary = incoming / os.urandom(16).hex()
    with _disk(path):
        # What is in its place is damaged, and could be a link to the same file.
        if not path.exists() and content.link(temporary):
            _is_touched(temporary)
            temporary.replace(path)
            return
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
        if isinstance(error, IsADirectoryError):
            message += "; remove the folder that is in the place of the file"
        raise RetryableError(message) from error


def _unreadable(digest: str, path: Path, error: OSError) -> ContentError:
    return ContentError(
        f"content {digest!r} cannot be read from {str(path)!r}: {error.strerror}; "
        "allow it to be read, or remove what is in its place and log it again"
    )


def _missing(digest: str) -> ContentError:
    return ContentError(
        f"content {digest!r} is not kept here; restore it from another backend"
    )
