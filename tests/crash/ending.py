"""A job that ends in the way that its first argument names.

Its second argument is a descriptor on which it tells its process once it has logged.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tracker_core import AppRun

_PIECE_BYTES = 2**23
_PIECES = 256
_LOOK_EACH_S = 0.01


def _fail() -> None:
    print(1 // 0)  # noqa: T201 - never gets there


def _crash() -> None:
    ctypes.string_at(0)


def _wait() -> None:
    while True:
        time.sleep(0.1)


def _hoard() -> None:
    hoard = [b"x" * _PIECE_BYTES for _ in range(_PIECES)]
    sys.exit(f"there was room for {len(hoard)} pieces")


def _hoard_in_simulation() -> None:
    for name in ("memory/job/memory.oom_control", "job/memory.events"):
        path = Path(os.environ["SIMULATED_GROUPS"]) / "mount" / name
        if path.exists():
            path.write_text("oom_kill 1\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _outlive() -> None:
    launcher = os.getppid()
    os.write(int(sys.argv[2]), b"launcher %d\n" % launcher)
    while os.getppid() == launcher:
        time.sleep(_LOOK_EACH_S)


def _outlive_and_fail() -> None:
    _outlive()
    _fail()


def _save(_number: int, _frame: FrameType | None) -> NoReturn:
    print("saved")  # noqa: T201 - what a job does
    sys.exit(3)


_WAYS: dict[str, Callable[[], None]] = {
    "exception": _fail,
    "exit 0": lambda: sys.exit(0),
    "exit 3": lambda: sys.exit(3),
    "return": lambda: None,
    "leave 3": lambda: os._exit(3),
    "crash": _crash,
    "wait": _wait,
    "handle": _wait,
    "hoard": _hoard,
    "simulate": _hoard_in_simulation,
    "outlive": _outlive_and_fail,
    "outlive with success": _outlive,
}


def _main() -> None:
    way = sys.argv[1]
    if way == "handle":
        signal.signal(signal.SIGTERM, _save)
    run = AppRun.run_from_env()
    run.log_metric("loss", 0.5, step=0)
    print("out", flush=True)  # noqa: T201 - what a job does
    print("err", file=sys.stderr, flush=True)  # noqa: T201 - what a job does
    os.write(int(sys.argv[2]), b"pid %d\n" % os.getpid())
    _WAYS[way]()


if __name__ == "__main__":
    _main()
