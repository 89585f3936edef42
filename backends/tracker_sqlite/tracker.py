"""The tracker: each call is one transaction."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tracker_core.api import Capability, NativeTracker, Query
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.entries import LogEntry, ParamChange, Rows, TrackEntry, window
from tracker_core.experiments import Experiment
from tracker_core.points import Points
from tracker_core.records import Batch
from tracker_core.runs import RunInfo
from tracker_core.settings import home
from tracker_core.stepinfo import StepInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value
from tracker_sqlite import curves, reading, stories
from tracker_sqlite.database import Database
from tracker_sqlite.files import absolute_path, configured_path
from tracker_sqlite.lifecycle import beat
from tracker_sqlite.objects import FileObjects, MemoryObjects, Objects
from tracker_sqlite.series import summaries
from tracker_sqlite.writing import take

if TYPE_CHECKING:  # it hashes, which most jobs never need
    from tracker_core.compactions import Compaction
    from tracker_core.contents import Content
    from tracker_core.removals import Removal
    from tracker_core.taken import Taken

__all__ = ["SqliteTracker", "create"]

_MEMORY = ":memory:"


class SqliteTracker(NativeTracker):
    """Keeps runs in a SQLite database.

    Several trackers in several processes may write to one file; each batch is one
    transaction. When :meth:`write` has returned, the batch survives the death of every
    process; a power loss may take the last transactions with it, and leaves those
    before them whole.

    The file can be used after a fork, in the parent and in the child: its connection
    is closed before the fork and opened again by the next call, as it is after
    :meth:`close`. ``:memory:`` lasts until it is closed, has no other process, and
    refuses every call in a forked child.

    The content of artifacts lies in ``objects`` beside the file, or in memory.

    A file that is removed or replaced while it is open takes what it held with it; the
    next call opens the one at the path, makes it if it is missing, and logs a warning.

    Args:
        path: The file, made with mode 0600 if it is missing, as are its folders with
            mode 0700; or ``:memory:``.
        busy_timeout: How many seconds a call waits for the writers before it. After a
            call that waited in vain, each waits a tenth of a second at the most, until
            a write has succeeded.

    Raises:
        ConfigError: The file cannot be used; the message says why and what to do.
        RetryableError: Other processes did not let it be opened in time.
    """

    def __init__(self, path: str | Path, *, busy_timeout: float = 30.0) -> None:
        """Open the database, and make what is missing."""
        is_memory = str(path) == _MEMORY
        if is_memory:
            self.capabilities = frozenset({Capability.HISTORY, Capability.CONTENT})
        self._database = Database(None if is_memory else Path(path), busy_timeout)
        self._objects: Objects = MemoryObjects()
        if not is_memory:
            folder = absolute_path(Path(path)).resolve().parent
            self._objects = FileObjects(folder)

    def write(self, batch: Batch) -> None:
        """Take ``batch`` in one transaction, as :meth:`NativeTracker.write` says."""
        with self._database.writing() as connection:
            take(connection, batch)

    def remove(self, run_id: str) -> "Removal":
        """Remove a run in one transaction, as :meth:`NativeTracker.remove` says."""
        from tracker_sqlite import removal

        with self._database.writing() as connection:
            removed, digests = removal.remove(connection, run_id)
        self._begin_writer()
        with self._database.writing() as connection:
            freed = removal.free_unused(connection, self._objects)
        own = [freed[digest] for digest in digests & freed.keys()]
        return removed._replace(
            freed_bytes=sum(size or 0 for size in own),
            remains=(removal.REMAINS,) if None in own else (),
        )

    def compact(self, run_id: str | None = None) -> "Compaction":
        """Free the content of runs that were removed; runs need no care here."""
        from tracker_core.compactions import Compaction
        from tracker_sqlite import removal

        if run_id is not None:
            return Compaction()
        with self._database.writing() as connection:
            freed = removal.free_unused(connection, self._objects)
        return Compaction(removed=sum(map(bool, freed.values())))

    def run(self, run_id: str) -> RunInfo:
        """Return who a run is, as :meth:`NativeTracker.run` says."""
        with self._database.reading() as connection:
            return reading.run(connection, run_id)

    def runs(
        self, query: Query = None, order_by: str | None = None, limit: int | None = None
    ) -> Sequence[RunInfo]:
        """Return runs, as :meth:`NativeTracker.runs` says."""
        from tracker_sqlite import listing

        with self._database.reading() as connection:
            return listing.runs(connection, query, order_by, limit)

    def experiments(self) -> Sequence[Experiment]:
        """Return the experiments, as :meth:`NativeTracker.experiments` says."""
        from tracker_sqlite import listing

        with self._database.reading() as connection:
            return listing.experiments(connection)

    def run_ids(self, **kwargs: str | None) -> Iterable[str]:
        """Return ids by an index, as :meth:`NativeTracker.run_ids` says."""
        if kwargs.keys() - {"parent_run_id"}:
            return super().run_ids(**kwargs)
        from tracker_sqlite import listing

        with self._database.reading() as connection:
            return listing.run_ids(connection, kwargs.get("parent_run_id"))

    def metadata(self, run_id: str) -> Mapping[str, Value]:
        """Return the metadata, as :meth:`NativeTracker.metadata` says."""
        with self._database.reading() as connection:
            return reading.metadata(connection, run_id)

    def artifacts(self, run_id: str) -> Mapping[str, TrackerArtifact]:
        """Return the artifacts, as :meth:`NativeTracker.artifacts` says."""
        with self._database.reading() as connection:
            return reading.artifacts(connection, run_id)

    def sources(
        self, run_id: str, artifact_name: str | None = None
    ) -> Sequence[TrackerSource]:
        """Return the edges, as :meth:`NativeTracker.sources` says."""
        with self._database.reading() as connection:
            return reading.sources(connection, run_id, artifact_name)

    def params(self, run_id: str) -> Mapping[str, Value]:
        """Return the params, as :meth:`NativeTracker.params` says."""
        with self._database.reading() as connection:
            return reading.params(connection, run_id)

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Return the tags, as :meth:`NativeTracker.tags` says."""
        with self._database.reading() as connection:
            return reading.tags(connection, run_id)

    def param_history(self, run_id: str, key: str) -> Sequence[ParamChange]:
        """Return the values of one, as :meth:`NativeTracker.param_history` says."""
        with self._database.reading() as connection:
            return reading.param_history(connection, run_id, key)

    def artifact_history(self, run_id: str, name: str) -> Sequence[TrackerArtifact]:
        """Return what a name meant, as :meth:`NativeTracker.artifact_history` says."""
        with self._database.reading() as connection:
            return reading.artifact_history(connection, run_id, name)

    def provenance(self, run_id: str) -> Mapping[str, Value]:
        """Return the provenance, as :meth:`NativeTracker.provenance` says."""
        with self._database.reading() as connection:
            return reading.provenance(connection, run_id)

    def steps(self, run_id: str) -> Sequence[StepInfo]:
        """Return the steps, as :meth:`NativeTracker.steps` says."""
        with self._database.reading() as connection:
            return reading.steps(connection, run_id)

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Return the summaries, as :meth:`NativeTracker.series` says."""
        with self._about(run_id) as (connection, run):
            return summaries(connection, run)

    def points(
        self,
        run_id: str,
        series: str,
        start_index: int = 0,
        limit: int | None = None,
        *,
        abandoned: bool = False,
    ) -> Points:
        """Return points, as :meth:`NativeTracker.points` says."""
        part = window(start_index, limit)
        with self._about(run_id) as (connection, run):
            return curves.points(connection, run, series, part, abandoned=abandoned)

    def rows(
        self, run_id: str, stream: str, start_index: int = 0, limit: int | None = None
    ) -> Rows:
        """Return points of a stream, as :meth:`NativeTracker.rows` says."""
        with self._about(run_id) as (connection, run):
            return curves.rows(connection, run, stream, window(start_index, limit))

    def logs(
        self,
        run_id: str,
        level: str | None = None,
        *,
        start: float | None = None,
        end: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> Sequence[LogEntry]:
        """Return messages, as :meth:`NativeTracker.logs` says."""
        with self._about(run_id) as (connection, run):
            return stories.logs(
                connection,
                run,
                level=level,
                span=(start, end),
                text=text,
                limit=window(0, limit).stop,
            )

    def topics(self, run_id: str) -> Sequence[str]:
        """Return the topics, as :meth:`NativeTracker.topics` says."""
        with self._about(run_id) as (connection, run):
            return stories.topics(connection, run)

    def track_entries(
        self,
        run_id: str,
        topic: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Sequence[TrackEntry]:
        """Return entries of a track, as :meth:`NativeTracker.track_entries` says."""
        with self._about(run_id) as (connection, run):
            return stories.track_entries(connection, run, topic, start, end)

    def batches(self, run_id: str) -> Iterator[Batch]:
        """Give all records again, as :meth:`NativeTracker.batches` says."""
        from tracker_sqlite import retelling

        return retelling.batches(self._database.reading, run_id)

    def taken(self, run_id: str) -> "Mapping[str, Taken]":
        """Return what was taken, as :meth:`NativeTracker.taken` says."""
        from tracker_sqlite import retelling

        with self._database.reading() as connection:
            return retelling.taken(connection, run_id)

    def add_content(self, content: "Content") -> None:
        """Keep content, as :meth:`NativeTracker.add_content` says."""
        self._objects.add(content)

    def open_content(self, digest: str) -> BinaryIO:
        """Open content, as :meth:`NativeTracker.open_content` says."""
        return self._objects.open(digest)

    def beat(self, run_id: str, time_ns: int) -> None:
        """Note a heartbeat, as :meth:`NativeTracker.beat` says."""
        with self._database.writing() as connection:
            beat(connection, run_id, time_ns)

    def close(self) -> None:
        """Close the connection; the next call opens it again.

        A ``:memory:`` database ends here, and begins anew at the next call.
        """
        self._database.close()
        self._objects.close()

    @contextmanager
    def _about(self, run_id: str) -> Iterator[tuple[sqlite3.Connection, int]]:
        with self._database.reading() as connection:
            yield connection, reading.key_of(connection, run_id)


def create(config: str | None = None) -> SqliteTracker:
    """Return a tracker on the database file ``config``.

    Args:
        config: A path, which starts where the job was launched if it is relative;
            ``:memory:``; or None for ``tracker.db`` in the home of Tracker.

    Raises:
        ConfigError: The file cannot be used; the message says why and what to do.
    """
    if config is None:
        return SqliteTracker(home() / "tracker.db")
    return SqliteTracker(config if config == _MEMORY else configured_path(config))
