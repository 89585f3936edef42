"""The tracker that keeps runs as files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from tracker_core.api import Capability, NativeTracker
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import RetryableError, RunNotFoundError
from tracker_core.history import RunHistory
from tracker_core.points import Points
from tracker_core.records import Batch, SourceBody
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value
from tracker_core.wire import batch_from_lines, batch_to_lines
from tracker_fsspec.layout import (
    Category,
    batch_name,
    directory_name,
    is_digest,
    run_id_in,
)
from tracker_fsspec.reader import RunReader
from tracker_fsspec.store import Store, reason_of
from tracker_fsspec.torchx_files import files_of, with_label

__all__ = ["FsspecTracker"]


class FsspecTracker(NativeTracker):
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
        self._readers: dict[str, RunReader] = {}
        if isinstance(fs, MemoryFileSystem):
            self.capabilities = frozenset({Capability.HISTORY})

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
        try:
            if not self._holds(batch):
                self._write(batch)
        except OSError as error:
            what = f"{self!r} could not take a batch of run {batch.run_id!r}"
            message = f"{what}: {reason_of(error)}"
            raise RetryableError(message) from error

    def run(self, run_id: str) -> RunInfo:
        """Return who a run is, as :meth:`NativeTracker.run` says."""
        return self._reader(run_id).info(self._history(run_id))

    def runs(self, limit: int | None = None) -> Sequence[RunInfo]:
        """Return the runs, as :meth:`NativeTracker.runs` says; all of them are read.

        A run that may not be read is passed over with one warning, so that a private
        one does not hide all others. Asked for by its id, it is an error.
        """
        found: list[tuple[int, str, RunInfo]] = []
        for directory in self._store.directories():
            if run_id_in(directory) is None and not is_digest(directory):
                continue
            reader = self._reader_of(directory)
            history = reader.refresh_if_allowed()
            if history is not None:
                info = reader.info(history)
                found.append((history.created_ns, info.run_id, info))
        found.sort(key=lambda run: run[:2], reverse=True)
        return [info for *_, info in found[:limit]]

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the metadata, as :meth:`NativeTracker.metadata` says."""
        return self._known(run_id).metadata()

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Return the artifacts, as :meth:`NativeTracker.artifacts` says."""
        return self._known(run_id).artifacts()

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[TrackerSource]:
        """Return the edges, as :meth:`NativeTracker.sources` says."""
        edges = {*self._known(run_id).sources(), *self._reader(run_id).torchx_sources()}
        return [
            edge
            for edge in sorted(edges, key=_source_and_label)
            if artifact_name is None or edge.artifact_name == artifact_name
        ]

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Return the params, as :meth:`NativeTracker.params` says."""
        return self._history(run_id).params()

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the tags, as :meth:`NativeTracker.tags` says."""
        return self._history(run_id).tags()

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Return the summaries, as :meth:`NativeTracker.series` says."""
        return self._history(run_id).series()

    def points(
        self, run_id: str, series: str, start_index: int = 0, limit: int | None = None
    ) -> Points:
        """Return points, as :meth:`NativeTracker.points` says."""
        return self._history(run_id).points(series, start_index, limit)

    def _holds(self, batch: Batch) -> bool:
        content = self._store.read(_batch_path(batch))
        try:
            return content is not None and bool(batch_from_lines(content.decode()))
        except (
            ValueError,
            TypeError,
            LookupError,
            RecursionError,
        ):  # a piece of one: replace it
            return False

    def _write(self, batch: Batch) -> None:
        run = directory_name(batch.run_id)
        for name, content in files_of(batch):
            self._put(run, f"{run}/{name}", content)
        for record in batch.records:
            if isinstance(record.body, SourceBody):
                self._write_edge(run, record.body)
        self._put(run, _batch_path(batch), batch_to_lines(batch).encode())

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

    def _known(self, run_id: str) -> RunHistory:
        return self._reader(run_id).refresh() or RunHistory(run_id)

    def _history(self, run_id: str) -> RunHistory:
        history = self._reader(run_id).refresh()
        if history is None:
            raise RunNotFoundError(run_id)
        return history


def _batch_path(batch: Batch) -> str:
    return f"{directory_name(batch.run_id)}/{Category.BATCHES}/{batch_name(batch)}"


def _source_and_label(edge: TrackerSource) -> tuple[str, str]:
    return edge.source_run_id, edge.artifact_name or ""
