"""Experiments and groups follow from the runs."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tracker_core.experiments import Experiment, Group, experiments_of, groups_of
from tracker_core.runs import RunInfo

if TYPE_CHECKING:
    from tracker_core.values import Value

_NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def _run(
    hours: int | None,
    experiment: str | None = None,
    group_id: str | None = None,
    config: "dict[str, Value] | None" = None,
) -> RunInfo:
    return RunInfo(
        run_id=f"run {hours}",
        name="n",
        experiment=experiment,
        group_id=group_id,
        parent_run_id=None,
        status=None,
        cause=None,
        attempts=(),
        created_at=None if hours is None else _NOON + timedelta(hours=hours),
        started_at=None,
        ended_at=None,
        experiment_config=config,
    )


def test_runs_of_one_name_are_one_experiment() -> None:
    """The one with the newest run comes first; its times are those of its runs."""
    runs = [_run(9, "b"), _run(8, "a"), _run(7, "b"), _run(1, "a")]

    assert experiments_of(runs) == [
        Experiment(
            "b", None, 2, _NOON + timedelta(hours=7), _NOON + timedelta(hours=9)
        ),
        Experiment(
            "a", None, 2, _NOON + timedelta(hours=1), _NOON + timedelta(hours=8)
        ),
    ]


def test_runs_without_an_experiment_are_in_none() -> None:
    """Nor do they make a group."""
    assert (experiments_of([_run(1)]), groups_of([_run(1)])) == ([], [])
    assert (experiments_of([]), groups_of([])) == ([], [])


def test_config_is_the_newest_that_was_told() -> None:
    """An empty one is one; None says nothing."""
    runs = [_run(3, "e"), _run(2, "e", config={}), _run(1, "e", config={"a": 1})]

    assert [e.config for e in experiments_of(runs)] == [{}]
    assert [e.config for e in experiments_of(runs[:1])] == [None]


def test_times_are_unknown_where_no_run_has_one() -> None:
    """Plain trackers may not keep when a run was made."""
    (one,) = experiments_of([_run(None, "e")])
    (both,) = experiments_of([_run(2, "e"), _run(None, "e")])

    assert (one.created_at, one.last_run_at) == (None, None)
    assert both.created_at == both.last_run_at == _NOON + timedelta(hours=2)


def test_runs_of_one_label_are_one_group() -> None:
    """Across experiments, the one with the newest run first."""
    runs = [_run(3, "x", "g"), _run(2, "y", "h"), _run(1, "y", "g")]

    assert groups_of(runs) == [
        Group("g", 2, _NOON + timedelta(hours=1), _NOON + timedelta(hours=3)),
        Group("h", 1, _NOON + timedelta(hours=2), _NOON + timedelta(hours=2)),
    ]
