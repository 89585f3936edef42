"""Launching a job: its run, its environment and its end.

A launcher plans a run, tells the job about it through the environment, starts the job
with the very terminal and files that it has itself, hands signals on to it, and
outlives it, so that the end is recorded however the job dies. What the launcher
records (the run exists, has started, has ended) has a writer of its own in the journal,
and what all processes of the job record is delivered from here, outside the job; a
failing backend changes neither the job nor its exit code.

The variables are written in our words and in those of torchx, so a job that uses
either library finds its run.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import NamedTuple, Self

from tracker_core.configfile import BackendSetting, parse_backends
from tracker_core.delivery.base import Delivery, Target
from tracker_core.delivery.courier import is_private
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.delivery.journaled import JournaledDelivery
from tracker_core.ends import end_of_exit_code
from tracker_core.errors import ConfigError, TrackerError
from tracker_core.identity import friendly_name, new_run_id
from tracker_core.journal.folders import RunFolder
from tracker_core.journaling import open_journal
from tracker_core.leavings import Leavings
from tracker_core.notices import warn
from tracker_core.opening import announce, created_in
from tracker_core.outofmemory import OutOfMemory
from tracker_core.records import (
    CreatedBody,
    EndedBody,
    Sequencer,
    StartedBody,
)
from tracker_core.registry import torchx_name
from tracker_core.schedulers import can_preempt
from tracker_core.settings import (
    VARIABLES,
    Settings,
    error_policy,
    home,
    read_settings,
    tracker_config_env_var_name,
)
from tracker_core.values import Value, check_name

__all__ = ["Launch", "launch_job", "plan_launch"]

_SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
# Those that a key press sends to every process in front of the terminal.
_FROM_KEYS = frozenset({signal.SIGINT, signal.SIGQUIT})
_FIRST_ANSWERS_S = 1.0
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class Launch(NamedTuple):
    """A run that is about to be launched.

    Args:
        run_id: Its id.
        created: What is recorded of it before the job starts.
        backends: Where its records go; empty when nothing can be tracked.
        home: The folder of the embedded store, absolute; None when none can be made.
        directory: The folder that relative paths in configs belong to; None when there
            is none any more.
        on_error: ``raise`` or ``warn``: what an unusable setting does.
        settings: What else is configured.
    """

    run_id: str
    created: CreatedBody
    backends: tuple[BackendSetting, ...]
    home: Path | None
    directory: str | None
    on_error: str
    settings: Settings = Settings()

    @property
    def name(self) -> str:
        """The run's name for people."""
        return self.created.name or friendly_name(self.run_id)

    def variables(self) -> dict[str, str]:
        """Return the variables that tell a job of this run, without any secret.

        All that the configuration files said is in them or in :meth:`configs`, so the
        job may change its directory. ``TRACKER_ATTEMPT`` is not: the journal knows
        which attempts there were.
        """
        names = [backend.name for backend in self.backends]
        usual, settings = Settings(), self.settings
        said = {
            "TRACKER_JOB_ID": self.run_id,
            "TRACKER_BACKENDS": ",".join(names),
            "TRACKER_PARENT_RUN_ID": self.created.parent_run_id,
            "TRACKER_EXPERIMENT": self.created.experiment,
            "TRACKER_GROUP": self.created.group_id,
            "TRACKER_HOME": None if self.home is None else str(self.home),
            "TRACKER_LAUNCH_DIR": self.directory,
            "TRACKER_ON_ERROR": self.on_error,
            "TRACKER_MODE": _unless(usual.mode, settings.mode),
            "TRACKER_CLOSE_TIMEOUT": _unless(
                usual.close_timeout, settings.close_timeout
            ),
            "TRACKER_DISK_BUDGET": _unless(usual.disk_budget, settings.disk_budget),
        }
        both = _in_both_families({name: text for name, text in said.items() if text})
        if names:
            both["TRACKER_BACKENDS"] = ",".join(map(_listed, self.backends))
            # Torchx looks into its own group, where ours go by other names; of two
            # backends with one factory it can use the first alone.
            twins = dict.fromkeys(map(torchx_name, self.backends))
            both["TORCHX_TRACKERS"] = ",".join(twins)
        return both

    def configs(self) -> dict[str, str]:
        """Return the variables that configure the backends; they may hold secrets."""
        found = {}
        for backend in self.backends:
            if backend.config is not None:
                found[tracker_config_env_var_name(backend.name)] = backend.config
                # Torchx upper-cases the name and leaves the rest as it is.
                twin = f"TORCHX_TRACKER_{torchx_name(backend).upper()}_CONFIG"
                found.setdefault(twin, backend.config)
        return found

    def stale(self, environ: Mapping[str, str]) -> list[str]:
        """Return the names in ``environ`` that tell of another run and must go."""
        known = {name for pair in VARIABLES.values() for name in pair[:2] if name}
        mine = self.variables()
        return sorted(name for name in known if name in environ and name not in mine)

    def job_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a job that is launched from ``environ``."""
        stale = self.stale(environ)
        kept = {name: text for name, text in environ.items() if name not in stale}
        return {**kept, **self.variables(), **self.configs()}


def plan_launch(
    environ: Mapping[str, str],
    *,
    run_id: str | None = None,
    trackers: str | None = None,
    experiment: str | None = None,
    name: str | None = None,
    group_id: str | None = None,
    parent_run_id: str | None = None,
) -> Launch:
    """Plan a run by the settings around it; nothing is started and nothing written.

    Inside a launched job the new run is a child of that job's run, in its group and
    experiment; it never takes over the id.

    Args:
        environ: The environment to launch from.
        run_id: The id; by default a new one.
        trackers: The backends as in ``TRACKER_BACKENDS``, in place of those configured.
        experiment: The experiment's name; by default the configured one.
        name: A name for people; without one it follows from the id.
        group_id: A label that the runs of a group share.
        parent_run_id: The run that this one is made from.

    Raises:
        TrackerError: A setting is unusable, and ``TRACKER_ON_ERROR`` is not ``warn``.
        InvalidValueError: A name is empty or cannot be kept.
    """
    settings, folder = _settings(environ, trackers)
    # Without a folder, under the policy `warn`, there is nothing that could be used.
    backends = settings.backends or (settings.embedded,)
    backends = backends if folder is not None else ()
    created = created_in(settings, name, experiment, group_id, parent_run_id)
    run_id = new_run_id() if run_id is None else check_name(run_id, "run id")
    if settings.job_id not in (None, run_id):
        # It counts the attempts of the job around this launch.
        settings = settings._replace(attempt=None)
    directory = environ.get("TRACKER_LAUNCH_DIR") or _working_directory()
    return Launch(
        run_id, created, backends, folder, directory, settings.on_error, settings
    )


def launch_job(
    launch: Launch,
    targets: Iterable[Target],
    command: Sequence[str],
    environ: Mapping[str, str],
) -> int:
    """Run ``command`` as the job of ``launch``, and wait for its end.

    Call it from the main thread, since it takes over the handling of signals while
    the job runs.

    Args:
        launch: The run.
        targets: Where the launcher records it; those that it owns are closed.
        command: The program and its arguments, at least the program.
        environ: The environment to launch from.

    Returns:
        The job's exit code; 128 + n when signal n ended it, 127 when there is no such
        program, 126 when it cannot be executed.
    """
    given = list(targets)
    delivery = _open(launch, given)
    left = _leavings(launch)
    memory = OutOfMemory()
    try:
        _begin(launch, delivery, {target.name for target in given})
        with _Forwarding() as forwarding:
            told = {**launch.job_environment(environ), **left.variables}
            end = _run_job(command, told, forwarding)
            forwarding.end()
            left.collect(delivery.send)
            body = _explained(end.body, memory, environ, forwarding)
            return _record_end(launch, delivery, end._replace(body=body))
    except KeyboardInterrupt:
        # There was no job yet that could have taken it.
        left.collect(delivery.send)
        return _record_end(launch, delivery, _end_of(-signal.SIGINT))


def _open(launch: Launch, targets: Iterable[Target]) -> Delivery:
    """Make the delivery of what the launcher records; nothing is recorded yet.

    Trackers that live and die with their process are left to the job.
    """
    settings, place = launch.settings, launch.home
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


def _leavings(launch: Launch) -> Leavings:
    """Return where the job may leave values; nowhere if nothing is recorded."""
    place, is_off = launch.home, launch.settings.mode == "off"
    if place is None or is_off:
        return Leavings(None)
    return Leavings(RunFolder.of(place, launch.run_id))


def _let_go(target: Target) -> None:
    if target.is_owned:
        target.close()


def _begin(launch: Launch, delivery: Delivery, given: Container[str]) -> None:
    """Record that the run has begun, and begin to deliver it."""
    announce(delivery, launch.created)
    delivery.send(StartedBody("launcher"))
    if isinstance(delivery, JournaledDelivery):
        delivery.expect(made for made in launch.backends if made.name not in given)
        delivery.start()
        delivery.first_errors(_FIRST_ANSWERS_S)


def _explained(
    body: EndedBody,
    memory: OutOfMemory,
    environ: Mapping[str, str],
    forwarding: "_Forwarding",
) -> EndedBody:
    """Return an end with the cause that only somebody outside the job knows."""
    if body.status == "FINISHED":
        return body
    number = (body.cause or {}).get("number")
    if number == signal.SIGKILL and memory.has_killed():
        return body._replace(status="FAILED", cause={"kind": "out_of_memory"})
    if forwarding.was_told_to_end and can_preempt(environ):
        cause: dict[str, Value] = {"kind": "preempted", "signal": "SIGTERM"}
        return body._replace(status="KILLED", cause=cause)
    return body


class _End(NamedTuple):
    """The exit code to pass on, and what is recorded of the end."""

    code: int
    body: EndedBody


class _Forwarding:
    """Hands signals on to the job for as long as the block lasts.

    A signal that the launcher was told to ignore (``nohup`` does so) stays ignored, by
    the job too. What arrives before :meth:`begin` is handed on there. What arrives
    after :meth:`end` has nobody left to go to and is dropped, so that the second signal
    of a scheduler does not cost the record of the end; only Ctrl-C counts again.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        # Whether somebody outside has asked for the end.
        self.was_told_to_end: bool = False
        self._previous = {
            number: handler
            for number in _SIGNALS
            if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
        }

    def __enter__(self) -> Self:
        for number in self._previous:
            signal.signal(number, self._hand_on)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def begin(self, process: "subprocess.Popen[bytes]") -> None:
        """Hand on to ``process`` from now on, and what has arrived before."""
        self._process = process
        for number in self._early:
            _send(process, number)

    def end(self) -> None:
        """Let Ctrl-C interrupt the launcher again; the job has ended."""
        if signal.SIGINT in self._previous:
            signal.signal(signal.SIGINT, self._previous.pop(signal.SIGINT))

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        self.was_told_to_end = self.was_told_to_end or number == signal.SIGTERM
        if self._process is None:
            self._early.append(number)
        elif number not in _FROM_KEYS or not _is_in_front():
            # In front of a terminal the job has had the key press itself.
            _send(self._process, number)


