"""Content that goes to S3 in parts, of which a later try sends only those missing.

S3 keeps the parts of an upload until it is completed or aborted, and shows nothing of
it before it is completed. So it keeps all that is known of an upload, and whoever has
the same content goes on with it, from this machine or from another one:

1. The unfinished uploads of the object's key are listed, with their parts.
2. The first part of the content is read. The upload that has the same as its first is
   gone on with; of several, that which has most. Where there is none, one is begun.
3. The content is read to its end. A part that the upload has, of the same number, size
   and MD5, is not sent. Any other one is sent, and replaces what has its number.
4. With its end the digest of the content has been checked. The upload is completed
   with the ETags of all parts, so S3 refuses it if one of them has been replaced.
5. What other uploads of this key there were is aborted: nobody needs them any more.

A death before the first part is sent leaves an upload that holds nothing, one between
two parts an upload that the next try goes on with, one before step 5 parts that nobody
will ask for. Those are there until a lifecycle rule of the bucket removes them. A try
that fails leaves the upload for the next one. It is aborted if the content is not that
of its digest, and where nobody could go on with it: where S3 does not list uploads to
us, and where the ETag of a part is not its MD5, as with keys of KMS.

Writers of the same content may share an upload, and complete or abort it for each
other. Who finds it gone looks whether the object is there, and begins anew if not. A
writer whose content has changed may replace a part; those with whom it shares the
upload are refused in step 4 and send that part again.

The object is written without the condition that there is none: one that is there has
the same bytes, or another size and is damaged.

Limits are those of the API: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import md5
from typing import Any, NamedTuple

import fsspec

from tracker_core.contents import Content
from tracker_core.errors import ContentError
from tracker_fsspec.oserrors import as_os_error

__all__ = ["PART_BYTES", "can_resume", "part_bytes", "upload"]

_MEBIBYTE = 2**20
PART_BYTES = 16 * _MEBIBYTE
"""The least size of a part of an upload that can be resumed."""

# S3 takes no smaller parts of an upload, and no more of them.
_MIN_PART_BYTES = 5 * _MEBIBYTE
_MAX_PARTS = 10_000
# How many unfinished uploads of one key are looked at: the newest.
_MAX_UPLOADS = 8
# What a store answers that knows no such request.
_UNKNOWN = (errno.EINVAL, errno.ENOSYS)


def can_resume(fs: fsspec.AbstractFileSystem, size_bytes: int) -> bool:
    """Tell whether :func:`upload` is for content of a size: on s3fs, from one part."""
    return _is_s3(fs) and size_bytes >= PART_BYTES


def part_bytes(fs: fsspec.AbstractFileSystem, size_bytes: int) -> int:
    """Return how large the parts of an upload are: whole MiB, as few as allowed.

    It follows from the size alone, so that another try has the same parts.
    """
    mebibytes = -(-size_bytes // (_MAX_PARTS * _MEBIBYTE))
    return max(PART_BYTES if _is_s3(fs) else _MIN_PART_BYTES, mebibytes * _MEBIBYTE)


def upload(fs: fsspec.AbstractFileSystem, path: str, content: Content) -> None:
    """Upload content, of which a try that broke off may have sent some parts.

    Memory is needed for some three parts.

    Args:
        fs: A filesystem of s3fs.
        path: The object; one that is there is replaced.
        content: What it shall hold; of one part at least.

    Raises:
        ContentError: The content is not that of its digest; the object is as it was.
        OSError: The store refused, or the content cannot be read.
    """
    target = _Target(fs, path)
    try:
        _send(target, content)
    except _LostError:
        _send(target, content)


class _LostError(OSError):
    """An upload is gone, or a part of it is no longer the one that was sent."""


class _Part(NamedTuple):
    """A part that the store has; the texts are as the store gives them."""

    number: int
    size_bytes: int
    etag: str
    sha256: str | None

    def is_of(self, data: bytes, digest: str) -> bool:
        """Whether it is ``data``, the MD5 of which is ``digest``."""
        return self.size_bytes == len(data) and self.has(digest)

    def has(self, digest: str) -> bool:
        """Whether its ETag is an MD5 digest; it may be none, and look like one."""
        return self.etag.strip('"') == digest

    def named(self) -> Mapping[str, object]:
        """Return what an upload is completed with."""
        named: dict[str, object] = {"PartNumber": self.number, "ETag": self.etag}
        if self.sha256 is not None:
            # The options of the filesystem asked for it, and S3 asks for it now.
            named["ChecksumSHA256"] = self.sha256
        return named


_Uploads = Mapping[str, Mapping[int, _Part]]


class _Target:
    """The object that is uploaded, and what the store tells of it."""

    def __init__(self, fs: fsspec.AbstractFileSystem, path: str) -> None:
        self.fs = fs
        self._bucket, self._key, _ = fs.split_path(path)

    def ask(self, method: str, **given: object) -> Mapping[str, Any]:
        """Send one request; s3fs passes on those arguments that it takes."""
        with as_os_error():
            answer: Mapping[str, Any] = self.fs.call_s3(
                method, Bucket=self._bucket, Key=self._key, **given
            )
        return answer

    def size_bytes(self) -> int | None:
        """Return the size of the object, or None if there is none."""
        try:
            return int(self.ask("head_object")["ContentLength"])
        except FileNotFoundError:
            return None

    def abort(self, upload_id: str) -> None:
        """Abort an upload, if the store is there and lets us."""
        with suppress(OSError):
            self.ask("abort_multipart_upload", UploadId=upload_id)

    def unfinished(self) -> _Uploads | None:
        """Return the parts of each unfinished upload; None where that is not told."""
        try:
            found = self.ask("list_multipart_uploads", Prefix=self._key)
            ids = [
                it["UploadId"]
                for it in found.get("Uploads", ())
                if it["Key"] == self._key
            ]
            return {
                upload_id: self._parts(upload_id) for upload_id in ids[-_MAX_UPLOADS:]
            }
        except (PermissionError, FileNotFoundError):
            return None
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
            return None

    def _parts(self, upload_id: str) -> dict[int, _Part]:
        parts: dict[int, _Part] = {}
        place: dict[str, object] = {}
        while True:
            try:
                page = self.ask("list_parts", UploadId=upload_id, **place)
            except FileNotFoundError:  # completed or aborted since it was listed
                return {}
            known = len(parts)
            for it in page.get("Parts", ()):
                number = int(it["PartNumber"])
                sha256 = it.get("ChecksumSHA256")
                parts[number] = _Part(number, int(it["Size"]), it["ETag"], sha256)
            if not page.get("IsTruncated") or len(parts) == known:
                return parts
            place = {"PartNumberMarker": page["NextPartNumberMarker"]}


class _Upload:
    """An upload that takes part after part, and sends those that it does not have.

    Args:
        target: The object.
        count: How many parts there are at most.
    """

    def __init__(self, target: _Target, count: int) -> None:
        self._target = target
        self._count = count
        self._found = target.unfinished()
        self._id: str | None = None
        self._has: Mapping[int, _Part] = {}
        self._taken: list[_Part] = []
        self.lasts = False
        """Whether another try can go on with it."""

    def take(self, data: bytes) -> None:
        """Take the next part; what is beyond the size of the content is passed over."""
        number = len(self._taken) + 1
        if number > self._count:
            return
        digest = md5(data, usedforsecurity=False).hexdigest()
        if self._id is None:
            self._id = self._chosen(data, digest)
        part = self._has.get(number)
        if part is None or not part.is_of(data, digest):
            part = self._sent(number, data)
        self.lasts = self._found is not None and part.has(digest)
        self._taken.append(part)

    def complete(self) -> None:
        """Let the object appear, and abort what other uploads there are of it."""
        parts = [part.named() for part in self._taken]
        self._ask("complete_multipart_upload", MultipartUpload={"Parts": parts})
        for upload_id in self._found or ():
            if upload_id != self._id:
                self._target.abort(upload_id)

    def abort(self) -> None:
        """Take back what was sent, if the store is there and lets us."""
        if self._id is not None:
            self._target.abort(self._id)

    def _chosen(self, data: bytes, digest: str) -> str:
        """Return the upload that has the first part, and most others, or a new one."""
        ours = {
            upload_id: parts
            for upload_id, parts in (self._found or {}).items()
            if 1 in parts and parts[1].is_of(data, digest)
        }
        if not ours:
            return str(self._target.ask("create_multipart_upload")["UploadId"])
        chosen = max(ours, key=lambda upload_id: len(ours[upload_id]))
        self._has = ours[chosen]
        return chosen

    def _sent(self, number: int, data: bytes) -> _Part:
        answer = self._ask("upload_part", PartNumber=number, Body=data)
        sha256 = answer.get("ChecksumSHA256")
        return _Part(number, len(data), answer["ETag"], sha256)

    def _ask(self, method: str, **given: object) -> Mapping[str, Any]:
        try:
            return self._target.ask(method, UploadId=self._id, **given)
        except FileNotFoundError as error:
            raise _LostError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
        except OSError as error:
            # Among them what S3 says of a part that is another one than was named.
            if error.errno != errno.EINVAL:
                raise
            raise _LostError(error.errno, os.strerror(error.errno)) from error


def _send(target: _Target, content: Content) -> None:
    """Send what is missing, unless somebody else has completed all of it meanwhile.

    Raises:
        _LostError: The upload was lost, and the object is not there.
    """
    size_bytes = part_bytes(target.fs, content.size_bytes)
    taking = _Upload(target, -(-content.size_bytes // size_bytes))
    try:
        for data in _cut(content.read_checked(), size_bytes):
            taking.take(data)
            del data  # before the next one is read
        taking.complete()
    except BaseException as error:
        is_there = (
            isinstance(error, _LostError) and target.size_bytes() == content.size_bytes
        )
        if is_there or isinstance(error, ContentError) or not taking.lasts:
            taking.abort()
        if not is_there:
            raise


def _cut(pieces: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    """Cut pieces anew, so that each part but the last one has a size.

    None of them is held here once it is given, as it is large.
    """
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size_bytes:
            yield _taken_from(held, size_bytes)
    if held:
        yield bytes(held)


def _taken_from(held: bytearray, size_bytes: int) -> bytes:
    part = bytes(memoryview(held)[:size_bytes])
    del held[:size_bytes]
    return part


def _is_s3(fs: fsspec.AbstractFileSystem) -> bool:
    return hasattr(fs, "call_s3")
