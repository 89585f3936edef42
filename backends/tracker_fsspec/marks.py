"""Marks: which runs may hold more than is compacted, and what is to be removed.

A tracker that writes to a run leaves a mark in ``open`` before its first batch, and
renews it before a batch when it is ten minutes old. Lists look for every run that has
a mark at what is in its directory, and for no other one that the index knows. The
tracker takes its mark back when it is closed and all that it has written is compacted,
or nothing of the run is. The mark of one that was killed is removed by a compaction an
hour later, once everything is compacted: by then nothing of it can be under way.

Two kinds of marks come of removed runs (:mod:`tracker_fsspec.removal`): in ``removed``
one for each of their writers, whose records are passed over from then on, and in
``unused`` one for each content that they name. Whoever adds content that is there
already takes its mark away, as does a compaction that finds it needed an hour later.

A compaction leaves a mark in ``left``: the batches, and the heads before it, may be
removed when the mark is an hour old. Until then readers that have listed them find
them. What a crash leaves is at worst a mark too many, or files that a later compaction
removes.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, cast

from tracker_core.contents import is_digest
from tracker_core.identity import new_writer_id
from tracker_fsspec.layout import Lake, key_of, lake_path, mark_key
from tracker_fsspec.store import Store

__all__ = [
    "GRACE_NS",
    "Mark",
    "Marks",
    "OpenMarks",
    "RemovedMarks",
    "leave_unused",
    "open_keys",
    "take_back_unused",
    "unused_path",
]

GRACE_NS = 3600 * 10**9
"""How long what is superseded stays for those who are reading it."""

_RENEWED_EACH_S = 600.0

_log = logging.getLogger(__name__)


class Mark(NamedTuple):
    """A mark: the run's directory that it is of, and how old it is."""

    path: str
    directory: str
    age_ns: int

    @property
    def is_old(self) -> bool:
        """Whether what it protects may be removed."""
        return self.age_ns >= GRACE_NS


