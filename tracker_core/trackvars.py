"""Values that code leaves behind in the environment.

``TRACKER_TRACK_<key>`` and ``TRACKER_TRACK_<key>_STEP_<n>`` (``MAGNUS_TRACK_…`` means
the same, and yields where both are set) hold one value each. A step collects them when
it ends, a run when it ends, also by an error. The text of a variable is taken for what
JSON it is: a number, a list, an object, a text in quotes. Anything else stays text,
and so do ``true``, ``false``, ``null`` and the words for NaN and the infinities: on its
own, a word in the environment is a word. Without ``_STEP_<n>`` at its very end the key
is of the step 0. What the command line takes as a value is read by the same rule.

``TRACKER_TRACK_FILE`` is none of them: it names a file, see
:mod:`tracker_core.leavings`.
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

__all__ = [
    "TRACK_FILE",
    "TrackedValue",
    "decoded",
    "send_tracked_values",
    "take_tracked_values",
    "tracked_value",
]

TRACK_FILE = "TRACKER_TRACK_FILE"
"""The variable that names the file of the job's launcher."""


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
        others = (prefix, TRACK_FILE)
        names = [n for n in environ if n.startswith(prefix) and n not in others]
        for name in sorted(names):
            value = tracked_value(name.removeprefix(prefix), environ.pop(name))
            found[value.key, value.step] = value
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


def tracked_value(name: str, text: str) -> TrackedValue:
    """Return what a variable means, without its prefix."""
    return TrackedValue(*_key_and_step(name), decoded(text))


def decoded(text: str) -> Value:
    """Return the value that a text means: what JSON it is, else the text itself."""
    kept = kept_text(text)
    try:
        value = check_value(json.loads(kept), "variable")
    except (ValueError, RecursionError, TrackerError):
        return kept
    # Python's reader of JSON knows words for NaN and the infinities too.
    is_word = value is None or isinstance(value, bool) or kept.strip("-+. ").isalpha()
    return kept if is_word else value


def _key_and_step(name: str) -> tuple[str, int]:
    key, suffix, digits = name.rpartition(_STEP)
    is_step = suffix and key and digits.isascii() and digits.isdigit()
    if is_step and len(digits) <= len(str(MAX_STEP)) and int(digits) <= MAX_STEP:
        return key, int(digits)
    return name, 0
