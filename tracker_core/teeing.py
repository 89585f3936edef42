"""The process that reads the output of a job: to the terminal at once, and to a log.

It stands between the job and the output of the launcher, as ``tee`` would, and outlives
both: where the launcher is killed it goes on, so that a job that prints does not die
with it. It is started with

- the folder of the log, see :mod:`tracker_core.consolelog`,
- a socket to the launcher. The launcher says ``b"e"`` when the job has ended; what the
  job has written by then belongs to the log. Then the reader answers with a line, which
  says why there is no log and is empty where there is one, and with further lines that
  say why output could not be written, and lets go of the socket,
- pairs of descriptors: where it reads, and where it writes what it has read.

Each pair has a thread that only passes bytes on, so neither the log nor the other
stream ever makes it wait. Where nobody takes what it writes, it gives up reading, and
the job gets the error that it would get without it. Processes that the job has left
behind may hold its output for as long as they like: what they write is passed on.

Little is loaded here, neither what a job needs of the library nor ``site``.
"""

import codecs
import errno
import json
import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from tracker_core.consolelog import SECRETS_VARIABLE, Bounds, ConsoleLog
from tracker_core.redaction import known_secrets
from tracker_core.terminaltext import TerminalText
from tracker_core.twinterminals import Twin

__all__ = ["Pair", "main", "tee"]

_PIECE_BYTES = 2**18
_USUAL = Bounds()
# How often the log takes what has come, and its share of the time when there is much.
_EACH_S, _SHARE = 0.2, 0.2
# How long a job that has ended is waited for whose output somebody else holds, and how
# long there must be silence before that.
_LONGEST_REST_S, _SILENCE_S = 1.0, 0.05

# What is no loss: there is nobody who would miss it.
_NOBODY_READS = frozenset({errno.EBADF, errno.ECONNRESET, errno.EPIPE})

_Piece: TypeAlias = tuple[int, bytes]


class Pair(NamedTuple):
    """Where to read, and where to write it."""

    source: int
    sink: int
    twin: Twin | None = None

    def read(self) -> bytes | None:
        """Return what has come, nothing at the end; None for something else."""
        if self.twin is not None:
            return self.twin.read(_PIECE_BYTES)
        return os.read(self.source, _PIECE_BYTES)


class _Waiting:
    """What has been read and the log has not taken yet."""

    def __init__(self, ring: Callable[[], None], bounds: Bounds) -> None:
        self.ring: Callable[[], None] = ring
        self._lock = threading.Lock()
        self._room, self._most = bounds
        self._first: list[_Piece] = []
        self._last: deque[_Piece] = deque()
        self._size = 0
        self._skipped = 0

    def put(self, number: int, data: bytes) -> None:
        """Add what has come from one of the streams."""
        with self._lock:
            is_first = not self._first and not self._last
            if self._room > 0:
                self._room -= len(data)
                self._first.append((number, data))
            else:
                self._last.append((number, data))
                self._size += len(data)
            while self._size > self._most and len(self._last) > 1:
                _, dropped = self._last.popleft()
                self._size -= len(dropped)
                self._skipped += len(dropped)
        if is_first:
            self.ring()

    def take(self) -> tuple[list[_Piece], int, list[_Piece]]:
        """Return what came first, how many bytes were dropped then, and the rest."""
        with self._lock:
            found = self._first, self._skipped, [*self._last]
            self._first, self._skipped, self._size = [], 0, 0
            self._last.clear()
        return found


