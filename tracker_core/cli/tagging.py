"""Appending to runs that may have ended long ago, and delivering it at once."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tracker_core.cli.errands import carry_out
from tracker_core.cli.holdings import Holdings
from tracker_core.cli.receivers import Receivers
from tracker_core.delivery.attempts import shell_attempt
from tracker_core.delivery.courier import is_private
from tracker_core.delivery.overview import backend_states
from tracker_core.delivery.syncing import Errand, Outcome, Result
from tracker_core.delivery.wholeness import expect_rest
from tracker_core.journal.folders import RunFolder
from tracker_core.records import Body
from tracker_core.settings import Settings, home, read_settings
from tracker_core.shelllog import ShellLog

__all__ = ["Tagged", "append", "deliver"]

_PATIENCE_S = 10.0


class Tagged(NamedTuple):
    """What came of one run.

    Args:
        run_id: The run.
        delivered_to: The backends that have all of it now.
        pending: Those that do not, and why.
    """

    run_id: str
    delivered_to: tuple[str, ...]
    pending: Mapping[str, str]


def append(holdings: Holdings, run_id: str, body: Body) -> RunFolder:
    """Append a record to the journal of a run, which is made where it is gone.

    All backends that hold the run, or that its journal names, are to have it.

    Raises:
        JournalError: The disk refused.
    """
    place = home()
    folder = RunFolder.of(place, run_id)
    held = holdings.of(run_id)
    attempts = [one.number for _, info in held for one in info.attempts]
    folder.make()
    for store, _ in held:
        target = store.target
        if not is_private(target):
            expect_rest(folder, target.name, target.factory)
    settings = _settings(max([shell_attempt(folder, 0, 0), *attempts]))
    log = ShellLog(place, run_id, settings, is_own=False)
    try:
        log.log(body)
    finally:
        log.close()
    return folder


def deliver(folders: Iterable[RunFolder]) -> list[Tagged]:
    """Deliver what backends lack of runs, and tell who has all of it."""
    runs = list(folders)
    errands: list[Errand] = []
    with Receivers() as receivers:
        for folder in runs:
            for state in backend_states(folder):
                if not state.is_done and not state.is_private:
                    target = receivers.get(state.backend, state.factory)
                    if target is not None:
                        errands.append(Errand(folder, target, _PATIENCE_S))
        receivers.forget(carry_out(errands))
        private = set(receivers.private)
    return [_tagged(folder, errands, private) for folder in runs]


def _settings(attempt: int) -> Settings:
    settings = read_settings().of_other_run(attempt)
    return settings._replace(backends=settings.backends or (settings.embedded,))


def _tagged(
    folder: RunFolder, errands: Iterable[Errand], private: Iterable[str]
) -> Tagged:
    outcomes = {
        errand.target.name: errand.outcome or Outcome(Result.DONE)
        for errand in errands
        if errand.folder == folder
    }
    done: list[str] = []
    pending: dict[str, str] = {}
    for state in backend_states(folder):
        if state.is_private or state.backend in private:
            continue
        if state.is_done:
            done.append(state.backend)
            continue
        outcome = outcomes.get(state.backend)
        reason = "it cannot be had" if outcome is None else outcome.reason
        pending[state.backend] = reason or "not all was delivered"
    return Tagged(folder.run_id, tuple(done), pending)
