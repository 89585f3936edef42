"""What a job pays for importing the library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "click",
    "fsspec",
    "importlib_metadata",
    "mlflow",
    "numpy",
    "psutil",
    "pynvml",
    "rich",
    "sqlite3",
    "tracker_core.cli",
    "tracker_core.testing",
    "tracker_fsspec",
    "tracker_memory",
    "tracker_sqlite",
)

# Of the standard library: each of them costs milliseconds.
SLOW = (
    "asyncio",
    "dataclasses",
    "datetime",
    "fractions",
    "hashlib",
    "importlib.metadata",
    "inspect",
    "logging",
    "mimetypes",
    "platform",
    "statistics",
    "subprocess",
    "tempfile",
    "traceback",
)
# Ours, for reads and for what few jobs do.
RARE = (
    "tracker_core.aggregates",
    "tracker_core.artifacts",
    "tracker_core.contents",
    "tracker_core.datatypes",
    "tracker_core.ends",
    "tracker_core.entries",
    "tracker_core.filters",
    "tracker_core.hiding",
    "tracker_core.loghandler",
    "tracker_core.pages",
    "tracker_core.provenance",
    "tracker_core.runlog",
    "tracker_core.runs",
    "tracker_core.steps",
    "tracker_core.summaries",
    "tracker_core.trackformats",
    "tracker_core.trackvars",
    "tracker_core.verification",
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


# All of ours that a call from a shell may load, beside what `import tracker_core` does.
LOGGING = {
    "tracker_core.cli",
    "tracker_core.cli.entry",
    "tracker_core.cli.logcall",
    "tracker_core.cli.logwords",
    "tracker_core.delivery.attempts",
    "tracker_core.journal",
    "tracker_core.journal.folders",
    "tracker_core.journal.frames",
    "tracker_core.journal.segments",
    "tracker_core.journal.shared",
    "tracker_core.journal.writer",
    "tracker_core.mounts",
    "tracker_core.shelllog",
    "tracker_core.trackvars",
}


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """Give what an interpreter loads for itself, a coverage tool's hooks included."""
    return modules_after("pass")


def test_import_loads_nothing_heavy(bare: set[str]) -> None:
    """A job that imports the library loads no backend, table, parser or archive."""
    loaded = modules_after("import tracker_core") - bare

    assert not loaded & {*HEAVY, *SLOW, *RARE}


def test_logging_loads_nothing_for_reads(bare: set[str]) -> None:
    """A job that logs settings, metrics and tracks pays for these alone."""
    job = (
        "from tracker_core import AppRun, track_this\n"
        "run = AppRun.run_from_env()\n"
        "run.log_params({'lr': 0.1})\n"
        "run.log_metric('loss', 0.5, step=1)\n"
        "run.metrics('train').log(loss=0.5).extend({'loss': [0.5]}).buffer(loss=1)\n"
        "run.tracks('robot').append(x=1)\n"
        "run.add_metadata(labels=['a'])\n"
        "run.set_tag('a', 'b')\n"
        "run.log('text')\n"
        "track_this(answer=42)\n"
    )

    loaded = modules_after(job) - bare

    assert not loaded & {*HEAVY, *SLOW, *RARE}


@pytest.mark.parametrize(
    ("call", "module"),
    [
        ("run.log_text('a', 'b')", "hashlib"),
        ("run.log_file(__import__('os').__file__)", "mimetypes"),
        ("run.metrics().buffer(x=1).log_summary()", "tracker_core.aggregates"),
        ("run.step('train').__enter__()", "tracker_core.steps"),
        ("__import__('tracker_core').LogHandler", "logging"),
    ],
)
def test_rare_module_is_loaded_when_it_is_needed(
    bare: set[str], call: str, module: str
) -> None:
    """So the tests above look for what there is."""
    job = f"from tracker_core import AppRun\nrun = AppRun.run_from_env()\n{call}"

    loaded = modules_after(job) - bare

    assert module in loaded


@pytest.mark.parametrize(
    "words",
    [
        "'param', 'lr=0.1'",
        "'metric', 'loss', '0.5', '--step', '3'",
        "'tag', 'device', 'gpu0'",
        "'text', 'half of it'",
        "'artifact', 'a', 's3://b/a', '--reference'",
    ],
)
def test_call_from_a_shell_loads_the_journal_alone(
    bare: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """A script pays for no parser, no table, no backend and no delivery."""
    monkeypatch.setenv("TRACKER_JOB_ID", "r")
    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_HOME", str(tmp_path))
    library = modules_after("import tracker_core")
    call = (
        f"import sys\nsys.argv = ['tracker', 'log', {words}]\n"
        "from tracker_core.cli.entry import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
    )
    # Of all calls that share a writer the first alone notes who is to have the run.
    modules_after(call)

    loaded = modules_after(call) - bare

    assert not loaded & ({*HEAVY, *SLOW, *RARE} - LOGGING)
    assert {name for name in loaded if name.startswith("tracker_")} <= LOGGING | library


def test_command_loads_no_other_command(bare: set[str], tmp_path: Path) -> None:
    """Reading runs does not wait for what launches, copies, parses and draws."""
    call = (
        f"import os, sys\nos.chdir({str(tmp_path)!r})\nsys.argv = ['tracker', 'list']\n"
        "from tracker_core.cli.entry import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
    )

    loaded = modules_after(call) - bare

    others = {"copying", "launcher", "verification", "expressions", "cli.copy"}
    slow = {"rich", "importlib_metadata", "importlib.metadata", "shutil"}
    assert not loaded & {*slow, *(f"tracker_core.{name}" for name in others)}
