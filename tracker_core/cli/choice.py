"""Which runs ``tracker list`` shows, in which order, and what of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from tracker_core.cli.options import count, given
from tracker_core.fields import Field, Space

if TYPE_CHECKING:
    from tracker_core.filters import Condition

__all__ = ["Choice", "choice_options"]

_Command = TypeVar("_Command", bound=Callable[..., object])


class Choice(NamedTuple):
    """Which runs are wanted, in which order, and what of them.

    Args:
        where: Queries, all of which a run must match.
        experiment: The name of their experiment, or None for any.
        group_id: The label of their group, or None for any.
        sort_by: An order, or None for the newest first.
        columns: The fields that are shown, or None for what is worth seeing.
        spark: The series whose course is drawn, or None.
        limit: How many at the most.
    """

    where: tuple[str, ...]
    experiment: str | None
    group_id: str | None
    sort_by: str | None
    columns: str | None
    spark: str | None
    limit: int

    @property
    def is_narrowed(self) -> bool:
        """Whether it is anything but what is worth seeing of the newest runs."""
        return any(part not in (None, ()) for part in self[:-1])

    def condition(self) -> "Condition | None":
        """Return what each run must match; None where all do.

        Raises:
            QueryError: A query means nothing.
        """
        from tracker_core.filters import Comparison, Condition, FilterOp, all_of

        parts: list[Condition] = []
        if self.group_id is not None:
            field = Field(Space.RUN, "group_id")
            parts.append(Comparison(field, FilterOp.EQ, self.group_id))
        if self.where:
            from tracker_core.expressions import parse

            parts += map(parse, self.where)
        return all_of(parts, self.experiment)

    def sorted_by(self) -> tuple[Field, ...]:
        """Return by what the runs are sorted.

        Raises:
            QueryError: The order means nothing.
        """
        if self.sort_by is None:
            return ()
        from tracker_core.expressions import parse_order

        return tuple(ordering.field for ordering in parse_order(self.sort_by))

    def fields(self) -> tuple[Field, ...]:
        """Return what is to be shown; nothing where that is not said.

        Raises:
            QueryError: The columns mean nothing.
        """
        if self.columns is None:
            return ()
        from tracker_core.expressions import parse_fields

        return parse_fields(self.columns)


def choice_options(command: _Command) -> _Command:
    """Add the options that make a choice."""
    options = (
        ("--experiment", "experiment", "NAME", "Only runs of this experiment."),
        ("--group", "group_id", "LABEL", "Only runs of this group."),
        ("--sort-by", "sort_by", "ORDER", "Sort by a field; -FIELD sorts downwards."),
        ("--columns", "columns", "FIELDS", "Show these: params.lr,metrics.loss.min"),
        ("--spark", "spark", "SERIES", "Draw the course of this series."),
    )
    where = click.option(
        "--where",
        metavar="QUERY",
        multiple=True,
        callback=_all_given,
        help="The same as QUERY; may be given again.",
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
    return where(command)


def _all_given(
    ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    for text in texts:
        given(ctx, param, text)
    return texts
