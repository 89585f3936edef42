"""``tracker list lineage``: where a run comes from and what came of it."""

import click

from tracker_core.cli.ancestry import descendants_tree, narrowed, sources_tree
from tracker_core.cli.border import examples
from tracker_core.cli.documents import lineage_value, print_json
from tracker_core.cli.options import given, read_options
from tracker_core.cli.selection import find_run, name_of, unknown_run
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import print_heading, print_trees
from tracker_core.datatypes import Lineage
from tracker_core.stores import Store

__all__ = ["list_lineage"]


@click.command("lineage", epilog=examples("tracker list lineage --sources-only @last"))
@click.option("--sources-only", is_flag=True, help="Only what the run was made from.")
@click.option("--descendants-only", is_flag=True, help="Only what was made from it.")
@click.option(
    "--artifact", metavar="NAME", callback=given, help="Only edges with this label."
)
@click.argument("wanted", metavar="RUN_ID")
@read_options
def list_lineage(
    wanted: str,
    artifact: str | None,
    backend: str | None,
    *,
    sources_only: bool,
    descendants_only: bool,
    as_json: bool,
) -> None:
    """Show where a run comes from and what came of it.

    RUN_ID may also be the id of a source that is no run: what used it is shown.
    """
    if sources_only and descendants_only:
        message = "--sources-only and --descendants-only exclude each other"
        raise click.UsageError(message)
    with open_store(backend) as store:
        lineage = narrowed(
            _lineage(store, wanted),
            label=artifact,
            upwards=not descendants_only,
            downwards=not sources_only,
        )
        names = {} if as_json else _names(store, lineage)
    if as_json:
        print_json({"run_id": lineage.run_id, **lineage_value(lineage)})
        return
    if not descendants_only:
        print_trees([sources_tree(lineage, names.__getitem__)])
    print_heading(names[lineage.run_id])
    if not sources_only:
        print_trees([descendants_tree(lineage, names.__getitem__)])


def _lineage(store: Store, wanted: str) -> Lineage:
    run = find_run(store, wanted)
    lineage = store.tracker.lineage(wanted if run is None else run.run_id)
    if run is None and not lineage.edges:
        raise unknown_run(store, wanted)
    return lineage


def _names(store: Store, lineage: Lineage) -> dict[str, str]:
    ids = {edge.run_id for edge in lineage.edges}
    ids |= {edge.source_run_id for edge in lineage.edges}
    names = {run_id: _named(store, run_id) for run_id in ids}
    middle = lineage.run_id
    name = name_of(store, middle)
    return {**names, middle: f"{middle} ({name or 'no run here'})"}


def _named(store: Store, run_id: str) -> str:
    name = name_of(store, run_id)
    return run_id if name is None else f"{run_id} ({name})"
