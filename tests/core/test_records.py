"""Records have one order everywhere, and one writer each."""

import os
import threading

import pytest

from tracker_core.records import (
    LEVELS,
    Batch,
    Record,
    Sequencer,
    TagsBody,
    Writer,
    order_key,
    series_name,
)

_BODY = TagsBody({"a": "b"})


def _key(
    attempt: int = 1,
    time_ns: int = 5,
    writer: str = "m",
    sequence: int = 5,
    row: int = 5,
) -> tuple[int, int, str, int, int]:
    record = Record(sequence, time_ns, _BODY)
    return order_key(Writer(writer, attempt), record, row)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (_key(attempt=1, time_ns=9), _key(attempt=2, time_ns=1)),
        (_key(time_ns=5, writer="z"), _key(time_ns=6, writer="a")),
        (_key(writer="a", sequence=9), _key(writer="b", sequence=1)),
        (_key(sequence=1, row=9), _key(sequence=2, row=1)),
        (_key(row=1), _key(row=2)),
    ],
    ids=["attempt", "time", "writer", "sequence", "row"],
)
def test_order_goes_by_attempt_time_writer_sequence_and_row(
    earlier: tuple[int, ...], later: tuple[int, ...]
) -> None:
    """Each counts only when all before it agree."""
    assert earlier < later


@pytest.mark.parametrize(
    ("stream", "field", "name"),
    [("train", "loss", "train/loss"), ("", "loss", "loss"), ("a/b", "c", "a/b/c")],
)
def test_series_is_named_by_stream_and_field(
    stream: str, field: str, name: str
) -> None:
    """The root stream adds nothing."""
    assert series_name(stream, field) == name


def test_levels_go_from_the_mildest_to_the_gravest() -> None:
    """Their places compare."""
    assert LEVELS == ("debug", "info", "warn", "error", "fatal")


def test_sequencer_puts_each_record_into_a_batch() -> None:
    """The batch names its run, its writer and its one sequence."""
    sequencer = Sequencer(attempt=2, rank=3, clock=lambda: 17)

    batch = sequencer.batch("run", _BODY)

    assert batch == Batch("run", sequencer.writer, 1, 1, (Record(1, 17, _BODY),))
    assert (sequencer.writer.attempt, sequencer.writer.rank) == (2, 3)


def test_sequencer_counts_without_gaps() -> None:
    """Each run has a sequence of its own."""
    sequencer = Sequencer()

    batches = [sequencer.batch(run_id, _BODY) for run_id in "abaa"]

    assert [batch.first for batch in batches] == [1, 1, 2, 3]
    assert [batch.last for batch in batches] == [1, 1, 2, 3]


def test_sequencer_time_never_decreases() -> None:
    """A clock that was set back stands still until it has caught up."""
    times = iter([5, 3, 4, 9])
    sequencer = Sequencer(clock=lambda: next(times))

    found = [sequencer.batch("run", _BODY).records[0].time_ns for _ in range(4)]

    assert found == [5, 5, 5, 9]


def test_sequencers_are_different_writers() -> None:
    """No id is used twice."""
    assert Sequencer().writer.id != Sequencer().writer.id


def test_sequencer_serves_threads() -> None:
    """Every sequence is given once, and its time is in its order."""
    sequencer, batches = Sequencer(), list[Batch]()

    def work() -> None:
        for _ in range(200):
            batches.append(sequencer.batch("run", _BODY))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    records = sorted(batch.records[0] for batch in batches)
    assert [record.sequence for record in records] == list(range(1, 801))
    assert [r.time_ns for r in records] == sorted(r.time_ns for r in records)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_forked_child_is_a_writer_of_its_own() -> None:
    """It has a new id, the same attempt and rank, and counts from 1."""
    sequencer = Sequencer(attempt=2, rank=3)
    before = sequencer.batch("run", _BODY).writer
    read, write = os.pipe()

    pid = os.fork()
    if pid == 0:
        batch = sequencer.batch("run", _BODY)
        words = (*batch.writer, batch.first)
        os.write(write, repr(words).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    told = os.read(read, 1000).decode()
    os.close(read)

    assert told.endswith(", 2, 3, 1)")
    assert before.id not in told
    assert sequencer.batch("run", _BODY)[1:3] == (before, 2)
