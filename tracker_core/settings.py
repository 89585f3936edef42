"""Settings: what the environment and the configuration files say.

The environment is written by whoever launches a job and read once. Our variables and
those of torchx are both honoured; ours win. Configuration files say what the
environment leaves open: ``tracker.toml`` in the working directory, else torchx's
``.torchxconfig`` (the file that ``TORCHXCONFIG`` names, else those in the home and the
working directory).

Config strings may hold secrets: they are never shown, not even by ``repr``.
"""

import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tracker_core.configfile import (
    BackendSetting,
    FileSettings,
    parse_backends,
    read_files,
)
from tracker_core.errors import ConfigError
from tracker_core.schedulers import count, scheduled

__all__ = [
    "VARIABLES",
    "Settings",
    "Variable",
    "error_policy",
    "home",
    "is_launched",
    "launch_path",
    "read_settings",
    "tracker_config_env_var_name",
    "usable_settings",
]


class Variable(NamedTuple):
    """One setting in the environment.

    Args:
        name: Our variable.
        torchx: Torchx's variable for the same thing, or None.
        meaning: One sentence for the documentation.
    """

    name: str
    torchx: str | None
    meaning: str


VARIABLES = {
    variable.name: variable
    for variable in (
        Variable(
            "TRACKER_JOB_ID",
            "TORCHX_JOB_ID",
            "The run id of the job; by default it follows from what the scheduler says "
            "of the job.",
        ),
        Variable(
            "TRACKER_BACKENDS",
            "TORCHX_TRACKERS",
            "Comma list of backends: `name`, `name=package.module:factory` or "
            "`package.module:factory`; blanks are trimmed, duplicates dropped.",
        ),
        Variable(
            "TRACKER_<NAME>_CONFIG",
            "TORCHX_TRACKER_<NAME>_CONFIG",
            "The one argument of the backend's factory; a secret.",
        ),
        Variable(
            "TRACKER_PARENT_RUN_ID",
            "TORCHX_PARENT_RUN_ID",
            "The run that this one was made from, recorded as a source.",
        ),
        Variable(
            "TRACKER_EXPERIMENT",
            "TORCHX_TRACKING_EXPERIMENT_NAME",
            "The name of the run's experiment.",
        ),
        Variable(
            "TRACKER_GROUP",
            None,
            "The label of the run's group; by default that of the array of jobs that "
            "this one belongs to.",
        ),
        Variable(
            "TRACKER_ATTEMPT",
            None,
            "Which try of the run this is, from 1; by default one more than those "
            "that the journal knows, and than the restarts that the scheduler or "
            "torchelastic count.",
        ),
        Variable(
            "TRACKER_HOME",
            None,
            "The folder of the journal and of the embedded store; by default "
            "`.tracker` in the working directory, or the user's state directory where "
            "that cannot be written.",
        ),
        Variable(
            "TRACKER_LAUNCH_DIR",
            None,
            "The folder that relative paths in configs belong to, where the job was "
            "launched; the working directory by default.",
        ),
        Variable(
            "TRACKER_ON_ERROR",
            None,
            "What an unusable setting does when a run is opened: `raise` (default) "
            "or `warn`.",
        ),
        Variable(
            "TRACKER_MODE",
            None,
            "`on` (default); `offline` keeps records in the journal for "
            "`tracker sync`; `off` records nothing.",
        ),
        Variable(
            "TRACKER_CLOSE_TIMEOUT",
            None,
            "How many seconds the end of a run waits for backends, 10 by default; the "
            "rest stays in the journal.",
        ),
        Variable(
            "TRACKER_DISK_BUDGET",
            None,
            "How many bytes the journal of a run may take, for example `500MB` or "
            "`2GiB`; by default half of what is free when it is opened.",
        ),
        Variable(
            "TRACKER_PARAM_<NAME>",
            None,
            "The value of a param that `tracker run --param` gives a job.",
        ),
        Variable(
            "TRACKER_SYSTEM_INTERVAL",
            None,
            "How many seconds lie between two samples of what the machine and the job "
            "use, which `tracker run` takes, 10 by default; 0 for none.",
        ),
        Variable(
            "TRACKER_STEP",
            None,
            "The step of the run that `tracker run --step` has launched; what its job "
            "logs has the name in front.",
        ),
        Variable(
            "TRACKER_TRACK_FILE",
            None,
            "The file to which a launched job may append lines `name=value`, which "
            "`tracker run` names and collects.",
        ),
    )
}

_EMBEDDED = BackendSetting("sqlite")
_POLICIES = ("raise", "warn")
_MODES = ("on", "offline", "off")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGT])(i?)B?|B)?", re.IGNORECASE)
# Beyond these the system has no number for it.
_MAX_SECONDS, _MAX_BYTES = 10.0**9, 2.0**62


