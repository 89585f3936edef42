"""What a tracker answers, in a form that compares by type and bits."""

import hashlib
import json
from collections.abc import Iterable, Mapping
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
    series alone. The content of artifacts is not looked at.
    """
    found = _latest(tracker, run_id)
    if Capability.HISTORY in tracker.capabilities:
        found |= _history(tracker, run_id)
    return {name: exact(answer) for name, answer in found.items()}


def _latest(tracker: NativeTracker, run_id: str) -> dict[str, object]:
    series = tracker.series(run_id)
    return {
        "run": tracker.run(run_id),
        "metadata": _items(tracker.metadata(run_id)),
        "params": _items(tracker.params(run_id)),
        "tags": _items(tracker.tags(run_id)),
        "provenance": _items(tracker.provenance(run_id)),
        "artifacts": _items(tracker.artifacts(run_id)),
        "sources": list(tracker.sources(run_id)),
        "last": [[name, summary.last] for name, summary in series.items()],
    }


def _history(tracker: NativeTracker, run_id: str) -> dict[str, object]:
    series = tracker.series(run_id)
    return {
        "series": _items(series),
        "points": [[name, list(tracker.points(run_id, name))] for name in series],
        "abandoned": [
            [name, list(tracker.points(run_id, name, abandoned=True))]
            for name in series
        ],
        "rows": [
            [stream, found.total, list(found)]
            for stream in _streams(series)
            for found in (tracker.rows(run_id, stream),)
        ],
        "param history": [
            [key, list(tracker.param_history(run_id, key))]
            for key in tracker.params(run_id)
        ],
        "artifact history": [
            [name, list(tracker.artifact_history(run_id, name))]
            for name in tracker.artifacts(run_id)
        ],
        "steps": list(tracker.steps(run_id)),
        "logs": list(tracker.logs(run_id)),
        "tracks": [
            [topic, list(tracker.track_entries(run_id, topic))]
            for topic in tracker.topics(run_id)
        ],
    }


def _streams(series: Iterable[str]) -> list[str]:
    return sorted({name.rpartition("/")[0] for name in series})


def _items(answer: Mapping[str, object]) -> list[object]:
    return [[key, value] for key, value in answer.items()]


def _text(value: object) -> str:
    shown = json.dumps(value) if isinstance(value, str) else repr(value)
    if len(shown) <= _LONG:
        return shown
    digest = hashlib.sha256(shown.encode()).hexdigest()
    return f"{shown[:20]}… of {len(shown)} characters, sha256 {digest[:16]}"
