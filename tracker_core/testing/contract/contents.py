"""Artifacts with content: kept once per digest, and read back whole or not at all."""

import errno
import functools
import hashlib
import io
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import PIECE_BYTES, Content, content_of_bytes
from tracker_core.datatypes import TrackerArtifact
from tracker_core.errors import (
    ArtifactNotFoundError,
    ContentError,
    RunNotFoundError,
)
from tracker_core.plain import native
from tracker_core.records import ArtifactBody
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import (
    ContractFixtures,
    OpenNative,
    OpenTracker,
    require,
)
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.sharing import in_processes
from tracker_core.testing.contract.torture import NAMES
from tracker_core.values import Value

__all__ = ["Contents"]

_LARGE_BYTES = 40 * 2**20
_ABSENT = content_of_bytes(b"never kept").digest


class Contents(ContractFixtures):
    """What ``add_content``, ``open_content`` and ``open_artifact`` promise."""

    def test_artifact_with_content_keeps_all_that_is_known_of_it(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Every tracker gives digest, size, kinds and metadata back as they were."""
        content = content_of_bytes(b"weights")
        about: dict[str, Value] = {"epoch": 3, "loss": 0.5}
        bodies = {
            "bare": ArtifactBody("bare", *_digest(content)),
            "empty": _artifact("empty", content, {}),
            "full": _artifact("full", content, about),
        }
        tracker.write(Pen(run_id).log(*bodies.values()))

        found = tracker.artifacts(run_id)

        told = ("text/plain", "model.weights", "program")
        path, digest, size = content.digest, content.digest, content.size_bytes
        assert exact(found) == exact(
            {
                "bare": TrackerArtifact("bare", path, None, digest, size),
                "empty": TrackerArtifact("empty", path, {}, digest, size, *told),
                "full": TrackerArtifact("full", path, about, digest, size, *told),
            }
        )

    @pytest.mark.parametrize(
        "data", [b"", b"\x00", b"line\r\nline\n\xff\xfe", bytes(range(256)) * 9000]
    )
    def test_content_is_read_back_to_the_byte(
        self, content_tracker: NativeTracker, run_id: str, data: bytes
    ) -> None:
        """By the name of its artifact, and by its digest."""
        content = content_of_bytes(data)
        content_tracker.add_content(content)
        content_tracker.write(Pen(run_id).log(_artifact("model", content)))

        assert _read(content_tracker, run_id, "model") == data
        assert _read(content_tracker, run_id, content.digest) == data

    def test_content_outlives_the_file_it_was_taken_from(
        self, content_tracker: NativeTracker, tmp_path: Path
    ) -> None:
        """A store may link the file, which its owner removes afterwards."""
        data = b"never changed" * 9000
        content = content_of_bytes(data)
        path = tmp_path / "spooled"
        path.write_bytes(data)
        spooled = content._replace(open=lambda: path.open("rb"), path=path)

        content_tracker.add_content(spooled)
        content_tracker.add_content(spooled)
        path.unlink()

        with content_tracker.open_content(content.digest) as file:
            assert file.read() == data

    def test_content_added_again_stays_as_it_is(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """Two artifacts of one digest share it, in one run and in several."""
        content = content_of_bytes(b"shared")
        for run in (run_id, f"{run_id}-2"):
            for name in ("a", "b"):
                content_tracker.add_content(content_of_bytes(b"shared"))
                content_tracker.write(Pen(run).log(_artifact(name, content)))

        assert _read(content_tracker, run_id, "a") == b"shared"
        assert _read(content_tracker, run_id, "b") == b"shared"
        assert _read(content_tracker, f"{run_id}-2", content.digest) == b"shared"

    def test_content_is_opened_anew_each_time(
        self, content_tracker: NativeTracker
    ) -> None:
        """Two readers do not move each other, and one may go back."""
        content_tracker.add_content(content := content_of_bytes(b"abcdef"))

        with (
            content_tracker.open_content(content.digest) as one,
            content_tracker.open_content(content.digest) as two,
        ):
            first = one.read(3)
            found = (first, two.read(), one.read())

        assert found == (b"abc", b"abcdef", b"def")

    def test_contents_are_kept_apart(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """Artifacts of one size, kind and media type have each their own bytes."""
        pen = Pen(run_id)
        for name in NAMES:
            data = hashlib.sha256(name.encode()).digest()
            content_tracker.add_content(content := content_of_bytes(data))
            content_tracker.write(pen.log(_artifact(name, content)))

        found = {name: _read(content_tracker, run_id, name) for name in NAMES}

        assert found == {n: hashlib.sha256(n.encode()).digest() for n in NAMES}

    def test_newest_content_of_a_name_is_meant(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """Earlier content is still there under its digest, and in the history."""
        pen = Pen(run_id)
        old, new = content_of_bytes(b"old"), content_of_bytes(b"new")
        for content in (old, new):
            content_tracker.add_content(content)
            content_tracker.write(pen.log(_artifact("model", content)))

        history = content_tracker.artifact_history(run_id, "model")

        assert [artifact.digest for artifact in history] == [old.digest, new.digest]
        assert _read(content_tracker, run_id, "model") == b"new"
        assert _read(content_tracker, run_id, old.digest) == b"old"

    def test_artifact_that_looks_like_a_digest_is_found_by_its_name(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """A name comes before a digest."""
        named, other = content_of_bytes(b"named"), content_of_bytes(b"other")
        for content in (named, other):
            content_tracker.add_content(content)
        content_tracker.write(
            Pen(run_id).log(_artifact(other.digest, named), _artifact("other", other))
        )

        assert _read(content_tracker, run_id, other.digest) == b"named"

    def test_large_content_is_taken_in_pieces(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """40 MB never lie in one read, and come back with their digest."""
        hashed = hashlib.sha256()
        with _Zeros(_LARGE_BYTES) as zeros:
            while piece := zeros.read(PIECE_BYTES):
                hashed.update(piece)
        digest = f"sha256:{hashed.hexdigest()}"
        content = Content(digest, _LARGE_BYTES, lambda: _as_file(_Zeros(_LARGE_BYTES)))

        content_tracker.add_content(content)
        content_tracker.write(Pen(run_id).log(_artifact("large", content)))

        with content_tracker.open_artifact(run_id, "large") as file:
            sizes = [len(piece) for piece in iter(lambda: file.read(PIECE_BYTES), b"")]
        assert sum(sizes) == _LARGE_BYTES

    @pytest.mark.parametrize(
        "changed", [b"", b"right, and more", b"righ", b"wrong"], ids=len
    )
    def test_content_that_has_changed_is_refused_and_not_kept(
        self, content_tracker: NativeTracker, changed: bytes
    ) -> None:
        """Bytes that are not those of the digest leave nothing that looks like them."""
        right = content_of_bytes(b"right")
        wrong = right._replace(open=lambda: io.BytesIO(changed))

        with pytest.raises(ContentError, match=right.digest):
            content_tracker.add_content(wrong)

        with pytest.raises(ContentError, match=right.digest):
            content_tracker.open_content(right.digest)
        content_tracker.add_content(right)
        with content_tracker.open_content(right.digest) as file:
            assert file.read() == b"right"

    def test_content_that_cannot_be_read_to_its_end_is_not_kept(
        self, content_tracker: NativeTracker
    ) -> None:
        """What was read before the failure is not taken for the content."""
        data = b"x" * (2 * PIECE_BYTES)
        right = content_of_bytes(data)
        failing = right._replace(open=lambda: _as_file(_Failing()))

        with pytest.raises(OSError, match="planned"):
            content_tracker.add_content(failing)

        with pytest.raises(ContentError, match=right.digest):
            content_tracker.open_content(right.digest)
        content_tracker.add_content(right)
        with content_tracker.open_content(right.digest) as file:
            assert file.read() == data

    def test_content_that_is_not_there_is_an_error(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """The record may be there before, or without, what it names."""
        content = Content(_ABSENT, 10, io.BytesIO)
        content_tracker.write(Pen(run_id).log(_artifact("model", content)))

        with pytest.raises(ContentError, match=_ABSENT):
            content_tracker.open_content(_ABSENT)
        with pytest.raises(ContentError, match=_ABSENT):
            content_tracker.open_artifact(run_id, "model")

    def test_reference_has_no_content(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """The error says where it lies; the path is not opened."""
        content_tracker.add_artifact(run_id, "model", "/etc/hostname")

        with pytest.raises(ContentError, match=r"'model'.*'/etc/hostname'"):
            content_tracker.open_artifact(run_id, "model")

    def test_reference_that_replaced_content_has_none(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """The newest of a name is meant, also when that is a reference."""
        content_tracker.add_content(content := content_of_bytes(b"old"))
        pen = Pen(run_id)
        content_tracker.write(pen.log(_artifact("model", content)))
        content_tracker.write(pen.log(ArtifactBody("model", "s3://b/k", None)))

        with pytest.raises(ContentError, match="s3://b/k"):
            content_tracker.open_artifact(run_id, "model")
        assert _read(content_tracker, run_id, content.digest) == b"old"

    def test_unknown_artifact_is_an_error(
        self, content_tracker: NativeTracker, run_id: str
    ) -> None:
        """Also a digest that only another run has; an unknown run is another error."""
        content_tracker.add_content(content := content_of_bytes(b"mine"))
        content_tracker.write(Pen(run_id).log(_artifact("model", content)))
        other = f"{run_id}-2"
        content_tracker.add_metadata(other, key=1)

        for run, asked in [(run_id, "modell"), (run_id, _ABSENT), (other, content[0])]:
            with pytest.raises(ArtifactNotFoundError, match=asked):
                content_tracker.open_artifact(run, asked)
        with pytest.raises(RunNotFoundError):
            content_tracker.open_artifact(f"{run_id}-3", content.digest)

    def test_content_is_shared_by_the_trackers_of_a_store(
        self, open_native: OpenNative, content_tracker: NativeTracker
    ) -> None:
        """What one tracker keeps, another opens."""
        content_tracker.add_content(content := content_of_bytes(b"shared"))

        with open_native().open_content(content.digest) as file:
            assert file.read() == b"shared"

    def test_content_survives_closing(
        self, open_native: OpenNative, content_tracker: NativeTracker
    ) -> None:
        """It is there when the store is opened again."""
        require(content_tracker, Capability.PERSISTENT)
        content_tracker.add_content(content := content_of_bytes(b"lasting"))
        content_tracker.close()

        with open_native().open_content(content.digest) as file:
            assert file.read() == b"lasting"

    def test_processes_add_one_content_at_once(
        self, open_tracker: OpenTracker, content_tracker: NativeTracker
    ) -> None:
        """Whoever comes second finds it there, or writes the same."""
        require(content_tracker, Capability.MULTI_PROCESS)

        in_processes([functools.partial(add_share, open_tracker)] * 3)

        content = _share()
        with content_tracker.open_content(content.digest) as file:
            assert hashlib.sha256(file.read()).hexdigest() in content.digest


def add_share(open_tracker: OpenTracker) -> None:
    """Add one content to a tracker opened for that, a few times."""
    tracker = native(open_tracker())
    for _ in range(5):
        tracker.add_content(_share())
    tracker.close()


def _share() -> Content:
    return content_of_bytes(b"shared" * 500_000)


def _digest(content: Content) -> tuple[str, None, str, int]:
    return content.digest, None, content.digest, content.size_bytes


def _artifact(
    name: str, content: Content, metadata: dict[str, Value] | None = None
) -> ArtifactBody:
    return ArtifactBody(
        name,
        content.digest,
        metadata,
        content.digest,
        content.size_bytes,
        media_type="text/plain",
        artifact_kind="model.weights",
        role="program",
    )


def _read(tracker: NativeTracker, run_id: str, name_or_digest: str) -> bytes:
    with tracker.open_artifact(run_id, name_or_digest) as file:
        return file.read()


def _as_file(raw: io.RawIOBase) -> BinaryIO:
    return cast("BinaryIO", raw)


class _Zeros(io.RawIOBase):
    """A file of zeros that refuses to be read whole."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= PIECE_BYTES:
            message = f"read {size} bytes at once; content is read in pieces"
            raise ValueError(message)
        self._left, found = max(0, self._left - size), min(self._left, size)
        return bytes(found)


class _Failing(io.RawIOBase):
    """Gives one piece of its bytes and then fails."""

    def __init__(self) -> None:
        self._pieces = [b"x" * PIECE_BYTES]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        del size
        if not self._pieces:
            message = "planned to fail"
            raise OSError(errno.EIO, message)
        return self._pieces.pop()
