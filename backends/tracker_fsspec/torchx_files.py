"""The files of genuine torchx: what is written for it, and what is read of it.

A file in ``metadata`` is a JSON object with the one key ``metadata``; one in
``artifacts`` has ``name``, ``path`` and ``metadata``. A file in ``sources`` has one
label on each line, a blank line standing for an edge without one. Lines that we write
end in CRLF, torchx's in LF, which it strips alike: so a reader here knows which edges
came from torchx, and takes ours from the batches, where they are exact.
"""

import json
from collections.abc import Iterator
from typing import cast

from tracker_core.gathered import without_points
from tracker_core.records import ArtifactBody, Batch, MetadataBody, Record, Writer
from tracker_core.values import check_mapping, check_text, to_json
from tracker_fsspec.layout import Category, file_name, torchx_time

__all__ = ["files_of", "labels_in", "torchx_batch", "with_label"]


def files_of(batch: Batch) -> Iterator[tuple[str, bytes]]:
    """Yield path within the run and content of the files for torchx, without edges."""
    for record in without_points(batch.records):
        name = file_name(batch.writer, record)
        match record.body:
            case MetadataBody(values):
                content = to_json({"metadata": dict(values)})
                yield f"{Category.METADATA}/{name}", content.encode()
            case ArtifactBody() as body:
                about = None if body.metadata is None else dict(body.metadata)
                content = to_json(
                    {"name": body.name, "path": body.path, "metadata": about}
                )
                yield f"{Category.ARTIFACTS}/{name}", content.encode()
            case _:
                pass


def torchx_batch(run_id: str, category: str, name: str, content: bytes) -> Batch:
    """Read a file that torchx wrote, as a batch of a writer of its own.

    Args:
        run_id: The run.
        category: ``metadata`` or ``artifacts``.
        name: The file's name: its time in nanoseconds.
        content: What is in it.

    Raises:
        ValueError: It is no JSON, or holds a value that cannot be kept.
        TypeError: It has another shape.
        KeyError: Something is missing in it.
    """
    entry = json.loads(content)
    body: ArtifactBody | MetadataBody
    if category == Category.ARTIFACTS:
        body = _artifact(entry)
    else:
        body = MetadataBody(check_mapping(entry["metadata"], "metadata"))
    writer = Writer(f"torchx-{category}-{name}")
    record = Record(1, cast("int", torchx_time(name)), body)
    return Batch(run_id, writer, 1, 1, (record,))


def with_label(content: bytes, label: str | None) -> bytes | None:
    """Return a file of ``sources`` with one more label; None if it has it already."""
    # A line has no room for the ends of lines.
    line = (label or "").replace("\r", " ").replace("\n", " ").encode()
    if line.strip() in {known.strip() for known in content.splitlines()}:
        return None
    gap = b"\n" if content and not content.endswith(b"\n") else b""
    return b"%b%b%b\r\n" % (content, gap, line)


def labels_in(content: bytes) -> set[str | None]:
    """Return the labels that torchx wrote into a file of ``sources``.

    Raises:
        ValueError: It is no UTF-8.
    """
    lines = content.decode().split("\n")
    if not lines[-1]:
        lines.pop()
    if not lines:  # torchx takes an empty file for an edge without a label
        return {None}
    return {line.strip() or None for line in lines if not line.endswith("\r")}


def _artifact(entry: dict[str, object]) -> ArtifactBody:
    about = entry["metadata"]
    return ArtifactBody(
        check_text(entry["name"], "artifact name"),
        check_text(entry["path"], "artifact path"),
        None if about is None else check_mapping(about, "artifact metadata"),
    )
