"""``tracker list``: runs and what belongs to them, with the arguments of torchx."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click

from tracker_core.api import NativeTracker
from tracker_core.cli.ancestry import descendants_tree, narrowed, sources_tree
from tracker_core.cli.backends import list_trackers
from tracker_core.cli.border import Commands, Failure, examples, say
from tracker_core.cli.documents import (
    artifact_values,
    lineage_value,
    mapping_value,
    print_json,
    run_value,
)
from tracker_core.cli.selection import select_run
from tracker_core.cli.stores import open_store, read_options
from tracker_core.cli.tables import Table, print_heading, print_table, print_trees
from tracker_core.cli.text import age, duration, shown, status_words
from tracker_core.datatypes import Lineage, TrackerArtifact
from tracker_core.errors import RunNotFoundError
from tracker_core.runs import RunInfo
from tracker_core.values import Value

__all__ = ["artifact_table", "list_command", "mapping_table"]

_run_argument = click.argument("wanted", metavar="RUN_ID")


@click.group(
    "list",
    cls=Commands,
    invoke_without_command=True,
    epilog=examples("tracker list --limit 10", "tracker list metadata @last"),
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many runs at the most.",
)
@read_options
@click.pass_context
def list_command(
    ctx: click.Context, limit: int, backend: str | None, *, as_json: bool
) -> None:
    """List runs, the newest first, or what belongs to one of them.

    RUN_ID is an id, the beginning of one, a name, or @last for the newest run.
    """
    if ctx.invoked_subcommand is not None:
        chosen = {"backend": backend, "as_json": as_json}
        ctx.default_map = dict.fromkeys(list_command.commands, chosen)
        return
    with open_store(backend) as store:
        # One more than is shown tells whether there are more.
        runs = store.runs(limit=limit + 1)
    _print_runs(runs[:limit], has_more=len(runs) > limit, as_json=as_json)


@list_command.command(
    "jobs", epilog=examples("tracker list jobs --parent-run-id @last")
)
@click.option(
    "--parent-run-id", metavar="RUN_ID", help="Only those that used this run."
)
@read_options
def list_jobs(parent_run_id: str | None, backend: str | None, *, as_json: bool) -> None:
    """List the ids of all runs."""
    with open_store(backend) as store:
        parent = None if parent_run_id is None else _run_or_source(store, parent_run_id)
        # None is no filter, but not every plain tracker knows the filter at all.
        filters = {} if parent is None else {"parent_run_id": parent}
        found = list(store.run_ids(**filters))
    if as_json:
        print_json({"jobs": list(found)})
    else:
        print_table(Table(("JOB ID",), [(run_id,) for run_id in found]))


@list_command.command("metadata", epilog=examples("tracker list metadata @last"))
@_run_argument
@read_options
def list_metadata(wanted: str, backend: str | None, *, as_json: bool) -> None:
    """List the metadata of a run."""
    with open_store(backend) as store:
        run_id = select_run(store, wanted).run_id
        found = mapping_value(store.metadata(run_id))
    if as_json:
        print_json({"run_id": run_id, "metadata": found})
    else:
        print_table(mapping_table("ID", found))


@list_command.command(
    "artifacts", epilog=examples("tracker list artifacts --artifact weights @last")
)
@click.option("--artifact", metavar="NAME", help="Only the artifact of this name.")
@_run_argument
@read_options
def list_artifacts(
    wanted: str, artifact: str | None, backend: str | None, *, as_json: bool
) -> None:
    """List the artifacts of a run."""
    with open_store(backend) as store:
        run_id = select_run(store, wanted).run_id
        artifacts = store.artifacts(run_id)
    found = [item for name, item in artifacts.items() if artifact in (None, name)]
    if as_json:
        print_json({"run_id": run_id, "artifacts": artifact_values(found)})
    else:
        print_table(artifact_table(found))


@list_command.command(
    "lineage", epilog=examples("tracker list lineage --sources-only @last")
)
@click.option("--sources-only", is_flag=True, help="Only what the run was made from.")
@click.option("--descendants-only", is_flag=True, help="Only what was made from it.")
@click.option("--artifact", metavar="NAME", help="Only edges with this label.")
@_run_argument
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
    """Show where a run comes from and what came of it."""
    if sources_only and descendants_only:
        message = "--sources-only and --descendants-only exclude each other"
        raise click.UsageError(message)
    with open_store(backend) as store:
        run_id = select_run(store, wanted).run_id
        lineage = narrowed(
            store.lineage(run_id),
            label=artifact,
            upwards=not descendants_only,
            downwards=not sources_only,
        )
        names = {} if as_json else _names(store, lineage)
    if as_json:
        print_json({"run_id": run_id, **lineage_value(lineage)})
        return
    if not descendants_only:
        print_trees([sources_tree(lineage, names.__getitem__)])
    print_heading(names[run_id])
    if not sources_only:
        print_trees([descendants_tree(lineage, names.__getitem__)])


def mapping_table(title: str, values: dict[str, Value]) -> Table:
    """Return keys and values as a table."""
    return Table((title, "VALUE"), [(key, shown(v)) for key, v in values.items()])


def artifact_table(artifacts: Iterable[TrackerArtifact]) -> Table:
    """Return artifacts as a table."""
    rows = [
        (item.name, item.path, "" if item.metadata is None else shown(item.metadata))
        for item in artifacts
    ]
    return Table(("ARTIFACT", "PATH", "METADATA"), rows)


def _print_runs(runs: Sequence[RunInfo], *, has_more: bool, as_json: bool) -> None:
    if as_json:
        print_json({"runs": [run_value(run) for run in runs], "has_more": has_more})
        return
    now = datetime.now(UTC)
    rows = [
        (
            run.name,
            run.run_id,
            run.experiment or "–",
            status_words(run),
            age(run.started_at or run.created_at, now),
            duration(run, now),
        )
        for run in runs
    ]
    titles = ("NAME", "RUN ID", "EXPERIMENT", "STATUS", "AGE", "TOOK")
    print_table(Table(titles, rows))
    if has_more:
        say(f"there are more runs; --limit {2 * len(runs)} shows some of them")
    if not runs:
        say("there is no run here yet; start one with `tracker run -- COMMAND`")


def _run_or_source(store: NativeTracker, wanted: str) -> str:
    try:
        return select_run(store, wanted).run_id
    except Failure as failure:
        if failure.details:  # it means several runs
            raise
        return wanted


def _names(store: NativeTracker, lineage: Lineage) -> dict[str, str]:
    edges = lineage.edges
    ids = {lineage.run_id, *(edge.run_id for edge in edges)}
    ids |= {edge.source_run_id for edge in edges}
    return {run_id: _name(store, run_id) for run_id in ids}


def _name(store: NativeTracker, run_id: str) -> str:
    try:
        return f"{run_id} ({store.run(run_id).name})"
    except RunNotFoundError:  # a foreign identifier
        return run_id


list_command.add_command(list_trackers)
