"""A tracker in the memory of this process: the reference model of the contract."""

import io
from collections.abc import Iterable
from typing import BinaryIO

from tracker_core.api import Capability
from tracker_core.contents import Content
from tracker_core.errors import ContentError
from tracker_core.folded import FoldedTracker
from tracker_core.history import RunHistory
from tracker_core.records import Batch

__all__ = ["MemoryStore", "MemoryTracker"]


class MemoryStore:
    """What memory trackers share: histories by run id, content by digest."""

    def __init__(self) -> None:
        """Begin without runs."""
        self.runs: dict[str, RunHistory] = {}
        self.contents: dict[str, bytes] = {}


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
        runs = self._store.runs
        runs.setdefault(batch.run_id, RunHistory(batch.run_id)).add(batch)

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

    def open_content(self, digest: str) -> BinaryIO:
        """Open content, as :meth:`NativeTracker.open_content` says."""
        try:
            return io.BytesIO(self._store.contents[digest])
        except KeyError:
            message = f"content {digest} is not in this memory; log it again"
            raise ContentError(message) from None
