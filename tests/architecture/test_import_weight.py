"""What a job pays for importing the library."""

import os
import subprocess
import sys

import pytest

HEAVY = (
    "click",
    "fsspec",
    "importlib_metadata",
    "mlflow",
    "numpy",
    "rich",
    "sqlite3",
    "tracker_core.cli",
    "tracker_core.testing",
    "tracker_fsspec",
    "tracker_memory",
    "tracker_sqlite",
)


def modules_after(code: str) -> set[str]:
    """Give the modules that are loaded once ``code`` ran in a new interpreter."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    command = [sys.executable, "-c", script]
    # A coverage tool that measures child processes would load what it needs.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """Give what an interpreter loads for itself, a coverage tool's hooks included."""
    return modules_after("pass")


def test_import_loads_nothing_heavy(bare: set[str]) -> None:
    """A job that imports the library loads no backend, table, parser or archive."""
    loaded = modules_after("import tracker_core") - bare

    assert not loaded & set(HEAVY)


def test_logging_loads_no_dataclasses(bare: set[str]) -> None:
    """A job that nothing launched logs without the data types of reads."""
    job = (
        "from tracker_core import AppRun\n"
        "run = AppRun.run_from_env()\n"
        "run.log_params({'lr': 0.1})\n"
        "run.log_metric('loss', 0.5, step=1)\n"
        "run.add_metadata(labels=['a'])\n"
    )

    loaded = modules_after(job) - bare

    assert not loaded & {*HEAVY, "dataclasses", "tracker_core.datatypes"}
