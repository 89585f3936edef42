"""Files below one root, on any filesystem of fsspec."""

import errno
import inspect
import io
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tracker_core.contents import Content
from tracker_core.identity import new_writer_id
from tracker_fsspec.oserrors import as_os_error
from tracker_fsspec.ranges import RangeFile
from tracker_fsspec.uploads import can_resume, part_bytes, upload

__all__ = ["OBJECT_STORES", "Store", "reason_of"]

# Where an object appears when its upload is complete.
OBJECT_STORES = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"))
"""Protocols of object stores."""

# Where a name is all there is: making a directory would at best do nothing, and on
# some of them create the bucket of a misspelt URL.
_WITHOUT_DIRECTORIES = OBJECT_STORES | {"memory"}
# Disks that know no links.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_SECOND = 1_000_000_000
_READ_BYTES = 4 * 2**20


class Store:
    """Reads and writes whole files; paths are relative to the root.

    Each look at a directory is a fresh one, whatever fsspec has cached. Errors are
    those of the filesystem, as ``OSError``.

    Args:
        fs: The filesystem. In a forked child an asynchronous one is opened again, as
            it does not survive the fork.
        root: The root on it, with or without its protocol; it need not exist.
    """

    def __init__(self, fs: fsspec.AbstractFileSystem, root: str) -> None:
        """Keep both, without touching the filesystem."""
        self._fs = fs
        self._pid = os.getpid()
        stripped = fs._strip_protocol(root)  # noqa: SLF001 - its name for backends
        self.root = str(stripped).rstrip("/")

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The filesystem, usable in this process."""
        if self._fs.async_impl and os.getpid() != self._pid:
            options = self._fs.storage_options
            self._fs = type(self._fs)(*self._fs.storage_args, **options)
            self._pid = os.getpid()
        return self._fs

    @property
    def is_local(self) -> bool:
        """Whether it is a disk of this machine."""
        return isinstance(self._fs, LocalFileSystem)

    @cached_property
    def creates(self) -> bool:
        """Whether an object store writes what is not there yet in one request."""
        pipe = getattr(self._fs, "_pipe_file", None)
        if self.protocol not in OBJECT_STORES or pipe is None:
            return False
        return "mode" in inspect.signature(pipe).parameters

    @property
    def protocol(self) -> str:
        """The first name of the filesystem's protocol, for example ``s3``."""
        names = self._fs.protocol
        return str(names if isinstance(names, str) else names[0])

    @property
    def visible_root(self) -> str:
        """The root, without what may be a password or a signature in it."""
        if self.is_local:
            return self.root or "/"
        shown = self.root.partition("?")[0]
        *credentials, place = shown.rsplit("@", 1)
        return f"***@{place}" if credentials else shown

    def directories(self, path: str = "") -> list[str]:
        """Return the sorted names of the directories in one; none if not there."""
        return sorted(name for name, is_directory in self._list(path) if is_directory)

    def files(self, path: str) -> list[str]:
        """Return the sorted names of the files in a directory; none if not there."""
        return sorted(
            name for name, is_directory in self._list(path) if not is_directory
        )

    def tree(self, path: str, parts: Collection[str]) -> dict[str, list[str]]:
        """Return the sorted names of the files in directories of a directory.

        An object store lists all at once, any other one directory by directory.

        Args:
            path: The directory.
            parts: The directories in it that are looked at, if they are there.
        """
        if self.protocol not in OBJECT_STORES:
            there = self.directories(path)
            return {
                part: self.files(f"{path}/{part}") for part in there if part in parts
            }
        found: dict[str, list[str]] = {}
        for name in self.below(path):
            part, _, rest = name.partition("/")
            if part in parts and rest and "/" not in rest:
                found.setdefault(part, []).append(rest)
        return found

    def has_directory(self, path: str) -> bool:
        """Whether there is a directory, which may be no more than a common prefix."""
        with as_os_error():
            self.fs.invalidate_cache()
            return bool(self.fs.isdir(self._full(path)))

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, or None if there is none."""
        return next((content for _, content in self.read_all([path])), None)

    def read_all(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of those files that are there, fetched together."""
        wanted = list(paths)
        if not wanted:
            return
        full = [self._full(path) for path in wanted]
        with as_os_error():
            # Unlike cat, it takes paths as they are: a root may hold [ or *.
            contents = self.fs.cat_ranges(full, None, None)
        for path, content in zip(wanted, contents, strict=True):
            if isinstance(content, FileNotFoundError):
                continue
            if isinstance(content, BaseException):
                with as_os_error():
                    raise content
            yield path, bytes(content)

    def put(self, path: str, content: bytes, incoming: str) -> None:
        """Write a file, which appears whole or not at all where that is possible.

        Args:
            path: The file; one that is there is replaced.
            content: What it shall hold.
            incoming: The directory for the unfinished file on a local disk. It is one
                that nobody lists, since files vanish from it again.
        """
        if self.is_local:
            with _renamed_into(self._local(path), self._local(incoming)) as file:
                file.write(content)
            return
        full = self._full(path)
        with as_os_error():
            self._make_parent(full)
            self.fs.pipe_file(full, content)

    def create(self, path: str, content: bytes, incoming: str) -> bool:
        """Write a file that is not there yet, and tell whether it was not.

        Of several that do so at once one alone writes it on a local disk, and where the
        object store can be told to; elsewhere, what they write must be the same.
        """
        if self.is_local:
            return _linked_into(self._local(path), self._local(incoming), content)
        full = self._full(path)
        if not self.creates:
            if self.size_of(path) is not None:
                return False
            self.put(path, content, incoming)
            return True
        try:
            with as_os_error():
                self.fs.pipe_file(full, content, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            if "implement" not in str(error).lower():
                raise
            # A store that speaks S3 and does not know this: look, then write.
            self.creates = False
            return self.create(path, content, incoming)
        return True

    def remove(self, paths: Iterable[str]) -> int:
        """Remove files, and return how many there were; others may remove them too."""
        count = 0
        for path in paths:
            with suppress(FileNotFoundError), as_os_error():
                self.fs.rm_file(self._full(path))
                count += 1
        return count

    def remove_if(self, path: str, incoming: str, is_free: Callable[[], bool]) -> bool:
        """Remove a file that others may want, unless they do; tell whether it is gone.

        On a local disk it is asked once nobody finds the file any more, and the file
        gets its name back if they do. Elsewhere it is asked just before.

        Args:
            path: The file.
            incoming: The directory for what is on its way.
            is_free: Tells that nobody wants it.
        """
        if not self.is_local:
            return is_free() and self.remove([path]) > 0
        name, aside = self._local(path), self._local(incoming) / new_writer_id()
        aside.parent.mkdir(parents=True, exist_ok=True)
        try:
            name.rename(aside)
        except FileNotFoundError:
            return False
        if is_free():
            aside.unlink()
            return True
        aside.replace(name)
        return False

    def remove_empty(self, path: str) -> None:
        """Remove a directory and those in it, where they are one and hold no file.

        Others may write into them at once: their next try makes them again.
        """
        if self.protocol in OBJECT_STORES:
            return
        for part in (*self.directories(path), ""):
            # Not empty, gone by now, or none of those that can be removed.
            with suppress(OSError, NotImplementedError), as_os_error():
                self.fs.rmdir(self._full(f"{path}/{part}".rstrip("/")))

    def modified_ns(self, path: str) -> int | None:
        """Return when a file was written, by the store's clock, in nanoseconds.

        Returns:
            None where the store does not tell, or there is no such file.
        """
        try:
            with as_os_error():
                self.fs.invalidate_cache()
                moment = self.fs.modified(self._full(path))
        except (FileNotFoundError, NotImplementedError):
            return None
        return int(moment.timestamp() * _SECOND)

    def below(self, path: str) -> list[str]:
        """Return the sorted paths of all files below a directory, relative to it."""
        top = f"{self._full(path)}/"
        try:
            with as_os_error():
                self.fs.invalidate_cache()
                found = self.fs.find(self._full(path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name[name.index(top) + len(top) :] for name in found)

    def put_content(self, path: str, content: Content, incoming: str) -> None:
        """Write content of any size, which appears when all of it is written.

        Memory is needed for some MiB. On a local disk the file is there after a loss of
        power too, and content that lies on the same disk is not copied. An error, also
        one of the content, leaves no such file; on S3 the next try goes on where it
        broke off.

        Args:
            path: The file; one that is there is replaced.
            content: What it shall hold.
            incoming: The directory for the unfinished file where one is needed.
        """
        if self.is_local:
            name = self._local(path)
            # What is in its place is damaged, and could be a link to the same file.
            may_link = not name.exists()
            with _renamed_into(name, self._local(incoming)) as file:
                if may_link and _is_linked(content, file):
                    return
                file.writelines(content.read_checked())
                file.flush()
                # Nobody writes it again when the batch that names it is there.
                os.fsync(file.fileno())
            return
        full = self._full(path)
        with as_os_error():
            if self.protocol not in OBJECT_STORES:
                unfinished = f"{self._full(incoming)}/{new_writer_id()}"
                self._move_in(unfinished, full, content.read_checked())
            elif can_resume(self.fs, content.size_bytes):
                upload(self.fs, full, content)
            else:
                self._upload(full, content)

    def size_of(self, path: str) -> int | None:
        """Return the size of a file in bytes, or None if there is none.

        Raises:
            IsADirectoryError: There is a directory.
        """
        try:
            with as_os_error():
                self.fs.invalidate_cache()
                found = self.fs.info(self._full(path))
                if found["type"] == "directory":
                    raise IsADirectoryError(
                        errno.EISDIR, os.strerror(errno.EISDIR), path
                    )
                return int(found["size"])
        except FileNotFoundError:
            return None

    def remove_left(self, path: str, seconds: float) -> None:
        """Remove the files of a directory that nobody has written to for so long.

        On a local disk only: elsewhere it would take a request for each file, where
        there are any.
        """
        if not self.is_local:
            return
        oldest = time.time() - seconds
        with suppress(FileNotFoundError):
            for left in self._local(path).iterdir():
                # Another process may be faster, and what stays harms nobody.
                with suppress(OSError):
                    if left.lstat().st_mtime < oldest:
                        left.unlink()

    def open(self, path: str) -> BinaryIO:
        """Return a new file for reading, at its beginning.

        Raises:
            FileNotFoundError: There is none.
        """
        if self.is_local:
            return self._local(path).open("rb")
        size_bytes = self.size_of(path)
        if size_bytes is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        file = RangeFile(partial(self._fetch, self._full(path)), size_bytes)
        return cast("BinaryIO", io.BufferedReader(file, _READ_BYTES))

    def _fetch(self, full: str, start: int, end: int) -> bytes:
        with as_os_error():
            return bytes(self.fs.cat_file(full, start=start, end=end))

    def _upload(self, full: str, content: Content) -> None:
        block_size = part_bytes(self.fs, content.size_bytes)
        file = self.fs.open(full, "wb", block_size=block_size)
        try:
            for piece in content.read_checked():
                file.write(piece)
            file.close()
        except BaseException:
            _abandon(file)
            raise

    def _move_in(self, unfinished: str, full: str, pieces: Iterable[bytes]) -> None:
        try:
            self._make_parent(unfinished)
            with self.fs.open(unfinished, "wb") as file:
                for piece in pieces:
                    file.write(piece)
            self._make_parent(full)
            self._move(unfinished, full)
        except BaseException:
            with suppress(OSError, NotImplementedError), as_os_error():
                self.fs.rm_file(unfinished)
            raise

    def _move(self, source: str, target: str) -> None:
        if type(self.fs).mv is fsspec.AbstractFileSystem.mv:
            # It would take paths for patterns: a root may hold [ or *.
            self.fs.cp_file(source, target)
            self.fs.rm_file(source)
        else:
            self.fs.mv(source, target)

    def _make_parent(self, full: str) -> None:
        if self.protocol not in _WITHOUT_DIRECTORIES:
            self.fs.makedirs(full.rpartition("/")[0], exist_ok=True)

    def _local(self, path: str) -> Path:
        return Path(self._full(path))

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _list(self, path: str) -> list[tuple[str, bool]]:
        try:
            with as_os_error():
                self.fs.invalidate_cache()
                entries = self.fs.ls(self._full(path), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [
            (entry["name"].rstrip("/").rpartition("/")[2], entry["type"] == "directory")
            for entry in entries
        ]


def reason_of(error: Exception) -> str:
    """Return why something failed, without the error's text: it may hold secrets."""
    strerror = error.strerror if isinstance(error, OSError) else None
    if strerror is None and isinstance(error, PermissionError):
        # Clients give one that has a text of their own alone.
        strerror = os.strerror(errno.EACCES)
    return strerror or type(error).__name__


def _abandon(file: io.IOBase) -> None:
    """Give up an upload; closing it would show what is there as the object."""
    with suppress(OSError, NotImplementedError), as_os_error():
        file.discard()  # type: ignore[attr-defined]  # fsspec ships no types
    file.closed = True  # type: ignore[misc]  # fsspec's files let it be set


@contextmanager
def _renamed_into(path: Path, incoming: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which gets its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    incoming.mkdir(parents=True, exist_ok=True)
    unfinished = incoming / new_writer_id()
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _linked_into(path: Path, incoming: Path, content: bytes) -> bool:
    """Write a file and give it its name, unless there is one of that name."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    incoming.mkdir(parents=True, exist_ok=True)
    unfinished = incoming / new_writer_id()
    try:
        unfinished.write_bytes(content)
        path.hardlink_to(unfinished)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return True


def _is_linked(content: Content, file: BinaryIO) -> bool:
    """Put a link to content in the place of an open file, if it is on the same disk."""
    name = Path(file.name)
    linked = name.with_suffix(".link")
    try:
        if not content.link(linked):
            return False
        # As that of all files here, for those with whom they are shared.
        linked.chmod(stat.S_IMODE(os.fstat(file.fileno()).st_mode))
        linked.replace(name)
    finally:
        linked.unlink(missing_ok=True)
    return True
