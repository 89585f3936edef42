"""The folders of the journal: where a run and its writers are, and who is alive.

Names are made from ids so that different ids never meet: what is no letter, digit,
``-``, ``_`` or inner dot is written as ``%`` and two hexadecimal digits, and a long
name is cut and ended by its SHA-256.

A writer holds an exclusive ``flock`` on its ``writer.json`` for as long as it may
write. The system gives it up with the process, so a lock that can be had says that
nobody writes there. Who asks takes a shared one, so that two who ask at once do not
take each other for the writer. The folder gets its name when the lock is held already,
so nobody ever sees a living writer without its lock. A writer that several processes
are in turns, see `shared`, holds no such lock, and lives until it is settled.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tracker_core.errors import JournalError
from tracker_core.records import Role, Writer

__all__ = [
    "Lock",
    "RunFolder",
    "WriterFolder",
    "folder_name",
    "make_folder",
    "read_file",
    "replace_file",
    "run_folders",
    "segment_numbers",
    "this_host",
]

FORMAT_VERSION = 1
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_LONGEST = 120
_KNOWS_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP})


class Lock:
    """A lock on a file that the system gives up when this process dies.

    Held by one open file at a time, in whichever process. A forked child drops what it
    inherited with :meth:`drop`, so that the lock does not outlive its parent.

    Some network filesystems know no locks. There everybody gets one, and whether
    somebody else is alive cannot be told.

    Args:
        descriptor: That of the file.
        is_known: Whether the filesystem knows locks.
    """

    __slots__ = ("_descriptor", "is_known")

    def __init__(self, descriptor: int, *, is_known: bool = True) -> None:
        """Take the descriptor of a locked file."""
        self._descriptor: int | None = descriptor
        self.is_known: bool = is_known

    @classmethod
    def taken(cls, path: Path, *, is_shared: bool = False) -> "Lock | None":
        """Lock a file, which is made if it is missing; None while somebody else does.

        Args:
            path: The file.
            is_shared: Whether others may take a shared lock at the same time.

        Raises:
            OSError: The file cannot be opened.
        """
        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        try:
            return cls._of(path, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return None

    @classmethod
    def awaited(cls, path: Path) -> "Lock":
        """Lock a file, which is made if it is missing, once nobody else does.

        Raises:
            OSError: The file cannot be opened.
        """
        return cls._of(path, fcntl.LOCK_EX)

    @classmethod
    def _of(cls, path: Path, operation: int) -> "Lock":
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, operation)
        except BaseException as error:  # also Ctrl-C, while it waits
            if getattr(error, "errno", None) in _KNOWS_NO_LOCKS:
                return cls(descriptor, is_known=False)
            os.close(descriptor)
            raise
        return cls(descriptor)

    def fileno(self) -> int:
        """Return the descriptor; a process that inherits it holds the lock too."""
        return -1 if self._descriptor is None else self._descriptor

    def drop(self) -> None:
        """Give the lock back, or in a forked child leave it to the parent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class WriterFolder(NamedTuple):
    """A writer of a run, as its folder tells of it.

    Args:
        path: The folder.
        writer: Who writes.
        role: Whether it begins and ends the run as job or as launcher, or neither.
        host: The machine that it runs on.
        pid: Its process there; of a shared one the first.
        is_shared: Whether processes that come and go are this writer in turns.
        step: The launched step that it belongs to; None for the run as a whole.
    """

    path: Path
    writer: Writer
    role: Role | None
    host: str
    pid: int
    is_shared: bool = False
    step: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is known that nobody will write here any more."""
        return (self.path / "ended").exists()

    def settle(self) -> None:
        """Mark that nobody will write here any more."""
        with suppress(OSError):
            (self.path / "ended").touch(mode=0o600)

    def is_alive(self) -> bool:
        """Tell whether its process may write; where that cannot be known, it may."""
        if self.is_shared:
            return not self.is_settled
        try:
            lock = Lock.taken(self.path / "writer.json", is_shared=True)
        except OSError:
            return not self.is_settled
        if lock is None:
            return True
        lock.drop()
        return not lock.is_known and not self.is_settled


class RunFolder(NamedTuple):
    """The folder of a run in the journal.

    Args:
        path: The folder, which need not exist.
        run_id: The run.
        host: The machine whose writers are meant, where the folder is shared.
    """

    path: Path
    run_id: str
    host: str

    @classmethod
    def of(cls, home: Path, run_id: str) -> "RunFolder":
        """Return the folder of a run below the home of Tracker."""
        return cls(home / "journal" / folder_name(run_id), run_id, this_host())

    @property
    def content(self) -> Path:
        """Where content of this host lies until all backends have taken it."""
        return self.path / "content" / folder_name(self.host)

    @property
    def doorbell(self) -> Path:
        """The file that is touched by who wants to read what was logged."""
        return self.path / "doorbell"

    def turns(self, writer: Writer) -> Path:
        """Return the file that is locked by whoever is a shared writer just now."""
        name = f"{folder_name(self.host)}.{writer.attempt}"
        if writer.rank is not None:
            name += f".{writer.rank}"
        return self.path / "shared" / name

    def make(self) -> None:
        """Make the folder and say whose it is; repeating the call changes nothing.

        Raises:
            OSError: The disk refused.
        """
        make_folder(self.path / "writers")
        told = self.path / "run.json"
        if not told.exists():
            replace_file(told, {"version": FORMAT_VERSION, "run_id": self.run_id})

    def add_writer(
        self,
        writer: Writer,
        role: Role | None,
        *,
        is_shared: bool = False,
        step: str | None = None,
    ) -> tuple[WriterFolder, Lock]:
        """Make the folder of a new writer, this process, and lock it.

        Args:
            writer: Who writes.
            role: Whether it begins and ends the run, and as what.
            is_shared: Whether other processes will be this writer too.
            step: The launched step that it belongs to, or None.

        Raises:
            OSError: The disk refused.
        """
        unnamed = self.path / "writers" / f".new-{writer.id}"
        unnamed.mkdir(mode=0o700)
        told = WriterFolder(
            unnamed, writer, role, self.host, os.getpid(), is_shared, step
        )
        lock = Lock.taken(unnamed / "writer.json")
        if lock is None:
            message = f"the writer {writer.id!r} is there already; this is a bug"
            raise JournalError(message)
        try:
            text = json.dumps(_told_of(told, self.run_id))
            (unnamed / "writer.json").write_text(text, encoding="utf-8")
            path = unnamed.with_name(writer.id)
            unnamed.rename(path)
        except BaseException:
            lock.drop()
            raise
        return told._replace(path=path), lock

    def hosts(self) -> list[str]:
        """Return the machines that have written, sorted."""
        return sorted({writer.host for writer in self.writers()})

    def writers(self) -> list[WriterFolder]:
        """Return all writers, sorted by their ids, the earlier ones first."""
        found = (self.writer(name) for name in self.writer_ids())
        return [writer for writer in found if writer is not None]

    def writer_ids(self) -> list[str]:
        """Return the ids of all writers, sorted."""
        with suppress(FileNotFoundError):
            names = os.listdir(self.path / "writers")  # noqa: PTH208 - texts
            return sorted(name for name in names if not name.startswith("."))
        return []

    def has_settled(self, writer_id: str) -> bool:
        """Tell whether it is known that a writer will write no more."""
        return (self.path / "writers" / writer_id / "ended").exists()

    def writer(self, writer_id: str) -> WriterFolder | None:
        """Return one writer; None where it cannot be told who it is."""
        return _read_writer(self.path / "writers" / writer_id)

    def used_bytes(self) -> int:
        """Return how much of the disk the run takes, without what delivery keeps."""
        places = [self.content, *(self.path / "writers").glob("*")]
        return sum(_size_of(place) for place in places)


def run_folders(home: Path) -> Iterator[RunFolder]:
    """Give the folder of each run in the journal, sorted by name."""
    for told in sorted((home / "journal").glob("*/run.json")):
        found = read_file(told)
        if found is not None and isinstance(found.get("run_id"), str):
            yield RunFolder(told.parent, str(found["run_id"]), this_host())


def segment_numbers(folder: Path) -> list[int]:
    """Return the numbers of the segments of a writer, sorted."""
    with suppress(FileNotFoundError):
        names = (name.removesuffix(".segment") for name in os.listdir(folder))  # noqa: PTH208 - texts
        return sorted(int(name) for name in names if name.isdigit())
    return []


def folder_name(name: str) -> str:
    """Return a name for a folder that no other name has."""
    parts = [
        chr(byte) if chr(byte) in _SAFE else f"%{byte:02X}" for byte in name.encode()
    ]
    text = "".join(parts)
    if text.startswith("."):
        text = f"%2E{text[1:]}"
    if len(text) <= _LONGEST:
        return text
    from hashlib import sha256

    return f"{text[: _LONGEST - 65]}%{sha256(name.encode()).hexdigest()}"


def make_folder(path: Path) -> None:
    """Make a folder and those above it, for their owner alone.

    Raises:
        OSError: The disk refused.
    """
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def this_host() -> str:
    """Return the name of this machine."""
    return os.uname().nodename


def replace_file(path: Path, told: object) -> None:
    """Write a small file of JSON, which is there whole or as it was before.

    Raises:
        OSError: The disk refused.
    """
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    descriptor = os.open(unfinished, flags, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            json.dump(told, file)
        os.replace(unfinished, path)  # noqa: PTH105 - it is called for each batch
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def read_file(path: Path) -> dict[str, object] | None:
    """Return what a small file of JSON says; None where it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _told_of(folder: WriterFolder, run_id: str) -> dict[str, object]:
    writer = folder.writer
    return {
        "version": FORMAT_VERSION,
        "run_id": run_id,
        "writer": writer.id,
        "attempt": writer.attempt,
        "rank": writer.rank,
        "role": folder.role,
        "host": folder.host,
        "pid": folder.pid,
        "shared": folder.is_shared,
        "step": folder.step,
    }


def _read_writer(path: Path) -> WriterFolder | None:
    told = read_file(path / "writer.json")
    if told is None:
        return None
    attempt, rank, role, pid = (told.get(n) for n in ("attempt", "rank", "role", "pid"))
    step = told.get("step")
    return WriterFolder(
        path,
        Writer(
            path.name,
            attempt if isinstance(attempt, int) else 1,
            rank if isinstance(rank, int) else None,
        ),
        role if role in ("job", "launcher") else None,
        str(told.get("host")),
        pid if isinstance(pid, int) else 0,
        told.get("shared") is True,
        step if isinstance(step, str) else None,
    )


def _size_of(folder: Path) -> int:
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # what is delivered is removed meanwhile
                # Reserved space counts, whatever the file says of its length.
                total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total
