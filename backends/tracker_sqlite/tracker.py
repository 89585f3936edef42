"""The tracker: each call is one transaction or one query."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tracker_core.api import Capability, NativeTracker
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.points import Points
from tracker_core.records import Batch
from tracker_core.runs import RunInfo
from tracker_core.settings import home
from tracker_core.summaries import Summary
from tracker_core.values import Value
from tracker_sqlite import reading
from tracker_sqlite.database import Database
from tracker_sqlite.files import configured_path
from tracker_sqlite.writing import take

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
            self.capabilities = frozenset({Capability.HISTORY})
        self._database = Database(None if is_memory else Path(path), busy_timeout)

    def write(self, batch: Batch) -> None:
        """Take ``batch`` in one transaction, as :meth:`NativeTracker.write` says."""
        with self._database.writing() as connection:
            take(connection, batch)

    def run(self, run_id: str) -> RunInfo:
        """Return who a run is, as :meth:`NativeTracker.run` says."""
        with self._database.reading() as connection:
            return reading.run(connection, run_id)

    def runs(self, limit: int | None = None) -> Sequence[RunInfo]:
        """Return the runs, as :meth:`NativeTracker.runs` says."""
        with self._database.reading() as connection:
            return reading.runs(connection, limit)

    def run_ids(self, **kwargs: str | None) -> Iterable[str]:
        """Return ids by an index, as :meth:`NativeTracker.run_ids` says."""
        if kwargs.keys() - {"parent_run_id"}:
            return super().run_ids(**kwargs)
        with self._database.reading() as connection:
            return reading.run_ids(connection, kwargs.get("parent_run_id"))

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

    def series(self, run_id: str) -> Mapping[str, Summary]:
        """Return the summaries, as :meth:`NativeTracker.series` says."""
        with self._database.reading() as connection:
            return reading.series(connection, run_id)

    def points(
        self, run_id: str, series: str, start_index: int = 0, limit: int | None = None
    ) -> Points:
        """Return points, as :meth:`NativeTracker.points` says."""
        with self._database.reading() as connection:
            return reading.points(connection, run_id, series, start_index, limit)

    def close(self) -> None:
        """Close the connection; the next call opens it again.

        A ``:memory:`` database ends here, and begins anew at the next call.
        """
        self._database.close()


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
