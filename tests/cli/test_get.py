"""Tests of ``tracker get``: content of artifacts, to files and to the output."""

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.cli.get import _file_name, _is_text
from tracker_core.cli.saving import save_file
from tracker_core.errors import ContentError
from tracker_core.records import ArtifactBody
from tracker_core.testing import MemoryTracker

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Store

DATA = bytes(range(256)) * 10


class DamagedTracker(MemoryTracker):
    """A memory tracker that lost a byte of all its content."""

    def open_content(self, digest: str) -> BinaryIO:
        """Open content without its first byte."""
        file = super().open_content(digest)
        file.read(1)
        return file


@pytest.fixture
def stored(store: "Store") -> "Store":
    """Record a run with artifacts of all kinds."""
    store.run(
        "x",
        store.content("notes", b"old", "text/plain"),
        store.content("notes", "größe\n".encode(), "text/plain; charset=utf-8"),
        store.content("train/model.pt", DATA, "application/x-pytorch"),
        store.content("dots/..", DATA),
        ArtifactBody("plots", "https://user:secret@host/p", None),
    )
    return store


def files(folder: Path) -> dict[str, bytes]:
    """Give the files in a folder, but for those of Tracker itself."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_content_goes_to_the_output_as_it_is(tracker: "Cli", stored: "Store") -> None:
    """Without a file the bytes are printed, and nothing else."""
    del stored

    done = tracker("get", "x", "notes")

    assert (done.code, done.out, done.err) == (0, "größe\n", "")


def test_content_goes_into_a_pipe_byte_by_byte(
    tracker: "Cli", sqlite_run: bytes, place: Path
) -> None:
    """What is no text is not touched on its way."""
    with (place / "out").open("wb") as out:
        done = tracker.into(out, "get", "@last", "blob", "-o", "-")

    assert (done.code, done.err) == (0, "")
    assert (place / "out").read_bytes() == sqlite_run


def test_content_goes_to_a_file(tracker: "Cli", stored: "Store", place: Path) -> None:
    """The file holds the content, with the mode of any new file, and is named."""
    del stored

    done = tracker("get", "x", "train/model.pt", "-o", "out.bin")

    assert (done.code, done.out, done.err) == (0, "", "tracker: wrote 'out.bin'\n")
    assert files(place) == {"out.bin": DATA}
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((place / "out.bin").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize("folder", [".", "out", "out/"])
def test_folder_gets_a_file_of_that_name(
    tracker: "Cli", stored: "Store", place: Path, folder: str
) -> None:
    """The file has the end of the artifact's name, whatever comes before a slash."""
    del stored
    (place / "out").mkdir()

    done = tracker("get", "x", "train/model.pt", "-o", folder)

    assert done.code == 0
    assert files(place / folder) == {"model.pt": DATA}


def test_folder_is_not_left_by_a_name(
    tracker: "Cli", stored: "Store", place: Path
) -> None:
    """A name that ends in ``..`` needs a file to be named."""
    del stored

    done = tracker("get", "x", "dots/..", "-o", ".")

    assert (done.code, files(place)) == (2, {})
    assert done.err == (
        "tracker: 'dots/..' is no name for a file; give one by -o FILE\n"
    )


@given(st.text(min_size=1).filter(lambda name: name.rstrip("/")))
def test_name_of_a_file_lies_in_its_folder(name: str) -> None:
    """Whatever an artifact is called, its file is one step below the folder."""
    end = name.rstrip("/").rpartition("/")[2]

    found = ".." if end in (".", "..") else _file_name(name)

    assert end in (".", "..") or (Path("a") / found).parent == Path("a")
    assert "\0" not in found


def test_file_that_is_there_stays(tracker: "Cli", stored: "Store", place: Path) -> None:
    """Without --force nothing is replaced."""
    del stored
    (place / "notes").write_bytes(b"mine")

    done = tracker("get", "x", "notes", "-o", ".")

    assert (done.code, files(place)) == (1, {"notes": b"mine"})
    assert done.err == "tracker: 'notes' is there already; --force replaces it\n"


def test_force_replaces_a_file(tracker: "Cli", stored: "Store", place: Path) -> None:
    """With --force the new content takes the place of the old."""
    del stored
    (place / "notes").write_bytes(b"mine")

    done = tracker("get", "x", "notes", "-o", ".", "--force")

    assert (done.code, files(place)) == (0, {"notes": "größe\n".encode()})


