"""Which points a restart from an earlier step has made worthless.

In one series and rank, a point of an attempt is abandoned from the least step that a
later attempt has logged to that series. Points without a step never are, nor are
repeats within one attempt.
"""

from collections.abc import Mapping

__all__ = ["abandoned_from"]


def abandoned_from(least_steps: Mapping[int, int]) -> dict[int, int]:
    """Return for each attempt the step from which on its points are abandoned.

    Args:
        least_steps: Attempt → the least step that it has logged, of one series and
            rank.

    Returns:
        Attempt → step; attempts that no later one has rewound are left out.
    """
    found: dict[int, int] = {}
    least_later: int | None = None
    for attempt in sorted(least_steps, reverse=True):
        if least_later is not None:
            found[attempt] = least_later
        least = least_steps[attempt]
        least_later = least if least_later is None else min(least, least_later)
    return found
