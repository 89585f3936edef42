"""``tracker list`` alone: the table of runs, chosen and sorted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias, TypeVar

import click

from tracker_core.api import NativeTracker
from tracker_core.cli.border import say
from tracker_core.cli.documents import print_json, run_value
from tracker_core.cli.options import count, given
from tracker_core.cli.selection import no_run_yet, similar
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import Table, print_table, short_ids, value_cell
from tracker_core.cli.text import age, duration, status_words, to_value
from tracker_core.expressions import parse, parse_order
from tracker_core.fields import Field, Space
from tracker_core.filters import Comparison, Condition, Exists, FilterOp, all_of
from tracker_core.runs import RunInfo
from tracker_core.stores import Store
from tracker_core.values import Value

__all__ = ["Choice", "choice_options", "list_runs"]

_Command = TypeVar("_Command", bound=Callable[..., object])
_Columns: TypeAlias = Mapping[Field, Mapping[str, str]]

# What a narrow terminal goes without, rather than break names.
_SPARE = ("GROUP", "EXPERIMENT", "TOOK")


class Choice(NamedTuple):
    """Which runs are wanted, and in which order.

    Args:
        where: A query, or None for all.
        experiment: The name of their experiment, or None for any.
        group_id: The label of their group, or None for any.
        sort_by: An order, or None for the newest first.
        limit: How many at the most.
    """

    where: str | None
    experiment: str | None
    group_id: str | None
    sort_by: str | None
    limit: int

    @property
    def is_narrowed(self) -> bool:
        """Whether it is anything but the newest runs of all."""
        return any(part is not None for part in self[:4])

    def condition(self) -> Condition | None:
        """Return what each run must match; None where all do.

        Raises:
            QueryError: The query means nothing.
        """
        parts = [] if self.where is None else [parse(self.where)]
        if self.group_id is not None:
            field = Field(Space.RUN, "group_id")
            parts.insert(0, Comparison(field, FilterOp.EQ, self.group_id))
        return all_of(parts, self.experiment)

    def sorted_fields(self) -> list[Field]:
        """Return by which values that runs logged they are sorted.

        Raises:
            QueryError: The order means nothing.
        """
        orderings = () if self.sort_by is None else parse_order(self.sort_by)
        fields = (ordering.field for ordering in orderings)
        return [field for field in fields if field.space is not Space.RUN]


def choice_options(command: _Command) -> _Command:
    """Add the options that make a choice."""
    options = (
        ("--where", "where", "QUERY", "Only runs that match a query."),
        ("--experiment", "experiment", "NAME", "Only runs of this experiment."),
        ("--group", "group_id", "LABEL", "Only runs of this group."),
        ("--sort-by", "sort_by", "ORDER", "Sort by a field; -FIELD sorts downwards."),
    )
    most = click.option(
        "--limit",
        metavar="N",
        callback=count,
        default="50",
        show_default=True,
        help="How many runs at the most.",
    )
    command = most(command)
    for option, name, metavar, text in reversed(options):
        add = click.option(option, name, metavar=metavar, callback=given, help=text)
        command = add(command)
    return command


def list_runs(choice: Choice, backend: str | None, *, as_json: bool) -> None:
    """Print the runs of a choice.

    Args:
        choice: Which runs.
        backend: Where to look.
        as_json: Whether to print for programs.

    Raises:
        QueryError: Its query or its order means nothing.
    """
    condition, fields = choice.condition(), choice.sorted_fields()
    with open_store(backend) as store:
        # One more than is shown tells whether there are more.
        runs = store.tracker.runs(
            query=condition, order_by=choice.sort_by, limit=choice.limit + 1
        )
        shown_runs, has_more = runs[: choice.limit], len(runs) > choice.limit
        columns = {} if as_json else _columns(store.tracker, fields, shown_runs)
        hints = [_nothing(store, choice)] if not runs else []
        hints += _unknown_fields(store.tracker, columns, condition)
    if as_json:
        found: list[Value] = [run_value(run) for run in shown_runs]
        print_json({"runs": found, "has_more": has_more})
        return
    print_table(_table(shown_runs, columns))
    if has_more:
        which = "newest" if choice.sort_by is None else "first"
        some = "run" if len(shown_runs) == 1 else f"{len(shown_runs)} runs"
        say(f"showing the {which} {some}; --limit N shows more")
    for hint in hints:
        say(hint)


def _columns(
    tracker: NativeTracker, fields: Iterable[Field], runs: Iterable[RunInfo]
) -> _Columns:
    """Return by what runs are sorted: for each field a cell for each run id."""
    ids = [run.run_id for run in runs]
    return {
        field: {run_id: value_cell(_value(tracker, run_id, field)) for run_id in ids}
        for field in fields
    }


def _value(tracker: NativeTracker, run_id: str, field: Field) -> Value:
    match field.space:
        case Space.PARAMS:
            return tracker.params(run_id).get(field.key)
        case Space.TAGS:
            return tracker.tags(run_id).get(field.key)
        case Space.METADATA:
            return to_value(tracker.metadata(run_id).get(field.key))
        case _:
            summary = tracker.series(run_id).get(field.key)
            return getattr(summary, field.part or "last", None)


def _unknown_fields(
    tracker: NativeTracker, columns: _Columns, condition: Condition | None
) -> list[str]:
    """Return what is said of the fields that no run of the choice has."""
    chosen = () if condition is None else (condition,)
    return [
        f"no run here has {field.space}.{_title(field)}"
        for field, cells in columns.items()
        # Those that are shown mostly tell, without asking for the others.
        if cells
        and set(cells.values()) == {value_cell(None)}
        and not tracker.runs(query=all_of((*chosen, Exists(field))), limit=1)
    ]


def _title(field: Field) -> str:
    return f"{field.key}.{field.part}" if field.part else field.key


def _table(runs: Sequence[RunInfo], sorted_by: _Columns) -> Table:
    now = datetime.now(UTC)
    columns: list[tuple[str, Callable[[RunInfo], str]]] = [
        ("NAME", lambda run: run.name),
        ("RUN ID", lambda run: run.run_id),
        ("EXPERIMENT", lambda run: run.experiment or "–"),
        ("GROUP", lambda run: run.group_id or "–"),
        ("STATUS", status_words),
        ("AGE", lambda run: age(run.started_at or run.created_at, now)),
        ("TOOK", lambda run: duration(run, now)),
    ]
    if not any(run.group_id for run in runs):
        del columns[3]
    own = {title for title, _ in columns}
    # Before the two times.
    columns[-2:-2] = [
        (_title(field), _cell_of(cells)) for field, cells in sorted_by.items()
    ]
    rows = [tuple(cell(run) for _, cell in columns) for run in runs]
    titles = tuple(title for title, _ in columns)
    short = short_ids(run.run_id for run in runs)
    spare = tuple(title for title in _SPARE if title in own)
    return Table(titles, rows, short=short, spare=spare)


def _cell_of(cells: Mapping[str, str]) -> Callable[[RunInfo], str]:
    return lambda run: cells[run.run_id]


def _nothing(store: Store, choice: Choice) -> str:
    """Return why there is no run, and what to do."""
    known = store.tracker.runs()
    if not known or not choice.is_narrowed:
        return no_run_yet(store)
    labels = (
        ("experiment", choice.experiment, {run.experiment for run in known}),
        ("group", choice.group_id, {run.group_id for run in known}),
    )
    for word, wanted, used in labels:
        if wanted is not None and wanted not in used:
            hint = similar(wanted, filter(None, used))
            hint = hint or f"`tracker list {word}s` lists the {word}s"
            return f"no run in {store.place} has the {word} {wanted!r}; {hint}"
    return f"no run in {store.place} matches; `tracker list` shows all"
