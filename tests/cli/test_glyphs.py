"""Tests of the letter of a status."""

import io
from contextlib import redirect_stdout

from tracker_core.cli.glyphs import status_glyph

STATUSES = ("PENDING", "RUNNING", "FINISHED", "FAILED", "KILLED", "LOST", None)


def test_status_has_a_letter() -> None:
    """Each status has a letter of its own; one that is not known has a dash."""
    assert "".join(map(status_glyph, STATUSES)) == "○●✓✗■?–"
    assert status_glyph("SLEEPING") == "–"


def test_status_has_an_ascii_letter_where_the_others_are_lacking() -> None:
    """An encoding that lacks one of the letters gets others for all."""
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")

    with redirect_stdout(latin):
        glyphs = "".join(map(status_glyph, STATUSES))

    assert glyphs == "o*+x#?-"
