"""What trackers can be asked about one run, thing by thing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from types import TracebackType
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from tracker_core.api import Capability, NativeTracker
from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.errors import RunNotFoundError
from tracker_core.findings import Fields, Kind
from tracker_core.plain import PlainTracker
from tracker_core.runs import Attempt
from tracker_core.stepinfo import StepInfo
from tracker_core.values import to_json

__all__ = [
    "LISTINGS",
    "READINGS",
    "Ability",
    "Listing",
    "Reading",
    "Witness",
    "asked_note",
]

Ability: TypeAlias = Literal["metadata", "artifacts", "sources", "history", "content"]
"""What a tracker must be able to do to tell of a thing."""

_T = TypeVar("_T")
_CALLS: tuple[Ability, ...] = ("metadata", "artifacts", "sources")
_IDENTITY = ("name", "experiment", "group_id", "parent_run_id", "experiment_config")
_TIMES = ("created_at", "started_at", "ended_at")


class Reading(NamedTuple):
    """Things that are found by their keys.

    Args:
        kind: What they are.
        needs: What a tracker must be able to do.
        read: Gives the things of a run by their keys.
    """

    kind: Kind
    needs: Ability
    read: Callable[[NativeTracker, str], Mapping[str, Fields]]


class Listing(NamedTuple):
    """Things in an order, by the key of the list; they need the history.

    Args:
        kind: What they are.
        keys: Gives the keys of a run's lists.
        read: Gives the list of one key.
        is_keyed: Whether a reading tells already of keys that are not there.
    """

    kind: Kind
    keys: Callable[[NativeTracker, str], Iterable[str]]
    read: Callable[[NativeTracker, str, str], Sequence[Fields]]
    is_keyed: bool = False


class Witness:
    """A tracker that is asked about one run.

    Args:
        name: What it is called.
        tracker: The tracker.
        run_id: The run.

    Attributes:
        name: What it is called.
        abilities: What it can do.
    """

    def __init__(self, name: str, tracker: NativeTracker, run_id: str) -> None:
        """Find out what the tracker can do."""
        self.name = name
        self._tracker = tracker
        self._run_id = run_id
        self.abilities: frozenset[Ability] = self.ask(_abilities)

    def ask(self, read: Callable[[NativeTracker, str], _T]) -> _T:
        """Return what the tracker answers; its errors get a note of its name."""
        with self._tracker.turn, _Noted(asked_note(self.name)):
            return read(self._tracker, self._run_id)

    def can(self, *abilities: Ability) -> bool:
        """Tell whether the tracker is able to do all that."""
        return self.abilities.issuperset(abilities)

    def holds_run(self) -> bool | None:
        """Tell whether the tracker holds the run; None where it cannot tell."""
        try:
            self.ask(lambda tracker, run: tracker.run(run))
        except RunNotFoundError:
            return False if self.can(*_CALLS) else None
        return True


def asked_note(name: str) -> str:
    """Return the note that an error has which the tracker of that name raised."""
    return f"tracker {name!r} was asked"


class _Noted:
    """Adds a note to what is raised within."""

    def __init__(self, note: str) -> None:
        self._note = note

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(self._note)


def _abilities(tracker: NativeTracker, run_id: str) -> frozenset[Ability]:
    capabilities = tracker.capabilities
    found: set[Ability] = {*_CALLS}
    if Capability.HISTORY in capabilities:
        found.add("history")
    if Capability.CONTENT in capabilities:
        found.add("content")
    if isinstance(tracker, PlainTracker):
        found -= {call for call in _CALLS if not _implements(tracker, call, run_id)}
    return frozenset(found)


def _implements(tracker: PlainTracker, call: Ability, run_id: str) -> bool:
    try:
        getattr(tracker.raw, call)(run_id)
    except NotImplementedError:
        return False
    return True


def _values(found: Mapping[str, object]) -> dict[str, Fields]:
    return {key: {"": value} for key, value in found.items()}


def _attributes(
    *names: str,
) -> Callable[[NativeTracker, str], Mapping[str, Fields]]:
    def read(tracker: NativeTracker, run_id: str) -> dict[str, Fields]:
        info = tracker.run(run_id)
        return {name: {"": _plain(getattr(info, name))} for name in names}

    return read


def _attempts(tracker: NativeTracker, run_id: str) -> dict[str, Fields]:
    attempts = tracker.run(run_id).attempts
    return {str(attempt.number): _fields(attempt) for attempt in attempts}


def _steps(tracker: NativeTracker, run_id: str) -> dict[str, Fields]:
    return {step.name: _step(step) for step in tracker.steps(run_id)}


def _step(step: StepInfo) -> Fields:
    told: dict[str, object] = {"status": step.status, "attempts": len(step.attempts)}
    for attempt in step.attempts:
        for name, value in _fields(attempt).items():
            told[f"attempt {attempt.number} {name}"] = value
    return told


def _artifacts(tracker: NativeTracker, run_id: str) -> dict[str, Fields]:
    found = tracker.artifacts(run_id)
    return {name: _fields(artifact) for name, artifact in found.items()}


def _sources(tracker: NativeTracker, run_id: str) -> dict[str, Fields]:
    return {_edge(edge): {"": True} for edge in tracker.sources(run_id)}


def _edge(edge: TrackerSource) -> str:
    source = to_json(edge.source_run_id)
    label = edge.artifact_name
    return source if label is None else f"{source} as {to_json(label)}"


def _param_history(tracker: NativeTracker, run_id: str, key: str) -> list[Fields]:
    return [change._asdict() for change in tracker.param_history(run_id, key)]


def _artifact_history(tracker: NativeTracker, run_id: str, key: str) -> list[Fields]:
    return [_fields(artifact) for artifact in tracker.artifact_history(run_id, key)]


def _logs(tracker: NativeTracker, run_id: str, _key: str) -> list[Fields]:
    return [entry._asdict() for entry in tracker.logs(run_id)]


def _entries(tracker: NativeTracker, run_id: str, key: str) -> list[Fields]:
    return [entry._asdict() for entry in tracker.track_entries(run_id, key)]


def _fields(thing: Attempt | TrackerArtifact) -> dict[str, object]:
    names = (field.name for field in fields(thing))
    return {name: _plain(getattr(thing, name)) for name in names}


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


READINGS: tuple[Reading, ...] = (
    Reading("run", "metadata", _attributes(*_IDENTITY)),
    Reading("run", "history", _attributes(*_TIMES)),
    Reading("status", "metadata", _attributes("status")),
    Reading("status", "history", _attributes("cause")),
    Reading("attempt", "history", _attempts),
    Reading("span", "metadata", _attributes("trace_id", "span_id")),
    Reading("provenance", "metadata", lambda t, run: _values(t.provenance(run))),
    Reading("param", "metadata", lambda t, run: _values(t.params(run))),
    Reading("tag", "metadata", lambda t, run: _values(t.tags(run))),
    Reading("metadata", "metadata", lambda t, run: _values(t.metadata(run))),
    Reading("artifact", "artifacts", _artifacts),
    Reading("source", "sources", _sources),
    Reading("step", "history", _steps),
)
"""What is found by key, but series; heartbeats are nobody's record and not here."""

LISTINGS: tuple[Listing, ...] = (
    Listing(
        "param history", lambda t, run: t.params(run), _param_history, is_keyed=True
    ),
    Listing(
        "artifact history",
        lambda t, run: t.artifacts(run),
        _artifact_history,
        is_keyed=True,
    ),
    Listing("log", lambda _, __: ("",), _logs),
    Listing("track", lambda t, run: t.topics(run), _entries),
)
"""What has an order, but points and rows."""
