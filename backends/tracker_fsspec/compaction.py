"""Compacting a run that has ended: its batches become one head and one Parquet object.

It goes in steps, and a crash leaves behind

1. while the points are written: perhaps a Parquet object that no head names. Whoever
   compacts the same writes it again; if more has come meanwhile, a later ``tracker
   compact`` removes it, and until then SQL counts its points twice.
2. while the head is written: the same. From then on readers take the run from it.
3. while the index is written: a run that is compacted and not in the index. Lists read
   it from its directory, and the next compaction writes the entry.
4. while what the head supersedes, an index object, a Parquet object and a head of
   fewer records, is removed: the head alone, which readers pass over, since another
   one covers it, and the next compaction removes.
5. while it is looked whether the run was removed meanwhile: perhaps the run again, as
   it was, until it is removed once more.
6. while the mark is left that says what is to be removed: batches that stay until the
   run is compacted again. They cost space, and nothing else.

Batches are removed an hour later (:mod:`tracker_fsspec.cleaning`). One that comes when
the run is compacted is read beside the head, and the next compaction takes both.
"""

from tracker_core.history import RunHistory
from tracker_fsspec.collected import Collected
from tracker_fsspec.heads import head_to_bytes
from tracker_fsspec.index import Entry, entry_of, index_name, index_to_bytes
from tracker_fsspec.layout import (
    Category,
    Lake,
    head_path,
    key_of,
    lake_path,
    points_name,
)
from tracker_fsspec.marks import Marks, RemovedMarks
from tracker_fsspec.reader import RunReader
from tracker_fsspec.store import Store

__all__ = ["ENDED", "Compactor"]

ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})
"""The statuses of a run that has ended."""

# How often more may come while a run is compacted.
_MOST_TURNS = 3
_INCOMING = lake_path(Lake.INCOMING, "")[:-1]


class Compactor:
    """Compacts runs of a store.

    Args:
        store: The store.
        marks: Its marks.
    """

    def __init__(self, store: Store, marks: Marks) -> None:
        """Compact nothing yet."""
        self._store = store
        self._marks = marks

    def compact(self, directory: str, known: Entry | None = None) -> int | None:
        """Compact a run, unless it runs still or nothing is to do.

        Args:
            directory: Its directory.
            known: What the index knows of it.

        Returns:
            How many points it has; None where nothing was done.

        Raises:
            OSError: The store refuses, or the points of a head are gone.
            BackendUnavailableError: pyarrow is not installed.
        """
        count = None
        for _ in range(_MOST_TURNS):
            done = self._compact_beside_others(directory, known)
            if done is None:
                break
            # What a writer has brought meanwhile would be missed by lists.
            known, count = done
        return count

    def _compact_beside_others(
        self, directory: str, known: Entry | None
    ) -> tuple[Entry, int] | None:
        """Compact, again whenever another one has removed what its head supersedes."""
        missing: set[object] = set()
        while True:
            reader = RunReader(self._store, directory, keeps_batches=True)
            try:
                return self._compact_once(reader, directory, known)
            except FileNotFoundError as error:
                if error.filename in missing:  # nobody has replaced it
                    raise
                missing.add(error.filename)

    def _compact_once(
        self, reader: RunReader, directory: str, known: Entry | None
    ) -> tuple[Entry, int] | None:
        history = reader.refresh()
        if history is None or history.info().status not in ENDED:
            return None
        if known is not None and reader.is_told_by(known.inputs):
            if reader.covered():
                self._marks.leave(directory, known.inputs)
            return None
        collected = Collected(history.run_id)
        for batch in reader.batches():
            collected.add(batch)
        points, count = self._write_points(collected, history, directory)
        self._write_head(collected, points, directory)
        entry = self._write_entry(collected, history, points, directory)
        if self._was_removed(collected, points, directory):
            return None
        self._supersede(reader, directory, collected.inputs, points)
        self._marks.leave(directory, collected.inputs)
        return entry, count

    def _write_points(
        self, collected: Collected, history: RunHistory, directory: str
    ) -> tuple[str | None, int]:
        # It is needed where points are compacted, and by nothing else.
        from tracker_fsspec.parquet import points_to_bytes

        pieces = [*collected.pieces()]
        if not pieces:
            return None, 0
        name = points_name(collected.created_ns, key_of(directory), collected.inputs)
        experiment = history.info().experiment
        content, count = points_to_bytes(history.run_id, experiment, pieces)
        self._store.create(lake_path(Lake.POINTS, name), content, _INCOMING)
        return name, count

    def _write_head(
        self, collected: Collected, points: str | None, directory: str
    ) -> None:
        path = head_path(directory, collected.inputs)
        content = head_to_bytes(collected.head(points))
        self._store.create(path, content, f"{directory}/{Category.INCOMING}")

    def _supersede(
        self, reader: RunReader, directory: str, inputs: str, points: str | None
    ) -> None:
        key = key_of(directory)
        for path, head in reader.heads().items():
            before = path.rpartition("/")[2].removesuffix(".jsonl")
            if before == inputs:
                continue
            # Lists would have to look which entry counts.
            name = f"{key}-{before}.jsonl.gz"
            self._store.remove([lake_path(Lake.INDEX, name)])
            # In this order, so that SQL does not count points twice for long.
            if head.points is not None and head.points != points:
                self._store.remove([lake_path(Lake.POINTS, head.points)])
            self._store.remove([path])

    def _was_removed(
        self, collected: Collected, points: str | None, directory: str
    ) -> bool:
        """Take back what was written, where the run was removed meanwhile."""
        if not RemovedMarks(self._store).found(directory, collected.writers):
            return False
        entry = f"{key_of(directory)}-{collected.inputs}.jsonl.gz"
        written = [lake_path(Lake.INDEX, entry)]
        written += [lake_path(Lake.POINTS, points)] if points is not None else []
        written.append(head_path(directory, collected.inputs))
        self._store.remove(written)
        self._store.remove_empty(directory)
        return True

    def _write_entry(
        self,
        collected: Collected,
        history: RunHistory,
        points: str | None,
        directory: str,
    ) -> Entry:
        head = collected.head(points)
        entry = entry_of(directory, head, collected.inputs, history)
        path = lake_path(Lake.INDEX, index_name([entry]))
        self._store.create(path, index_to_bytes([entry]), _INCOMING)
        return entry
