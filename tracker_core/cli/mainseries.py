"""Which series of a run tells most of it, and which ones its job has logged itself."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from tracker_core.metrics import is_sampled

__all__ = ["main_series", "own_series", "rank_of"]

_GOALS = ("loss", "acc")
_T = TypeVar("_T")


def own_series(series: Mapping[str, _T]) -> dict[str, _T]:
    """Return the series that the job has logged, without those of its launcher."""
    return {name: found for name, found in series.items() if not is_sampled(name)}


def main_series(names: Iterable[str]) -> str | None:
    """Return the series that tells the most; None where the job has logged none.

    It is a loss before an accuracy before any other, and of equals the first.
    """
    own = [name for name in names if not is_sampled(name)]
    return min(own, key=rank_of, default=None)


def rank_of(name: str) -> int:
    """Return how little a series tells, by its name: 0 for a loss."""
    field = name.rpartition("/")[2].lower()
    goals = (place for place, word in enumerate(_GOALS) if word in field)
    return next(goals, len(_GOALS))
