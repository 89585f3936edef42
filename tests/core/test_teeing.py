"""Tests of reading the output of a job, in threads of this process."""

import os
import pty
import signal
import socket
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker_core.consolelog import Bounds
from tracker_core.teeing import Pair, main, tee
from tracker_core.twinterminals import Twin, is_read, open_twin

_USUAL = Bounds()


class Output:
    """One output of a job, from the job to the terminal of a user."""

    def __init__(self) -> None:
        self.source, self.job = os.pipe()
        self.shown, self.sink = os.pipe()

    @property
    def pair(self) -> Pair:
        """What is read and written."""
        return Pair(self.source, self.sink)

    def write(self, text: str) -> None:
        """Write as the job."""
        os.write(self.job, text.encode())

    def end(self) -> None:
        """End as the last that could write."""
        os.close(self.job)

    def read(self, size: int = 65536) -> str:
        """Read as the user."""
        return os.read(self.shown, size).decode()

    def close(self) -> None:
        """Let go of what is the user's."""
        os.close(self.shown)
        os.close(self.sink)


class Reading:
    """Outputs that are read."""

    def __init__(self, place: Path, *outputs: Output, bounds: Bounds = _USUAL) -> None:
        self.outputs = outputs
        self.place = place
        self.control, far = socket.socketpair()
        pairs = [output.pair for output in outputs]
        self._thread = threading.Thread(
            target=tee, args=(place, far, pairs, (), bounds)
        )
        self._thread.start()

    def answer(self) -> bytes:
        """Wait for what became of the log."""
        found = b""
        while piece := self.control.recv(4096):
            found += piece
        return found

    def end(self) -> None:
        """Wait for the end."""
        self._thread.join()
        self.control.close()
        for output in self.outputs:
            output.close()

    @property
    def log(self) -> str:
        """The whole log."""
        return (self.place / "log").read_text()


@pytest.fixture
def output() -> Output:
    """Give an output."""
    return Output()


@pytest.fixture
def reading(tmp_path: Path, output: Output) -> Iterator[Reading]:
    """Read that output."""
    found = Reading(tmp_path, output)
    yield found
    found.end()


def test_tee_shows_at_once_and_keeps_a_log(reading: Reading, output: Output) -> None:
    """Bytes are passed on as they are, and folded in the log."""
    output.write("10%\r")
    first = output.read()
    output.write("20%\n\xff")
    second = output.read()
    output.end()

    assert (first, second) == ("10%\r", "20%\n\xff")
    assert reading.answer() == b"\n"
    assert reading.log == "20%\n\xff"


def test_tee_keeps_outputs_apart(tmp_path: Path) -> None:
    """The log has both."""
    outputs = Output(), Output()
    reading = Reading(tmp_path, *outputs)

    for output, text in zip(outputs, ("out\n", "err\n"), strict=True):
        output.write(text)
        assert output.read() == text
        output.end()

    assert reading.answer() == b"\n"
    assert sorted(reading.log.splitlines()) == ["err", "out"]
    reading.end()


def test_tee_lets_the_job_know_that_nobody_reads(
    reading: Reading, output: Output
) -> None:
    """The next write of the job fails, as it would without anybody between."""
    os.close(output.shown)

    output.write("lost\n")

    assert reading.answer() == b"\n"
    with pytest.raises(BrokenPipeError):
        output.write("more\n")
    output.end()
    output.shown = os.open(os.devnull, os.O_RDONLY)


def test_tee_tells_of_a_disk_that_is_full(tmp_path: Path) -> None:
    """The job may have written its last by then, and never learn of it."""
    output = Output()
    os.close(output.sink)
    output.sink = os.open("/dev/full", os.O_WRONLY)
    reading = Reading(tmp_path, output)

    output.write("lost\n")

    assert reading.answer() == b"\nNo space left on device\n"
    output.end()
    reading.end()


def test_tee_ends_the_log_with_the_job(reading: Reading, output: Output) -> None:
    """What processes write that it has left behind is shown, and not kept."""
    output.write("job\n")
    reading.control.sendall(b"e")

    assert reading.answer() == b"\n"
    assert output.read() == "job\n"
    output.write("daemon\n")
    assert output.read() == "daemon\n"
    assert reading.log == "job\n"
    output.end()


def test_tee_ends_while_somebody_goes_on_writing(
    reading: Reading, output: Output
) -> None:
    """A daemon that is never silent keeps nobody waiting for long."""
    stops = threading.Event()

    def chatter() -> None:
        while not stops.wait(0.01):
            output.write("again\n")

    writer = threading.Thread(target=chatter)
    reader = threading.Thread(target=_exhaust, args=(output.shown,))
    writer.start()
    reader.start()
    reading.control.sendall(b"e")

    answer = reading.answer()

    stops.set()
    writer.join()
    output.end()
    os.close(output.sink)
    reader.join()
    output.sink = os.open(os.devnull, os.O_RDONLY)
    assert answer == b"\n"
    assert "again" in reading.log


