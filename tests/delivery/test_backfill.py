"""A backend that comes late is filled from one that has the run."""

from collections.abc import Callable

import pytest

from tests.delivery.conftest import drain
from tracker_core.delivery.backfill import backfill, holders, is_half_filled
from tracker_core.delivery.base import Target
from tracker_core.delivery.carrier import Carrier
from tracker_core.delivery.ledger import (
    Ledger,
    expect,
    ledger_folder,
    ledgers,
)
from tracker_core.errors import PermanentError, RetryableError
from tracker_core.journal.folders import Lock, RunFolder, make_folder
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import CreatedBody, LogBody, ParamsBody, TagsBody
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.verification import verify


@pytest.fixture
def store(
    folder: RunFolder, writer: JournalWriter, carry: Callable[..., Carrier]
) -> MemoryTracker:
    """Give a backend that has all, but the last record of the run."""
    found = MemoryTracker()
    expect(folder, "store")
    writer.append(CreatedBody("n"))
    for number in range(200):
        writer.append(LogBody("info", "x" * 100, {"number": number}))
    drain(carry(found))
    writer.append(ParamsBody({"p": 1}))
    return found


def test_backend_is_filled_and_then_delivered_to(
    folder: RunFolder, store: MemoryTracker, carry: Callable[..., Carrier]
) -> None:
    """The journal has what the other one lacked still."""
    late = MemoryTracker()

    found = backfill(folder, Target("late", late), [Target("store", store)])
    copied = late.params("r")
    drain(carry(late, "late"))
    drain(carry(store))

    assert found is not None
    assert (found.source, found.copy.records, dict(copied)) == ("store", 201, {})
    assert not is_half_filled(folder, "late")
    assert verify("r", {"late": late, "store": store}).is_equal
    assert [ledger.delivered for ledger in ledgers(folder)] == [202, 202]


def test_backend_that_fails_is_not_expected(
    folder: RunFolder, store: MemoryTracker
) -> None:
    """It would be taken for one that can have the run from the journal."""
    late = FaultyTracker(MemoryTracker(), lambda _: RetryableError("no"))

    with pytest.raises(RetryableError):
        backfill(folder, Target("late", late), [Target("store", store)])

    assert [ledger.backend for ledger in ledgers(folder)] == ["store"]


def test_backend_that_has_less_than_it_took_fills_no_other(
    folder: RunFolder, store: MemoryTracker
) -> None:
    """Somebody has removed the run, or put an old copy in its place."""
    late, half = MemoryTracker(), MemoryTracker()
    (batch,) = store.batches("r")
    half.write(batch._replace(last=100, records=batch.records[:100]))
    sources = [Target("store", half), Target("store", MemoryTracker())]

    assert backfill(folder, Target("late", late), sources) is None
    assert list(late.run_ids()) == []
    assert [ledger.backend for ledger in ledgers(folder)] == ["store"]


def test_backend_that_somebody_delivers_to_is_left_alone(
    folder: RunFolder, store: MemoryTracker
) -> None:
    """Who holds its lock writes its ledger."""
    place = ledger_folder(folder, "late")
    make_folder(place)
    lock = Lock.taken(place / "lock")
    assert lock is not None
    late = MemoryTracker()

    found = backfill(folder, Target("late", late), [Target("store", store)])
    lock.drop()

    assert found is None
    assert list(late.run_ids()) == []
    assert place.exists()


def test_holders_refuse_nothing_and_are_within_reach(
    folder: RunFolder, writer: JournalWriter, carry: Callable[..., Carrier]
) -> None:
    """The one that has most comes first."""

    def refuse(call: int) -> Exception | None:
        return PermanentError("no") if call == 1 else None

    writer.append(TagsBody({}))
    drain(carry(MemoryTracker(), "whole"))
    drain(carry(FaultyTracker(MemoryTracker(), refuse), "picky"))
    expect(folder, "empty")
    expect(folder, "late")
    own = Ledger(ledger_folder(folder, "own", "w"), "own", scope="w")
    own.save()

    found = holders(folder, "late")

    assert [ledger.backend for ledger in found] == ["whole", "empty"]
