"""The command itself: what it is called with, and what it says of itself."""

from itertools import chain, zip_longest

import click

from tracker_core import __version__
from tracker_core.cli.border import Commands, plain_failures
from tracker_core.cli.compact import compact
from tracker_core.cli.copy import copy
from tracker_core.cli.export import export
from tracker_core.cli.get import get
from tracker_core.cli.importing import import_command
from tracker_core.cli.launch import env, run
from tracker_core.cli.listing import list_command
from tracker_core.cli.log import log
from tracker_core.cli.show import show
from tracker_core.cli.status import status
from tracker_core.cli.sync import sync
from tracker_core.cli.verify import verify

__all__ = ["main"]


_COMMANDS = {
    "Launch and log": (run, env, log),
    "Read": (list_command, show, get, export),
    "Deliver and keep": (status, sync, copy, import_command, verify, compact),
}
# What is left of half a line of 80 letters beside the longest name.
_NAME_WIDTH, _HELP_WIDTH = 9, 27


class _Tracker(Commands):
    """The commands, behind the border to the person."""

    def invoke(self, ctx: click.Context) -> object:
        """Do what the command line says."""
        with plain_failures():
            return super().invoke(ctx)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the commands by what they are for, two on a line.

        One on a line, they would not fit a screen of 24 lines.
        """
        del ctx
        for title, commands in _COMMANDS.items():
            formatter.write(f"{title}:\n")
            cells = [_cell(command) for command in commands]
            for left, right in zip_longest(cells[::2], cells[1::2], fillvalue=""):
                formatter.write(f"  {left}  {right}".rstrip() + "\n")


def _cell(command: click.Command) -> str:
    text = command.get_short_help_str(_HELP_WIDTH)
    return f"{command.name:<{_NAME_WIDTH}} {text:<{_HELP_WIDTH}}"


@click.group(
    cls=_Tracker,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `tracker run -- python train.py`, then `tracker list`.",
)
@click.version_option(__version__, prog_name="tracker", message="%(prog)s %(version)s")
def main() -> None:
    """Launch jobs whose runs are tracked, and read what they logged."""


for _command in chain.from_iterable(_COMMANDS.values()):
    main.add_command(_command)
