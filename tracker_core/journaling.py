"""Journaling a run: its writer, its delivery, and the first records.

What is written here begins when a run is opened that outlives its process; the rest of
the library does not load it.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tracker_core.configfile import BackendSetting
from tracker_core.delivery.attempts import job_attempt, launcher_attempt
from tracker_core.delivery.base import Delivery, Target
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.delivery.journaled import JournaledDelivery
from tracker_core.errors import ConfigError, PermanentError, TrackerError
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.notices import warn
from tracker_core.opening import announce, open_targets
from tracker_core.records import CreatedBody, Role, Sequencer
from tracker_core.settings import Settings, home

if TYPE_CHECKING:
    from tracker_core.run import AppRun

__all__ = ["next_attempt", "open_journal", "open_run"]

_FIRST_ANSWERS_S = 1.0


def open_journal(
    settings: Settings,
    place: Path,
    run_id: str,
    targets: list[Target],
    role: Role,
    *,
    is_shared: bool = True,
) -> Delivery:
    """Begin to journal a run; nothing is delivered yet.

    Args:
        settings: What is configured.
        place: The home of Tracker.
        run_id: The run.
        targets: Where its records go.
        role: Who writes.
        is_shared: Whether other processes may deliver to the same backends.

    Returns:
        The delivery; under ``warn``, where no journal can be written, one that hands
        each record to the backends at once.

    Raises:
        TrackerError: The journal cannot be written, under ``raise``.
    """
    try:
        folder = RunFolder.of(place, run_id)
        writer = JournalWriter(
            folder,
            settings.attempt or _attempt(folder, settings, role),
            settings.rank if role == "job" else None,
            role,
            step=settings.step,
            budget=(budget := _budget(settings, place)),
        )
    except TrackerError as error:
        if settings.on_error == "raise":
            raise
        warn("%s; records go to the backends at once", error)
        sequencer = Sequencer(settings.attempt or 1, settings.rank)
        return DirectDelivery(run_id, targets, sequencer, isolates=True)
    delivers = settings.mode == "on"
    return JournaledDelivery(
        folder,
        writer,
        targets if delivers else (),
        budget=budget,
        closes_within=settings.close_timeout,
        is_shared=is_shared,
        waits_for_all=role == "launcher",
    )


def next_attempt(
    delivery: JournaledDelivery, settings: Settings, place: Path, run_id: str
) -> None:
    """Let what a launcher records belong to the next attempt of its run.

    Where the journal cannot be written it goes on in the attempt before, which is
    warned of.
    """
    try:
        folder = RunFolder.of(place, run_id)
        step, budget = settings.step, _budget(settings, place)
        attempt = launcher_attempt(folder, step=step)
        writer = JournalWriter(
            folder, attempt, None, "launcher", step=step, budget=budget
        )
    except TrackerError as error:
        warn("%s; the next attempt is recorded as the one before", error)
    else:
        delivery.go_on(writer)


def open_run(
    settings: Settings,
    run_id: str,
    created: CreatedBody,
    backends: tuple[BackendSetting, ...] = (),
    targets: list[Target] | None = None,
    *,
    starts: bool = False,
) -> "AppRun":
    """Open a run on configured backends, or on targets that nobody else reaches."""
    from tracker_core.run import AppRun

    is_shared = targets is None
    if targets is not None:
        targets = _named_apart(targets)
    else:
        built = backends if settings.mode == "on" else ()
        targets = open_targets(built, settings.on_error)
    try:
        delivery = open_journal(
            settings, home(), run_id, targets, "job", is_shared=is_shared
        )
    except TrackerError:
        for target in targets:
            if target.is_owned:
                target.close()
        raise
    raw = [target.raw for target in targets]
    told = delivery
    if settings.step is not None:
        from tracker_core.stepped import SteppedDelivery

        told = SteppedDelivery(delivery, settings.step)
    run = AppRun(run_id, raw, name=created.name, delivery=told)
    announce(delivery, created, settings.rank)
    if starts:
        run.start()
    if isinstance(delivery, JournaledDelivery):
        _begin(delivery, run, settings, backends)
    return run


def _begin(
    delivery: JournaledDelivery,
    run: "AppRun",
    settings: Settings,
    backends: tuple[BackendSetting, ...],
) -> None:
    """Deliver the first records within a short time, so that a wrong setting shows."""
    delivery.expect(backends)
    delivery.start()
    for _, error in delivery.first_errors(_FIRST_ANSWERS_S):
        if _is_verdict(error) and settings.on_error == "raise":
            run.__exit__(type(error), error, error.__traceback__)
            raise error


def _is_verdict(error: BaseException) -> bool:
    """Tell whether trying again is no use before a person has done something."""
    has_no_right = isinstance(error.__cause__, PermissionError)
    return has_no_right or isinstance(error, ConfigError | PermanentError)


def _attempt(folder: RunFolder, settings: Settings, role: Role) -> int:
    if role == "launcher":
        return launcher_attempt(folder, settings.requeues, settings.step)
    return job_attempt(
        folder, settings.rank, settings.requeues, settings.restarts, settings.step
    )


def _budget(settings: Settings, place: Path) -> int:
    if settings.disk_budget is not None:
        return settings.disk_budget
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize // 2


def _named_apart(targets: Iterable[Target]) -> list[Target]:
    """Return targets whose names differ, since each has a ledger of its own."""
    found: dict[str, Target] = {}
    for target in targets:
        name, count = target.name, 1
        while name in found:
            count += 1
            name = f"{target.name} {count}"
        found[name] = target._replace(name=name)
    return list(found.values())
