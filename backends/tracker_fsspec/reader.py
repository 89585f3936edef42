"""One run, read from its directory and kept up to date."""

import errno
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

from tracker_core.datatypes import TrackerSource
from tracker_core.gathered import Gathered
from tracker_core.history import RunHistory
from tracker_core.records import Batch
from tracker_core.taken import Taken
from tracker_core.wire import batch_from_lines
from tracker_fsspec.heads import Head, Section, head_from_bytes
from tracker_fsspec.heartbeats import heartbeat_from_bytes
from tracker_fsspec.latepoints import LatePoints, can_read_points
from tracker_fsspec.layout import (
    Category,
    Lake,
    batch_range,
    directory_name,
    head_path,
    holds_records,
    lake_path,
    run_id_in,
)
from tracker_fsspec.store import Store, reason_of
from tracker_fsspec.torchx_files import labels_in, torchx_batch

__all__ = ["RunReader"]

_READ = (
    Category.BATCHES,
    Category.HEADS,
    Category.METADATA,
    Category.ARTIFACTS,
)
_LOOKED_AT = (*_READ, Category.SOURCES, Category.HEARTBEATS)
# A directory of a network that is listed from a cache may name what is long gone.
_MOST_LOOKS = 3
_Rest: TypeAlias = Callable[[Section], Gathered]
# Damage of all sorts, as what is read may be anything.
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

_log = logging.getLogger(__name__)


