"""The console log of a job on the disk, while it is written and once it is whole.

Its folder, beside the journal of the run, holds

- ``lock``, held by whoever reads the job's output, and by the launcher,
- ``about.json``: the artifact that it is to be, and of which attempt,
- ``head``: the first of it,
- ``tail-N``: what follows, in pieces that begin at byte N; the oldest are removed so
  that enough of the end is there,
- ``screen``: the last lines, which may still be changed,
- ``log``: all of it in one, once the output has ended.

Text passes through redaction before any of it reaches the disk. What the death of the
writer leaves is everything but the text of its last moments, and :func:`joined_log`
makes the log of it. Between ``head`` and ``screen`` a crash may repeat some lines.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tracker_core.redaction import redact

__all__ = ["SECRETS_VARIABLE", "Bounds", "ConsoleLog", "joined_log"]

SECRETS_VARIABLE = "TRACKER_HIDDEN"
"""Tells the reader of output what its log must not show, as a list in JSON."""

_PIECE_BYTES = 2**20
_LONGEST_NAME = 200
_KEY = re.compile("-{4,5} ?(BEGIN|END) [A-Z0-9 ]{0,60}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_KEY_LINE = re.compile(r"[ \t+>#|-]{0,20}[\w+/=-]{16,}[ \t]*\r?$", re.MULTILINE)


class Bounds(NamedTuple):
    """How much of a log is kept.

    Args:
        head_bytes: Of its beginning.
        tail_bytes: Of its end.
    """

    head_bytes: int = 2 * 2**20
    tail_bytes: int = 6 * 2**20


_USUAL = Bounds()


class ConsoleLog:
    """Writes the files of one console log.

    Args:
        path: Their folder, which is there.
        secrets: What is taken out of the text, beside what looks like a secret.
        bounds: How much of the text is kept.
    """

    def __init__(
        self, path: Path, secrets: Iterable[str] = (), bounds: Bounds = _USUAL
    ) -> None:
        """Nothing is written yet."""
        self._path = path
        self._hiding = _Hiding(secrets)
        self._room = bounds.head_bytes
        self._bounds = bounds
        self._offset = 0
        self._file: BinaryIO | None = None
        self._size = 0
        self._screen = ""

    def write(self, text: str) -> None:
        """Append lines.

        Raises:
            OSError: The disk refused.
        """
        data = self._hiding.hide(text).encode()
        self._hiding.go_on(text)
        if self._room:
            cut = len(data)
            if cut > self._room:
                cut = data.rfind(b"\n", 0, self._room) + 1
            self._room = self._room - cut if cut == len(data) else 0
            self._append("head", data[:cut])
            data = data[cut:]
        if data:
            self._append_to_tail(data)

    def skip(self, size: int) -> None:
        """Leave out so many bytes of output, which nobody has looked at."""
        self._room = 0
        self._offset += size
        self.close()

    def show(self, screen: str) -> None:
        """Keep the lines that may still be changed, in place of those before.

        Raises:
            OSError: The disk refused.
        """
        if screen != self._screen:
            self._screen = screen
            unfinished = self._path / ".screen"
            unfinished.write_bytes(self._hiding.hide(screen).encode())
            unfinished.replace(self._path / "screen")

    def finish(self) -> None:
        """Make one file of all.

        Raises:
            OSError: The disk refused.
        """
        self.close()
        joined_log(self._path, self._bounds)

    def close(self) -> None:
        """Leave the files as they are."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append_to_tail(self, data: bytes) -> None:
        if self._file is None or self._size >= self._bounds.tail_bytes:
            self.close()
            self._drop_oldest()
        self._append(f"tail-{self._offset}", data)

    def _drop_oldest(self) -> None:
        pieces = [(path, path.stat().st_size) for _, path in _tails(self._path)]
        surplus = sum(size for _, size in pieces) - self._bounds.tail_bytes
        for path, size in pieces:
            if size > surplus:
                return
            surplus -= size
            path.unlink()

    def _append(self, name: str, data: bytes) -> None:
        if self._file is None:
            self._file = (self._path / name).open("ab", buffering=0)
            self._size = 0
        self._file.write(data)
        self._size += len(data)
        self._offset += len(data)
        if name == "head" and not self._room:
            self.close()


class _Hiding:
    """Takes secrets out of text that comes bit by bit, each bit of whole lines.

    A private key is known by the lines around it, so its first line is put before what
    comes next for as long as its last one has not come. Else the line before is put
    there: it may be the name of a value.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)
        self._open_key = ""
        self._line = ""

    def hide(self, text: str) -> str:
        """Return what may be kept of a text."""
        before = self._open_key or self._line
        hidden = redact(f"{before}{text}", self._secrets)
        if not self._open_key:
            return hidden.partition("\n")[2] if before else hidden
        return hidden.removeprefix(self._open_key.rstrip("\n")).removeprefix("\n")

    def go_on(self, text: str) -> None:
        """Note that another text follows this one."""
        last = text[text.rfind("\n", 0, -1) + 1 :]
        self._line = last if last.endswith("\n") and len(last) <= _LONGEST_NAME else ""
        if "PRIVATE KEY" in text:
            *_, mark = _KEY.finditer(text) if _KEY.search(text) else (None,)
            if mark is not None:
                self._open_key = f"{mark[0]}\n" if mark[1] == "BEGIN" else ""
        elif self._open_key and not _KEY_LINE.match(text):
            self._open_key = ""


def joined_log(path: Path, bounds: Bounds = _USUAL) -> Path | None:
    """Make one file of what the folder of a console log holds; None if it is empty.

    Repeating the call changes nothing.

    Raises:
        OSError: The disk refused.
    """
    log = path / "log"
    if not log.exists():
        unfinished = path / ".log"
        with unfinished.open("wb") as file:
            for piece in _pieces(path, bounds.tail_bytes):
                file.write(piece)
        unfinished.replace(log)
    return log if log.stat().st_size else None


def _pieces(path: Path, tail_bytes: int) -> Iterator[bytes]:
    """Give the text from its beginning, with a line where something is left out."""
    end = 0
    with suppress(FileNotFoundError):
        yield from _contents(path / "head", 0)
        end = (path / "head").stat().st_size
    tails = [(start, tail, tail.stat().st_size) for start, tail in _tails(path)]
    surplus = sum(size for _, _, size in tails) - tail_bytes
    for start, tail, size in tails:
        passed = max(surplus, 0)
        surplus -= size
        if passed >= size:
            continue
        passed = _line_from(tail, passed)
        if start + passed > end:
            left_out = start + passed - end
            yield f"[tracker: {left_out:,} bytes are left out here]\n".encode()
        yield from _contents(tail, passed)
        end = start + size
    with suppress(FileNotFoundError):
        yield from _contents(path / "screen", 0)


def _contents(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _line_from(path: Path, place: int) -> int:
    """Return where the first line begins from ``place`` on."""
    if not place:
        return 0
    with path.open("rb") as file:
        file.seek(place - 1)
        file.readline()
        return file.tell()


def _tails(path: Path) -> list[tuple[int, Path]]:
    found = (name.removeprefix("tail-") for name in os.listdir(path))  # noqa: PTH208 - texts
    starts = sorted(int(name) for name in found if name.isdecimal())
    return [(start, path / f"tail-{start}") for start in starts]
