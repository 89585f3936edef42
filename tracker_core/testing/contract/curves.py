"""Series: their summaries and their points, for trackers that keep history."""

import math
from collections.abc import Iterable

import pytest

from tracker_core.api import NativeTracker
from tracker_core.errors import RunNotFoundError
from tracker_core.records import MetricsBody
from tracker_core.summaries import Summary
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import NAMES, VALUES
from tracker_core.values import MAX_STEP, Value

__all__ = ["Curves"]

_NAN, _INF = math.nan, math.inf

# What is logged at the steps 0, 1, …, and what the summary says of it.
_SUMMARIES: dict[str, tuple[list[Value], Summary]] = {
    "floats": ([0.5, 0.25, 1.0], Summary(3, 0.5, 1.0, 0.25, 1.0, 1.75 / 3, 1, 2)),
    "ints": ([3, 1, 2], Summary(3, 3, 2, 1, 3, 2.0, 1, 0)),
    "one": ([-0.0], Summary(1, -0.0, -0.0, -0.0, -0.0, 0.0, 0, 0)),
    "nan": ([_NAN, 2.0, _NAN], Summary(3, _NAN, _NAN, 2.0, 2.0, 2.0, 1, 1)),
    "only nan": ([_NAN], Summary(1, _NAN, _NAN, None, None, None, None, None)),
    "infinity": ([1.0, _INF, 2.0], Summary(3, 1.0, 2.0, 1.0, _INF, _INF, 0, 1)),
    "both infinities": (
        [_INF, -_INF],
        Summary(2, _INF, -_INF, -_INF, _INF, _NAN, 1, 0),
    ),
    "ties": ([2, 1.0, 1, 2.0], Summary(4, 2, 2.0, 1.0, 2, 1.5, 1, 0)),
    "signed zeros": ([0.0, -0.0], Summary(2, 0.0, -0.0, 0.0, 0.0, 0.0, 0, 0)),
    "text": (["a", "b"], Summary(2, "a", "b", None, None, None, None, None)),
    "mixed": (
        [None, True, 4, "9", [9], {"x": 9}, "last"],
        Summary(7, None, "last", 4, 4, 4.0, 2, 2),
    ),
    "exact mean": (
        [1e16, 1.0, -1e16],
        Summary(3, 1e16, -1e16, -1e16, 1e16, 1 / 3, 2, 0),
    ),
    "tenths": ([0.1] * 10, Summary(10, 0.1, 0.1, 0.1, 0.1, 0.1, 0, 0)),
    "large ints": (
        [2**63, -(2**63) - 1, 2**80],
        Summary(3, 2**63, 2**80, -(2**63) - 1, 2**80, (2**80 - 1) / 3, 1, 2),
    ),
    "int beyond floats": (
        [-(10**400)],
        Summary(1, -(10**400), -(10**400), -(10**400), -(10**400), -_INF, 0, 0),
    ),
    "neighbouring ints": (
        [2**53 + 1, 2**53],
        Summary(2, 2**53 + 1, 2**53, 2**53, 2**53 + 1, float(2**53), 1, 0),
    ),
}


