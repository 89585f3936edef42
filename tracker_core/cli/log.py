"""``tracker log`` as the help of the command line shows it.

Its words are read by :mod:`tracker_core.cli.logwords`, whichever way a call comes.
"""

import click

from tracker_core.cli.border import examples
from tracker_core.cli.entry import asks_for_help
from tracker_core.cli.logcall import log as log_call

__all__ = ["log"]


class _Words(click.Command):
    """A command that reads its words itself."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words, and look for ``--help`` alone."""
        ctx.obj = tuple(args)
        return super().parse_args(ctx, ["--help"] if asks_for_help(args) else [])


@click.command(
    cls=_Words,
    options_metavar="KIND NAME VALUE | KIND NAME=VALUE... | --stdin",
    epilog=examples(
        "tracker log param lr=0.1 depth=3",
        "tracker log metric loss 0.25 --step 3",
        "tracker log text 'half of it is done'",
        "my-program | tracker log --stdin",
    ),
)
@click.pass_obj
def log(words: tuple[str, ...]) -> None:
    """Log to the run of this job from a shell script.

    \b
    param NAME VALUE      a setting
    metric NAME VALUE     a point; its step by --step N
    tag NAME TEXT         a label
    text MESSAGE          a message; its level by --level LEVEL
    artifact NAME PATH    a file; --reference: only where it lies
    --stdin               what lines of JSON say, as they come
    --run RUN             another run than that of this job
    """  # noqa: D301 - the mark is click's
    raise click.exceptions.Exit(log_call(words))
