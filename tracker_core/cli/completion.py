"""``tracker completion``: what teaches a shell the words of the command."""

import click
from click.shell_completion import get_completion_class

from tracker_core.cli.border import examples
from tracker_core.cli.commands import COMPLETION_VARIABLE
from tracker_core.cli.printing import echo

__all__ = ["completion"]

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog=examples(
        "tracker completion bash > ~/.local/share/bash-completion/completions/tracker",
        'eval "$(tracker completion zsh)"',
    )
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, runs, series and backends."""
    made = get_completion_class(shell)
    if made is None:  # the parser knows these three
        raise click.UsageError(f"no completion for {shell!r}")
    command = ctx.find_root().command
    echo(made(command, {}, "tracker", COMPLETION_VARIABLE).source())
