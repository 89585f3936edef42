"""Tests of what the machine of a run is busy with, in words."""

import math

from tracker_core.cli.machine import machine_items
from tracker_core.summaries import Summary
from tracker_core.values import Value


def of(last: Value, most: float | None) -> Summary:
    """Give the summary of a series by its last and its largest value."""
    return Summary(2, last, last, None, most, None, None, None)


def test_machine_is_told_with_units() -> None:
    """The job comes first, and the most is told of what is no percentage."""
    items = machine_items(
        {
            "system/disk_read_bytes_per_s": of(2048.0, 2048.0),
            "system/cpu_percent": of(12.34, 100.0),
            "system/gpu.0.power_w": of(250.12, 250.12),
            "system/job_memory_bytes": of(3 * 2**20, 5 * 2**20),
            "system/temperature": of(math.nan, None),
            "train/loss": of(1.0, 1.0),
        }
    )

    assert items == [
        "job memory 3.0 MiB (max 5.0 MiB)",
        "gpu 0 power w 250.1",
        "cpu 12%",
        "temperature nan",
        "disk read 2.0 KiB/s",
    ]