class Settings(NamedTuple):
    """What is configured for this process.

    Args:
        job_id: The run id that a launcher gave, or None.
        backends: The configured backends, in order.
        parent_run_id: The run that this one was made from, or None.
        experiment: The experiment's name, or None.
        group_id: The group's label, given or that of an array of jobs, or None.
        attempt: Which try this is, from 1; None where nobody said so.
        requeues: How often the scheduler says that it has started the job again.
        restarts: How often torchelastic says that it has started its processes again.
        rank: This process's rank in a distributed job, or None.
        on_error: ``raise`` or ``warn``: what an unusable setting does at opening.
        embedded: Where runs are kept when no backend is configured.
        mode: ``on``, ``offline`` or ``off``.
        close_timeout: How many seconds the end of a run waits for backends.
        disk_budget: How many bytes the journal of a run may take; None for half of
            what is free.
        scheduled_id: The run id that follows from a scheduler's job, or None.
        system_interval: How many seconds lie between two samples of the machine; 0 for
            none.
        step: The launched step that this process belongs to, or None.
    """

    job_id: str | None = None
    backends: tuple[BackendSetting, ...] = ()
    parent_run_id: str | None = None
    experiment: str | None = None
    group_id: str | None = None
    attempt: int | None = None
    requeues: int = 0
    restarts: int = 0
    rank: int | None = None
    on_error: str = "raise"
    embedded: BackendSetting = _EMBEDDED
    mode: str = "on"
    close_timeout: float = 10.0
    disk_budget: int | None = None
    scheduled_id: str | None = None
    system_interval: float = 10.0
    step: str | None = None

    def of_other_run(self, attempt: int | None) -> "Settings":
        """Return these for a run that is not the one around this process.

        What the environment says of attempt, rank and step is of that one.

        Args:
            attempt: The attempt of the other run, or None for what its journal knows.
        """
        return self._replace(
            attempt=attempt, requeues=0, restarts=0, rank=None, step=None
        )


def tracker_config_env_var_name(name: str) -> str:
    """Return the variable that configures the backend ``name``.

    The name is upper-cased; characters that a shell cannot export become ``_``.
    """
    return f"TRACKER_{_shell_word(name)}_CONFIG"


