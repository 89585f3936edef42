"""``tracker run`` and ``tracker env``: launching a job, here or by another launcher."""

import os
from collections.abc import Callable
from shlex import quote
from typing import TypeVar

import click

from tracker_core.cli.border import examples, say
from tracker_core.cli.documents import print_json
from tracker_core.cli.printing import echo
from tracker_core.launcher import Launch, launch_job, plan_launch
from tracker_core.opening import open_targets

__all__ = ["env", "run"]

_Command = TypeVar("_Command", bound=Callable[..., object])


def _launch_options(command: _Command) -> _Command:
    options = (
        click.option("--experiment", metavar="NAME", help="The experiment of the run."),
        click.option(
            "--trackers",
            metavar="LIST",
            help="Backends in place of those configured: sqlite,fsspec.",
        ),
        click.option(
            "--parent",
            "parent_run_id",
            metavar="RUN_ID",
            help="The run that this one is made from.",
        ),
        click.option(
            "--group", "group_id", metavar="LABEL", help="The group of the run."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples("tracker run --experiment iris -- python train.py --epochs 50"),
)
@_launch_options
@click.option("--name", metavar="NAME", help="A name for the run.")
@click.argument(
    "command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND..."
)
def run(command: tuple[str, ...], **chosen: str | None) -> None:
    """Run a command as a job whose run is tracked.

    The exit code is that of the command.
    """
    launch = plan_launch(os.environ, **chosen)
    targets = open_targets(launch.backends, launch.on_error)
    say(f"run {launch.run_id} ({launch.name})")
    code = launch_job(launch, targets, command, os.environ)
    raise click.exceptions.Exit(code)


@click.command(
    epilog=examples(
        'eval "$(tracker env --experiment iris)" && sbatch train.sh',
        "tracker env --json",
    )
)
@_launch_options
@click.option("--run-id", metavar="RUN_ID", help="The run's id; a new one by default.")
@click.option("--secrets", is_flag=True, help="Print what may hold secrets too.")
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def env(*, secrets: bool, as_json: bool, **chosen: str | None) -> None:
    """Print the environment of a job for another launcher."""
    launch = plan_launch(os.environ, **chosen)
    variables = launch.variables() | (launch.configs() if secrets else {})
    stale = launch.stale(os.environ)
    if as_json:
        print_json({"environment": dict(variables), "unset": list(stale)})
    else:
        for name in stale:
            echo(f"unset {name}")
        for name, text in variables.items():
            echo(f"export {name}={quote(text)}")
    if not secrets:
        _tell_of_secrets(launch)


def _tell_of_secrets(launch: Launch) -> None:
    names = [name for name in launch.configs() if name.startswith("TRACKER_")]
    if names:
        say(
            f"left out {', '.join(names)}, which may hold secrets; --secrets prints all"
        )
