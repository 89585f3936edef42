"""The page for authors of backends is true: its code runs, and keeps the contract."""

import importlib.util
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

pytestmark = pytest.mark.one_python

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "adding-a-backend.md"
_INSTALLED_JOB = """
from tracker_core import AppRun
from tracker_core.registry import installed_backends

run = AppRun.run_from_env()
run.add_metadata(owner="ada")
run.flush()
listed = [b.name for b in installed_backends() if "folder_tracker" in b.factory]
print(listed, run.backends[0].metadata(run.id))
"""
_LONG_JOB = """
from tracker_core import AppRun
from tracker_core.registry import trackers_from_environ

run = AppRun("demo", trackers_from_environ())
for number in range(9):
    run.log_param(f"p{number}", number)
"""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks() -> list[tuple[str, str]]:
    return _BLOCK.findall(_PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Write every block that begins with the name of its file into a folder."""
    for _, code in _blocks():
        name = re.match(r"# (\S+\.\w+)\n", code)
        if name:
            (tmp_path / name[1]).write_text(code, encoding="utf-8")
    return tmp_path


def _run(
    package: Path,
    *arguments: str,
    folder: Path | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(package), str(_ROOT)])
    # Not measured: whatever it runs, the tests of the core run too.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder or package,
        env={**kept, **variables, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_every_python_block_names_its_file() -> None:
    """No block of code is left out of these tests."""
    names = [code.splitlines()[0] for kind, code in _blocks() if kind == "python"]

    assert names == [
        "# notes.py",
        "# job.py",
        "# folder_tracker.py",
        "# test_folder_tracker.py",
        "# conftest.py",
        "# test_folder_faults.py",
    ]


def test_job_prints_what_the_page_shows(package: Path) -> None:
    """The plain tracker takes what a job logs and degrades what it cannot hold."""
    shown = next(code for kind, code in _blocks() if kind == "text")

    job = _run(package, "job.py")

    assert job.stderr == ""
    assert job.stdout == shown


def test_native_tracker_keeps_the_contract(package: Path) -> None:
    """The suite passes as the page runs it, as do the page's own tests of faults."""
    suite = _run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")

    assert suite.returncode == 0, suite.stdout
    assert re.search(r"\d+ passed(, \d+ skipped)? in", suite.stdout)


def test_job_dies_after_the_third_call_as_its_environment_says(package: Path) -> None:
    """What the tracker has taken until then is kept."""
    said = next(code for _, code in _blocks() if "TRACKER_FAULTY_CONFIG" in code)
    variables = dict(word.split("=", 1) for word in shlex.split(said) if "=" in word)

    job = _run(package, "-c", _LONG_JOB, variables=variables)

    assert job.returncode == -signal.SIGKILL, job.stderr
    assert len(list(package.glob("runs/runs/*/*.jsonl"))) == 3


@pytest.mark.skipif(
    importlib.util.find_spec("pip") is None, reason="needs pip beside the interpreter"
)
def test_package_is_installed_by_pip_and_found_by_its_name(
    package: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As the page says: the job names the backend, and it is listed once."""
    site, work = (tmp_path_factory.mktemp(name) for name in ("site", "work"))
    target = ("--no-deps", "--target", str(site), "--disable-pip-version-check")
    (work / "job.py").write_text(_INSTALLED_JOB, encoding="utf-8")

    pip = _run(package, "-m", "pip", "install", "-q", *target, ".")
    variables = {"TRACKER_BACKENDS": "folder", "TRACKER_FOLDER_CONFIG": "runs"}
    job = _run(site, "job.py", folder=work, variables=variables)

    assert pip.returncode == 0, pip.stderr
    assert job.stdout == "['folder'] {'owner': 'ada'}\n", job.stderr
    assert sorted(path.name for path in site.glob("*.py")) == ["folder_tracker.py"]
    assert list(work.glob("runs/runs/*/*.jsonl"))
