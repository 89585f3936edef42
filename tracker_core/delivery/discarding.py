"""Removing the journal of a run, so that nothing of it is delivered any more.

It goes in steps, and a crash leaves behind

1. while the locks of its ledgers are taken, so that nobody delivers: the journal.
2. while its folder is renamed out of ``journal`` into ``removed``: one or the other.
3. while what is in ``removed`` is deleted: what the next removal deletes.

Who writes to the run, or delivers it just now, is left alone, and so is the journal.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tracker_core.errors import JournalError
from tracker_core.identity import new_writer_id
from tracker_core.journal.folders import (
    Lock,
    RunFolder,
    WriterFolder,
    make_folder,
)

__all__ = ["discard", "user_of"]


def user_of(folder: RunFolder) -> str | None:
    """Return who writes to a run's journal or delivers from it; None for nobody."""
    user = _writer_of(folder)
    if user is not None:
        return user
    with ExitStack() as stack:
        return _deliverer_of(folder, stack)


def discard(folder: RunFolder) -> int:
    """Remove the journal of a run, of all machines that have written to it.

    Returns:
        How many bytes of the disk it took; 0 where there is none.

    Raises:
        JournalError: A process uses it, or the disk refused; it is as it was.
    """
    if not folder.path.exists():
        return 0
    size_bytes = folder.used_bytes()
    place = folder.path.parent.parent / "removed"
    with ExitStack() as stack:
        user = _deliverer_of(folder, stack) or _writer_of(folder)
        if user is not None:
            raise JournalError(f"the journal of run {folder.run_id!r} stays: {user}")
        try:
            make_folder(place)
            folder.path.rename(place / new_writer_id())
        except OSError as error:
            why = f"{error.strerror}; allow it to be removed"
            message = f"the journal {str(folder.path)!r} stays: {why}"
            raise JournalError(message) from error
    for left in place.iterdir():
        shutil.rmtree(left, ignore_errors=True)
    return size_bytes


def _writer_of(folder: RunFolder) -> str | None:
    for writer in folder.writers():
        if _is_writing(folder, writer):
            where = "" if writer.host == os.uname().nodename else f" on {writer.host}"
            return f"the process {writer.pid}{where} logs to it still; end it first"
    return None


def _is_writing(folder: RunFolder, writer: WriterFolder) -> bool:
    """Tell whether somebody is a writer just now."""
    if not writer.is_shared:
        return not writer.is_settled and writer.is_alive()
    turns = folder._replace(host=writer.host).turns(writer.writer)
    if not turns.exists():
        return False
    lock = Lock.taken(turns, is_shared=True)
    if lock is not None:
        lock.drop()
    return lock is None


def _deliverer_of(folder: RunFolder, stack: ExitStack) -> str | None:
    """Take the locks of all ledgers, and return who has one of them."""
    for place in _ledger_places(folder):
        lock = Lock.taken(place / "lock")
        if lock is None:
            return "a process delivers it just now; wait for its end"
        stack.callback(lock.drop)
    return None


def _ledger_places(folder: RunFolder) -> Iterator[Path]:
    for place in sorted((folder.path / "delivery").glob("*/*")):
        if place.is_dir():
            yield place
