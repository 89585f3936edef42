"""What a call of a job costs that logs, against appending as many bytes to a file.

The job calls ``run.log_metric("loss", value, step=i)`` and ``run.log_metrics`` with ten
fields on a journaled run, and ``os.write`` with as many bytes as a record takes; the
three take turns in blocks. It is measured with delivery in the launcher and with
delivery in a thread of the job, with one backend and with three. What timing itself
costs is taken off.

A whole run follows: a million points, one a call, from the first call until all can be
read in sqlite, against a bare ``sqlite3`` ``executemany`` of the same rows, made in the
loop, into a table with the primary key (run, series, step).

``--peers`` measures other libraries in the same way, in a virtual environment of their
own that it makes and removes; that needs a network.
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tracker_core import AppRun

BLOCK = 1000
RECORD_BYTES = 56
ROWS = """
CREATE TABLE points (
    run TEXT, series TEXT, step INTEGER, time INTEGER, value REAL,
    PRIMARY KEY (run, series, step)
) WITHOUT ROWID
"""
PEERS = {
    "MLflow, sqlite": (
        ["mlflow-skinny", "sqlalchemy", "alembic"],
        (
            "import mlflow\n"
            "mlflow.set_tracking_uri('sqlite:///runs.db')\n"
            "mlflow.start_run()\n"
            "def call(i): mlflow.log_metric('loss', 0.5, step=i)\n"
            "def close(): mlflow.end_run()\n"
        ),
        200,
    ),
    "Trackio": (
        ["trackio"],
        (
            "import trackio\n"
            "trackio.init(project='p', embed=False)\n"
            "def call(i): trackio.log({'loss': 0.5})\n"
            "def close(): trackio.finish()\n"
        ),
        2000,
    ),
    "TensorBoardX": (
        ["tensorboardX"],
        (
            "from tensorboardX import SummaryWriter\n"
            "writer = SummaryWriter('logs')\n"
            "def call(i): writer.add_scalar('loss', 0.5, i)\n"
            "def close(): writer.close()\n"
        ),
        20_000,
    ),
    "Sacred": (
        ["sacred", "setuptools<81"],
        (
            "from sacred import Experiment\n"
            "from sacred.observers import FileStorageObserver\n"
            "ex = Experiment('e', interactive=True)\n"
            "ex.observers.append(FileStorageObserver('sacred'))\n"
            "ex.main(lambda: None)\n"
            "run = ex._create_run()\n"
            "def call(i): run.log_scalar('loss', 0.5, i)\n"
            "def close(): pass\n"
        ),
        20_000,
    ),
}


def times_of(
    calls: dict[str, Callable[[int], object]], count: int
) -> dict[str, list[int]]:
    """Return how many nanoseconds each call took, in blocks that take turns."""
    clock = time.perf_counter_ns
    found: dict[str, list[int]] = {name: [] for name in calls}
    for block in range(0, count, BLOCK):
        for name, call in calls.items():
            taken = found[name]
            for i in range(block, block + BLOCK):
                start = clock()
                call(i)
                taken.append(clock() - start)
    return found


def summary(taken: list[int], idle_ns: float) -> dict[str, float]:
    """Return the median, the 99th percentile and the worst, without the timing."""
    ordered = sorted(taken)
    return {
        "median": statistics.median(ordered) - idle_ns,
        "p99": ordered[int(len(ordered) * 0.99)] - idle_ns,
        "worst": ordered[-1],
    }


def resident_bytes() -> int:
    """Return how much memory this process has now, without pages of files."""
    text = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in text.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def job(count: int, points: int) -> None:
    """Measure within a job, and print JSON."""
    run = AppRun.run_from_env()
    ten = {f"field{number}": 0.5 for number in range(10)}
    data = b"x" * RECORD_BYTES
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    descriptor = os.open("appended", flags, 0o600)
    calls: dict[str, Callable[[int], object]] = {
        "nothing": lambda _i: None,
        "os.write": lambda _i: os.write(descriptor, data),
        "log_metric": lambda i: run.log_metric("loss", 0.5, step=i),
        "log_metrics of ten": lambda i: run.log_metrics(ten, step=i),
    }
    times_of(calls, BLOCK)
    taken = times_of(calls, count)
    os.close(descriptor)
    idle_ns = statistics.median(taken.pop("nothing"))
    found = {name: summary(times, idle_ns) for name, times in taken.items()}
    run.flush()
    before = resident_bytes()
    start = time.perf_counter()
    for step in range(points):
        run.log_metric("val/loss", 0.5, step=step)
    logged = time.perf_counter() - start
    grown = resident_bytes() - before
    run.flush()
    whole = time.perf_counter() - start
    print(
        json.dumps({"calls": found, "logged": logged, "whole": whole, "grown": grown})
    )


def rows_s(path: Path, points: int) -> float:
    """Return how long it takes to make rows in a loop and to insert them at once."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(ROWS)
        start = time.perf_counter()
        rows = []
        for step in range(points):
            rows.append(("run", "val/loss", step, time.time_ns(), 0.5))  # noqa: PERF401 - as a job's loop does
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        return time.perf_counter() - start


