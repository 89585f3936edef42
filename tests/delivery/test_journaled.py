"""A journaled run, as a job sees it: it goes on, and everything arrives."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker_core import AppRun, track
from tracker_core.delivery.base import Target
from tracker_core.delivery.journaled import JournaledDelivery
from tracker_core.delivery.ledger import ledger_folder, ledgers
from tracker_core.errors import (
    ConfigError,
    DeliveryTimeoutError,
    PermanentError,
    RetryableError,
)
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import Batch
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.testing.faults import Fail, Hang, always, first
from tracker_sqlite import create

_Open = Callable[..., AppRun]


@pytest.fixture
def open_run(folder: RunFolder) -> _Open:
    """Open a run on trackers of this process."""

    def make(*trackers: object, **options: object) -> AppRun:
        budget = options.get("budget")
        writer = JournalWriter(folder, role="job", budget=budget)  # type: ignore[arg-type]  # as given
        targets = [
            Target.of(tracker)._replace(name=f"t{number}")
            for number, tracker in enumerate(trackers)
        ]
        delivery = JournaledDelivery(
            folder,
            writer,
            targets,
            is_shared=False,
            **options,  # type: ignore[arg-type]  # as given
        )
        delivery.start()
        run = AppRun("r", [], delivery=delivery)
        run.start()
        return run

    return make


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    """Let calls that hang return at the end of the test."""
    event = threading.Event()
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name.startswith("tracker-"):
            thread.join(10)


def test_reads_through_the_run_see_what_it_has_logged(open_run: _Open) -> None:
    """At once, whatever was delivered until then."""
    run = open_run(MemoryTracker())

    for number in range(20):
        run.log_param("n", number)
        assert run.params() == {"n": number}


def test_backend_that_hangs_keeps_nobody(
    open_run: _Open, let_go: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    """The job goes on, the others are complete, and the end says what is due."""
    inner, healthy = MemoryTracker(), MemoryTracker()
    hanging = FaultyTracker(inner, always(Hang(let_go)))
    run = open_run(hanging, healthy, closes_within=0.3, reads_within=0.3)

    for step in range(1000):
        run.log_metric("loss", 0.5, step=step)
    assert run.flush(0.1) > 1000
    assert run.metrics().read()["total"] == 1000
    run.finish()

    assert len(healthy.points("r", "loss")) == 1000
    assert healthy.run("r").status == "FINISHED"
    assert "'t0' has missed 1002 records" in caplog.text
    assert "so nobody delivers them later" in caplog.text


def test_read_says_when_nobody_answers_in_time(
    open_run: _Open, let_go: threading.Event
) -> None:
    """It names the backend and that nothing is lost."""
    hanging = FaultyTracker(MemoryTracker(), always(Hang(let_go)))
    run = open_run(hanging, closes_within=0.1, reads_within=0.1)
    run.log_param("a", 1)

    with pytest.raises(DeliveryTimeoutError, match=r"'t0' has not taken \d+ records"):
        run.params()
    run.finish()


def test_backend_that_fails_is_warned_of_once(
    open_run: _Open, caplog: pytest.LogCaptureFixture
) -> None:
    """When it fails first, and with what is due at the end."""
    failing = FaultyTracker(MemoryTracker(), always(RetryableError("down", 0.01)))
    run = open_run(failing, closes_within=0.2)

    for number in range(10):
        run.log_param("n", number)
    run.finish()

    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith("backend 't0' failed: RetryableError: down")
    assert last.startswith("backend 't0' has missed 12 records of run 'r' (")


def test_backend_that_fails_again_and_again_is_not_waited_for(open_run: _Open) -> None:
    """The end would wait for an hour, which the test does not."""
    failing = FaultyTracker(MemoryTracker(), always(RetryableError("down", 0.01)))
    healthy = MemoryTracker()
    run = open_run(failing, healthy, closes_within=3600.0)

    run.log_param("a", 1)
    run.finish()

    assert healthy.run("r").status == "FINISHED"


def test_backend_that_failed_is_tried_again_at_the_end(
    open_run: _Open, caplog: pytest.LogCaptureFixture
) -> None:
    """However long it wanted to be left alone."""
    tracker = MemoryTracker()
    failing = FaultyTracker(tracker, first(1, RetryableError("busy", 3600.0)))
    run = open_run(failing)
    while not caplog.records:  # it has failed
        time.sleep(0.01)

    run.log_param("a", 1)
    run.finish()

    assert tracker.params("r") == {"a": 1}
    assert len(caplog.records) == 1


def test_what_a_backend_logs_does_not_go_to_the_run(open_run: _Open) -> None:
    """Or it would log for ever."""
    from tracker_core import LogHandler

    class Chatty(MemoryTracker):
        def write(self, batch: Batch) -> None:
            logging.getLogger("chatty").warning("writing")
            super().write(batch)

    run = open_run(Chatty())
    handler = LogHandler(run)
    logging.getLogger("chatty").addHandler(handler)
    try:
        run.log("mine")
        run.flush()
    finally:
        logging.getLogger("chatty").removeHandler(handler)

    assert [entry.message for entry in run.logs()] == ["mine"]


def test_forked_child_is_delivered_by_its_parent(open_run: _Open) -> None:
    """Its records arrive once, and its end is not that of the run."""
    tracker = MemoryTracker()
    run = open_run(tracker)
    run.log_metric("loss", 1.0, step=0)

    child = os.fork()
    if child == 0:
        run.log_metric("loss", 2.0, step=1)
        run.finish()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    run.log_metric("loss", 3.0, step=2)
    run.finish()

    assert {*tracker.points("r", "loss").values} == {1.0, 2.0, 3.0}
    assert len(tracker.points("r", "loss")) == 3
    assert tracker.run("r").status == "FINISHED"


def test_delivery_goes_on_where_no_thread_can_be_started(
    open_run: _Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads or ends delivers meanwhile; a backend that fails is tried again."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    healthy = MemoryTracker()
    failing = FaultyTracker(MemoryTracker(), always(RetryableError("down", 0.01)))
    run = open_run(healthy, failing, closes_within=0.1)

    run.log_param("a", 1)
    assert dict(run.params()) == {"a": 1}
    run.log_metric("loss", 0.5, step=0)
    run.finish()

    assert healthy.run("r").status == "FINISHED"
    assert list(healthy.points("r", "loss").values) == [0.5]


def test_content_is_kept_until_it_is_delivered(
    open_run: _Open, folder: RunFolder, tmp_path: Path
) -> None:
    """The job may remove its file at once."""
    tracker = MemoryTracker()
    run = open_run(tracker)
    path = tmp_path / "model.bin"
    path.write_bytes(b"x" * 100_000)

    artifact = run.log_file(path)
    path.unlink()
    run.finish()

    assert artifact.digest is not None
    with tracker.open_content(artifact.digest) as file:
        assert file.read() == b"x" * 100_000
    assert list(folder.content.iterdir()) == []


def test_file_over_the_budget_is_a_reference(
    open_run: _Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says so, and the artifact that is returned."""
    tracker = MemoryTracker()
    run = open_run(tracker, budget=3 * 2**20)
    path = tmp_path / "large.bin"
    path.write_bytes(b"x" * 3 * 2**20)

    artifact = run.log_file(path)
    run.finish()

    assert (artifact.digest, artifact.path) == (None, str(path))
    kept = tracker.artifacts("r")["large.bin"]
    assert (kept.digest, kept.path) == (None, str(path))
    assert "the content of artifact 'large.bin' of run 'r' is not kept" in caplog.text


