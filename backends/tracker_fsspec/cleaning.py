"""What ``tracker compact`` does beside compacting: merging and removing.

Nothing is removed that is younger than an hour by the clock of the store, so that who
has listed it finds it. Each step may be repeated, and done by several at once; a crash
leaves what the next one removes.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from tracker_fsspec.index import Entry, Index, index_name, index_to_bytes
from tracker_fsspec.layout import (
    INCOMING_CONTENTS,
    Lake,
    content_path,
    head_path,
    key_of,
    lake_path,
    may_hold_run,
    points_parts,
)
from tracker_fsspec.marks import GRACE_NS, Marks, open_keys
from tracker_fsspec.reader import RunReader
from tracker_fsspec.store import Store

__all__ = ["Cleaner"]

# So many index objects take little more time to read than one.
_MOST_OBJECTS = 8


class Cleaner:
    """Tidies a store up.

    Args:
        store: The store.
        marks: Its marks.
    """

    def __init__(self, store: Store, marks: Marks) -> None:
        """Remove nothing yet."""
        self._store = store
        self._marks = marks

    def remove_inputs(self, directory: str | None = None) -> int:
        """Remove the batches that were compacted an hour ago.

        Args:
            directory: Those of one run; by default of all.

        Returns:
            How many there were.
        """
        count = 0
        for mark in self._marks.found(Lake.LEFT):
            if mark.is_old and directory in (None, mark.directory):
                reader = RunReader(self._store, mark.directory)
                reader.refresh()
                if self._have_points(reader):
                    count += self._store.remove(reader.covered())
                    self._store.remove([mark.path])
        return count

    def free(self, directories: Iterable[str]) -> int:
        """Free content that has been of no use for an hour; return how much of it.

        Where a run cannot be read nothing is freed, as it may name any content, nor
        where others have forbidden it.

        Raises:
            OSError: The store refuses.
        """
        try:
            names = self._store.files(lake_path(Lake.UNUSED, "")[:-1])
        except PermissionError:
            return 0
        old = [name for name in names if self._is_old(lake_path(Lake.UNUSED, name))]
        used = self._used(directories) if old else set()
        if used is None:
            return 0
        return sum(self._free(name, is_used=name in used) for name in old)

    def _used(self, directories: Iterable[str]) -> set[str] | None:
        """Return the names of all content that runs name; None if one is damaged."""
        used: set[str] = set()
        for directory in filter(may_hold_run, directories):
            reader = RunReader(self._store, directory)
            history = reader.refresh_if_allowed()
            if not reader.is_whole:
                return None
            digests = set() if history is None else history.digests()
            used |= {digest.rpartition(":")[2] for digest in digests}
        return used

    def _free(self, name: str, *, is_used: bool) -> int:
        """Take a mark away, and free its content; return how many files that were."""
        mark = lake_path(Lake.UNUSED, name)
        # Who adds the same content now takes it away, and relies on the content.
        is_free = partial(self._is_old, mark)
        count = 0
        if not is_used:
            path = content_path(name)
            count = int(self._store.remove_if(path, INCOMING_CONTENTS, is_free))
        if is_free():
            self._store.remove([mark])
        return count

    def _have_points(self, reader: RunReader) -> bool:
        """Tell whether the points of all heads are there, whoever may remove files."""
        names = [head.points for head in reader.heads().values() if head.points]
        paths = [lake_path(Lake.POINTS, name) for name in names]
        return all(self._store.size_of(path) is not None for path in paths)

    def remove_marks(self, index: Index, directories: Iterable[str]) -> None:
        """Remove the marks of trackers that have long written nothing.

        That of a run that is compacted in part stays: lists must look at the rest. So
        does that of one of which the index tells something else, as of a run that was
        removed and had its id.
        """
        there, entries = {*directories}, index.refresh()
        for mark in self._marks.found(Lake.OPEN):
            if not mark.is_old:
                continue
            reader = RunReader(self._store, mark.directory)
            reader.refresh()
            entry = entries.get(mark.directory) if mark.directory in there else None
            if entry is not None:
                is_done = reader.is_told_by(entry.inputs)
            else:
                is_done = reader.is_compacted or not reader.heads()
            if is_done:
                self._store.remove([mark.path])

    def merge(self, index: Index, directories: Iterable[str]) -> int:
        """Put many index objects into one; return how many files were removed.

        Runs that are there no more are left out.
        """
        there = {*directories}
        entries = [e for name, e in index.refresh().items() if name in there]
        if len(index.objects) > _MOST_OBJECTS and entries:
            path = lake_path(Lake.INDEX, index_name(entries))
            incoming = lake_path(Lake.INCOMING, "")[:-1]
            self._store.create(path, index_to_bytes(entries), incoming)
            index.refresh()
        merged = self._merged(index, entries, there)
        paths = [lake_path(Lake.INDEX, name) for name in sorted(merged)]
        removed = self._store.remove(paths)
        return removed + self._store.remove(self._orphans(entries, there))

    def _merged(
        self, index: Index, current: Iterable[Entry], there: set[str]
    ) -> set[str]:
        """Return the index objects whose entries have long been in another one.

        That is where the entry that counts is, also in place of one that does not.
        """
        inputs = {entry.directory: entry.inputs for entry in current}
        whole: dict[str, str] = {}
        singles: set[str] = set()
        for name, entries in index.objects.items():
            if len(entries) > 1 and self._is_old(lake_path(Lake.INDEX, name)):
                for entry in entries:
                    singles.add(index_name([entry]))
                    if inputs.get(entry.directory) == entry.inputs:
                        known = whole.get(entry.directory, "")
                        whole[entry.directory] = max(known, name)
        superseded = {
            name
            for name, entries in index.objects.items()
            if all(
                entry.directory not in there
                or whole.get(entry.directory, name) != name
                or self._is_stale(inputs, entry, name)
                for entry in entries
            )
        }
        return superseded | (index.merged & singles)

    def _is_stale(self, inputs: Mapping[str, str], entry: Entry, name: str) -> bool:
        """Tell whether an entry has long been one that does not count."""
        is_current = inputs.get(entry.directory, entry.inputs) == entry.inputs
        return not is_current and self._is_old(lake_path(Lake.INDEX, name))

    def _orphans(self, entries: Iterable[Entry], there: set[str]) -> Iterator[str]:
        """Give the Parquet objects that a crash or a run that is gone has left."""
        directories = {key_of(directory): directory for directory in there}
        current = {key_of(entry.directory): entry.inputs for entry in entries}
        # What the index tells of these may be of a run that was removed.
        for key in open_keys(self._store):
            current.pop(key, None)
        for name in self._store.below(lake_path(Lake.POINTS, "")[:-1]):
            parts = points_parts(name)
            if parts is None:
                continue  # what others, such as Spark, have put there is theirs
            key, inputs = parts
            path = lake_path(Lake.POINTS, name)
            if current.get(key) == inputs or not self._is_old(path):
                continue
            directory = directories.get(key)
            if (
                directory is None
                or self._store.size_of(head_path(directory, inputs)) is None
            ):
                yield path

    def _is_old(self, path: str) -> bool:
        return self._marks.age_ns(path) >= GRACE_NS
