"""The content of artifacts: its digest, where it comes from, and reading it checked.

Content is named by its digest, ``sha256:`` and 64 hexadecimal digits, so the same
bytes are the same content everywhere and are kept once in a store. All of it is read
in pieces of one MiB: a file of any size costs no more memory than that.
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from tracker_core.errors import ContentError, InvalidValueError
from tracker_core.gathered import without_points
from tracker_core.records import ArtifactBody, Batch

__all__ = [
    "PIECE_BYTES",
    "Content",
    "checked",
    "content_of_bytes",
    "content_of_file",
    "is_digest",
    "pieces",
]

PIECE_BYTES = 2**20
"""How much is read at once."""

_PREFIX = "sha256:"
_DIGEST_LENGTH = len(_PREFIX) + 64


class Content(NamedTuple):
    """Bytes that trackers are asked to keep.

    Args:
        digest: ``sha256:`` and 64 hexadecimal digits.
        size_bytes: How many there are.
        open: Gives a new file at their beginning; it may be called again and again.
        path: Where they lie in a file that nobody ever changes, so that a store on the
            same disk may hard-link it; None when there is no such file.
        origin: The file that they came from, as an absolute path; None when they came
            from memory.
        batch: The batch whose artifact they are, for stores that keep files run by run;
            None when that is not known. Any other run may name them too.
    """

    digest: str
    size_bytes: int
    open: Callable[[], BinaryIO]
    path: Path | None = None
    origin: str | None = None
    batch: Batch | None = None

    @property
    def name(self) -> str | None:
        """The name of the first artifact of :attr:`batch` that they are."""
        for record in without_points(self.batch.records) if self.batch else ():
            body = record.body
            if isinstance(body, ArtifactBody) and body.digest == self.digest:
                return body.name
        return None

    def read_checked(self) -> Iterator[bytes]:
        """Give the bytes in pieces.

        Raises:
            ContentError: They are no longer those of the digest, which shows at the
                end: a file was changed while it was logged.
        """
        remedy = "it was changed while it was logged; log it again"
        with checked(self.open(), self.digest, remedy) as file:
            yield from pieces(file)

    def link(self, name: Path) -> bool:
        """Give the file in which they lie a second name, instead of a copy of it.

        It is not read, and synced, so that it is there after a loss of power too. Both
        names have one mode: who changes it changes that of the other.

        Args:
            name: The new name; there must be no such file.

        Returns:
            Whether they have it; not where they lie in no file or on another disk, or
            where the filesystem knows no hard links or refuses them.
        """
        if self.path is None:
            return False
        try:
            os.link(self.path, name)
        except OSError:
            return False
        with name.open("rb") as file:
            os.fsync(file.fileno())
        return True


def content_of_bytes(data: bytes) -> Content:
    """Return content that lies in memory."""
    digest = _PREFIX + hashlib.sha256(data).hexdigest()
    return Content(digest, len(data), lambda: io.BytesIO(data))


def content_of_file(path: Path) -> Content:
    """Return the content of a file, which is read once now.

    Raises:
        InvalidValueError: There is no such file, or it is none or cannot be read.
    """
    # Relative to where the job is now, wherever it goes before the content is read.
    absolute = path.absolute()
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with absolute.open("rb") as file:
            for piece in pieces(file):
                digest.update(piece)
                size_bytes += len(piece)
    except OSError as error:
        message = f"file {str(path)!r} cannot be logged: {error.strerror}; check it"
        raise InvalidValueError(message) from error
    return Content(
        _PREFIX + digest.hexdigest(),
        size_bytes,
        lambda: absolute.open("rb"),
        origin=str(absolute),
    )


def is_digest(text: str) -> bool:
    """Tell whether ``text`` has the form of a digest."""
    hexadecimal = text.removeprefix(_PREFIX)
    return (
        len(text) == _DIGEST_LENGTH
        and text.startswith(_PREFIX)
        and not hexadecimal.strip("0123456789abcdef")
    )


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """Give what is left of ``file``, a piece at a time."""
    while piece := file.read(PIECE_BYTES):
        yield piece


def checked(
    file: BinaryIO, digest: str, remedy: str = "restore it from another backend"
) -> BinaryIO:
    """Return ``file`` so that reading it to its end checks its digest.

    Going back to an earlier place gives up the check of what is read from there.
    """
    return cast(
        "BinaryIO", io.BufferedReader(_Checked(file, digest, remedy), PIECE_BYTES)
    )


class _Checked(io.RawIOBase):
    """Passes reads on, and compares the digest at the end of the file."""

    def __init__(self, file: BinaryIO, digest: str, remedy: str) -> None:
        self._file = file
        self._digest = digest
        self._remedy = remedy
        self._hash = hashlib.sha256()
        self._is_whole = True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # any writable buffer
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        if data:
            self._hash.update(data)
        elif self._is_whole and len(buffer):
            self._compare()
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._is_whole = self._is_whole and (offset, whence) == (0, io.SEEK_CUR)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()

    def _compare(self) -> None:
        found = _PREFIX + self._hash.hexdigest()
        if found != self._digest:
            message = (
                f"content {self._digest} is damaged: what is there has the digest "
                f"{found}; {self._remedy}"
            )
            raise ContentError(message)
