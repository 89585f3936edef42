"""The tables of rooms on the page on architecture are complete."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "tracker_core"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ABOVE, _, BELOW = PAGE.partition("\n## The command line\n")


def rooms(folder: Path) -> list[str]:
    """Give what a table has a place for, as it is written there."""
    return sorted(
        f"{path.name}/" if path.is_dir() else path.name
        for path in folder.iterdir()
        if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("__")
    )


def places(room: str, part: str) -> int:
    """Count the rows of a part of the page that have a room in their first cell."""
    firsts = re.findall(r"^\| (`[^|]*) \|", part, re.MULTILINE)
    return sum(f"`{room}`" in first for first in firsts)


@pytest.mark.parametrize("room", rooms(CORE))
def test_table_of_rooms_has_the_module(room: str) -> None:
    """Whoever looks for a module of the core learns what is in it."""
    assert places(room, ABOVE) == 1


@pytest.mark.parametrize("room", rooms(CORE / "cli"))
def test_table_of_the_command_line_has_the_module(room: str) -> None:
    """Whoever looks for a module of the command line learns what is in it."""
    assert places(room, BELOW) == 1
