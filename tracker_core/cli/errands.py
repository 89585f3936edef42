"""Errands of delivery, done side by side for whoever waits for them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from tracker_core.cli.border import say
from tracker_core.cli.printing import is_watched
from tracker_core.delivery.overview import backend_states
from tracker_core.delivery.syncing import Errand, Outcome, Result

__all__ = ["carry_out", "left_of"]

_LOOK_EACH_S = 0.1
# What a thread that no backend keeps may take to end.
_END_S = 2.0


def carry_out(errands: Sequence[Errand]) -> list[str]:
    """Do all errands: the backends side by side, the runs of each one by one.

    Ctrl-C ends it; what was delivered stays so.

    Returns:
        The backends that hang in a call, and cannot be closed.
    """
    try:
        _deliver(errands)
    except KeyboardInterrupt:
        say("interrupted; what was delivered stays so")
    finally:
        stuck = _stop(errands)
    return stuck


def left_of(errand: Errand) -> int:
    """Return how many records an errand has left behind."""
    return sum(
        state.pending
        for state in backend_states(errand.folder)
        if state.backend == errand.target.name and not state.is_private
    )


def _deliver(errands: Sequence[Errand]) -> None:
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


@contextmanager
def _progress(errands: Iterable[Errand]) -> Iterator[Callable[[int], None]]:
    """Show how far it is, on a terminal."""
    if not is_watched():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    total = sum(map(left_of, errands))
    columns = (TextColumn("delivering"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=total)
        yield lambda done: bar.update(task, completed=min(done, total))
