"""Files below one root, on any filesystem of fsspec."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tracker_core.identity import new_writer_id

__all__ = ["Store", "reason_of"]

# Where a name is all there is: making a directory would at best do nothing, and on
# some of them create the bucket of a misspelt URL.
_WITHOUT_DIRECTORIES = frozenset(
    ("memory", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss")
)


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

    def has_directory(self, path: str) -> bool:
        """Whether there is a directory, which may be no more than a common prefix."""
        with _as_os_error():
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
        with _as_os_error():
            # Unlike cat, it takes paths as they are: a root may hold [ or *.
            contents = self.fs.cat_ranges(full, None, None)
        for path, content in zip(wanted, contents, strict=True):
            if isinstance(content, FileNotFoundError):
                continue
            if isinstance(content, BaseException):
                with _as_os_error():
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
            _put_local(Path(self._full(path)), content, Path(self._full(incoming)))
            return
        full = self._full(path)
        with _as_os_error():
            if self.protocol not in _WITHOUT_DIRECTORIES:
                self.fs.makedirs(full.rpartition("/")[0], exist_ok=True)
            self.fs.pipe_file(full, content)

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _list(self, path: str) -> list[tuple[str, bool]]:
        try:
            with _as_os_error():
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
    return strerror or type(error).__name__


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn what a filesystem raises of its own into an ``OSError``.

    Their clients raise what they like when the network is away: that of S3 does not
    even derive it from ``OSError``, and what is no ``OSError`` would not be retried.
    """
    try:
        yield
    except (OSError, NotImplementedError):
        raise
    except Exception as error:
        raise OSError(errno.EIO, type(error).__name__) from error


def _put_local(path: Path, content: bytes, incoming: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    incoming.mkdir(parents=True, exist_ok=True)
    unfinished = incoming / new_writer_id()
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
