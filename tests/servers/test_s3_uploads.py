"""Content that goes to S3 in parts is gone on with where its upload broke off."""

import errno
import io
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from s3fs import S3FileSystem

from tests.crash.processes import code_of
from tests.servers.s3_deeds import DIED, add_until
from tests.servers.test_s3_contract import options, s3_server
from tracker_core.contents import content_of_bytes, content_of_file, pieces
from tracker_core.errors import ContentError, RetryableError
from tracker_core.identity import new_run_id
from tracker_fsspec import FsspecTracker, uploads
from tracker_fsspec.layout import content_path

pytestmark = pytest.mark.one_python

__all__ = ["s3_server"]

MEBIBYTE = 2**20
PART = 5 * MEBIBYTE
DATA = b"".join(bytes([number]) * PART for number in range(3)) + b"the end"
CONTENT = content_of_bytes(DATA)


class Watched(S3FileSystem):  # type: ignore[misc]  # ships no types
    """Notes what parts are sent, and lets a test do something before a request."""

    cachable = False

    def __init__(self, **given: object) -> None:
        """Begin with nothing sent."""
        super().__init__(**given)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was sent, and what was to be done."""
        self.asked: list[str] = []
        self.sent: list[int] = []
        self.before: Callable[[str, int], None] = lambda _method, _part: None

    def call_s3(
        self, method: str, *more: Mapping[str, object], **given: Any
    ) -> dict[str, Any]:
        """Send a request."""
        self.before(method, given.get("PartNumber", 0))
        self.asked.append(method)
        if method in ("upload_part", "complete_multipart_upload"):
            # S3 says it by itself where there is no such upload; moto just fails.
            named = {name: given[name] for name in ("Bucket", "Key", "UploadId")}
            super().call_s3("list_parts", **named)
        if method == "list_parts":
            given["MaxParts"] = 2  # so that there is more than one page
        answer: dict[str, Any] = super().call_s3(method, *more, **given)
        if method == "upload_part":
            self.sent.append(given["PartNumber"])
        return answer


class WithKeys(Watched):
    """A store whose ETags are no MD5 digests, as those of S3 with keys of KMS."""

    def call_s3(
        self, method: str, *more: Mapping[str, object], **given: Any
    ) -> dict[str, Any]:
        """Turn each ETag of a part round."""
        for part in given.get("MultipartUpload", {}).get("Parts", ()):
            part["ETag"] = part["ETag"][::-1]
        answer = super().call_s3(method, *more, **given)
        for part in (*answer.get("Parts", ()), answer):
            if "ETag" in part:
                part["ETag"] = part["ETag"][::-1]
        return answer


class Bucket(NamedTuple):
    """A bucket of the test's own, a filesystem, and one for what others do there."""

    config: str
    root: str
    fs: Watched
    others: Watched

    def tracker(self) -> tuple[Watched, FsspecTracker]:
        """Give a tracker, and its filesystem."""
        return self.fs, FsspecTracker(self.fs, self.root)

    def another(self, kind: type[Watched] = Watched) -> tuple[Watched, FsspecTracker]:
        """Give a tracker with a filesystem of its own."""
        fs = kind(**self.fs.storage_options)
        return fs, FsspecTracker(fs, self.root)

    @property
    def name(self) -> str:
        """The name of the bucket."""
        return self.root.partition("/")[0]

    def ask(self, method: str, **given: object) -> dict[str, Any]:
        """Ask something about the content, as another writer would."""
        key = f"{self.root.partition('/')[2]}/{content_path(CONTENT.digest)}"
        return self.others.call_s3(method, Bucket=self.name, Key=key, **given)

    def begun(self, *parts: bytes) -> str:
        """Begin an upload of the content, and return its id."""
        upload_id = str(self.ask("create_multipart_upload")["UploadId"])
        for number, data in enumerate(parts, 1):
            self.replace(upload_id, number, data)
        return upload_id

    def replace(self, upload_id: str, number: int, data: bytes) -> None:
        """Send a part of an upload, in place of what is there."""
        named = {"UploadId": upload_id, "PartNumber": number}
        self.ask("upload_part", **named, Body=data)

    def unfinished(self) -> list[str]:
        """Return the ids of all uploads that are neither completed nor aborted."""
        found = self.others.list_multipart_uploads(self.name)
        return [upload["UploadId"] for upload in found]

    def content(self) -> bytes:
        """Return the content, read by a tracker that has written nothing."""
        tracker = FsspecTracker(self.others, self.root)
        with tracker.open_content(CONTENT.digest) as file:
            return b"".join(pieces(file))


@pytest.fixture(scope="module")
def opened(s3_server: str) -> tuple[Watched, Watched]:
    """Give two filesystems, which take their time to be opened once."""
    return Watched(**options(s3_server)), Watched(**options(s3_server))


