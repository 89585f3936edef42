"""``tracker list``: runs and what belongs to them, with the arguments of torchx."""

import re

import click
from click.core import ParameterSource

from tracker_core.cli.border import examples, say
from tracker_core.cli.choice import Choice, choice_options
from tracker_core.cli.commands import Commands
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

__all__ = ["list_command"]

# A query has an operator, so it is never a word alone as commands are.
_COMMAND = re.compile(r"[\w-]*")


class _List(Commands):
    """Commands, or a query in their place."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take a first word that can be no command for a query."""
        _, words, _ = self.make_parser(ctx).parse_args([*args])
        if words and not _COMMAND.fullmatch(words[0]):
            ctx.allow_interspersed_args = True
            place = len(args) - len(words)
            args = ["--where", words[0], *args[:place], *args[place + 1 :]]
        return super().parse_args(ctx, args)


@click.group(
    "list",
    cls=_List,
    subcommand_metavar="[QUERY] | COMMAND [ARGS]...",
    later={
        "artifacts": "artifacts:list_artifacts",
        "experiments": "labels:list_experiments",
        "groups": "labels:list_groups",
        "lineage": "lineage:list_lineage",
        "trackers": "backends:list_trackers",
    },
    invoke_without_command=True,
    epilog=examples(
        "tracker list --limit 10",
        "tracker list 'params.lr < 1e-3 and status = \"FINISHED\"'",
        "tracker list --sort-by metrics.train/loss.min",
        "tracker list --columns name,params.lr,metrics.train/loss.min,duration",
        "tracker list metadata @last",
    ),
)
@choice_options
@read_options
@click.pass_context
def list_command(
    ctx: click.Context,
    /,
    limit: int,
    backend: str | None,
    *,
    as_json: bool,
    where: tuple[str, ...],
    **chosen: str | None,
) -> None:
    """List runs, the newest first, or what belongs to one of them.

    QUERY chooses runs, as 'params.lr < 1e-3 and status = "FINISHED"' does.
    RUN_ID is an id, the beginning of one, a name, or @last for the newest run.
    """
    choice = Choice(where=where, limit=limit, **chosen)
    if ctx.invoked_subcommand is None:
        from tracker_core.cli.runlist import list_runs

        list_runs(choice, backend, as_json=as_json)
        return
    is_limited = ctx.get_parameter_source("limit") is ParameterSource.COMMANDLINE
    if choice.is_narrowed or is_limited:
        command = ctx.invoked_subcommand
        raise click.UsageError(f"runs are chosen by `tracker list`, not by {command!r}")
    passed_on = {"backend": backend, "as_json": as_json}
    ctx.default_map = dict.fromkeys(list_command.list_commands(ctx), passed_on)


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
