"""One run, read from its directory and kept up to date."""

import logging
from collections.abc import Iterable

from tracker_core.datatypes import TrackerSource
from tracker_core.history import RunHistory
from tracker_core.records import Batch
from tracker_core.wire import batch_from_lines
from tracker_fsspec.heartbeats import heartbeat_from_bytes
from tracker_fsspec.layout import (
    Category,
    directory_name,
    holds_records,
    run_id_in,
)
from tracker_fsspec.store import Store, reason_of
from tracker_fsspec.torchx_files import labels_in, torchx_batch

__all__ = ["RunReader"]

_READ = (Category.BATCHES, Category.METADATA, Category.ARTIFACTS)

_log = logging.getLogger(__name__)


class RunReader:
    """What is known of the run in one directory.

    Batches and torchx's records never change, so each is fetched once; files of
    ``sources`` are read whenever they are asked for. A file that makes no sense is
    passed over with one warning, and tried again at the next read: it may have been
    read while it was being written.

    Args:
        store: Where the directory lies.
        directory: Its name below the root.
    """

    def __init__(self, store: Store, directory: str) -> None:
        """Read nothing yet."""
        self._store = store
        self._directory = directory
        self._warned: set[str] = set()
        self._forget()

    def refresh(self) -> RunHistory | None:
        """Read what is new; return None when the store holds nothing of the run."""
        categories = self._store.directories(self._directory)
        found = self._find(categories)
        if not self._taken <= found:  # somebody removed the run, or a part of it
            self._forget()
        new = sorted(found - self._taken)
        for path, content in self._store.read_all(self._below(name) for name in new):
            self._take(path, content)
        if self._history is not None and Category.HEARTBEATS in categories:
            self._listen(self._history)
        if self._history is None and self.torchx_sources():
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

    def _forget(self) -> None:
        self._taken: set[str] = set()
        self._history: RunHistory | None = None

    def _below(self, name: str) -> str:
        return f"{self._directory}/{name}"

    def _listen(self, history: RunHistory) -> None:
        directory = self._below(Category.HEARTBEATS)
        names = self._store.files(directory)
        contents = self._store.read_all(f"{directory}/{name}" for name in names)
        for path, content in contents:
            try:
                history.beat(heartbeat_from_bytes(content))
            except ValueError as error:
                self._warn(path, error)

    def _find(self, categories: Iterable[str]) -> set[str]:
        return {
            f"{category}/{name}"
            for category in categories
            for name in self._files(category)
        }

    def _files(self, category: str) -> list[str]:
        if category not in _READ:
            return []
        names = self._store.files(self._below(category))
        return [name for name in names if holds_records(category, name)]

    def _take(self, path: str, content: bytes) -> None:
        directory, category, name = path.split("/")
        try:
            if category == Category.BATCHES:
                batch = batch_from_lines(content.decode())
            else:
                run_id = run_id_in(directory) or ""
                batch = torchx_batch(run_id, category, name, content)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            self._warn(path, error)
            return
        self._add(batch, f"{category}/{name}")

    def _add(self, batch: Batch, name: str) -> None:
        if directory_name(batch.run_id) != self._directory:
            return  # a directory that was copied, or is no run of anybody's
        self._history = self._history or RunHistory(batch.run_id)
        self._history.add(batch)
        self._taken.add(name)

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
