"""Heads: what a run that has ended says beside its points, in one object.

A head is lines of JSON. The first tells the version, the run, the time of the first
record, the name of the Parquet object with the points if there are any, and the
sections. A section is a stretch of one writer's records, all from its first to its last
sequence, and what the first line tells of it is ``{"lines": 3, "columns": [[4, 6]]}``:
that it takes so many lines, and which sequences were records of columns. Its lines are
those of a batch (:mod:`tracker_core.wire`) that lacks the records which are points
alone: these are made from the Parquet object again.

A record of points that has a row without any field is in its section and in the Parquet
object too; there it is passed over.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from tracker_core.records import Batch
from tracker_core.values import Value, from_json, to_json
from tracker_core.wire import batch_from_lines, batch_to_lines

__all__ = ["Head", "Section", "head_from_bytes", "head_to_bytes"]

_VERSION = 1
_Ranges = tuple[tuple[int, int], ...]


class Section(NamedTuple):
    """A stretch of one writer's records.

    Args:
        batch: The stretch, with those records that are not points alone.
        columns: Ranges of the sequences of its records of columns, ends included.
    """

    batch: Batch
    columns: _Ranges

    @property
    def record_count(self) -> int:
        """How many records the writer has written in it."""
        return self.batch.last - self.batch.first + 1


class Head(NamedTuple):
    """What is compacted of a run.

    Args:
        run_id: The run.
        created_ns: The time of its first record.
        points: The name of the Parquet object, below ``points``; None without points.
        sections: The stretches of all writers.
    """

    run_id: str
    created_ns: int
    points: str | None
    sections: Sequence[Section]

    @property
    def record_count(self) -> int:
        """How many records it stands for."""
        return sum(section.record_count for section in self.sections)


def head_to_bytes(head: Head) -> bytes:
    """Return a head as bytes; equal heads give equal bytes."""
    texts = [batch_to_lines(section.batch) for section in head.sections]
    sections: list[Value] = [
        {"lines": text.count("\n"), "columns": [[*ends] for ends in section.columns]}
        for text, section in zip(texts, head.sections, strict=True)
    ]
    first: dict[str, Value] = {
        "version": _VERSION,
        "run_id": head.run_id,
        "created_ns": head.created_ns,
        "points": head.points,
        "sections": sections,
    }
    return "".join([f"{to_json(first)}\n", *texts]).encode()


def head_from_bytes(content: bytes) -> Head:
    """Read a head that :func:`head_to_bytes` wrote.

    Raises:
        ValueError: It was damaged, or is of a newer version.
        KeyError: Something is missing in it.
        TypeError: It has another shape.
    """
    first_line, *lines = content.decode().split("\n")
    first = cast("Mapping[str, Value]", from_json(first_line))
    if first["version"] != _VERSION:
        message = f"a head of version {first['version']!r}; this reads 1; upgrade"
        raise ValueError(message)
    place, sections = 0, []
    for told in cast("list[Mapping[str, Value]]", first["sections"]):
        count = cast("int", told["lines"])
        batch = batch_from_lines("\n".join(lines[place : place + count]))
        ranges = cast("list[tuple[int, int]]", told["columns"])
        sections.append(Section(batch, tuple((low, high) for low, high in ranges)))
        place += count
    return Head(
        cast("str", first["run_id"]),
        cast("int", first["created_ns"]),
        cast("str | None", first["points"]),
        sections,
    )