class OpenMarks:
    """The marks of one tracker that writes.

    Args:
        store: Where it writes.
        clock: Seconds that only go forward.
    """

    def __init__(
        self, store: Store, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Leave no mark yet."""
        self._store = store
        self._clock = clock
        self._renewed: dict[tuple[str, str], float] = {}

    def renew(self, directory: str, tracker: str) -> None:
        """Leave a mark, or renew it when it is due."""
        now = self._clock()
        last = self._renewed.get((directory, tracker))
        if last is None or now - last >= _RENEWED_EACH_S:
            content = _told(directory)
            path = _open_path(directory, tracker)
            self._store.put(path, content, lake_path(Lake.INCOMING, "")[:-1])
            self._renewed[directory, tracker] = now

    def directories(self, tracker: str) -> list[str]:
        """Return the directories that a tracker has marked."""
        return [directory for directory, by in self._renewed if by == tracker]

    def take_back(self, directory: str, tracker: str) -> None:
        """Remove a mark."""
        self._renewed.pop((directory, tracker), None)
        self._store.remove([_open_path(directory, tracker)])


class RemovedMarks:
    """The marks of writers whose runs were removed.

    Args:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        """Leave no mark yet."""
        self._store = store

    def leave(self, directory: str, writers: Iterable[str]) -> None:
        """Note that what writers of a run bring is passed over from now on."""
        incoming = lake_path(Lake.INCOMING, "")[:-1]
        for path in _removed_paths(directory, writers):
            self._store.put(path, _told(directory), incoming)

    def found(self, directory: str, writers: Iterable[str]) -> bool:
        """Tell whether one of the writers of a run has such a mark.

        Where the marks of others may not be read, none is taken to be there.
        """
        try:
            return any(self._store.read_all(_removed_paths(directory, writers)))
        except PermissionError:
            return False


class Marks:
    """The marks of a store, for who compacts it.

    Args:
        store: The store.
        local_ns: The local clock, which counts where the store has none.
    """

    def __init__(
        self, store: Store, local_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Look at nothing yet."""
        self._store = store
        self._local_ns = local_ns
        self._ahead_ns: int | None = None

    def found(self, part: Lake) -> list[Mark]:
        """Return the marks in ``open`` or ``left``.

        A damaged one is passed over with a warning, and stays: lists, which ask for
        names alone, look at its run as ever, and of what it protects nothing is
        removed.
        """
        names = self._store.files(lake_path(part, "")[:-1])
        paths = [lake_path(part, name) for name in names if mark_key(name)]
        found = (self._mark(*item) for item in self._store.read_all(paths))
        return [mark for mark in found if mark is not None]

    def leave(self, directory: str, inputs: str) -> None:
        """Note that what a compaction has made superfluous is to be removed."""
        path = lake_path(Lake.LEFT, f"{key_of(directory)}-{inputs}")
        self._store.create(path, _told(directory), lake_path(Lake.INCOMING, "")[:-1])

    def age_ns(self, path: str, told_ns: int = 0) -> int:
        """Return how old a file is, by the store's clock if it has one.

        Args:
            path: The file.
            told_ns: When it was written by what it tells itself; counts where the
                store does not tell.
        """
        modified_ns = self._store.modified_ns(path)
        if modified_ns is None:
            return self._local_ns() - told_ns if told_ns else 0
        return self._now_ns() - modified_ns

    def _mark(self, path: str, content: bytes) -> Mark | None:
        try:
            directory, time_ns = _from_told(path, content)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            _log.warning("passed over %s, which cannot be read: %s", path, error)
            return None
        return Mark(path, directory, self.age_ns(path, time_ns))

    def _now_ns(self) -> int:
        """Return the time of the store, which a file tells that is written now."""
        if self._ahead_ns is None:
            path = lake_path(Lake.INCOMING, new_writer_id())
            self._store.put(path, b"", lake_path(Lake.INCOMING, "")[:-1])
            modified_ns = self._store.modified_ns(path)
            self._store.remove([path])
            local_ns = self._local_ns()
            self._ahead_ns = 0 if modified_ns is None else modified_ns - local_ns
        return self._local_ns() + self._ahead_ns


def open_keys(store: Store) -> set[str]:
    """Return the keys of the directories that a mark says may be written to."""
    names = store.files(lake_path(Lake.OPEN, "")[:-1])
    return {key for name in names if (key := mark_key(name)) is not None}


def leave_unused(store: Store, digest: str) -> None:
    """Note that content may be needed no more; a mark that is there begins anew."""
    if is_digest(digest):
        told = json.dumps({"digest": digest, "time_ns": time.time_ns()}).encode()
        store.put(unused_path(digest), told, lake_path(Lake.INCOMING, "")[:-1])


def take_back_unused(store: Store, digest: str) -> bool:
    """Note that content is needed; tell whether there may have been a mark."""
    # That of another user stays, and is looked at before the content is freed.
    with suppress(PermissionError):
        return store.remove([unused_path(digest)]) > 0
    return False


def unused_path(digest: str) -> str:
    """Return the path of the mark of some content."""
    return lake_path(Lake.UNUSED, digest.rpartition(":")[2])


def _removed_paths(directory: str, writers: Iterable[str]) -> list[str]:
    key = key_of(directory)
    return [lake_path(Lake.REMOVED, f"{key}-{writer}") for writer in sorted(writers)]


def _open_path(directory: str, tracker: str) -> str:
    return lake_path(Lake.OPEN, f"{key_of(directory)}-{tracker}")


def _from_told(path: str, content: bytes) -> tuple[str, int]:
    told = cast("dict[str, object]", json.loads(content))
    directory, time_ns = told["directory"], told["time_ns"]
    if not isinstance(directory, str) or not isinstance(time_ns, int):
        message = "another shape"
        raise TypeError(message)
    if key_of(directory) != mark_key(path.rpartition("/")[2]):
        message = f"it tells of another directory, {directory!r}"
        raise ValueError(message)
    return directory, time_ns


def _told(directory: str) -> bytes:
    return json.dumps({"directory": directory, "time_ns": time.time_ns()}).encode()