def test_link_that_leads_nowhere_is_there(
    tracker: "Cli", stored: "Store", place: Path
) -> None:
    """A dangling link in a folder leads no content out of it."""
    del stored
    (place / "out").mkdir()
    (place / "out" / "notes").symlink_to(place / "elsewhere")

    done = tracker("get", "x", "notes", "-o", "out")

    assert done.code == 1
    assert not (place / "elsewhere").exists()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("none/file", "there is no folder 'none'; make it first"),
        ("none/", "there is no folder 'none'; make it first"),
        ("x" * 300, "File name too long; name another file"),
        ("/dev/full", "No space left on device; name another file"),
    ],
)
def test_place_that_cannot_be_written_is_said(
    tracker: "Cli", stored: "Store", place: Path, output: str, message: str
) -> None:
    """It is one line about the place, not about the backend, and nothing is left."""
    del stored

    done = tracker("get", "x", "notes", "-o", output)

    assert (done.code, files(place)) == (1, {})
    assert done.err.endswith(f"{message}\n")
    assert "backend" not in done.err


def test_folder_of_that_name_is_no_file(
    tracker: "Cli", stored: "Store", place: Path
) -> None:
    """Even --force replaces no folder."""
    del stored
    (place / "notes").mkdir()

    done = tracker("get", "x", "notes", "-o", ".", "--force")

    assert (done.code, done.err) == (
        1,
        "tracker: 'notes' is a folder; name a file\n",
    )


