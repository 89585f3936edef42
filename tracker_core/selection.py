"""Choosing runs by a query as a caller gave it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tracker_core.entries import window
from tracker_core.fields import Ordering
from tracker_core.filters import Condition
from tracker_core.matching import Facts, select
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

if TYPE_CHECKING:
    from tracker_core.api import NativeTracker, Query

__all__ = ["Selection", "TrackerFacts", "select_runs", "to_selection"]


class Selection(NamedTuple):
    """A query and an order, parsed."""

    condition: Condition | None
    order: tuple[Ordering, ...]


def to_selection(
    query: "Query", order_by: str | None, limit: int | None = None
) -> Selection:
    """Parse what :meth:`NativeTracker.runs` is asked for.

    Raises:
        QueryError: The query or the order means nothing; it says where and why.
        InvalidValueError: The limit is negative.
        UnsupportedTypeError: The limit is no int.
    """
    window(0, limit)
    if order_by is None and not isinstance(query, str):
        return Selection(query, ())
    # Most lists are of the newest runs, and need no parser.
    from tracker_core.expressions import parse, parse_order

    condition = parse(query) if isinstance(query, str) else query
    return Selection(condition, () if order_by is None else parse_order(order_by))


def select_runs(
    items: Iterable[Facts],
    query: "Query" = None,
    order_by: str | None = None,
    limit: int | None = None,
) -> list[RunInfo]:
    """Choose and sort runs that are given the newest first, one by one.

    Raises:
        QueryError: The query or the order means nothing; it says where and why.
        InvalidValueError: The limit is negative.
        UnsupportedTypeError: The limit is no int.
    """
    selection = to_selection(query, order_by, limit)
    return select(items, *selection, window(0, limit).stop)


class TrackerFacts(NamedTuple):
    """What a tracker tells of one run, asked for when a condition needs it."""

    tracker: "NativeTracker"
    known: RunInfo

    @property
    def run_id(self) -> str:
        """The run."""
        return self.known.run_id

    def info(self) -> RunInfo:
        """Return who the run is."""
        return self.known

    def params(self) -> Mapping[str, Value]:
        """Return its params."""
        return self.tracker.params(self.known.run_id)

    def tags(self) -> Mapping[str, str]:
        """Return its tags."""
        return self.tracker.tags(self.known.run_id)

    def metadata(self) -> Mapping[str, Value]:
        """Return its metadata."""
        return self.tracker.metadata(self.known.run_id)

    def series(self) -> Mapping[str, Summary]:
        """Return the summaries of its series."""
        return self.tracker.series(self.known.run_id)
