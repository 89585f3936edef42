"""What a step of a training loop costs with three backends, two of which do not work.

A step is some 10 ms of Python, after which a metric is logged: 100 records a second.
One backend hangs in its first call, one fails at every call, and sqlite works.
Three jobs take short turns: one without any tracker, one whose launcher delivers, and
one that delivers in threads of its own. The middle step of a turn counts, divided by
that of the job without a tracker in the same round: a machine that becomes slower or
faster meanwhile does so for all three.
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
WAYS = (NONE, LAUNCHER, THREADS)


def work(loops: int) -> float:
    """Do what takes the time of a step."""
    total = 0.0
    for number in range(loops):
        total += number * 0.5
    return total


def job(loops: int, steps: int, *, is_tracked: bool) -> None:
    """Run the loop for each line that comes, and print its middle step."""
    run = AppRun.run_from_env() if is_tracked else None
    step = 0
    for _ in sys.stdin:
        taken = []
        for _ in range(steps):
            start = time.perf_counter_ns()
            loss = work(loops)
            if run is not None:
                run.log_metric("loss", loss, step=step)
            taken.append(time.perf_counter_ns() - start)
            step += 1
        print(statistics.median(taken), flush=True)


def calibrated() -> int:
    """Return how many loops take about 10 ms."""
    start = time.perf_counter()
    work(1_000_000)
    return int(1_000_000 * 0.01 / (time.perf_counter() - start))


def started(folder: Path, way: str, loops: int, steps: int) -> subprocess.Popen[str]:
    """Start a job in an empty folder."""
    folder.mkdir()
    command = [sys.executable, str(Path(__file__).resolve()), "--job", way]
    command += ["--loops", str(loops), "--steps", str(steps)]
    inner = {name: {"sqlite": str(folder / f"{name}.db")} for name in ("h", "f")}
    told = {
        "TRACKER_BACKENDS": BACKENDS,
        "TRACKER_HANGING_CONFIG": json.dumps({"fault": "hang", "inner": inner["h"]}),
        "TRACKER_FAILING_CONFIG": json.dumps({"fault": "fail", "inner": inner["f"]}),
        "TRACKER_CLOSE_TIMEOUT": "1",
    }
    environ = dict(os.environ)
    if way == LAUNCHER:
        command = [sys.executable, "-m", "tracker_core", "run", "--", *command]
    if way == THREADS:
        told["TRACKER_JOB_ID"] = "run"
    if way != NONE:
        environ |= told
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )


def turn_ns(process: subprocess.Popen[str]) -> float:
    """Let a job have its turn; return its middle step in nanoseconds."""
    if process.stdin is None or process.stdout is None:
        message = "the job was started without pipes"
        raise RuntimeError(message)
    process.stdin.write("\n")
    return float(process.stdout.readline())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20, help="of a turn")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--job", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--loops", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        job(chosen.loops, chosen.steps, is_tracked=chosen.job != NONE)
        return
    loops = calibrated()
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as text:
        jobs = {
            way: started(Path(text) / str(number), way, loops, chosen.steps)
            for number, way in enumerate(WAYS)
        }
        for process in jobs.values():
            turn_ns(process)
        for number in range(chosen.rounds):
            # Each way comes first, second and last as often.
            for way in (*WAYS[number % 3 :], *WAYS[: number % 3]):
                taken[way].append(turn_ns(jobs[way]))
        for process in jobs.values():
            process.communicate()
    print(f"Python {sys.version.split()[0]}, {chosen.rounds} × {chosen.steps} steps\n")
    print("| | middle step ms (min, median) | ratio to no tracker (median, quarters) |")
    print("| :-- | --: | --: |")
    for way, times in taken.items():
        ratios = [own / bare for own, bare in zip(times, taken[NONE], strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4)
        print(
            f"| {way} | {min(times) / 1e6:.3f}, {statistics.median(times) / 1e6:.3f} "
            f"| {statistics.median(ratios):.4f} ({low:.3f} to {high:.3f}) |"
        )


if __name__ == "__main__":
    main()
