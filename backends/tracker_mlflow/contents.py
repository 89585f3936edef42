"""The content of artifacts: a file of the run that logged it, found by its digest.

The run has the tag ``tracker.content.<64 hexadecimal digits>`` with the path of the
file. It is set when the file is whole, so what a crash leaves is a file that the next
try replaces. Each run has its own copy, which shows in its pages and goes with it.

Content that was given for no run lies in a run of its own, in the experiment
``tracker content``, below ``sha256``.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from tracker_core.contents import Content, is_digest
from tracker_core.errors import ContentError
from tracker_mlflow.names import file_path
from tracker_mlflow.refusals import is_missing
from tracker_mlflow.server import Server

__all__ = ["find_content", "keep_content"]

_CONTENT: Final = "tracker.content."
_NOBODYS = "sha256"
# The folders in which the backend itself keeps files of a run.
_OURS = ("logs", "sha256", "tracker", "tracks")


def keep_content(server: Server, run: Run, content: Content) -> None:
    """Keep content as a file of a run, unless it has it.

    Raises:
        ContentError: The content has changed since its digest was taken.
    """
    key = _CONTENT + _digits(content.digest)
    tags = run.data.tags
    path = tags.get(key)
    if path is not None and _size(server, run, path) == content.size_bytes:
        return
    taken = {text for other, text in tags.items() if other.startswith(_CONTENT)}
    path = path or _free(content, taken)
    with TemporaryDirectory(prefix="tracker-") as folder:
        file = Path(folder) / path.rpartition("/")[2]
        if not content.link(file):
            _copy(content.read_checked(), file)
        server.put_file(run, path.rpartition("/")[0], file)
    server.client.set_tag(run.info.run_id, key, path)
    tags[key] = path


def find_content(server: Server, digest: str) -> BinaryIO:
    """Open the file of a digest, from whichever run has it.

    Raises:
        ContentError: No run has it.
    """
    key = _CONTENT + _digits(digest)
    runs = server.search(f"tags.`{key}` != ''") if is_digest(digest) else ()
    for run in runs:
        folder = TemporaryDirectory(prefix="tracker-")
        with folder:
            try:
                # What is open stays readable when its name is gone.
                return server.fetch(run, run.data.tags[key], folder.name).open("rb")
            except (MlflowException, OSError) as error:
                if not is_missing(error):
                    raise
                # Somebody removed the file; another run may have it.
    message = f"content {digest!r} is in no run of the MLflow server {server!r}"
    raise ContentError(f"{message}; log it again, or copy it from another backend")


def _free(content: Content, taken: set[str]) -> str:
    """Return a path that no other content of the run has."""
    digits = _digits(content.digest)
    if content.name is None:
        return f"{_NOBODYS}/{digits}"
    path = file_path(content.name)
    if path.partition("/")[0] in _OURS:
        path = f"files/{path}"
    if not any(_clashes(path, other) for other in taken):
        return path
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    new = f"{stem}-{digits[:12]}.{suffix}" if dot else f"{name}-{digits[:12]}"
    beside = f"{folder}{slash}{new}"
    # One of the folders above it may be a file.
    is_free = not any(_clashes(beside, other) for other in taken)
    return beside if is_free else f"{_NOBODYS}/{digits}"


def _clashes(path: str, other: str) -> bool:
    """Tell whether two paths cannot both be files."""
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


def _size(server: Server, run: Run, path: str) -> int | None:
    return server.files(run, path.rpartition("/")[0]).get(path)


def _copy(pieces: Iterable[bytes], file: Path) -> None:
    with file.open("wb") as target:
        for piece in pieces:
            target.write(piece)


def _digits(digest: str) -> str:
    return digest.removeprefix("sha256:")