def test_what_waits_for_space_at_the_end_gets_it_from_delivery(
    open_run: _Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost that fits in memory, if a backend takes what is on the disk."""
    tracker = MemoryTracker()
    run = open_run(tracker, budget=10**6, closes_within=120.0)

    for step in range(60_000):
        run.log_metric("loss", 0.5, step=step)
    run.finish()

    assert len(tracker.points("r", "loss")) == 60_000
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the journal of run 'r' cannot be written"
    ]


def test_backend_that_hangs_while_it_is_closed_keeps_nobody(
    folder: RunFolder, let_go: threading.Event
) -> None:
    """All has arrived by then; the end of the job waits no longer than it may."""

    class Closing(MemoryTracker):
        def close(self) -> None:
            let_go.wait()

    tracker = Closing()
    target = Target.of(tracker)._replace(is_owned=True)
    writer = JournalWriter(folder, role="job")
    delivery = JournaledDelivery(
        folder, writer, [target], is_shared=False, closes_within=0.3
    )
    delivery.start()
    run = AppRun("r", [], delivery=delivery)
    run.log_metric("loss", 0.5)

    run.finish()

    assert len(tracker.points("r", "loss")) == 1


def test_another_process_takes_over(tmp_path: Path) -> None:
    """When the one that delivers dies, the next one has the lock."""
    code = (
        "import sys, time\n"
        "from tracker_core import AppRun\n"
        "run = AppRun.run_from_env()\n"
        "print('open', flush=True)\n"
        "sys.stdin.readline()\n"
        "run.log_metric('loss', 0.5, step=1)\n"
        "print(run.flush(30), flush=True)\n"
    )
    environ = {
        **os.environ,
        "TRACKER_JOB_ID": "r",
        "TRACKER_BACKENDS": "sqlite",
        "TRACKER_HOME": str(tmp_path),
    }
    holder, heir = (
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**environ, "RANK": rank},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    )
    try:
        for process in (holder, heir):
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        out, _ = heir.communicate("\n", timeout=60)
    finally:
        for process in (holder, heir):
            process.kill()
            process.communicate()

    assert out == "0\n"
    assert heir.returncode == 0


@pytest.mark.parametrize("error", [ConfigError("no key"), PermanentError("no table")])
def test_verdict_on_the_first_records_is_raised(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong setting shows before any work is done."""
    _configure(monkeypatch, error)

    with pytest.raises(type(error), match=str(error)):
        AppRun.run_from_env()


def test_verdict_is_a_warning_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The job goes on."""
    monkeypatch.setenv("TRACKER_ON_ERROR", "warn")
    _configure(monkeypatch, ConfigError("no key"))

    run = AppRun.run_from_env()
    run.log_param("a", 1)

    assert "backend 'picky' failed: ConfigError: no key" in caplog.text


def test_outage_at_the_start_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The job is not kept from its work by a server that restarts."""
    monkeypatch.setenv("TRACKER_CLOSE_TIMEOUT", "0")
    _configure(monkeypatch, RetryableError("down", 60.0))

    AppRun.run_from_env().log_param("a", 1)

    assert "backend 'picky' failed: RetryableError: down" in caplog.text


def test_offline_run_waits_for_somebody_to_deliver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its backends are noted, and none is built."""
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path))
    monkeypatch.setenv("TRACKER_JOB_ID", "r")
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite,far=there.is:none")
    monkeypatch.setenv("TRACKER_MODE", "offline")

    run = AppRun.run_from_env()
    run.log_param("a", 1)
    assert run.params() == {}
    run.finish()

    found = ledgers(RunFolder.of(tmp_path, "r"))
    assert [(one.backend, one.factory, one.delivered) for one in found] == [
        ("far", "there.is:none", 0),
        ("sqlite", None, 0),
    ]
    assert not (tmp_path / "tracker.db").exists()


def test_run_that_is_off_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Values are checked still."""
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_MODE", "off")

    AppRun.run_from_env().log_param("a", 1)
    with track("iris") as run:
        run.log_param("a", 1)

    assert not (tmp_path / "home").exists()


def test_trackers_of_one_class_are_told_apart() -> None:
    """Each gets everything."""
    trackers = [MemoryTracker(), MemoryTracker()]

    with track(trackers=trackers) as run:
        run.log_param("a", 1)

    assert [dict(tracker.params(run.id)) for tracker in trackers] == [{"a": 1}] * 2


def test_run_that_nobody_ends_is_delivered_at_exit(tmp_path: Path) -> None:
    """What was logged is there, though the block was never entered."""
    code = "from tracker_core import track; track('iris').log_param('a', 1)"
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TRACKER_HOME": str(tmp_path)},
        check=True,
        timeout=60,
    )

    from tracker_sqlite import SqliteTracker

    tracker = SqliteTracker(tmp_path / "tracker.db")
    (run,) = tracker.runs()
    assert dict(tracker.params(run.run_id)) == {"a": 1}
    tracker.close()


