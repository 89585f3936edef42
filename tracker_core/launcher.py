"""Launching a job: its run, its environment and its end.

A launcher plans a run, tells the job about it through the environment, starts the job
with the very terminal and files that it has itself, hands signals on to it, and
outlives it, so that the end is recorded however the job dies. What the launcher
records (the run exists, has started, has ended) has a writer of its own in the journal,
and what all processes of the job record is delivered from here, outside the job; a
failing backend changes neither the job nor its exit code.
"""

import os
import signal
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from tracker_core.artifacts import ArtifactWriter
from tracker_core.channel import Channel
from tracker_core.consoles import Console, console_name, keep_left_logs
from tracker_core.delivery.attempts import is_launched_within
from tracker_core.delivery.base import Delivery, Target
from tracker_core.delivery.courier import is_private
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.delivery.journaled import JournaledDelivery
from tracker_core.errors import TrackerError
from tracker_core.forwarding import Forwarding
from tracker_core.identity import new_writer_id
from tracker_core.jobpackages import Packages
from tracker_core.jobprocess import JobEnd, end_of, run_job
from tracker_core.journal.folders import RunFolder, this_host
from tracker_core.journaling import next_attempt, open_journal
from tracker_core.launches import Launch
from tracker_core.leavings import Leavings
from tracker_core.notices import warn
from tracker_core.opening import announce
from tracker_core.outofmemory import OutOfMemory
from tracker_core.params import params_body
from tracker_core.provenance import code_identity
from tracker_core.records import (
    EndedBody,
    MetricsBody,
    Sequencer,
    StartedBody,
    StepBody,
)
from tracker_core.redaction import known_secrets
from tracker_core.retries import Retries
from tracker_core.sampling import Sampling
from tracker_core.schedulers import can_preempt
from tracker_core.settings import Settings
from tracker_core.spans import span_below
from tracker_core.stepped import in_step

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["launch_job"]

_FIRST_ANSWERS_S = 1.0
_NEVER = Retries()


def launch_job(
    launch: Launch,
    targets: Iterable[Target],
    command: Sequence[str],
    environ: Mapping[str, str],
    retries: Retries = _NEVER,
    *,
    forwarding: Forwarding | None = None,
) -> int:
    """Run ``command`` as the job of ``launch``, and wait for its end.

    Call it from the main thread, since it takes over the handling of signals while
    the job runs.

    Args:
        launch: The run.
        targets: Where the launcher records it; those that it owns are closed.
        command: The program and its arguments, at least the program.
        environ: The environment to launch from.
        retries: How a job that ends badly is tried again, as another attempt of the
            run. One that somebody asked to end by SIGHUP, SIGINT, SIGQUIT or SIGTERM
            to this process is not, nor what cannot be executed.
        forwarding: What hands signals on, and tells afterwards which have asked for the
            end; by default one of its own.

    Returns:
        The exit code of the last attempt; 128 + n when signal n ended it, 127 when
        there is no such program, 126 when it cannot be executed.
    """
    given = list(targets)
    forwarding = forwarding or Forwarding()
    is_within = _is_within(launch)
    delivery = _open(launch, given, retries)
    life = _Life(delivery, launch.settings.step)
    span = None if _is_off(launch) else span_below(environ)
    if span is not None:
        environ = {**environ, "TRACEPARENT": span.traceparent}
    try:
        if is_within:
            delivery.send(launch.created)
        else:
            announce(delivery, launch.created, command=command, span=span)
        _begin(launch, delivery, {target.name for target in given}, life)
        with forwarding:
            with _packages(launch, delivery, command, environ):
                attempt = partial(
                    _attempt, launch, delivery, command, environ, forwarding
                )
                end = attempt()
                for number, pause in enumerate(retries.pauses(), 1):
                    if end.code == 0 or not end.has_begun or forwarding.endings:
                        break
                    _tell_of_retry(end, number, retries.times, pause)
                    life.end(end.body)
                    forwarding.pause(pause)
                    _begin_again(launch, delivery, life)
                    end = attempt()
            forwarding.end()
            return _record_end(launch, delivery, life, end)
    except KeyboardInterrupt:
        # There was no job yet that could have taken it.
        return _record_end(launch, delivery, life, end_of(-signal.SIGINT))


