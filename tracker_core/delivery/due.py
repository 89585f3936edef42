"""What is due: records in the journal of a run that a backend has not taken yet."""

from tracker_core.delivery.ledger import Ledger
from tracker_core.journal.folders import RunFolder, WriterFolder
from tracker_core.journal.reader import JournalReader

__all__ = ["count_due"]


def count_due(folder: RunFolder, ledger: Ledger) -> int:
    """Count the records that a backend has not taken, of all writers of the host.

    All that is due is read for it.

    Args:
        folder: The run.
        ledger: How far the backend is.

    Raises:
        OSError: The disk refuses.
    """
    writers = (one for one in folder.writers() if one.host == folder.host)
    return sum(_count(writer, ledger) for writer in writers)


def _count(writer: WriterFolder, ledger: Ledger) -> int:
    reader, position = JournalReader(writer.path), ledger.position(writer.writer.id)
    count = 0
    while True:
        portion = reader.read(position, is_final=True)
        if portion.records:
            count += portion.last - portion.first + 1
        if portion.end == position:
            return count
        position = portion.end
