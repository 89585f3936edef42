"""The database file before SQLite opens it: its folders, its mode, who may write."""

import os
import re
from pathlib import Path
from typing import TypeAlias

from tracker_core.errors import ConfigError
from tracker_core.settings import launch_path
from tracker_sqlite.mounts import refuse_network

__all__ = [
    "Identity",
    "absolute_path",
    "configured_path",
    "identity_of",
    "make_folders",
    "prepared_file",
]

Identity: TypeAlias = tuple[int, int]
"""The device and the inode of a file, which are its own as long as it is open."""

_URL = re.compile("[^/]*://")


def configured_path(config: str) -> Path:
    """Return the absolute path that a config names.

    Raises:
        ConfigError: It is a URL, which may hold a password and is not shown; or there
            is no such user.
    """
    if _URL.match(config):
        message = (
            "the backend sqlite takes the path of a file, and its config is a URL (not "
            "shown, since it may hold a password); write a path, or use the backend "
            "fsspec, which takes URLs such as s3://bucket/prefix"
        )
        raise ConfigError(message)
    try:
        return launch_path(config)
    except RuntimeError as error:
        raise _unusable(Path(config), str(error)) from error


def absolute_path(path: Path) -> Path:
    """Return ``path`` from the root, with ``~`` as the home of its user.

    Raises:
        ConfigError: There is no such user.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise _unusable(path, str(error)) from error


def identity_of(path: Path) -> Identity | None:
    """Return which file is at ``path`` now; None when there is none.

    Raises:
        OSError: The system does not tell.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def prepared_file(path: Path) -> Path:
    """Return the resolved path of a file that is there and may be written.

    What is missing is made: the file empty and with mode 0600, its folders with mode
    0700. SQLite gives the mode of the file to its ``-wal`` and ``-shm`` files.

    Raises:
        ConfigError: It is no file, cannot be made or written, or lies on a network
            filesystem.
    """
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    refuse_network(resolved)
    try:
        make_folders(resolved.parent)
        _make_file(resolved)
    except OSError as error:
        raise _unusable(path, str(error)) from error
    if not resolved.is_file():
        raise _unusable(path, "is no regular file")
    _check_writable(path, resolved)
    return resolved


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, all with mode 0700."""
    # Path.mkdir(parents=True) would give its mode to the last folder alone.
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)


def _make_file(path: Path) -> None:
    # A file that is there is not opened: closing it again would take the locks away
    # that this process holds on it through SQLite
    # (https://www.sqlite.org/howtocorrupt.html, 2.2).
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:  # another process was faster
        return


def _check_writable(path: Path, resolved: Path) -> None:
    # SQLite itself would open the file for reading and fail at the first write.
    is_readable = os.access(resolved, os.R_OK)
    if not is_readable or not os.access(resolved, os.W_OK):
        reason = "may not be read and written"
        raise _unusable(path, reason, is_readable=is_readable)
    if not os.access(resolved.parent, os.W_OK | os.X_OK):
        reason = "lies in a folder that may not be written"
        raise _unusable(path, reason, is_readable=is_readable)


def _unusable(path: Path, reason: str, *, is_readable: bool = False) -> ConfigError:
    copy = ", or copy this one there, with its -wal file if it has one"
    return ConfigError(
        f"sqlite database {str(path)!r} cannot be used: {reason}; "
        f"choose a file in a folder that you may write to{copy if is_readable else ''}"
    )
