"""The page for authors of backends is true: its code runs, and keeps the contract."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tracker_core.registry import build_trackers, installed_backends

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "adding-a-backend.md"
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


def _run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(package), str(_ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=package,
        env={**os.environ, "PYTHONPATH": path},
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
    ]


def test_job_prints_what_the_page_shows(package: Path) -> None:
    """The plain tracker takes what a job logs and degrades what it cannot hold."""
    shown = next(code for kind, code in _blocks() if kind == "text")

    job = _run(package, "job.py")

    assert job.stderr == ""
    assert job.stdout == shown


def test_native_tracker_keeps_the_contract(package: Path) -> None:
    """The suite passes as the page runs it, and skips nothing."""
    suite = _run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")

    assert suite.returncode == 0, suite.stdout
    assert re.search(r"\d+ passed in", suite.stdout)


def test_entry_points_lead_to_the_factory(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed as the page says, the backend is found by name and listed once."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))
    _install(package, project["project"])
    monkeypatch.syspath_prepend(package)
    importlib.invalidate_caches()

    listed = [b.name for b in installed_backends() if "folder_tracker" in b.factory]
    (tracker,) = build_trackers({"folder": str(package / "runs")})
    tracker.add_metadata("demo", owner="ada")

    assert listed == ["folder"]
    assert dict(tracker.metadata("demo")) == {"owner": "ada"}


def _install(package: Path, project: dict[str, object]) -> None:
    """Write what pip writes for a package's entry points."""
    about = package / f"{str(project['name']).replace('-', '_')}-0.1.dist-info"
    about.mkdir()
    meta = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1\n"
    (about / "METADATA").write_text(meta, encoding="utf-8")
    groups = project["entry-points"]
    assert isinstance(groups, dict)
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{name} = {at}" for name, at in points.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
