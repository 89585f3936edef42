"""Content is named by its digest, read in pieces, and checked at its end."""

import hashlib
import io
import os
from pathlib import Path

import pytest

from tracker_core.contents import (
    PIECE_BYTES,
    checked,
    content_of_bytes,
    content_of_file,
    is_digest,
    pieces,
)
from tracker_core.errors import ContentError, InvalidValueError

_DATA = bytes(range(256)) * 10_000
_DIGEST = f"sha256:{hashlib.sha256(_DATA).hexdigest()}"


def test_bytes_have_the_digest_that_everybody_computes() -> None:
    """SHA-256 in hexadecimal digits, behind the name of the function."""
    content = content_of_bytes(b"abc")

    assert content.size_bytes == 3
    assert content.digest == (
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    """Whether it is longer than a piece or empty."""
    for name, data in [("large", _DATA), ("empty", b"")]:
        (tmp_path / name).write_bytes(data)

        content = content_of_file(tmp_path / name)

        assert content[:2] == content_of_bytes(data)[:2]
        assert b"".join(content.read_checked()) == data


def test_content_can_be_opened_again_and_again(tmp_path: Path) -> None:
    """Each time from its beginning, as several backends ask for it."""
    (tmp_path / "file").write_bytes(b"abc")

    for content in (content_of_bytes(b"abc"), content_of_file(tmp_path / "file")):
        with content.open() as one, content.open() as two:
            assert (one.read(2), two.read(), one.read()) == (b"ab", b"abc", b"c")


def test_file_is_the_one_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that changes its directory afterwards does not change what is read."""
    (tmp_path / "file").write_bytes(b"abc")
    monkeypatch.chdir(tmp_path)

    content = content_of_file(Path("file"))
    monkeypatch.chdir("/")

    assert b"".join(content.read_checked()) == b"abc"


@pytest.mark.parametrize("name", ["absent", "."])
def test_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """The message names it and says why."""
    with pytest.raises(InvalidValueError, match=r"cannot be logged: .* check it"):
        content_of_file(tmp_path / name)


def test_file_that_changed_is_noticed(tmp_path: Path) -> None:
    """At the end of reading it, whatever happened to its length."""
    path = tmp_path / "file"
    for changed in (b"", b"abd", b"abcd"):
        path.write_bytes(b"abc")
        content = content_of_file(path)
        path.write_bytes(changed)

        with pytest.raises(
            ContentError, match=r"is damaged.*changed while it was logged"
        ):
            list(content.read_checked())


def test_pieces_are_of_one_size() -> None:
    """But for the last; nothing is one piece of nothing."""
    data = os.urandom(2 * PIECE_BYTES + 5)

    found = list(pieces(io.BytesIO(data)))

    assert [len(piece) for piece in found] == [PIECE_BYTES, PIECE_BYTES, 5]
    assert b"".join(found) == data
    assert list(pieces(io.BytesIO(b""))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_DIGEST, True),
        (_DIGEST.upper(), False),
        (_DIGEST[:-1], False),
        (f"{_DIGEST}0", False),
        (f"{_DIGEST[:-1]}g", False),
        (f"{_DIGEST[:-1]} ", False),
        (f"sha512:{_DIGEST[7:]}", False),
        (_DIGEST[7:], False),
        ("model", False),
        ("", False),
    ],
)
def test_digest_is_known_by_its_form(text: str, *, expected: bool) -> None:
    """The name of the function, and 64 small hexadecimal digits."""
    assert is_digest(text) is expected


@pytest.mark.parametrize("size", [-1, 1000, PIECE_BYTES, 3 * PIECE_BYTES])
def test_checked_file_gives_the_bytes(size: int) -> None:
    """However much is read at once."""
    with checked(io.BytesIO(_DATA), _DIGEST) as file:
        found = b"".join(iter(lambda: file.read(size), b""))

    assert found == _DATA


@pytest.mark.parametrize("damaged", [b"", _DATA[:-1], _DATA + b"x", b"y" + _DATA[1:]])
def test_checked_file_that_is_damaged_says_so_at_its_end(damaged: bytes) -> None:
    """The message tells both digests; the reader never takes it for whole."""
    found = f"sha256:{hashlib.sha256(damaged).hexdigest()}"

    with (
        checked(io.BytesIO(damaged), _DIGEST) as file,
        pytest.raises(ContentError, match=f"{_DIGEST} is damaged.*{found}"),
    ):
        list(pieces(file))


def test_checked_file_may_be_left_early() -> None:
    """Who reads the beginning alone is told nothing of the end."""
    with checked(io.BytesIO(b"damaged"), _DIGEST) as file:
        assert file.read(3) == b"dam"


def test_checked_file_goes_back_unchecked() -> None:
    """As zip and numpy files are read; the check is given up, not failed."""
    with checked(io.BytesIO(_DATA), _DIGEST) as file:
        end = file.seek(0, io.SEEK_END)
        file.seek(256 * 9999)
        tail = file.read()
        file.seek(0)
        head = file.read(256)

    assert (end, head) == (len(_DATA), bytes(range(256)))
    assert tail == bytes(range(256))


def test_checked_file_closes_the_file_below() -> None:
    """Nothing stays open."""
    below = io.BytesIO(b"")

    checked(below, _DIGEST).close()

    assert below.closed
