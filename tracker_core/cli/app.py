"""The command itself: what it is called with, and what it says of itself."""

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


class _Tracker(Commands):
    """The commands, behind the border to the person."""

    def invoke(self, ctx: click.Context) -> object:
        """Do what the command line says."""
        with plain_failures():
            return super().invoke(ctx)


@click.group(
    cls=_Tracker,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `tracker run -- python train.py`, then `tracker list`.",
)
@click.version_option(__version__, prog_name="tracker", message="%(prog)s %(version)s")
def main() -> None:
    """Launch jobs whose runs are tracked, and read what they logged."""


for _command in (
    *(run, env, log, list_command, show, get, export),
    *(status, sync, copy, import_command, verify, compact),
):
    main.add_command(_command)
