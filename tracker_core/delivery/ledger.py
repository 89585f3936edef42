"""The ledger: how far one backend is with the records of a run on one host.

It lies in a folder of its own, as ``cursor.json`` beside the lock of whoever delivers
and the dead letters, and is replaced whole. What is about to be sent is written into it
*before* the first attempt, so a delivery that dies at any moment sends the same batch
under the same name again, and a tracker that has taken it passes over it.

Delivery must go on when the disk is full, since it alone makes room, by removing what
every backend has. So some space is kept in ``spare`` that the ledger can always have;
its old version then gives as much back.

Nothing in it is secret: errors were redacted, and of a backend's setting only its name
and its factory are there.
"""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self, cast

from tracker_core.errors import JournalError
from tracker_core.journal.folders import (
    Lock,
    RunFolder,
    folder_name,
    make_folder,
    read_file,
    replace_file,
)
from tracker_core.journal.reader import BEGINNING, Damage, Position
from tracker_core.journal.segments import is_full

__all__ = ["Cut", "DeadLetter", "Ledger", "expect", "ledger_folder", "ledgers"]

FORMAT_VERSION = 1
_SPARE_BYTES = 2**16


class Cut(NamedTuple):
    """Records that are being sent, or will be next.

    Args:
        writer: Whose they are.
        begin: Where they begin.
        end: Where the next ones begin.
        parts: The first and the last sequence number of each batch that is due still;
            one batch, unless a backend has refused some of it.
        since_ns: When it was tried first, in nanoseconds since 1970.
        tries: How often its first batch was tried.
    """

    writer: str
    begin: Position
    end: Position
    parts: tuple[tuple[int, int], ...]
    since_ns: int
    tries: int = 0

    @property
    def due(self) -> int:
        """How many records are due."""
        return sum(last - first + 1 for first, last in self.parts)


class DeadLetter(NamedTuple):
    """Records that a backend refuses for ever.

    Args:
        path: The file that holds them, as a batch of lines.
        writer: Whose they are.
        first: The first sequence number.
        last: The last one.
    """

    path: Path
    writer: str
    first: int
    last: int

    @property
    def records(self) -> int:
        """How many records it holds."""
        return self.last - self.first + 1

    @property
    def why(self) -> str | None:
        """What the backend said, without secrets; None where that is not known."""
        try:
            return self.path.with_suffix(".why").read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Take the records as alive again.

        Raises:
            OSError: The disk refused.
        """
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".why").unlink(missing_ok=True)


class Ledger:
    """What is known of one backend and one run; one process at a time writes it.

    Args:
        folder: Its folder; it is made when it is saved first.
        backend: The name of the backend.
        scope: The writer whose process alone delivers to it, since its tracker lives
            and dies with that process; None for a backend that everybody can reach.
        factory: How the backend is built, where its name does not tell.

    Attributes:
        positions: Writer → how far it is delivered.
        cut: What is being sent, or None.
        delivered: How many records were taken.
        degraded: How many things could not be held, by kind of record.
        damages: What could not be read in the journal.
        contents: The digests that were delivered and whose content lies here still.
        error: What the backend said when it failed last; None once it works again.
        refused: How many batches in a row were refused for ever.
        beaten_ns: When the backend was told last that the run is alive.
    """

    def __init__(
        self,
        folder: Path,
        backend: str,
        scope: str | None = None,
        factory: str | None = None,
    ) -> None:
        """Begin an empty one."""
        self.folder: Path = folder
        self.backend: str = backend
        self.scope: str | None = scope
        self.factory: str | None = factory
        self.positions: dict[str, Position] = {}
        self.cut: Cut | None = None
        self.delivered: int = 0
        self.degraded: dict[str, int] = {}
        self.damages: list[tuple[str, Damage]] = []
        self.contents: set[str] = set()
        self.error: str | None = None
        self.refused: int = 0
        self.beaten_ns: int = 0

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return the ledger of a folder; None where there is none.

        Raises:
            JournalError: It cannot be understood.
        """
        told = read_file(folder / "cursor.json")
        if told is None:
            return None
        if told.get("version") != FORMAT_VERSION:
            message = (
                f"the ledger {str(folder)!r} has the version {told.get('version')!r}; "
                f"this reads {FORMAT_VERSION}; upgrade"
            )
            raise JournalError(message)
        try:
            return cls._of(folder, told)
        except (KeyError, TypeError, ValueError) as error:
            message = (
                f"the ledger {str(folder)!r} is damaged: {error!r}; remove the folder, "
                "and all of the run is delivered to that backend again"
            )
            raise JournalError(message) from error

    @classmethod
    def _of(cls, folder: Path, told: Mapping[str, object]) -> Self:
        ledger = cls(
            folder,
            str(told["backend"]),
            _text_or_none(told["scope"]),
            _text_or_none(told["factory"]),
        )
        positions = cast("dict[str, Sequence[int]]", told["positions"])
        ledger.positions = {key: Position(*item) for key, item in positions.items()}
        cut = cast("dict[str, object] | None", told["cut"])
        ledger.cut = None if cut is None else _cut_of(cut)
        ledger.delivered = int(cast("int", told["delivered"]))
        ledger.degraded = dict(cast("dict[str, int]", told["degraded"]))
        damages = cast("list[tuple[str, Sequence[int]]]", told["damages"])
        ledger.damages = [
            (writer, Damage(*cast("tuple[int, int, int, str]", tuple(item))))
            for writer, item in damages
        ]
        ledger.contents = set(cast("list[str]", told["contents"]))
        ledger.error = _text_or_none(told["error"])
        ledger.refused = int(cast("int", told["refused"]))
        ledger.beaten_ns = int(cast("int", told["beaten_ns"]))
        return ledger

    def save(self) -> None:
        """Write it to its folder.

        Raises:
            OSError: The disk refused; what was there before is there still.
        """
        make_folder(self.folder)
        cut = self.cut
        told: dict[str, object] = {
            "version": FORMAT_VERSION,
            "backend": self.backend,
            "scope": self.scope,
            "factory": self.factory,
            "positions": self.positions,
            "cut": None if cut is None else cut._asdict(),
            "delivered": self.delivered,
            "degraded": self.degraded,
            "damages": self.damages,
            "contents": sorted(self.contents),
            "error": self.error,
            "refused": self.refused,
            "beaten_ns": self.beaten_ns,
        }
        self._replace(told)

    def _replace(self, told: object) -> None:
        path, spare = self.folder / "cursor.json", self.folder / "spare"
        try:
            replace_file(path, told)
        except OSError as error:
            if not is_full(error) or not spare.exists():
                raise
            spare.unlink(missing_ok=True)
            replace_file(path, told)
        if not spare.exists():
            _reserve(spare)

    def is_held(self) -> bool:
        """Tell whether some process delivers, as far as the filesystem knows locks."""
        try:
            lock = Lock.taken(self.folder / "lock")
        except OSError:
            return False
        if lock is None:
            return True
        lock.drop()
        return False

    def position(self, writer: str) -> Position:
        """Return how far a writer is delivered."""
        return self.positions.get(writer, BEGINNING)

    def has_taken(self, written: Mapping[str, int]) -> bool:
        """Tell whether it holds what was written, writer by writer."""
        return all(
            self.position(writer).sequence > last for writer, last in written.items()
        )

    def begin_cut(
        self, writer: str, begin: Position, end: Position, first: int, last: int
    ) -> None:
        """Note what is sent next."""
        self.cut = Cut(writer, begin, end, ((first, last),), time.time_ns())

    def dead(self) -> list[DeadLetter]:
        """Return the dead letters, sorted."""
        found = []
        for path in sorted((self.folder / "dead").glob("*.jsonl")):
            writer, first, last = path.stem.rsplit("-", 2)
            found.append(DeadLetter(path, writer, int(first), int(last)))
        return found

    def bury(self, writer: str, first: int, last: int, lines: str, why: str) -> None:
        """Keep a batch that is refused for ever, and what the backend said.

        Raises:
            OSError: The disk refused.
        """
        place = self.folder / "dead"
        make_folder(place)
        path = place / f"{writer}-{first}-{last}.jsonl"
        _write(path.with_suffix(".why"), why)
        # Last of all: it is what makes the letter.
        _write(path, lines)


