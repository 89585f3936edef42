"""A delivery that dies between any two of its steps is taken up by the next one."""

import shutil
from itertools import count
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

import tracker_sqlite
from tests.crash.deeds import check_found
from tests.crash.processes import code_of
from tests.crash.stepwise import DEEDS, DIED, deliver_until, leave_behind, refusing
from tests.crash.stores import Stores, deliver_rest
from tracker_core.delivery.ledger import ledgers
from tracker_core.journal.folders import run_folders, segment_numbers


@pytest.mark.timeout(1200)
def test_delivery_that_dies_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, prepared: ForkServerContext
) -> None:
    """Whatever step is its last, the next one completes its work."""
    origin = tmp_path / "origin"
    assert code_of(prepared, leave_behind, Stores(origin).home) == 0

    for last in count(1):
        place = tmp_path / str(last)
        shutil.copytree(origin, place)
        code = code_of(prepared, deliver_until, place, last)
        _check(Stores(place))
        shutil.rmtree(place)
        if code == 0:
            break
        assert code == DIED

    print(f"{last} steps")  # noqa: T201 - with -s
    assert last > 50


def _check(stores: Stores) -> None:
    """Complete the delivery, and look at what is there, and what is left."""
    tracker = tracker_sqlite.create(stores.sqlite)
    try:
        deliver_rest(stores.home, {"sqlite": refusing(tracker)})
        check_found(tracker, "r", {"t0": DEEDS, "u0": DEEDS})
        assert tracker.run("r").cause == {"kind": "lost"}
        assert not tracker.tags("r")
    finally:
        tracker.close()
    (folder,) = run_folders(stores.home)
    (ledger,) = ledgers(folder)
    assert [letter.records for letter in ledger.dead()] == [1]
    assert not any(segment_numbers(writer.path) for writer in folder.writers())
    assert not list(folder.content.iterdir())