class _Life:
    """Records how the run, or the step that is launched, begins and ends."""

    def __init__(self, delivery: Delivery, step: str | None) -> None:
        self._delivery = delivery
        self._step = step
        self._execution: str | None = None

    def begin(self) -> None:
        self._delivery.send(StartedBody("launcher", this_host(), self._step))
        if self._step is not None:
            self._execution = new_writer_id()
            self._tell("RUNNING", None)

    def end(self, body: EndedBody) -> None:
        if self._execution is not None:
            self._tell(body.status, body.cause)
        self._delivery.send(body)

    def _tell(self, status: str, cause: "Mapping[str, Value] | None") -> None:
        if self._step is not None and self._execution is not None:
            self._delivery.send(StepBody(self._step, self._execution, status, cause))


def _attempt(
    launch: Launch,
    delivery: Delivery,
    command: Sequence[str],
    environ: Mapping[str, str],
    forwarding: Forwarding,
) -> JobEnd:
    """Try the job once; one that was asked to end before it began has ended so."""
    memory, left = OutOfMemory(), _leavings(launch)
    if forwarding.endings:
        end = end_of(-forwarding.endings[0])
    else:
        told = {**launch.job_environment(environ), **left.variables}
        with (
            _output(launch, delivery, command, environ) as console,
            Sampling(delivery.send, launch.home, _sampled(launch), forwarding.job_id),
        ):
            end = run_job(command, told, forwarding, console)
    left.collect(lambda body: delivery.send(_placed(launch, body)))
    return end._replace(body=_explained(end.body, memory, environ, forwarding))


def _placed(launch: Launch, body: MetricsBody) -> MetricsBody:
    step = launch.settings.step
    return body if step is None else in_step(step, body)


def _begin_again(launch: Launch, delivery: Delivery, life: _Life) -> None:
    """Record that the next attempt has begun."""
    if isinstance(delivery, JournaledDelivery) and launch.home is not None:
        next_attempt(delivery, launch.settings, launch.home, launch.run_id)
    life.begin()


def _tell_of_retry(end: JobEnd, number: int, count: int, pause: float) -> None:
    cause = end.body.cause or {}
    why = str(cause.get("signal", f"exit code {end.code}"))
    if cause.get("kind") == "out_of_memory":
        why = "out of memory"
    warn("the job has failed (%s); retry %d of %d in %g s", why, number, count, pause)


def _open(launch: Launch, targets: Iterable[Target], retries: Retries) -> Delivery:
    """Make the delivery of what the launcher records; nothing is recorded yet.

    Trackers that live and die with their process are left to the job.
    """
    settings, place = _numbered(launch.settings, retries), launch.home
    is_off = place is None or settings.mode != "on"
    kept = []
    for target in targets:
        if is_off or is_private(target):
            _let_go(target)
        else:
            kept.append(target)
    if place is None or settings.mode == "off":
        return DirectDelivery(launch.run_id, (), Sequencer(), isolates=True)
    try:
        return open_journal(settings, place, launch.run_id, kept, "launcher")
    except TrackerError:
        for target in kept:
            _let_go(target)
        raise


def _numbered(settings: Settings, retries: Retries) -> Settings:
    """Return settings whose attempts are counted on from those of earlier starts."""
    starts, requeues = settings.attempt, retries.numbers_before(settings.requeues)
    attempt = None if starts is None else 1 + retries.numbers_before(starts - 1)
    return settings._replace(attempt=attempt, requeues=requeues)


def _leavings(launch: Launch) -> Leavings:
    """Return where the job may leave values; nowhere if nothing is recorded."""
    if launch.home is None or _is_off(launch):
        return Leavings(None)
    return Leavings(RunFolder.of(launch.home, launch.run_id))