def measured(
    folder: Path, trackers: str, count: int, points: int, *, launched: bool
) -> dict[str, object]:
    """Run the job in a process of its own, in an empty folder."""
    folder.mkdir()
    command = [sys.executable, str(Path(__file__).resolve()), "--job"]
    command += ["--calls", str(count), "--points", str(points)]
    environ = {
        **os.environ,
        "TRACKER_FSSPEC_CONFIG": str(folder / "runs"),
        "TRACKER_SECOND_CONFIG": str(folder / "second.db"),
    }
    if launched:
        launcher = [sys.executable, "-m", "tracker_core", "run", "--trackers", trackers]
        command = [*launcher, "--", *command]
    else:
        environ |= {"TRACKER_JOB_ID": "run", "TRACKER_BACKENDS": trackers}
    done = subprocess.run(
        command, cwd=folder, env=environ, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def peer_us(folder: Path, name: str) -> tuple[float, float]:
    """Return the median of a call of another library, and of an append beside it."""
    packages, setup, count = PEERS[name]
    folder.mkdir()
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", *packages]
    subprocess.run(install, check=True)
    script = (
        f"{setup}\n"
        "import os, statistics, time\n"
        "fd = os.open('appended', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
        f"data = b'x' * {RECORD_BYTES}\n"
        "clock = time.perf_counter_ns\n"
        "def median(call):\n"
        "    taken = []\n"
        f"    for i in range({count}):\n"
        "        start = clock(); call(i); taken.append(clock() - start)\n"
        "    return statistics.median(taken) / 1000\n"
        "call(0)\n"
        "print('figures', median(call), median(lambda i: os.write(fd, data)))\n"
        "close()\n"
    )
    command = [str(python), "-c", script]
    done = subprocess.run(
        command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("figures"))
    call, append = map(float, line.split()[1:])
    return call, append


def report_calls(found: dict[str, dict[str, object]]) -> None:
    """Print what calls cost."""
    print("| | median µs | p99 µs | worst ms | median / os.write | p99 / os.write |")
    print("| :-- | --: | --: | --: | --: | --: |")
    for where, told in found.items():
        calls = told["calls"]
        bare = calls["os.write"]  # type: ignore[index]  # as `job` prints it
        for name, figures in calls.items():  # type: ignore[attr-defined]  # as above
            print(
                f"| {name}, {where} | {figures['median'] / 1e3:.2f} "
                f"| {figures['p99'] / 1e3:.1f} | {figures['worst'] / 1e6:.1f} "
                f"| {figures['median'] / bare['median']:.2f} "
                f"| {figures['p99'] / bare['p99']:.2f} |"
            )


def report_runs(
    found: dict[str, dict[str, object]], bare_s: float, points: int
) -> None:
    """Print what whole runs cost."""
    print("\n| | logged s | all readable s | points/s | rate / rows | memory MB |")
    print("| :-- | --: | --: | --: | --: | --: |")
    print(f"| rows | | {bare_s:.2f} | {points / bare_s:,.0f} | 1 | |")
    for where, told in found.items():
        whole = float(told["whole"])  # type: ignore[arg-type]  # as `job` prints it
        logged = float(told["logged"])  # type: ignore[arg-type]  # as above
        grown = float(told["grown"])  # type: ignore[arg-type]  # as above
        print(
            f"| {where} | {logged:.2f} | {whole:.2f} | {points / whole:,.0f} "
            f"| {bare_s / whole:.2f} | {grown / 1e6:.1f} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument(
        "--peers", action="store_true", help="others too; installs them"
    )
    parser.add_argument("--job", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        job(chosen.calls, chosen.points)
        return
    size = (chosen.calls, chosen.points)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        print(f"Python {sys.version.split()[0]}, {size[0]} calls, {size[1]} points\n")
        found = {
            "launcher delivers to sqlite": measured(
                folder / "1", "sqlite", *size, launched=True
            ),
            "launcher, three backends": measured(
                folder / "2",
                "sqlite,fsspec,second=tracker_sqlite:create",
                *size,
                launched=True,
            ),
            "a thread delivers to sqlite": measured(
                folder / "3", "sqlite", *size, launched=False
            ),
        }
        report_calls(found)
        report_runs(found, rows_s(folder / "rows.db", size[1]), size[1])
        if chosen.peers:
            print("\n| | median µs | median / os.write |\n| :-- | --: | --: |")
            for number, name in enumerate(PEERS):
                call, append = peer_us(folder / f"peer{number}", name)
                print(f"| {name} | {call:.1f} | {call / append:.1f} |")


if __name__ == "__main__":
    main()
