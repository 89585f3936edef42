"""``tracker list jobs`` and ``… metadata``: ids, and what a run says of itself."""

import click

from tracker_core.cli.border import examples, say
from tracker_core.cli.documents import mapping_value, print_json
from tracker_core.cli.options import given, read_options
from tracker_core.cli.selection import (
    find_run,
    no_run_yet,
    select_run,
    similar_runs,
)
from tracker_core.cli.stores import open_store
from tracker_core.cli.tables import Table, mapping_table, print_table
from tracker_core.runs import RunInfo
from tracker_core.stores import Store

__all__ = ["list_jobs", "list_metadata"]


@click.command("jobs", epilog=examples("tracker list jobs --parent-run-id @last"))
@click.option(
    "--parent-run-id",
    metavar="RUN_ID",
    callback=given,
    help="Only those that used this run.",
)
@read_options
def list_jobs(parent_run_id: str | None, backend: str | None, *, as_json: bool) -> None:
    """List the ids of all runs."""
    hint = ""
    with open_store(backend) as store:
        if parent_run_id is None:
            found = list(store.tracker.run_ids())
            hint = "" if found else no_run_yet(store)
        else:
            parent = find_run(store, parent_run_id)
            # A foreign identifier has users too.
            source = parent_run_id if parent is None else parent.run_id
            found = list(store.tracker.run_ids(parent_run_id=source))
            hint = "" if found else _no_users(store, parent_run_id, parent)
    if as_json:
        print_json({"jobs": list(found)})
    else:
        print_table(Table(("JOB ID",), [(run_id,) for run_id in found], flows=True))
        _say(hint)


@click.command("metadata", epilog=examples("tracker list metadata @last"))
@click.argument("wanted", metavar="RUN_ID")
@read_options
def list_metadata(wanted: str, backend: str | None, *, as_json: bool) -> None:
    """List the metadata of a run."""
    with open_store(backend) as store:
        run = select_run(store, wanted)
        found = mapping_value(store.tracker.metadata(run.run_id))
    if as_json:
        print_json({"run_id": run.run_id, "metadata": found})
    else:
        print_table(mapping_table("ID", found))
        _say("" if found else f"run {run.name!r} has no metadata")


def _no_users(store: Store, wanted: str, parent: RunInfo | None) -> str:
    if parent is not None:
        return f"no run in {store.place} used {parent.name!r} ({parent.run_id})"
    hint = similar_runs(store, wanted) or "`tracker list` lists the runs"
    return f"no run {wanted!r} in {store.place}, and none that used it; {hint}"


def _say(hint: str) -> None:
    if hint:
        say(hint)