def _working_directory() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # somebody has removed it
        return None


def _in_both_families(ours: Mapping[str, str]) -> dict[str, str]:
    found = dict(ours)
    for name, text in ours.items():
        twin = VARIABLES[name].torchx
        if twin is not None:
            found[twin] = text
    return found


def _unless(usual: object, value: object) -> str | None:
    return None if value == usual else str(value)


def _listed(backend: BackendSetting) -> str:
    return f"{backend.name}={backend.factory}" if backend.factory else backend.name


def _settings(
    environ: Mapping[str, str], trackers: str | None
) -> tuple[Settings, Path | None]:
    if trackers is not None:
        if not parse_backends(trackers):
            message = (
                f"trackers {trackers!r} name none; use a list such as sqlite,fsspec"
            )
            raise ConfigError(message)
        environ = {**environ, "TRACKER_BACKENDS": trackers}
    try:
        return read_settings(environ), home(environ)
    except TrackerError as error:
        if error_policy(environ) != "warn":
            raise
        warn("nothing is tracked: %s", error)
        return Settings(on_error="warn"), None


def _run_job(
    command: Sequence[str], environ: Mapping[str, str], forwarding: _Forwarding
) -> _End:
    try:
        # Files that the launcher was given open are meant for the job.
        process = subprocess.Popen(command, env=environ, close_fds=False)  # noqa: S603 - what it is asked to run
    except OSError as error:
        return _end_unstarted(command[0], error)
    forwarding.begin(process)
    return _end_of(_wait_for(process))


