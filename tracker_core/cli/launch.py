"""``tracker run`` and ``tracker env``: launching a job, here or by another launcher."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import click

from tracker_core.cli.border import Misuse, examples, say
from tracker_core.cli.environments import FORMATS, print_environment
from tracker_core.cli.options import count_from_0, given, launch_options, seconds
from tracker_core.cli.parents import with_parent
from tracker_core.cli.sweeps import check_sweep, launch_sweep
from tracker_core.delivery.base import Target
from tracker_core.forwarding import Forwarding
from tracker_core.launcher import launch_job
from tracker_core.launches import Launch, plan_launch
from tracker_core.leavings import shell_command
from tracker_core.opening import open_targets
from tracker_core.retries import Retries
from tracker_core.stores import outlives_process
from tracker_core.sweeps import Combination, combinations, read_params

__all__ = ["env", "run"]


class _Job(NamedTuple):
    """What is launched: a command or a script, with places for params."""

    command: tuple[str, ...]
    script: str | None
    retries: Retries

    def words(self, params: Combination) -> Sequence[str]:
        """Return the program and its arguments for the params of one run."""
        if self.script is not None:
            return shell_command(params.filled_script(self.script))
        return [params.filled(word) for word in self.command]

    def start(
        self,
        launch: Launch,
        params: Combination,
        forwarding: Forwarding,
        told: str | None = None,
    ) -> int:
        """Launch one run, wait for its end, and return its exit code.

        Args:
            launch: The run.
            params: What is put into the command.
            forwarding: How signals reach the job.
            told: What is said of the run; by default its id and name.
        """
        # Otherwise nothing is delivered from here.
        used = launch.backends if launch.settings.mode == "on" else ()
        targets = open_targets(used, launch.on_error)
        _tell_of_forgetting(targets)
        say(told or _told_of(launch))
        return launch_job(
            launch._replace(params=params.params),
            targets,
            self.words(params),
            {**os.environ, **params.variables},
            self.retries,
            forwarding=forwarding,
        )


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "tracker run --experiment iris -- python train.py --epochs 50",
        "tracker run --param lr=0.1,0.01 --param seed=1..3 -- ./train {lr} {seed}",
    ),
)
@launch_options
@click.option("--name", metavar="NAME", callback=given, help="A name for the run.")
@click.option(
    "--run-id",
    metavar="RUN_ID",
    callback=given,
    help="The run's id: one that was launched before goes on as its next attempt.",
)
@click.option(
    "--step",
    metavar="NAME",
    callback=given,
    help="Launch a step of a run, the one of --run-id or of the job around.",
)
@click.option(
    "--shell",
    "script",
    metavar="SCRIPT",
    callback=given,
    help="A script for /bin/sh in place of COMMAND; what it exports as "
    "TRACKER_TRACK_... is kept.",
)
@click.option(
    "--retries",
    metavar="N",
    default="0",
    callback=count_from_0,
    help="Start a job that fails again, at most N times.",
)
@click.option(
    "--backoff",
    metavar="SECONDS",
    default="1",
    callback=seconds,
    help="The pause before the first retry, by default 1; it doubles, up to 5 minutes.",
)
@click.option(
    "--diff", "keeps_diff", is_flag=True, help="Keep the uncommitted changes."
)
@click.option(
    "--no-console",
    "keeps_output",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Leave the job's output alone, and do not keep it.",
)
@click.option(
    "--param",
    "params",
    metavar="NAME=VALUES",
    multiple=True,
    help="A param of the run; several values, lr=0.1,0.01 or seed=1..3, make a run "
    "for each. {lr} in COMMAND stands for the value.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
def run(
    command: tuple[str, ...],
    script: str | None,
    retries: int,
    backoff: float,
    params: tuple[str, ...],
    *,
    keeps_diff: bool,
    keeps_output: bool,
    **chosen: str | None,
) -> None:
    """Run a command as a job whose run is tracked.

    The exit code is that of the command.
    """
    if bool(command) == (script is not None):
        message = "tracker run takes either -- COMMAND... or --shell SCRIPT"
        raise Misuse(f"{message}, not both" if command else message)
    job = _Job(command, script, Retries(retries, backoff))
    sweep = [*combinations(read_params(params))]
    programs = [job.words(one)[0] for one in sweep]
    launch = _plan(**chosen)._replace(keeps_output=keeps_output, keeps_diff=keeps_diff)
    if len(sweep) > 1:
        is_one = chosen["run_id"] is not None or chosen["step"] is not None
        check_sweep(programs, is_id_given=is_one)
        code = launch_sweep(launch, sweep, job.start)
    else:
        code = job.start(launch, sweep[0], Forwarding())
    raise click.exceptions.Exit(code)


@click.command(
    epilog=examples(
        '( eval "$(tracker env --experiment iris)"; sbatch train.sh )',
        "tracker env --format docker > job.env",
    ),
)
@launch_options
@click.option(
    "--run-id",
    metavar="RUN_ID",
    callback=given,
    help="The run's id; a new one by default.",
)
@click.option("--secrets", is_flag=True, help="Print what may hold secrets too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    help="For whom to print.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def env(*, secrets: bool, form: str, as_json: bool, **chosen: str | None) -> None:
    """Print the environment of a job for another launcher.

    A shell that evaluates it becomes part of the run, so let a subshell do it.
    """
    launch = _plan(**chosen)
    variables = launch.variables() | (launch.configs() if secrets else {})
    print_environment(
        "json" if as_json else form,
        variables,
        launch.stale(os.environ),
        is_id_given=chosen["run_id"] is not None,
    )
    if not secrets:
        _tell_of_secrets(launch)


def _plan(*, parent: str | None, **chosen: str | None) -> Launch:
    launch = plan_launch(os.environ, parent_run_id=parent, **chosen)
    return launch if parent is None else with_parent(launch)


def _told_of(launch: Launch) -> str:
    step = launch.settings.step
    if step is not None:
        return f"step {step} of run {launch.run_id}"
    return f"run {launch.run_id} ({launch.name})"


def _tell_of_forgetting(targets: Sequence[Target]) -> None:
    if targets and not any(outlives_process(target.tracker) for target in targets):
        names = ", ".join(repr(target.name) for target in targets)
        say(
            f"nothing of this run outlives its processes in {names}; add a backend "
            "that keeps it, such as sqlite"
        )


def _tell_of_secrets(launch: Launch) -> None:
    names = [name for name in launch.configs() if name.startswith("TRACKER_")]
    if names:
        say(
            f"left out {', '.join(names)}, which may hold secrets; --secrets prints all"
        )
