"""Values that code leaves behind in the environment.

``TRACKER_TRACK_<key>`` and ``TRACKER_TRACK_<key>_STEP_<n>`` (``MAGNUS_TRACK_…`` means
the same, and yields where both are set) hold one value each. A step collects them when
it ends, a run when it ends, also by an error. The text of a variable is taken for what
JSON it is: a number, a list, an object, a text in quotes. Anything else stays text,
and so do ``true``, ``false``, ``null`` and the words for NaN and the infinities: on its
own, a word in the environment is a word. Without ``_STEP_<n>`` at its very end the key
is of the step 0.
"""

import json
from collections.abc import Callable, MutableMapping
from typing import NamedTuple

from tracker_core.errors import TrackerError
from tracker_core.metrics import metrics_body
from tracker_core.notices import warn
from tracker_core.records import MetricsBody
from tracker_core.redaction import kept_text
from tracker_core.values import MAX_STEP, Value, check_value

__all__ = ["TrackedValue", "send_tracked_values", "take_tracked_values"]

# The first wins.
_PREFIXES = ("TRACKER_TRACK_", "MAGNUS_TRACK_")
_STEP = "_STEP_"


class TrackedValue(NamedTuple):
    """A value of one variable."""

    key: str
    step: int
    value: Value


def take_tracked_values(environ: MutableMapping[str, str]) -> list[TrackedValue]:
    """Return what the variables hold, sorted by key and step, and remove them."""
    found: dict[tuple[str, int], TrackedValue] = {}
    for prefix in reversed(_PREFIXES):
        names = [n for n in environ if n.startswith(prefix) and n != prefix]
        for name in sorted(names):
            key, step = _key_and_step(name.removeprefix(prefix))
            value = TrackedValue(key, step, _decoded(environ.pop(name)))
            found[key, step] = value
    return [found[place] for place in sorted(found)]


def send_tracked_values(
    environ: MutableMapping[str, str],
    stream: str,
    send: Callable[[MetricsBody], object],
) -> None:
    """Send what the variables hold as points of a stream, and remove them.

    A key that cannot be kept is warned of, since it comes when a run ends.
    """
    for key, step, value in take_tracked_values(environ):
        try:
            body = metrics_body({f"{stream}/{key}" if stream else key: value}, step)
        except TrackerError as error:
            warn("a value in the environment is left out: %s", error)
        else:
            send(body)


def _key_and_step(name: str) -> tuple[str, int]:
    key, suffix, digits = name.rpartition(_STEP)
    is_step = suffix and key and digits.isascii() and digits.isdigit()
    if is_step and len(digits) <= len(str(MAX_STEP)) and int(digits) <= MAX_STEP:
        return key, int(digits)
    return name, 0


def _decoded(text: str) -> Value:
    kept = kept_text(text)
    try:
        value = check_value(json.loads(kept), "variable")
    except (ValueError, RecursionError, TrackerError):
        return kept
    # Python's reader of JSON knows words for NaN and the infinities too.
    is_word = value is None or isinstance(value, bool) or kept.strip("-+. ").isalpha()
    return kept if is_word else value
