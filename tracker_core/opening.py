"""Opening a run: by what a launcher left in the environment, or in code.

A wrong setting shows here, before any work is done: an unknown backend, a config that
its factory refuses, or one that the backend refuses when the first records reach it
raises, or is warned of where ``TRACKER_ON_ERROR`` is ``warn``. Once the run is open,
backends fail without the job.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tracker_core.api import TrackerBase
from tracker_core.configfile import BackendSetting
from tracker_core.delivery.base import Delivery, Target
from tracker_core.errors import (
    InvalidValueError,
    TrackerError,
    UnsupportedTypeError,
)
from tracker_core.identity import new_run_id
from tracker_core.notices import warn
from tracker_core.plain import native
from tracker_core.records import (
    CreatedBody,
    ProvenanceBody,
    SourceBody,
    SpanBody,
)
from tracker_core.registry import build_tracker
from tracker_core.settings import (
    Settings,
    is_launched,
    usable_settings,
)
from tracker_core.values import check_mapping, check_name

if TYPE_CHECKING:
    from tracker_core.run import AppRun
    from tracker_core.spans import Span

__all__ = [
    "UNDEFINED",
    "announce",
    "created_in",
    "open_launched_run",
    "open_targets",
    "track",
]

UNDEFINED = "<UNDEFINED>"
"""The id of the run of a process that nothing launched, as in torchx."""


def open_launched_run() -> "AppRun":
    """Open the run that the environment tells of; it ends with the process.

    Raises:
        TrackerError: A setting is unusable, and ``TRACKER_ON_ERROR`` is not ``warn``.
    """
    from tracker_core.run import AppRun

    if not is_launched():
        return AppRun(UNDEFINED, [])
    settings = _settings()
    known_id = settings.job_id or settings.scheduled_id
    if settings.mode == "off" or not settings.backends:
        return AppRun(known_id or UNDEFINED, [])
    created = CreatedBody(
        experiment=settings.experiment,
        group_id=settings.group_id,
        parent_run_id=settings.parent_run_id,
    )
    run_id = known_id or new_run_id()
    # A job that nothing launched never loads them.
    from tracker_core.journaling import open_run
    from tracker_core.processend import ProcessEnd

    run = open_run(settings, run_id, created, settings.backends, starts=True)
    ProcessEnd(run)
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
    settings = _settings()._replace(step=None)
    created = created_in(settings, name, experiment, group_id, parent_run_id)
    if experiment_config is not None:
        created = _with_config(created, experiment_config)
    run_id = new_run_id()
    if settings.mode == "off":
        from tracker_core.run import AppRun

        return AppRun(run_id, [], name=created.name)
    from tracker_core.journaling import open_run

    if trackers is None:
        backends = settings.backends or (settings.embedded,)
        return open_run(settings, run_id, created, backends)
    targets = [Target.of(tracker) for tracker in _listed(trackers)]
    return open_run(settings, run_id, created, targets=targets)


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


def announce(
    delivery: Delivery,
    created: CreatedBody,
    rank: int | None = None,
    command: Sequence[str] | None = None,
    span: "Span | None" = None,
) -> None:
    """Record that a run exists, what it was made from, and where it is made.

    Of the processes of a distributed job the first alone tells where; who launches it
    tells the command too, and the span that is the run's own, if it is in a trace.
    """
    from tracker_core.provenance import provenance
    from tracker_core.spans import current_span

    delivery.send(created)
    if created.parent_run_id is not None:
        delivery.send(SourceBody(created.parent_run_id, None))
    place = current_span(os.environ) if span is None else span[:2]
    if place is not None:
        delivery.send(SpanBody(*place))
    if not rank:
        delivery.send(ProvenanceBody(provenance(command=command)))


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
            targets.append(
                Target(
                    backend.name,
                    tracker,
                    backend.config,
                    is_owned=True,
                    factory=backend.factory,
                )
            )
    return targets


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