def _sampled(launch: Launch) -> Settings:
    """Return how to sample; whoever launched the job around a step samples it too."""
    settings = launch.settings
    return settings._replace(system_interval=0.0) if _is_within(launch) else settings


def _is_within(launch: Launch) -> bool:
    """Tell whether the job of a launcher that lives launches a step of its run."""
    step = launch.settings.step
    if launch.home is None or step is None:
        return False
    return is_launched_within(RunFolder.of(launch.home, launch.run_id), step)


def _is_off(launch: Launch) -> bool:
    """Tell whether nothing is recorded."""
    return launch.home is None or launch.settings.mode == "off"


@contextmanager
def _output(
    launch: Launch,
    delivery: Delivery,
    command: Sequence[str],
    environ: Mapping[str, str],
) -> Iterator[Console | None]:
    """Give what the job prints to, and keep it; None where it is left alone."""
    console = None
    if launch.keeps_output and isinstance(delivery, JournaledDelivery):
        folder, attempt = delivery.folder, delivery.attempt
        secrets = [*launch.configs().values(), *known_secrets(environ, command)]
        settings = launch.settings
        name = console_name(attempt, settings.rank, settings.step)
        console = Console.of(folder, name, attempt, secrets)
    try:
        yield console
    finally:
        if console is not None:
            console.keep(delivery.send)


def _packages(
    launch: Launch,
    delivery: Delivery,
    command: Sequence[str],
    environ: Mapping[str, str],
) -> AbstractContextManager[object]:
    """Return what lists the packages of the job; nothing if nothing is recorded."""
    if _is_off(launch):
        return nullcontext()
    return Packages(command, launch.job_environment(environ), delivery.send)


def _keep_diff(launch: Launch, delivery: Delivery) -> None:
    """Keep the uncommitted changes of the code around the working directory."""
    if _is_off(launch):
        return
    code = code_identity(os.curdir, with_diff=True)
    diff = None if code is None else code.get("diff")
    if code is None or not isinstance(diff, str):
        warn("there is no diff to keep: no commit of git is around this folder")
    elif diff:
        channel = Channel(launch.run_id, delivery, lambda: False)
        ArtifactWriter(channel).log_text(
            "code.diff",
            diff,
            "diff",
            "diff",
            media_type="text/x-diff; charset=utf-8",
            metadata={name: code[name] for name in ("commit", "is_diff_cut")},
        )


def _let_go(target: Target) -> None:
    if target.is_owned:
        target.close()


def _begin(
    launch: Launch, delivery: Delivery, given: Container[str], life: _Life
) -> None:
    """Record that the run has begun, and begin to deliver it."""
    if launch.params:
        delivery.send(params_body(launch.params))
    life.begin()
    if launch.keeps_diff:
        _keep_diff(launch, delivery)
    if isinstance(delivery, JournaledDelivery):
        keep_left_logs(delivery.folder, launch.settings.disk_budget)
        delivery.expect(made for made in launch.backends if made.name not in given)
        delivery.start()
        delivery.first_errors(_FIRST_ANSWERS_S)


def _explained(
    body: EndedBody,
    memory: OutOfMemory,
    environ: Mapping[str, str],
    forwarding: Forwarding,
) -> EndedBody:
    """Return an end with the cause that only somebody outside the job knows."""
    if body.status == "FINISHED":
        return body
    number = (body.cause or {}).get("number")
    if number == signal.SIGKILL and memory.has_killed():
        return body._replace(status="FAILED", cause={"kind": "out_of_memory"})
    if signal.SIGTERM in forwarding.endings and can_preempt(environ):
        cause: dict[str, Value] = {"kind": "preempted", "signal": "SIGTERM"}
        return body._replace(status="KILLED", cause=cause)
    return body


def _record_end(launch: Launch, delivery: Delivery, life: _Life, end: JobEnd) -> int:
    try:
        life.end(end.body)
        delivery.close()
    except KeyboardInterrupt:
        warn("interrupted: backends may miss the end of run %r", launch.run_id)
    return end.code
