"""The content of artifacts: one object for each digest, shared by all runs."""

from typing import BinaryIO

from tracker_core.contents import Content, is_digest
from tracker_core.errors import ContentError, RetryableError
from tracker_fsspec.layout import INCOMING_CONTENTS, content_path
from tracker_fsspec.store import Store, reason_of

__all__ = ["Objects"]


class Objects:
    """Content below the root of a store, where :mod:`tracker_fsspec.layout` says.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        """Make nothing before there is content."""
        self._store = store

    def add(self, content: Content) -> None:
        """Keep content, unless an object of its size is there.

        Raises:
            ContentError: The content has changed since its digest was taken.
            RetryableError: The filesystem refused.
        """
        path = content_path(content.digest)
        try:
            # One of another size was damaged since it was written: replace it.
            if self._store.size_of(path) != content.size_bytes:
                self._store.put_pieces(
                    path, content.read_checked(), content.size_bytes, INCOMING_CONTENTS
                )
        except ContentError:
            raise
        except OSError as error:
            place = self._store.visible_root
            what = f"content {content.digest} could not be kept below {place!r}"
            raise RetryableError(f"{what}: {reason_of(error)}") from error

    def open(self, digest: str) -> BinaryIO:
        """Open content for reading.

        Raises:
            ContentError: It is not there.
        """
        if not is_digest(digest):
            raise self._missing(digest)
        try:
            return self._store.open(content_path(digest))
        except FileNotFoundError as error:
            raise self._missing(digest) from error

    def _missing(self, digest: str) -> ContentError:
        place = self._store.visible_root
        message = f"content {digest!r} is not below {place!r}"
        return ContentError(f"{message}; log it again, or copy it from another backend")
