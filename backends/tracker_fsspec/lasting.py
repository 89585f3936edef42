"""A pool of threads that works until the very end of a program.

Python closes all its pools when the main thread ends, before what is registered by
``atexit`` runs; so the last records of a job, which tell of its end, could not be sent:
the client of a remote store looks up the name of its host in the pool of its loop.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import ParamSpec, TypeVar

import fsspec

__all__ = ["outlive_main_thread"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _LastingPool(ThreadPoolExecutor):
    """Runs each call in a thread of its own, for which no exit waits."""

    def submit(
        self, call: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> "Future[_T]":
        future: Future[_T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whoever waits raises it
                future.set_exception(error)
            else:
                future.set_result(result)

        Thread(target=run, name="fsspecIO-call", daemon=True).start()
        return future


def outlive_main_thread(fs: fsspec.AbstractFileSystem) -> None:
    """Let a filesystem of fsspec that has a loop work when its program ends.

    All filesystems of a process share the loop.
    """
    loop = getattr(fs, "loop", None) if fs.async_impl else None
    if loop is not None:
        loop.call_soon_threadsafe(loop.set_default_executor, _LastingPool(1))
