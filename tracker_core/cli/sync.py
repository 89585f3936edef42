"""``tracker sync``: delivering what this machine has logged and backends lack."""

from collections.abc import Iterable, Iterator

import click

from tracker_core.cli.border import end, examples, say
from tracker_core.cli.errands import carry_out, left_of
from tracker_core.cli.journals import (
    chosen_journals,
    journaled_runs,
    no_journal,
    readable_journals,
)
from tracker_core.cli.late import complete_late, expect_late
from tracker_core.cli.options import given, seconds_from
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.receivers import Receivers
from tracker_core.cli.text import counted
from tracker_core.consoles import keep_left_logs
from tracker_core.delivery.ledger import forget
from tracker_core.delivery.overview import BackendState, backend_states
from tracker_core.delivery.syncing import Errand, Outcome, Result
from tracker_core.journal.folders import RunFolder

__all__ = ["sync"]

_LEFT = 1


@click.command(
    epilog=examples(
        "tracker sync",
        "tracker sync @last --to fsspec",
        "tracker sync --retry-dead",
    ),
)
@click.argument("wanted", metavar="[RUN]", required=False)
@click.option(
    "--to",
    "name",
    metavar="NAME",
    callback=given,
    help="The one backend to deliver to, also one that was added later.",
)
@click.option("--retry-dead", is_flag=True, help="Send what was refused again.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    callback=seconds_from(1),
    default="60",
    show_default=True,
    help="How long a backend may take nothing before it is given up.",
)
def sync(
    wanted: str | None, name: str | None, *, retry_dead: bool, timeout: float
) -> None:
    """Deliver what backends lack of the runs that this machine has logged.

    RUN is an id, the beginning of one, or @last for the newest run; without it all
    runs of the journal are meant. The exit code is 1 when something is left.
    """
    chosen = journaled_runs() if wanted is None else chosen_journals(wanted)
    if not chosen:
        raise no_journal()
    folders = readable_journals(chosen)
    for folder in folders:
        keep_left_logs(folder)
    with Receivers() as receivers:
        if name is None:
            late = complete_late(folders, receivers)
        else:
            late = expect_late(folders, name, receivers)
        errands = []
        for folder, state in _due(folders, name, retry_dead=retry_dead):
            target = receivers.get(state.backend, state.factory)
            if target is not None:
                errands.append(Errand(folder, target, timeout, retries_dead=retry_dead))
            elif state.backend in receivers.private:
                forget(folder, state.backend)
        receivers.forget(carry_out(errands))
        _say_all(errands)
    is_whole = late.is_whole and len(folders) == len(chosen)
    are_all_done = is_whole and not receivers.are_missing
    if not errands and not late.filled and are_all_done:
        echo("nothing is due")
    _say_dead(folders, name)
    if not (are_all_done and all(map(_is_done, errands))):
        end(_LEFT)


def _due(
    folders: Iterable[RunFolder], name: str | None, *, retry_dead: bool
) -> Iterator[tuple[RunFolder, BackendState]]:
    for folder in folders:
        for state in backend_states(folder):
            is_due = not state.is_done or (retry_dead and state.dead)
            if is_due and not state.is_private and name in (None, state.backend):
                yield folder, state


def _is_done(errand: Errand) -> bool:
    outcome = errand.outcome
    return outcome is not None and outcome.result is Result.DONE and not errand.refused


def _say_all(errands: Iterable[Errand]) -> None:
    for errand in errands:
        outcome = errand.outcome or Outcome(Result.DONE)
        name, run_id = errand.target.name, errand.folder.run_id
        words = [f"{counted(errand.delivered, 'record')} delivered"]
        if errand.refused:
            words.append(f"{errand.refused} refused again")
        if outcome.result is not Result.DONE:
            words.append(f"{left_of(errand)} left")
        elif not errand.delivered:
            words = words[1:] or ["all delivered"]
        why = f": {outcome.reason}" if outcome.reason else ""
        echo(clean(f"{run_id} to {name}: {', '.join(words)}{why}"))


def _say_dead(folders: Iterable[RunFolder], name: str | None) -> None:
    count = sum(
        state.dead_count
        for folder in folders
        for state in backend_states(folder)
        if name in (None, state.backend)
    )
    if count:
        say(f"{counted(count, 'record')} refused; `tracker status --dead` shows why")
