"""A comparison as a person sees it: the verdict, then tables of what differs.

In the tables runs are letters, so that many fit beside each other; the first table
tells whose they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from string import ascii_uppercase
from textwrap import wrap
from typing import TYPE_CHECKING

from tracker_core.cli.layout import text_width
from tracker_core.cli.outcomes import status_words
from tracker_core.cli.printing import clean, echo, is_terminal, terminal_width
from tracker_core.cli.seriesrows import extreme
from tracker_core.cli.tables import (
    Table,
    brief_cell,
    print_heading,
    print_table,
    short_ids,
    table_width,
    value_cell,
)
from tracker_core.cli.text import shown
from tracker_core.cli.times import duration
from tracker_core.comparing import Comparison, Differing, DifferingSeries
from tracker_core.directions import Direction
from tracker_core.partings import Parting
from tracker_core.runs import RunInfo
from tracker_core.sameness import brief
from tracker_core.summaries import Summary
from tracker_core.verdicts import verdict

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["print_comparison"]

_Letters = Mapping[str, str]

_GAP = 2
# So few stand beside each other however long their values are.
_TOGETHER = 3
_FACTS = {"experiment": "EXPERIMENT", "group_id": "GROUP", "parent_run_id": "PARENT"}


def print_comparison(found: Comparison) -> None:
    """Print a comparison."""
    letters = _letters(found.runs)
    names = {run.run_id: f"{letters[run.run_id]} ({run.name})" for run in found.runs}
    text = clean(verdict(found, names))
    lines = [text]
    if is_terminal():
        lines = wrap(text, terminal_width(), break_on_hyphens=False)
    for line in lines:
        print_heading(line)
    for table in _tables(found, letters):
        echo("")
        print_table(table)


def _letters(runs: Sequence[RunInfo]) -> dict[str, str]:
    if len(runs) > len(ascii_uppercase):
        return {run.run_id: str(place) for place, run in enumerate(runs, 1)}
    return {run.run_id: ascii_uppercase[place] for place, run in enumerate(runs)}


def _tables(found: Comparison, letters: _Letters) -> Iterator[Table]:
    yield _runs(found, letters)
    parts = {
        "PARAM": found.params,
        "TAG": found.tags,
        "METADATA": found.metadata,
        "CODE": found.code,
        "PACKAGE": found.packages,
        "ENVIRONMENT": found.environment,
    }
    for title, things in parts.items():
        if things:
            yield from _pieces(title, things, letters)
    if found.series:
        yield _series(found.series, letters)


def _runs(found: Comparison, letters: _Letters) -> Table:
    """Return whose letters they are, with what differs in who the runs are."""
    facts = [fact for fact in found.facts if fact.name in _FACTS]
    rows = [
        (
            letters[run.run_id],
            run.name,
            run.run_id,
            status_words(run),
            duration(run),
            *(value_cell(fact.values[run.run_id]) for fact in facts),
        )
        for run in found.runs
    ]
    titles = ("RUN", "NAME", "RUN ID", "STATUS", "TOOK")
    short = short_ids(letters)
    return Table((*titles, *(_FACTS[fact.name] for fact in facts)), rows, short=short)


def _pieces(
    title: str, things: Sequence[Differing], letters: _Letters
) -> Iterator[Table]:
    """Give a row for each thing with a column for each run.

    On a terminal that has no room for all runs there is a table for some of them each.
    """
    names = [thing.name for thing in things]
    columns = [
        (letter, [_cell(thing, run_id) for thing in things])
        for run_id, letter in letters.items()
    ]
    room = terminal_width() - max(map(text_width, (title, *names)))
    for some in _fitting(columns, room) if is_terminal() else [columns]:
        titles = (title, *(letter for letter, _ in some))
        yield Table(titles, [*zip(names, *(cells for _, cells in some), strict=True)])


def _fitting(
    columns: Sequence[tuple[str, list[str]]], room: int
) -> Iterator[Sequence[tuple[str, list[str]]]]:
    """Give as many columns at a time as there is room for."""
    start, left = 0, room
    for place, (letter, cells) in enumerate(columns):
        width = max(map(text_width, (letter, *cells))) + _GAP
        if width > left and place - start >= _TOGETHER:
            yield columns[start:place]
            start, left = place, room
        left -= width
    yield columns[start:]


def _cell(thing: Differing, run_id: str) -> str:
    """Return a value so that those that differ look so: a float is told from an int."""
    if run_id not in thing.values:
        return "–"
    text = clean(shown(thing.values[run_id]))
    return brief(text) if is_terminal() or thing.name == "diff" else text


def _series(series: Sequence[DifferingSeries], letters: _Letters) -> Table:
    """Return a row for each series where there is room, else for each of its runs.

    The first is what fits a screen: of a series its last values, and the best ones.
    """
    beside = _beside(series, letters)
    if is_terminal() and table_width(beside) <= terminal_width():
        return beside
    titles = ("SERIES", "RUN", "LAST", "MIN", "STEP", "MAX", "STEP", "PARTS AT")
    rows = [row for one in series for row in _series_rows(one, letters)]
    return Table(titles, rows)


def _beside(series: Sequence[DifferingSeries], letters: _Letters) -> Table:
    titles = (
        "SERIES",
        *(f"{letter} LAST" for letter in letters.values()),
        *(f"{letter} BEST" for letter in letters.values()),
        "PARTS AT",
    )
    rows = [
        (
            one.name,
            *(_last(one.summaries.get(run_id)) for run_id in letters),
            *(_best(one.summaries.get(run_id), one.direction) for run_id in letters),
            _parting_words(one.parting, letters),
        )
        for one in series
    ]
    return Table(titles, rows)


def _last(summary: Summary | None) -> str:
    return "–" if summary is None else brief_cell(summary.last)


def _best(summary: Summary | None, direction: Direction | None) -> str:
    """Return the best value and its step; the range where no name tells the better."""
    if summary is None or summary.min is None:
        return "–"
    if direction is None:
        return f"{brief_cell(summary.min)} … {brief_cell(summary.max)}"
    if direction == "lower":
        return extreme(summary.min, summary.min_step)
    return extreme(summary.max, summary.max_step)


def _series_rows(
    series: DifferingSeries, letters: _Letters
) -> Iterator[tuple[str, ...]]:
    # To a person the name once is enough; a program takes each line by itself.
    again = "" if is_terminal() else series.name
    parts = _parting_words(series.parting, letters)
    for place, (run_id, letter) in enumerate(letters.items()):
        summary = series.summaries.get(run_id)
        yield (
            again if place else series.name,
            letter,
            *_summary_cells(summary),
            (again and parts) if place else parts,
        )


def _summary_cells(summary: Summary | None) -> tuple[str, ...]:
    if summary is None:
        return ("–",) * 5
    values: tuple[Value, ...] = (
        *(summary.last, summary.min, summary.min_step),
        *(summary.max, summary.max_step),
    )
    return tuple(map(brief_cell if is_terminal() else value_cell, values))


def _parting_words(parting: Parting | None, letters: _Letters) -> str:
    if parting is None:
        return "–"
    at = str(parting.at) if parting.axis == "step" else f"index {parting.at}"
    missing = [letters[run_id] for run_id, found in parting.values.items() if not found]
    return f"{at}, not in {' '.join(missing)}" if missing else at
