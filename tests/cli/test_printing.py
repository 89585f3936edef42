"""Tests of what is printed where letters are lacking."""

import io

from tracker_core.cli.printing import written_out


def test_signs_of_tables_are_plain_where_the_encoding_lacks_them() -> None:
    """A dash stays one letter wide, and what runs hold is written out."""
    ascii_output = io.TextIOWrapper(io.BytesIO(), "ascii")

    assert written_out("a – é…", ascii_output) == "a - \\xe9..."
    assert written_out("a – é…", io.StringIO()) == "a – é…"
