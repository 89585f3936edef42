"""Where everything lies below the root, and what a crash leaves behind.

::

    <root>/<run>/batches/<writer>-<first>-<last>.jsonl     what was taken: the truth
                /metadata/<time>-<writer>-<sequence>       the rest is for torchx:
                /artifacts/<time>-<writer>-<sequence>      one file for each record
                /sources/<source>                          one line for each label
                /heartbeats/<beater>                       when the run was alive
                /incoming/                                 unfinished, local disks only
    <root>/<source>/descendants/<run>                      if <source> exists already
    <root>/<run>/heads/<inputs>.jsonl                      all but the points, compacted
    <root>/<contents>/<ab>/<abcd…>                         content, by its digest
                     /incoming/                            unfinished content
    <root>/LAKESIDE/points/day=<day>/<created>-<key>-<inputs>.parquet
                   /index/<key>-<inputs>.jsonl.gz          what lists need of a run
                         /merged-<inputs>.jsonl.gz         the same of many
                   /open/<key>-<tracker>                   who may write to a run still
                   /left/<key>-<inputs>                    what is to be removed later
                   /removed/<key>-<writer>                 whose records are passed over
                   /unused/<abcd…>                         content to be freed later
                   /incoming/                              unfinished, local disks only

A batch is one object of JSON lines (:mod:`tracker_core.wire`) that never changes: the
same name always holds the same records. Writers need no locks, since no two share a
name, and readers fold all batches of a run, in whatever order they find them.

Writing a batch goes in two steps. A crash leaves behind

1. while torchx's files are written: some of them. Readers of this package pass over
   what is ours there, so nothing was taken; genuine torchx sees it already. Their
   names follow from the records, so the retry writes the same files again.
2. while the batch itself is written: the same, and on a local disk perhaps a file in
   ``incoming``, which nobody reads. Objects appear whole: local files are renamed into
   place, object stores show an object when it is complete. A filesystem that does
   neither (SFTP, SMB) may show a piece of one: it is passed over with a warning, and
   the retry replaces it.

Content is written before the batch that names it, once for all runs, and never
changes. Where files can be renamed it is written to ``incoming`` first, so a crash
leaves it there, where nobody reads; on a local disk whoever writes content a day later
removes it. An object store shows it when it is complete, so a crash leaves at worst
parts of an upload, which the store hides.

The run that has ended is compacted (:mod:`tracker_fsspec.compaction`): its points are
put into one Parquet object, and everything else into its *head*. Both follow from what
was taken, which ``<inputs>`` is the digest of, so whoever compacts the same writes the
same under the same name, and nothing but a later compaction of more replaces them.
``<key>`` is the beginning of the SHA-256 digest of ``<run>``.

Four files are ever changed. One is torchx's, ``sources/<source>`` and its mirror in
``descendants``: its lines are read, and written back with one more. The other is that
of a heartbeat, ``{"time_ns": 1700000000000000000}``, which each tracker that watches
the run has for itself and replaces; of all of them the newest counts. A crash loses
one heartbeat, and the next makes up for it. The third is the mark in ``open`` that a
tracker renews while it writes to a run (:mod:`tracker_fsspec.marks`), and the fourth
one in ``unused``, which each removal of a run that has named the content renews.

``<run>`` and ``<source>`` are the BASE32 form of the run id, exactly torchx's.
It has capital letters only, so ids that differ in case stay apart on every disk.
An id that is too long for a file name goes by its SHA-256 digest; its batches tell it.
``<contents>`` is the BASE32 form of ``sha256:contents``: genuine torchx decodes the
name of every directory below the root, and lists no runs at all where one is none. No
run can have that directory, since an id that begins with ``sha256:`` goes by its digest
too. torchx lists it as a run that holds nothing. ``LAKESIDE`` is BASE32 too, of five
characters that nobody would name a run by; a run that has them goes by its digest.
"""

import re
import time
from base64 import b32decode, b32encode
from enum import StrEnum
from hashlib import sha256

from tracker_core import contents
from tracker_core.records import Batch, Record, Writer

__all__ = [
    "INCOMING_CONTENTS",
    "LAKE",
    "Category",
    "Lake",
    "batch_name",
    "batch_path",
    "batch_range",
    "content_path",
    "directory_name",
    "file_name",
    "head_path",
    "holds_records",
    "is_digest",
    "is_index_name",
    "key_of",
    "lake_path",
    "mark_key",
    "may_hold_run",
    "points_name",
    "points_parts",
    "run_id_in",
    "torchx_time",
]

# What the usual filesystems allow, and so what torchx can have written there.
_MAX_NAME_BYTES = 255
_DIGEST = "sha256:"
# No run has it: directory_name gives an id that begins so the name of its digest.
_CONTENTS = b32encode(f"{_DIGEST}contents".encode()).decode()
_KEY_DIGITS = 20
_BATCH_NAME = re.compile(r"(.+)-([0-9]{12,})-([0-9]{12,})\.jsonl", re.ASCII)
_DIGITS = f"[0-9a-f]{{{_KEY_DIGITS}}}"
_POINTS_NAME = re.compile(
    rf"day=[0-9-]{{10}}/-?[0-9]{{19,20}}-({_DIGITS})-({_DIGITS})\.parquet"
)
_MARK_NAME = re.compile(rf"({_DIGITS})-.+")
_INDEX_NAME = re.compile(rf"({_DIGITS}|merged)-{_DIGITS}\.jsonl\.gz")
_SECOND = 1_000_000_000
# Nanoseconds of more digits lie beyond the year 2286.
_TORCHX_NAME = re.compile("[0-9]{1,19}", re.ASCII)


