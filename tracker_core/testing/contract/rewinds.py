"""Restarts from an earlier step: what they abandon, and what stands."""

import random
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.records import Batch, ColumnsBody, MetricsBody
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.memory import MemoryTracker

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Rewinds"]


class Rewinds(ContractFixtures):
    """What later attempts do to the points of earlier ones."""

    def test_restart_from_an_earlier_step_abandons_what_lies_beyond(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The curve is that of the later attempt from where it began."""
        _write(history_tracker, run_id, {1: [0, 1, 2, 3], 2: [2, 3, 4]})

        points = history_tracker.points(run_id, "v")

        assert list(points.values) == ["1:0", "1:1", "2:2", "2:3", "2:4"]
        assert list(points.steps) == [0, 1, 2, 3, 4]
        assert [point.index for point in points] == [0, 1, 2, 3, 4]

    def test_abandoned_points_are_kept_and_shown_on_request(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """All points, in the order of the run, with indices among all of them."""
        _write(history_tracker, run_id, {1: [0, 1, 2], 2: [1, 2]})

        points = history_tracker.points(run_id, "v", abandoned=True)
        window = history_tracker.points(run_id, "v", 2, 2, abandoned=True)

        assert list(points.values) == ["1:0", "1:1", "1:2", "2:1", "2:2"]
        assert [(p.index, p.value) for p in window] == [(2, "1:2"), (3, "2:1")]

    def test_summary_is_that_of_the_current_curve(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """An extreme that was abandoned is none; count, first and last follow too."""
        first: list[Value] = [1.0, 9.0, -9.0]
        one, two = Pen(run_id, attempt=1), Pen(run_id, attempt=2)
        history_tracker.write(one.log(ColumnsBody("", [0, 1, 2], {"v": first})))
        history_tracker.write(two.log(ColumnsBody("", [1, 2], {"v": [2.0, 3.0]})))

        summary = history_tracker.series(run_id)["v"]

        assert (summary.count, summary.first, summary.last) == (3, 1.0, 3.0)
        assert (summary.min, summary.max, summary.mean) == (1.0, 3.0, 2.0)
        assert (summary.min_step, summary.max_step) == (0, 2)

    def test_restart_from_the_beginning_abandons_all(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Nothing of the first attempt is left, and one point of the second stands."""
        _write(history_tracker, run_id, {1: [0, 1, 2], 2: [0]})

        points = history_tracker.points(run_id, "v")

        assert list(points.values) == ["2:0"]
        assert history_tracker.series(run_id)["v"].count == 1

    def test_continuation_abandons_nothing(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A restart that goes on after the last step leaves all points standing."""
        _write(history_tracker, run_id, {1: [0, 1, 2], 2: [3, 4]})

        points = history_tracker.points(run_id, "v")

        assert list(points.steps) == [0, 1, 2, 3, 4]

    def test_least_step_of_any_later_attempt_counts(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The third attempt abandons points of both others, the second of the first."""
        _write(history_tracker, run_id, {1: [0, 1, 5], 2: [4, 5], 3: [9, 2, 3]})

        points = history_tracker.points(run_id, "v")

        assert list(points.values) == ["1:0", "1:1", "3:9", "3:2", "3:3"]

    def test_repeats_within_one_attempt_stay(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A step that goes back without a restart abandons nothing."""
        _write(history_tracker, run_id, {1: [3, 1, 1, 2]})

        points = history_tracker.points(run_id, "v")

        assert list(points.steps) == [3, 1, 1, 2]

    def test_writers_of_one_attempt_do_not_rewind_each_other(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Two processes of one attempt may both log every step."""
        for name, rank in [("a", None), ("b", None)]:
            _write(history_tracker, run_id, {1: [0, 1]}, rank, name)

        assert history_tracker.series(run_id)["v"].count == 4

    @pytest.mark.parametrize("later_attempt_steps", [[0], [None, 0, None]])
    def test_points_without_a_step_stay(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        later_attempt_steps: list[int | None],
    ) -> None:
        """They are never abandoned, and abandon nothing."""
        steps: dict[int, list[int | None]] = {
            1: [None, 1, None],
            2: later_attempt_steps,
            3: [None],
        }
        _write(history_tracker, run_id, steps)

        points = history_tracker.points(run_id, "v")

        assert list(points.steps) == [None, None, *later_attempt_steps, None]

    def test_ranks_rewind_each_for_itself(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A restart of one rank leaves the points of others, and of none, alone."""
        _write(history_tracker, run_id, {1: [0, 1]}, rank=0, name="a")
        _write(history_tracker, run_id, {1: [0, 1]}, rank=1, name="b")
        _write(history_tracker, run_id, {1: [0, 1]}, rank=None, name="c")
        _write(history_tracker, run_id, {2: [1]}, rank=1, name="d")

        points = history_tracker.points(run_id, "v")

        assert sorted(map(str, points.values)) == [
            *("1:0", "1:0", "1:0", "1:1", "1:1", "2:1"),
        ]

    def test_series_rewind_each_for_itself(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A series that a later attempt did not log stays; rows lose only the other."""
        fields: dict[str, Value] = {"v": 1, "w": 1}
        one, two = Pen(run_id, attempt=1), Pen(run_id, attempt=2)
        for step in range(3):
            history_tracker.write(one.log(MetricsBody(step, {"s": fields})))
        history_tracker.write(two.log(MetricsBody(1, {"s": {"v": 2}})))

        rows = history_tracker.rows(run_id, "s")

        assert [(row.step, row.fields) for row in rows] == [
            (0, {"v": 1, "w": 1}),
            (1, {"w": 1}),
            (2, {"w": 1}),
            (1, {"v": 2}),
        ]
        assert rows.total == 4
        assert list(history_tracker.points(run_id, "s/w").steps) == [0, 1, 2]

    def test_one_record_may_be_abandoned_in_part(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The points of a record stand or fall by their steps."""
        column: list[Value] = [f"1:{step}" for step in range(10)]
        one, two = Pen(run_id, attempt=1), Pen(run_id, attempt=2)
        history_tracker.write(one.log(ColumnsBody("", [*range(10)], {"v": column})))
        history_tracker.write(two.log(ColumnsBody("", [7], {"v": ["2:7"]})))

        points = history_tracker.points(run_id, "v")

        assert list(points.values) == [*column[:7], "2:7"]

    def test_rewinds_do_not_depend_on_arrival(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The later attempt may arrive first, or in between, and records twice."""
        shuffle = random.Random(0)  # noqa: S311 - an order, no secret
        for number in range(6):
            run, model = f"{run_id}-{number}", MemoryTracker()
            batches = _restarts(run)
            for batch in batches:
                model.write(batch)
            shuffle.shuffle(batches)
            for batch in [*batches, batches[0]]:
                history_tracker.write(batch)

            assert answers(history_tracker, run) == answers(model, run)


def _write(
    tracker: NativeTracker,
    run_id: str,
    steps: dict[int, list[int | None]] | dict[int, list[int]],
    rank: int | None = None,
    name: str = "w",
) -> None:
    """Log points of the series ``v`` that tell their attempt and step."""
    for attempt, logged in steps.items():
        pen = Pen(run_id, name, attempt, rank)
        tracker.write(pen.log(*_points(attempt, logged)))


def _points(attempt: int, steps: Iterable[int | None]) -> list[MetricsBody]:
    return [MetricsBody(step, {"": {"v": f"{attempt}:{step}"}}) for step in steps]


def _restarts(run_id: str) -> list[Batch]:
    """Return batches of three attempts of two ranks, each beginning further back."""
    batches = []
    for attempt in (1, 2, 3):
        for rank in (0, None):
            pen = Pen(run_id, f"w{rank}", attempt, rank)
            for begin in (10 - 3 * attempt, 12 - attempt):
                steps = [*range(begin, begin + 4)]
                values: list[Value] = [attempt * step / 7 for step in steps]
                batches.append(pen.log(ColumnsBody("s", steps, {"v": values})))
                batches.append(pen.log(MetricsBody(begin, {"s": {"v": 1, "w": 2}})))
                batches.append(pen.log(MetricsBody(None, {"s": {"v": str(rank)}})))
    return batches
