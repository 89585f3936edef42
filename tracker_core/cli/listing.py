"""``tracker list``: runs and what belongs to them, with the arguments of torchx."""

import re

import click
from click.core import ParameterSource

from tracker_core.cli.border import examples
from tracker_core.cli.choice import Choice, choice_options
from tracker_core.cli.commands import Commands
from tracker_core.cli.options import read_options
from tracker_core.cli.printing import clean
from tracker_core.fields import RUN_ATTRIBUTES

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say of what looks like a part of a query how it ends."""
        word = args[0]
        if not _COMMAND.fullmatch(word) or word in RUN_ATTRIBUTES:
            hint = "a query is one word for the shell: put all of it in quotes"
            ctx.fail(f"unexpected {clean(word)!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.group(
    "list",
    cls=_List,
    subcommand_metavar="[QUERY] | COMMAND [ARGS]...",
    later={
        "artifacts": "artifacts:list_artifacts",
        "experiments": "labels:list_experiments",
        "groups": "labels:list_groups",
        "jobs": "jobs:list_jobs",
        "lineage": "lineage:list_lineage",
        "metadata": "jobs:list_metadata",
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
