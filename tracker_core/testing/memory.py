"""A tracker in the memory of this process: the reference model of the contract."""

import io
from collections.abc import Iterable
from typing import BinaryIO

from tracker_core.api import Capability
from tracker_core.contents import Content
from tracker_core.errors import ContentError
from tracker_core.folded import FoldedTracker
from tracker_core.gathered import without_points
from tracker_core.history import RunHistory
from tracker_core.records import ArtifactBody, Batch
from tracker_core.removals import Removal

__all__ = ["MemoryStore", "MemoryTracker"]


class MemoryStore:
    """What memory trackers share: histories by run id, content by digest.

    Attributes:
        runs: The histories.
        contents: The content.
        awaited: The digests of content that no record has named yet.
        removed: The run and the writer of what is passed over, since it is of a run
            that was removed.
    """

    def __init__(self) -> None:
        """Begin without runs."""
        self.runs: dict[str, RunHistory] = {}
        self.contents: dict[str, bytes] = {}
        self.awaited: set[str] = set()
        self.removed: set[tuple[str, str]] = set()

    def free(self, digests: set[str]) -> int:
        """Drop content that no run names or will; return how many bytes it was."""
        needed = self.awaited.union(*(run.digests() for run in self.runs.values()))
        free = digests - needed
        return sum(len(self.contents.pop(digest, b"")) for digest in free)


class MemoryTracker(FoldedTracker):
    """Keeps runs in a store; they last as long as it does.

    A forked child has a copy of the store: what it writes stays there. Content lies in
    memory whole.

    Args:
        store: Trackers given the same one share runs.
    """

    capabilities: frozenset[Capability] = frozenset(
        {Capability.HISTORY, Capability.CONTENT}
    )

    def __init__(self, store: MemoryStore | None = None) -> None:
        """Use ``store``, or a new empty one."""
        self._store = MemoryStore() if store is None else store

    def write(self, batch: Batch) -> None:
        """Take ``batch``, as :meth:`NativeTracker.write` says."""
        store = self._store
        named = _digests(batch) if store.awaited else set()
        store.awaited -= named
        if (batch.run_id, batch.writer.id) in store.removed:
            store.free(named)
            return
        store.runs.setdefault(batch.run_id, RunHistory(batch.run_id)).add(batch)

    def remove(self, run_id: str) -> Removal:
        """Remove a run, as :meth:`NativeTracker.remove` says."""
        history = self._history(run_id)
        taken = history.taken()
        self._store.removed |= {(run_id, writer) for writer in taken}
        del self._store.runs[run_id]
        self._begin_writer()
        freed_bytes = self._store.free(history.digests())
        records = sum(one.total for one in taken.values())
        return Removal(records, len(history.artifacts()), freed_bytes)

    def history(self, run_id: str) -> RunHistory | None:
        """Return the history of a run; None of an unknown one."""
        return self._store.runs.get(run_id)

    def histories(self) -> Iterable[RunHistory]:
        """Return the histories of all runs."""
        return self._store.runs.values()

    def beat(self, run_id: str, time_ns: int) -> None:
        """Note a heartbeat, as :meth:`NativeTracker.beat` says."""
        history = self.history(run_id)
        if history is not None:
            history.beat(time_ns)

    def add_content(self, content: Content) -> None:
        """Keep content, as :meth:`NativeTracker.add_content` says."""
        if content.digest not in self._store.contents:
            data = b"".join(content.read_checked())
            self._store.contents[content.digest] = data
        self._store.awaited.add(content.digest)

    def open_content(self, digest: str) -> BinaryIO:
        """Open content, as :meth:`NativeTracker.open_content` says."""
        try:
            return io.BytesIO(self._store.contents[digest])
        except KeyError:
            message = f"content {digest} is not in this memory; log it again"
            raise ContentError(message) from None


def _digests(batch: Batch) -> set[str]:
    bodies = (record.body for record in without_points(batch.records))
    found = (body.digest for body in bodies if isinstance(body, ArtifactBody))
    return {digest for digest in found if digest is not None}
