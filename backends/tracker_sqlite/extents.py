"""How far the attempts of a series have come: what tells which points a rewind takes.

Kept with each series, so that a batch that rewinds nothing – nearly every one – is
added without a look at the points that are there.
"""

from collections.abc import Mapping
from typing import TypeAlias, cast

from tracker_core.blocks import Block
from tracker_core.records import Writer
from tracker_core.rewinds import abandoned_from
from tracker_core.values import from_json, to_json

__all__ = ["Extents", "Limits", "standing"]

Limits: TypeAlias = Mapping[tuple[int | None, int], int]
"""Rank and attempt → the step from which on its points are abandoned."""

_Key: TypeAlias = "tuple[int | None, int]"


class Extents:
    """Steps of each attempt and rank of one series.

    Args:
        text: What :meth:`to_json` returned; by default no point has been taken.
    """

    __slots__ = ("_greatest", "_least")

    def __init__(self, text: str = "[]") -> None:
        """Read the text."""
        # The least step of all points, and the greatest of those that stand.
        self._least: dict[_Key, int] = {}
        self._greatest: dict[_Key, int | None] = {}
        rows = cast("list[tuple[int | None, int, int, int | None]]", from_json(text))
        for rank, attempt, least, greatest in rows:
            self._least[rank, attempt] = least
            self._greatest[rank, attempt] = greatest

    def to_json(self) -> str:
        """Return a JSON list: rank, attempt, least step, greatest standing step."""
        return to_json(
            [[*key, least, self._greatest[key]] for key, least in self._least.items()]
        )

    def limits(self) -> Limits:
        """Return from which steps on points are abandoned."""
        if len(self._least) < 2:  # noqa: PLR2004 - one attempt rewinds nothing
            return {}
        by_rank: dict[int | None, dict[int, int]] = {}
        for (rank, attempt), least in self._least.items():
            by_rank.setdefault(rank, {})[attempt] = least
        return {
            (rank, attempt): limit
            for rank, least_steps in by_rank.items()
            for attempt, limit in abandoned_from(least_steps).items()
        }

    def rewinds(self, writer: Writer, block: Block) -> bool:
        """Take the steps of new points; tell whether earlier points no longer stand."""
        span = block.step_span
        if span is None:
            return False
        key = _key(writer)
        self._least[key] = min(span[0], self._least.get(key, span[0]))
        self._greatest.setdefault(key, None)
        limits = self.limits()
        return any(
            greatest is not None and greatest >= limits.get(key, greatest + 1)
            for key, greatest in self._greatest.items()
        )

    def forget_standing(self) -> None:
        """Forget which points stand, before all are told again."""
        self._greatest = dict.fromkeys(self._greatest)

    def stand(self, writer: Writer, block: Block) -> None:
        """Take the steps of points that stand."""
        span = block.step_span
        if span is not None:
            key = _key(writer)
            self._greatest[key] = max(span[1], self._greatest[key] or 0)


def standing(writer: Writer, block: Block, limits: Limits) -> Block:
    """Return the points that no later attempt has rewound."""
    limit = limits.get(_key(writer))
    span = block.step_span
    if limit is None or span is None or span[1] < limit:
        return block
    left = [
        place for place, step in enumerate(block.steps) if step is None or step < limit
    ]
    return block.at(left)


def _key(writer: Writer) -> _Key:
    return (writer.rank, writer.attempt)
