"""What tracking adds to the start of a job: the import, and opening a run.

Fresh interpreters, each timed from its start to its exit, take turns, so that a
busy machine is as unkind to one as to the others. Use a Python into which the
project is installed.
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

OPEN = "from tracker_core import AppRun; AppRun.run_from_env()"


class Case(NamedTuple):
    """A program to time, and the case that it is compared with."""

    name: str
    program: str
    base: int


CASES = (
    Case("bare interpreter", "pass", 0),
    Case("import tracker_core", "import tracker_core", 0),
    Case("run_from_env(), sqlite", OPEN, 1),
)


def environment(folder: Path, run_id: str) -> dict[str, str]:
    """Give a job its variables, with the store in ``folder``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRACKER_", "TORCHX_"))
    }
    return kept | {
        "TRACKER_JOB_ID": run_id,
        "TRACKER_BACKENDS": "sqlite",
        "TRACKER_SQLITE_CONFIG": str(folder / "tracker.db"),
        "TRACKER_HOME": str(folder),
    }


def milliseconds(case: Case, folder: Path, run_id: str) -> float:
    """Time one interpreter."""
    variables = environment(folder, run_id)
    command = [sys.executable, "-c", case.program]
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=folder, env=variables)
    return (time.perf_counter() - start) * 1e3


def measure(repetitions: int, folder: Path) -> list[list[float]]:
    """Time every case in turn, after one round that only warms the caches."""
    rounds = [
        [
            milliseconds(case, folder, f"run-{turn}-{place}")
            for place, case in enumerate(CASES)
        ]
        for turn in range(repetitions + 1)
    ]
    return [list(column) for column in zip(*rounds[1:], strict=True)]


def report(times: list[list[float]]) -> None:
    """Print the table, in Markdown."""
    print("| | min ms | median ms | adds ms (min) | adds ms (median) | x bare |")
    print("| :-- | --: | --: | --: | --: | --: |")
    least = [min(column) for column in times]
    middle = [statistics.median(column) for column in times]
    for place, case in enumerate(CASES):
        added = "| | "
        if place != case.base:
            added = (
                f"| {least[place] - least[case.base]:.1f} "
                f"| {middle[place] - middle[case.base]:.1f} "
            )
        print(
            f"| {case.name} | {least[place]:.1f} | {middle[place]:.1f} "
            f"{added}| {middle[place] / middle[0]:.2f} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=20)
    repetitions = parser.parse_args().repetitions
    with tempfile.TemporaryDirectory() as folder:
        times = measure(repetitions, Path(folder))
    print(f"Python {sys.version.split()[0]}, {repetitions} interpreters each\n")
    report(times)


if __name__ == "__main__":
    main()
