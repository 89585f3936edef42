"""The packages of a job's Python, listed while the job runs.

A job may use another Python than its launcher, and must not wait for a list that takes
some milliseconds for each hundred packages. So its own Python makes the list, in a
process beside it. Which Python that is shows the command: its program is one, or a
script whose first line names one, as ``torchrun`` and other commands of packages are.
Nothing is known of what other programs use.
"""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tracker_core.errors import TrackerError
from tracker_core.records import ProvenanceBody

if TYPE_CHECKING:
    from tracker_core.values import Value

__all__ = ["Packages", "installed_packages", "python_of"]

_PYTHON = re.compile(r"(?:python|pypy)\d*(?:\.\d+)*t?")
_FIRST_LINE_BYTES = 512
_PATIENCE_S = 10.0
# The first of a name is the one that is imported. What lies in the working directory is
# no module of this program, whatever its name is.
_LISTER = r"""
import sys
if sys.path and sys.path[0] == "": del sys.path[0]
import json, re
from importlib.metadata import distributions
found = {}
for one in distributions():
    try:
        # To parse all of it takes five times as long.
        text = one.read_text("METADATA") or one.read_text("PKG-INFO") or ""
        head = "\n" + text.replace("\r", "").partition("\n\n")[0] + "\n"
        name, version = (
            re.search("\n%s: *(.*?) *\n" % key, head) for key in ("Name", "Version")
        )
        found.setdefault(name.group(1), version.group(1))
    except Exception:  # a broken installation has no name or version to tell
        pass
json.dump(sorted(found.items()), sys.stdout)
"""


class Packages:
    """Records the packages of a job as ``packages``, for as long as the block lasts.

    Args:
        command: The command of the job.
        environ: The environment of the job.
        send: Records them; it is called in a thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        send: Callable[[ProvenanceBody], object],
    ) -> None:
        """Nothing is listed yet."""
        self._python = python_of(command, environ)
        self._environ = environ
        self._send = send
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._python is not None:
            thread = threading.Thread(
                target=self._run, args=(self._python,), name="tracker-packages"
            )
            with suppress(RuntimeError):  # no thread can be had
                thread.start()
                self._thread = thread
        return self

    def __exit__(self, *_error: object) -> None:
        if self._thread is not None:
            self._thread.join()

    def _run(self, python: str) -> None:
        found: Value = {**installed_packages(python, self._environ)}
        if found:
            with suppress(TrackerError):
                self._send(ProvenanceBody({"packages": found}))


def python_of(command: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return the path of the Python that a command uses; None where that is unknown."""
    program = shutil.which(command[0], path=environ.get("PATH"))
    if program is None or _is_python(program):
        return program
    try:
        with open(program, "rb") as file:  # noqa: PTH123 - a program, read once
            line = file.readline(_FIRST_LINE_BYTES)
    except OSError:
        return None
    words = line.removeprefix(b"#!").decode("utf-8", "replace").split()
    if not line.startswith(b"#!") or not words:
        return None
    if Path(words[0]).name == "env":
        words = [word for word in words[1:] if word[0] != "-" and "=" not in word]
    named = words[0] if words else ""
    return shutil.which(named, path=environ.get("PATH")) if _is_python(named) else None


def installed_packages(python: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return name → version of each package of a Python, sorted; none if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - the Python of the job
            [python, "-c", _LISTER],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=True,
        )
        return {str(name): str(version) for name, version in json.loads(done.stdout)}
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}


def _is_python(program: str) -> bool:
    return _PYTHON.fullmatch(Path(program).name) is not None
