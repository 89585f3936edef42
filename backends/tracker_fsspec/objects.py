"""The content of artifacts: one object for each digest, shared by all runs."""

from hashlib import file_digest
from typing import BinaryIO

from tracker_core.contents import Content, is_digest
from tracker_core.errors import ContentError, RetryableError
from tracker_fsspec.layout import INCOMING_CONTENTS, content_path
from tracker_fsspec.marks import take_back_unused
from tracker_fsspec.store import Store, reason_of

__all__ = ["Objects"]

# How long a file stays that a killed writer left; one that lives writes on.
_LEFT_SECONDS = 86_400


class Objects:
    """Content below the root of a store, where :mod:`tracker_fsspec.layout` says.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        """Make nothing before there is content."""
        self._store = store

    def add(self, content: Content) -> None:
        """Keep content, unless it is there; a damaged object is replaced.

        On a local disk the object that is there is read and compared. Elsewhere that
        would be a download, and its size alone tells.

        Raises:
            ContentError: The content has changed since its digest was taken.
            RetryableError: The filesystem refused.
        """
        path = content_path(content.digest)
        try:
            # First, as who frees it looks for the mark last.
            is_there = self._is_there(path, content)
            if is_there and take_back_unused(self._store, content.digest):
                is_there = self._is_there(path, content)
            if not is_there:
                self._store.remove_left(INCOMING_CONTENTS, _LEFT_SECONDS)
                self._store.put_content(path, content, INCOMING_CONTENTS)
        except ContentError:
            raise
        except OSError as error:
            place = self._store.visible_root
            what = f"content {content.digest} could not be kept below {place!r}"
            what += f": {reason_of(error)}"
            if isinstance(error, IsADirectoryError):
                what += f"; remove the directory {path!r} there"
            raise RetryableError(what) from error

    def open(self, digest: str) -> BinaryIO:
        """Open content for reading.

        Raises:
            ContentError: It is not there, or what is there is no file or not readable.
        """
        if not is_digest(digest):
            raise self._missing(digest)
        try:
            return self._store.open(content_path(digest))
        except FileNotFoundError as error:
            raise self._missing(digest) from error
        except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
            raise self._unreadable(digest, error) from error

    def _is_there(self, path: str, content: Content) -> bool:
        if self._store.size_of(path) != content.size_bytes:
            return False
        return not self._store.is_local or self._is_whole(path, content.digest)

    def _is_whole(self, path: str, digest: str) -> bool:
        """Tell whether an object is what its name says; not if it cannot be read."""
        try:
            with self._store.open(path) as file:
                return digest.endswith(file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]  # a binary file
        except OSError:
            return False

    def _unreadable(self, digest: str, error: OSError) -> ContentError:
        place = f"{self._store.visible_root}/{content_path(digest)}"
        message = f"content {digest!r} cannot be read from {place!r}"
        return ContentError(
            f"{message}: {reason_of(error)}; allow it to be read, or remove what is in "
            "its place and log it again"
        )

    def _missing(self, digest: str) -> ContentError:
        place = self._store.visible_root
        message = f"content {digest!r} is not below {place!r}"
        return ContentError(f"{message}; log it again, or copy it from another backend")
