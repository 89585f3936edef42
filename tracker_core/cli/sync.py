"""``tracker sync``: delivering what this machine has logged and backends lack."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import click

from tracker_core.cli.border import Failure, examples, say
from tracker_core.cli.journals import chosen_journals
from tracker_core.cli.options import given
from tracker_core.cli.printing import clean, echo, flush
from tracker_core.delivery.base import Target
from tracker_core.delivery.courier import is_private
from tracker_core.delivery.ledger import expect
from tracker_core.delivery.overview import BackendState, backend_states
from tracker_core.delivery.syncing import Errand, has_whole_journal, retry_dead
from tracker_core.errors import TrackerError
from tracker_core.journal.folders import RunFolder
from tracker_core.opening import open_targets
from tracker_core.redaction import describe
from tracker_core.settings import home, read_settings

__all__ = ["sync"]

_LOOK_EACH_S = 0.1
_LEFT = 1


@click.command(
    epilog=examples(
        "tracker sync", "tracker sync @last --to lake", "tracker sync --retry-dead"
    )
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
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="For how many seconds a backend may take nothing before it is given up.",
)
def sync(
    wanted: str | None, name: str | None, *, retry_dead: bool, timeout: float
) -> None:
    """Deliver what backends lack of the runs that this machine has logged.

    Without RUN it does so for all runs in the journal. The exit code is 1 when
    something is left.
    """
    folders = chosen_journals(home(), wanted)
    if name is not None:
        for folder in folders:
            _expect(folder, name)
    with _Backends() as backends:
        errands = _errands(folders, name, backends, timeout)
        is_done = _deliver(errands) if errands else True
        backends.stuck = {e.target.name for e in errands if not e.stop()}
        if retry_dead:
            is_done = _retry(folders, name, backends) and is_done
        is_done = backends.has_all and is_done
    if not errands and not retry_dead and is_done:
        echo("every backend has everything")
    if not is_done:
        flush()
        raise click.exceptions.Exit(_LEFT)


class _Backends:
    """Builds backends by their names, each once, and closes them at the end."""

    def __init__(self) -> None:
        self.has_all = True
        self.stuck: set[str] = set()
        self._built: dict[str, Target | None] = {}
        settings = read_settings()
        known = settings.backends or (settings.embedded,)
        self._known = {backend.name: backend for backend in known}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for target in self._built.values():
            # One that hangs in a call cannot be closed, and ends with this process.
            if target is not None and target.name not in self.stuck:
                target.close()

    def get(self, name: str, factory: str | None) -> Target | None:
        """Return a backend, or say why it cannot be built."""
        if name not in self._built:
            self._built[name] = self._build(name, factory)
        target = self._built[name]
        self.has_all = self.has_all and target is not None
        return target

    def _build(self, name: str, factory: str | None) -> Target | None:
        setting = self._known.get(name)
        if setting is None:
            # Its config may be in the environment, though it is not listed.
            listed = f"{name}={factory}" if factory else name
            environ = {**os.environ, "TRACKER_BACKENDS": listed}
            setting = read_settings(environ).backends[0]
        try:
            (target,) = open_targets([setting], "raise")
        except TrackerError as error:
            say(f"backend {name!r} is left out: {describe(error, [setting.config])}")
            return None
        if is_private(target):
            target.close()
            say(f"backend {name!r} keeps nothing beyond its process; it is left out")
            return None
        return target


def _expect(folder: RunFolder, name: str) -> None:
    """Note that a backend is to have a run, if the journal can still give it all."""
    if any(state.backend == name for state in backend_states(folder)):
        return
    if not has_whole_journal(folder):
        message = (
            f"run {folder.run_id!r} cannot be given to {name!r} from the journal: what "
            "every other backend has taken is no longer in it"
        )
        raise Failure(message)
    expect(folder, name)


def _errands(
    folders: Sequence[RunFolder], name: str | None, backends: _Backends, timeout: float
) -> list[Errand]:
    found = []
    for folder, state in _states(folders, name):
        # A writer that has died without its end is settled by delivering.
        if state.pending or _has_unsettled(folder):
            target = backends.get(state.backend, state.factory)
            if target is not None:
                found.append(Errand(folder, target, timeout))
    return found


def _states(
    folders: Sequence[RunFolder], name: str | None
) -> Iterator[tuple[RunFolder, BackendState]]:
    for folder in folders:
        for state in backend_states(folder):
            if name is None or state.backend == name:
                yield folder, state


def _has_unsettled(folder: RunFolder) -> bool:
    return any(
        writer.host == folder.host and not writer.is_settled and not writer.is_alive()
        for writer in folder.writers()
    )


def _deliver(errands: Sequence[Errand]) -> bool:
    """Do all errands side by side, each backend's one after the other."""
    waiting = list(errands)
    running: dict[str, Errand] = {}
    total = sum(_pending(errand) for errand in errands)
    try:
        with _progress(total) as show:
            while waiting or running:
                for errand in list(waiting):
                    if errand.target.name not in running:
                        waiting.remove(errand)
                        running[errand.target.name] = errand
                        errand.start()
                time.sleep(_LOOK_EACH_S)
                show(sum(errand.delivered for errand in errands))
                for name, errand in list(running.items()):
                    if errand.check() is not None:
                        del running[name]
    finally:
        for errand in running.values():
            errand.stop()
    for errand in errands:
        _say(errand)
    return all(errand.outcome and errand.outcome.is_done for errand in errands)


def _say(errand: Errand) -> None:
    outcome, run_id = errand.outcome, errand.folder.run_id
    words = (
        f"{errand.target.name}: {errand.delivered} records of run {run_id} delivered"
    )
    if outcome is not None and not outcome.is_done:
        words += f"; {_pending(errand)} are left: {outcome.reason}"
    echo(clean(words))


def _pending(errand: Errand) -> int:
    return sum(
        state.pending
        for state in backend_states(errand.folder)
        if state.backend == errand.target.name
    )


def _retry(folders: Sequence[RunFolder], name: str | None, backends: _Backends) -> bool:
    is_done = True
    for folder, state in _states(folders, name):
        target = None
        if state.dead and state.backend not in backends.stuck:
            target = backends.get(state.backend, state.factory)
        if target is None:
            continue
        try:
            taken, refused = retry_dead(folder, target)
        except Exception as error:  # noqa: BLE001 - the border to backends
            shown = describe(error, [target.config])
            say(f"backend {target.name!r} failed: {shown}")
            is_done = False
            continue
        is_done = is_done and not refused
        words = f"{target.name}: {taken} refused records of run {folder.run_id} taken"
        echo(clean(words + (f", {refused} still refused" if refused else "")))
    return is_done


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=total)
        yield lambda done: bar.update(task, completed=min(done, total))
