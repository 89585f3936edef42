"""The lineage of a run, as trees."""

from collections.abc import Callable, Iterable

from tracker_core.cli.tables import Branch
from tracker_core.datatypes import Lineage, LineageEdge

__all__ = ["descendants_tree", "narrowed", "sources_tree"]


def narrowed(
    lineage: Lineage, *, label: str | None, upwards: bool, downwards: bool
) -> Lineage:
    """Return the part of ``lineage`` that is wanted.

    Args:
        lineage: All of it.
        label: Only paths whose every edge has exactly this label; None for all.
        upwards: Whether what the run was made from is wanted.
        downwards: Whether what was made from the run is wanted.
    """
    edges = [edge for edge in lineage.edges if label in (None, edge.artifact_name)]
    kept: set[LineageEdge] = set()
    if upwards:
        kept |= _reached(lineage.run_id, edges, _source, _run)
    if downwards:
        kept |= _reached(lineage.run_id, edges, _run, _source)
    return Lineage(lineage.run_id, tuple(edge for edge in edges if edge in kept))


def sources_tree(lineage: Lineage, label: Callable[[str], str]) -> Branch:
    """Return what the run was made from, nearest first.

    Args:
        lineage: The run and its edges.
        label: Gives the words for an id.
    """
    return _tree("made from", lineage, label, _source, _run)


def descendants_tree(lineage: Lineage, label: Callable[[str], str]) -> Branch:
    """Return what was made from the run, nearest first."""
    return _tree("used by", lineage, label, _run, _source)


_End = Callable[[LineageEdge], str]


def _run(edge: LineageEdge) -> str:
    return edge.run_id


def _source(edge: LineageEdge) -> str:
    return edge.source_run_id


def _reached(
    start: str, edges: Iterable[LineageEdge], far: _End, near: _End
) -> set[LineageEdge]:
    leaving = _by_end(edges, near)
    found: set[LineageEdge] = set()
    waiting = [start]
    while waiting:
        new = [edge for edge in leaving.get(waiting.pop(), ()) if edge not in found]
        found.update(new)
        waiting += map(far, new)
    return found


def _tree(
    title: str, lineage: Lineage, label: Callable[[str], str], far: _End, near: _End
) -> Branch:
    leaving = _by_end(lineage.edges, near)
    top = Branch(title, [])
    # A run that is reached by several paths, or by a circle, is opened out once.
    seen = {lineage.run_id}
    waiting = [(top, lineage.run_id)]
    for branch, run_id in waiting:
        for edge in leaving.get(run_id, ()):
            other = far(edge)
            child = Branch(_words(edge, label(other), is_seen=other in seen), [])
            branch.branches.append(child)
            if other not in seen:
                seen.add(other)
                waiting.append((child, other))
    return top if top.branches else Branch(f"{title} nothing", [])


def _words(edge: LineageEdge, name: str, *, is_seen: bool) -> str:
    words = name if edge.artifact_name is None else f"{name} as {edge.artifact_name}"
    return f"{words} (shown elsewhere)" if is_seen else words


def _by_end(edges: Iterable[LineageEdge], end: _End) -> dict[str, list[LineageEdge]]:
    found: dict[str, list[LineageEdge]] = {}
    for edge in edges:
        found.setdefault(end(edge), []).append(edge)
    return found
