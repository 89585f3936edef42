"""What is left of a journal is read; what is not is passed over, and said."""

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker_core.errors import JournalError
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.frames import FRAME, HEAD_BYTES, padded
from tracker_core.journal.reader import BEGINNING, Damage, JournalReader, Portion
from tracker_core.journal.writer import JournalWriter
from tracker_core.records import Body, LogBody, MetricsBody

# As many examples on every Python.
_IN_FULL = settings.get_profile("tests")
_SEGMENT = "00000001.segment"
_BODIES: list[Body] = [
    LogBody("info", "begin", None),
    MetricsBody(0, {"": {"loss": 0.0}}),
    MetricsBody(1, {"": {"loss": 0.5}}),
    MetricsBody(2, {"": {"loss": 0.25, "acc": 1}}),
    LogBody("info", "x" * 40, None),
    MetricsBody(None, {"": {"loss": 0.0}}),
    MetricsBody(4, {"": {"loss": -1.0}}),
    LogBody("info", "end", None),
]


class _Journal(NamedTuple):
    """A journal of one segment."""

    folder: Path
    data: bytes
    # Where each frame begins and ends, and the sequence of its record; 0 for none.
    frames: list[tuple[int, int, int]]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> _Journal:
    """Write one, to be damaged again and again."""
    run = RunFolder.of(tmp_path_factory.mktemp("home"), "r")
    writer = JournalWriter(run, segment_bytes=2048)
    for body in _BODIES:
        writer.append(body)
    writer.close()
    (found,) = run.writers()
    data = (found.path / _SEGMENT).read_bytes()
    frames, at, sequence = [], HEAD_BYTES, 0
    while (length := FRAME.unpack_from(data, at)[0]) != 0:
        is_record = data[at + FRAME.size] != 2
        sequence += is_record
        end = at + FRAME.size + length
        frames.append((at, end, sequence if is_record else 0))
        at = padded(end)
    assert sequence == len(_BODIES)
    return _Journal(found.path, data, frames)


def _read(journal: _Journal, data: bytes) -> tuple[dict[int, Body], list[Damage]]:
    """Read all that is left when the segment has become ``data``."""
    (journal.folder / _SEGMENT).write_bytes(data)
    reader, position = JournalReader(journal.folder), BEGINNING
    found: dict[int, Body] = {}
    damages: list[Damage] = []
    while True:
        portion: Portion = reader.read(position, is_final=True)
        damages += portion.damages
        for record in portion.records:
            assert record.sequence not in found
            found[record.sequence] = record.body
        if portion.end == position:
            return found, damages
        position = portion.end


def test_cut_at_every_byte_leaves_the_intact_prefix(journal: _Journal) -> None:
    """Each record that ended before the cut is there, and none after it."""
    for size in range(len(journal.data) + 1):
        found, damages = _read(journal, journal.data[:size])

        whole = [s for _, end, s in journal.frames if s and end <= size]
        if size < HEAD_BYTES // 2:
            whole = []
        assert found == {s: _BODIES[s - 1] for s in whole}, size
        begun = [at for at, end, _ in journal.frames if at + FRAME.size <= size < end]
        assert [damage.offset for damage in damages] == begun, size


@settings(_IN_FULL, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bit_costs_its_frame_alone(
    journal: _Journal, data: st.DataObject
) -> None:
    """Every other record is there, and the damage is told with its place."""
    end = journal.frames[-1][1]
    at = data.draw(st.integers(0, end - 1), "byte")
    _check_flip(journal, at, data.draw(st.integers(0, 7), "bit"))


def test_every_byte_of_the_frames_may_flip(journal: _Journal) -> None:
    """The same for each byte, so that none is spared by chance."""
    for at in range(journal.frames[-1][1]):
        _check_flip(journal, at, at % 8)


def _check_flip(journal: _Journal, at: int, bit: int) -> None:
    damaged = bytearray(journal.data)
    damaged[at] ^= 1 << bit

    found, damages = _read(journal, bytes(damaged))

    hit = [frame for frame in journal.frames if frame[0] <= at < frame[1]]
    lost = {sequence for _, _, sequence in hit}
    assert found == {
        sequence: body
        for sequence, body in enumerate(_BODIES, 1)
        if sequence not in lost
    }
    assert [damage.offset for damage in damages] == [frame[0] for frame in hit]
    assert all(damage.segment == 1 and damage.size > 0 for damage in damages)


def test_living_writer_is_waited_for(journal: _Journal) -> None:
    """A torn tail is no damage while its writer may go on."""
    at, end, sequence = journal.frames[-1]
    (journal.folder / _SEGMENT).write_bytes(
        journal.data[: end - 1].ljust(len(journal.data), b"\0")
    )
    reader = JournalReader(journal.folder)

    portion = reader.read()
    assert (portion.last, portion.end.offset) == (sequence - 1, at)
    later = reader.read(portion.end)
    assert (later.first, later.end, later.damages) == (0, portion.end, ())

    (journal.folder / _SEGMENT).write_bytes(journal.data)
    whole = reader.read(portion.end)
    assert (whole.first, whole.last) == (sequence, sequence)


def test_damage_between_whole_frames_is_passed_over_while_its_writer_lives(
    journal: _Journal,
) -> None:
    """What follows is delivered without waiting for the end of the run."""
    damaged = bytearray(journal.data)
    at, _, sequence = journal.frames[0]
    damaged[at + 20] ^= 1
    (journal.folder / _SEGMENT).write_bytes(damaged)

    portion = JournalReader(journal.folder).read()

    assert (portion.first, portion.last) == (sequence + 1, len(_BODIES))
    assert [damage.offset for damage in portion.damages] == [at]


def test_frame_of_an_unknown_kind_is_passed_over(journal: _Journal) -> None:
    """A later version may write some; the rest is read."""
    from zlib import crc32

    from tracker_core.journal.frames import read_head

    at, end, sequence = journal.frames[0]
    changed = bytearray(journal.data)
    changed[at + FRAME.size] = 77
    payload = bytes(changed[at + FRAME.size : end])
    salt = read_head(journal.data[:HEAD_BYTES])
    assert salt is not None
    FRAME.pack_into(changed, at, len(payload), crc32(payload, salt))

    found, damages = _read(journal, bytes(changed))

    assert sorted(found) == [*range(sequence + 1, len(_BODIES) + 1)]
    assert [damage.reason for damage in damages] == ["its kind 77 is not known"]


def test_segment_of_a_later_version_is_refused(journal: _Journal) -> None:
    """The message says what to do; nothing is skipped."""
    from zlib import crc32

    changed = bytearray(journal.data)
    for copy in (0, HEAD_BYTES // 2):
        changed[copy + 7] = 9
        changed[copy + 12 : copy + 16] = bytes(4)
        checksum = crc32(changed[copy : copy + HEAD_BYTES // 2])
        changed[copy + 12 : copy + 16] = checksum.to_bytes(4, "little")

    with pytest.raises(JournalError, match=r"version 9; this reads 1; upgrade"):
        _read(journal, bytes(changed))