def home(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the embedded store, made with mode 0700 if it is missing.

    Raises:
        ConfigError: It cannot be made.
    """
    path = _home(os.environ if environ is None else environ)
    try:
        return _made(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody's home is known
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"TRACKER_HOME {str(path)!r} cannot be made: {reason}; "
        raise ConfigError(message + "set it to a folder that can be written") from error


def launch_path(text: str) -> Path:
    """Return a path in a config as an absolute one, with ``~`` expanded.

    A relative one belongs to the folder where the job was launched, so that a job that
    changes its directory finds what its launcher found.
    """
    return Path(
        os.environ.get("TRACKER_LAUNCH_DIR", ""), Path(text).expanduser()
    ).absolute()


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment, and the configuration files for what it leaves open.

    Raises:
        ConfigError: A setting or a file is unusable; it says which and what to do.
    """
    environ = os.environ if environ is None else environ
    files = read_files(environ)
    listed = _lookup(environ, "TRACKER_BACKENDS")
    chosen = parse_backends(listed) if listed is not None else files.backends
    filed = {backend.name: backend for backend in (*files.unlisted, *files.backends)}
    backends = tuple(
        _configured(backend, filed.get(backend.name), environ) for backend in chosen
    )
    _refuse_clashes(backends)
    around = scheduled(environ)
    return Settings(
        job_id=_lookup(environ, "TRACKER_JOB_ID"),
        backends=backends,
        parent_run_id=_lookup(environ, "TRACKER_PARENT_RUN_ID"),
        experiment=_lookup(environ, "TRACKER_EXPERIMENT") or files.experiment,
        group_id=_lookup(environ, "TRACKER_GROUP") or around.group_id,
        attempt=_attempt(environ),
        requeues=around.requeues,
        restarts=around.restarts,
        rank=around.rank,
        on_error=_on_error(environ, files.on_error),
        embedded=_configured(_EMBEDDED, None, environ),
        mode=_mode(environ),
        close_timeout=_seconds(environ, "TRACKER_CLOSE_TIMEOUT"),
        disk_budget=_disk_budget(environ),
        scheduled_id=around.run_id,
        system_interval=_seconds(environ, "TRACKER_SYSTEM_INTERVAL"),
        step=_step(environ),
    )


def usable_settings(
    environ: Mapping[str, str] | None = None,
) -> tuple[Settings, ConfigError | None]:
    """Read the settings, or under the policy ``warn`` what is left of unusable ones.

    Returns:
        The settings, and None; or the run id alone, if it is one, and what is wrong.

    Raises:
        ConfigError: They are unusable, under the policy ``raise``.
    """
    environ = os.environ if environ is None else environ
    try:
        return read_settings(environ), None
    except ConfigError as error:
        if error_policy(environ) == "raise":
            raise
        return Settings(_known_job_id(environ), on_error="warn"), error


def error_policy(environ: Mapping[str, str] | None = None) -> str:
    """Return what an unusable setting does: ``raise`` or ``warn``.

    It can be asked when :func:`read_settings` has failed; a configuration file that
    cannot be read has no say in it.

    Raises:
        ConfigError: The policy itself is none of the two.
    """
    environ = os.environ if environ is None else environ
    try:
        files = read_files(environ)
    except ConfigError:
        files = FileSettings()
    return _on_error(environ, files.on_error)


def is_launched(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether the environment names a run, a job or backends, as launchers do."""
    environ = os.environ if environ is None else environ
    names = ("TRACKER_JOB_ID", "TRACKER_BACKENDS")
    is_told = any(_trimmed(environ, name) for name in names)
    return is_told or scheduled(environ).run_id is not None


def _lookup(environ: Mapping[str, str], name: str) -> str | None:
    text = _trimmed(environ, name)
    try:
        text.encode()
    except UnicodeEncodeError:
        message = f"{name} is {text!a}, which is no valid UTF-8; correct it"
        raise ConfigError(message) from None
    return text or None


def _trimmed(environ: Mapping[str, str], name: str) -> str:
    ours, torchx, _ = VARIABLES[name]
    text = environ.get(ours, "").strip()
    return text or environ.get(torchx or "", "").strip()


def _configured(
    backend: BackendSetting, filed: BackendSetting | None, environ: Mapping[str, str]
) -> BackendSetting:
    ours = tracker_config_env_var_name(backend.name)
    # The last is the name that torchx gives it, which a shell may be unable to export.
    torchx = (f"TORCHX_{ours}", f"TORCHX_TRACKER_{backend.name.upper()}_CONFIG")
    texts = (environ.get(name) for name in (ours, *torchx))
    config = next((text for text in texts if text), None)
    if filed is not None:
        config = config or filed.config or None
        backend = backend._replace(factory=backend.factory or filed.factory)
    return backend._replace(config=config)


def _refuse_clashes(backends: Iterable[BackendSetting]) -> None:
    owners: dict[str, str] = {}
    for backend in backends:
        variable = tracker_config_env_var_name(backend.name)
        if owners.setdefault(variable, backend.name) != backend.name:
            message = (
                f"backends {owners[variable]!r} and {backend.name!r} would share the "
                f"variable {variable}; give one another name (name=factory)"
            )
            raise ConfigError(message)


def _attempt(environ: Mapping[str, str]) -> int | None:
    text = _lookup(environ, "TRACKER_ATTEMPT")
    if text is None:
        return None
    number = count(text)
    if not number:
        message = f"TRACKER_ATTEMPT is {text!r}; use a whole number from 1"
        raise ConfigError(message)
    return number


def _step(environ: Mapping[str, str]) -> str | None:
    name = _lookup(environ, "TRACKER_STEP")
    if name is not None and name.strip("/") != name:
        message = f"TRACKER_STEP {name!r} begins or ends with '/'; leave that out"
        raise ConfigError(message)
    return name


def _mode(environ: Mapping[str, str]) -> str:
    mode = _lookup(environ, "TRACKER_MODE") or "on"
    if mode not in _MODES:
        message = f"TRACKER_MODE is {mode!r}; use on, offline or off"
        raise ConfigError(message)
    return mode


def _seconds(environ: Mapping[str, str], name: str, usual: float = 10.0) -> float:
    text = _lookup(environ, name)
    if text is None:
        return usual
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _MAX_SECONDS:
        message = f"{name} is {text!r}; use seconds, such as 10"
        raise ConfigError(message)
    return seconds


def _disk_budget(environ: Mapping[str, str]) -> int | None:
    text = _lookup(environ, "TRACKER_DISK_BUDGET")
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    size = math.inf if found is None else _size(*found.groups())
    if size > _MAX_BYTES:
        message = f"TRACKER_DISK_BUDGET is {text!r}; use bytes, such as 500MB or 2GiB"
        raise ConfigError(message)
    return int(size)


def _size(number: str, unit: str | None, binary: str | None) -> float:
    exponent = " KMGT".index(unit.upper()) if unit else 0
    return float(number) * float(1024 if binary else 1000) ** exponent


def _on_error(environ: Mapping[str, str], filed: str | None) -> str:
    named = _lookup(environ, "TRACKER_ON_ERROR")
    policy = named or filed or "raise"
    if policy not in _POLICIES:
        where = "TRACKER_ON_ERROR" if named else "on_error in tracker.toml"
        message = f"{where} is {policy!r}; use raise or warn"
        raise ConfigError(message)
    return policy


def _known_job_id(environ: Mapping[str, str]) -> str | None:
    try:
        return _lookup(environ, "TRACKER_JOB_ID")
    except ConfigError:
        return None


def _shell_word(name: str) -> str:
    return "".join(
        letter if letter.isascii() and letter.isalnum() else "_"
        for letter in name.upper()
    )


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get("TRACKER_HOME")
    if named:
        return Path(named)
    local = Path(".tracker")
    try:
        if os.access(_made(local), os.W_OK):
            return local
    except OSError:  # a read-only working directory, or one that is gone
        pass
    return Path(environ.get("XDG_STATE_HOME") or "~/.local/state") / "tracker"


def _made(path: Path) -> Path:
    path = path.expanduser().absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
