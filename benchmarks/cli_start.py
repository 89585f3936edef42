"""How long a command of a person takes, from the start of its process to its end.

Fresh interpreters with warm caches, a bare one among them, take turns, so that a busy
machine is as unkind to one as to the others. Beside the time on the clock stands the
time on the processor, which other programs disturb less; the ratio is that of the
latter to a bare interpreter's. The stores are those of ``listing.py``: each run has 10
params and 5 series of 5 points. With ``--folder`` they are kept for the next time.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

SMALL, LARGE = 1_000, 100_000
TRACKER = ("-m", "tracker_core")
FILTER = "params.p0 < 0.01 and params.p1 > 0.5"


class Case(NamedTuple):
    """What is started, and how many runs its store has."""

    name: str
    arguments: tuple[str, ...]
    size: int = SMALL


class Spent(NamedTuple):
    """Milliseconds of one process, on the clock and on the processor."""

    clock: float
    processor: float


CASES = (
    Case("`python -c pass`", ("-c", "pass")),
    Case("`tracker --version`", (*TRACKER, "--version")),
    Case("`tracker log metric loss 0.5`", (*TRACKER, "log", "metric", "loss", "0.5")),
    Case("`tracker list`", (*TRACKER, "list")),
    Case("`tracker show @last`", (*TRACKER, "show", "@last")),
    Case("`tracker compare run-1 run-2`", (*TRACKER, "compare", "run-1", "run-2")),
    Case("`tracker list`", (*TRACKER, "list"), LARGE),
    Case("`tracker list`, 1 of 200 matches", (*TRACKER, "list", FILTER), LARGE),
    Case(
        "`tracker list`, 1 of 2 matches",
        (*TRACKER, "list", "params.p1 > 0.5"),
        LARGE,
    ),
    Case(
        "`tracker list --sort-by`",
        (*TRACKER, "list", "--sort-by", "metrics.train/loss.min"),
        LARGE,
    ),
)


def make_stores(folder: Path, sizes: set[int]) -> None:
    """Make the stores that are missing, as ``listing.py`` does."""
    script = Path(__file__).with_name("listing.py")
    words = [*map(str, sorted(sizes)), "--rounds", "1", "--folder", str(folder)]
    command = [sys.executable, str(script), "--sizes", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def environment(store: Path) -> dict[str, str]:
    """Give a process its variables, with that store, and a run to log to."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRACKER_", "TORCHX_", "PYTHONDONTWRITE"))
    }
    return kept | {
        "TRACKER_BACKENDS": "sqlite",
        "TRACKER_SQLITE_CONFIG": str(store),
        "TRACKER_HOME": str(store.parent / "home"),
        "TRACKER_JOB_ID": "benchmark",
    }


def spent(case: Case, store: Path) -> Spent:
    """Time one process."""
    command = [sys.executable, *case.arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=store.parent,
        env=environment(store),
    )
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Spent(clock * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3)


def measure(cases: list[Case], folder: Path, repetitions: int) -> list[list[Spent]]:
    """Time every case in turn, after one round that only warms the caches."""
    rounds = [
        [spent(case, folder / f"runs-{case.size}.db") for case in cases]
        for _ in range(repetitions + 1)
    ]
    return [list(column) for column in zip(*rounds[1:], strict=True)]


def report(cases: list[Case], times: list[list[Spent]]) -> None:
    """Print the table, in Markdown."""
    print("| | runs | ms (min, median) | processor ms (min, median) | x bare |")
    print("| :-- | --: | --: | --: | --: |")
    bare = statistics.median(one.processor for one in times[0])
    for case, column in zip(cases, times, strict=True):
        cells = [
            f"{min(values):.0f}, {statistics.median(values):.0f}"
            for values in zip(*column, strict=True)
        ]
        ratio = statistics.median(one.processor for one in column) / bare
        print(f"| {case.name} | {case.size:,} | {' | '.join(cells)} | {ratio:.1f} |")


def main() -> None:
    """Make the stores, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="where the stores are kept")
    parser.add_argument(
        "--small", action="store_true", help="leave out the store of 100,000 runs"
    )
    chosen = parser.parse_args()
    cases = [case for case in CASES if case.size == SMALL or not chosen.small]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.folder or Path(temporary)).absolute()
        make_stores(folder, {case.size for case in cases})
        times = measure(cases, folder, chosen.repetitions)
    print(f"Python {sys.version.split()[0]}, {chosen.repetitions} processes each\n")
    report(cases, times)


if __name__ == "__main__":
    main()
