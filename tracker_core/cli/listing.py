"""``tracker list``: runs and what belongs to them, with the arguments of torchx."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tracker_core.cli.backends import list_trackers
from tracker_core.cli.border import Commands, examples, say
from tracker_core.cli.documents import (
    artifact_values,
    mapping_value,
    print_json,
    run_value,
)
from tracker_core.cli.lineage import list_lineage
from tracker_core.cli.options import count, given, read_options
from tracker_core.cli.selection import (
    find_run,
    no_run_yet,
    select_run,
    similar,
    similar_runs,
)
from tracker_core.cli.stores import Store, open_store
from tracker_core.cli.tables import (
    Table,
    artifact_table,
    mapping_table,
    print_table,
    short_ids,
)
from tracker_core.cli.text import age, duration, status_words
from tracker_core.runs import RunInfo

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["list_command"]

_MOST_NAMES = 10

_run_argument = click.argument("wanted", metavar="RUN_ID")


@click.group(
    "list",
    cls=Commands,
    invoke_without_command=True,
    epilog=examples("tracker list --limit 10", "tracker list metadata @last"),
)
@click.option(
    "--limit",
    metavar="N",
    callback=count,
    default="50",
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
        runs = store.tracker.runs(limit=limit + 1)
        hint = "" if runs else no_run_yet(store)
    shown_runs, has_more = runs[:limit], len(runs) > limit
    if as_json:
        found: list[Value] = [run_value(run) for run in shown_runs]
        print_json({"runs": found, "has_more": has_more})
    else:
        _print_runs(shown_runs, has_more=has_more)
        _say(hint)


@list_command.command(
    "jobs", epilog=examples("tracker list jobs --parent-run-id @last")
)
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


@list_command.command("metadata", epilog=examples("tracker list metadata @last"))
@_run_argument
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


@list_command.command(
    "artifacts", epilog=examples("tracker list artifacts --artifact weights @last")
)
@click.option(
    "--artifact", metavar="NAME", callback=given, help="Only the artifact of this name."
)
@_run_argument
@read_options
def list_artifacts(
    wanted: str, artifact: str | None, backend: str | None, *, as_json: bool
) -> None:
    """List the artifacts of a run."""
    with open_store(backend) as store:
        run = select_run(store, wanted)
        artifacts = store.tracker.artifacts(run.run_id)
    found = [item for name, item in artifacts.items() if artifact in (None, name)]
    if as_json:
        print_json({"run_id": run.run_id, "artifacts": artifact_values(found)})
    else:
        print_table(artifact_table(found))
        _say("" if found else _no_artifact(run, artifact, artifacts))


def _print_runs(runs: Sequence[RunInfo], *, has_more: bool) -> None:
    print_table(_run_table(runs))
    if has_more:
        newest = "run" if len(runs) == 1 else f"{len(runs)} runs"
        say(f"showing the newest {newest}; --limit N shows more")


def _run_table(runs: Sequence[RunInfo]) -> Table:
    now = datetime.now(UTC)
    columns: dict[str, Callable[[RunInfo], str]] = {
        "NAME": lambda run: run.name,
        "RUN ID": lambda run: run.run_id,
        "EXPERIMENT": lambda run: run.experiment or "–",
        "GROUP": lambda run: run.group_id or "–",
        "STATUS": status_words,
        "AGE": lambda run: age(run.started_at or run.created_at, now),
        "TOOK": lambda run: duration(run, now),
    }
    if not any(run.group_id for run in runs):
        del columns["GROUP"]
    rows = [tuple(cell(run) for cell in columns.values()) for run in runs]
    return Table(tuple(columns), rows, short=short_ids(run.run_id for run in runs))


def _no_users(store: Store, wanted: str, parent: RunInfo | None) -> str:
    if parent is not None:
        return f"no run in {store.place} used {parent.name!r} ({parent.run_id})"
    hint = similar_runs(store, wanted) or "`tracker list` shows the runs that are"
    return f"no run {wanted!r} in {store.place}, and none that used it; {hint}"


def _no_artifact(run: RunInfo, wanted: str | None, names: Iterable[str]) -> str:
    said = f"run {run.name!r} has no artifact"
    known = list(names)
    if wanted is None or not known:
        return said
    hint = similar(wanted, known) or f"it has {', '.join(known[:_MOST_NAMES])}"
    return f"{said} {wanted!r}; {hint}"


def _say(hint: str) -> None:
    if hint:
        say(hint)


for _command in (list_lineage, list_trackers):
    list_command.add_command(_command)
