"""The spool: content on its way, beside the journal, until every backend has it.

A file that is logged is copied while its digest is checked, so that the job may change
or remove it at once; a store on the same disk takes the copy as its own without copying
it again.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from tracker_core.contents import Content
from tracker_core.errors import ContentError
from tracker_core.journal.folders import RunFolder, make_folder
from tracker_core.notices import warn
from tracker_core.records import ArtifactBody

__all__ = ["Spool"]


class Spool:
    """Keeps the content of one run until it is delivered.

    Args:
        folder: The journal of the run.
        budget: How many bytes the run may take on the disk; None for all there is.
    """

    def __init__(self, folder: RunFolder, budget: int | None = None) -> None:
        """Nothing is kept yet."""
        self._folder = folder
        self._budget = budget

    def keep(self, body: ArtifactBody, content: Content) -> ArtifactBody:
        """Keep content, and return the record that can be delivered.

        Where the disk is full or the budget spent, what came from a file is recorded
        as a reference to it, and all else without its content; a warning says so.

        Raises:
            ContentError: The file was changed while it was logged.
        """
        path = self._folder.content / content.digest.removeprefix("sha256:")
        if path.exists():
            return body
        try:
            self._make_room(content.size_bytes)
            _copy(content, path)
        except ContentError:
            raise
        except OSError as error:
            warn(
                "the content of artifact %r of run %r is not kept: %s; %s",
                body.name,
                self._folder.run_id,
                error.strerror or error,
                "its digest is"
                if content.origin is None
                else "where it lies is recorded",
            )
            if content.origin is not None:
                return body._replace(path=content.origin, digest=None)
        return body

    def _make_room(self, size: int) -> None:
        if self._budget is not None:
            used = self._folder.used_bytes()
            if used + size > self._budget:
                raise OSError(errno.EDQUOT, f"the disk budget is {self._budget} bytes")


def _copy(content: Content, path: Path) -> None:
    make_folder(path.parent)
    unfinished = path.with_name(f".{path.name}-{os.getpid()}-{id(content)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(unfinished, flags, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.writelines(content.read_checked())
        unfinished.rename(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
