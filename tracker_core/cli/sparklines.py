"""The course of a series in a few letters of a line."""

import math
from collections.abc import Iterator, Sequence

from tracker_core.cli.printing import has_letters

__all__ = ["heights", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-:=+*#"


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the course of ``values`` as bars, from their smallest to their largest.

    Each letter stands for as many values as the others, by their mean; fewer values
    than ``width`` have a letter each. NaN leaves a gap, an infinity is as high or as
    low as can be, and values that are all equal are a line half way up. Where the
    encoding of the output lacks the bars they are ``_.-:=+*#``.

    Args:
        values: The numbers in their order; none give an empty text.
        width: How many letters at the most.
    """
    found = heights(values, width)
    finite = [height for height in found if math.isfinite(height)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    bars = _BARS if has_letters(_BARS) else _ASCII
    return "".join(_bar(height, low, high, bars) for height in found)


def heights(values: Sequence[float], width: int) -> list[float]:
    """Return what the letters of a sparkline stand for.

    Args:
        values: The numbers in their order.
        width: How many letters at the most.
    """
    return [_mean(part) for part in _parts(values, width)]


def _parts(values: Sequence[float], width: int) -> Iterator[Sequence[float]]:
    count = min(len(values), max(width, 0))
    for number in range(count):
        start, end = (len(values) * (number + more) // count for more in (0, 1))
        yield values[start:end]


def _mean(values: Sequence[float]) -> float:
    """Return the mean of what is a number, an infinity if any is, NaN if nothing is."""
    numbers = [number for number in map(_float, values) if not math.isnan(number)]
    if not numbers:
        return math.nan
    infinite = [number for number in numbers if math.isinf(number)]
    if infinite:
        return infinite[-1]
    # The sum of large numbers has no float, that of their parts has.
    return math.fsum(number / len(numbers) for number in numbers)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an int beyond every float
        return math.inf if value > 0 else -math.inf


def _bar(height: float, low: float, high: float, bars: str) -> str:
    if math.isnan(height):
        return " "
    if math.isinf(height):
        return bars[-1] if height > 0 else bars[0]
    # Halves, since the distance of two floats may be none.
    span = high / 2 - low / 2
    if span == 0:
        return bars[len(bars) // 2 - 1]
    return bars[min(int((height / 2 - low / 2) / span * len(bars)), len(bars) - 1)]
