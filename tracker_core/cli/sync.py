"""``tracker sync``: delivering what this machine has logged and backends lack."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import click

from tracker_core.cli.border import examples, say
from tracker_core.cli.journals import (
    chosen_journals,
    journaled_runs,
    no_journal,
    readable_journals,
)
from tracker_core.cli.late import complete_late, expect_late
from tracker_core.cli.options import given
from tracker_core.cli.printing import clean, echo, flush
from tracker_core.cli.receivers import Receivers
from tracker_core.consoles import keep_left_logs
from tracker_core.delivery.ledger import forget
from tracker_core.delivery.overview import BackendState, backend_states
from tracker_core.delivery.syncing import Errand, Outcome, Result
from tracker_core.journal.folders import RunFolder

__all__ = ["sync"]

_LOOK_EACH_S = 0.1
# What a thread that no backend keeps may take to end.
_END_S = 2.0
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
    type=click.FloatRange(min=1),
    default=60.0,
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
        try:
            _deliver(errands)
        except KeyboardInterrupt:
            say("interrupted; what was delivered stays so")
        finally:
            receivers.forget(_stop(errands))
        _say_all(errands)
    is_whole = late.is_whole and len(folders) == len(chosen)
    are_all_done = is_whole and not receivers.are_missing
    if not errands and not late.filled and are_all_done:
        echo("nothing is due")
    _say_dead(folders, name)
    if not (are_all_done and all(map(_is_done, errands))):
        flush()
        raise click.exceptions.Exit(_LEFT)


def _due(
    folders: Iterable[RunFolder], name: str | None, *, retry_dead: bool
) -> Iterator[tuple[RunFolder, BackendState]]:
    for folder in folders:
        for state in backend_states(folder):
            is_due = not state.is_done or (retry_dead and state.dead)
            if is_due and not state.is_private and name in (None, state.backend):
                yield folder, state


def _deliver(errands: Sequence[Errand]) -> None:
    """Do all errands: the backends side by side, the runs of each one by one."""
    waiting = list(errands)
    running: dict[str, Errand] = {}
    with _progress(errands) as show:
        while waiting or running:
            for errand in list(waiting):
                if errand.target.name not in running:
                    waiting.remove(errand)
                    running[errand.target.name] = errand
                    errand.start()
            time.sleep(_LOOK_EACH_S)
            show(sum(errand.delivered for errand in errands))
            for name, errand in list(running.items()):
                outcome = errand.check()
                if outcome is not None:
                    del running[name]
                    waiting = _spared(waiting, name, outcome)


def _stop(errands: Sequence[Errand]) -> list[str]:
    """End all errands; return the backends that do not let go."""
    for errand in errands:
        errand.stop(within=0.0)
    deadline = time.monotonic() + _END_S
    stuck = [
        errand.target.name
        for errand in errands
        if not errand.stop(max(deadline - time.monotonic(), 0.0))
    ]
    for errand in errands:
        errand.give_up(Outcome(Result.LEFT, "it was interrupted"))
    return stuck


def _spared(waiting: Sequence[Errand], name: str, outcome: Outcome) -> list[Errand]:
    """Return what is left to do, without what a backend that is down would not take."""
    if outcome.result is not Result.DOWN:
        return list(waiting)
    for errand in waiting:
        if errand.target.name == name:
            errand.give_up(outcome)
    return [errand for errand in waiting if errand.target.name != name]


def _is_done(errand: Errand) -> bool:
    outcome = errand.outcome
    return outcome is not None and outcome.result is Result.DONE and not errand.refused


def _say_all(errands: Iterable[Errand]) -> None:
    for errand in errands:
        outcome = errand.outcome or Outcome(Result.DONE)
        name, run_id = errand.target.name, errand.folder.run_id
        words = [f"{errand.delivered} {_records(errand.delivered)} delivered"]
        if errand.refused:
            words.append(f"{errand.refused} refused again")
        if outcome.result is not Result.DONE:
            words.append(f"{_left(errand)} left")
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
        say(f"{count} {_records(count)} refused; `tracker status --dead` shows why")


def _records(count: int) -> str:
    return "record" if count == 1 else "records"


def _left(errand: Errand) -> int:
    return sum(
        state.pending
        for state in backend_states(errand.folder)
        if state.backend == errand.target.name and not state.is_private
    )


@contextmanager
def _progress(errands: Iterable[Errand]) -> Iterator[Callable[[int], None]]:
    """Show how far it is, on a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    total = sum(map(_left, errands))
    columns = (TextColumn("delivering"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=total)
        yield lambda done: bar.update(task, completed=min(done, total))
