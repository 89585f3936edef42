"""The disk of the journal gets full while a job runs, and has room again later."""

from collections.abc import Mapping
from contextlib import closing
from multiprocessing import Pipe
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.deeds import check_found, found_in
from tests.crash.disks import Disk, can_mount, mounted_disk, simulated_disk
from tests.crash.jobs import obey
from tests.crash.stores import Stores, deliver_rest, until
from tracker_core import NativeTracker
from tracker_core.journal.folders import run_folders
from tracker_core.journal.reader import BEGINNING, JournalReader

# More than a segment holds, and less than memory may.
_MANY = 900

DISKS = {"simulated": simulated_disk}
if can_mount():
    DISKS["mounted"] = mounted_disk


@pytest.mark.parametrize("kind", DISKS)
def test_job_goes_on_when_its_disk_is_full(
    tmp_path: Path, prepared: ForkServerContext, kind: str
) -> None:
    """What fitted is delivered, and the rest once there is room; it warns once."""
    with DISKS[kind](tmp_path / "disk") as disk:
        stores = Stores(tmp_path, disk.place / "home")
        errors = tmp_path / "errors"
        acknowledged = _job_on_full_disk(prepared, disk, stores, errors)

        with stores.open() as trackers:
            assert not deliver_rest(stores.home, trackers)
            for tracker in trackers.values():
                check_found(tracker, "r", acknowledged)
                assert tracker.run("r").status == "FINISHED"

    lines = errors.read_text().splitlines()
    assert len(lines) == 1, lines
    assert "No space left on device; the job goes on" in lines[0]


def _job_on_full_disk(
    prepared: ForkServerContext, disk: Disk, stores: Stores, errors: Path
) -> dict[str, int]:
    environment = stores.environment(TRACKER_JOB_ID="r", TRACKER_DISK_BUDGET="1GB")
    read, write = Pipe(duplex=False)
    with (
        Acknowledgements() as heard,
        closing(read),
        closing(write),
        stores.open() as by,
    ):
        job = prepared.Process(
            target=obey, args=(environment, errors, disk.mark, heard.end, read)
        )
        job.start()
        try:
            heard.let_go()
            heard.wait_for(10)
            disk.fill()
            write.send(_MANY)
            assert heard.wait_for(heard.total + _MANY)
            said = heard.total
            # Each deed has a tag beside it.
            fitted = _fitted(stores.home)
            assert 10 <= fitted < 2 * _MANY
            _wait_until_held(by, fitted // 2 - 10)
            disk.make_room()
            _wait_until_held(by, said)
            write.send(0)
            heard.read_all()
            job.join()
            assert job.exitcode == 0
        finally:
            job.kill()
            job.join()
            job.close()
        return heard.counts


def _fitted(home: Path) -> int:
    """Return how many records there are in the journal."""
    count = 0
    for folder in run_folders(home):
        for writer in folder.writers():
            reader, position = JournalReader(writer.path), BEGINNING
            while (portion := reader.read(position)).records:
                assert not portion.damages
                position = portion.end
                count = max(count, portion.last)
    return count


def _wait_until_held(trackers: Mapping[str, NativeTracker], count: int) -> None:
    for tracker in trackers.values():
        until(lambda tracker=tracker: len(found_in(tracker, "r")["o0"]) >= count)  # type: ignore[misc]  # of this turn
