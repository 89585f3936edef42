"""Tracks: what is said of one moment of a topic is one entry."""

import itertools
import math
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.records import TrackBody
from tracker_core.testing.contract.answers import exact
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.torture import NAMES, VALUES

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Tracks"]


class Tracks(ContractFixtures):
    """What ``topics`` and ``track_entries`` promise."""

    def test_track_keeps_values_and_types(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Every JSON value can be a field, under every name; fields are sorted."""
        fields: dict[str, Value] = {f"v{n:02}": v for n, v in enumerate(VALUES)}
        fields |= dict.fromkeys(NAMES, 1)
        history_tracker.write(Pen(run_id).log(TrackBody("t", 1.5, fields)))

        (entry,) = history_tracker.track_entries(run_id, "t")

        assert exact(entry.timestamp) == exact(1.5)
        assert exact(entry.fields) == exact(fields)
        assert list(entry.fields) == sorted(fields)

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_equal_timestamps_are_merged_whatever_order_they_arrive_in(
        self, history_tracker: NativeTracker, run_id: str, order: tuple[int, ...]
    ) -> None:
        """Field by field, the last in the order of the run wins; all in one entry."""
        one, two = Pen(run_id, "a"), Pen(run_id, "b")
        batches = [
            one.log(TrackBody("t", 1.0, {"x": 1, "y": 1}), at=1),
            two.log(TrackBody("t", 1.0, {"y": 2, "z": 2}), at=2),
            one.log(TrackBody("t", 1.0, {"z": 3, "only": 3}), at=3),
        ]
        for number in order:
            history_tracker.write(batches[number])

        entries = history_tracker.track_entries(run_id, "t")

        merged = {"only": 3, "x": 1, "y": 2, "z": 3}
        assert [tuple(entry) for entry in entries] == [(1.0, merged)]

    def test_entries_of_one_batch_are_merged(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """As are those of several; a value is replaced whole."""
        pen = Pen(run_id)
        history_tracker.write(
            pen.log(
                TrackBody("t", 1.0, {"pose": {"x": 1}, "n": 1}),
                TrackBody("t", 1.0, {"pose": {"y": 2}}),
            )
        )
        history_tracker.write(pen.log(TrackBody("t", 1.0, {"n": None})))

        (entry,) = history_tracker.track_entries(run_id, "t")

        assert entry.fields == {"n": None, "pose": {"y": 2}}

    def test_later_attempt_is_merged_last(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Attempts come before times in the order of the run."""
        second, first = Pen(run_id, "a", attempt=2), Pen(run_id, "b", attempt=1)
        history_tracker.write(second.log(TrackBody("t", 1.0, {"by": 2}), at=1))
        history_tracker.write(first.log(TrackBody("t", 1.0, {"by": 1}), at=9))

        (entry,) = history_tracker.track_entries(run_id, "t")

        assert entry.fields == {"by": 2}

    def test_timestamps_that_differ_by_a_bit_are_two_moments(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Nothing is rounded, and every float comes back as it was."""
        near = 1_700_000_000.1
        moments = [0.1 + 0.2, 0.3, near, math.nextafter(near, 0), 5e-324, 1e300]
        history_tracker.write(
            Pen(run_id).log(*(TrackBody("t", at, {"at": at}) for at in moments))
        )

        entries = history_tracker.track_entries(run_id, "t")

        assert exact([entry.timestamp for entry in entries]) == exact(sorted(moments))
        assert [entry.fields["at"] for entry in entries] == sorted(moments)

    def test_both_zeros_are_one_moment(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """The zero with a sign equals the one without, at write and at read."""
        pen = Pen(run_id)
        history_tracker.write(pen.log(TrackBody("t", 0.0, {"x": 1})))
        history_tracker.write(pen.log(TrackBody("t", -0.0, {"y": 2})))

        (entry,) = history_tracker.track_entries(run_id, "t", -0.0, 0.0)

        assert (entry.timestamp, entry.fields) == (0.0, {"x": 1, "y": 2})
        assert len(history_tracker.track_entries(run_id, "t", 0.0, -0.0)) == 1

    def test_entries_come_in_the_order_of_time(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Whenever they were logged; times before zero too."""
        pen = Pen(run_id)
        for at in (3.0, -1.5, 2.0, -2.0, 0.0):
            history_tracker.write(pen.log(TrackBody("t", at, {})))

        entries = history_tracker.track_entries(run_id, "t")

        assert [entry.timestamp for entry in entries] == [-2.0, -1.5, 0.0, 2.0, 3.0]

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (None, None, [-1.0, 0.0, 0.1, 2.5]),
            (0.0, None, [0.0, 0.1, 2.5]),
            (None, 0.1, [-1.0, 0.0, 0.1]),
            (-1.0, 0.1, [-1.0, 0.0, 0.1]),
            (0.1, 0.1, [0.1]),
            (2, 3, [2.5]),
            (1.0, -1.0, []),
            (3.0, None, []),
            (-math.inf, math.inf, [-1.0, 0.0, 0.1, 2.5]),
        ],
    )
    def test_range_of_time_includes_both_ends(
        self,
        history_tracker: NativeTracker,
        run_id: str,
        start: float | None,
        end: float | None,
        expected: list[float],
    ) -> None:
        """An inverted range is empty."""
        history_tracker.write(
            Pen(run_id).log(*(TrackBody("t", at, {}) for at in (0.1, -1.0, 2.5, 0.0)))
        )

        entries = history_tracker.track_entries(run_id, "t", start, end)

        assert [entry.timestamp for entry in entries] == expected

    def test_entry_without_fields_is_an_entry(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """That something happened then may be all there is to say."""
        history_tracker.write(Pen(run_id).log(TrackBody("t", 4.0, {})))

        entries = history_tracker.track_entries(run_id, "t")

        assert [tuple(entry) for entry in entries] == [(4.0, {})]
        assert list(history_tracker.topics(run_id)) == ["t"]

    def test_topics_are_kept_apart_and_sorted(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """Those that differ in any character are different topics: r/s is not r_s."""
        names = [*NAMES, "r/s", "r_s", "r.s"]
        history_tracker.write(
            Pen(run_id).log(*(TrackBody(name, 1.0, {"is": name}) for name in names))
        )

        found = [
            [
                entry.fields["is"]
                for entry in history_tracker.track_entries(run_id, name)
            ]
            for name in names
        ]

        assert found == [[name] for name in names]
        assert list(history_tracker.topics(run_id)) == sorted(names)

    def test_unknown_topic_has_no_entries(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """It is no error, also where a topic begins so."""
        history_tracker.write(Pen(run_id).log(TrackBody("robot/arm", 1.0, {})))

        assert list(history_tracker.track_entries(run_id, "robot")) == []
        assert list(history_tracker.track_entries(run_id, "robot/arm/")) == []

    def test_repeated_entries_of_tracks_change_nothing(
        self, history_tracker: NativeTracker, run_id: str
    ) -> None:
        """A batch that comes again after a later one does not win over it."""
        pen = Pen(run_id)
        early = pen.log(TrackBody("t", 1.0, {"x": "early"}))
        history_tracker.write(early)
        history_tracker.write(pen.log(TrackBody("t", 1.0, {"x": "late"})))
        history_tracker.write(early)

        (entry,) = history_tracker.track_entries(run_id, "t")

        assert entry.fields == {"x": "late"}
