"""A run as one JSON document, in the shape that pipelines of magnus know.

::

    {"run_id", "dag_hash", "use_cached", "tag", "original_run_id", "status",
     "steps": {name: {"name", "internal_name", "status", "step_type", "message",
                      "mock", "code_identities", "attempts", "user_defined_metrics",
                      "branches", "data_catalog"}},
     "parameters", "run_config"}

Each step of the run is one, with the values of the streams and the artifacts whose
names begin with its own: of the step ``train`` the series ``train/loss`` is the value
``loss``. What was logged outside of steps belongs to a step that has the name of the
run. There is no pipeline behind a run, so what tells of one is empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tracker_core.api import Capability, NativeTracker
from tracker_core.datatypes import TrackerArtifact
from tracker_core.runs import Attempt, RunInfo
from tracker_core.stepinfo import StepInfo
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["nested_by_step", "run_log"]

_STATUSES = {
    "PENDING": "CREATED",
    "RUNNING": "PROCESSING",
    "FINISHED": "SUCCESS",
    "FAILED": "FAIL",
    "KILLED": "FAIL",
}


def run_log(tracker: NativeTracker, run_id: str) -> dict[str, Value]:
    """Return the run log of a run.

    ``tag`` is the experiment and ``original_run_id`` the parent. A metric with one
    step is its value, one with several a mapping from step to value; the last value
    of a step stays. Times are UTC.

    Raises:
        RunNotFoundError: The tracker holds no record of it.
    """
    info = tracker.run(run_id)
    return {
        "run_id": run_id,
        "dag_hash": "",
        "use_cached": False,
        "tag": info.experiment or "",
        "original_run_id": info.parent_run_id or "",
        "status": _status(info.status),
        "steps": _steps(tracker, info),
        "parameters": dict(tracker.params(run_id)),
        "run_config": _run_config(tracker, info),
    }


def nested_by_step(
    points: Iterable[tuple[int | None, Mapping[str, Value]]],
) -> dict[str, Value]:
    """Return values by field, and by step where a field has several.

    Args:
        points: Step and fields, in the order of the run; no step counts as 0.
    """
    by_step: dict[str, dict[int, Value]] = {}
    for step, fields in points:
        for field, value in fields.items():
            by_step.setdefault(field, {})[step or 0] = value
    return {field: _nested(values) for field, values in sorted(by_step.items())}


def _nested(values: Mapping[int, Value]) -> Value:
    if len(values) == 1:
        return next(iter(values.values()))
    return {str(step): values[step] for step in sorted(values)}


def _steps(tracker: NativeTracker, info: RunInfo) -> dict[str, Value]:
    infos = _step_infos(tracker, info)
    names = frozenset(step.name for step in infos)
    code = _code_identities(tracker.provenance(info.run_id))
    values = _values_by_step(tracker, info.run_id, names)
    catalogs: dict[str | None, list[TrackerArtifact]] = {}
    for artifact in tracker.artifacts(info.run_id).values():
        catalogs.setdefault(_owner(artifact.name, names), []).append(artifact)
    found: dict[str, Value] = {}
    if None in values or None in catalogs or not infos:
        key = info.name if info.name not in names else f"{info.name} (run)"
        whole = StepInfo(key, info.status or "RUNNING", info.attempts)
        catalog = _catalog(info.run_id, catalogs.get(None, ()))
        found[key] = _step(whole, code, values.get(None, {}), catalog)
    for step in infos:
        catalog = _catalog(info.run_id, catalogs.get(step.name, ()))
        found[step.name] = _step(step, code, values.get(step.name, {}), catalog)
    return found


def _step_infos(tracker: NativeTracker, info: RunInfo) -> Sequence[StepInfo]:
    if Capability.HISTORY not in tracker.capabilities:
        return []
    return tracker.steps(info.run_id)


def _step(
    step: StepInfo, code: Value, values: dict[str, Value], catalog: Value
) -> dict[str, Value]:
    return {
        "name": step.name,
        "internal_name": step.name,
        "status": _status(step.status),
        "step_type": "task",
        "message": _message(step.attempts[-1]) if step.attempts else "",
        "mock": False,
        "code_identities": code,
        "attempts": [_attempt(attempt) for attempt in step.attempts],
        "user_defined_metrics": values,
        "branches": {},
        "data_catalog": catalog,
    }


def _attempt(attempt: Attempt) -> Value:
    ended_at = attempt.ended_at
    return {
        "attempt_number": attempt.number,
        "start_time": _time(attempt.started_at),
        "end_time": _time(ended_at),
        "duration": str(ended_at - attempt.started_at) if ended_at else "",
        "status": _status(attempt.status),
        "message": _message(attempt),
        "parameters": {},
    }


def _values_by_step(
    tracker: NativeTracker, run_id: str, steps: frozenset[str]
) -> dict[str | None, dict[str, Value]]:
    """Give the values of each step that has some; None is outside of all."""
    streams: dict[str, dict[str, Summary]] = {}
    for name, summary in tracker.series(run_id).items():
        stream, _, field = name.rpartition("/")
        streams.setdefault(stream, {})[field] = summary
    found: dict[str | None, dict[str, Value]] = {}
    for stream, fields in sorted(streams.items()):
        owner = _owner(f"{stream}/", steps)
        prefix = f"{stream}/" if stream else ""
        if owner is not None:
            prefix = prefix.removeprefix(f"{owner}/")
        values = _values(tracker, run_id, stream, fields)
        named = {f"{prefix}{field}": value for field, value in values.items()}
        found.setdefault(owner, {}).update(named)
    return {owner: dict(sorted(values.items())) for owner, values in found.items()}


def _values(
    tracker: NativeTracker, run_id: str, stream: str, fields: Mapping[str, Summary]
) -> dict[str, Value]:
    if Capability.HISTORY in tracker.capabilities:
        rows = tracker.rows(run_id, stream)
        return nested_by_step((row.step, row.fields) for row in rows)
    return {field: summary.last for field, summary in fields.items()}


def _catalog(run_id: str, artifacts: Iterable[TrackerArtifact]) -> Value:
    return [
        {
            "name": artifact.name,
            "data_hash": (artifact.digest or "").removeprefix("sha256:"),
            "catalog_relative_path": f"{run_id}/{artifact.name}",
            "catalog_handler_location": "" if artifact.digest else artifact.path,
            "stage": "put",
        }
        for artifact in artifacts
    ]


def _owner(name: str, steps: frozenset[str]) -> str | None:
    """Return the innermost step that ``name`` lies below."""
    while steps and "/" in name:
        name = name.rpartition("/")[0]
        if name in steps:
            return name
    return None


def _code_identities(provenance: Mapping[str, Value]) -> Value:
    code = provenance.get("code")
    if not isinstance(code, dict):
        return []
    return [
        {
            "code_identifier": code.get("commit"),
            "code_identifier_type": "git",
            "code_identifier_dependable": not code.get("is_dirty"),
            "code_identifier_url": code.get("remote"),
            "code_identifier_message": "",
        }
    ]


def _run_config(tracker: NativeTracker, info: RunInfo) -> Value:
    config = info.experiment_config
    environment = tracker.provenance(info.run_id).get("environment")
    return {
        "run_id": info.run_id,
        "tag": info.experiment or "",
        "group_id": info.group_id or "",
        "original_run_id": info.parent_run_id or "",
        "use_cached": False,
        "variables": dict(tracker.tags(info.run_id)),
        "experiment_config": None if config is None else dict(config),
        "environment": environment,
        "dag": {},
        "dag_hash": "",
    }


def _status(status: str | None) -> str:
    return _STATUSES.get(status or "RUNNING", "PROCESSING")


def _message(attempt: Attempt) -> str:
    return str(attempt.cause.get("message", "")) if attempt.cause else ""


def _time(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S.%f")
