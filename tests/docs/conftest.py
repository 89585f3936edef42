"""The tables of the pages for those who come from another system, as code to run."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_CODE = re.compile(r"`([^`]+)`")
_INDENT = "    "


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
