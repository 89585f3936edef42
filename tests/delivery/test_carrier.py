"""From the journal to a backend: every record, once, whatever the backend does."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.conftest import drain
from tracker_core.delivery import carrier as carrying
from tracker_core.delivery import settling
from tracker_core.delivery.attempts import job_attempt
from tracker_core.delivery.carrier import Carrier, Step
from tracker_core.delivery.ledger import Ledger, ledger_folder, ledgers
from tracker_core.errors import JournalError, PermanentError, RetryableError
from tracker_core.journal.folders import Lock, RunFolder, WriterFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import Batch, LogBody, MetricsBody, StartedBody
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.testing.faults import Fail, FailAfter, always, first

_Carry = Callable[..., Carrier]


def _log(writer: JournalWriter, begin: int, end: int) -> None:
    for step in range(begin, end):
        writer.append(MetricsBody(step, {"": {"loss": float(step)}}))


def _steps(tracker: MemoryTracker) -> list[int | None]:
    return list(tracker.points("r", "loss").steps)


class _Picky(MemoryTracker):
    """Refuses batches with certain messages."""

    def __init__(self, error: BaseException, bad: str = "bad") -> None:
        super().__init__()
        self.error = error
        self.bad = bad
        self.names: list[tuple[int, int]] = []

    def write(self, batch: Batch) -> None:
        self.names.append((batch.first, batch.last))
        for record in batch.records:
            if isinstance(record.body, LogBody) and record.body.message == self.bad:
                raise self.error
        super().write(batch)


def test_all_of_it_arrives_once(writer: JournalWriter, carry: _Carry) -> None:
    """Over several segments, and what comes later too."""
    tracker = MemoryTracker()
    carrier = carry(tracker)
    _log(writer, 0, 500)

    assert drain(carrier) is Step.IDLE
    assert _steps(tracker) == [*range(500)]
    assert carrier.ledger.delivered == 500

    _log(writer, 500, 510)
    assert drain(carrier) is Step.IDLE
    assert _steps(tracker) == [*range(510)]


def test_several_writers_arrive(
    folder: RunFolder, writer: JournalWriter, carry: _Carry
) -> None:
    """Each has a turn."""
    tracker = MemoryTracker()
    other = JournalWriter(folder, rank=1)
    _log(writer, 0, 5)
    _log(other, 5, 10)
    other.close()

    drain(carry(tracker))

    assert sorted(_steps(tracker)) == [*range(10)]  # type: ignore[type-var]  # ints


def test_failed_batch_is_sent_again_under_its_name(
    writer: JournalWriter, carry: _Carry, told: list[str]
) -> None:
    """Also by another process, and though more was logged meanwhile."""
    inner = MemoryTracker()
    tracker = FaultyTracker(inner, first(2, FailAfter(RetryableError("busy", 0.0))))
    _log(writer, 0, 5)

    assert carry(tracker).step() is Step.FAILED
    _log(writer, 5, 10)
    again = carry(tracker)
    cut = again.ledger.cut
    assert cut is not None
    assert (cut.parts, cut.tries) == (((1, 5),), 1)
    assert again.ledger.error == "RetryableError: busy"
    assert drain(again) is Step.FAILED
    assert drain(again) is Step.IDLE

    assert _steps(inner) == [*range(10)]
    assert again.ledger.error is None
    assert again.ledger.delivered == 10
    assert all("failed: RetryableError: busy" in text for text in told)


def test_backend_that_failed_is_left_alone_for_a_while(
    writer: JournalWriter, carry: _Carry
) -> None:
    """Nothing is sent before it is due."""
    calls: list[int] = []

    def count(call: object) -> Fail:
        calls.append(1)
        del call
        return Fail(RetryableError("busy", 60.0))

    tracker = FaultyTracker(MemoryTracker(), count)
    carrier = carry(tracker)
    _log(writer, 0, 5)

    assert carrier.step() is Step.FAILED
    sent = len(calls)
    assert carrier.step() is Step.FAILED
    assert len(calls) == sent


def test_refused_record_becomes_a_dead_letter(
    writer: JournalWriter, carry: _Carry
) -> None:
    """It alone; the others arrive, and the order of attempts is kept."""
    tracker = _Picky(PermanentError("no such thing"))
    carrier = carry(tracker)
    _log(writer, 0, 7)
    writer.append(LogBody("info", "bad", None))
    _log(writer, 7, 20)

    assert drain(carrier) is Step.IDLE

    (letter,) = carrier.ledger.dead()
    assert (letter.first, letter.last, letter.records) == (8, 8, 1)
    assert "bad" in letter.path.read_text()
    assert letter.why == "PermanentError: no such thing"
    assert _steps(tracker) == [*range(20)]
    assert carrier.ledger.delivered == 20


def test_dead_letter_that_is_taken_later_is_gone(
    writer: JournalWriter, carry: _Carry
) -> None:
    """It fills its gap, and counts as delivered."""
    tracker = _Picky(PermanentError("no such thing"))
    carrier = carry(tracker)
    writer.append(LogBody("info", "bad", None))
    writer.append(LogBody("info", "good", None))
    drain(carrier)
    (letter,) = carrier.ledger.dead()
    tracker.bad = "nothing"

    assert carrier.redeliver(letter) is Step.MOVED

    assert (carrier.ledger.dead(), letter.why) == ([], None)
    assert carrier.ledger.delivered == 2
    assert [entry.message for entry in tracker.logs("r")] == ["bad", "good"]


@pytest.mark.parametrize("error", [PermanentError("not yet"), KeyError("not yet")])
def test_dead_letter_that_is_refused_again_stays(
    writer: JournalWriter, carry: _Carry, error: Exception
) -> None:
    """With what the backend says now."""
    tracker = _Picky(PermanentError("no such thing"))
    carrier = carry(tracker)
    writer.append(LogBody("info", "bad", None))
    drain(carrier)
    (letter,) = carrier.ledger.dead()
    tracker.error = error

    assert carrier.redeliver(letter) is Step.IDLE

    (left,) = carrier.ledger.dead()
    assert "not yet" in (left.why or "")


def test_dead_letter_waits_while_the_backend_fails(
    writer: JournalWriter, carry: _Carry
) -> None:
    """It may be sent again, and says nothing new of why it was refused."""
    tracker = _Picky(PermanentError("no such thing"))
    carrier = carry(tracker)
    writer.append(LogBody("info", "bad", None))
    drain(carrier)
    (letter,) = carrier.ledger.dead()
    tracker.error = RetryableError("busy")

    assert carrier.redeliver(letter) is Step.FAILED

    assert carrier.ledger.error == "RetryableError: busy"
    assert letter.why == "PermanentError: no such thing"


def test_damaged_dead_letter_is_told(writer: JournalWriter, carry: _Carry) -> None:
    """It is named, and stays."""
    carrier = carry(_Picky(PermanentError("no such thing")))
    writer.append(LogBody("info", "bad", None))
    drain(carrier)
    (letter,) = carrier.ledger.dead()
    letter.path.write_text("{}")

    with pytest.raises(JournalError, match=r"dead letter .* cannot be read"):
        carrier.redeliver(letter)


def test_error_of_a_bug_is_a_refusal_when_it_comes_again(
    writer: JournalWriter, carry: _Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few tries first, for it may pass."""
    monkeypatch.setattr(carrying, "_FIRST_DELAY_S", 0.0)
    tracker = _Picky(TypeError("unhashable"))
    carrier = carry(tracker)
    writer.append(LogBody("info", "bad", None))
    writer.append(LogBody("info", "good", None))

    for _ in range(100):
        if carrier.step() is Step.IDLE:
            break

    assert [letter.first for letter in carrier.ledger.dead()] == [1]
    assert [entry.message for entry in tracker.logs("r")] == ["good"]
    assert tracker.names.count((1, 2)) == 4