@pytest.fixture
def bucket(opened: tuple[Watched, Watched], monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Give a bucket, to which parts of the least size are sent."""
    monkeypatch.setattr(uploads, "PART_BYTES", PART)
    fs, others = opened
    fs.begin_anew()
    name = f"tracker-{new_run_id().lower()}"
    others.mkdir(name)
    config = json.dumps({"url": f"s3://{name}/runs", **others.storage_options})
    return Bucket(config, f"{name}/runs", fs, others)


class FailingFile(io.BytesIO):
    """A file on a disk that cannot be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on, or fail."""
        if self.tell() >= 2 * PART:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)


def doing(
    deed: Callable[[], object], asked: str, at: int = 0
) -> Callable[[str, int], None]:
    """Return what does something before a request, when it is first made."""
    left = [(asked, at)]

    def before(method: str, part: int) -> None:
        if (method, part) in left:
            left.clear()
            deed()

    return before


def breaking(asked: str, at: int) -> Callable[[str, int], None]:
    """Return what lets the network go before a request, when it is first made."""

    def go() -> None:
        raise EOFError

    return doing(go, asked, at)


def test_upload_of_a_killed_process_is_resumed(bucket: Bucket, tmp_path: Path) -> None:
    """Another process sends those parts alone that the first one had not sent."""
    (path := tmp_path / "model").write_bytes(DATA)
    context = get_context("forkserver")
    assert code_of(context, add_until, path, bucket.config, PART, 3) == DIED
    assert len(bucket.unfinished()) == 1
    fs, tracker = bucket.tracker()

    tracker.add_content(content_of_file(path))

    assert fs.sent == [3, 4]
    assert bucket.content() == DATA
    assert bucket.unfinished() == []


@pytest.mark.parametrize(
    ("method", "at", "missing"),
    [
        ("upload_part", 4, [4]),
        ("complete_multipart_upload", 0, []),
    ],
    ids=["last", "complete"],
)
def test_upload_is_resumed_when_the_network_is_back(
    bucket: Bucket, method: str, at: int, missing: list[int]
) -> None:
    """Each part is sent once, and the object shows when all are there."""
    fs, tracker = bucket.tracker()
    fs.before = breaking(method, at)
    with pytest.raises(RetryableError, match="EOFError"):
        tracker.add_content(CONTENT)
    with pytest.raises(ContentError):
        bucket.content()
    fs.sent.clear()

    tracker.add_content(CONTENT)

    assert fs.sent == missing
    assert bucket.content() == DATA
    assert bucket.unfinished() == []


def test_small_content_is_one_request(bucket: Bucket) -> None:
    """A death leaves no parts of it, and none of its uploads is looked for."""
    fs, tracker = bucket.tracker()
    content = content_of_bytes(DATA[: PART - 1])

    tracker.add_content(content)

    assert fs.asked == ["put_object"]


@pytest.mark.parametrize(
    ("method", "at", "sent"),
    [("upload_part", 3, [1, 2]), ("complete_multipart_upload", 0, [1, 2, 3, 4])],
    ids=["part", "complete"],
)
def test_writer_whose_upload_another_completes_is_done(
    bucket: Bucket, method: str, at: int, sent: list[int]
) -> None:
    """The second goes on with the upload of the first, which finds the object."""
    first, tracker = bucket.tracker()
    second, faster = bucket.another()
    first.before = doing(lambda: faster.add_content(CONTENT), method, at)

    tracker.add_content(CONTENT)

    assert first.sent == sent
    assert sent + second.sent == [1, 2, 3, 4]
    assert bucket.content() == DATA
    assert bucket.unfinished() == []


def test_upload_that_another_aborts_is_begun_anew(bucket: Bucket) -> None:
    """The object is not there, so all parts are sent again at once."""
    fs, tracker = bucket.tracker()
    fs.before = doing(lambda: fs.clear_multipart_uploads(bucket.name), "upload_part", 3)

    tracker.add_content(CONTENT)

    assert fs.sent == [1, 2, 1, 2, 3, 4]
    assert bucket.content() == DATA
    assert bucket.unfinished() == []


def test_writers_at_once_do_not_break_each_other(bucket: Bucket) -> None:
    """However their requests mingle; what failed is tried again, as always."""
    begin = threading.Barrier(3)
    done: list[FsspecTracker] = []

    def add() -> None:
        tracker = bucket.another()[1]
        begin.wait()
        for _ in range(3):
            # What moto says to a part that comes when it is completing.
            with suppress(RetryableError):
                tracker.add_content(CONTENT)
                done.append(tracker)
                return

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(done) == 3
    assert bucket.content() == DATA


@pytest.mark.parametrize("offset", [0, PART * 3], ids=["first", "last"])
def test_file_that_was_changed_between_the_tries_is_refused(
    bucket: Bucket, tmp_path: Path, offset: int
) -> None:
    """It never shows under its digest, and no part of it stays that it would need."""
    (path := tmp_path / "model").write_bytes(DATA)
    content = content_of_file(path)
    fs, tracker = bucket.tracker()
    fs.before = breaking("upload_part", 3)
    with pytest.raises(RetryableError):
        tracker.add_content(content)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"THE END")

    with pytest.raises(ContentError, match="log it again"):
        tracker.add_content(content)

    with pytest.raises(ContentError):
        bucket.content()
    path.write_bytes(DATA)
    tracker.add_content(content)
    assert bucket.content() == DATA
    assert bucket.unfinished() == []


@pytest.mark.parametrize("changed", [DATA[:-1], DATA + DATA, b""], ids=len)
def test_changed_content_leaves_no_parts(bucket: Bucket, changed: bytes) -> None:
    """Also what grew while it was logged; parts beyond its size are not sent."""
    wrong = CONTENT._replace(open=content_of_bytes(changed).open)
    fs, tracker = bucket.tracker()

    with pytest.raises(ContentError, match="log it again"):
        tracker.add_content(wrong)

    assert max(fs.sent, default=0) <= 4
    assert bucket.unfinished() == []


@pytest.mark.parametrize(
    ("parts", "sent"),
    [
        ([], [1, 2, 3, 4]),
        ([b"x" * PART, DATA[PART : 2 * PART]], [1, 2, 3, 4]),
        ([DATA[: PART + 1]], [1, 2, 3, 4]),
        ([DATA[:PART], b"x" * PART, b"end"], [2, 3, 4]),
    ],
    ids=["none", "other-first", "other-sizes", "other-later"],
)
def test_wrong_parts_of_others_are_not_taken(
    bucket: Bucket, parts: list[bytes], sent: list[int]
) -> None:
    """They are sent anew, and an upload that begins otherwise is aborted."""
    bucket.begun(*parts)
    fs, tracker = bucket.tracker()

    tracker.add_content(CONTENT)

    assert fs.sent == sent
    assert bucket.content() == DATA
    assert bucket.unfinished() == []


def test_upload_with_most_parts_is_taken(bucket: Bucket) -> None:
    """Of several that begin alike."""
    bucket.begun(DATA[:PART])
    bucket.begun(DATA[:PART], DATA[PART : 2 * PART], DATA[2 * PART : 3 * PART])
    bucket.begun(DATA[:PART], DATA[PART : 2 * PART])
    fs, tracker = bucket.tracker()

    tracker.add_content(CONTENT)

    assert fs.sent == [4]
    assert bucket.unfinished() == []


def test_part_that_another_replaces_is_sent_again(bucket: Bucket) -> None:
    """S3 refuses to complete with it, so wrong bytes never show."""
    upload_id = bucket.begun(DATA[:PART])
    fs, tracker = bucket.tracker()
    fs.before = doing(
        lambda: bucket.replace(upload_id, 2, b"x" * PART), "upload_part", 4
    )

    tracker.add_content(CONTENT)

    assert fs.sent == [2, 3, 4, 2]
    assert bucket.content() == DATA


def test_damaged_object_is_replaced(bucket: Bucket) -> None:
    """One of another size is no content."""
    fs, tracker = bucket.tracker()
    fs.pipe_file(f"{bucket.root}/{content_path(CONTENT.digest)}", b"damaged")

    tracker.add_content(CONTENT)

    assert bucket.content() == DATA


def test_upload_that_nobody_could_find_is_aborted(bucket: Bucket) -> None:
    """Who may not list uploads sends all parts, and takes back those of a failure."""
    fs, tracker = bucket.tracker()
    breaks = breaking("upload_part", 3)

    def before(method: str, part: int) -> None:
        if method == "list_multipart_uploads":
            raise PermissionError
        breaks(method, part)

    fs.before = before
    with pytest.raises(RetryableError):
        tracker.add_content(CONTENT)
    left = bucket.unfinished()
    fs.sent.clear()

    tracker.add_content(CONTENT)

    assert (left, fs.sent) == ([], [1, 2, 3, 4])
    assert bucket.content() == DATA


def test_upload_whose_parts_cannot_be_compared_is_aborted(bucket: Bucket) -> None:
    """An ETag that is no MD5 is not trusted, though it may look like one."""
    fs, tracker = bucket.another(WithKeys)
    fs.before = breaking("upload_part", 3)
    with pytest.raises(RetryableError):
        tracker.add_content(CONTENT)
    left = bucket.unfinished()
    bucket.begun(DATA[:PART])
    fs.sent.clear()

    tracker.add_content(CONTENT)

    assert (left, fs.sent) == ([], [1, 2, 3, 4])
    assert bucket.content() == DATA
    assert bucket.unfinished() == []


def test_source_that_cannot_be_read_leaves_its_parts_for_later(bucket: Bucket) -> None:
    """It is no fault of the content, which the next try goes on with."""
    fs, tracker = bucket.tracker()
    broken = CONTENT._replace(open=lambda: FailingFile(DATA))
    with pytest.raises(RetryableError, match="Input/output error"):
        tracker.add_content(broken)

    tracker.add_content(CONTENT)

    assert fs.sent == [1, 2, 3, 4]
    assert bucket.content() == DATA


@pytest.mark.parametrize(
    "size_bytes", [PART, 10_000 * PART, 10_000 * PART + 1, 5 << 40]
)
def test_no_upload_has_more_parts_than_allowed(size_bytes: int) -> None:
    """S3 takes ten thousand, so the parts of a terabyte are larger, in whole MiB."""
    fs = Watched()

    found = uploads.part_bytes(fs, size_bytes)

    assert found % MEBIBYTE == 0
    assert found >= uploads.PART_BYTES
    assert size_bytes <= 10_000 * found
