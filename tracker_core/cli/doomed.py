"""Runs that are to be removed: which ones, how much, and what is against it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from tracker_core.cli.holdings import Holdings
from tracker_core.cli.times import ago
from tracker_core.delivery.discarding import user_of
from tracker_core.errors import NotSupportedError
from tracker_core.identity import friendly_name
from tracker_core.journal.folders import RunFolder
from tracker_core.runs import RunInfo
from tracker_core.stores import Store

__all__ = ["Doomed", "doomed"]

_T = TypeVar("_T")


class Doomed(NamedTuple):
    """A run that is to be removed.

    Args:
        run_id: The run.
        info: What the first backend that holds it tells; None where none does.
        holders: The backends that hold it.
        journal: Its journal on this machine, or None.
        records: How many records it has; None where nobody can tell.
        artifacts: How many artifacts it has.
        size_bytes: How large their content is.
        refusal: Why it is not removed, or None.
    """

    run_id: str
    info: RunInfo | None
    holders: Sequence[Store]
    journal: RunFolder | None
    records: int | None
    artifacts: int
    size_bytes: int
    refusal: str | None

    @property
    def name(self) -> str:
        """What people call it."""
        return friendly_name(self.run_id) if self.info is None else self.info.name


def doomed(holdings: Holdings, run_id: str, *, force: bool) -> Doomed:
    """Return what is known of a run that is to be removed.

    Args:
        holdings: Where to look.
        run_id: The run.
        force: Whether it is removed though a backend says that it runs.
    """
    held = holdings.of(run_id)
    journals = holdings.journals.get(run_id, [])
    journal = journals[0] if journals else None
    records, artifacts, size_bytes = _size(holdings, run_id, [one for one, _ in held])
    refusal = None if journal is None else user_of(journal)
    if refusal is None and journal is None and not force:
        refusal = next(filter(None, (_runs_still(info) for _, info in held)), None)
    return Doomed(
        run_id,
        held[0][1] if held else None,
        [store for store, _ in held],
        journal,
        records,
        artifacts,
        size_bytes,
        refusal,
    )


def _runs_still(info: RunInfo) -> str | None:
    """Return why a run may not be removed that no process of this machine has made."""
    if info.status != "RUNNING" or info.is_lost():
        return None
    seen = ""
    if info.heartbeat_at is not None:
        from datetime import UTC, datetime

        seen = f", and was seen alive {ago(info.heartbeat_at, datetime.now(UTC))}"
    return f"it runs still{seen}; end it first, or remove it by --force"


def _size(
    holdings: Holdings, run_id: str, stores: Sequence[Store]
) -> tuple[int | None, int, int]:
    """Return how many records and artifacts a run has, and how large these are."""
    for store in stores:
        taken = _asked(holdings, store, partial(store.tracker.taken, run_id))
        artifacts = _asked(holdings, store, partial(store.tracker.artifacts, run_id))
        records = None if taken is None else sum(it.total for it in taken.values())
        sizes = [it.size_bytes or 0 for it in (artifacts or {}).values()]
        return records, len(sizes), sum(sizes)
    return None, 0, 0


def _asked(holdings: Holdings, store: Store, call: Callable[[], _T]) -> _T | None:
    try:
        return holdings.ask(store, call)
    except NotSupportedError:
        return None
