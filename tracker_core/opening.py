"""Opening a run: by what a launcher left in the environment, or in code.

A wrong setting shows here, before any work is done: an unknown backend, a config that
its factory refuses, or one that the backend refuses when the first records reach it
raises, or is warned of where ``TRACKER_ON_ERROR`` is ``warn``. Once the run is open,
backends fail without the job.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from tracker_core.api import TrackerBase
from tracker_core.configfile import BackendSetting
from tracker_core.delivery.attempts import (
    has_launcher,
    job_attempt,
    launcher_attempt,
)
from tracker_core.delivery.base import Delivery, Target
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.delivery.journaled import JournaledDelivery
from tracker_core.errors import (
    ConfigError,
    InvalidValueError,
    PermanentError,
    TrackerError,
    UnsupportedTypeError,
)
from tracker_core.identity import new_run_id
from tracker_core.journal.folders import RunFolder
from tracker_core.journal.writer import JournalWriter
from tracker_core.notices import warn
from tracker_core.plain import native
from tracker_core.records import (
    CreatedBody,
    ProvenanceBody,
    Role,
    Sequencer,
    SourceBody,
    SpanBody,
)
from tracker_core.registry import build_tracker
from tracker_core.settings import (
    Settings,
    home,
    is_launched,
    usable_settings,
)
from tracker_core.values import check_mapping, check_name

if TYPE_CHECKING:
    from tracker_core.run import AppRun

__all__ = [
    "UNDEFINED",
    "announce",
    "created_in",
    "open_journal",
    "open_launched_run",
    "open_targets",
    "track",
]

UNDEFINED = "<UNDEFINED>"
"""The id of the run of a process that nothing launched, as in torchx."""

_FIRST_ANSWERS_S = 1.0
# How long a job that was told to end may still deliver; schedulers mostly give 30 s.
_GRACE_S = 5.0


def open_launched_run() -> "AppRun":
    """Open the run that the environment tells of; it ends with the process.

    Raises:
        TrackerError: A setting is unusable, and ``TRACKER_ON_ERROR`` is not ``warn``.
    """
    from tracker_core.run import AppRun

    if not is_launched():
        return AppRun(UNDEFINED, [])
    settings = _settings()
    if settings.mode == "off" or not settings.backends:
        return AppRun(settings.job_id or UNDEFINED, [])
    created = CreatedBody(
        experiment=settings.experiment,
        group_id=settings.group_id,
        parent_run_id=settings.parent_run_id,
    )
    run_id = settings.job_id or new_run_id()
    run = _open(settings, run_id, created, settings.backends, starts=True)
    _ProcessEnd(run)
    return run


def track(
    experiment: str | None = None,
    *,
    name: str | None = None,
    group_id: str | None = None,
    parent_run_id: str | None = None,
    experiment_config: Mapping[str, object] | None = None,
    trackers: Iterable[TrackerBase] | None = None,
) -> "AppRun":
    """Make a run for code that nobody launched; use it as a ``with`` block.

    ::

        with track("iris", name="first try") as run:
            run.log_param("lr", 0.1)

    The run exists (PENDING) when the call returns, starts with the block and ends with
    it. Inside a launched job it is a child of that job's run. What a call has logged
    survives the death of the process; it is delivered in a thread, and leaving the
    block waits for that, but not for long. Failing backends are warned of once, counted
    and summed up at the end, never raised.

    Args:
        experiment: The experiment's name; by default the configured one.
        name: A name for people; without one it follows from the id.
        group_id: A label that the runs of a group share.
        parent_run_id: The run that this one was made from, recorded as a source too.
        experiment_config: JSON values that describe the experiment; of all its runs
            the newest that gives some is the one that is read.
        trackers: Tracker objects; they stay open, and this process alone delivers to
            them. By default the configured backends, and without any SQLite under
            ``TRACKER_HOME``.

    Raises:
        TrackerError: A setting is unusable, and ``TRACKER_ON_ERROR`` is not ``warn``.
        InvalidValueError: A name is empty or cannot be kept, or a config is given and
            no experiment.
    """
    settings = _settings()
    created = created_in(settings, name, experiment, group_id, parent_run_id)
    if experiment_config is not None:
        created = _with_config(created, experiment_config)
    run_id = new_run_id()
    if settings.mode == "off":
        from tracker_core.run import AppRun

        return AppRun(run_id, [], name=created.name)
    if trackers is None:
        return _open(
            settings, run_id, created, settings.backends or (settings.embedded,)
        )
    targets = _named_apart(Target.of(tracker) for tracker in _listed(trackers))
    return _open(settings, run_id, created, targets=targets)


def created_in(
    settings: Settings,
    name: str | None,
    experiment: str | None,
    group_id: str | None,
    parent_run_id: str | None,
) -> CreatedBody:
    """Return who a new run is, by what was asked for and else by the settings.

    Inside a launched job its parent is that job's run.

    Raises:
        InvalidValueError: A name is empty or cannot be kept.
    """
    return CreatedBody(
        _checked(name, "run name"),
        _checked(experiment, "experiment") or settings.experiment,
        _checked(group_id, "group id") or settings.group_id,
        _checked(parent_run_id, "parent run id")
        or settings.job_id
        or settings.parent_run_id,
    )


def announce(delivery: Delivery, created: CreatedBody, rank: int | None = None) -> None:
    """Record that a run exists, what it was made from, and where it is made.

    Of the processes of a distributed job the first alone tells where.
    """
    from tracker_core.provenance import provenance
    from tracker_core.spans import current_span

    delivery.send(created)
    if created.parent_run_id is not None:
        delivery.send(SourceBody(created.parent_run_id, None))
    span = current_span(os.environ)
    if span is not None:
        delivery.send(SpanBody(*span))
    if not rank:
        delivery.send(ProvenanceBody(provenance()))


def open_targets(backends: Iterable[BackendSetting], on_error: str) -> list[Target]:
    """Build the trackers of ``backends``, to be closed with the delivery.

    Args:
        backends: What to build.
        on_error: ``raise``, or ``warn``: leave out what cannot be built.

    Raises:
        TrackerError: One of them cannot be built, under ``raise``.
    """
    targets: list[Target] = []
    for backend in backends:
        try:
            tracker = native(build_tracker(backend))
        except TrackerError as error:
            if on_error == "raise":
                for target in targets:
                    target.close()
                raise
            warn("backend %r is left out: %s", backend.name, error)
        else:
            targets.append(Target(backend.name, tracker, backend.config, is_owned=True))
    return targets


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


def _open(
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
    if targets is None:
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
    run = AppRun(run_id, raw, name=created.name, delivery=delivery)
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
        is_verdict = isinstance(error, ConfigError | PermanentError)
        if is_verdict and settings.on_error == "raise":
            run.__exit__(type(error), error, error.__traceback__)
            raise error


def _attempt(folder: RunFolder, settings: Settings, role: Role) -> int:
    if role == "launcher":
        return launcher_attempt(folder, settings.requeues)
    return job_attempt(folder, settings.rank, settings.requeues, settings.restarts)


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


def _settings() -> Settings:
    settings, error = usable_settings()
    if error is not None:
        warn("the configuration is unusable and left out: %s", error)
    return settings


def _checked(name: str | None, what: str) -> str | None:
    return None if name is None else check_name(name, what)


def _listed(trackers: Iterable[TrackerBase]) -> list[TrackerBase]:
    if not isinstance(trackers, Iterable):
        name = type(trackers).__qualname__
        raise UnsupportedTypeError("trackers", name, "a list of trackers")
    return list(trackers)


def _with_config(created: CreatedBody, config: Mapping[str, object]) -> CreatedBody:
    if created.experiment is None:
        message = "experiment_config needs an experiment; give its name too"
        raise InvalidValueError(message)
    checked = check_mapping(config, "experiment config")
    return created._replace(experiment_config=checked)


class _ProcessEnd:
    """Ends a run with its process, by what ended that: an exception, or SIGTERM.

    SIGTERM is the launcher's business where there is one. Else a handler, which calls
    the one that was there, records why the run ends before the process dies of it.
    """

    def __init__(self, run: "AppRun") -> None:
        # Loaded before they are needed: what is loaded after Ctrl-C may make Python
        # forget what it dies of, and the exit code would be 1.
        import tracker_core.ends
        import tracker_core.trackvars  # noqa: F401

        self._run = run
        self._error: BaseException | None = None
        self._hook = sys.excepthook
        sys.excepthook = self._note
        atexit.register(self._finish)
        self._previous: object = None
        self._pid = os.getpid()
        if threading.current_thread() is threading.main_thread():
            self._watch_for_termination(run)

    def _watch_for_termination(self, run: "AppRun") -> None:
        previous = signal.getsignal(signal.SIGTERM)
        is_usable = previous is signal.SIG_DFL or callable(previous)
        if is_usable and not has_launcher(RunFolder.of(home(), run.id)):
            self._previous = previous
            signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        if callable(self._previous):
            self._previous(number, frame)
            return
        if os.getpid() == self._pid:
            self._run.terminate(number, _GRACE_S)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _note(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        self._error = error
        self._hook(kind, error, trace)

    def _finish(self) -> None:
        # Does nothing in a forked child that reaches its own exit. The hook can also be
        # called to show an error that was dealt with; Python keeps the one that it died
        # of.
        error = self._error
        if error is not getattr(sys, "last_value", None):
            error = None
        self._run.__exit__(type(error) if error else None, error, None)
