"""Artifacts with content, from what a job hands over."""

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, NamedTuple

from tracker_core.channel import Channel
from tracker_core.errors import InvalidValueError, UnsupportedTypeError
from tracker_core.records import ArtifactBody
from tracker_core.values import (
    check_mapping,
    check_name,
    check_text,
    check_value,
    to_canonical_json,
)

if TYPE_CHECKING:
    from tracker_core.contents import Content
    from tracker_core.datatypes import TrackerArtifact

__all__ = ["ArtifactWriter", "guessed_media_type"]

# What the standard library does not know, or not on every system.
_MEDIA_TYPES = {
    ".arrow": "application/vnd.apache.arrow.file",
    ".avro": "application/vnd.apache.avro",
    ".ckpt": "application/octet-stream",
    ".feather": "application/vnd.apache.arrow.file",
    ".gguf": "application/octet-stream",
    ".h5": "application/x-hdf5",
    ".hdf5": "application/x-hdf5",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".onnx": "application/x-onnx",
    ".parquet": "application/vnd.apache.parquet",
    ".pkl": "application/x-pickle",
    ".pt": "application/x-pytorch",
    ".pth": "application/x-pytorch",
    ".qasm": "text/x-openqasm",
    ".safetensors": "application/x-safetensors",
    ".sql": "application/sql",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".z": "application/x-compress",
    ".zst": "application/zstd",
}
_ENCODINGS = {
    "br": "application/x-brotli",
    "bzip2": "application/x-bzip2",
    "gzip": "application/gzip",
    "xz": "application/x-xz",
}
_UNKNOWN = "application/octet-stream"


class _About(NamedTuple):
    """What a caller says of an artifact."""

    name: str
    kind: str | None
    role: str
    media_type: str
    metadata: Mapping[str, object] | None


class ArtifactWriter:
    """Logs content to a run, under names that begin with a prefix.

    Args:
        channel: The channel of the run.
        prefix: What each name begins with.
    """

    __slots__ = ("_channel", "_prefix")

    def __init__(self, channel: Channel, prefix: str = "") -> None:
        """Keep both."""
        self._channel = channel
        self._prefix = prefix

    def log_json(
        self,
        name: str,
        obj: object,
        role: str = "artifact",
        kind: str | None = None,
        *,
        metadata: Mapping[str, object] | None = None,
    ) -> "TrackerArtifact":
        """Log a value as canonical JSON, as :meth:`AppRun.log_json` says."""
        checked = check_value(obj, f"artifact {check_name(name, 'artifact name')!r}")
        data = to_canonical_json(checked).encode()
        what = _json_kind(name) if kind is None else kind
        about = _About(name, what, role, "application/json", metadata)
        return self._log_bytes(data, about)

    def log_text(
        self,
        name: str,
        text: str,
        role: str = "artifact",
        kind: str = "text.note",
        *,
        media_type: str = "text/plain; charset=utf-8",
        metadata: Mapping[str, object] | None = None,
    ) -> "TrackerArtifact":
        """Log a text, as :meth:`AppRun.log_text` says."""
        data = check_text(text, f"artifact {name!r}").encode()
        return self._log_bytes(data, _About(name, kind, role, media_type, metadata))

    def log_bytes(
        self,
        kind: str,
        data: object,
        media_type: str = _UNKNOWN,
        role: str = "artifact",
        *,
        name: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> "TrackerArtifact":
        """Log bytes, as :meth:`AppRun.log_bytes` says."""
        if not isinstance(data, bytes | bytearray | memoryview):
            what = f"data of artifact {kind if name is None else name!r}"
            raise UnsupportedTypeError(what, type(data).__qualname__, "bytes")
        about = _About(kind if name is None else name, kind, role, media_type, metadata)
        return self._log_bytes(bytes(data), about)

    def log_file(
        self,
        path: "str | PathLike[str]",
        kind: str | None = None,
        role: str = "artifact",
        *,
        name: str | None = None,
        media_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
        copy: bool = True,
    ) -> "TrackerArtifact":
        """Log a file, as :meth:`AppRun.log_file` says."""
        text = _path_text(path)
        place = Path(text)
        about = _About(
            place.name if name is None else name,
            kind,
            role,
            guessed_media_type(place.name) if media_type is None else media_type,
            metadata,
        )
        if not copy:
            what = f"path of artifact {about.name!r}"
            return self._send(self._body(about, check_name(text, what)), None)
        from tracker_core.contents import content_of_file

        body = self._body(about, text)
        _require_file(place)
        return self._send(body, content_of_file(place))

    def _log_bytes(self, data: bytes, about: _About) -> "TrackerArtifact":
        body = self._body(about, "")
        from tracker_core.contents import content_of_bytes

        return self._send(body, content_of_bytes(data))

    def _body(self, about: _About, path: str) -> ArtifactBody:
        """Check all but the content, so that nothing is read in vain."""
        name = self._prefix + check_name(about.name, "artifact name")
        what = f"of artifact {name!r}"
        metadata = about.metadata
        return ArtifactBody(
            name=name,
            path=path,
            metadata=None
            if metadata is None
            else check_mapping(metadata, f"metadata {what}"),
            media_type=check_name(about.media_type, f"media type {what}"),
            artifact_kind=None
            if about.kind is None
            else check_name(about.kind, f"kind {what}"),
            role=check_name(about.role, f"role {what}"),
        )

    def _send(self, body: ArtifactBody, content: "Content | None") -> "TrackerArtifact":
        from tracker_core.datatypes import TrackerArtifact

        if content is not None:
            body = body._replace(
                path=content.digest,
                digest=content.digest,
                size_bytes=content.size_bytes,
            )
        body = self._channel.send(body, content)
        return TrackerArtifact(
            name=body.name,
            path=body.path,
            metadata=body.metadata,
            digest=body.digest,
            size_bytes=body.size_bytes,
            media_type=body.media_type,
            kind=body.artifact_kind,
            role=body.role,
        )


def guessed_media_type(file_name: str) -> str:
    """Return what a file of that name is taken for; the same on every system."""
    import mimetypes

    known = _MEDIA_TYPES.get(Path(file_name).suffix.lower())
    if known is not None:
        return known
    # Not the module's functions: those read the tables of the machine.
    table = mimetypes.MimeTypes()
    # A colon would make the name a URL.
    found, encoding = table.guess_type(file_name.lower().replace(":", "_"))
    if encoding is not None:
        return _ENCODINGS.get(encoding, _UNKNOWN)
    return found or _UNKNOWN


def _json_kind(name: str) -> str:
    """Return ``json.`` and the end of a name, as that of a file without its suffix."""
    end = name.rpartition("/")[2].removesuffix(".json")
    return f"json.{end or name}"


def _path_text(path: object) -> str:
    text = fspath(path) if isinstance(path, PathLike) else path
    if not isinstance(text, str):
        raise UnsupportedTypeError("path", type(path).__qualname__, "a path or text")
    return text


def _require_file(place: Path) -> None:
    """Refuse what would never come to an end, or to nothing: pipes, devices, folders.

    Raises:
        InvalidValueError: It is no regular file, or there is none.
    """
    try:
        mode = place.stat().st_mode
    except (OSError, ValueError) as error:  # a null byte is no OSError
        why = getattr(error, "strerror", None) or str(error)
        message = f"file {str(place)!r} cannot be logged: {why}; check it"
        raise InvalidValueError(message) from error
    if not S_ISREG(mode):
        found = "a folder" if S_ISDIR(mode) else "no regular file"
        message = f"{str(place)!r} is {found}; log regular files, one by one"
        raise InvalidValueError(message)
