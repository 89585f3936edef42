"""The columns of the table of runs, and how telling each of them is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

from tracker_core.cli.glyphs import status_glyph
from tracker_core.cli.outcomes import status_name, status_words
from tracker_core.cli.overview import Overview
from tracker_core.cli.runcourses import WIDTH
from tracker_core.cli.sparklines import sparkline
from tracker_core.cli.tables import short_ids, value_cell
from tracker_core.cli.text import to_value
from tracker_core.cli.times import ago, duration
from tracker_core.fields import Field, Space
from tracker_core.matching import Answers
from tracker_core.runs import RunInfo

__all__ = ["Column", "Rank", "columns_of"]

_FIRST_PARAMS = 2
# What runs share has no column, under these titles.
_SHARED = {"experiment": "EXPERIMENT", "group_id": "GROUP", "status": "STATUS"}


class Rank(IntEnum):
    """How telling a column is; where room is short the last ones are left out first."""

    WHO = 0
    STATUS = 1
    SORTED = 2
    METRIC = 3
    STARTED = 4
    PARAM = 5
    COURSE = 6
    TOOK = 7
    RUN_ID = 8
    EXPERIMENT = 9
    GROUP = 10
    OTHER_PARAM = 11


class Column(NamedTuple):
    """A title, and a cell for each run.

    Args:
        title: The title.
        cells: The cells.
        rank: How telling it is.
        is_cut: Whether long cells may be cut.
        short: What its cells are where room is short; None for no other.
    """

    title: str
    cells: tuple[str, ...]
    rank: int
    is_cut: bool = False
    short: tuple[str, ...] | None = None


def columns_of(
    overview: Overview,
    courses: Mapping[str, Sequence[float]],
    sorted_by: Sequence[Field] = (),
    *,
    is_folded: bool,
) -> list[Column]:
    """Return the columns of a table.

    Args:
        overview: What is told of the runs.
        courses: The course of a series in some of them, by run id.
        sorted_by: By what they are sorted.
        is_folded: Whether what all runs share has no column, and their status a glyph.
    """
    now = datetime.now(UTC)
    infos = [run.info for run in overview.runs]
    values = list(_values(overview, sorted_by, now))
    drawn = [_course(overview.series, values, infos, courses)] if courses else []
    if overview.is_chosen:
        wanted = [*values, *drawn]
        return [column._replace(rank=rank) for rank, column in enumerate(wanted)]
    columns = [*_identity(infos), *values, *drawn, *_times(infos, now)]
    if not is_folded:
        return columns
    glyphs = tuple(status_glyph(status_name(info, now)) for info in infos)
    hidden = {_SHARED[name] for name in overview.same if name in _SHARED}
    shown = [column for column in columns if column.title not in hidden]
    return [Column("", glyphs, Rank.WHO), *shown]


def _identity(infos: Sequence[RunInfo]) -> Iterator[Column]:
    names = tuple(info.name for info in infos)
    is_enough = len({*names}) == len(names)
    ids = tuple(info.run_id for info in infos)
    experiments = tuple(info.experiment or "–" for info in infos)
    yield Column("NAME", names, Rank.WHO)
    beginnings = short_ids(ids)
    short = tuple(beginnings[run_id] for run_id in ids)
    rank = Rank.RUN_ID if is_enough else Rank.WHO
    yield Column("RUN ID", ids, rank, short=short)
    yield Column("EXPERIMENT", experiments, Rank.EXPERIMENT, is_cut=True)
    if any(info.group_id for info in infos):
        groups = tuple(info.group_id or "–" for info in infos)
        yield Column("GROUP", groups, Rank.GROUP, is_cut=True)
    words = tuple(map(status_words, infos))
    # Beside its glyph a status is told by its cause.
    causes = tuple(text.partition(": ")[2] or text for text in words)
    yield Column("STATUS", words, Rank.STATUS, short=causes)


def _times(infos: Sequence[RunInfo], now: datetime) -> Iterator[Column]:
    started = (info.started_at or info.created_at for info in infos)
    yield Column("STARTED", tuple(ago(at, now) for at in started), Rank.STARTED)
    yield Column("TOOK", tuple(duration(info, now) for info in infos), Rank.TOOK)


def _values(
    overview: Overview, sorted_by: Sequence[Field], now: datetime
) -> Iterator[Column]:
    uses = Counter(map(_title, overview.fields))
    params = 0
    for field in overview.fields:
        rank = Rank.METRIC
        if field in sorted_by:
            rank = Rank.SORTED
        elif field.space is Space.PARAMS:
            params += 1
            rank = Rank.PARAM if params <= _FIRST_PARAMS else Rank.OTHER_PARAM
        title = _title(field)
        if uses[title] > 1:
            title = f"{field.space}.{title}"
        cells = tuple(_cell(run, field, now) for run in overview.runs)
        is_cut = field.space is not Space.RUN
        yield Column(title, cells, rank, is_cut=is_cut)


def _course(
    series: str | None,
    values: Iterable[Column],
    infos: Iterable[RunInfo],
    courses: Mapping[str, Sequence[float]],
) -> Column:
    # Beside the last value of the series it needs no title.
    is_named = any(column.title == series for column in values)
    cells = (sparkline(courses.get(info.run_id, ()), WIDTH) for info in infos)
    return Column("" if is_named else series or "", tuple(cells), Rank.COURSE)


def _title(field: Field) -> str:
    if field.space is Space.RUN:
        return field.key.upper().replace("_", " ")
    is_plain = field.part in (None, "last")
    return field.key if is_plain else f"{field.key}.{field.part}"


def _cell(run: Answers, field: Field, now: datetime) -> str:
    if field.space is not Space.RUN:
        return value_cell(to_value(run.value(field)))
    if field.key == "status":
        return status_words(run.info)
    if field.key == "duration":
        return duration(run.info, now)
    value = run.value(field)
    if value is None:
        return "–"
    return ago(value, now) if isinstance(value, datetime) else str(value)
