"""Tests of reading the machine and the processes below this one."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tracker_core.machine import Machine

_MIB = 1 << 20
# Has a child that has used a fifth of a second, and waits for the end.
_JOB = f"""
import subprocess, sys
held = bytearray({64 * _MIB})
work = "import time\\nwhile time.process_time() < 0.2: pass\\n"
work += "print('up', flush=True)\\ninput()"
subprocess.run([sys.executable, "-c", work])
"""

# Holds much more, and is no part of it.
_WAITS = f"held = bytearray({256 * _MIB}); print('up', flush=True); input()"


def _nothing() -> None:
    """Be no job."""


def test_processes_of_the_job_are_added_up(tmp_path: Path) -> None:
    """Those that it has started belong to it, and those beside it do not."""
    python, pipe = (sys.executable, "-c"), subprocess.PIPE
    with (
        subprocess.Popen([*python, _WAITS], stdin=pipe, stdout=pipe) as beside,
        subprocess.Popen([*python, _JOB], stdin=pipe, stdout=pipe) as job,
        closing(Machine(tmp_path, lambda: job.pid)) as machine,
    ):
        for process in (beside, job):
            assert process.stdout is not None
            process.stdout.readline()

        during = machine.read()

        for process in (beside, job):
            process.communicate(b"\n")
        after = machine.read()

    assert 64 * _MIB < during["job_memory_bytes"] < 192 * _MIB
    assert during["job_cpu_percent"] > 0
    assert "job_memory_bytes" not in after
    assert after["job_cpu_percent"] >= 0


def test_rates_begin_with_the_second_reading(tmp_path: Path) -> None:
    """They are of the time since the reading before."""
    seconds = iter(range(10**6))

    with closing(Machine(tmp_path, _nothing, lambda: float(next(seconds)))) as machine:
        (tmp_path / "written").write_bytes(bytes(_MIB))
        found = machine.read()

    assert {name for name in found if name.endswith("_per_s")} == {
        "disk_read_bytes_per_s",
        "disk_written_bytes_per_s",
        "network_received_bytes_per_s",
        "network_sent_bytes_per_s",
    }


def test_clock_that_stands_still_gives_no_rate(tmp_path: Path) -> None:
    """Nothing is divided by nothing."""
    with closing(Machine(tmp_path, _nothing, lambda: 1.0)) as machine:
        found = machine.read()

    assert not [name for name in found if name.endswith("_per_s")]
    assert "cpu_percent" in found


def test_file_system_that_has_gone_costs_its_number_alone(tmp_path: Path) -> None:
    """The others are read all the same."""
    with closing(Machine(tmp_path / "gone", _nothing)) as machine:
        found = machine.read()

    assert "disk_free_bytes" not in found
    assert "cpu_percent" in found
