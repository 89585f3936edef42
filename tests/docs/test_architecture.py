"""The table of rooms on the page on architecture is complete."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = sorted(
    f"{path.name}/" if path.is_dir() else path.name
    for path in (ROOT / "tracker_core").iterdir()
    if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("__")
)


@pytest.mark.parametrize("room", ROOMS)
def test_table_of_rooms_has_the_module(room: str) -> None:
    """Whoever looks for a module of the core learns what is in it."""
    firsts = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)

    assert sum(f"`{room}`" in first for first in firsts) == 1
