"""Runs for programs and notebooks: typed objects, and tables of them.

.. code-block:: python

    from tracker_core import query

    best = query.runs("params.lr < 0.1", order_by="-metrics.val/acc.max", limit=20)
    best[0].params["lr"]
    best.to_pandas()
    best.points("val/acc").to_polars()

The store is the one that the command line reads: the first configured backend that
outlives a process, else SQLite under ``TRACKER_HOME``. What is read is read when it is
asked for, so a run that goes on tells more the next time. Objects may be used from any
thread, one call at a time; after a fork each process makes its own.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, overload

from tracker_core.api import NativeTracker
from tracker_core.errors import ConfigError
from tracker_core.exporting import points_of_runs
from tracker_core.metrics import is_sampled
from tracker_core.stores import open_preferred, read_backends
from tracker_core.values import Value

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from tracker_core.api import Query
    from tracker_core.datatypes import TrackerArtifact
    from tracker_core.entries import LogEntry
    from tracker_core.points import Points
    from tracker_core.runs import RunInfo
    from tracker_core.summaries import Summary

__all__ = ["PointTable", "RunTable", "StoredRun", "runs", "sql"]


def runs(
    query: "Query" = None,
    *,
    order_by: str | None = None,
    limit: int | None = None,
    tracker: NativeTracker | str | None = None,
) -> "RunTable":
    """Return the runs that a query chooses, the newest first.

    Args:
        query: A text such as ``params.lr < 0.1``, or a condition; None for all runs.
        order_by: Another order, such as ``-metrics.val/acc.max``.
        limit: The most runs that are wanted.
        tracker: A tracker, or the name of a configured or installed backend.

    Raises:
        QueryError: The query or the order means nothing; it says where and why.
        TrackerError: The store cannot be opened, under the policy ``raise``.
    """
    opened = _Opened(tracker)
    with opened.tracker.turn:
        found = opened.tracker.runs(query, order_by, limit)
    return RunTable(opened, found)


def sql(
    statement: str,
    query: "Query" = None,
    *,
    tracker: NativeTracker | str | None = None,
) -> "pa.Table":
    """Return what SQL says of runs and their points; DuckDB works it out.

    The tables are ``runs`` (as :meth:`RunTable.to_arrow`), ``params``, ``tags``,
    ``series`` and ``points`` (as :meth:`RunTable.points`). Points are read only where
    the statement names them, and then all of the chosen runs, so choose few.

    Args:
        statement: One ``SELECT``.
        query: Which runs there are in the tables; None for all.
        tracker: As in :func:`runs`.

    Raises:
        ConfigError: A package is missing; ``tracker-core[sql]`` brings it.
        QueryError: DuckDB does not understand the statement, or it is no question.
    """
    try:
        from tracker_core.sqltables import answer
    except ImportError as error:
        raise _missing(error.name, "sql") from error
    return answer(statement, runs(query, tracker=tracker))


class _Opened:
    """A tracker; one that was opened here is closed when nobody needs it any more."""

    def __init__(self, wanted: NativeTracker | str | None) -> None:
        if isinstance(wanted, NativeTracker):
            self.tracker: NativeTracker = wanted
            return
        self.tracker = open_preferred(*read_backends(wanted)).tracker
        weakref.finalize(self, self.tracker.close)


class StoredRun:
    """One run as a store holds it.

    Attributes:
        info: Who it is and how it fared, when it was looked up.
    """

    def __init__(self, opened: _Opened, info: "RunInfo") -> None:
        """Keep where it lies."""
        self._opened = opened
        self.info: RunInfo = info

    def __repr__(self) -> str:
        """Name it."""
        info = self.info
        return f"<run {info.name!r} {info.run_id!r} {info.status}>"

    def _repr_html_(self) -> str:
        from tracker_core.notebooks import run_page

        return run_page(self)

    @property
    def run_id(self) -> str:
        """Its id."""
        return self.info.run_id

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.info.name

    @property
    def status(self) -> str | None:
        """``PENDING``, ``RUNNING``, ``FINISHED``, ``FAILED``, ``KILLED`` or None."""
        return self.info.status

    @property
    def params(self) -> Mapping[str, Value]:
        """Its params, by their dotted keys."""
        with self._opened.tracker.turn:
            return self._opened.tracker.params(self.run_id)

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        with self._opened.tracker.turn:
            return self._opened.tracker.tags(self.run_id)

    @property
    def metadata(self) -> Mapping[str, object]:
        """Its metadata."""
        with self._opened.tracker.turn:
            return self._opened.tracker.metadata(self.run_id)

    @property
    def series(self) -> "Mapping[str, Summary]":
        """The summary of each of its series, without reading its points."""
        with self._opened.tracker.turn:
            return self._opened.tracker.series(self.run_id)

    @property
    def artifacts(self) -> "Mapping[str, TrackerArtifact]":
        """The newest artifact of each name."""
        with self._opened.tracker.turn:
            return self._opened.tracker.artifacts(self.run_id)

    def logs(self, level: str | None = None) -> "Sequence[LogEntry]":
        """Return its messages in the order of time, those of a level and above."""
        with self._opened.tracker.turn:
            return self._opened.tracker.logs(self.run_id, level)

    def points(self, series: str) -> "Points":
        """Return the points of a series: the columns steps, times_ns and values."""
        with self._opened.tracker.turn:
            return self._opened.tracker.points(self.run_id, series)

    def open_artifact(self, name_or_digest: str) -> BinaryIO:
        """Open the content of an artifact; its digest is checked while it is read."""
        with self._opened.tracker.turn:
            return self._opened.tracker.open_artifact(self.run_id, name_or_digest)


class RunTable(Sequence[StoredRun]):
    """Runs that a query has chosen, in its order."""

    def __init__(self, opened: _Opened, found: "Sequence[RunInfo]") -> None:
        """Keep what was found."""
        self._opened = opened
        self._runs = [StoredRun(opened, info) for info in found]

    @overload
    def __getitem__(self, place: int) -> StoredRun: ...
    @overload
    def __getitem__(self, place: slice) -> "RunTable": ...
    def __getitem__(self, place: int | slice) -> "StoredRun | RunTable":
        """Return one run, or a part of the table."""
        if isinstance(place, slice):
            chosen = [run.info for run in self._runs[place]]
            return RunTable(self._opened, chosen)
        return self._runs[place]

    @property
    def tracker(self) -> NativeTracker:
        """The tracker that holds them; hold its ``turn`` while calling it."""
        return self._opened.tracker

    def __len__(self) -> int:
        """Return how many runs there are."""
        return len(self._runs)

    def __repr__(self) -> str:
        """Count them."""
        return f"<{len(self)} runs>"

    def _repr_html_(self) -> str:
        from tracker_core.notebooks import table_page

        return table_page(self)

    def rows(self) -> Iterator[dict[str, object]]:
        """Give a mapping for each run.

        The keys are those of :class:`~tracker_core.runs.RunInfo` but for ``attempts``
        and ``experiment_config``, then ``duration`` in seconds, ``params.KEY``,
        ``tags.KEY``, and ``metrics.SERIES.last``, ``.min`` and ``.max``, as in a query,
        of what the job has logged; :attr:`StoredRun.series` has the samples of the
        machine too.
        """
        return map(_row, self)

    def points(self, *series: str) -> "PointTable":
        """Return the points of these series, or without any of all, as one table."""
        return PointTable(self._opened, self._runs, series)

    def to_arrow(self) -> "pa.Table":
        """Return a row for each run, with the columns of :meth:`rows`.

        A column whose values are of several kinds holds them as JSON text; ints beside
        floats become floats.

        Raises:
            ConfigError: It needs ``tracker-core[parquet]``.
        """
        try:
            from tracker_core.arrow import table_of_rows
        except ImportError as error:
            raise _missing(error.name, "parquet") from error
        return table_of_rows(list(self.rows()), _COLUMNS)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the same as a data frame of pandas."""
        return _to_pandas(self.to_arrow())

    def to_polars(self) -> "pl.DataFrame":
        """Return the same as a data frame of Polars."""
        return _to_polars(self.to_arrow())


