"""Sources and lineage, for every tracker, native or plain."""

from collections.abc import Iterable

from tracker_core.api import NativeTracker
from tracker_core.datatypes import TrackerSource
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.torture import NAMES

__all__ = ["Edges"]

_Edges = Iterable[tuple[str, str]]


class Edges(ContractFixtures):
    """What sources, lineage and the filter of run_ids promise."""

    def test_sources_are_each_given_once(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Adding an edge again changes nothing; a label makes it another edge."""
        for _ in range(2):
            tracker.add_source(run_id, "data")
            tracker.add_source(run_id, "data", "train")
            tracker.add_source(run_id, "base", "train")

        assert list(tracker.sources(run_id)) == [
            TrackerSource("base", "train"),
            TrackerSource("data"),
            TrackerSource("data", "train"),
        ]

    def test_sources_with_a_label_are_those_of_exactly_that_label(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """The filter compares whole labels; edges without one never match it."""
        tracker.add_source(run_id, "a", "train")
        tracker.add_source(run_id, "b", "train/x")
        tracker.add_source(run_id, "c", "Train")
        tracker.add_source(run_id, "d")

        assert list(tracker.sources(run_id, "train")) == [TrackerSource("a", "train")]
        assert list(tracker.sources(run_id, "tra")) == []

    def test_empty_label_is_no_label(self, tracker: NativeTracker, run_id: str) -> None:
        """An edge with an empty label is the edge without one, as in torchx."""
        tracker.add_source(run_id, "a", "")

        assert list(tracker.sources(run_id)) == [TrackerSource("a", None)]

    def test_sources_keep_names_apart(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """Source ids and labels that differ in any character are different."""
        for name in NAMES:
            tracker.add_source(run_id, name, name)
        by_label = {name: list(tracker.sources(run_id, name)) for name in NAMES}

        assert list(tracker.sources(run_id)) == [
            TrackerSource(name, name) for name in sorted(NAMES)
        ]
        assert by_label == {name: [TrackerSource(name, name)] for name in NAMES}

    def test_run_ids_of_a_parent_are_the_runs_that_used_it(
        self, tracker: NativeTracker
    ) -> None:
        """The filter follows direct edges alone, whatever their label."""
        _link(tracker, [("child", "root"), ("grandchild", "child")])
        tracker.add_source("labelled", "root", "model")
        tracker.add_metadata("other", root="root")

        assert sorted(tracker.run_ids(parent_run_id="root")) == ["child", "labelled"]
        assert list(tracker.run_ids(parent_run_id="Root")) == []

    def test_a_source_need_not_be_a_run(self, tracker: NativeTracker) -> None:
        """What a run used is no run until something is written to it."""
        tracker.add_source("run", "s3://data/set")

        assert list(tracker.run_ids()) == ["run"]
        assert tracker.lineage("s3://data/set").children == ("run",)

    def test_lineage_reaches_all_relatives(self, tracker: NativeTracker) -> None:
        """It goes up and down over several runs, once over a diamond, no sideways."""
        _link(tracker, [("a1", "root"), ("a2", "root"), ("b", "a1"), ("b", "a2")])
        _link(tracker, [("c", "b"), ("sibling", "root")])

        lineage = tracker.lineage("b")

        assert lineage.parents == ("a1", "a2")
        assert lineage.ancestors == ("a1", "a2", "root")
        assert lineage.children == lineage.descendants == ("c",)
        assert len(lineage.edges) == len(set(lineage.edges)) == 5

    def test_lineage_does_not_depend_on_which_run_was_tracked_first(
        self, tracker: NativeTracker
    ) -> None:
        """The same edges give the same relatives, children first or parents first."""
        _link(tracker, [("x.mid", "x.top"), ("x.low", "x.mid")])
        _link(tracker, [("y.low", "y.mid"), ("y.mid", "y.top")])
        tracker.add_metadata("x.top", key=1)

        assert tracker.lineage("x.top").descendants == ("x.low", "x.mid")
        assert tracker.lineage("y.top").descendants == ("y.low", "y.mid")

    def test_lineage_survives_circles(self, tracker: NativeTracker) -> None:
        """Runs that used each other, or themselves, are no relatives of themselves."""
        _link(tracker, [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")])

        lineage = tracker.lineage("a")

        assert lineage.ancestors == lineage.descendants == ("b", "c")
        assert (lineage.parents, lineage.children) == (("b",), ("c",))


def _link(tracker: NativeTracker, edges: _Edges) -> None:
    for run_id, source_id in edges:
        tracker.add_source(run_id, source_id)
