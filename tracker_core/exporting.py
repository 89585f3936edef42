"""The points of many runs as one long table, which any other program reads.

A row is a point: ``run_id``, ``experiment``, ``series``, ``index``, ``step``, ``time``
and ``value``. Abandoned points are left out. The rows of a run stay together, those of
a series in the order of the run.

Nothing is kept: what is given is written before the next series is read, so the memory
that is needed is that of the longest series.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from tracker_core.api import NativeTracker
from tracker_core.errors import ConfigError
from tracker_core.points import Point, Points
from tracker_core.values import Value, to_json

if TYPE_CHECKING:
    from tracker_core.runs import RunInfo

__all__ = ["FORMATS", "SeriesPoints", "exported", "points_of_runs"]

_COLUMNS = ("run_id", "experiment", "series", "index", "step", "time", "value")
_BILLION = 1_000_000_000
_TO_SECONDS = len("2026-01-31T12:00:00")
# So many rows are written at a time.
_PIECE_ROWS = 10_000


class SeriesPoints(NamedTuple):
    """The points of one series of a run."""

    run: "RunInfo"
    series: str
    points: Points


def points_of_runs(
    tracker: NativeTracker, runs: "Iterable[RunInfo]", series: Iterable[str] = ()
) -> Iterator[SeriesPoints]:
    """Give the points of each series of each run, in the order of the runs.

    Args:
        tracker: What holds the runs.
        runs: Which, as :meth:`NativeTracker.runs` gives them.
        series: The names of the series that are wanted; none for all.

    Raises:
        NotSupportedError: The tracker lacks :attr:`Capability.HISTORY`.
    """
    wanted = {*series}
    for run in runs:
        for name in tracker.series(run.run_id):
            if not wanted or name in wanted:
                yield SeriesPoints(run, name, tracker.points(run.run_id, name))


def exported(form: str, tables: Iterable[SeriesPoints]) -> Iterator[bytes]:
    """Give the pieces of a file that holds points.

    Args:
        form: ``csv``, with a first line of the columns' names and ``value`` as in JSON
            where it is no number; ``jsonl``, one JSON object a line, in which NaN and
            the infinities are ``{"$float":"nan"}`` and the like; or ``parquet``, whose
            ``value`` is a double, with ``is_integer``, and ``value_json`` for what no
            double holds exactly.
        tables: What is to be in it.

    Raises:
        ConfigError: Parquet needs ``tracker-core[parquet]``.
    """
    return FORMATS[form](tables)


def _csv(tables: Iterable[SeriesPoints]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for table in tables:
        names = (table.run.run_id, table.run.experiment, table.series)
        for points in _pieces(table.points):
            writer.writerows(
                (*names, index, step, _time(time_ns), _shown(value))
                for index, step, time_ns, value in points
            )
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _pieces(points: Points) -> Iterator[Sequence[Point]]:
    rest = iter(points)
    while piece := [*islice(rest, _PIECE_ROWS)]:
        yield piece


def _shown(value: Value) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(value) if is_number else to_json(value)


def _jsonl(tables: Iterable[SeriesPoints]) -> Iterator[bytes]:
    for table in tables:
        begin = to_json(
            {
                "run_id": table.run.run_id,
                "experiment": table.run.experiment,
                "series": table.series,
            }
        )[:-1]
        for points in _pieces(table.points):
            lines = (
                f'{begin},"index":{index},"step":{json.dumps(step)},'
                f'"time":"{_time(time_ns)}","value":{to_json(value)}}}\n'
                for index, step, time_ns, value in points
            )
            yield "".join(lines).encode()


def _parquet(tables: Iterable[SeriesPoints]) -> Iterator[bytes]:
    try:
        from tracker_core.arrow import parquet_pieces
    except ImportError as error:
        message = (
            "the form 'parquet' needs the package pyarrow; install "
            "tracker-core[parquet], or export as csv or jsonl"
        )
        raise ConfigError(message) from error
    return parquet_pieces(
        (run.run_id, run.experiment, series, points) for run, series, points in tables
    )


def _time(time_ns: int) -> str:
    """Return a time as ISO 8601 with all its nanoseconds."""
    seconds, rest = divmod(time_ns, _BILLION)
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at.isoformat()[:_TO_SECONDS]}.{rest:09d}Z"


FORMATS: Final[Mapping[str, Callable[[Iterable[SeriesPoints]], Iterator[bytes]]]] = (
    MappingProxyType({"csv": _csv, "jsonl": _jsonl, "parquet": _parquet})
)
"""What writes each form."""
