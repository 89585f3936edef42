"""What a step of a training loop costs with three backends, two of which do not work.

A step is some 10 ms of Python, after which a metric is logged: 100 records a second.
One backend hangs in its first call, one fails at every call, and sqlite works.
Processes with these and processes without any tracker take turns; the middle step of
each counts. It is measured with delivery in the launcher and in threads of the job.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tracker_core import AppRun

FAULTS = "tracker_core.testing.faults:create"
BACKENDS = f"sqlite,hanging={FAULTS},failing={FAULTS}"
NONE, LAUNCHER, THREADS = "no tracker", "launcher delivers", "threads deliver"


def work(loops: int) -> float:
    """Do what takes the time of a step."""
    total = 0.0
    for number in range(loops):
        total += number * 0.5
    return total


def job(loops: int, steps: int) -> None:
    """Run the loop, and print the middle step in nanoseconds."""
    run = AppRun.run_from_env()
    taken = []
    for step in range(steps):
        start = time.perf_counter_ns()
        loss = work(loops)
        run.log_metric("loss", loss, step=step)
        taken.append(time.perf_counter_ns() - start)
    print(statistics.median(taken))


def calibrated() -> int:
    """Return how many loops take about 10 ms."""
    start = time.perf_counter()
    work(1_000_000)
    return int(1_000_000 * 0.01 / (time.perf_counter() - start))


def middle_ns(folder: Path, way: str, loops: int, steps: int) -> float:
    """Run the job in a process of its own, in an empty folder."""
    folder.mkdir()
    command = [sys.executable, str(Path(__file__).resolve()), "--job"]
    command += ["--loops", str(loops), "--steps", str(steps)]
    inner = {name: {"sqlite": str(folder / f"{name}.db")} for name in ("h", "f")}
    told = {
        "TRACKER_BACKENDS": BACKENDS,
        "TRACKER_HANGING_CONFIG": json.dumps({"fault": "hang", "inner": inner["h"]}),
        "TRACKER_FAILING_CONFIG": json.dumps({"fault": "fail", "inner": inner["f"]}),
        "TRACKER_CLOSE_TIMEOUT": "0",
    }
    environ = dict(os.environ)
    if way == LAUNCHER:
        command = [sys.executable, "-m", "tracker_core", "run", "--", *command]
    if way == THREADS:
        told["TRACKER_JOB_ID"] = "run"
    if way != NONE:
        environ |= told
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--loops", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        job(chosen.loops, chosen.steps)
        return
    loops = calibrated()
    found: dict[str, list[float]] = {NONE: [], LAUNCHER: [], THREADS: []}
    with tempfile.TemporaryDirectory() as text:
        for turn in range(chosen.rounds):
            for number, (way, taken) in enumerate(found.items()):
                folder = Path(text) / f"{turn}-{number}"
                taken.append(middle_ns(folder, way, loops, chosen.steps))
    print(f"Python {sys.version.split()[0]}, {chosen.rounds} × {chosen.steps} steps\n")
    print("| | middle step ms (min, median) | median / no tracker |")
    print("| :-- | --: | --: |")
    bare = statistics.median(found[NONE])
    for way, taken in found.items():
        middle = statistics.median(taken)
        print(
            f"| {way} | {min(taken) / 1e6:.3f}, {middle / 1e6:.3f} "
            f"| {middle / bare:.4f} |"
        )


if __name__ == "__main__":
    main()
