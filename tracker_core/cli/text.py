"""Values, sizes, counts and questions as people read them."""

import math
from collections.abc import Iterable
from difflib import get_close_matches

from tracker_core.values import Value, check_value, from_json, to_json

__all__ = ["counted", "shortened", "shown", "similar", "size_words", "to_value"]

# Below ten of a unit a tenth of it is of interest.
_SHORT = 10
_STEP = 1024
_SIZES = ("KiB", "MiB", "GiB", "TiB", "PiB")


def to_value(value: object) -> Value:
    """Return what a tracker gave as a value; what is none becomes its text.

    Plain trackers may hold anything.
    """
    try:
        return check_value(value, "value")
    except (TypeError, ValueError):
        return str(value)


def shown(value: object) -> str:
    """Return a value as a person reads it.

    Text stands as it is, unless it would read as another value: the text ``3`` is
    ``"3"``, the number is ``3``.
    """
    found = to_value(value)
    if isinstance(found, str):
        return to_json(found) if _reads_as_other(found) else found
    if isinstance(found, float) and not math.isfinite(found):
        return repr(found)
    return to_json(found)


def shortened(text: str, most: int) -> str:
    """Return at most so many letters of a text, the last an ellipsis where it is cut.

    A line of a terminal is cut by :func:`tracker_core.cli.layout.cut`, which counts
    cells.
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def size_words(size_bytes: int) -> str:
    """Return a size in the unit that suits it: ``19 B``, ``1.2 KiB``, ``35 MiB``."""
    size, unit = float(size_bytes), "B"
    for larger in _SIZES:
        if round(size) < _STEP:
            break
        size, unit = size / _STEP, larger
    is_short = unit != "B" and round(size, 1) < _SHORT
    return f"{size:.1f} {unit}" if is_short else f"{size:.0f} {unit}"


def counted(count: int, one: str, several: str = "") -> str:
    """Return a number with what is counted: ``1 record``, ``2 records``.

    Args:
        count: The number.
        one: What is counted, where it is one.
        several: The same for other numbers; by default with an ``s`` behind it.
    """
    return f"{count} {one if count == 1 else several or f'{one}s'}"


def similar(wanted: str, known: Iterable[str], before: str = "") -> str:
    """Return a question for what ``wanted`` is like; empty where it is like nothing.

    Args:
        wanted: What somebody wrote.
        known: What there is.
        before: What stands before each in the question, and is not compared.
    """
    near = get_close_matches(wanted, dict.fromkeys(known))
    words = " or ".join(repr(f"{before}{word}") for word in near)
    return f"did you mean {words}?" if near else ""


def _reads_as_other(text: str) -> bool:
    if text in ("", "nan", "inf", "-inf"):
        return True
    try:
        from_json(text)
    except (ValueError, RecursionError):
        return False
    return True
