"""Writing content where a person wants it.

A file is whole or it is not there: bytes go to ``.tracker-….part`` in the same folder,
which takes the name of the file once all of them were written and checked. What a
crash leaves behind is that part, and the file as it was before. The last piece of an
output is held back until all of the content was checked.
"""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, cast

import click

from tracker_core.cli.border import Failure
from tracker_core.cli.printing import clean, echo, give_up_output, is_watched
from tracker_core.cli.text import size_words
from tracker_core.contents import pieces

__all__ = [
    "checked_pieces",
    "new_file",
    "print_text",
    "refusals",
    "save_file",
    "write_output",
]

# Smaller content is there before anybody wonders.
_LARGE_BYTES = 2**23


class _ReaderLeftError(Failure):
    """Whoever read the output has left and hears no more."""

    def show(self, file: object = None) -> None:
        del file


def checked_pieces(file: BinaryIO, size_bytes: int | None) -> Iterator[bytes]:
    """Give what is in ``file``, whose reader checks it, the last piece once it has.

    Of large content a terminal on stderr shows how far it is.

    Args:
        file: As :meth:`NativeTracker.open_artifact` gives it.
        size_bytes: How long it is, if that is known.
    """
    if size_bytes is None or size_bytes < _LARGE_BYTES or not is_watched():
        yield from _held_back(file)
        return
    label = size_words(size_bytes)
    with click.progressbar(length=size_bytes, label=label, file=sys.stderr) as bar:
        for piece in _held_back(file):
            yield piece
            bar.update(len(piece))


def new_file(path: Path, *, force: bool) -> Path:
    """Return the path of a file that is to be written, if it may be.

    Raises:
        Failure: It is a folder, has no folder, or is there and is not to be replaced.
    """
    with refusals(path):
        if path.is_dir():
            raise Failure(f"{str(path)!r} is a folder; name a file")
        if not path.parent.is_dir():
            raise Failure(f"there is no folder {str(path.parent)!r}; make it first")
        # A link that leads nowhere is there too.
        if not force and (path.is_file() or path.is_symlink()):
            raise Failure(f"{str(path)!r} is there already; --force replaces it")
    return path


def save_file(content: Iterator[bytes], path: Path) -> None:
    """Write ``content`` to a file, which is replaced at once or not at all.

    A link is followed. What is no file, as a pipe or ``/dev/null``, is written to.

    Raises:
        Failure: The folder or the disk refuses; no part of it is left.
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        with refusals(path):
            device = place.open("wb", buffering=0)
        with device:
            _write_all(content, device, path)
        return
    part = place.with_name(f".tracker-{token_hex(8)}.part")
    try:
        with refusals(path):
            file = part.open("xb", buffering=0)
        with file:
            _write_all(content, file, path)
            with refusals(path):
                os.fsync(file.fileno())
        with refusals(path):
            part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_output(content: Iterator[bytes]) -> None:
    """Write ``content`` to the output as it is.

    Raises:
        Failure: It cannot be written; silent where its reader has left.
    """
    if sys.stdout is None:
        raise Failure("the output is closed; name a file by -o FILE")
    output = sys.stdout.buffer
    for piece in content:
        with _output_refusals():
            output.write(piece)
    with _output_refusals():
        output.flush()


def print_text(content: Iterator[bytes]) -> None:
    """Print ``content``, a text, so that no terminal obeys any of it.

    Raises:
        Failure: It cannot be written; silent where its reader has left.
    """
    last = ""
    for text in _texts(content):
        with _output_refusals():
            echo(_harmless(text), ends_line=False)
        last = text or last
    if last and not last.endswith("\n"):
        with _output_refusals():
            echo("")


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Explain what the system says of a file that is to be written.

    Raises:
        Failure: The block raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"{str(path)!r} cannot be written: {reason}; name another file"
        raise Failure(message) from error


def _held_back(file: BinaryIO) -> Iterator[bytes]:
    held = b""
    for piece in pieces(file):
        if held:
            yield held
        held = piece
    if held:
        yield held


def _write_all(content: Iterator[bytes], file: RawIOBase, path: Path) -> None:
    for piece in content:
        left = memoryview(piece)
        with refusals(path):
            while left:
                left = left[cast("int", file.write(left)) :]


def _texts(content: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for piece in content:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _harmless(text: str) -> str:
    lines = (line.split("\t") for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join("\t".join(map(clean, words)) for words in lines)


# Only what refuses to be written ends up here, not a backend that refuses to be read.
@contextmanager
def _output_refusals() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        give_up_output()
        raise _ReaderLeftError("") from error
    except OSError as error:
        give_up_output()
        reason = error.strerror or type(error).__name__
        raise Failure(f"what was found cannot be printed: {reason}") from error
