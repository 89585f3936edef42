"""What a launched job has printed: what is stored, and what a job prints right now."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from tracker_core.api import Capability, NativeTracker
from tracker_core.journal.folders import RunFolder
from tracker_core.stores import embedded_home

__all__ = ["Consoles", "Printed"]

_KIND = "console"
# So much of what was given is looked for in what is stored.
_LAST_BYTES = 1024


class Printed(NamedTuple):
    """A piece of what was printed.

    Args:
        name: Of the artifact that holds all of it, ``console/1.log`` for attempt 1.
        text: Lines.
    """

    name: str
    text: str


class _Given:
    """How much of one log was given."""

    def __init__(self) -> None:
        self.end = 0
        self.is_whole = False
        self._last = b""
        self._screen = (0, b"")

    def note(self, data: bytes, start: int) -> bytes:
        """Note that ``data`` is given, which begins at ``start`` of the output."""
        before = self._last if start == self.end else b""
        self._last = (before + data)[-_LAST_BYTES:]
        self.end = start + len(data)
        return data

    def settled(self, start: int, screen: bytes) -> bytes:
        """Return the first lines of a screen that are as they were at the last look.

        Lines leave the screen for the files before it, which two looks may meet half
        done; so they are compared by their places in the output.
        """
        before_start, before = self._screen
        self._screen = (start, screen)
        if start < before_start:
            return b""
        pairs = zip(
            before[start - before_start :].splitlines(keepends=True),
            screen.splitlines(keepends=True),
            strict=False,
        )
        same = takewhile(lambda pair: pair[0] == pair[1], pairs)
        return b"".join(line for line, _ in same if line.endswith(b"\n"))

    def rest(self, whole: bytes) -> bytes:
        """Return what of all was not given."""
        self.is_whole = True
        if whole[: self.end].endswith(self._last) and self.end <= len(whole):
            return whole[self.end :]
        # Of a long output the middle is left out, and a line may have changed.
        place = whole.rfind(self._last)
        return whole[self.end :] if place < 0 else whole[place + len(self._last) :]


class Consoles:
    """Gives what a run has printed, each piece once.

    Args:
        tracker: Where it is stored.
        run_id: The run.
    """

    def __init__(self, tracker: NativeTracker, run_id: str) -> None:
        """Begin without having given any."""
        self._tracker = tracker
        self._run_id = run_id
        self._folder = RunFolder.of(embedded_home(), run_id).path / "console"
        self._given: dict[str, _Given] = {}

    def read(self, *, is_last: bool = False) -> Iterator[Printed]:
        """Give what was not given before, the earliest attempt first.

        Args:
            is_last: Whether lines that may still change are given too, such as that of
                a progress bar.
        """
        stored = self._stored()
        live = dict(self._live())
        for name in sorted({*stored, *live}, key=_natural):
            given = self._given.setdefault(name, _Given())
            if given.is_whole:
                continue
            if name in stored:
                data = given.rest(self._content(name))
            else:
                data = _new(live[name], given, is_last=is_last)
            if data:
                yield Printed(name, data.decode(errors="replace"))

    def _stored(self) -> list[str]:
        if Capability.CONTENT not in self._tracker.capabilities:
            return []
        found = self._tracker.artifacts(self._run_id)
        return [name for name, one in found.items() if one.kind == _KIND and one.digest]

    def _content(self, name: str) -> bytes:
        with closing(self._tracker.open_artifact(self._run_id, name)) as file:
            return file.read()

    def _live(self) -> Iterator[tuple[str, Path]]:
        for about in sorted(self._folder.glob("*/about.json")):
            # It may be stored, and go, at this moment.
            with suppress(OSError, ValueError, KeyError, TypeError):
                yield str(json.loads(about.read_bytes())["name"]), about.parent


def _new(folder: Path, given: _Given, *, is_last: bool) -> bytes:
    """Return the lines that stand on the disk and were not given."""
    found, end = b"", 0
    with suppress(OSError):  # it may be stored, and go, at this moment
        for start, path in _pieces(folder):
            end = start + path.stat().st_size
            data = _part(path, given.end - start, end - start)
            found += given.note(data, max(given.end, start)) if data else b""
        screen = (folder / "screen").read_bytes()
        settled = given.settled(end, screen)
        data = (screen if is_last else settled)[max(given.end - end, 0) :]
        found += given.note(data, max(given.end, end)) if data else b""
    return found


def _pieces(folder: Path) -> list[tuple[int, Path]]:
    """Return the files of a log with the place in the output where each begins."""
    names = os.listdir(folder)  # noqa: PTH208 - texts
    tails = [int(name[5:]) for name in names if name.startswith("tail-")]
    head = [(0, folder / "head")] if "head" in names else []
    return [*head, *((start, folder / f"tail-{start}") for start in sorted(tails))]


def _part(path: Path, start: int, end: int) -> bytes:
    start = max(start, 0)
    with path.open("rb") as file:
        file.seek(start)
        return file.read(max(end - start, 0))


def _natural(name: str) -> tuple[list[int], str]:
    """Return a key that puts attempt 10 after attempt 9, and rank 10 after rank 9."""
    numbers = re.findall(r"\d{1,18}", name.rpartition("/")[2])
    return [*map(int, numbers)], name
