"""Experiments and groups, as they follow from the runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tracker_core.runs import RunInfo
from tracker_core.values import Value

__all__ = ["Experiment", "Group", "experiments_of", "groups_of"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """Runs that belong together, under a name that is unique in its store.

    Args:
        name: The name.
        config: What the newest of its runs that told a config said, or None.
        run_count: How many runs it has.
        created_at: When its first run was made; None where that is not kept.
        last_run_at: When its newest run was made; None where that is not kept.
    """

    name: str
    config: Mapping[str, Value] | None
    run_count: int
    created_at: datetime | None
    last_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that share a label, such as those of a sweep.

    Args:
        group_id: The label.
        run_count: How many runs it has.
        created_at: When its first run was made; None where that is not kept.
        last_run_at: When its newest run was made; None where that is not kept.
    """

    group_id: str
    run_count: int
    created_at: datetime | None
    last_run_at: datetime | None


def experiments_of(runs: Iterable[RunInfo]) -> list[Experiment]:
    """Return the experiments of ``runs``, the one with the newest run first.

    Args:
        runs: The newest first, as :meth:`NativeTracker.runs` gives them.
    """
    found: dict[str, list[RunInfo]] = {}
    for run in runs:
        if run.experiment is not None:
            found.setdefault(run.experiment, []).append(run)
    return [
        Experiment(name, _config(members), len(members), *_span(members))
        for name, members in found.items()
    ]


def groups_of(runs: Iterable[RunInfo]) -> list[Group]:
    """Return the groups of ``runs``, the one with the newest run first.

    Args:
        runs: The newest first, as :meth:`NativeTracker.runs` gives them.
    """
    found: dict[str, list[RunInfo]] = {}
    for run in runs:
        if run.group_id is not None:
            found.setdefault(run.group_id, []).append(run)
    return [
        Group(group_id, len(members), *_span(members))
        for group_id, members in found.items()
    ]


def _config(runs: list[RunInfo]) -> Mapping[str, Value] | None:
    configs = (run.experiment_config for run in runs)
    return next((config for config in configs if config is not None), None)


def _span(runs: list[RunInfo]) -> tuple[datetime | None, datetime | None]:
    times = [run.created_at for run in runs if run.created_at is not None]
    return (min(times), max(times)) if times else (None, None)