class Category(StrEnum):
    """The directories of a run."""

    BATCHES = "batches"
    METADATA = "metadata"
    ARTIFACTS = "artifacts"
    SOURCES = "sources"
    DESCENDANTS = "descendants"
    HEARTBEATS = "heartbeats"
    HEADS = "heads"
    INCOMING = "incoming"


LAKE = "LAKESIDE"
"""The directory of what is compacted."""


class Lake(StrEnum):
    """The directories of what is compacted."""

    POINTS = "points"
    INDEX = "index"
    OPEN = "open"
    LEFT = "left"
    REMOVED = "removed"
    UNUSED = "unused"
    INCOMING = "incoming"


INCOMING_CONTENTS = f"{_CONTENTS}/{Category.INCOMING}"
"""The directory of unfinished content."""


def directory_name(run_id: str) -> str:
    """Return the name of a run's directory: ASCII capitals, digits and ``=``."""
    name = _to_base32(run_id)
    # An id that itself reads like a digest must not lead to another run's directory.
    is_taken = run_id.startswith(_DIGEST) or name == LAKE
    if len(name) > _MAX_NAME_BYTES or is_taken:
        return _to_base32(_DIGEST + sha256(run_id.encode()).hexdigest())
    return name


def run_id_in(name: str) -> str | None:
    """Return the run id that a directory's name tells, or None when it tells none."""
    run_id = _from_base32(name)
    return run_id if run_id and directory_name(run_id) == name else None


def is_digest(name: str) -> bool:
    """Whether a directory is named by the digest of a run id."""
    return contents.is_digest(_from_base32(name) or "")


def may_hold_run(name: str) -> bool:
    """Whether a directory's name is that of some run."""
    return run_id_in(name) is not None or is_digest(name)


def content_path(digest: str) -> str:
    """Return where below the root the content of a digest lies."""
    name = digest.removeprefix(_DIGEST)
    return f"{_CONTENTS}/{name[:2]}/{name}"


def batch_name(batch: Batch) -> str:
    """Return the name of a batch; a writer's names sort by sequence."""
    return f"{batch.writer.id}-{batch.first:012d}-{batch.last:012d}.jsonl"


def batch_path(batch: Batch) -> str:
    """Return the path below the root of a batch."""
    return f"{directory_name(batch.run_id)}/{Category.BATCHES}/{batch_name(batch)}"


def head_path(directory: str, inputs: str) -> str:
    """Return the path below the root of a head."""
    return f"{directory}/{Category.HEADS}/{inputs}.jsonl"


def batch_range(name: str) -> tuple[str, int, int] | None:
    """Return the writer and the range that a batch's name tells; None if it does not.

    Names of other making are batches too, whose content alone tells.
    """
    found = _BATCH_NAME.fullmatch(name)
    return (found[1], int(found[2]), int(found[3])) if found else None


def key_of(directory: str) -> str:
    """Return what a run's directory is called by where its name would be too long."""
    return sha256(directory.encode()).hexdigest()[:_KEY_DIGITS]


def lake_path(part: Lake, name: str) -> str:
    """Return the path below the root of something that is compacted."""
    return f"{LAKE}/{part}/{name}"


def points_name(created_ns: int, key: str, inputs: str) -> str:
    """Return the name below ``points`` of a run's points; names sort by creation."""
    day = time.strftime("%Y-%m-%d", time.gmtime(created_ns // _SECOND))
    return f"day={day}/{created_ns:020d}-{key}-{inputs}.parquet"


def points_parts(name: str) -> tuple[str, str] | None:
    """Return the key and the inputs that a name below ``points`` tells, if it does."""
    found = _POINTS_NAME.fullmatch(name)
    return (found[1], found[2]) if found else None


def mark_key(name: str) -> str | None:
    """Return the key that a mark's name tells; None for what is no mark."""
    found = _MARK_NAME.fullmatch(name)
    return found[1] if found else None


def is_index_name(name: str) -> bool:
    """Whether a name below ``index`` is that of an index object."""
    return _INDEX_NAME.fullmatch(name) is not None


def file_name(writer: Writer, record: Record) -> str:
    """Return the name of a record's file for torchx; names sort by time."""
    return f"{record.time_ns:020d}-{writer.id}-{record.sequence:012d}"


def torchx_time(name: str) -> int | None:
    """Return the time in nanoseconds that torchx gave a file; None if it is not its."""
    return int(name) if _TORCHX_NAME.fullmatch(name) else None


def holds_records(category: str, name: str) -> bool:
    """Whether a file is a batch, or a record of genuine torchx."""
    if category in (Category.BATCHES, Category.HEADS):
        return name.endswith(".jsonl") and not name.startswith(".")
    for_torchx = category in (Category.METADATA, Category.ARTIFACTS)
    return for_torchx and torchx_time(name) is not None


def _to_base32(text: str) -> str:
    return b32encode(text.encode()).decode()


def _from_base32(name: str) -> str | None:
    try:
        return b32decode(name).decode()
    except ValueError:  # no BASE32, or no text in it
        return None