def test_tee_waits_for_who_takes_the_output(tmp_path: Path) -> None:
    """All that the job has written is passed on, however slow that is."""
    output = Output()
    text = "x" * 200_000
    writer = threading.Thread(target=output.write, args=(text,))
    reading = Reading(tmp_path, output)
    writer.start()
    reading.control.sendall(b"e")

    seen = ""
    while len(seen) < len(text):
        seen += output.read(1000)

    assert reading.answer() == b"\n"
    assert reading.log.replace("\n", "") == text
    writer.join()
    output.end()
    reading.end()


def test_tee_outlives_the_launcher(reading: Reading, output: Output) -> None:
    """The job goes on, and its log too."""
    reading.control.shutdown(socket.SHUT_RDWR)

    output.write("alone\n")
    assert output.read() == "alone\n"
    output.write("still\n")
    assert output.read() == "still\n"
    output.end()
    reading.answer()

    reading._thread.join()  # noqa: SLF001 - nobody else tells
    assert reading.log == "alone\nstill\n"


def test_tee_goes_on_without_a_log(tmp_path: Path) -> None:
    """A disk that refuses keeps no output from its user."""
    output = Output()
    reading = Reading(tmp_path / "missing", output)

    output.write("a\n")
    assert output.read() == "a\n"
    output.end()

    assert reading.answer() == b"No such file or directory\n"
    reading.end()


def test_tee_takes_much_output_in_parts(tmp_path: Path) -> None:
    """The log has the beginning and the end, and the user all of it."""
    output, bounds = Output(), Bounds(1000, 10_000)
    reading = Reading(tmp_path, output, bounds=bounds)
    read: list[int] = []
    reader = threading.Thread(target=lambda: read.append(_exhaust(output.shown)))
    reader.start()

    with open(output.job, "wb") as job:  # noqa: PTH123 - a descriptor
        job.writelines(b"%09d\n" % number for number in range(500_000))
    answer = reading.answer()

    os.close(output.sink)
    reader.join()
    output.sink = os.open(os.devnull, os.O_RDONLY)
    reading.end()
    assert (answer, read) == (b"\n", [5_000_000])
    assert "bytes are left out here]" in reading.log
    assert reading.log.startswith("000000000\n000000001\n")
    assert reading.log.endswith("000499998\n000499999\n")
    assert len(reading.log) < 300_000


def test_main_reads_what_its_words_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plus stands before two terminals; configs are taken from the environment."""
    monkeypatch.setenv("TRACKER_X_CONFIG", "postgres://me:hunter22@host/db")
    control, far = socket.socketpair()
    screen, real = pty.openpty()
    source, job = open_twin(real)
    os.write(job, b"postgres://me:hunter22@host/db\n")
    os.close(job)
    before = signal.getsignal(signal.SIGWINCH)

    try:
        main([str(tmp_path), str(far.detach()), f"+{source}:{real}"])
    finally:
        signal.signal(signal.SIGWINCH, before)

    assert os.read(screen, 100) == b"postgres://me:hunter22@host/db\r\n"
    assert (tmp_path / "log").read_text().count("hunter22") == 0
    control.close()
    os.close(screen)
    os.close(real)


def test_twin_is_told_of_the_size() -> None:
    """The job sees the size of the terminal that its output gets to."""
    screen, real = pty.openpty()
    reader, job = open_twin(real)
    twin = Twin(reader, real)
    heard: list[int] = []
    before = signal.signal(signal.SIGWINCH, lambda number, _: heard.append(number))

    try:
        twin.adopt_size(signal.SIGWINCH)
        _resize(real, 30, 100)
        twin.adopt_size(signal.SIGWINCH)
        twin.adopt_size(signal.SIGWINCH)
    finally:
        signal.signal(signal.SIGWINCH, before)

    assert os.get_terminal_size(job) == (100, 30)
    assert heard == [signal.SIGWINCH]
    for number in (screen, real, reader, job):
        os.close(number)


def test_twin_that_somebody_reads_keys_from_is_known() -> None:
    """A copy of the job's output is none to read from, and takes no keys away."""
    screen, real = pty.openpty()
    reader, job = open_twin(real)
    copy = os.dup(job)
    before = is_read(reader)

    keys = os.open(os.ttyname(job), os.O_RDONLY | os.O_NOCTTY)

    assert (before, is_read(reader)) == (False, True)
    for number in (screen, real, reader, job, copy, keys):
        os.close(number)


def test_twin_gives_what_was_written_between_changes_of_its_settings() -> None:
    """Ends of lines are those that the job wrote, whatever the settings are."""
    screen, real = pty.openpty()
    reader, job = open_twin(real)
    twin = Twin(reader, real)

    os.write(job, b"a\n")
    first = twin.read(100)
    tty.setcbreak(job)
    second = twin.read(100)
    os.write(job, b"b\r\n")
    third = twin.read(100)
    os.close(job)

    assert (first, second, third) == (b"a\n", None, b"b\r\n")
    assert twin.read(100) == b""
    twin.stop()
    for number in (screen, real, reader):
        os.close(number)


def _resize(terminal: int, rows: int, columns: int) -> None:
    import termios

    termios.tcsetwinsize(terminal, (rows, columns))


def _exhaust(number: int) -> int:
    total = 0
    while data := os.read(number, 2**20):
        total += len(data)
    return total