def ledger_folder(folder: RunFolder, backend: str, scope: str | None = None) -> Path:
    """Return where the ledger of a backend lies, for the host of the folder."""
    name = backend if scope is None else f"{backend}@{scope}"
    return folder.path / "delivery" / folder_name(folder.host) / folder_name(name)


def expect(folder: RunFolder, backend: str, factory: str | None = None) -> None:
    """Note that a backend is to have the run, though nobody delivers to it yet.

    Raises:
        OSError: The disk refused.
    """
    place = ledger_folder(folder, backend)
    if not (place / "cursor.json").exists():
        Ledger(place, backend, factory=factory).save()


def forget(folder: RunFolder, backend: str) -> None:
    """Note that a backend is not to have the run after all."""
    shutil.rmtree(ledger_folder(folder, backend), ignore_errors=True)


def ledgers(folder: RunFolder) -> list[Ledger]:
    """Return the ledgers of the folder's host that count, sorted by backend.

    Those of processes that have died with their trackers do not.

    Raises:
        JournalError: One cannot be understood.
    """
    host = folder.path / "delivery" / folder_name(folder.host)
    found = [Ledger.load(path.parent) for path in sorted(host.glob("*/cursor.json"))]
    return [
        ledger
        for ledger in found
        if ledger is not None and (ledger.scope is None or ledger.is_held())
    ]


def _reserve(spare: Path) -> None:
    """Take some space that can be given back; none where there is none."""
    try:
        spare.touch(mode=0o600)
        spare.write_bytes(bytes(_SPARE_BYTES))
    except OSError:
        with suppress(OSError):
            spare.unlink()


def _write(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
    unfinished.replace(path)


def _cut_of(told: Mapping[str, object]) -> Cut:
    parts = cast("Iterable[tuple[int, int]]", told["parts"])
    return Cut(
        str(told["writer"]),
        Position(*cast("tuple[int, int, int]", told["begin"])),
        Position(*cast("tuple[int, int, int]", told["end"])),
        tuple((first, last) for first, last in parts),
        int(cast("int", told["since_ns"])),
        int(cast("int", told["tries"])),
    )


def _text_or_none(found: object) -> str | None:
    return None if found is None else str(found)