class Curves(ContractFixtures):
    """What ``series`` and ``points`` promise."""

    @pytest.mark.parametrize("case", _SUMMARIES)
    def test_summary_follows_from_the_values(
        self, history_tracker: NativeTracker, run_id: str, case: str
    ) -> None:
        """Count, first, last, min, max and mean are exact, types included."""
        values, expected = _SUMMARIES[case]

        history_tracker.write(Pen(run_id).log(*_logged(values)))

        assert exact(history_tracker.series(run_id)) == exact({"s/v": expected})

    def test_summary_does_not_depend_on_batches(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """One point a batch, backwards, comes to the same as all at once."""
        cases = {f"{run_id}-{n}": case for n, case in enumerate(_SUMMARIES.values())}
        for run, (values, _) in cases.items():
            pen = Pen(run)
            pen.log(*_logged(values))
            for sequence in range(len(values), 0, -1):
                history_tracker.write(pen.batch(sequence, sequence))

        found = {run: history_tracker.series(run)["s/v"] for run in cases}

        assert exact(found) == exact({run: case[1] for run, case in cases.items()})

    def test_extremes_without_steps_have_none(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A point that was logged without a step gives no min_step or max_step."""
        bodies = [MetricsBody(step, {"": {"v": 1}}) for step in (None, 7)]
        history_tracker.write(Pen(run_id).log(*bodies))

        summary = history_tracker.series(run_id)["v"]

        assert (summary.min_step, summary.max_step) == (None, None)

    def test_points_keep_values_and_types(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Every JSON value can be a point, and comes back by type and bits."""
        history_tracker.write(Pen(run_id).log(*_logged(VALUES)))

        points = history_tracker.points(run_id, "s/v")

        assert exact(list(points.values)) == exact(list(VALUES))

    def test_points_tell_index_step_and_time(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """In rows and in columns; times to the nanosecond, steps up to 2**63 - 1."""
        pen = Pen(run_id)
        for step, at in [(5, 0), (None, 1), (MAX_STEP, 1), (0, 2)]:
            history_tracker.write(pen.log(MetricsBody(step, {"": {"v": 1.5}}), at=at))

        points = history_tracker.points(run_id, "v")

        assert [tuple(point) for point in points] == [
            (0, 5, START_NS, 1.5),
            (1, None, START_NS + 1_000_000, 1.5),
            (2, MAX_STEP, START_NS + 1_000_000, 1.5),
            (3, 0, START_NS + 2_000_000, 1.5),
        ]
        assert list(points.steps) == [5, None, MAX_STEP, 0]
        assert points.times_ns[3] == START_NS + 2_000_000
        assert points[-1].index == 3

    @pytest.mark.parametrize(
        ("start", "limit", "expected"),
        [
            (0, None, range(10)),
            (0, 3, range(3)),
            (4, 3, range(4, 7)),
            (8, 9, range(8, 10)),
            (7, None, range(7, 10)),
            (10, None, range(0)),
            (99, 5, range(0)),
            (3, 0, range(0)),
        ],
    )
    def test_points_are_cut_by_start_and_limit(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        start: int,
        limit: int | None,
        expected: range,
    ) -> None:
        """A window gives its points with their indices in the whole series."""
        history_tracker.write(Pen(run_id).log(*_logged([*range(10)])))

        points = history_tracker.points(run_id, "s/v", start, limit)

        assert [point.index for point in points] == list(expected)
        assert list(points.values) == list(expected)

    def test_points_logged_again_are_all_kept_in_order(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A step may come back, in one writer or another; time orders the points."""
        one, two = Pen(run_id, "a"), Pen(run_id, "b")
        for at, pen, step in [(9, two, 1), (1, one, 1), (5, two, 0), (3, one, 1)]:
            body = MetricsBody(step, {"": {"v": at}})
            record = Pen(run_id, pen.writer.id).log(body, at=at)
            history_tracker.write(record)

        points = history_tracker.points(run_id, "v")

        assert list(points.values) == [1, 3, 5, 9]
        assert list(points.steps) == [1, 1, 0, 1]

    def test_later_attempts_follow_earlier_ones(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Points of a later attempt come after, whatever their clocks said."""
        second, first = Pen(run_id, "a", attempt=2), Pen(run_id, "b", attempt=1)
        history_tracker.write(second.log(MetricsBody(1, {"": {"v": "second"}}), at=1))
        history_tracker.write(first.log(MetricsBody(0, {"": {"v": "first"}}), at=5))

        points = history_tracker.points(run_id, "v")

        assert list(points.values) == ["first", "second"]

    def test_one_record_holds_several_streams(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Each stream's fields become series; the root stream's have no prefix."""
        streams: dict[str, dict[str, Value]] = {
            "train": {"loss": 1, "acc": 2},
            "": {"loss": 3},
            "a/b": {"c": 4},
        }
        history_tracker.write(Pen(run_id).log(MetricsBody(3, streams)))

        last = {name: s.last for name, s in history_tracker.series(run_id).items()}

        assert last == {"a/b/c": 4, "loss": 3, "train/acc": 2, "train/loss": 1}

    def test_series_keep_names_apart(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Streams and fields that differ in any character are different series."""
        plain = [name for name in NAMES if "/" not in name]
        streams: dict[str, dict[str, Value]] = {name: {"v": name} for name in NAMES}
        streams[""] = {name: name for name in plain}
        expected = {f"{name}/v": name for name in NAMES} | {n: n for n in plain}
        history_tracker.write(Pen(run_id).log(MetricsBody(0, streams)))

        last = {name: s.last for name, s in history_tracker.series(run_id).items()}
        points = {
            name: list(history_tracker.points(run_id, name).values) for name in expected
        }

        assert last == expected
        assert points == {name: [value] for name, value in expected.items()}

    def test_unknown_series_has_no_points(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A known run answers with nothing, an unknown one with an error."""
        history_tracker.write(Pen(run_id).log(*_logged([1])))

        assert list(history_tracker.points(run_id, "s/V")) == []
        with pytest.raises(RunNotFoundError, match=run_id):
            history_tracker.points(f"{run_id}-other", "s/v")


def _logged(values: Iterable[Value]) -> list[MetricsBody]:
    return [MetricsBody(step, {"s": {"v": value}}) for step, value in enumerate(values)]
