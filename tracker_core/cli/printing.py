"""Printing what somebody else wrote.

What runs hold comes from jobs and from other people: nothing of it may reach a
terminal that the terminal would obey.
"""

import os
import sys
from contextlib import suppress
from unicodedata import category

import click

__all__ = [
    "clean",
    "echo",
    "flush",
    "give_up_output",
    "has_colours",
    "has_letters",
    "is_terminal",
    "is_watched",
    "terminal_size",
    "terminal_width",
    "written_out",
]

_PLAIN = str.maketrans({"–": "-", "…": "...", "└": "`", "├": "|", "│": "|", "─": "-"})


def clean(text: str) -> str:
    """Return ``text`` with what does not print written out, as in Python code."""
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or category(letter) == "Zs"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def is_terminal() -> bool:
    """Tell whether a person reads along; nobody does where the output is closed."""
    return sys.stdout is not None and sys.stdout.isatty()


def is_watched() -> bool:
    """Tell whether a person sees what goes to stderr: bars, and what is said."""
    return sys.stderr is not None and sys.stderr.isatty()


def terminal_size() -> os.terminal_size:
    """Return columns and lines: of the terminal, by ``COLUMNS``, or 80 and 24."""
    import shutil  # takes long to load, and few need this

    return shutil.get_terminal_size()


def terminal_width() -> int:
    """Return how many cells a line has, as :func:`terminal_size` tells."""
    return terminal_size().columns


def flush() -> None:
    """Write now what was printed, so that it fails here if it does.

    Raises:
        OSError: It cannot be written.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up_output() -> None:
    """Drop what cannot be written; Python would try it again as it leaves."""
    with suppress(OSError):  # what has no descriptor is not tried again
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def has_colours() -> bool:
    """Tell whether colours are wanted: on a terminal, unless ``NO_COLOR`` is set."""
    return is_terminal() and not os.environ.get("NO_COLOR")


def has_letters(text: str) -> bool:
    """Tell whether the encoding of the output has all letters of ``text``."""
    try:
        text.encode(_encoding(sys.stdout))
    except UnicodeEncodeError:
        return False
    return True


def written_out(text: str, stream: object = None) -> str:
    """Return ``text`` with the letters written out that the encoding lacks.

    Where it lacks any, the signs of our tables and trees are those of ASCII.

    Args:
        text: The text.
        stream: Where it goes; None for the output.
    """
    if text.isascii():
        return text
    encoding = _encoding(sys.stdout if stream is None else stream)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_PLAIN)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text


def echo(text: str, *, to_stderr: bool = False, ends_line: bool = True) -> None:
    """Print lines; letters that the encoding lacks are written out."""
    stream = sys.stderr if to_stderr else sys.stdout
    click.echo(written_out(text, stream), nl=ends_line, err=to_stderr)


def _encoding(stream: object) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
