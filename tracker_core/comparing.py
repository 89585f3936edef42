"""Runs beside each other: only what differs between them.

:func:`compare_runs` reads what two runs or more are and have logged, and keeps what is
not the same in all of them. Values are the same by their type too: ``3``, ``3.0`` and
``"3"`` are three values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracker_core.api import Capability, NativeTracker
from tracker_core.directions import Direction, direction_of
from tracker_core.errors import InvalidValueError
from tracker_core.metrics import is_sampled
from tracker_core.partings import Parting, parting_of
from tracker_core.runs import RunInfo
from tracker_core.sameness import canonical, is_same
from tracker_core.summaries import Summary
from tracker_core.values import Value

__all__ = ["Comparison", "Differing", "DifferingSeries", "compare_runs", "differing"]

_PACKAGES = "packages"


@dataclass(frozen=True, slots=True)
class Differing:
    """One thing that is not the same in all runs.

    Args:
        name: Its key; dots lead into mappings.
        values: Its value by the id of the run; a run that lacks it is not in it.
    """

    name: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class DifferingSeries:
    """One series that is not the same in all runs.

    Args:
        name: Its name, ``train/loss``.
        direction: What is better of it; None where its name does not tell.
        summaries: Its summary by the id of the run; a run that lacks it is not in it.
        parting: Where the curves part; None where they do not, where only one run has
            the series, or where the tracker keeps no history.
    """

    name: str
    direction: Direction | None
    summaries: Mapping[str, Summary]
    parting: Parting | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between runs, each part sorted by name.

    Args:
        runs: The runs, in the order in which they were asked for.
        facts: What they are: ``experiment``, ``group_id``, ``parent_run_id``,
            ``status``.
        params: Their params.
        tags: Their tags.
        metadata: Their metadata.
        code: The state of the code: ``commit``, ``is_dirty``, ``remote``, …
        packages: The versions of packages, where they were recorded.
        environment: The rest of the environment: ``python``, ``host``,
            ``variables.RANK``, …
        series: Their series.
        same_series: The names of those that are the same in all runs.
        left_out: The names of those of the system that were not looked at.
    """

    runs: tuple[RunInfo, ...]
    facts: tuple[Differing, ...]
    params: tuple[Differing, ...]
    tags: tuple[Differing, ...]
    metadata: tuple[Differing, ...]
    code: tuple[Differing, ...]
    packages: tuple[Differing, ...]
    environment: tuple[Differing, ...]
    series: tuple[DifferingSeries, ...]
    same_series: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs, but for names and times."""
        return not any(
            (
                *(self.facts, self.params, self.tags, self.metadata, self.code),
                *(self.packages, self.environment, self.series),
            )
        )


def compare_runs(
    tracker: NativeTracker, run_ids: Sequence[str], *, with_system: bool = False
) -> Comparison:
    """Compare runs of one tracker.

    The points of one series after the other are read, of all runs at once.

    Args:
        tracker: What holds the runs.
        run_ids: Two different ones at least.
        with_system: Whether the series of the system (``system/…``) are compared too.

    Raises:
        InvalidValueError: There are fewer than two runs.
        RunNotFoundError: The tracker holds no record of one of them.
    """
    run_ids = tuple(dict.fromkeys(run_ids))
    if len(run_ids) < 2:  # noqa: PLR2004 - what comparing means
        message = f"{len(run_ids)} run to compare; give the ids of two at least"
        raise InvalidValueError(message)
    runs = tuple(tracker.run(run_id) for run_id in run_ids)
    code, packages, environment = _provenance(tracker, run_ids)
    series = {run_id: tracker.series(run_id) for run_id in run_ids}
    names = sorted({name for found in series.values() for name in found})
    left_out = [n for n in names if is_sampled(n) and not with_system]
    names = [name for name in names if name not in left_out]
    found = [_series(tracker, name, series) for name in names]
    return Comparison(
        runs,
        differing({run.run_id: _facts(run) for run in runs}),
        differing({run_id: tracker.params(run_id) for run_id in run_ids}),
        differing({run_id: tracker.tags(run_id) for run_id in run_ids}),
        differing({run_id: tracker.metadata(run_id) for run_id in run_ids}),
        code,
        packages,
        environment,
        tuple(one for one in found if one is not None),
        tuple(name for name, one in zip(names, found, strict=True) if one is None),
        tuple(left_out),
    )


def differing(values: Mapping[str, Mapping[str, Value]]) -> tuple[Differing, ...]:
    """Return what is not the same everywhere, sorted by key.

    Args:
        values: The values by their keys, by the id of the run.
    """
    keys = sorted({key for found in values.values() for key in found})
    told = (
        Differing(
            key, {run: found[key] for run, found in values.items() if key in found}
        )
        for key in keys
    )
    return tuple(one for one in told if not _is_everywhere(one.values, len(values)))


def _provenance(
    tracker: NativeTracker, run_ids: Iterable[str]
) -> tuple[tuple[Differing, ...], ...]:
    """Return what differs in code, packages and environment."""
    code, packages, environment = {}, {}, {}
    for run_id in run_ids:
        found = tracker.provenance(run_id)
        around = dict(_mapping(found.get("environment")))
        # What the launcher has found of the job, or the job of itself.
        listed = around.pop(_PACKAGES, None) or found.get(_PACKAGES)
        packages[run_id] = _mapping(listed)
        environment[run_id] = _flat(around)
        code[run_id] = _mapping(found.get("code"))
    return differing(code), differing(packages), differing(environment)


def _series(
    tracker: NativeTracker, name: str, series: Mapping[str, Mapping[str, Summary]]
) -> DifferingSeries | None:
    """Return a series if it is not the same in all runs."""
    summaries = {run_id: s[name] for run_id, s in series.items() if name in s}
    parting = None
    if len(summaries) > 1 and Capability.HISTORY in tracker.capabilities:
        parting = parting_of({r: tracker.points(r, name) for r in summaries})
    texts = {canonical([*map(_as_whole, one)]) for one in summaries.values()}
    if parting is None and len(summaries) == len(series) and len(texts) == 1:
        return None
    return DifferingSeries(name, direction_of(name), summaries, parting)


def _as_whole(value: Value) -> Value:
    # 1 equals 1.0 in a series, as where curves part.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _facts(run: RunInfo) -> dict[str, Value]:
    return {
        "experiment": run.experiment,
        "group_id": run.group_id,
        "parent_run_id": run.parent_run_id,
        "status": run.status,
    }


def _is_everywhere(values: Mapping[str, Value], count: int) -> bool:
    first, *others = values.values()
    return len(values) == count and all(is_same(first, other) for other in others)


def _mapping(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}


def _flat(values: Mapping[str, Value], prefix: str = "") -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
