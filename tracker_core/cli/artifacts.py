"""The artifacts of a run: their table, and which one a person means."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

import click

from tracker_core.api import NativeTracker
from tracker_core.cli.border import Failure, examples, say
from tracker_core.cli.documents import artifact_values, print_json
from tracker_core.cli.options import given, read_options
from tracker_core.cli.printing import is_terminal
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import Table, print_table
from tracker_core.cli.text import shown, similar, size_words
from tracker_core.datatypes import TrackerArtifact
from tracker_core.runs import RunInfo

__all__ = ["artifact_cards", "find_artifact", "list_artifacts"]

_PREFIX = "sha256:"
_SHORT_DIGEST = 12
# Fewer letters may well be a name.
_SHORTEST_DIGEST = 6
_MOST_NAMES = 10
# What every artifact is that was given no role.
_USUAL_ROLE = "artifact"


@click.command(
    "artifacts", epilog=examples("tracker list artifacts --artifact weights @last")
)
@click.option(
    "--artifact", metavar="NAME", callback=given, help="Only the artifact of this name."
)
@click.argument("wanted", metavar="RUN_ID")
@read_options
def list_artifacts(
    wanted: str, artifact: str | None, backend: str | None, *, as_json: bool
) -> None:
    """List the artifacts of a run.

    `tracker get` fetches the content of those that have any.
    """
    with open_store(backend) as store:
        run = select_run(store, wanted)
        artifacts = store.tracker.artifacts(run.run_id)
    found = [item for name, item in artifacts.items() if artifact in (None, name)]
    if as_json:
        print_json({"run_id": run.run_id, "artifacts": artifact_values(found)})
        return
    print_table(_listed(found))
    if not found:
        say(_no_artifact(run, artifact, artifacts))


def artifact_cards(artifacts: Iterable[TrackerArtifact]) -> Iterator[Table]:
    """Give content, then references, each without the columns that nothing is in."""
    items = list(artifacts)
    contents = [item for item in items if item.digest]
    references = [item for item in items if not item.digest]
    for found, titles in ((contents, ("DIGEST", "SIZE")), (references, ("PATH",))):
        wanted = [
            title
            for title in (*titles, "KIND", "ROLE", "METADATA")
            if any(_COLUMNS[title](item) not in ("", "–") for item in found)
        ]
        if found:
            yield _table(found, wanted)


def find_artifact(tracker: NativeTracker, run: RunInfo, wanted: str) -> TrackerArtifact:
    """Return the artifact that ``wanted`` means.

    It is, in this order, the name of an artifact, of which the newest is meant, or the
    beginning of the digest of any that the run has, or else had, from six letters on.

    Raises:
        Failure: It means none, or is the beginning of several digests.
    """
    newest = tracker.artifacts(run.run_id)
    if wanted in newest:
        return newest[wanted]
    found = _of_digest(tracker, run.run_id, newest, wanted.removeprefix(_PREFIX))
    if len(found) > 1:
        message = f"{wanted!r} means {len(found)} digests; give more of one of them:"
        lines = [f"{digest}  {item.name}" for digest, item in found.items()]
        raise Failure(message, lines)
    if not found:
        raise Failure(_no_artifact(run, wanted, newest))
    return next(iter(found.values()))


def _listed(artifacts: Iterable[TrackerArtifact]) -> Table:
    """Return artifacts with the columns of torchx, and those of content if any has it.

    A terminal gets the beginnings of digests, which mean the same to `tracker get`.
    """
    items = list(artifacts)
    if not any(item.digest for item in items):
        return _table(items, ("PATH", "METADATA"))
    return _table(items, ("PATH", "DIGEST", "SIZE", "KIND", "METADATA"))


def _of_digest(
    tracker: NativeTracker,
    run_id: str,
    newest: Mapping[str, TrackerArtifact],
    beginning: str,
) -> dict[str, TrackerArtifact]:
    if len(beginning) < _SHORTEST_DIGEST or beginning.strip("0123456789abcdef"):
        return {}
    # A tracker is asked for the past of each name on its own, which takes long.
    earlier = (tracker.artifact_history(run_id, name) for name in newest)
    return _beginning(beginning, newest.values()) or _beginning(
        beginning, chain.from_iterable(earlier)
    )


def _beginning(
    beginning: str, items: Iterable[TrackerArtifact]
) -> dict[str, TrackerArtifact]:
    return {
        item.digest: item
        for item in items
        if item.digest and item.digest.startswith(_PREFIX + beginning)
    }


def _table(items: Iterable[TrackerArtifact], titles: Iterable[str]) -> Table:
    titles = ("ARTIFACT", *titles)
    rows = [tuple(_COLUMNS[title](item) for title in titles) for item in items]
    return Table(titles, rows, flows=True)


def _digest(item: TrackerArtifact) -> str:
    if item.digest is None:
        return "–"
    if not is_terminal():
        return item.digest
    return item.digest.removeprefix(_PREFIX)[:_SHORT_DIGEST]


def _size(item: TrackerArtifact) -> str:
    return "–" if item.size_bytes is None else size_words(item.size_bytes)


def _metadata(item: TrackerArtifact) -> str:
    return "" if item.metadata is None else shown(item.metadata)


_COLUMNS: Mapping[str, Callable[[TrackerArtifact], str]] = {
    "ARTIFACT": lambda item: item.name,
    "PATH": lambda item: item.path if item.digest is None else "–",
    "DIGEST": _digest,
    "SIZE": _size,
    "KIND": lambda item: item.kind or "–",
    "ROLE": lambda item: "–" if item.role in (None, _USUAL_ROLE) else item.role,
    "METADATA": _metadata,
}


def _no_artifact(
    run: RunInfo, wanted: str | None, known: Mapping[str, TrackerArtifact]
) -> str:
    said = f"run {run.name!r} has no artifact"
    if wanted is None or not known:
        return said
    more = ", …" if len(known) > _MOST_NAMES else ""
    names = f"it has {', '.join(list(known)[:_MOST_NAMES])}{more}"
    hint = similar(wanted, known) or names
    return f"{said} {wanted!r}; {hint}"
