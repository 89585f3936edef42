"""Lineage is walked along the edges that a tracker holds."""

from hypothesis import given
from hypothesis import strategies as st

from tracker_core.datatypes import Lineage, LineageEdge
from tracker_core.lineage import lineage_of
from tracker_core.testing import MemoryTracker

_Pairs = list[tuple[str, str]]


def _tracker(pairs: _Pairs) -> MemoryTracker:
    tracker = MemoryTracker()
    for run_id, source_id in pairs:
        tracker.add_source(run_id, source_id)
    return tracker


class _CountingTracker(MemoryTracker):
    """Counts for which runs the sources were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def run_ids(self, **kwargs: str | None) -> list[str]:
        self.asked.append(str(kwargs.get("parent_run_id")))
        return list(super().run_ids(**kwargs))


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"))),
    st.sampled_from("abcdef"),
)
def test_lineage_has_the_relatives_of_the_whole_graph(
    pairs: _Pairs, run_id: str
) -> None:
    """Walking finds what a look at all edges finds, and no edge besides."""
    everything = Lineage(run_id, tuple(LineageEdge(*pair) for pair in pairs))

    lineage = lineage_of(_tracker(pairs), run_id)

    assert lineage.ancestors == everything.ancestors
    assert lineage.descendants == everything.descendants
    assert lineage.parents == everything.parents
    assert lineage.children == everything.children
    assert set(lineage.edges) <= set(everything.edges)


def test_edges_are_sorted_and_given_once() -> None:
    """An edge that lies on a way up and on a way down is one edge."""
    tracker = _tracker([("b", "a"), ("a", "b")])
    tracker.add_source("a", "b", "label")

    lineage = lineage_of(tracker, "a")

    assert lineage.edges == (
        LineageEdge("a", "b"),
        LineageEdge("a", "b", "label"),
        LineageEdge("b", "a"),
    )


def test_siblings_are_not_among_the_edges() -> None:
    """Another child of a parent is no relative."""
    tracker = _tracker([("run", "root"), ("sibling", "root"), ("child", "run")])

    lineage = lineage_of(tracker, "run")

    assert lineage.edges == (LineageEdge("child", "run"), LineageEdge("run", "root"))


def test_each_descendant_is_asked_for_once() -> None:
    """Circles and diamonds do not multiply the questions."""
    tracker = _CountingTracker()
    for run_id, source_id in [
        ("b", "a"),
        ("c", "a"),
        ("d", "b"),
        ("d", "c"),
        ("a", "d"),
    ]:
        tracker.add_source(run_id, source_id)

    lineage_of(tracker, "a")

    assert sorted(tracker.asked) == ["a", "b", "c", "d"]
