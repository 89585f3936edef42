"""The compacted side of a store: what lists take from it, and how it comes about."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import TypeAlias

from tracker_core.compactions import Compaction
from tracker_fsspec.cleaning import Cleaner
from tracker_fsspec.compaction import Compactor
from tracker_fsspec.index import Entry, Index
from tracker_fsspec.latepoints import can_read_points, no_parquet
from tracker_fsspec.layout import LAKE, Category, key_of, may_hold_run
from tracker_fsspec.marks import Marks, OpenMarks, open_keys
from tracker_fsspec.reader import RunReader
from tracker_fsspec.store import Store, reason_of

__all__ = ["LakeSide"]

# A run of more batches would keep the end of a process waiting.
_MOST_BATCHES = 5_000
# What the files of one run may be the reason of.
_TROUBLE = (OSError, ValueError, LookupError, TypeError)

_Failure: TypeAlias = tuple[str, Exception]

_log = logging.getLogger(__name__)


class LakeSide:
    """Compacts runs, and tells what is compacted.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        """Look at nothing yet."""
        self._store = store
        self._index = Index(store)
        self._open = OpenMarks(store)
        self._has_told = False

    def open(self, directory: str, tracker: str) -> None:
        """Note before a batch is written that a tracker writes to a run.

        Raises:
            OSError: The store refuses.
        """
        # Who may not write beside the runs of others cannot compact its own either.
        with suppress(PermissionError):
            self._open.renew(directory, tracker)

    def known(self, directories: Iterable[str]) -> dict[str, Entry]:
        """Return what the index tells of the runs that nobody may be writing to.

        Args:
            directories: All directories below the root.

        Raises:
            OSError: The store refuses.
        """
        if LAKE not in directories:
            return {}
        # Marks come first: one that is taken back meanwhile leaves an entry behind.
        is_open = open_keys(self._store)
        entries = self._index.refresh()
        return {
            directory: entry
            for directory, entry in entries.items()
            if not is_open or key_of(directory) not in is_open
        }

    def compact(self, directory: str | None) -> Compaction:
        """Compact one run, or all and tidy up.

        A run that cannot be compacted keeps no other one from it: each is named in a
        warning, and what the first one met is raised when all else is done.

        Raises:
            OSError: The store refuses.
            ValueError: The points of a run are damaged.
            BackendUnavailableError: pyarrow is not installed.
        """
        if not can_read_points():
            raise no_parquet()
        marks = Marks(self._store)
        cleaner = Cleaner(self._store, marks)
        directories = self._store.directories()
        chosen = [directory] if directory is not None else directories
        done = self.known(directories)
        counts, failures = self._compact_each(
            (one for one in chosen if one not in done and may_hold_run(one)), marks
        )
        for one, error in failures:
            where = f"{self._store.visible_root}/{one}"
            _log.warning("could not compact %s: %s", where, reason_of(error))
        removed = cleaner.remove_inputs(directory)
        if directory is None:
            cleaner.remove_marks(self._index, directories)
            removed += cleaner.merge(self._index, directories)
            removed += cleaner.free(directories)
        _raise_first(failures)
        return Compaction(len(counts), sum(counts), removed)

    def conclude(self, tracker: str) -> None:
        """Compact what a tracker has written to runs that have ended.

        Nothing is raised: what fails is logged, once, and left to :meth:`compact`.
        """
        directories = self._open.directories(tracker)
        if not directories:
            # One that has only read asks nothing more of the store.
            return
        try:
            failures = self._compact_few(directories)
            entries = self._index.refresh()
            for directory in directories:
                if self._is_settled(directory, entries.get(directory)):
                    self._open.take_back(directory, tracker)
            _raise_first(failures)
        except Exception as error:  # noqa: BLE001 - the end of a run must not fail
            is_told = isinstance(error, PermissionError)
            self._tell(
                logging.INFO if is_told else logging.WARNING,
                "could not compact runs in %s: %s; `tracker compact` does it later",
                self._store.visible_root,
                reason_of(error),
            )

    def _compact_few(self, directories: Iterable[str]) -> list[_Failure]:
        if not can_read_points():
            self._tell(
                logging.INFO,
                "runs in %s are not compacted; install tracker-core[parquet]",
                self._store.visible_root,
            )
            return []
        few = (one for one in directories if self._is_small(one))
        return self._compact_each(few, Marks(self._store))[1]

    def _is_small(self, directory: str) -> bool:
        batches = self._store.files(f"{directory}/{Category.BATCHES}")
        return len(batches) <= _MOST_BATCHES

    def _is_settled(self, directory: str, entry: Entry | None) -> bool:
        """Tell whether lists are right without a look at the run's directory."""
        heads = self._store.files(f"{directory}/{Category.HEADS}")
        if not heads:
            # What is to come looks once more. An entry is of a run that was removed.
            return entry is None
        if entry is None or heads != [f"{entry.inputs}.jsonl"]:
            return False
        reader = RunReader(self._store, directory)
        reader.refresh()
        return reader.is_told_by(entry.inputs)

    def _compact_each(
        self, directories: Iterable[str], marks: Marks
    ) -> tuple[list[int], list[_Failure]]:
        """Compact runs; return how many points they have, and which ones failed."""
        compactor = Compactor(self._store, marks)
        entries = self._index.refresh()
        counts: list[int] = []
        failures: list[_Failure] = []
        for directory in directories:
            try:
                count = compactor.compact(directory, entries.get(directory))
            except _TROUBLE as error:
                failures.append((directory, error))
                continue
            if count is not None:
                counts.append(count)
        return counts, failures

    def _tell(self, level: int, message: str, *arguments: object) -> None:
        if not self._has_told:
            self._has_told = True
            _log.log(level, message, *arguments)


def _raise_first(failures: Iterable[_Failure]) -> None:
    for _, error in failures:
        raise error
