"""A job of four ranks, as a program: each is a process, and logs its loss.

The first attempt logs and waits for its end; a later one begins again at an earlier
step, another one for each rank, and finishes.
"""

import os
import sys
import time

from tracker_core import AppRun

__all__ = ["LAST", "RANKS", "first_step", "value_at"]

RANKS = 4
LAST = {1: 9, 2: 12}
"""Attempt → the last step that it logs."""


def first_step(attempt: int, rank: int) -> int:
    """Return where an attempt begins."""
    return 0 if attempt == 1 else 4 + rank


def value_at(attempt: int, rank: int, step: int) -> float:
    """Return what a rank logs, which tells all about itself."""
    return attempt * 10_000 + rank * 1_000 + step


def _be_rank(attempt: int, rank: int, pipe: int) -> None:
    os.environ["RANK"] = str(rank)
    run = AppRun.run_from_env()
    for number, step in enumerate(range(first_step(attempt, rank), LAST[attempt] + 1)):
        run.log_metric("loss", value_at(attempt, rank, step), step=step)
        os.write(pipe, f"r{rank} {number}\n".encode())
    while attempt == 1:
        time.sleep(0.1)


def _main() -> None:
    attempt, pipe = int(sys.argv[1]), int(sys.argv[2])
    children = []
    for rank in range(RANKS):
        child = os.fork()
        if not child:
            _be_rank(attempt, rank, pipe)
            return
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    _main()