class RunReader:
    """What is known of the run in one directory.

    Batches, heads and torchx's records never change, so each is fetched once. What a
    head covers is not fetched at all, and its points when they are first asked for.
    Files of ``sources`` are read whenever they are asked for. A file that makes no
    sense is passed over with one warning, and tried again at the next read: it may
    have been read while it was being written.

    Args:
        store: Where the directory lies.
        directory: Its name below the root.
        keeps_batches: Whether :meth:`batches` is asked for.
    """

    def __init__(
        self, store: Store, directory: str, *, keeps_batches: bool = False
    ) -> None:
        """Read nothing yet."""
        self._keeps_batches = keeps_batches
        self._store = store
        self._directory = directory
        self._warned: set[str] = set()
        self.forget()

    def refresh(self) -> RunHistory | None:
        """Read what is new; return None when the store holds nothing of the run."""
        for _ in range(_MOST_LOOKS - 1):
            try:
                return self._look(may_miss_heads=False)
            except FileNotFoundError:
                # A compaction has replaced what was listed.
                self.forget()
        return self._look(may_miss_heads=True)

    def _look(self, *, may_miss_heads: bool) -> RunHistory | None:
        tree = self._store.tree(self._directory, _LOOKED_AT)
        found = {
            f"{category}/{name}"
            for category in _READ
            for name in tree.get(category, ())
            if holds_records(category, name)
        }
        if not self._taken <= found:  # somebody removed the run, or a part of it
            self.forget()
        heads = {name for name in found if name.startswith(f"{Category.HEADS}/")}
        if not heads <= self._taken:
            # They come first, since what they cover must not be taken before.
            self.forget()
            there = self._take_heads(sorted(heads), found)
            if there < len(heads) and not may_miss_heads:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        new = sorted(found - self._taken - heads)
        rest = [name for name in new if not self._is_covered(name)]
        for path, content in self._store.read_all(self._below(name) for name in rest):
            self._take(path, content)
        if self._history is not None and Category.HEARTBEATS in tree:
            self._listen(self._history, tree[Category.HEARTBEATS])
        has_sources = bool(tree.get(Category.SOURCES))
        if self._history is None and has_sources and self.torchx_sources():
            return RunHistory(run_id_in(self._directory) or "")
        return self._history

    def refresh_if_allowed(self) -> RunHistory | None:
        """Read what is new, or pass over a run that may not be read, with a warning."""
        try:
            return self.refresh()
        except PermissionError as error:
            where = f"{self._store.visible_root}/{self._directory}"
            self._warn(where, reason_of(error))
            return None

    def torchx_sources(self) -> set[TrackerSource]:
        """Return the edges that genuine torchx wrote."""
        directory = self._below(Category.SOURCES)
        names = self._store.files(directory)
        contents = self._store.read_all(f"{directory}/{name}" for name in names)
        return {
            edge for path, content in contents for edge in self._edges(path, content)
        }

    def forget(self) -> None:
        """Read everything again when it is asked for."""
        self._taken: set[str] = set()
        self._history: RunHistory | None = None
        self._heads: dict[str, Head] = {}
        self._covered: dict[str, Taken] = {}
        self._batches: list[Batch] = []

    def heads(self) -> Mapping[str, Head]:
        """Return the heads that were read, by their paths."""
        return self._heads

    @property
    def is_compacted(self) -> bool:
        """Whether one head tells all that was read."""
        return len(self._heads) == 1 and not any(map(_is_batch, self._taken))

    def is_told_by(self, inputs: str) -> bool:
        """Whether the head of these inputs alone tells all that was read."""
        return self.is_compacted and head_path(self._directory, inputs) in self._heads

    @property
    def is_whole(self) -> bool:
        """Whether nothing that was read was damaged."""
        return not self._warned

    def covered(self) -> list[str]:
        """Return the paths of the batches that heads cover."""
        names = self._store.files(self._below(Category.BATCHES))
        return [
            f"{self._below(Category.BATCHES)}/{name}"
            for name in names
            if self._is_covered(f"{Category.BATCHES}/{name}")
        ]

    def batches(self) -> Iterator[Batch]:
        """Give all that was read but for torchx's, each record once or more.

        Raises:
            OSError: The points of a head cannot be read.
        """
        taken: dict[str, Taken] = {}
        for head in self._heads.values():
            rest = self._rest(head)
            for section in head.sections:
                writer, first, last = section.batch[1:4]
                known = taken.get(writer.id, Taken())
                if known.covers(first, last):
                    continue  # the points of a head that is superseded may be gone
                taken[writer.id] = known.plus(first, last)
                points = rest(section) if rest else Gathered((), {}, 0)
                others = (*section.batch.records, *points.others)
                records = Gathered(others, points.points, section.record_count)
                yield section.batch._replace(records=records)
        yield from self._batches

    def _take_heads(self, names: Iterable[str], found: Iterable[str]) -> int:
        """Read heads, those of many records first: what they cover is passed over.

        Returns:
            How many were there.
        """
        contents = [*self._store.read_all(self._below(name) for name in names)]
        heads = {
            path: head
            for path, content in contents
            for head in self._head(path, content)
        }
        for path in sorted(heads, key=lambda path: -heads[path].record_count):
            head = heads[path]
            self._taken.add(path.partition("/")[2])
            if head.points is None or can_read_points() or not _are_there(head, found):
                self._heads[path] = head
                rest = self._rest(head)
                for section in head.sections:
                    self._take_section(head, section, rest)
        return len(contents)

    def _head(self, path: str, content: bytes) -> list[Head]:
        try:
            head = head_from_bytes(content)
        except _UNREADABLE as error:
            self._warn(path, error)
            return []
        return [head] if directory_name(head.run_id) == self._directory else []

    def _take_section(self, head: Head, section: Section, rest: _Rest | None) -> None:
        batch = section.batch
        covered = self._covered.get(batch.writer.id, Taken())
        if covered.covers(batch.first, batch.last):
            return
        self._covered[batch.writer.id] = covered.plus(batch.first, batch.last)
        if self._history is None:
            self._history = RunHistory(head.run_id)
        self._history.see(head.created_ns)
        if rest is None:
            self._history.add(batch)
        elif covered.overlaps(batch.first, batch.last):
            points = rest(section)
            others = (*batch.records, *points.others)
            records = Gathered(others, points.points, section.record_count)
            self._history.add(batch._replace(records=records))
        else:
            self._history.add(batch, partial(rest, section))

    def _rest(self, head: Head) -> _Rest | None:
        """Return what gives the points of a section of a head; None without points."""
        if head.points is None:
            return None
        path = lake_path(Lake.POINTS, head.points)
        return LatePoints(partial(self._read_points, path)).records

    def _read_points(self, path: str) -> bytes:
        content = self._store.read(path)
        if content is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return content

    def _is_covered(self, name: str) -> bool:
        found = batch_range(name.rpartition("/")[2]) if _is_batch(name) else None
        if found is None:
            return False
        writer, first, last = found
        return self._covered.get(writer, Taken()).covers(first, last)

    def _below(self, name: str) -> str:
        return f"{self._directory}/{name}"

    def _listen(self, history: RunHistory, names: Iterable[str]) -> None:
        directory = self._below(Category.HEARTBEATS)
        contents = self._store.read_all(f"{directory}/{name}" for name in names)
        for path, content in contents:
            try:
                history.beat(heartbeat_from_bytes(content))
            except ValueError as error:
                self._warn(path, error)

    def _take(self, path: str, content: bytes) -> None:
        directory, category, name = path.split("/")
        try:
            if category == Category.BATCHES:
                batch = batch_from_lines(content.decode())
            else:
                run_id = run_id_in(directory) or ""
                batch = torchx_batch(run_id, category, name, content)
        except _UNREADABLE as error:
            self._warn(path, error)
            return
        self._add(batch, f"{category}/{name}")

    def _add(self, batch: Batch, name: str) -> None:
        if directory_name(batch.run_id) != self._directory:
            return  # a directory that was copied, or is no run of anybody's
        self._history = self._history or RunHistory(batch.run_id)
        self._history.add(batch)
        self._taken.add(name)
        if self._keeps_batches and _is_batch(name):
            self._batches.append(batch)

    def _edges(self, path: str, content: bytes) -> set[TrackerSource]:
        source = run_id_in(path.rpartition("/")[2])
        if source is None:
            return set()
        try:
            return {TrackerSource(source, label) for label in labels_in(content)}
        except ValueError as error:
            self._warn(path, error)
            return set()

    def _warn(self, path: str, reason: object) -> None:
        if path not in self._warned:
            self._warned.add(path)
            _log.warning("passed over %s, which cannot be read: %s", path, reason)


def _is_batch(name: str) -> bool:
    return name.startswith(f"{Category.BATCHES}/")


def _are_there(head: Head, names: Iterable[str]) -> bool:
    """Tell whether the batches that a head was made from are there still."""
    taken: dict[str, Taken] = {}
    for name in names:
        known = batch_range(name.rpartition("/")[2]) if _is_batch(name) else None
        if known is not None:
            writer, first, last = known
            taken[writer] = taken.get(writer, Taken()).plus(first, last)
    return all(
        taken.get(batch.writer.id, Taken()).covers(batch.first, batch.last)
        for batch, _ in head.sections
    )
