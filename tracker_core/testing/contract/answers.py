"""What a tracker answers, in a form that compares by type and bits."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from tracker_core.api import Capability, NativeTracker

__all__ = ["answers", "exact"]

_LONG = 200


def exact(value: object) -> object:
    """Return ``value`` with every scalar as text that tells its type and its bits.

    So ``1``, ``1.0`` and ``True`` differ, as do ``0.0`` and ``-0.0`` or a list and a
    tuple, while NaN equals NaN. Mappings compare without their order. Long texts are
    shown by their digest.
    """
    if isinstance(value, Mapping):
        return {_text(key): exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return exact(value._asdict())
    if isinstance(value, tuple):
        return ("tuple", *map(exact, value))
    if is_dataclass(value):
        return {
            field.name: exact(getattr(value, field.name)) for field in fields(value)
        }
    return f"{type(value).__name__} {_text(value)}"


def answers(tracker: NativeTracker, run_id: str) -> dict[str, object]:
    """Return all that ``tracker`` tells of ``run_id``, made exact, in its order.

    A tracker without :attr:`Capability.HISTORY` is asked for the last value of each
    series alone.
    """
    series = tracker.series(run_id)
    found: dict[str, object] = {
        "run": tracker.run(run_id),
        "metadata": _items(tracker.metadata(run_id)),
        "params": _items(tracker.params(run_id)),
        "tags": _items(tracker.tags(run_id)),
        "artifacts": _items(tracker.artifacts(run_id)),
        "sources": list(tracker.sources(run_id)),
        "last": [[name, summary.last] for name, summary in series.items()],
    }
    if Capability.HISTORY in tracker.capabilities:
        found["series"] = _items(series)
        found["points"] = [
            [name, list(tracker.points(run_id, name))] for name in series
        ]
    return {name: exact(answer) for name, answer in found.items()}


def _items(answer: Mapping[str, object]) -> list[object]:
    return [[key, value] for key, value in answer.items()]


def _text(value: object) -> str:
    shown = json.dumps(value) if isinstance(value, str) else repr(value)
    if len(shown) <= _LONG:
        return shown
    digest = hashlib.sha256(shown.encode()).hexdigest()
    return f"{shown[:20]}… of {len(shown)} characters, sha256 {digest[:16]}"