def test_pipe_is_written_to(tracker: "Cli", stored: "Store", place: Path) -> None:
    """What is no file is not replaced by one."""
    del stored
    os.mkfifo(place / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(
        target=lambda: read.append((place / "pipe").read_bytes()), daemon=True
    )
    reader.start()

    done = tracker("get", "x", "train/model.pt", "-o", "pipe")
    reader.join(30)

    assert (done.code, read) == (0, [DATA])
    assert (place / "pipe").is_fifo()


@pytest.mark.parametrize("letters", [6, 12, 64])
@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_content_is_named_by_its_digest(
    tracker: "Cli", stored: "Store", prefix: str, letters: int
) -> None:
    """The beginning of a digest finds what a name meant before, too."""
    digest = stored.content("notes", b"old").digest or ""

    done = tracker("get", "x", prefix + digest.removeprefix("sha256:")[:letters])

    assert (done.code, done.out) == (0, "old")


def test_beginning_of_two_digests_is_asked_back_about(
    tracker: "Cli", store: "Store"
) -> None:
    """Both are shown, with their names."""
    store.run("x", *(_like("ab", end) for end in "01"))

    done = tracker("get", "x", "ab" * 10)

    assert (done.code, done.out) == (1, "")
    assert "means 2 digests" in done.err
    assert len(done.err.splitlines()) == 3


def test_newest_content_is_meant_before_what_was(
    tracker: "Cli", store: "Store"
) -> None:
    """A beginning that only an earlier version shares means the newest."""
    new = store.content("notes", b"new")
    digest = new.digest or ""
    twin = f"{digest[:15]}{'0' * 56}"
    store.run("x", ArtifactBody("notes", twin, None, twin), new)

    done = tracker("get", "x", digest[:15])

    assert (done.code, done.out) == (0, "new")


def _like(beginning: str, end: str) -> ArtifactBody:
    digest = f"sha256:{(beginning * 32)[:-1]}{end}"
    return ArtifactBody(f"name {end}", digest, None, digest)


@pytest.mark.parametrize(
    ("artifact", "message"),
    [
        ("note", "has no artifact 'note'; did you mean 'notes'"),
        ("abc", "has no artifact 'abc'; it has "),
        ("abcdef", "has no artifact 'abcdef'; it has "),
        ("plots", "is a reference to 'https://***@host/p'"),
    ],
)
def test_content_that_is_not_here_is_said(
    tracker: "Cli", stored: "Store", artifact: str, message: str
) -> None:
    """An unknown name offers others, and a reference says where it lies."""
    del stored

    done = tracker("get", "x", artifact)

    assert (done.code, done.out) == (1, "")
    assert message in done.err
    assert "secret" not in done.err


def test_damaged_content_leaves_no_file(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    """The digest is checked before the file has its name."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"bad={__name__}:create_damaged")

    done = tracker("get", "x", "notes", "-o", "out")

    assert (done.code, files(place)) == (1, {})
    assert "is damaged" in done.err


def test_damaged_content_is_not_printed(
    tracker: "Cli", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits one piece is checked before any of it is printed."""
    monkeypatch.setenv("TRACKER_BACKENDS", f"bad={__name__}:create_damaged")

    done = tracker("get", "x", "notes")

    assert (done.code, done.out) == (1, "")


def create_damaged(config: str | None) -> MemoryTracker:
    """Give a tracker with a run whose content is damaged."""
    from tests.cli.conftest import Store

    del config
    store = Store.__new__(Store)
    tracker = DamagedTracker()
    store.tracker = tracker
    store.run("x", store.content("notes", b"hello"))
    return tracker


def test_content_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    """A file that is being replaced is whole until its successor is."""

    def content() -> Iterator[bytes]:
        yield b"new"
        raise ContentError("gone")

    target = tmp_path / "file"
    target.write_bytes(b"old")

    with pytest.raises(ContentError):
        save_file(content(), target)

    assert files(tmp_path) == {"file": b"old"}


def test_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is replaced."""
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")

    save_file(iter([b"new"]), tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert files(tmp_path) == {"file": b"new", "link": b"new"}


def test_terminal_gets_text(tracker: "Cli", sqlite_run: bytes) -> None:
    """Text is shown, and nothing in it is obeyed."""
    del sqlite_run

    screen = tracker.on_screen("get", "@last", "evil")

    assert screen == "a\tb\n\\x1b[2J é \\xff end\n"


def test_terminal_gets_no_bytes(tracker: "Cli", sqlite_run: bytes) -> None:
    """What is no text is refused, with what to do."""
    del sqlite_run

    screen = " ".join(tracker.on_screen("get", "@last", "blob").split())

    assert screen == (
        "tracker: artifact 'blob' is application/octet-stream, which a terminal "
        "cannot show; write it to a file by -o FILE, or into a pipe"
    )


def test_terminal_sees_how_far_large_content_is(
    tracker: "Cli", sqlite_run: bytes
) -> None:
    """Ten megabytes come with a bar."""
    del sqlite_run

    screen = tracker.on_screen("get", "@last", "large", "-o", "out")

    assert "10 MiB  [###" in screen
    assert "100%" in screen


def test_reader_that_leaves_hears_no_complaint(
    tracker: "Cli", sqlite_run: bytes
) -> None:
    """Whoever wanted only the beginning gets it, and nothing on stderr."""
    del sqlite_run
    with tracker.start("get", "@last", "large") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        complaint = process.stderr.read()

    assert (process.returncode, complaint) == (1, "")


def test_output_that_is_full_is_a_failure(tracker: "Cli", sqlite_run: bytes) -> None:
    """It is one line, and not blamed on the backend."""
    del sqlite_run
    with Path("/dev/full").open("wb") as full:
        done = tracker.into(full, "get", "@last", "large")

    reason = "No space left on device"
    assert done.code == 1
    assert done.err == f"tracker: what was found cannot be printed: {reason}\n"


def test_output_that_is_closed_is_a_failure(tracker: "Cli", sqlite_run: bytes) -> None:
    """Without an output a file must be named."""
    del sqlite_run

    done = tracker.without_output("get", "@last", "blob")

    assert (done.code, done.err) == (
        1,
        "tracker: the output is closed; name a file by -o FILE\n",
    )


@pytest.mark.parametrize(
    ("media_type", "is_text"),
    [
        ("text/plain", True),
        ("Text/X-OpenQASM; charset=utf-8", True),
        ("application/json", True),
        ("application/x-ipynb+json", True),
        ("application/jsonl", True),
        ("image/svg+xml", True),
        ("application/x-yaml", True),
        ("application/x-pickle", False),
        ("image/png", False),
        ("application", False),
        ("", False),
    ],
)
def test_text_is_told_by_its_media_type(media_type: str, *, is_text: bool) -> None:
    """Text is what people read."""
    assert _is_text(media_type) is is_text


@pytest.fixture
def sqlite_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Record a run with content where other processes read it; return some bytes."""
    from tracker_core import track

    monkeypatch.setenv("TRACKER_BACKENDS", "sqlite")
    monkeypatch.setenv("TRACKER_SQLITE_CONFIG", str(place / "runs.db"))
    with track() as run:
        run.log_bytes("blob", DATA)
        run.log_bytes("large", bytes(10 * 2**20))
        evil = b"a\tb\r\n\x1b[2J " + "é".encode() + b" \xff end"
        run.log_bytes("evil", evil, "text/plain")
    return DATA
