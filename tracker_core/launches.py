"""The plan of a launch: its run, and what the environment tells the job of it.

The variables are written in our words and in those of torchx, so a job that uses
either library finds its run.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tracker_core.configfile import BackendSetting, parse_backends
from tracker_core.errors import ConfigError, TrackerError
from tracker_core.identity import friendly_name, new_run_id
from tracker_core.notices import warn
from tracker_core.opening import created_in
from tracker_core.records import CreatedBody
from tracker_core.registry import torchx_name
from tracker_core.settings import (
    VARIABLES,
    Settings,
    error_policy,
    home,
    read_settings,
    tracker_config_env_var_name,
)
from tracker_core.stepped import check_step
from tracker_core.values import Value, check_name

__all__ = ["Launch", "plan_launch"]


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
        keeps_output: Whether what the job prints is kept too.
        params: What the launcher logs as params of the run.
        keeps_diff: Whether the uncommitted changes of the code are.
    """

    run_id: str
    created: CreatedBody
    backends: tuple[BackendSetting, ...]
    home: Path | None
    directory: str | None
    on_error: str
    settings: Settings = Settings()
    keeps_output: bool = True
    params: Mapping[str, Value] = MappingProxyType({})
    keeps_diff: bool = False

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
            "TRACKER_SYSTEM_INTERVAL": _unless(
                usual.system_interval, settings.system_interval
            ),
            "TRACKER_STEP": settings.step,
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
    step: str | None = None,
) -> Launch:
    """Plan a run by the settings around it; nothing is started and nothing written.

    Inside a launched job the new run is a child of that job's run, in its group and
    experiment; it never takes over the id. A step belongs to that job's run itself,
    and lies within the step around it, if there is one.

    Args:
        environ: The environment to launch from.
        run_id: The id; by default a new one.
        trackers: The backends as in ``TRACKER_BACKENDS``, in place of those configured.
        experiment: The experiment's name; by default the configured one.
        name: A name for people; without one it follows from the id.
        group_id: A label that the runs of a group share.
        parent_run_id: The run that this one is made from.
        step: The name of a step, where one is launched and not the whole run.

    Raises:
        TrackerError: A setting is unusable, and ``TRACKER_ON_ERROR`` is not ``warn``.
        InvalidValueError: A name is empty or cannot be kept.
    """
    settings, folder = _settings(environ, trackers)
    # Without a folder, under the policy `warn`, there is nothing that could be used.
    backends = settings.backends or (settings.embedded,)
    backends = backends if folder is not None else ()
    if run_id is None and step is not None:
        run_id = settings.job_id
    run_id = new_run_id() if run_id is None else check_name(run_id, "run id")
    is_around = settings.job_id == run_id
    around = settings._replace(job_id=None) if is_around else settings
    created = created_in(around, name, experiment, group_id, parent_run_id)
    settings = settings._replace(
        # They are of the job around this launch.
        attempt=settings.attempt if is_around or not settings.job_id else None,
        step=_step_within(settings.step if is_around else None, step),
    )
    directory = environ.get("TRACKER_LAUNCH_DIR") or _working_directory()
    return Launch(
        run_id, created, backends, folder, directory, settings.on_error, settings
    )


def _step_within(outer: str | None, step: str | None) -> str | None:
    if step is None:
        return None
    return check_step(step) if outer is None else f"{outer}/{check_step(step)}"


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
