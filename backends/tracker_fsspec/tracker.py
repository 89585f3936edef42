"""The tracker that keeps runs as files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from typing import BinaryIO, TypeVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from tracker_core.api import Capability
from tracker_core.compactions import Compaction
from tracker_core.contents import Content
from tracker_core.datatypes import TrackerSource
from tracker_core.entries import Rows
from tracker_core.errors import RetryableError, RunNotFoundError
from tracker_core.folded import FoldedTracker, Listed
from tracker_core.gathered import without_points
from tracker_core.history import RunHistory
from tracker_core.points import Points
from tracker_core.records import Batch, Sequencer, SourceBody
from tracker_core.removals import Removal
from tracker_core.retelling import edge_batch
from tracker_core.summaries import Summary
from tracker_core.taken import Taken
from tracker_core.wire import batch_from_lines, batch_to_lines
from tracker_fsspec.heartbeats import heartbeat_to_bytes
from tracker_fsspec.lakeside import LakeSide
from tracker_fsspec.layout import (
    Category,
    batch_path,
    directory_name,
    may_hold_run,
)
from tracker_fsspec.objects import Objects
from tracker_fsspec.reader import RunReader
from tracker_fsspec.removal import Remover
from tracker_fsspec.store import OBJECT_STORES, Store, reason_of
from tracker_fsspec.torchx_files import files_of, with_label

__all__ = ["FsspecTracker"]

_T = TypeVar("_T")
# Each request is paid for, and each batch is an object until the run has ended.
_GATHERS_FOR_S = 10.0


class FsspecTracker(FoldedTracker):
    """Keeps runs below a directory of any filesystem, in torchx's layout.

    :mod:`tracker_fsspec.layout` says what lies where. Any number of processes may
    write at once; what others wrote is seen by the next read. Directories that genuine
    torchx wrote are read here, and it reads metadata, artifacts and sources of ours.

    Args:
        fs: The filesystem.
        root_dir: The directory on it; it is made by the first write.
    """

    def __init__(self, fs: fsspec.AbstractFileSystem, root_dir: str) -> None:
        """Keep both, without touching the filesystem."""
        self._store = Store(fs, root_dir)
        self._objects = Objects(self._store)
        self._readers: dict[str, RunReader] = {}
        self._beaten_ns: dict[str, int] = {}
        self._lake = LakeSide(self._store)
        self._remover = Remover(self._store)
        # Its marks and heartbeats keep their name when a removal begins a new writer.
        self._marker = Sequencer()
        self._is_failing = False
        if self._store.protocol in OBJECT_STORES:
            self.gathers_for = _GATHERS_FOR_S
        if isinstance(fs, MemoryFileSystem):
            self.capabilities = frozenset({Capability.HISTORY, Capability.CONTENT})

    def __repr__(self) -> str:
        """Show where the runs are kept, without options and credentials."""
        store = self._store
        return f"FsspecTracker({store.protocol!r}, {store.visible_root!r})"

    def write(self, batch: Batch) -> None:
        """Take ``batch`` as :meth:`NativeTracker.write` says.

        Every failure of the filesystem is one to try again: a missing bucket, rights
        and full disks are put in order by people while the batch waits.

        Raises:
            RetryableError: The filesystem refused.
        """
        self._is_failing = True
        try:
            # Where writing what is there fails, looking before is a request too many.
            if self._store.creates or not self._holds(batch):
                self._write(batch)
            self._remover.pass_over(batch)
        except OSError as error:
            what = f"{self!r} could not take a batch of run {batch.run_id!r}"
            message = f"{what}: {reason_of(error)}"
            raise RetryableError(message) from error
        self._is_failing = False

    def remove(self, run_id: str) -> Removal:
        """Remove a run, as :meth:`NativeTracker.remove` says.

        What it leaves of its content is freed by :meth:`compact` an hour later.

        Raises:
            RunNotFoundError: There is no such run.
            RetryableError: The filesystem refused.
        """
        try:
            removal = self._remover.remove(directory_name(run_id))
        except OSError as error:
            what = f"{self!r} could not remove run {run_id!r}: {reason_of(error)}"
            raise RetryableError(what) from error
        if removal is None:
            raise RunNotFoundError(run_id)
        self._begin_writer()
        return removal

    def compact(self, run_id: str | None = None) -> Compaction:
        """Compact runs that have ended, as :meth:`NativeTracker.compact` says.

        Without a run it also merges the index and removes what has been superseded for
        an hour, by the clock of the store.

        Raises:
            OSError: The filesystem refused.
            BackendUnavailableError: pyarrow is not installed.
        """
        return self._lake.compact(None if run_id is None else directory_name(run_id))

    def close(self) -> None:
        """Compact the runs that this tracker has written to and that have ended.

        What fails, or would take long, is left to :meth:`compact`.
        """
        if not self._is_failing:
            self._lake.conclude(self._marker.writer.id)

    def listed(self) -> Iterator[Listed]:
        """Give what lists tell of a run, from the index if that knows all of it."""
        directories = self._store.directories()
        known = self._lake.known(directories)
        for directory in directories:
            if directory in known:
                yield known[directory]
            elif may_hold_run(directory):
                history = self._reader_of(directory).refresh_if_allowed()
                if history is not None:
                    yield history

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Return the summaries, as :meth:`NativeTracker.series` says."""
        return self._again_if_moved(run_id, partial(super().series, run_id))

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Return points, as :meth:`NativeTracker.points` says."""
        read = partial(super().points, run_id, series, start_index, limit)
        return self._again_if_moved(run_id, partial(read, abandoned=abandoned))

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> Rows:
        """Return points of a stream, as :meth:`NativeTracker.rows` says."""
        read = partial(super().rows, run_id, stream, start_index, limit)
        return self._again_if_moved(run_id, read)

    def _again_if_moved(self, run_id: str, read: Callable[[], _T]) -> _T:
        """Read once more where a compaction has replaced the points meanwhile."""
        try:
            return read()
        except FileNotFoundError:
            self._reader(run_id).forget()
            return read()

    def history(self, run_id: str) -> RunHistory | None:
        """Return the history of a run, as :meth:`FoldedTracker.history` says."""
        return self._reader(run_id).refresh()

    def histories(self) -> Iterator[RunHistory]:
        """Give the histories of all runs, as :meth:`FoldedTracker.histories` says.

        A run that may not be read is passed over with one warning, so that a private
        one does not hide all others. Asked for by its id, it is an error.
        """
        for directory in self._store.directories():
            if may_hold_run(directory):
                history = self._reader_of(directory).refresh_if_allowed()
                if history is not None:
                    yield history

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[TrackerSource]:
        """Return our edges and torchx's, as :meth:`NativeTracker.sources` says."""
        edges = {*self._known(run_id).sources(), *self._reader(run_id).torchx_sources()}
        return [
            edge
            for edge in sorted(edges, key=_source_and_label)
            if artifact_name is None or edge.artifact_name == artifact_name
        ]

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Give all records again, torchx's too, as :meth:`NativeTracker.batches`."""
        return self._again_if_moved(run_id, partial(self._batches, run_id))

    def _batches(self, run_id: str) -> Iterator[Batch]:
        history = self._history(run_id)
        batches = history.batches()
        # With the first one all points are read, so none can be gone later.
        first = [*islice(batches, 1)]
        return chain(first, batches, self._torchx_edges(run_id, history))

    def taken(self, run_id: str) -> Mapping[str, Taken]:
        """Return what was taken, as :meth:`NativeTracker.taken` says."""
        history = self._history(run_id)
        edges = self._torchx_edges(run_id, history)
        return history.taken() | {it.writer.id: Taken().plus(1, 1) for it in edges}

    def add_content(self, content: Content) -> None:
        """Keep content once for all runs, as :meth:`NativeTracker.add_content` says."""
        self._objects.add(content)

    def open_content(self, digest: str) -> BinaryIO:
        """Open content, as :meth:`NativeTracker.open_content` says."""
        return self._objects.open(digest)

    def beat(self, run_id: str, time_ns: int) -> None:
        """Note a heartbeat in a file of this tracker's own.

        It takes one look for the run and one small write.

        Raises:
            RetryableError: The filesystem refused.
        """
        run = directory_name(run_id)
        path = f"{run}/{Category.HEARTBEATS}/{self._marker.writer.id}"
        newest_ns = max(time_ns, self._beaten_ns.get(path, 0))
        try:
            if self._store.has_directory(run):
                self._put(run, path, heartbeat_to_bytes(newest_ns))
                self._beaten_ns[path] = newest_ns
        except OSError as error:
            what = f"{self!r} could not note a heartbeat of run {run_id!r}"
            raise RetryableError(f"{what}: {reason_of(error)}") from error

    def _torchx_edges(self, run_id: str, history: RunHistory) -> list[Batch]:
        """Return the batches of edges that no record of ours tells."""
        known = set(history.sources())
        edges = self._reader(run_id).torchx_sources() - known
        return [
            edge_batch(
                run_id,
                SourceBody(edge.source_run_id, edge.artifact_name),
                history.created_ns,
            )
            for edge in sorted(edges, key=_source_and_label)
        ]

    def _holds(self, batch: Batch) -> bool:
        content = self._store.read(batch_path(batch))
        try:
            return content is not None and bool(batch_from_lines(content.decode()))
        except (ValueError, TypeError, LookupError, RecursionError):
            return False  # a piece of one: replace it

    def _write(self, batch: Batch) -> None:
        run = directory_name(batch.run_id)
        self._lake.open(run, self._marker.writer.id)
        for name, content in files_of(batch):
            self._put(run, f"{run}/{name}", content)
        for record in without_points(batch.records):
            if isinstance(record.body, SourceBody):
                self._write_edge(run, record.body)
        content = batch_to_lines(batch).encode()
        if self._store.creates:
            self._store.create(batch_path(batch), content, "")
        else:
            self._put(run, batch_path(batch), content)

    def _write_edge(self, run: str, edge: SourceBody) -> None:
        source = directory_name(edge.source_run_id)
        self._add_label(run, f"{run}/{Category.SOURCES}/{source}", edge.artifact_name)
        if self._store.has_directory(source):
            path = f"{source}/{Category.DESCENDANTS}/{run}"
            # The run of another user: torchx misses the edge there, we do not need it.
            with suppress(PermissionError):
                self._add_label(run, path, edge.artifact_name)

    def _add_label(self, run: str, path: str, label: str | None) -> None:
        content = with_label(self._store.read(path) or b"", label)
        if content is not None:
            self._put(run, path, content)

    def _put(self, run: str, path: str, content: bytes) -> None:
        self._store.put(path, content, incoming=f"{run}/{Category.INCOMING}")

    def _reader(self, run_id: str) -> RunReader:
        return self._reader_of(directory_name(run_id))

    def _reader_of(self, directory: str) -> RunReader:
        return self._readers.setdefault(directory, RunReader(self._store, directory))


def _source_and_label(edge: TrackerSource) -> tuple[str, str]:
    return edge.source_run_id, edge.artifact_name or ""
