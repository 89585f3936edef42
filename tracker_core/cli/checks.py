"""What can be found out about this place before a job runs for hours in it.

Nothing is written but a nameless file in the home, which is gone at once: a check
leaves no run and no store behind.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import NamedTuple

import click

from tracker_core.cli.border import failure_of
from tracker_core.cli.stores import open_stores
from tracker_core.cli.text import counted, similar, size_words
from tracker_core.configfile import BackendSetting
from tracker_core.delivery.overview import backend_states
from tracker_core.errors import TrackerError
from tracker_core.journal.folders import run_folders
from tracker_core.mounts import network_type
from tracker_core.redaction import redact
from tracker_core.settings import VARIABLES, Settings, tracker_config_env_var_name
from tracker_core.stores import embedded_home, outlives_process

__all__ = [
    "Finding",
    "backend_finding",
    "delivery_finding",
    "disk_finding",
    "home_finding",
    "setting_finding",
    "unknown_variables",
]

OK, WARNING, ERROR = "ok", "warning", "error"
_LITTLE_BYTES = 10**9
_HOLDS = {True: "holds runs", False: "holds no run yet"}
# What tools of ours read beside the settings.
_OURS = "TRACKER_"
_PREFIXES = ("TRACKER_TRACK_", "TRACKER_PARAM_", "TRACKER_TEST_")


class Finding(NamedTuple):
    """What one check has found.

    Args:
        what: What was looked at, such as ``home`` or the name of a backend.
        state: ``ok``, ``warning`` (a job would run) or ``error``.
        words: What was found, and what to do about it.
    """

    what: str
    state: str
    words: str


def setting_finding(environ: Mapping[str, str], settings: Settings) -> Finding:
    """Tell where the settings come from."""
    files = [name for name in ("tracker.toml", ".torchxconfig") if Path(name).is_file()]
    variables = sorted(
        name
        for variable in VARIABLES.values()
        for name in variable[:2]
        if name and environ.get(name)
    )
    names = [backend.name for backend in settings.backends]
    used = f"backends {', '.join(names)}" if names else "no backend: sqlite is used"
    said = ", ".join([*files, *variables]) or "nothing, so all is as by default"
    return Finding("settings", OK, f"{used}; said by {said}")


def unknown_variables(
    environ: Mapping[str, str], settings: Settings
) -> Iterator[Finding]:
    """Find variables that look like ours, and that nobody reads."""
    known = [name for name in VARIABLES if "<" not in name]
    used = {backend.name for backend in (*settings.backends, settings.embedded)}
    configs = {tracker_config_env_var_name(name) for name in used}
    for name in sorted(environ):
        is_ours = name.startswith(_OURS) and not name.startswith(_PREFIXES)
        if not is_ours or name in known or name in configs:
            continue
        if re.fullmatch("TRACKER_.+_CONFIG", name):
            words = "configures a backend that is not in use; name it in tracker.toml"
            yield Finding(name, WARNING, f"{words} or TRACKER_BACKENDS")
        else:
            # What they share would make any two of them alike.
            named = [found.removeprefix(_OURS) for found in known]
            hint = similar(name.removeprefix(_OURS), named, _OURS)
            hint = hint or "correct or unset it"
            yield Finding(name, WARNING, f"nobody reads this variable; {hint}")


def home_finding() -> Finding:
    """Try whether the journal can be kept."""
    home = embedded_home()
    place = _existing(home)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        words = f"{home} cannot be written: {error.strerror}; set TRACKER_HOME to a "
        return Finding("home", ERROR, words + "folder that can")
    kind = network_type(place.resolve())
    if kind is not None:
        words = f"{home} lies on {kind}, where journals are slower and sqlite refuses; "
        return Finding("home", WARNING, words + "a disk of this machine is better")
    return Finding("home", OK, str(home) + ("" if home == place else " (made later)"))


def disk_finding(settings: Settings) -> Finding:
    """Tell how much room there is for what a job logs."""
    free = shutil.disk_usage(_existing(embedded_home())).free
    budget = settings.disk_budget
    allowed = free // 2 if budget is None else budget
    words = f"{size_words(free)} free, a run may take {size_words(allowed)} of it"
    if budget is not None and budget > free:
        return Finding("disk", WARNING, f"{words}, which is more; free some space")
    if free < _LITTLE_BYTES:
        return Finding("disk", WARNING, f"{words}, which is little; free some space")
    return Finding("disk", OK, words)


def backend_finding(backend: BackendSetting, timeout: float) -> Finding:
    """Open a backend and ask it for a run.

    A backend that does not answer in time is left to its thread, which ends with this
    process.
    """
    answers: Queue[Finding] = Queue()
    Thread(target=_ask, args=(backend, answers), daemon=True).start()
    try:
        return answers.get(timeout=timeout)
    except Empty:
        words = f"no answer within {timeout:g} s; is its server or its disk up?"
        return Finding(backend.name, ERROR, words)


def delivery_finding() -> Finding:
    """Tell what the journals of this machine still owe to backends."""
    waiting, failed, dead = 0, 0, 0
    try:
        for folder in run_folders(embedded_home()):
            states = backend_states(folder)
            waiting += any(state.state == "waiting" for state in states)
            failed += any(state.state in {"failing", "hanging"} for state in states)
            dead += sum(state.dead_count for state in states)
    except TrackerError as error:
        return Finding("delivery", ERROR, redact(str(error)))
    told = (
        (waiting, "run waits for delivery", "runs wait for delivery"),
        (failed, "run is tried again", "runs are tried again"),
        (dead, "record was refused", "records were refused"),
    )
    words = ", ".join(counted(*thing) for thing in told if thing[0])
    if not words:
        return Finding("delivery", OK, "nothing is left to deliver")
    hint = "`tracker status` tells more, `tracker sync` delivers"
    return Finding("delivery", WARNING, f"{words}; {hint}")


def _ask(backend: BackendSetting, answers: Queue[Finding]) -> None:
    began = time.monotonic()
    try:
        with open_stores([backend.name]) as (store,):
            with store.tracker.turn:
                runs = list(store.tracker.runs(limit=1))
            took = (time.monotonic() - began) * 1000
            words = f"answered in {took:.0f} ms; it {_HOLDS[bool(runs)]}"
            forgets = store.home is None and not outlives_process(store.tracker)
            if forgets:
                words = "keeps nothing beyond its process; add one that does: sqlite"
            answers.put(Finding(backend.name, WARNING if forgets else OK, words))
    except Exception as error:  # noqa: BLE001 - the border to backends
        if isinstance(error, click.ClickException):
            words = error.message
        else:
            made = failure_of(error, backend=backend.name, config=backend.config)
            words = made.message
        answers.put(Finding(backend.name, ERROR, redact(words, [backend.config])))


def _existing(path: Path) -> Path:
    """Return the nearest folder above a path that is there."""
    return next(folder for folder in (path, *path.parents) if os.path.lexists(folder))
