"""Trackers that are each wrong when calls fail, and the part of the contract on that.

pytest does not collect this by itself: ``test_contract_of_faults.py`` runs it in a
process of its own and looks which test catches which mutant.
"""

import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import Phase, settings

from tracker_core.contents import Content
from tracker_core.errors import ContentError, PermanentError
from tracker_core.folded import FoldedTracker
from tracker_core.history import RunHistory
from tracker_core.identity import new_run_id
from tracker_core.records import Batch, MetadataBody, ParamsBody
from tracker_core.testing.contract.faults import Faults
from tracker_core.values import Value
from tracker_core.wire import batch_from_lines, batch_to_lines

# A mutant is to be found, not explained.
settings.register_profile(
    "mutants", phases=[Phase.generate], derandomize=True, report_multiple_bugs=False
)
settings.load_profile("mutants")


class Right(FoldedTracker):
    """Keeps every batch as a file; it is right, and the mutants differ from it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(exist_ok=True)

    def write(self, batch: Batch) -> None:
        """Keep the batch behind those that came before it."""
        arrived = len([*self._root.glob("*.jsonl")])
        path = self._root / f"{arrived:06}-{new_run_id()}.jsonl"
        path.write_text(batch_to_lines(batch), encoding="utf-8")

    def history(self, run_id: str) -> RunHistory | None:
        """Return the history of a run."""
        for history in self.histories():
            if history.run_id == run_id:
                return history
        return None

    def histories(self) -> Iterable[RunHistory]:
        """Return the histories of all runs."""
        found: dict[str, RunHistory] = {}
        for batch in self.kept():
            found.setdefault(batch.run_id, RunHistory(batch.run_id)).add(batch)
        return found.values()

    def add_content(self, content: Content) -> None:
        """Keep content."""
        self._path(content.digest).write_bytes(b"".join(content.read_checked()))

    def open_content(self, digest: str) -> BinaryIO:
        """Open content."""
        return self._path(digest).open("rb")

    def kept(self) -> list[Batch]:
        """Return what has arrived, in this order."""
        paths = sorted(self._root.glob("*.jsonl"))
        return [batch_from_lines(path.read_text(encoding="utf-8")) for path in paths]

    def held(self, batch: Batch) -> set[int]:
        """Return the sequence numbers of the batch's writer that are kept."""
        name = (batch.run_id, batch.writer)
        return {
            record.sequence
            for other in self.kept()
            if (other.run_id, other.writer) == name
            for record in other.records
        }

    def _path(self, digest: str) -> Path:
        return self._root / digest.replace(":", "-")


class KnowsWholeBatches(Right):
    """Passes over a batch of the same borders only, so overlaps count twice."""

    def kept(self) -> list[Batch]:
        """Repeat what came within other borders."""
        return _repeating(super().kept(), lambda batch: (batch.first, batch.last))


class KnowsWhereBatchesBegin(Right):
    """Goes on with a batch that it took in part, and knows no other overlap."""

    def kept(self) -> list[Batch]:
        """Repeat what came in a batch that began elsewhere."""
        return _repeating(super().kept(), lambda batch: batch.first)


class FirstRecordDecides(Right):
    """Takes a batch for taken when its first record was, so the rest is lost."""

    def write(self, batch: Batch) -> None:
        """Look at the first record."""
        if batch.first not in self.held(batch):
            super().write(batch)


class RefusesTheRest(Right):
    """Refuses a batch for ever once it has taken part of it."""

    def write(self, batch: Batch) -> None:
        """Look for a part."""
        held = self.held(batch) & {record.sequence for record in batch.records}
        if 0 < len(held) < len(batch.records):
            message = f"{len(held)} records are there already"
            raise PermanentError(message)
        super().write(batch)


class RefusesRepeats(Right):
    """Refuses what it has taken, instead of passing over it."""

    def write(self, batch: Batch) -> None:
        """Look for the last record."""
        if batch.last in self.held(batch):
            message = f"record {batch.last} is there already"
            raise PermanentError(message)
        super().write(batch)


class NeverLooksBack(Right):
    """Passes over all that comes before what it has, so gaps stay open."""

    def write(self, batch: Batch) -> None:
        """Look for later records."""
        if batch.last > max(self.held(batch), default=0):
            super().write(batch)


class LateWins(Right):
    """Takes the last param to arrive for the last one, repeats included."""

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Go by arrival."""
        found: dict[str, Value] = {}
        for batch in self.kept():
            for record in batch.records:
                if batch.run_id == run_id and isinstance(record.body, ParamsBody):
                    found |= record.body.values
        return dict(sorted(found.items()))


class OneThread(Right):
    """Works in the thread alone that made it, as a connection to SQLite does."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._thread = threading.get_ident()

    def write(self, batch: Batch) -> None:
        """Compare threads."""
        if threading.get_ident() != self._thread:
            message = "made in another thread"
            raise RuntimeError(message)
        super().write(batch)


class FirstValueStays(Right):
    """Never replaces a value that it has."""

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Keep the first of each key."""
        found: dict[str, Value] = {}
        for batch in self.kept():
            for record in batch.records:
                if batch.run_id == run_id and isinstance(record.body, MetadataBody):
                    found = {**record.body.values, **found}
        return dict(sorted(found.items()))


class KeepsWhenItIsClosed(Right):
    """Has written nothing down when ``write`` returns."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._waiting: list[Batch] = []

    def write(self, batch: Batch) -> None:
        """Wait."""
        self._waiting.append(batch)

    def kept(self) -> list[Batch]:
        """Read what waits too."""
        return [*super().kept(), *self._waiting]

    def close(self) -> None:
        """Write down what waits."""
        while self._waiting:
            super().write(self._waiting.pop(0))


class RefusesKnownContent(Right):
    """Takes content that is there for a clash."""

    def add_content(self, content: Content) -> None:
        """Look for it."""
        if self._path(content.digest).exists():
            raise ContentError(content.digest)
        super().add_content(content)


def _repeating(batches: list[Batch], name: Callable[[Batch], object]) -> list[Batch]:
    """Return batches, with records that came under another name as a writer's own."""
    made = []
    for number, batch in enumerate(batches):
        others = [b for b in batches[:number] if name(b) != name(batch)]
        writers = [(b.run_id, b.writer, r.sequence) for b in others for r in b.records]
        again = tuple(
            record
            for record in batch.records
            if (batch.run_id, batch.writer, record.sequence) in writers
        )
        twin = batch.writer._replace(id=f"{batch.writer.id}-{number}")
        made += [batch, batch._replace(writer=twin, records=again)]
    return [batch for batch in made if batch.records]


TRACKERS: tuple[type[Right], ...] = (
    Right,
    KnowsWholeBatches,
    KnowsWhereBatchesBegin,
    FirstRecordDecides,
    RefusesTheRest,
    RefusesRepeats,
    NeverLooksBack,
    LateWins,
    OneThread,
    FirstValueStays,
    KeepsWhenItIsClosed,
    RefusesKnownContent,
)


@pytest.mark.parametrize("mutant", TRACKERS, scope="class")
class TestMutant(Faults):
    """The part of the suite, on each of them."""

    @pytest.fixture
    def open_tracker(
        self, mutant: type[Right], tmp_path: Path
    ) -> functools.partial[Right]:
        """Open trackers on one new folder."""
        return functools.partial(mutant, tmp_path / "runs")
