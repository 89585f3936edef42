"""Whether values are the same: by type, and floats by their bits.

So ``1``, ``1.0`` and ``True`` are three values, as are ``0.0`` and ``-0.0``, while NaN
is NaN whatever its bits; mappings are the same in any order of their keys.
"""

import hashlib
from array import array
from collections.abc import Sequence

from tracker_core.values import check_value, to_canonical_json

__all__ = ["brief", "canonical", "first_difference", "is_same"]

_LONGEST = 200
_SHOWN = 80


def canonical(value: object) -> str:
    """Return a text that two values share exactly when they are the same.

    It is canonical JSON; of what is no JSON, as foreign trackers may hold, it is the
    type and the ``repr``.
    """
    try:
        return to_canonical_json(check_value(value, "value"))
    except (TypeError, ValueError):
        return f"{type(value).__qualname__} {value!r}"


def is_same(one: object, other: object) -> bool:
    """Tell whether two values are the same."""
    # Values of JSON that look the same are the same, and mostly they do.
    return repr(one) == repr(other) or canonical(one) == canonical(other)


def first_difference(one: Sequence[object], other: Sequence[object]) -> int | None:
    """Return the first index at which two columns differ; None where they are the same.

    One that ends earlier differs at its end.
    """
    if _has_equal_bytes(one, other):
        return None
    for index, (value, beside) in enumerate(zip(one, other, strict=False)):
        if not is_same(value, beside):
            return index
    return None if len(one) == len(other) else min(len(one), len(other))


def brief(text: str) -> str:
    """Return a text that can be shown; one that is long is cut and told by its digest.

    So what is shown of two texts is equal exactly when they are.
    """
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{text[:_SHOWN]}… ({len(text)} characters, sha256:{digest[:12]})"


def _has_equal_bytes(one: Sequence[object], other: Sequence[object]) -> bool:
    if not isinstance(one, array) or not isinstance(other, array):
        return False
    return one.typecode == other.typecode and one.tobytes() == other.tobytes()
