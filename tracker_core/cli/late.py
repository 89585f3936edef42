"""Backends that are added late, when the journal no longer holds all of a run.

Each gets a copy from a native backend that has the run, and the rest by delivery.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import click

from tracker_core.cli.border import Failure, Misuse, say
from tracker_core.cli.printing import clean, echo
from tracker_core.cli.progress import copy_progress
from tracker_core.cli.receivers import Receivers
from tracker_core.cli.text import counted
from tracker_core.copying import Progress
from tracker_core.delivery.backfill import Backfill, backfill, holders, is_half_filled
from tracker_core.delivery.base import Target
from tracker_core.delivery.overview import backend_states
from tracker_core.delivery.wholeness import expect_whole
from tracker_core.journal.folders import RunFolder
from tracker_core.redaction import describe

__all__ = ["Late", "complete_late", "expect_late"]

_LEFT = 1


class Late(NamedTuple):
    """What came of backends that were added late.

    Args:
        filled: How many runs were copied to them.
        is_whole: Whether they can have all of their runs.
    """

    filled: int = 0
    is_whole: bool = True


def expect_late(folders: Sequence[RunFolder], name: str, receivers: Receivers) -> Late:
    """Note that a backend is to have runs, and copy what the journal has not.

    Raises:
        Misuse: The backend cannot be had.
        Failure: Neither the journal nor a backend has any of them as a whole.
    """
    late = [
        folder
        for folder in folders
        if is_half_filled(folder, name)
        or all(state.backend != name for state in backend_states(folder))
    ]
    if not late:
        return Late()
    target = receivers.get(name, None)
    if target is None:
        raise Misuse(f"nothing can be delivered to {name!r}")
    missing = [
        one
        for one in late
        if is_half_filled(one, name) or not expect_whole(one, name, target.factory)
    ]
    found, left = _fill(missing, target, receivers)
    if left:
        why = _reason(left, name)
        if len(left) == len(folders):
            raise Failure(why)
        say(why)
    return found


def complete_late(folders: Iterable[RunFolder], receivers: Receivers) -> Late:
    """Copy again what somebody died over."""
    half: dict[tuple[str, str | None], list[RunFolder]] = {}
    for folder in folders:
        for state in backend_states(folder):
            is_at_work = state.is_private or state.is_held
            if not is_at_work and is_half_filled(folder, state.backend):
                half.setdefault((state.backend, state.factory), []).append(folder)
    filled, is_whole = 0, True
    for (name, factory), missing in half.items():
        target = receivers.get(name, factory)
        if target is not None:
            found, left = _fill(missing, target, receivers)
            if left:
                say(_reason(left, name))
            filled += found.filled
            is_whole = is_whole and found.is_whole
    return Late(filled, is_whole)


def _fill(
    missing: Sequence[RunFolder], target: Target, receivers: Receivers
) -> tuple[Late, list[RunFolder]]:
    """Copy runs from other backends; return also those that none of them has."""
    filled = _filled_of(missing, target, receivers) if missing else {}
    left = [one for one in missing if one not in filled]
    lacks = any(found.copy.missing for found in filled.values())
    return Late(len(filled), not left and not lacks), left


def _filled_of(
    missing: Sequence[RunFolder], target: Target, receivers: Receivers
) -> dict[RunFolder, Backfill]:
    """Copy from other backends what the journal lacks; return what was copied."""
    filled: dict[RunFolder, Backfill] = {}
    try:
        with copy_progress() as show:
            shown = _Shown(show, len(missing))
            for folder in missing:
                found = _filled(folder, target, receivers, shown.add)
                if found is not None:
                    filled[folder] = found
                shown.end_run()
    except KeyboardInterrupt:
        say("interrupted; what was copied stays so")
        raise click.exceptions.Exit(_LEFT) from None
    finally:
        for folder, found in filled.items():
            _say_filled(folder, target, found)
    return filled


class _Shown:
    """How far the copying of runs is."""

    def __init__(self, show: Callable[[Progress], None], total: int) -> None:
        self._show = show
        self._progress = Progress(0, total, 0)

    def add(self, records: int) -> None:
        """Count records."""
        self._update(self._progress._replace(records=self._progress.records + records))

    def end_run(self) -> None:
        """Count a run."""
        self._update(self._progress._replace(runs=self._progress.runs + 1))

    def _update(self, progress: Progress) -> None:
        self._progress = progress
        self._show(progress)


def _filled(
    folder: RunFolder,
    target: Target,
    receivers: Receivers,
    on_records: Callable[[int], None],
) -> Backfill | None:
    known = holders(folder, target.name)
    sources = (receivers.get(ledger.backend, ledger.factory) for ledger in known)
    try:
        return backfill(folder, target, filter(None, sources), on_records)
    except Exception as error:  # noqa: BLE001 - the border to backends
        why = describe(error, [target.config])
        say(f"run {folder.run_id!r} cannot be copied to {target.name!r}: {why}")
        return None


def _say_filled(folder: RunFolder, target: Target, found: Backfill) -> None:
    count, missing = found.copy.records, len(found.copy.missing)
    words = f"{counted(count, 'record')} copied from {found.source}"
    if missing:
        words += f", which lacks the content of {missing} of its artifacts"
    echo(clean(f"{folder.run_id} to {target.name}: {words}"))


def _reason(left: Sequence[RunFolder], name: str) -> str:
    which = f"run {left[0].run_id!r}"
    if len(left) > 1:
        which = f"{len(left)} runs, such as {left[0].run_id!r},"
    return (
        f"{name!r} cannot get {which} from the journal, which no longer holds all of "
        "it: what every other backend has taken is removed; nor from one of those, "
        "since none that is native has all of it"
    )
