"""What several pages are made of: the end of the tutorial, and tables of code."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unmeasured import unmeasured

__all__ = ["unmeasured"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_CODE = re.compile(r"`([^`]+)`")
_INDENT = "    "
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Those before are the install, and excerpts from the job.
_FIRST_COMMANDS = "## Launch\n"
# The last are those of the measurement, which other tests of the same code have.
_LEFT_OUT = ("TRACKER_", "TORCHX", "MAGNUS_", "COVERAGE_")


@pytest.fixture(scope="session")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Do all that the tutorial says, from its first launch to its end.

    Returns:
        The folder of the example, which no test changes, and what each block of
        commands printed, top down.
    """
    pytest.importorskip("fsspec", reason="the tutorial needs fsspec")
    folder = tmp_path_factory.mktemp("tutorial") / "iris"
    left = shutil.ignore_patterns(".tracker", "weights.json", "__pycache__")
    shutil.copytree(ROOT / "examples" / "iris", folder, ignore=left)
    return folder, list(_done(folder))


def _done(folder: Path) -> Iterator[str]:
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    for kind, code in _BLOCK.findall(page.partition(_FIRST_COMMANDS)[2]):
        if kind == "python":
            _run(folder, sys.executable, "-c", code)
        elif kind == "sh":
            yield _run(folder, "sh", "-e", "-c", code)


def _run(folder: Path, *command: str) -> str:
    kept = {
        key: text for key, text in os.environ.items() if not key.startswith(_LEFT_OUT)
    }
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **kept,
        "HOME": str(folder),
        "PATH": beside,
        # What the job logs is shown, however long it takes here.
        "TRACKER_SYSTEM_INTERVAL": "0",
    }
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=200,
    ).stdout


@pytest.fixture
def cells() -> Callable[[str, str], list[str]]:
    """Give the second cells of a section's table, each one piece of code, top down."""
    return _cells


@pytest.fixture
def program() -> Callable[[str, str], str]:
    """Give such cells as a program; what begins a block holds all that follows."""

    def build(page: str, heading: str) -> str:
        lines, depth = [], 0
        for cell in _cells(page, heading):
            lines.append(_INDENT * depth + cell)
            depth += cell.endswith(":")
        return "\n".join(lines)

    return build


def _cells(page: str, heading: str) -> list[str]:
    text = (DOCS / f"coming-from-{page}.md").read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line[:2] == "| "]
    assert len(rows) > 1, f"page {page!r} has no table under {heading!r}"
    found = []
    for row in rows[1:]:
        cell = row[1].removesuffix(" |").strip()
        code = _CODE.fullmatch(cell)
        assert code, f"{cell} is not one piece of code"
        found.append(code[1])
    return found
