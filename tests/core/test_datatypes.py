"""The data types of the eight calls are torchx's, but cannot be changed."""

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core import AppRun
from tracker_core.datatypes import (
    AppRunTrackableSource,
    Lineage,
    LineageEdge,
    TrackerArtifact,
    TrackerSource,
)


def _graphs() -> st.SearchStrategy[list[LineageEdge]]:
    node = st.sampled_from("abcdef")
    return st.lists(st.builds(LineageEdge, node, node, st.none() | st.just("x")))


def _reached(edges: list[LineageEdge], start: str, *, up: bool) -> set[str]:
    """Follow edges from ``start`` until nothing new comes."""
    pairs = {
        (e.run_id, e.source_run_id) if up else (e.source_run_id, e.run_id)
        for e in edges
    }
    found: set[str] = set()
    while True:
        new = {far for near, far in pairs if near in found | {start}} - found
        if not new:
            return found - {start}
        found |= new


def test_types_are_made_as_in_torchx() -> None:
    """By position, in torchx's order; metadata and labels have a default."""
    run = AppRun("run", [])

    assert TrackerArtifact("n", "p", {"a": 1}).metadata == {"a": 1}
    assert TrackerArtifact("n", "p").metadata is None
    assert TrackerArtifact("n", "p").digest is None
    assert TrackerSource("run", "label").artifact_name == "label"
    assert TrackerSource("run").artifact_name is None
    assert AppRunTrackableSource(run, "label").parent is run
    assert AppRunTrackableSource(run).artifact_name is None


@pytest.mark.parametrize(
    ("thing", "field"),
    [
        (TrackerArtifact("n", "p"), "path"),
        (TrackerSource("run"), "source_run_id"),
        (Lineage("run"), "run_id"),
        (LineageEdge("a", "b"), "run_id"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_types_cannot_be_changed(thing: object, field: str) -> None:
    """Readers may share them."""
    with pytest.raises(FrozenInstanceError):
        setattr(thing, field, "other")


def test_lineage_needs_no_arguments() -> None:
    """As in torchx; it has no relatives."""
    lineage = Lineage()

    assert (lineage.parents, lineage.children) == ((), ())
    assert (lineage.ancestors, lineage.descendants) == ((), ())


def test_parents_and_children_are_direct() -> None:
    """Sorted, each once, whatever the labels."""
    edges = (
        LineageEdge("run", "b"),
        LineageEdge("run", "a"),
        LineageEdge("run", "a", "x"),
        LineageEdge("a", "root"),
        LineageEdge("child", "run"),
        LineageEdge("grandchild", "child"),
    )

    lineage = Lineage("run", edges)

    assert (lineage.parents, lineage.children) == (("a", "b"), ("child",))
    assert lineage.ancestors == ("a", "b", "root")
    assert lineage.descendants == ("child", "grandchild")


@given(_graphs(), st.sampled_from("abcdef"))
def test_relatives_are_what_can_be_reached(
    edges: list[LineageEdge], run_id: str
) -> None:
    """Along any graph, circles included; a run is never its own relative."""
    lineage = Lineage(run_id, tuple(edges))

    assert set(lineage.ancestors) == _reached(edges, run_id, up=True)
    assert set(lineage.descendants) == _reached(edges, run_id, up=False)
    assert run_id not in {*lineage.parents, *lineage.children}
    assert list(lineage.ancestors) == sorted(lineage.ancestors)
