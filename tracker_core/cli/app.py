"""The command itself: what it is called with, and what it says of itself."""

from itertools import zip_longest

import click

from tracker_core import __version__
from tracker_core.cli.border import plain_failures
from tracker_core.cli.commands import Commands

__all__ = ["main"]


# By what they are for: the name of a command, the module and the name that it is loaded
# from once it is used, and what is said of it in 27 letters at the most.
_COMMANDS = {
    "Launch and log": (
        ("run", "launch:run", "a command as a tracked job"),
        ("env", "launch:env", "variables for a launcher"),
        ("log", "log:log", "log from any language"),
    ),
    "Read": (
        ("list", "listing:list_command", "table of runs"),
        ("show", "show:show", "one run, all that is known"),
        ("watch", "watch:watch", "a run while it runs"),
        ("compare", "compare:compare", "what differs between runs"),
        ("plot", "plot:plot", "curves of a series"),
        ("get", "get:get", "content of an artifact"),
        ("query", "query:query", "SQL over runs and points"),
        ("export", "export:export", "points of many runs, a file"),
    ),
    "Deliver and keep": (
        ("tag", "tag:tag", "set tags, also afterwards"),
        ("status", "status:status", "how far delivery is"),
        ("sync", "sync:sync", "deliver what is left"),
        ("copy", "copy:copy", "runs to another backend"),
        ("import", "importing:import_command", "runs of other systems"),
        ("verify", "verify:verify", "compare backends"),
        ("rm", "remove:remove", "runs, from every backend"),
        ("compact", "compact:compact", "runs in a smaller form"),
        ("check", "check:check", "would a job be tracked here"),
        ("completion", "completion:completion", "words for Tab in a shell"),
    ),
}
# What is left of half a line of 80 letters beside the longest name.
_NAME_WIDTH, _HELP_WIDTH = 10, 27


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
            cells = [
                f"{name:<{_NAME_WIDTH}} {text:<{_HELP_WIDTH}}"
                for name, _, text in commands
            ]
            for left, right in zip_longest(cells[::2], cells[1::2], fillvalue=""):
                formatter.write(f"  {left}  {right}".rstrip() + "\n")


@click.group(
    cls=_Tracker,
    later={name: place for row in _COMMANDS.values() for name, place, _ in row},
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `tracker run -- python train.py`, then `tracker list`.",
)
@click.version_option(__version__, prog_name="tracker", message="%(prog)s %(version)s")
def main() -> None:
    """Launch jobs whose runs are tracked, and read what they logged."""
