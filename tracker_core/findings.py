"""What a verification finds: the differences, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

from tracker_core.sameness import brief, canonical

__all__ = [
    "MOST_DIFFERENCES",
    "NOTHING",
    "Difference",
    "Fields",
    "Findings",
    "Kind",
    "LeftOut",
    "Verification",
]

MOST_DIFFERENCES = 100
"""How many differences are told of; further ones are only counted."""

NOTHING = "–"
"""What is said by a tracker that does not have the thing; values look otherwise."""

Kind: TypeAlias = Literal[
    "run",
    "status",
    "attempt",
    "span",
    "provenance",
    "param",
    "param history",
    "tag",
    "metadata",
    "series",
    "points",
    "abandoned points",
    "rows",
    "log",
    "track",
    "step",
    "artifact",
    "artifact history",
    "content",
    "source",
]
"""What kinds of things are compared."""

Fields: TypeAlias = Mapping[str, object]
"""A thing by its fields; one that is a mere value has that under the empty name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that not all trackers say the same of.

    Args:
        kind: What it is.
        key: Which one: the key of a param, the name of a series, the topic of a track,
            the digest of content, for ``run`` and ``status`` the name of the field.
            Empty where there is but one, as of logs.
        said: What each tracker says, by the tracker's name: JSON, or of a thing of
            several parts ``name=JSON`` of those that differ; shortened, but so that two
            are equal exactly when the trackers agree. A tracker that does not have the
            thing says ``–``. One that cannot hold such things is not listed.
        index: Where the first difference lies in what has an order; else None.
    """

    kind: Kind
    key: str
    said: Mapping[str, str]
    index: int | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of one tracker was not compared.

    Args:
        tracker: Its name.
        things: What it is.
        reason: Why.
    """

    tracker: str
    things: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What the comparison of a run in several trackers gave.

    Args:
        run_id: The run.
        trackers: The names of those that were compared.
        differences: The first hundred differences.
        left_out: What could not be compared; it counts as no difference.
        difference_count: How many differences there are in all.
        pairs: In how many things each two of the trackers disagree.
    """

    run_id: str
    trackers: tuple[str, ...]
    differences: tuple[Difference, ...]
    left_out: tuple[LeftOut, ...]
    difference_count: int
    pairs: Mapping[tuple[str, str], int]

    @property
    def is_equal(self) -> bool:
        """Whether all say the same, as far as they were compared."""
        return not self.difference_count


class Findings:
    """Gathers what is found while a run is compared."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._differences: list[Difference] = []
        self._left_out: list[LeftOut] = []
        self._count = 0
        self._pairs: Counter[tuple[str, str]] = Counter()

    def compare(
        self,
        kind: Kind,
        key: str,
        told: Mapping[str, Fields | None],
        index: int | None = None,
    ) -> bool:
        """Note a difference if there is one, and tell whether there is.

        Args:
            kind: What is compared.
            key: Which one.
            told: What each tracker tells of it; None where it does not have it.
            index: Where in the order of such things.
        """
        if len(set(map(repr, told.values()))) <= 1:  # the usual case, at once
            return False
        texts = {name: _texts(fields) for name, fields in told.items()}
        said = {name: _said(fields, texts.values()) for name, fields in texts.items()}
        differs = len(set(said.values())) > 1
        if differs:
            self.add(Difference(kind, key, said, index))
        return differs

    def add(self, difference: Difference) -> None:
        """Note a difference."""
        self._count += 1
        if self._count <= MOST_DIFFERENCES:
            self._differences.append(difference)
        said = difference.said
        self._pairs.update(
            pair for pair in combinations(said, 2) if said[pair[0]] != said[pair[1]]
        )

    def leave_out(self, tracker: str, things: Iterable[str], reason: str) -> None:
        """Note what of a tracker is not compared; nothing changes without things."""
        if things := tuple(things):
            self._left_out.append(LeftOut(tracker, things, reason))

    def verification(self, run_id: str, trackers: Iterable[str]) -> Verification:
        """Return all that was found."""
        names = tuple(trackers)
        return Verification(
            run_id,
            names,
            tuple(self._differences),
            tuple(self._left_out),
            self._count,
            {pair: self._pairs[pair] for pair in combinations(names, 2)},
        )


def _texts(fields: Fields | None) -> Mapping[str, str] | None:
    if fields is None:
        return None
    return {name: canonical(value) for name, value in fields.items()}


def _said(
    fields: Mapping[str, str] | None, all_told: Iterable[Mapping[str, str] | None]
) -> str:
    """Return a thing in words: those of its fields that are not the same everywhere."""
    if fields is None:
        return NOTHING
    others = [{} if other is None else other for other in all_told]
    words = [
        f"{name}={text}" if name else text
        for name, text in fields.items()
        if any(other.get(name) != text for other in others)
    ]
    return brief(", ".join(words))
