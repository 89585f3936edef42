"""Fingerprints: digests that are equal for runs that did the same.

========== ==================================================================
program    the digests of the artifacts that have the role ``program``
device     system, machine, processors, Python's implementation and minor
           version; the metadata ``device`` and the tags ``device``, ``backend``
intent     the config of the experiment
run        the three above
========== ==================================================================

Times, hosts, ids and results never count. What counts only when it is asked for:
``code`` (commit and dirty flag, in the program), ``params`` and ``seed`` (the params
whose last part is ``seed``; both in the intent).

A digest is that of canonical JSON: keys sorted, no blanks, floats as the shortest text
that reads back as the same float (so ``1.0`` is not ``1``, and ``-0.0`` not ``0.0``),
NaN and the infinities as everywhere in Tracker.
"""

import hashlib
from collections.abc import Iterable, Mapping

from tracker_core.errors import InvalidValueError
from tracker_core.values import Value, to_canonical_json

__all__ = ["fingerprints"]

_CHOICES = ("params", "seed", "code")
_DEVICE = ("system", "machine", "processors", "implementation")


def fingerprints(
    *,
    artifacts: Iterable[tuple[str | None, str | None]],
    provenance: Mapping[str, Value],
    tags: Mapping[str, str],
    metadata: Mapping[str, Value],
    experiment_config: Mapping[str, Value] | None,
    params: Mapping[str, Value],
    include: Iterable[str] = (),
) -> dict[str, str]:
    """Return the four fingerprints of a run, each ``sha256:`` and 64 digits.

    Args:
        artifacts: Role and digest of each; references have no digest.
        provenance: ``code`` and ``environment``, as far as they are known.
        tags: The tags of the run.
        metadata: Its metadata.
        experiment_config: The config of its experiment, or None.
        params: Its params, flat.
        include: What counts beside the table above: ``params``, ``seed``, ``code``.

    Raises:
        InvalidValueError: There is nothing of a name in ``include``.
    """
    chosen = _checked(include)
    code = provenance.get("code") if "code" in chosen else None
    intent: dict[str, Value] = {
        "config": None if experiment_config is None else dict(experiment_config),
        "params": {
            key: value
            for key, value in params.items()
            if "params" in chosen
            or ("seed" in chosen and key.rpartition(".")[2] == "seed")
        },
    }
    found = {
        "program": _digest(_program(artifacts, code)),
        "device": _digest(_device(provenance, tags, metadata)),
        "intent": _digest(intent),
    }
    return {**found, "run": _digest({**found})}


def _checked(include: Iterable[str]) -> frozenset[str]:
    chosen = frozenset([include] if isinstance(include, str) else include)
    unknown = sorted(chosen.difference(_CHOICES))
    if unknown:
        message = f"fingerprints include no {unknown[0]!r}; use {', '.join(_CHOICES)}"
        raise InvalidValueError(message)
    return chosen


def _program(artifacts: Iterable[tuple[str | None, str | None]], code: Value) -> Value:
    digests = {digest for role, digest in artifacts if role == "program" and digest}
    known = code if isinstance(code, dict) else {}
    return {
        "artifacts": [*sorted(digests)],
        "commit": known.get("commit"),
        "is_dirty": known.get("is_dirty"),
    }


def _device(
    provenance: Mapping[str, Value],
    tags: Mapping[str, str],
    metadata: Mapping[str, Value],
) -> Value:
    environment = provenance.get("environment")
    known = environment if isinstance(environment, dict) else {}
    minor = ".".join(str(known.get("python", "")).split(".")[:2])
    return {
        **{name: known.get(name) for name in _DEVICE},
        "python": minor,
        "metadata": metadata.get("device"),
        "device": tags.get("device"),
        "backend": tags.get("backend"),
    }


def _digest(value: Value) -> str:
    canonical = to_canonical_json(value)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"
