"""The marks of an axis: round numbers, and how they are written."""

import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Scale", "Tick", "log_scale", "plain_scale"]

_ROUND = (1, 2, 5, 10)
_THOUSAND, _MILLION, _BILLION = 10**3, 10**6, 10**9
# From here on thousands are counted; four digits are read at a glance.
_LARGE = 10**4
_LARGEST = 10**13
_DECADES = range(-323, 309)
_FEWEST = 2
_SMALLEST = 5e-324


class Tick(NamedTuple):
    """A mark of an axis: how far along it is, from 0 to 1, and what it says."""

    at: float
    text: str


class Scale(NamedTuple):
    """An axis from ``least`` to ``greatest``, which differ."""

    least: float
    greatest: float
    is_log: bool = False
    # Whether only whole numbers have a meaning.
    is_whole: bool = False

    def at(self, value: float) -> float:
        """Return how far along the axis a value is, from 0 to 1."""
        value = math.log10(value) if self.is_log else value
        # Of halves no difference is infinite.
        return (value / 2 - self.least / 2) / (self.greatest / 2 - self.least / 2)

    def ticks(self, most: int) -> list[Tick]:
        """Return the marks of the axis, from the least on.

        Args:
            most: About how many there is room for, 2 at least.
        """
        values = self._decades(most) if self.is_log else self._rounds(most)
        # The ends themselves where floats have nothing round between them.
        values = [v for v in values if 0 <= self.at(v) <= 1] or self._ends()
        texts = _texts(values, self.is_log)
        return [Tick(self.at(v), text) for v, text in zip(values, texts, strict=True)]

    def _ends(self) -> list[float]:
        if not self.is_log:
            return [self.least, self.greatest]
        # The logarithm of the greatest float is a little too great.
        return [10**self.least, 10 ** min(self.greatest, 308.25)]

    def _rounds(self, most: int) -> list[float]:
        half = self.greatest / 2 - self.least / 2
        step = _round_step(half / most * 2 or _SMALLEST)
        step = max(step, 1.0) if self.is_whole else step
        first, last = math.floor(self.least / step), math.ceil(self.greatest / step)
        if last - first > _ROUND[-1] * most:  # too small beside the values for floats
            return self._ends()
        return [*dict.fromkeys(n * step for n in range(first, last + 1))]

    def _decades(self, most: int) -> list[float]:
        first, last = math.ceil(self.least), math.floor(self.greatest)
        if last - first + 1 >= _FEWEST:
            stride = max(1, math.ceil((last - first + 1) / most))
            return [10.0**n for n in range(first, last + 1, stride)]
        least, greatest = self._ends()
        powers = [n for n in range(first - 1, last + 2) if n in _DECADES]
        inner = (m * 10.0**n for n in powers for m in (1, 2, 3, 5, 7))
        found = [value for value in inner if least <= value <= greatest]
        return found if len(found) >= _FEWEST else [least, greatest]


def plain_scale(values: Sequence[float], *, is_whole: bool = False) -> Scale:
    """Return an axis on which all finite values have their place; one at least."""
    least, greatest = float(min(values)), float(max(values))
    if greatest / 2 - least / 2 <= 0:
        room = abs(least) / 10 or 1.0
        least, greatest = least - room, greatest + room
    limit = sys.float_info.max
    return Scale(max(least, -limit), min(greatest, limit), is_whole=is_whole)


def log_scale(values: Sequence[float]) -> Scale:
    """Return a logarithmic axis for values above zero; one at least."""
    least, greatest = math.log10(min(values)), math.log10(max(values))
    if greatest - least <= sys.float_info.epsilon * abs(least):
        # Beyond these is no float.
        least = max(least - 0.5, math.log10(_SMALLEST))
        greatest = min(greatest + 0.5, math.log10(sys.float_info.max))
    return Scale(least, greatest, is_log=True)


def _round_step(least: float) -> float:
    """Return the least round number that is not below ``least``."""
    power = 10.0 ** max(math.floor(math.log10(least)), _DECADES[0])
    return next((m * power for m in _ROUND if m * power >= least), least)


def _texts(values: Sequence[float], is_log: bool) -> list[str]:  # noqa: FBT001 - a private word
    """Return numbers with as many digits as tell neighbours apart, and no more."""
    largest = max(map(abs, values), default=0.0)
    if is_log:
        forms = ["g"]
    elif _LARGE <= largest <= _LARGEST and all(v == int(v) for v in values):
        return [_counted(value) for value in values]
    elif largest < _LARGE:
        forms = [f".{digits}f" for digits in range(6)]
    else:
        forms = []
    for form in (*forms, *(f".{digits}g" for digits in range(1, 18))):
        texts = [f"{value:{form}}" for value in values]
        if is_log or _are_exact(texts, values):
            break
    return texts


def _are_exact(texts: Sequence[str], values: Sequence[float]) -> bool:
    span = max(values) - min(values) if values else 0.0
    near = span / 100 or sys.float_info.max
    pairs = zip(texts, values, strict=True)
    return all(abs(float(text) - value) <= near for text, value in pairs)


def _counted(value: float) -> str:
    """Return a whole number, in thousands and so on where that is as exact."""
    for unit, letter in ((_BILLION, "G"), (_MILLION, "M"), (_THOUSAND, "k")):
        if abs(value) >= unit:
            text = f"{value / unit:.6g}"
            return f"{text}{letter}" if float(text) * unit == value else f"{value:g}"
    return f"{value:g}"
