"""The page on what is hidden has the very list that the code has."""

from pathlib import Path

import pytest

from tracker_core.redaction import hide_secrets
from tracker_core.secretforms import FORMS
from tracker_core.secretnames import SECRET_ENDS

PAGE = (Path(__file__).parents[2] / "docs" / "redaction.md").read_text("utf-8")


def test_page_has_a_row_for_each_form() -> None:
    """All of them, and no others."""
    table = PAGE.partition("| form | looks like |\n|---|---|\n")[2].partition("\n\n")[0]

    rows = [f"| {form.name} | {form.looks} |" for form in FORMS]

    assert table.splitlines()[1:] == rows


def test_page_names_the_ends_that_tell() -> None:
    """In the order of the code."""
    assert ", ".join(f"`{end}`" for end in SECRET_ENDS) in PAGE


@pytest.mark.parametrize("text", ["using hunter2", "password: |\n  hunter2"])
def test_page_is_right_about_what_stays(text: str) -> None:
    """What it says is not hidden is not."""
    assert hide_secrets(text) == text
