"""Which runs match a condition, and in which order: the plain way, one by one.

This is what the words of :mod:`tracker_core.filters` mean, as code. A backend that
answers queries itself gives the same answer; one that does not hands its runs to
:func:`select`.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeAlias

from tracker_core.fields import Field, Ordering, Space, kind_of
from tracker_core.filters import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Exists,
    FilterOp,
    Membership,
    Negation,
)
from tracker_core.runs import RunInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["Answers", "Facts", "matches", "needs", "select"]

_Key: TypeAlias = "tuple[int] | tuple[int, int, object]"

_ORDERED = frozenset({str, float, datetime})
_TEXT = frozenset({str})
# Each operator with the kinds of values that it takes, both of one kind.
_TESTS: Mapping[FilterOp, tuple[Callable[..., bool], frozenset[type]]] = {
    FilterOp.EQ: (operator.eq, _ORDERED | {bool}),
    FilterOp.NE: (operator.ne, _ORDERED | {bool}),
    FilterOp.GT: (operator.gt, _ORDERED),
    FilterOp.LT: (operator.lt, _ORDERED),
    FilterOp.GTE: (operator.ge, _ORDERED),
    FilterOp.LTE: (operator.le, _ORDERED),
    FilterOp.CONTAINS: (operator.contains, _TEXT),
    FilterOp.STARTS_WITH: (str.startswith, _TEXT),
    FilterOp.MATCHES: (lambda text, pattern: bool(re.search(pattern, text)), _TEXT),
}
_LOADERS: Mapping[Space, Callable[["Facts"], Mapping[str, object]]] = {
    Space.PARAMS: lambda facts: facts.params(),
    Space.TAGS: lambda facts: facts.tags(),
    Space.METADATA: lambda facts: facts.metadata(),
    Space.METRICS: lambda facts: facts.series(),
}
_RANKS: Mapping[type, int] = {float: 0, str: 1, bool: 2, datetime: 3}
_RUN_ID = Field(Space.RUN, "run_id")


class Facts(Protocol):
    """What one run can tell; no method is called before a condition asks for it."""

    @property
    def run_id(self) -> str:
        """The run, which costs nothing to tell."""

    def info(self) -> RunInfo:
        """Return who the run is."""

    def params(self) -> Mapping[str, Value]:
        """Return its params."""

    def tags(self) -> Mapping[str, str]:
        """Return its tags."""

    def metadata(self) -> Mapping[str, Value]:
        """Return its metadata."""

    def series(self) -> Mapping[str, Summary]:
        """Return the summaries of its series."""


def needs(
    condition: Condition | None, order: Sequence[Ordering] = ()
) -> frozenset[Space]:
    """Return the spaces that must be known to answer, for loading them at once."""
    fields = [*_fields(condition), *(ordering.field for ordering in order)]
    return frozenset(field.space for field in fields)


def matches(condition: Condition, facts: Facts) -> bool:
    """Tell whether a run matches; each method of ``facts`` is called at most once."""
    return _matches(condition, Answers(facts))


def select(
    items: Iterable[Facts],
    condition: Condition | None = None,
    order: Sequence[Ordering] = (),
    limit: int | None = None,
) -> list[RunInfo]:
    """Choose runs, sort them and cut the list.

    Args:
        items: The runs, the newest first; without an order no more are read than it
            takes to fill ``limit``.
        condition: What each run must match; None for all.
        order: By what they are sorted, the first deciding first. Ties keep the order
            of ``items``. Ascending, numbers come before text and text before bool;
            whatever cannot be sorted comes last in both directions: a missing value,
            None, NaN, a list, a mapping.
        limit: The most that are returned, from 0; None for all.
    """
    runs = map(Answers, items)
    chosen = (run for run in runs if condition is None or _matches(condition, run))
    if not order:
        return [run.info for run in islice(chosen, limit)]
    # The keys alone are kept, not all that was loaded of each run.
    rows = [(_keys(run, order), run.info) for run in chosen]
    for place, ordering in reversed(list(enumerate(order))):
        rows.sort(key=lambda row: row[0][place], reverse=ordering.is_descending)
    return [info for _, info in rows[:limit]]


class Answers:
    """A run that loads each part of its facts when it is first asked for.

    Args:
        facts: What it can tell.
    """

    __slots__ = ("_facts", "_found", "_info")

    def __init__(self, facts: Facts) -> None:
        """Load nothing yet."""
        self._facts = facts
        self._info: RunInfo | None = None
        self._found: dict[Space, Mapping[str, object]] = {}

    @property
    def info(self) -> RunInfo:
        """Who the run is."""
        if self._info is None:
            self._info = self._facts.info()
        return self._info

    def value(self, field: Field) -> object:
        """Return the value of a field, or None where there is none."""
        if field == _RUN_ID:
            # Asked of every run, to find a few among many.
            return self._facts.run_id
        if field.space is Space.RUN:
            return getattr(self.info, field.key)
        found = self.held(field.space).get(field.key)
        if field.part is not None and found is not None:
            return getattr(found, field.part)
        return found

    def has(self, field: Field) -> bool:
        """Tell whether the run has the field, as ``exists`` means it."""
        if field.space in (Space.RUN, Space.METRICS):
            return self.value(field) is not None
        return field.key in self.held(field.space)

    def held(self, space: Space) -> Mapping[str, object]:
        """Return all that the run has in a space; of series it is the summaries."""
        if space not in self._found:
            self._found[space] = _LOADERS[space](self._facts)
        return self._found[space]


def _matches(condition: Condition, run: Answers) -> bool:
    match condition:
        case Comparison(field, op, value):
            return _holds(op, run.value(field), value)
        case Membership(field, values):
            found = run.value(field)
            return any(_holds(FilterOp.EQ, found, value) for value in values)
        case Exists(field):
            return run.has(field)
        case AllOf(parts):
            return all(_matches(part, run) for part in parts)
        case AnyOf(parts):
            return any(_matches(part, run) for part in parts)
        case Negation(part):
            return not _matches(part, run)


def _holds(op: FilterOp, found: object, wanted: object) -> bool:
    kind = kind_of(found)
    test, kinds = _TESTS[op]
    return kind in kinds and kind is kind_of(wanted) and test(found, wanted)


def _fields(condition: Condition | None) -> Iterator[Field]:
    match condition:
        case Comparison(field) | Membership(field) | Exists(field):
            yield field
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _fields(part)
        case Negation(part):
            yield from _fields(part)


def _keys(run: Answers, order: Sequence[Ordering]) -> list[_Key]:
    return [_key(run.value(ordering.field), ordering) for ordering in order]


def _key(value: object, ordering: Ordering) -> _Key:
    kind = kind_of(value)
    is_sortable = kind is not None and value == value  # noqa: PLR0124 - NaN is not itself
    # A descending sort is a reversed one, so what comes last must be least there.
    place = int(is_sortable is ordering.is_descending)
    if kind is None or not is_sortable:
        return (place,)
    return (place, _RANKS[kind], value)