class PointTable:
    """The points of several series of several runs, a row a point.

    The columns are ``run_id``, ``experiment``, ``series``, ``index``, ``step``,
    ``time`` (UTC, to the nanosecond), ``value`` (a float), ``is_integer`` and
    ``value_json`` for what no float holds.
    """

    def __init__(
        self, opened: _Opened, chosen: Sequence[StoredRun], series: Sequence[str]
    ) -> None:
        """Keep what is wanted; nothing is read yet."""
        self._opened = opened
        self._runs = chosen
        self._series = series

    def to_arrow(self) -> "pa.Table":
        """Return the points.

        Raises:
            ConfigError: It needs ``tracker-core[parquet]``.
        """
        try:
            from tracker_core.arrow import table_of_points
        except ImportError as error:
            raise _missing(error.name, "parquet") from error
        with self._opened.tracker.turn:
            infos = [run.info for run in self._runs]
            found = points_of_runs(self._opened.tracker, infos, self._series)
            return table_of_points(
                (one.run.run_id, one.run.experiment, one.series, one.points)
                for one in found
            )

    def to_pandas(self) -> "pd.DataFrame":
        """Return the same as a data frame of pandas."""
        return _to_pandas(self.to_arrow())

    def to_polars(self) -> "pl.DataFrame":
        """Return the same as a data frame of Polars."""
        return _to_polars(self.to_arrow())


_COLUMNS = {
    **dict.fromkeys(("run_id", "name", "experiment", "group_id"), str),
    **dict.fromkeys(("parent_run_id", "status", "cause"), str),
    **dict.fromkeys(("created_at", "started_at", "ended_at", "heartbeat_at"), datetime),
    **dict.fromkeys(("trace_id", "span_id"), str),
    "duration": float,
}


def _row(run: StoredRun) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(run.info, name) for name in _COLUMNS}
    row.update({f"params.{key}": value for key, value in run.params.items()})
    row.update({f"tags.{key}": value for key, value in run.tags.items()})
    for name, summary in run.series.items():
        if is_sampled(name):
            continue
        row[f"metrics.{name}.last"] = summary.last
        row[f"metrics.{name}.min"] = summary.min
        row[f"metrics.{name}.max"] = summary.max
    return row


def _to_pandas(table: "pa.Table") -> "pd.DataFrame":
    try:
        import pandas as pd  # noqa: F401 - else pyarrow says it its own way
    except ImportError as error:
        raise _missing("pandas", None) from error
    return table.to_pandas()


def _to_polars(table: "pa.Table") -> "pl.DataFrame":
    try:
        import polars as pl
    except ImportError as error:
        raise _missing("polars", None) from error
    return pl.DataFrame(table)


def _missing(package: str | None, extra: str | None) -> ConfigError:
    name = (package or "").partition(".")[0]
    remedy = f"tracker-core[{extra}]" if extra else name
    return ConfigError(f"this needs the package {name}; install {remedy}")
