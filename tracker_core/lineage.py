"""Lineage, walked along the edges that a tracker holds."""

from collections.abc import Callable, Iterable

from tracker_core.api import TrackerBase
from tracker_core.datatypes import Lineage, LineageEdge

__all__ = ["lineage_of"]


def lineage_of(tracker: TrackerBase, run_id: str) -> Lineage:
    """Return the lineage of ``run_id``, asking ``tracker`` for edges only.

    It asks ``sources`` once for every ancestor, and ``run_ids(parent_run_id=…)`` once
    for every descendant; circles end the walk.
    """

    def used_by(node: str) -> list[LineageEdge]:
        return [
            LineageEdge(node, source.source_run_id, source.artifact_name)
            for source in tracker.sources(node)
        ]

    def using(node: str) -> list[LineageEdge]:
        return [
            edge
            for child in tracker.run_ids(parent_run_id=node)
            for edge in used_by(child)
            if edge.source_run_id == node
        ]

    up = _walk(run_id, used_by, lambda edge: edge.source_run_id)
    down = _walk(run_id, using, lambda edge: edge.run_id)
    edges = sorted(
        up | down,
        key=lambda e: (e.run_id, e.source_run_id, e.artifact_name or ""),
    )
    return Lineage(run_id, tuple(edges))


def _walk(
    start: str,
    edges_at: Callable[[str], Iterable[LineageEdge]],
    far_end: Callable[[LineageEdge], str],
) -> set[LineageEdge]:
    found: set[LineageEdge] = set()
    seen = {start}
    waiting = [start]
    while waiting:
        for edge in edges_at(waiting.pop()):
            found.add(edge)
            if far_end(edge) not in seen:
                seen.add(far_end(edge))
                waiting.append(far_end(edge))
    return found
