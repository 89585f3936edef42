"""Whether the journal still holds all of a run, for a backend that comes late.

What every backend has is removed from the journal. A backend that is expected before
anything was removed gets all of it; for one that comes later something may be missing.
"""

from collections.abc import Iterable

from tracker_core.delivery.ledger import (
    Ledger,
    expect,
    forget,
    ledger_folder,
    ledgers,
)
from tracker_core.delivery.overview import writer_states
from tracker_core.journal.folders import RunFolder, WriterFolder
from tracker_core.journal.reader import BEGINNING, JournalReader, Portion
from tracker_core.records import ArtifactBody

__all__ = ["expect_rest", "expect_whole"]


def expect_whole(folder: RunFolder, backend: str, factory: str | None = None) -> bool:
    """Note that a backend is to have a run, if the journal still holds all of it.

    It must not be expected yet.

    Returns:
        False where something is missing; nothing is noted then.

    Raises:
        OSError: The disk refused.
        JournalError: A later version wrote the journal.
    """
    # First of all: what a backend is expected to take is no longer removed.
    expect(folder, backend, factory)
    is_whole = False
    try:
        is_whole = _is_whole(folder)
    finally:
        if not is_whole:
            forget(folder, backend)
    return is_whole


def expect_rest(folder: RunFolder, backend: str, factory: str | None = None) -> None:
    """Note that a backend which holds a run is to have what it is not known to have.

    It may have got the run by a copy, or on another machine: what all backends that are
    expected already have taken, it is not sent.

    Raises:
        OSError: The disk refused.
        JournalError: A later version wrote the journal.
    """
    place = ledger_folder(folder, backend)
    if Ledger.load(place) is not None:
        return
    found = Ledger(place, backend, factory=factory)
    for known in ledgers(folder):
        for writer, position in known.positions.items():
            if position.sequence > found.position(writer).sequence:
                found.positions[writer] = position
        found.contents |= known.contents
    found.save()


def _is_whole(folder: RunFolder) -> bool:
    return all(
        _has_all(folder, state.folder)
        for state in writer_states(folder)
        if state.written
    )


def _has_all(folder: RunFolder, writer: WriterFolder) -> bool:
    reader, position = JournalReader(writer.path), BEGINNING
    while True:
        portion = reader.read(position)
        begins_later = portion.first > position.sequence and not portion.damages
        if begins_later or not _has_content(folder, portion):
            return False
        if portion.end == position:
            # Nothing at all is left of a writer that has written something.
            return position != BEGINNING
        position = portion.end


def _has_content(folder: RunFolder, portion: Portion) -> bool:
    return all(
        (folder.content / digest.removeprefix("sha256:")).exists()
        for digest in _digests(portion)
    )


def _digests(portion: Portion) -> Iterable[str]:
    for record in portion.records.others:
        body = record.body
        if isinstance(body, ArtifactBody) and body.digest is not None:
            yield body.digest
