"""Numbers that sum up several: what ``log_summary`` can be asked for."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from tracker_core.errors import InvalidValueError

__all__ = ["aggregate", "check_aggregates"]


def check_aggregates(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of aggregates.

    Raises:
        InvalidValueError: There is no such aggregate; it names those that there are.
    """
    checked = tuple(names)
    unknown = [name for name in checked if name not in _NAMES]
    if unknown:
        message = f"no aggregate {unknown[0]!r}; use {', '.join(_NAMES)}"
        raise InvalidValueError(message)
    return checked


def aggregate(name: str, values: Sequence[float]) -> float:
    """Return one aggregate of at least one number, none of them NaN.

    ``mean``, ``std`` and the percentiles are computed exactly and rounded once. ``std``
    is that of a sample (divided by n − 1) and 0.0 of a single value; percentiles lie
    between neighbours in proportion, as numpy's do by default. A sum beyond every float
    is infinite; what infinities make undefined is NaN.
    """
    return _AGGREGATES[name](values)


def _sum(values: Sequence[float]) -> float:
    try:
        return math.fsum(values)
    except ValueError:  # infinities of both signs
        return math.nan
    except OverflowError:  # maybe only on the way
        from fractions import Fraction

        total = sum(map(Fraction, values))
    try:
        return float(total)
    except OverflowError:
        return math.inf if total > 0 else -math.inf


def _mean(values: Sequence[float]) -> float:
    import statistics

    return statistics.mean([float(value) for value in values])


def _std(values: Sequence[float]) -> float:
    import statistics

    if len(values) == 1:
        return 0.0
    if not all(map(math.isfinite, values)):
        return math.nan
    try:
        return statistics.stdev([float(value) for value in values])
    except OverflowError:
        return math.inf


def _percentile(percent: int) -> Callable[[Sequence[float]], float]:
    def of(values: Sequence[float]) -> float:
        ordered = sorted(values)
        place, hundredths = divmod((len(ordered) - 1) * percent, 100)
        # Equal neighbours need no sum, which infinities would turn into NaN.
        if hundredths == 0 or ordered[place] == ordered[place + 1]:
            return ordered[place]
        return _between(ordered[place], ordered[place + 1], hundredths)

    return of


def _between(low: float, high: float, hundredths: int) -> float:
    from fractions import Fraction

    if math.isinf(low) or math.isinf(high):
        return low + high
    exact = Fraction(low) * (100 - hundredths) + Fraction(high) * hundredths
    return float(exact / 100)


_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": _mean,
    "std": _std,
    "min": min,
    "max": max,
    "count": len,
    "median": _percentile(50),
    "sum": _sum,
    "p50": _percentile(50),
    "p90": _percentile(90),
    "p95": _percentile(95),
    "p99": _percentile(99),
    "last": lambda values: values[-1],
    "first": lambda values: values[0],
}
_NAMES = tuple(_AGGREGATES)
