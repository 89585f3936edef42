"""Object stores: how long they are waited for, and whether they can be used.

Their clients wait for minutes by themselves, which is long for a job that starts. What
is set here are defaults: options of the same names in a configuration come first.
"""

import errno
from collections.abc import Mapping

import fsspec
from fsspec.asyn import sync

from tracker_core.errors import ConfigError
from tracker_fsspec.lasting import outlive_main_thread
from tracker_fsspec.store import OBJECT_STORES, Store, reason_of

__all__ = ["check_usable", "with_patience"]

_S3 = ("s3", "s3a")
_S3_PATIENCE: Mapping[str, object] = {
    "connect_timeout": 3,
    "read_timeout": 20,
    "retries": {"max_attempts": 2, "mode": "standard"},
}
# Beside those of its client; s3fs has no option for it.
_S3_TRIES = 2
_CHECKED_WITHIN_S = 8.0


def with_patience(protocol: str, options: Mapping[str, object]) -> dict[str, object]:
    """Return the options of a filesystem with those that bound its waiting."""
    found = dict(options)
    given = found.get("config_kwargs", {})
    if protocol in _S3 and isinstance(given, Mapping):
        found["config_kwargs"] = {**_S3_PATIENCE, **given}
    return found


def check_usable(store: Store) -> None:
    """Look once at the root of an object store, within some eight seconds.

    The root need not be there, but its bucket. Other stores are not asked.

    Raises:
        ConfigError: It cannot be reached or listed; it says why and what to do.
    """
    if store.protocol not in OBJECT_STORES:
        return
    fs = store.fs
    outlive_main_thread(fs)
    if store.protocol in _S3:
        fs.retries = _S3_TRIES
    where = f"{store.protocol}://{store.visible_root}"
    try:
        _look(fs, store.root)
    except Exception as error:
        message = f"{where!r} cannot be used: {reason_of(error)}; {_remedy(error)}"
        raise ConfigError(message) from error


def _look(fs: fsspec.AbstractFileSystem, root: str) -> None:
    bucket = root.partition("/")[0]
    try:
        _ask(fs, "_ls", root)
    except FileNotFoundError:
        # The bucket is not there, or nothing is in it yet.
        try:
            _ask(fs, "_info", bucket)
        except PermissionError:  # that it may be listed is enough
            return
        except FileNotFoundError as error:
            what = f"there is no bucket {bucket!r}"
            raise FileNotFoundError(errno.ENOENT, what) from error


def _ask(fs: fsspec.AbstractFileSystem, call: str, path: str) -> None:
    fs.invalidate_cache()
    if fs.async_impl:
        sync(fs.loop, getattr(fs, call), path, timeout=_CHECKED_WITHIN_S)
    else:
        getattr(fs, call.lstrip("_"))(path)


def _remedy(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "make it, or correct its name"
    if isinstance(error, TimeoutError):
        return f"it does not answer within {_CHECKED_WITHIN_S:.0f} s; check the network"
    if isinstance(error, PermissionError) or "Credential" in type(error).__name__:
        return "check the credentials, and their rights to list, read and write there"
    return "check location, endpoint and network"
