"""Removing a run, and passing over what comes of it later.

It goes in steps, and a crash leaves behind

1. while marks are left in ``unused``, one for each content that the run names: marks
   too many. ``tracker compact`` looks at them an hour later, frees what no run names,
   and removes them.
2. while marks are left in ``removed``, one for each writer of the run: the run, whose
   writers can add nothing to it.
3. while its entry in the index, its points, its files and at last its batches and heads
   are removed: what is left of the run, which can be removed again.

Nobody holds a lock. Whoever writes a batch, or the head of a compaction, looks for the
marks in ``removed`` afterwards, and removes what it has written where they are. So
either it sees the mark, or whoever removes the run sees what it wrote.

Marks in ``removed`` stay for ever; they are as small as files can be.
"""

from collections.abc import Iterable, Iterator

from tracker_core.gathered import without_points
from tracker_core.history import RunHistory
from tracker_core.records import ArtifactBody, Batch
from tracker_core.removals import Removal
from tracker_fsspec.index import Index
from tracker_fsspec.layout import (
    Category,
    Lake,
    batch_path,
    batch_range,
    directory_name,
    holds_records,
    key_of,
    lake_path,
    points_parts,
)
from tracker_fsspec.marks import RemovedMarks, leave_unused
from tracker_fsspec.reader import RunReader
from tracker_fsspec.store import Store
from tracker_fsspec.torchx_files import files_of

__all__ = ["Remover"]

_REMAINS = "content that no other run names is freed by `tracker compact` in an hour"
_TRUTH = (Category.BATCHES, Category.HEADS)


class Remover:
    """Removes runs from a store.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        """Remove nothing yet."""
        self._store = store
        self._removed = RemovedMarks(store)

    def remove(self, directory: str) -> Removal | None:
        """Remove the run of a directory; None where there is none.

        Raises:
            OSError: The store refuses.
        """
        reader = RunReader(self._store, directory)
        history = reader.refresh()
        if history is None:
            self._store.remove_empty(directory)
            return None
        taken, digests = history.taken(), history.digests()
        for digest in sorted(digests):
            leave_unused(self._store, digest)
        names = self._store.below(directory)
        self._removed.leave(directory, {*taken, *_writers_of(names)})
        self._forget_entries(directory)
        self._store.remove(self._points(directory))
        self._store.remove(_mirrors(directory, history))
        self._sweep(directory, names)
        records = sum(one.total for one in taken.values())
        remains = (_REMAINS,) if digests else ()
        return Removal(records, len(history.artifacts()), 0, remains)

    def pass_over(self, batch: Batch) -> None:
        """Remove a batch that was written, where it is of a run that was removed.

        Raises:
            OSError: The store refuses.
        """
        directory = directory_name(batch.run_id)
        if not self._removed.found(directory, [batch.writer.id]):
            return
        for record in without_points(batch.records):
            body = record.body
            if isinstance(body, ArtifactBody) and body.digest is not None:
                leave_unused(self._store, body.digest)
        names = self._store.below(directory)
        own = {
            batch_path(batch).partition("/")[2],
            *(name for name, _ in files_of(batch)),
        }
        others = [name for name in names if name not in own]
        # Nobody else has said anything: it is gone for torchx too.
        self._sweep(directory, [*own] if any(map(_is_record, others)) else names)

    def _sweep(self, directory: str, names: Iterable[str]) -> None:
        """Remove files of a run, those last that tell what is to be removed."""
        ordered = sorted(names, key=lambda name: name.startswith(_TRUTH))
        self._store.remove(f"{directory}/{name}" for name in ordered)
        self._store.remove_empty(directory)

    def _forget_entries(self, directory: str) -> None:
        """Take the run out of the index."""
        Index(self._store).forget(directory)

    def _points(self, directory: str) -> Iterator[str]:
        """Give all Parquet objects of a run, whoever has left them."""
        key = key_of(directory)
        for name in self._store.below(lake_path(Lake.POINTS, "")[:-1]):
            parts = points_parts(name)
            if parts is not None and parts[0] == key:
                yield lake_path(Lake.POINTS, name)


def _mirrors(directory: str, history: RunHistory) -> Iterator[str]:
    """Give torchx's notes at other runs of what this one has used."""
    for edge in history.sources():
        source = directory_name(edge.source_run_id)
        yield f"{source}/{Category.DESCENDANTS}/{directory}"


def _writers_of(names: Iterable[str]) -> Iterator[str]:
    """Give the writers that the names of batches tell."""
    for name in names:
        category, _, rest = name.partition("/")
        found = batch_range(rest) if category == Category.BATCHES else None
        if found is not None:
            yield found[0]


def _is_record(name: str) -> bool:
    category, _, rest = name.partition("/")
    return holds_records(category, rest)
