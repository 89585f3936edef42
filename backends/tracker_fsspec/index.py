"""What lists need of the runs that are compacted, in a few objects.

An object is a gzip of JSON lines, one for each run: its directory, the digest of what
was taken, how many records that were, the time of the first, who it is, its params,
tags and metadata, and the summaries of its series. A compaction writes one object for
its run, and ``tracker compact`` merges many into one. Objects never change. Of several
entries of one run that counts whose head is there, and the one of more records if
several are: a run may have been removed, and another one been given its id.
"""

import gzip
import logging
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import attrgetter
from typing import cast

from tracker_core.history import RunHistory
from tracker_core.runs import Attempt, RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value, from_json, to_json
from tracker_fsspec.heads import Head
from tracker_fsspec.layout import Category, Lake, is_index_name, key_of, lake_path
from tracker_fsspec.store import Store

__all__ = ["Entry", "Index", "entry_of", "index_name", "index_to_bytes"]

_VERSION = 2
# The entries of version 1 tell less of attempts.
_READABLE = (1, 2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEVEL = 6
_MERGED = "merged-"

_log = logging.getLogger(__name__)


class Entry:
    """A run as lists need it, which is taken apart when it is asked for.

    Args:
        told: What a line of an index object says.
    """

    __slots__ = ("_told",)

    def __init__(self, told: Mapping[str, Value]) -> None:
        """Keep what is given."""
        self._told = told

    @property
    def run_id(self) -> str:
        """The run."""
        return cast("str", self._told["run_id"])

    @property
    def directory(self) -> str:
        """The directory of the run."""
        return cast("str", self._told["directory"])

    @property
    def inputs(self) -> str:
        """The digest of what was taken."""
        return cast("str", self._told["inputs"])

    @property
    def count(self) -> int:
        """How many records were taken."""
        return cast("int", self._told["count"])

    @property
    def points(self) -> str | None:
        """The name of the Parquet object, or None where there are no points."""
        return cast("str | None", self._told["points"])

    @property
    def created_ns(self) -> int:
        """The time of the first record."""
        return cast("int", self._told["created_ns"])

    def info(self) -> RunInfo:
        """Return who the run is."""
        told = deepcopy(cast("dict[str, Value]", self._told["info"]))
        attempts = cast("list[dict[str, Value]]", told.pop("attempts"))
        tries = tuple(Attempt(**_with_moments(one)) for one in attempts)  # type: ignore[arg-type]  # the fields are those written
        return RunInfo(**_with_moments(told), attempts=tries)  # type: ignore[arg-type]  # the fields are those written

    def params(self) -> Mapping[str, Value]:
        """Return its params."""
        return cast("Mapping[str, Value]", self._told["params"])

    def tags(self) -> Mapping[str, str]:
        """Return its tags."""
        return cast("Mapping[str, str]", self._told["tags"])

    def metadata(self) -> Mapping[str, Value]:
        """Return its metadata."""
        return cast("Mapping[str, Value]", self._told["metadata"])

    def series(self) -> Mapping[str, Summary]:
        """Return the summaries of its series."""
        told = cast("Mapping[str, list[Value]]", self._told["series"])
        return {name: Summary(*values) for name, values in told.items()}  # type: ignore[arg-type]  # those that were written

    def to_line(self) -> str:
        """Return the line of an index object."""
        return to_json(dict(self._told))


def entry_of(directory: str, head: Head, inputs: str, history: RunHistory) -> Entry:
    """Return the entry of a run.

    Args:
        directory: Its directory.
        head: What is compacted of it.
        inputs: The digest of what was taken.
        history: The run.
    """
    info = history.info()
    series = history.series()
    return Entry(
        {
            "version": _VERSION,
            "run_id": info.run_id,
            "directory": directory,
            "inputs": inputs,
            "count": head.record_count,
            "created_ns": history.created_ns,
            "points": head.points,
            "info": _without_moments(info),
            "params": history.params(),
            "tags": cast("Value", history.tags()),
            "metadata": history.metadata(),
            "series": {name: [*summary] for name, summary in series.items()},
        }
    )


def index_to_bytes(entries: Iterable[Entry]) -> bytes:
    """Return an index object; the same entries give the same bytes."""
    lines = sorted(entry.to_line() for entry in entries)
    text = "".join(f"{line}\n" for line in lines)
    return gzip.compress(text.encode(), _LEVEL, mtime=0)


def index_name(entries: Iterable[Entry]) -> str:
    """Return the name of an index object of some runs."""
    names = sorted(f"{key_of(entry.directory)}-{entry.inputs}" for entry in entries)
    if len(names) == 1:
        return f"{names[0]}.jsonl.gz"
    return f"{_MERGED}{sha256(' '.join(names).encode()).hexdigest()[:20]}.jsonl.gz"


class Index:
    """The index of a store, each object read once.

    Args:
        store: The store.

    Attributes:
        merged: The names of objects of one run that were not read, as a merged one has
            what they say.
    """

    def __init__(self, store: Store) -> None:
        """Read nothing yet."""
        self.merged: set[str] = set()
        self._store = store
        self._objects: dict[str, list[Entry]] = {}

    def refresh(self) -> dict[str, Entry]:
        """Read what is new, and return the entry of each directory.

        One that has several is looked at, and is left out where it has no such head.
        """
        there = self._store.files(lake_path(Lake.INDEX, "")[:-1])
        names = [name for name in there if is_index_name(name)]
        for name in self._objects.keys() - {*names}:
            del self._objects[name]
        self._read(name for name in names if name.startswith(_MERGED))
        # What was merged is not read once more.
        self.merged = {
            index_name([entry])
            for name, entries in self._objects.items()
            if name.startswith(_MERGED)
            for entry in entries
        } & {*names}
        self._read(name for name in names if name not in self.merged)
        found: dict[str, dict[str, Entry]] = {}
        for entries in self._objects.values():
            for entry in entries:
                found.setdefault(entry.directory, {})[entry.inputs] = entry
        return {
            directory: max(told, key=attrgetter("count"))
            for directory, by_inputs in found.items()
            if (told := self._of_heads(directory, by_inputs))
        }

    def _of_heads(self, directory: str, told: Mapping[str, Entry]) -> list[Entry]:
        """Return the entries whose heads are there; one that is alone is not asked."""
        if len(told) == 1:
            return [*told.values()]
        try:
            heads = {*self._store.files(f"{directory}/{Category.HEADS}")}
        except PermissionError:  # the run of another user is told as ever
            return [*told.values()]
        return [entry for name, entry in told.items() if f"{name}.jsonl" in heads]

    def _read(self, names: Iterable[str]) -> None:
        new = [name for name in names if name not in self._objects]
        paths = [lake_path(Lake.INDEX, name) for name in new]
        for path, content in self._store.read_all(paths):
            self._objects[path.rpartition("/")[2]] = [*_entries(path, content)]

    def forget(self, directory: str) -> None:
        """Take the entries of a directory out of all objects that are there."""
        self.refresh()
        incoming = lake_path(Lake.INCOMING, "")[:-1]
        for name, entries in [*self._objects.items()]:
            rest = [entry for entry in entries if entry.directory != directory]
            if rest and len(rest) < len(entries):
                path = lake_path(Lake.INDEX, index_name(rest))
                self._store.create(path, index_to_bytes(rest), incoming)
            if len(rest) < len(entries):
                self._store.remove([lake_path(Lake.INDEX, name)])
        single = f"{key_of(directory)}-"
        there = self._store.files(lake_path(Lake.INDEX, "")[:-1])
        own = [name for name in there if name.startswith(single)]
        self._store.remove(lake_path(Lake.INDEX, name) for name in own)

    @property
    def objects(self) -> Mapping[str, list[Entry]]:
        """The entries of each object, by its name, as they were last read."""
        return self._objects


def _entries(path: str, content: bytes) -> Iterator[Entry]:
    """Give the entries of an object; of a damaged one none, with a warning."""
    try:
        lines = gzip.decompress(content).decode().split("\n")
        told = [cast("dict[str, Value]", from_json(line)) for line in lines if line]
        entries = [Entry(one) for one in told if one["version"] in _READABLE]
    except (OSError, EOFError, ValueError, TypeError, LookupError) as error:
        _log.warning("passed over %s, which cannot be read: %s", path, error)
        return
    yield from entries


def _without_moments(thing: RunInfo | Attempt) -> dict[str, Value]:
    """Return the fields of a run or an attempt, moments as microseconds."""
    told: dict[str, Value] = {}
    for field in fields(thing):
        value = getattr(thing, field.name)
        if isinstance(value, datetime):
            value = (value - _EPOCH) // _MICROSECOND
        if field.name == "attempts":
            value = [_without_moments(one) for one in value]
        told[field.name] = value
    return told


def _with_moments(told: Mapping[str, Value]) -> dict[str, object]:
    return {
        name: _EPOCH + _MICROSECOND * value
        if name.endswith("_at") and isinstance(value, int)
        else value
        for name, value in told.items()
    }
