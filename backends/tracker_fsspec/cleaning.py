"""What ``tracker compact`` does beside compacting: merging and removing.

Nothing is removed that is younger than an hour by the clock of the store, so that who
has listed it finds it. Each step may be repeated, and done by several at once; a crash
leaves what the next one removes.
"""

from collections.abc import Iterable, Iterator, Mapping

from tracker_fsspec.index import Entry, Index, index_name, index_to_bytes
from tracker_fsspec.layout import Category, Lake, key_of, lake_path, points_parts
from tracker_fsspec.marks import GRACE_NS, Marks
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

    def _have_points(self, reader: RunReader) -> bool:
        """Tell whether the points of all heads are there, whoever may remove files."""
        names = [head.points for head in reader.heads().values() if head.points]
        paths = [lake_path(Lake.POINTS, name) for name in names]
        return all(self._store.size_of(path) is not None for path in paths)

    def remove_marks(self) -> None:
        """Remove the marks of trackers that have long written nothing.

        That of a run that is compacted in part stays: lists must look at the rest.
        """
        for mark in self._marks.found(Lake.OPEN):
            if not mark.is_old:
                continue
            reader = RunReader(self._store, mark.directory)
            reader.refresh()
            if reader.is_compacted or not reader.heads():
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
        merged = self._merged(index, there)
        paths = [lake_path(Lake.INDEX, name) for name in sorted(merged)]
        removed = self._store.remove(paths)
        return removed + self._store.remove(self._orphans(entries, there))

    def _merged(self, index: Index, there: set[str]) -> set[str]:
        """Return the index objects whose entries have long been in another one."""
        whole: dict[str, tuple[int, str]] = {}
        singles: set[str] = set()
        for name, entries in index.objects.items():
            if len(entries) > 1 and self._is_old(lake_path(Lake.INDEX, name)):
                for entry in entries:
                    singles.add(index_name([entry]))
                    known = whole.get(entry.directory, (0, ""))
                    whole[entry.directory] = max(known, (entry.count, name))
        superseded = {
            name
            for name, entries in index.objects.items()
            if all(
                entry.directory not in there or _is_beside(whole, entry, name)
                for entry in entries
            )
        }
        return superseded | (index.merged & singles)

    def _orphans(self, entries: Iterable[Entry], there: set[str]) -> Iterator[str]:
        """Give the Parquet objects that a crash or a run that is gone has left."""
        directories = {key_of(directory): directory for directory in there}
        current = {key_of(entry.directory): entry.inputs for entry in entries}
        for name in self._store.below(lake_path(Lake.POINTS, "")[:-1]):
            parts = points_parts(name)
            if parts is None:
                continue  # what others, such as Spark, have put there is theirs
            key, inputs = parts
            path = lake_path(Lake.POINTS, name)
            if current.get(key) == inputs or not self._is_old(path):
                continue
            directory = directories.get(key)
            head = f"{directory}/{Category.HEADS}/{inputs}.jsonl"
            if directory is None or self._store.size_of(head) is None:
                yield path

    def _is_old(self, path: str) -> bool:
        return self._marks.age_ns(path) >= GRACE_NS


def _is_beside(whole: Mapping[str, tuple[int, str]], entry: Entry, name: str) -> bool:
    count, other = whole.get(entry.directory, (0, ""))
    return other != name and count >= entry.count
