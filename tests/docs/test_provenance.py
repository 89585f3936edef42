"""The page on where a run is made names everything that is recorded."""

import re
from pathlib import Path

from tracker_core.provenance import RECORDED_VARIABLES, environment

PAGE = (Path(__file__).parents[2] / "docs" / "provenance.md").read_text("utf-8")


def section(title: str) -> str:
    """Return the text below a headline, up to the next."""
    return re.split(r"^#.*$", PAGE.partition(f"# {title}\n")[2], flags=re.MULTILINE)[0]


def test_page_names_the_recorded_variables() -> None:
    """All of them, and no others."""
    named = re.findall(r"`([A-Z_]{4,})`", section("Recorded variables"))

    assert sorted(named) == sorted(RECORDED_VARIABLES)


def test_page_names_the_fields_of_the_environment() -> None:
    """What is on request too."""
    fields = environment({}, with_packages=True)

    assert [name for name in fields if f"`{name}`" not in section("Environment")] == []
