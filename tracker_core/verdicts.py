"""What a comparison of runs comes to, in one sentence."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tracker_core.comparing import Comparison, DifferingSeries
from tracker_core.metrics import is_number

__all__ = ["verdict"]

_PAIR = 2
_DIGITS = range(3, 18)
# A series of what was held back tells more than one of what was learnt from.
_HELD_BACK = frozenset({"dev", "eval", "test", "val", "valid", "validation"})
# Below, machines differ by more than runs do.
_SHORTEST_SECONDS = 1.0
_LEAST_PERCENT = 1
_MANIFOLD_PERCENT = 100


class _Standing(NamedTuple):
    """How runs stand on one series, the best first: label and value."""

    series: DifferingSeries
    places: Sequence[tuple[str, float]]

    @property
    def best(self) -> float:
        """The value of the best."""
        return self.places[0][1]

    @property
    def winners(self) -> list[str]:
        """Those that have it."""
        return [label for label, value in self.places if value == self.best]


def verdict(comparison: Comparison, labels: Mapping[str, str] | None = None) -> str:
    """Return what a comparison comes to.

    It tells which run is better on the series that tells most, by its best value, or
    where the name of a series does not tell what is better, which one ends higher;
    which of two runs was faster; which did not finish; how much differs; and where the
    curves of that series part.

    Args:
        comparison: What differs.
        labels: What the runs are called, by their ids; without it their names.
    """
    named = labels or {run.run_id: run.name for run in comparison.runs}
    standing = _telling(comparison, named)
    winners = standing.winners if standing else []
    parts = (
        _joined(
            [_better(standing) if standing else "", _pace(comparison, winners, named)]
        ),
        _unfinished(comparison, named),
        _changes(comparison),
        _part_words(comparison, standing),
    )
    return "; ".join(filter(None, parts))


def _telling(comparison: Comparison, labels: Mapping[str, str]) -> _Standing | None:
    """Return how runs stand on the series that tells most."""
    found = (_standing(series, labels) for series in comparison.series)
    return min(
        (standing for standing in found if standing is not None),
        key=lambda standing: (
            len(standing.places) < len(comparison.runs),
            standing.series.direction is None,
            _HELD_BACK.isdisjoint(standing.series.name.replace("/", "_").split("_")),
        ),
        default=None,
    )


def _standing(series: DifferingSeries, labels: Mapping[str, str]) -> _Standing | None:
    """Return how runs stand on a series; None where they stand alike."""
    part = {"lower": "min", "higher": "max", None: "last"}[series.direction]
    # A tracker without history knows the last value alone.
    values = {
        run: found.last if found.count is None else getattr(found, part)
        for run, found in series.summaries.items()
    }
    numbers = ((labels[run], _number(value)) for run, value in values.items())
    # What has run away is not better.
    beyond = {"lower": -math.inf, "higher": math.inf, None: None}[series.direction]
    places = [(label, n) for label, n in numbers if n is not None and n != beyond]
    places.sort(key=lambda place: place[1], reverse=series.direction != "lower")
    if len({value for _, value in places}) < _PAIR:
        return None
    return _Standing(series, places)


def _better(standing: _Standing) -> str:
    """Return who is better, and by how much."""
    winners, is_pair = standing.winners, len(standing.places) == _PAIR
    is_one = len(winners) == 1
    if standing.series.direction is None:
        does = f"{'ends' if is_one else 'end'} {'higher' if is_pair else 'highest'}"
    else:
        does = f"{'is' if is_one else 'are'} {'better' if is_pair else 'best'}"
    label, value = standing.places[len(winners)]
    whose = "" if is_pair else f" of {label}"
    best, beside = _told_apart(standing.best, value)
    values = f"{best} against {beside}{whose}{_change(standing.best, value)}"
    return f"{_joined(winners)} {does} on {standing.series.name} ({values})"


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Return two numbers to as few digits, three at least, as tell them apart."""
    digits = (
        digits for digits in _DIGITS if f"{one:.{digits}g}" != f"{other:.{digits}g}"
    )
    enough = next(digits, _DIGITS[-1])
    return f"{one:.{enough}g}", f"{other:.{enough}g}"


def _change(value: float, beside: float) -> str:
    """Return by how much a value is more than another; empty where it means nothing."""
    if not beside or not math.isfinite(value) or not math.isfinite(beside):
        return ""
    percent = 100 * (value - beside) / abs(beside)
    digits = ".0f" if abs(percent) >= _MANIFOLD_PERCENT else ".2g"
    return f", {percent:+{digits}} %"


def _pace(
    comparison: Comparison, winners: Sequence[str], labels: Mapping[str, str]
) -> str:
    """Return how long one of two runs took beside the other; the better one if any."""
    if len(comparison.runs) != _PAIR:
        return ""
    other, one = comparison.runs
    if winners == [labels[other.run_id]]:
        other, one = one, other
    took, beside = one.duration, other.duration
    if not took or not beside or max(took, beside) < _SHORTEST_SECONDS:
        return ""
    percent = 100 * (took - beside) / beside
    if abs(percent) < _LEAST_PERCENT:
        return ""
    who = "" if winners else f"{labels[one.run_id]} "
    if percent > _MANIFOLD_PERCENT:
        return f"{who}takes {took / beside:.2g} times as long"
    word = "slower" if percent > 0 else "faster"
    return f"{who}is {word} by {abs(percent):.0f} %"


def _unfinished(comparison: Comparison, labels: Mapping[str, str]) -> str:
    told = ((labels[run.run_id], run.status) for run in comparison.runs)
    differs = any(fact.name == "status" for fact in comparison.facts)
    words = [f"{who} is {status}" for who, status in told if status != "FINISHED"]
    return _joined(words) if differs else ""


def _changes(comparison: Comparison) -> str:
    if comparison.is_equal:
        count = len(comparison.same_series)
        return (
            f"nothing differs, {count} series included" if count else "nothing differs"
        )
    counted = (
        ("param", "params", comparison.params),
        ("tag", "tags", comparison.tags),
        ("key of metadata", "keys of metadata", comparison.metadata),
        ("package", "packages", comparison.packages),
        ("fact of the environment", "facts of the environment", comparison.environment),
        ("series", "series", comparison.series),
    )
    counts = [
        f"{len(found)} {one if len(found) == 1 else several}"
        for one, several, found in counted
        if found
    ]
    named = [fact.name.removesuffix("_id") for fact in comparison.facts]
    named = [name.removesuffix("_run") for name in named if name != "status"]
    named += ["code"] if comparison.code else []
    things = counts + [f"the {name}" for name in named]
    is_one = len(things) == 1 and (bool(named) or counts[0].startswith("1 "))
    return f"{_joined(things)} {'differs' if is_one else 'differ'}" if things else ""


def _part_words(comparison: Comparison, standing: _Standing | None) -> str:
    """Return where curves part: those that were told of, else those that part first."""
    told = [standing.series] if standing else comparison.series
    partings = [series.parting for series in told if series.parting is not None]
    first = min(partings, key=lambda parting: parting.at, default=None)
    return f"curves part at {first.axis} {first.at}" if first else ""


def _number(value: object) -> float | None:
    """Return a value that has a place among others; NaN has none."""
    if not is_number(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if math.isnan(number) else number


def _joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence; empty ones are left out."""
    *some, last = [*filter(None, words)] or [""]
    return f"{', '.join(some)} and {last}" if some else last