def test_durable_flush_syncs_the_journal(
    open_run: _Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for, since it is slow."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    run = open_run(MemoryTracker())
    run.log_param("a", 1)

    run.flush()
    assert synced == []
    run.flush(durable=True)
    assert synced


def test_ledger_says_how_far_a_backend_is(open_run: _Open, folder: RunFolder) -> None:
    """Also to other processes."""
    run = open_run(MemoryTracker())
    run.log_param("a", 1)
    run.flush()

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        (ledger,) = ledgers(folder)
        if ledger.delivered:
            break
        time.sleep(0.01)

    assert ledger.delivered == 2
    assert ledger.folder == ledger_folder(folder, "t0", ledger.scope)


def _configure(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    import types

    module = types.ModuleType("picky_backend")
    plan = always(Fail(error))
    module.create = lambda _config: FaultyTracker(MemoryTracker(), plan)  # type: ignore[attr-defined]  # a factory
    monkeypatch.setitem(sys.modules, "picky_backend", module)
    monkeypatch.setenv("TRACKER_JOB_ID", "r")
    monkeypatch.setenv("TRACKER_BACKENDS", "picky=picky_backend:create")


def test_last_process_delivers_what_nobody_looks_for_any_more(
    folder: RunFolder, tmp_path: Path
) -> None:
    """Another one held the backend, and has ended a moment before."""
    (holder, other) = (
        JournaledDelivery(
            folder,
            JournalWriter(folder, role="job"),
            [Target.of(create(str(tmp_path / "runs.db")))._replace(is_owned=True)],
        )
        for _ in range(2)
    )
    runs = []
    for delivery in (holder, other):
        delivery.start()
        run = AppRun("r", [], delivery=delivery)
        run.start()
        runs.append(run)

    runs[0].finish()
    runs[1].log_param("late", 1)
    runs[1].finish()

    with closing(create(str(tmp_path / "runs.db"))) as tracker:
        assert tracker.params("r") == {"late": 1}
        assert tracker.run("r").status == "FINISHED"
