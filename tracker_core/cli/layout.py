"""How the columns of a table share the width of a terminal."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from os.path import commonprefix

__all__ = ["CUT", "GAP", "IDS", "fitted", "flowing", "is_wider", "short_ids"]

GAP = 2
"""How many blanks are between two columns, whatever the width."""

IDS = ("RUN ID", "JOB ID", "SOURCE")
"""The columns whose values are copied into the next command."""

CUT = ("EXPERIMENT", "GROUP")
"""The columns that are cut rather than folded, and made narrower before others."""

# How narrow a column may become before all others are as narrow.
_FLOOR = 10
# How narrow it may become before others give room, step by step. A name of two lines
# is still whole; the second line of a status is its cause.
_STEPS = (
    dict.fromkeys(CUT, _FLOOR),
    {"NAME": 22},
    {**dict.fromkeys(CUT, 6), "NAME": 17},
    {"STATUS": _FLOOR},
)
_LONGEST_ID = 40
# Shorter ones would soon be those of another run: the first ten letters of a generated
# id are its time in milliseconds.
_SHORTEST_ID = 10


def is_wider(rows: Iterable[Sequence[str]], room: int) -> bool:
    """Tell whether rows need more than ``room`` columns of a terminal."""
    return _total(_widths(rows)) > room


def fitted(
    titles: Sequence[str], rows: Iterable[Sequence[str]], room: int
) -> list[int]:
    """Return the widths of columns that together take ``room`` at the most.

    What a person types or copies stays whole the longest.

    Args:
        titles: What the columns are called.
        rows: All that is shown, the titles too if they are.
        room: How many columns the terminal has.
    """
    widths = _widths(rows)
    for floors in _floors(titles, widths):
        _shrink(widths, floors, room)
    return widths


def flowing(rows: Iterable[Sequence[str]], room: int) -> list[int]:
    """Return the widths of columns whose long cells run on over the edge.

    Where that happens one long cell pushes its own row aside, not all the others.
    """
    widths = _widths(rows)
    if _total(widths) <= room:
        return widths
    return [min(width, room // 2) for width in widths]


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return for each id a beginning that no other of them has."""
    ordered = sorted(set(ids))
    # With the id before, and with the one after.
    shared = [0, *(len(commonprefix(pair)) for pair in pairwise(ordered)), 0]  # noqa: RUF071 - by letters
    return {
        run_id: run_id[: max(_SHORTEST_ID, *(length + 1 for length in both))]
        for run_id, both in zip(ordered, pairwise(shared), strict=False)
    }


def _widths(rows: Iterable[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _floors(titles: Sequence[str], widths: Sequence[int]) -> Iterable[list[int]]:
    """Return how narrow each column may become, step by step."""
    columns = list(zip(titles, widths, strict=True))
    known: dict[str, int] = {}
    for step in _STEPS:
        known |= step
        yield [min(width, known.get(title, width)) for title, width in columns]
    ids = [w if title in IDS and w <= _LONGEST_ID else 0 for title, w in columns]
    yield [max(width, _FLOOR) for width in ids]
    yield ids
    yield [0] * len(columns)


def _shrink(widths: list[int], floors: Sequence[int], room: int) -> None:
    """Make the widest column narrower, as long as there is need and it may be."""
    while _total(widths) > room:
        over = [
            width if width > f else 0 for width, f in zip(widths, floors, strict=True)
        ]
        widest = max(over)
        if widest <= 1:
            return
        widths[over.index(widest)] -= 1
