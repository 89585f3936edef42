"""What is known of a series without reading its points.

A :class:`SeriesState` takes points in any order, in any number of pieces, and always
comes to the same :class:`Summary`: ties are settled by the order of the run, and the
sum is kept exactly, as a whole number of the smallest positive float (2**-1074), so
that the mean does not depend on the order of adding.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from tracker_core.records import OrderKey
from tracker_core.values import Value

__all__ = ["SeriesState", "Summary"]

_SHIFT = 1074
_FLOAT_SPAN = 2.0**53
_Extreme = tuple[int | float, OrderKey, int | None]


class Summary(NamedTuple):
    """A series in eight values.

    NaN counts, but is no minimum, maximum or part of the mean; values that are not
    numbers (text, bool, None, lists, mappings) only count.

    Args:
        count: How many points there are; None where the tracker keeps no history.
        first: The first value in the order of the run; None where it is not kept.
        last: The last value in the order of the run.
        min: The smallest number, or None when there is none.
        max: The largest number, or None when there is none.
        mean: The mean of the numbers, correctly rounded, or None when there is none.
        min_step: The step of the first point that has the minimum, or None.
        max_step: The step of the first point that has the maximum, or None.
    """

    count: int | None  # type: ignore[assignment]  # hides tuple.count, which no reader needs
    first: Value
    last: Value
    min: int | float | None
    max: int | float | None
    mean: float | None
    min_step: int | None
    max_step: int | None


class SeriesState:
    """Everything that a summary needs, in a form that can be added to and stored."""

    __slots__ = (
        "_count",
        "_first",
        "_infinities",
        "_last",
        "_max",
        "_min",
        "_numbers",
        "_sum",
    )

    def __init__(self) -> None:
        """Begin without points."""
        self._count = 0
        self._numbers = 0
        self._sum = 0
        self._infinities = 0.0
        self._first: tuple[OrderKey, Value] | None = None
        self._last: tuple[OrderKey, Value] | None = None
        self._min: _Extreme | None = None
        self._max: _Extreme | None = None

    def add(self, key: OrderKey, step: int | None, value: Value) -> None:
        """Take one point; each key once."""
        self._count += 1
        self._take_ends((key,), (value,))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if value != value:  # noqa: PLR0124 - only NaN differs from itself
            return
        self._add_number(value, key, step)

    def extend(
        self,
        keys: Sequence[OrderKey],
        steps: Sequence[int | None] | None,
        values: Sequence[Value],
    ) -> None:
        """Take many points, as if :meth:`add` took one after the other.

        Args:
            keys: One per point, ascending; only a few are looked at, so they may be
                made as they are asked for.
            steps: One per point, or None when none has a step.
            values: One per point; columns of floats or of ints are taken the fastest.
        """
        numbers = _numbers(values)
        if not numbers:
            self._extend_slowly(keys, steps, values)
            return
        extremes = (min(numbers), max(numbers))
        places = [numbers.index(extreme) for extreme in extremes]
        total = _exact_sum(numbers, *extremes)
        if total is None:
            self._extend_slowly(keys, steps, values)
            return
        self._count += len(values)
        self._numbers += len(values)
        self._sum += total
        self._take_ends(keys, values)
        for place in places:
            step = None if steps is None else steps[place]
            self._take_extreme(numbers[place], keys[place], step)

    def summary(self) -> Summary:
        """Return the summary of the points taken so far; at least one is needed."""
        first = cast("tuple[OrderKey, Value]", self._first)
        last = cast("tuple[OrderKey, Value]", self._last)
        return Summary(
            count=self._count,
            first=first[1],
            last=last[1],
            min=self._min[0] if self._min else None,
            max=self._max[0] if self._max else None,
            mean=self._mean(),
            min_step=self._min[2] if self._min else None,
            max_step=self._max[2] if self._max else None,
        )

    def to_value(self) -> dict[str, Value]:
        """Return the state as a value that :meth:`from_value` reads."""
        return {
            "count": self._count,
            "numbers": self._numbers,
            "sum": f"{self._sum:x}",
            "infinities": self._infinities,
            "first": _listed(self._first),
            "last": _listed(self._last),
            "min": _listed(self._min),
            "max": _listed(self._max),
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Value]) -> "SeriesState":
        """Return the state that :meth:`to_value` wrote."""
        state = cls()
        state._count = cast("int", value["count"])
        state._numbers = cast("int", value["numbers"])
        state._sum = int(cast("str", value["sum"]), 16)
        state._infinities = cast("float", value["infinities"])
        state._first = _pair(value["first"])
        state._last = _pair(value["last"])
        state._min = _extreme(value["min"])
        state._max = _extreme(value["max"])
        return state

    def _add_number(self, value: float, key: OrderKey, step: int | None) -> None:
        self._numbers += 1
        if abs(value) == math.inf:
            self._infinities += value
        else:
            self._sum += _scaled(value)
        self._take_extreme(value, key, step)

    def _extend_slowly(
        self,
        keys: Sequence[OrderKey],
        steps: Sequence[int | None] | None,
        values: Sequence[Value],
    ) -> None:
        for place, value in enumerate(values):
            self.add(keys[place], None if steps is None else steps[place], value)

    def _take_ends(self, keys: Sequence[OrderKey], values: Sequence[Value]) -> None:
        if self._first is None or keys[0] < self._first[0]:
            self._first = (keys[0], values[0])
        if self._last is None or keys[-1] > self._last[0]:
            self._last = (keys[-1], values[-1])

    def _take_extreme(self, value: float, key: OrderKey, step: int | None) -> None:
        if self._min is None or (value, key) < self._min[:2]:
            self._min = (value, key, step)
        if self._max is None or (-value, key) < (-self._max[0], self._max[1]):
            self._max = (value, key, step)

    def _mean(self) -> float | None:
        if not self._numbers:
            return None
        if self._infinities:  # one sign, or NaN when both occurred
            return self._infinities
        try:
            return self._sum / (self._numbers << _SHIFT)
        except OverflowError:  # ints may lie beyond every float
            return math.inf if self._sum > 0 else -math.inf


def _scaled(number: float) -> int:
    numerator, denominator = number.as_integer_ratio()
    return (numerator << _SHIFT) // denominator


def _numbers(values: Sequence[Value]) -> list[int | float]:
    """Return values that are all floats or all ints; nothing of others."""
    # An array makes an object of a number whenever it is looked at, a list but once.
    numbers = cast("list[int | float]", [*values])
    is_packed = getattr(values, "typecode", "") in ("d", "q")
    alike = is_packed or set(map(type, numbers)) in ({int}, {float})
    return numbers if alike else []


def _exact_sum(numbers: list[int | float], low: float, high: float) -> int | None:
    """Return the sum as a whole number of 2**-1074; None when that takes longer.

    It does where floats are not all finite.
    """
    if isinstance(low, int):
        return sum(cast("list[int]", numbers)) << _SHIFT
    try:
        return _exact_float_sum([*numbers], low if low > 0 else -high)
    except (OverflowError, ValueError):  # on the way, or infinities of both signs
        return None


def _exact_float_sum(terms: list[float], least: float) -> int | None:
    """Sum floats; ``least`` is the least absolute value, or 0 or less if unknown."""
    # fsum rounds the exact sum once. What that leaves is summed again, until nothing
    # is left: a handful of floats that together are exactly the sum.
    part = math.fsum(terms)
    if not math.isfinite(part):
        return None
    # All terms are multiples of the last bit of the least one, and what is left is
    # half of the last bit of the sum at the most: one float holds it that spans both.
    spans = least > 0 and math.ulp(part) <= math.ulp(least) * _FLOAT_SPAN
    total = 0
    while part:
        total += _scaled(part)
        terms.append(-part)
        part = math.fsum(terms)
        if spans:
            return total + _scaled(part)
    return total


def _listed(found: tuple[object, ...] | None) -> Value:
    if found is None:
        return None
    return [list(item) if isinstance(item, tuple) else item for item in found]  # type: ignore[misc]  # keys, numbers and checked values


def _key(value: Value) -> OrderKey:
    return cast("OrderKey", tuple(cast("list[Value]", value)))


def _pair(value: Value) -> tuple[OrderKey, Value] | None:
    if value is None:
        return None
    key, found = cast("list[Value]", value)
    return _key(key), found


def _extreme(value: Value) -> _Extreme | None:
    if value is None:
        return None
    number, key, step = cast("list[Value]", value)
    return cast("float", number), _key(key), cast("int | None", step)
