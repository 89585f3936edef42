"""Removing one run everywhere, and the receipt of it."""

from collections.abc import Iterator
from typing import NamedTuple

from tracker_core.cli.doomed import Doomed
from tracker_core.cli.holdings import Holdings
from tracker_core.cli.text import counted, size_words
from tracker_core.delivery.discarding import discard
from tracker_core.errors import JournalError, NotSupportedError
from tracker_core.removals import Removal
from tracker_core.stores import Store

__all__ = ["Line", "Receipt", "receipt_of", "removed"]


class Line(NamedTuple):
    """What came of one backend.

    Args:
        backend: Its name.
        removal: What it has removed; None where the run stays.
        reason: Why the run stays.
    """

    backend: str
    removal: Removal | None
    reason: str = ""


class Receipt(NamedTuple):
    """What came of one run.

    Args:
        run: The run.
        lines: One for each backend that held it.
        journal_bytes: How much of the disk its journal took; None where it had none.
        refusal: Why nothing was done, or None.
    """

    run: Doomed
    lines: tuple[Line, ...] = ()
    journal_bytes: int | None = None
    refusal: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left that should have gone."""
        return self.refusal is None and all(line.removal for line in self.lines)

    def words(self) -> Iterator[str]:
        """Give it in lines for a person."""
        run = self.run
        if self.refusal is not None:
            yield f"{run.run_id}: kept: {self.refusal}"
        for line in self.lines:
            yield f"{run.run_id} from {line.backend}: {_line_words(line)}"
            remains = () if line.removal is None else line.removal.remains
            yield from (f"  {one}" for one in remains)
        if self.journal_bytes is not None:
            size = size_words(self.journal_bytes)
            yield f"{run.run_id} from the journal here: removed, {size}"


def removed(holdings: Holdings, run: Doomed) -> Receipt:
    """Remove a run from the journal of this machine, and then from every backend.

    In this order, as nothing shall be delivered that was just removed.
    """
    if run.refusal is not None:
        return receipt_of(run)
    size_bytes = None
    if run.journal is not None:
        try:
            size_bytes = discard(run.journal)
        except JournalError as error:
            return Receipt(run, refusal=str(error))
    lines = tuple(_remove(holdings, run.run_id, store) for store in run.holders)
    return Receipt(run, lines, size_bytes)


def receipt_of(run: Doomed) -> Receipt:
    """Return the receipt of a run that nothing is done to."""
    return Receipt(run, refusal=run.refusal)


def _remove(holdings: Holdings, run_id: str, store: Store) -> Line:
    name = store.target.name
    try:
        removal = holdings.ask(store, lambda: store.tracker.remove(run_id))
    except NotSupportedError:
        reason = (
            f"backend {name!r} cannot remove runs; remove it there by its own means"
        )
        return Line(name, None, reason)
    if removal is None and name in holdings.away:
        reason = f"{holdings.away[name]}; run this again once it answers"
        return Line(name, None, reason)
    # Somebody else was faster.
    return Line(name, removal or Removal())


def _line_words(line: Line) -> str:
    removal = line.removal
    if removal is None:
        return f"kept: {line.reason}"
    parts = [counted(removal.records, "record")]
    if removal.artifacts:
        parts.append(counted(removal.artifacts, "artifact"))
    freed = ""
    if removal.freed_bytes:
        freed = f", {size_words(removal.freed_bytes)} freed"
    return f"{' and '.join(parts)} removed{freed}"