def test_backend_that_refuses_everything_is_not_asked_record_by_record(
    writer: JournalWriter, carry: _Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After many refusals in a row whole batches are dead."""
    monkeypatch.setattr(carrying, "_STRIKES", 4)
    tracker = FaultyTracker(MemoryTracker(), always(PermanentError("never")))
    carrier = carry(tracker)
    _log(writer, 0, 2000)

    assert drain(carrier) is Step.IDLE

    dead = carrier.ledger.dead()
    assert sum(letter.records for letter in dead) == 2000
    assert len(dead) < 200
    assert carrier.ledger.delivered == 0


def test_damage_is_told_and_passed_over(
    folder: RunFolder, writer: JournalWriter, carry: _Carry, told: list[str]
) -> None:
    """What lies behind it arrives."""
    _log(writer, 0, 10)
    (found,) = folder.writers()
    path = found.path / "00000001.segment"
    data = bytearray(path.read_bytes())
    data[data.index(b'"series"') + 300] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    tracker = MemoryTracker()
    carrier = carry(tracker)

    drain(carrier)

    assert len(_steps(tracker)) == 9
    ((writer_id, damage),) = carrier.ledger.damages
    assert (writer_id, damage.segment) == (found.writer.id, 1)
    assert any("cannot be read and are passed over" in text for text in told)


def test_segments_go_when_every_backend_has_them(
    folder: RunFolder, writer: JournalWriter, carry: _Carry
) -> None:
    """The slowest one decides; at the end nothing is left of them."""
    ahead, behind = carry(MemoryTracker(), "ahead"), carry(MemoryTracker(), "behind")
    behind.ledger.save()
    _log(writer, 0, 500)
    (found,) = folder.writers()
    before = len(list(found.path.glob("*.segment")))

    drain(ahead)
    assert len(list(found.path.glob("*.segment"))) == before > 3

    drain(behind)
    assert len(list(found.path.glob("*.segment"))) == 1
    writer.close()
    drain(ahead)
    drain(behind)
    drain(ahead)
    assert list(found.path.glob("*.segment")) == []


def test_dead_writer_is_told_to_be_lost(folder: RunFolder, carry: _Carry) -> None:
    """Its end follows what it logged, once, and at the time of the last record."""
    child = os.fork()
    if child == 0:
        writer = JournalWriter(folder, role="job", clock=iter([5, 7, 9]).__next__)
        writer.append(StartedBody("job"))
        _log(writer, 0, 2)
        os._exit(0)
    os.waitpid(child, 0)
    tracker = MemoryTracker()

    drain(carry(tracker))
    drain(carry(tracker))

    run = tracker.run("r")
    assert (run.status, run.cause) == ("FAILED", {"kind": "lost"})
    assert _steps(tracker) == [0, 1]
    (found,) = folder.writers()
    assert found.is_settled


def test_living_writer_is_not_lost(
    folder: RunFolder, writer: JournalWriter, carry: _Carry
) -> None:
    """As long as its lock is held."""
    tracker = MemoryTracker()
    writer.append(StartedBody("job"))

    drain(carry(tracker))

    assert tracker.run("r").status == "RUNNING"
    assert not folder.writers()[0].is_settled


def test_writer_of_another_machine_is_not_judged_over_a_network(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is free here may be held there; what it logged is delivered."""
    elsewhere = folder._replace(host="elsewhere")
    writer = JournalWriter(elsewhere, role="job")
    writer.append(StartedBody("job"))
    (found,) = folder.writers()
    child = os.fork()  # so that its lock is free without its end
    if child == 0:
        JournalWriter(elsewhere, role="job").append(StartedBody("job"))
        os._exit(0)
    os.waitpid(child, 0)
    monkeypatch.setattr(settling, "network_type", lambda _path: "nfs4")

    settling.settle_dead(elsewhere)
    assert [one.is_settled for one in folder.writers()] == [False, False]

    monkeypatch.setattr(settling, "network_type", lambda _path: None)
    settling.settle_dead(elsewhere)
    assert [one.is_settled for one in folder.writers() if one != found] == [True]
    writer.close()


def test_dead_writer_lives_for_nobody_while_others_look(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ranks of a requeued job ask at once, while one of them settles the dead."""
    child = os.fork()
    if child == 0:
        JournalWriter(folder, rank=2, role="job").append(StartedBody("job"))
        os._exit(0)
    os.waitpid(child, 0)
    (dead,) = folder.writers()
    seen: list[tuple[bool, int]] = []

    def look(writer: WriterFolder, _known: object) -> None:
        seen.append((writer.is_alive(), job_attempt(folder, 2, 0, 0)))

    asked = Lock.taken(dead.path / "writer.json", is_shared=True)
    assert asked is not None
    monkeypatch.setattr(settling, "_settle", look)
    settling.settle_dead(folder)
    asked.drop()

    assert seen == [(False, 2)]


def test_heart_beats_while_somebody_lives(
    writer: JournalWriter, carry: _Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once there is something to tell of, and not again at once."""
    beats: list[int] = []
    tracker = MemoryTracker()
    monkeypatch.setattr(tracker, "beat", lambda _run, now: beats.append(now))
    monkeypatch.setattr(carrying, "_SETTLES_EACH_S", 0.0)
    carrier = carry(tracker)
    writer.append(StartedBody("job"))

    for _ in range(5):
        carrier.step()
    assert len(beats) == 1

    writer.close()
    carrier.ledger.beaten_ns = 0
    carrier.step()
    assert len(beats) == 1


def test_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    """The message says what to do."""
    (tmp_path / "cursor.json").write_text('{"version": 9}')

    with pytest.raises(JournalError, match=r"version 9; this reads 1; upgrade"):
        Ledger.load(tmp_path)


def test_ledger_that_is_damaged_says_so(tmp_path: Path) -> None:
    """Nothing is guessed."""
    (tmp_path / "cursor.json").write_text('{"version": 1, "backend": "a"}')

    with pytest.raises(JournalError, match="is damaged"):
        Ledger.load(tmp_path)


def test_ledger_of_a_process_that_died_does_not_count(folder: RunFolder) -> None:
    """Its tracker died with it."""
    folder.make()
    Ledger(ledger_folder(folder, "memory", "gone"), "memory", "gone").save()
    Ledger(ledger_folder(folder, "sqlite"), "sqlite").save()

    assert [ledger.backend for ledger in ledgers(folder)] == ["sqlite"]


def test_batch_is_not_sent_before_it_is_noted(
    writer: JournalWriter, carry: _Carry
) -> None:
    """Where the disk refuses the ledger, the next carrier cuts anew."""
    tracker = MemoryTracker()
    carrier = carry(tracker)
    _log(writer, 0, 5)
    obstacle = carrier.ledger.folder / f".cursor.json-{os.getpid()}"
    obstacle.mkdir(parents=True)

    with pytest.raises(OSError, match="directory"):
        drain(carrier)

    assert carrier.ledger.cut is None
    obstacle.rmdir()
    assert drain(carrier) is Step.IDLE
    assert _steps(tracker) == [*range(5)]