class _Stream(threading.Thread):
    """Passes on what one stream brings, until its end."""

    def __init__(self, number: int, pair: Pair, waiting: _Waiting) -> None:
        super().__init__(name=f"tracker-tee-{number}")
        self._number = number
        self._pair = pair
        self._waiting = waiting
        self._moved_at = time.monotonic()
        self._is_busy = False
        self.loss = ""

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come for a while, and nothing waits."""
        if not self.is_alive():
            return True
        # In this order: what is ready is taken only by one that is busy.
        is_ready = _is_ready(self._pair.source)
        return not is_ready and not self._is_busy and self._is_long_ago

    @property
    def is_stuck(self) -> bool:
        """Whether it waits for somebody to take what it writes."""
        return self.is_alive() and self._is_busy and self._is_long_ago

    @property
    def _is_long_ago(self) -> bool:
        return time.monotonic() - self._moved_at > _SILENCE_S

    def run(self) -> None:
        """Pass on until nobody can write any more, or nobody takes it."""
        try:
            while self._pass_on():
                pass
        except OSError as error:
            # The job learns of it by its own next write, and that may never come.
            if error.errno not in _NOBODY_READS:
                self.loss = error.strerror or str(error)
        if self._pair.twin is not None:
            self._pair.twin.stop()
        os.close(self._pair.source)
        self._waiting.ring()

    def _pass_on(self) -> bool:
        pair = self._pair
        select.select([pair.source], [], [])
        self._is_busy = True
        data = pair.read()
        if data:
            self._waiting.put(self._number, data)
            _write_all(pair.sink, data)
        self._moved_at = time.monotonic()
        self._is_busy = False
        return data != b""


class _Log:
    """The log, for as long as the disk takes it."""

    def __init__(self, log: ConsoleLog, count: int) -> None:
        self._log = log
        self._text = TerminalText()
        make = codecs.getincrementaldecoder("utf-8")
        self._decoders = [make("replace") for _ in range(count)]
        self.failure = ""

    def take(self, waiting: _Waiting) -> None:
        """Write what waits."""
        first, skipped, rest = waiting.take()
        if not self.failure:
            self._try(lambda: self._write(first, skipped, rest))

    def finish(self, waiting: _Waiting) -> None:
        """Write what waits, and end the log."""
        self.take(waiting)
        if not self.failure:
            self._try(self._log.finish)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except OSError as error:
            self.failure = error.strerror or str(error)

    def _write(
        self, first: Iterable[_Piece], skipped: int, rest: Iterable[_Piece]
    ) -> None:
        self._feed(first)
        if skipped:
            self._log.write(self._text.clear())
            self._log.skip(skipped)
        self._feed(rest)
        self._log.show(self._text.screen)

    def _feed(self, pieces: Iterable[_Piece]) -> None:
        for number, data in pieces:
            lines = self._text.feed(self._decoders[number].decode(data))
            if lines:
                self._log.write(lines)


def tee(
    place: Path,
    control: socket.socket,
    pairs: Sequence[Pair],
    secrets: Iterable[str] = (),
    bounds: Bounds = _USUAL,
) -> None:
    """Pass on all that comes, and keep the log of it; return at the end of all output.

    Args:
        place: The folder of the log.
        control: The socket to the launcher, which is closed.
        pairs: Where to read and to write; the sources are closed.
        secrets: What the log must not show.
        bounds: How much of the log is kept, and waits for being written.
    """
    bell, rope = os.pipe()
    try:
        waiting = _Waiting(lambda: _ring(rope), bounds)
        streams = [_Stream(*one, waiting) for one in enumerate(pairs)]
        for stream in streams:
            stream.start()
        log = _Log(ConsoleLog(place, secrets, bounds), len(pairs))
        with control:
            _keep(log, waiting, streams, control, bell)
            log.finish(waiting)
            # A launcher that has gone hears nothing.
            with suppress(OSError):
                losses = dict.fromkeys(stream.loss for stream in streams if stream.loss)
                told = "\n".join([log.failure, *losses, ""])
                control.sendall(told.encode())
        for stream in streams:
            stream.join()
    finally:
        os.close(bell)
        os.close(rope)


def main(arguments: Sequence[str]) -> None:
    """Read output as the words of a command say.

    Args:
        arguments: The folder, the descriptor of the socket, the word ``source:sink``
            for each pair, and before it ``+`` where both are terminals.
    """
    import signal

    place, control, *words = arguments
    sys.setswitchinterval(0.0005)
    pairs = []
    for word in words:
        source, sink = map(int, word.lstrip("+").split(":"))
        twin = Twin(source, sink) if word.startswith("+") else None
        pairs.append(Pair(source, sink, twin))
        if twin is not None:
            signal.signal(signal.SIGWINCH, twin.adopt_size)
    secrets = [*json.loads(os.environ.get(SECRETS_VARIABLE, "[]")), *known_secrets()]
    tee(Path(place), socket.socket(fileno=int(control)), pairs, secrets)


def _keep(
    log: _Log,
    waiting: _Waiting,
    streams: Sequence[_Stream],
    control: socket.socket,
    bell: int,
) -> None:
    """Write the log until all output has ended, or the job has."""
    heard: list[socket.socket] = [control]
    while any(stream.is_alive() for stream in streams):
        ready = _ready([bell, *(one.fileno() for one in heard)])
        if control.fileno() in ready:
            if _recv(control):
                _rest(streams)
                return
            # The launcher has died, and the job goes on.
            heard = []
        if bell in ready:
            os.read(bell, 4096)
            # What follows in the next moment is written together with it.
            select.select(heard, [], [], _EACH_S)
            began = time.monotonic()
            log.take(waiting)
            took = time.monotonic() - began
            if took > _EACH_S * _SHARE:
                # Where much comes, passing it on goes first.
                select.select(heard, [], [], took / _SHARE)


def _rest(streams: Sequence[_Stream]) -> None:
    """Wait until all that the job has written was passed on."""
    deadline = time.monotonic() + _LONGEST_REST_S
    for stream in streams:
        # Mostly the job held its output alone, and it has come to its end.
        stream.join(_SILENCE_S)
    while not all(stream.is_silent for stream in streams):
        is_late = time.monotonic() > deadline
        if is_late and not any(stream.is_stuck for stream in streams):
            return
        for stream in streams:
            stream.join(_SILENCE_S)


def _ready(numbers: list[int]) -> list[int]:
    return select.select(numbers, [], [])[0]


def _recv(control: socket.socket) -> bytes:
    with suppress(OSError):
        return control.recv(1)
    return b""


def _ring(rope: int) -> None:
    with suppress(OSError):
        os.write(rope, b".")


def _is_ready(source: int) -> bool:
    try:
        ready, _, _ = select.select([source], [], [], 0)
    except (OSError, ValueError):  # it was closed meanwhile
        return False
    return bool(ready)


def _write_all(sink: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(sink, rest) :]
        except BlockingIOError:
            # Somebody else has made it so; wait as the job would not have to.
            select.select([], [sink], [])