def _wait_for(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the end of the job, and hand signals on meanwhile, each at once.

    A signal may reach another thread than the main one, which alone hands it on and
    would learn of it only when the job ends if it slept in ``waitpid``.
    """
    with _bell() as bell:
        while (code := process.poll()) is None:
            os.read(bell, 4096)
    return code


@contextmanager
def _bell() -> Iterator[int]:
    """Give a file to read from until a signal comes, or the end of a child."""
    bell, rope = os.pipe()
    os.set_blocking(rope, False)
    ringing = signal.set_wakeup_fd(rope, warn_on_full_buffer=False)
    # Only a signal that is handled rings, and none that whoever started us blocks.
    previous = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    try:
        yield bell
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGCHLD, previous or signal.SIG_DFL)
        signal.set_wakeup_fd(ringing)
        os.close(bell)
        os.close(rope)


def _record_end(launch: Launch, delivery: Delivery, end: _End) -> int:
    try:
        delivery.send(end.body)
        delivery.close()
    except KeyboardInterrupt:
        warn("interrupted: backends may miss the end of run %r", launch.run_id)
    return end.code


def _end_of(code: int) -> _End:
    return _End(code if code >= 0 else 128 - code, end_of_exit_code(code))


def _end_unstarted(program: str, error: OSError) -> _End:
    is_missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    if is_missing and shutil.which(program, os.F_OK) is None:
        reason = f"no command is named {program!r}; check its spelling and PATH"
        code = _NOT_FOUND
    else:
        why = "its interpreter is missing" if is_missing else error.strerror
        reason = f"{program!r} cannot be executed: {why}"
        code = _NOT_EXECUTABLE
    warn("%s", reason)
    body = end_of_exit_code(code)
    return _End(code, body._replace(cause={**(body.cause or {}), "message": reason}))


def _send(process: "subprocess.Popen[bytes]", number: int) -> None:
    # A job that has become another user's (sudo) takes no signals of ours.
    with suppress(PermissionError):
        process.send_signal(number)


def _is_in_front() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    except OSError:  # there is no terminal, or it has gone
        return False
