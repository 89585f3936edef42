"""Streams: many points in one record, and rows of several fields."""

import math
from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.records import ColumnsBody, MetricsBody
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import START_NS, Pen
from tracker_core.testing.contract.torture import NAMES, VALUES
from tracker_core.values import MAX_STEP, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Streams"]

_MILLISECOND = 1_000_000
_COLUMNS: dict[str, list[Value]] = {
    "floats": [0.1, -0.0, math.nan, math.inf, 5e-324, 1e300],
    "ints": [0, 1, -(2**63), 2**63 - 1, 3, 3],
    "large ints": [2**63, -(2**63) - 1, 2**53 + 1, 0, 10**100, 1],
    "bools": [True, False, True, True, False, False],
    "numbers of both kinds": [1, 1.0, 2, 2.0, math.nan, -0.0],
    "nothing": [None, None, None, None, None, None],
    "gaps": [0.5, None, math.nan, None, 1.5, None],
    "json": ["1", 1, [1, {"a": math.nan}], {}, "", {"$float": "nan"}],
}
_MANY = 5000


class Streams(ContractFixtures):
    """What columns of points and ``rows`` promise."""

    @pytest.mark.parametrize("case", _COLUMNS)
    def test_columns_keep_values_and_types(
        self, history_tracker: NativeTracker, run_id: str, case: str
    ) -> None:
        """Each value of a column comes back by type and bits, in the summary too."""
        column = _COLUMNS[case]
        steps = [0, 1, 7, 7, 3, MAX_STEP]

        history_tracker.write(Pen(run_id).log(ColumnsBody("s", steps, {"v": column})))
        points = history_tracker.points(run_id, "s/v")
        summary = history_tracker.series(run_id)["s/v"]

        assert exact([point.value for point in points]) == exact(column)
        assert exact([point.step for point in points]) == exact(steps)
        assert exact([summary.count, summary.first, summary.last]) == exact(
            [len(column), column[0], column[-1]]
        )

    def test_columns_of_any_values_are_kept(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Every JSON value can stand in a column, beside every other."""
        history_tracker.write(
            Pen(run_id).log(ColumnsBody("", None, {"v": list(VALUES)}))
        )

        points = history_tracker.points(run_id, "v")

        assert exact(list(points.values)) == exact(list(VALUES))

    @pytest.mark.parametrize("steps", [(3, 4), range(3, 5), array("q", [3, 4])])
    def test_columns_may_be_any_sequences(
        self, history_tracker: NativeTracker, run_id: str, steps: Sequence[int]
    ) -> None:
        """A list, a tuple, a range or an array says the same."""
        fields: dict[str, Sequence[Value]] = {
            "tuple": (0.5, None),
            "range": range(7, 9),
            "array": array("d", [0.25, -0.0]),
        }
        history_tracker.write(Pen(run_id).log(ColumnsBody("s", steps, fields)))

        rows = history_tracker.rows(run_id, "s")

        assert exact([(row.step, row.fields) for row in rows]) == exact(
            [
                (3, {"array": 0.25, "range": 7, "tuple": 0.5}),
                (4, {"array": -0.0, "range": 8, "tuple": None}),
            ]
        )

    def test_columns_are_points_of_one_time_in_the_order_of_their_rows(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """All rows have the time of their record; without steps they have none."""
        body = ColumnsBody("s", None, {"v": [3, 1, 2], "w": [9.0, 8.0, 7.0]})

        history_tracker.write(Pen(run_id).log(body, at=4))

        at = START_NS + 4 * _MILLISECOND
        found = [tuple(point) for point in history_tracker.points(run_id, "s/v")]
        assert found == [(0, None, at, 3), (1, None, at, 1), (2, None, at, 2)]
        assert list(history_tracker.points(run_id, "s/w").values) == [9.0, 8.0, 7.0]

    def test_columns_and_single_points_make_one_series(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Both forms are points of the series that they name, by their times."""
        pen, other = Pen(run_id, "a"), Pen(run_id, "b")
        late = pen.log(ColumnsBody("s", [4, 5], {"v": [4, 5]}), at=4)
        history_tracker.write(late)
        history_tracker.write(other.log(MetricsBody(3, {"s": {"v": 3}}), at=3))
        history_tracker.write(other.log(ColumnsBody("s", [6], {"v": [6]}), at=4))
        first = Pen(run_id).log(ColumnsBody("s", [1, 2], {"v": [1, 2]}), at=1)
        history_tracker.write(first)

        points = history_tracker.points(run_id, "s/v")
        summary = history_tracker.series(run_id)["s/v"]

        assert [point.value for point in points] == [1, 2, 3, 4, 5, 6]
        assert [point.index for point in points] == [0, 1, 2, 3, 4, 5]
        assert (summary.count, summary.mean, summary.max_step) == (6, 3.5, 6)

    def test_thousands_of_points_in_one_record_are_all_kept(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Their summary is exact, and any window of them is read by its indices."""
        column = [number / 10 for number in range(_MANY)]
        body = ColumnsBody("s", [*range(_MANY)], {"v": column, "n": [*range(_MANY)]})

        history_tracker.write(Pen(run_id).log(body))
        summary = history_tracker.series(run_id)["s/v"]
        window = history_tracker.points(run_id, "s/v", 4090, 20)

        assert (summary.count, summary.last) == (_MANY, column[-1])
        assert summary.mean == float(sum(map(Fraction, column)) / _MANY)
        assert [point.index for point in window] == list(range(4090, 4110))
        assert [point.value for point in window] == column[4090:4110]
        assert len(history_tracker.points(run_id, "s/n")) == _MANY

    def test_columns_keep_streams_and_fields_apart(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Names that differ in any character are different series."""
        plain = [name for name in NAMES if "/" not in name]
        pen = Pen(run_id)
        history_tracker.write(
            pen.log(*(ColumnsBody(name, [0], {"v": [name]}) for name in NAMES))
        )
        history_tracker.write(
            pen.log(ColumnsBody("", [0], {name: [name] for name in plain}))
        )

        last = {name: s.last for name, s in history_tracker.series(run_id).items()}

        assert last == {f"{n}/v": n for n in NAMES} | {n: n for n in plain}

    def test_repeated_columns_count_once(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A record of many points is taken once, whichever batches bring it."""
        pen = Pen(run_id)
        pen.log(*(ColumnsBody("s", None, {"v": [n, n]}) for n in range(4)))

        for first, last in [(2, 3), (1, 4), (2, 2), (3, 4)]:
            history_tracker.write(pen.batch(first, last))

        points = history_tracker.points(run_id, "s/v")
        assert list(points.values) == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_rows_join_the_fields_of_a_stream(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Each point has the fields that it was given, sorted, types kept."""
        pen = Pen(run_id)
        streams: Mapping[str, dict[str, Value]] = {
            "train": {"loss": 0.5, "epoch": 1},
            "": {"loss": 9},
        }
        history_tracker.write(pen.log(MetricsBody(3, streams), at=1))
        columns = ColumnsBody("train", [4, 5], {"loss": [1, None], "z": ["x", [True]]})
        history_tracker.write(pen.log(columns, at=2))
        history_tracker.write(pen.log(MetricsBody(None, {"train": {"a": {}}}), at=3))

        rows = history_tracker.rows(run_id, "train")

        times = [START_NS + at * _MILLISECOND for at in (1, 2, 2, 3)]
        assert exact([tuple(row) for row in rows]) == exact(
            [
                (0, 3, times[0], {"epoch": 1, "loss": 0.5}),
                (1, 4, times[1], {"loss": 1, "z": "x"}),
                (2, 5, times[2], {"loss": None, "z": [True]}),
                (3, None, times[3], {"a": {}}),
            ]
        )
        assert [list(row.fields) for row in rows] == [
            ["epoch", "loss"],
            ["loss", "z"],
            ["loss", "z"],
            ["a"],
        ]

    def test_rows_of_the_root_stream_are_those_of_series_without_a_stream(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A stream's rows hold nothing of the streams below or beside it."""
        streams: dict[str, dict[str, Value]] = {
            "": {"v": "root"},
            "a": {"v": "a"},
            "a/b": {"v": "a/b"},
            "A": {"v": "A"},
        }
        history_tracker.write(Pen(run_id).log(MetricsBody(0, streams)))

        found = {
            stream: [row.fields for row in history_tracker.rows(run_id, stream)]
            for stream in streams
        }

        assert found == {stream: [fields] for stream, fields in streams.items()}

    @pytest.mark.parametrize("reverse", [False, True])
    def test_rows_come_in_the_order_of_the_run(
        self, history_tracker: NativeTracker, run_id: str, *, reverse: bool
    ) -> None:
        """Points of several writers are ordered by time, not by arrival or field."""
        one, two = Pen(run_id, "a"), Pen(run_id, "b")
        batches = [
            one.log(MetricsBody(0, {"s": {"v": 1}}), at=1),
            two.log(MetricsBody(0, {"s": {"w": 2}}), at=2),
            one.log(ColumnsBody("s", [1, 2], {"w": [3, 4]}), at=3),
            two.log(MetricsBody(1, {"s": {"v": 5, "w": 6}}), at=4),
        ]
        for batch in reversed(batches) if reverse else batches:
            history_tracker.write(batch)

        rows = history_tracker.rows(run_id, "s")

        assert [row.fields for row in rows] == [
            {"v": 1},
            {"w": 2},
            {"w": 3},
            {"w": 4},
            {"v": 5, "w": 6},
        ]
        assert [row.index for row in rows] == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize(
        ("start", "limit", "expected"),
        [
            (0, None, range(15)),
            (0, 3, range(3)),
            (13, 10, range(13, 15)),
            (15, 3, range(0)),
            (99, None, range(0)),
            (4, 0, range(0)),
        ],
    )
    def test_rows_are_cut_by_start_and_limit(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        start: int,
        limit: int | None,
        expected: range,
    ) -> None:
        """A window has the indices of the whole stream; the total is its length."""
        pen = Pen(run_id)
        history_tracker.write(pen.log(ColumnsBody("s", None, {"v": list(range(10))})))
        history_tracker.write(
            pen.log(*(MetricsBody(None, {"s": {"v": n}}) for n in range(10, 15)))
        )

        rows = history_tracker.rows(run_id, "s", start, limit)

        assert [row.index for row in rows] == list(expected)
        assert [row.fields for row in rows] == [{"v": n} for n in expected]
        assert rows.total == 15

    def test_unknown_stream_has_no_rows(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """It is empty and no error, also where a stream or field has such a part."""
        history_tracker.write(Pen(run_id).log(MetricsBody(0, {"a/b": {"v": 1}})))

        found = [history_tracker.rows(run_id, name) for name in ("", "a", "b", "a/b/v")]

        assert [(list(rows), rows.total) for rows in found] == [([], 0)] * 4
