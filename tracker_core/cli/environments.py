"""The environment of a job, written as each launcher takes it.

==============  ===================================================================
``shell``       lines that a shell evaluates
``json``        one object for programs
``docker``      a file for ``docker run --env-file``
``kubernetes``  the items of a container's ``env:`` list, as YAML
``slurm``       lines for a batch script, below those that begin with ``#SBATCH``
``torchx``      the option ``--env`` of torchx's components
==============  ===================================================================

Where a launcher could not carry a value as it is nothing is printed, since a job with
another value would log to another place.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from shlex import quote

import click

from tracker_core.cli.border import Misuse, say
from tracker_core.cli.documents import print_json

__all__ = ["FORMATS", "print_environment"]

_Lines = Callable[[Mapping[str, str], Sequence[str]], Iterator[str]]

_IDS = ("TRACKER_JOB_ID", "TORCHX_JOB_ID")
_FOLDERS = ("TRACKER_HOME", "TRACKER_LAUNCH_DIR")
# Those whose jobs may run in a container, or on another machine.
_ELSEWHERE = ("docker", "kubernetes", "torchx")


def print_environment(
    form: str,
    variables: Mapping[str, str],
    stale: Sequence[str],
    *,
    is_id_given: bool,
) -> None:
    """Print the variables of a job.

    Args:
        form: One of :data:`FORMATS`.
        variables: Name → value.
        stale: Those that must not be set.
        is_id_given: Whether somebody has chosen the run id.

    Raises:
        Misuse: The form cannot carry one of the values.
    """
    if form == "json":
        print_json({"environment": {**variables}, "unset": list(stale)})
        return
    if form in _ELSEWHERE:
        variables = _without_folders(variables)
    elif form == "slurm" and not is_id_given:
        variables = {n: text for n, text in variables.items() if n not in _IDS}
        stale = sorted({*stale, *_IDS})
        say("left out the run id, which follows from the job; --run-id gives one")
    for line in list(_WRITERS[form](variables, stale)):
        # Paths may be bytes that no encoding has.
        click.echo(os.fsencode(line))


def _without_folders(variables: Mapping[str, str]) -> dict[str, str]:
    """Leave out the folders of this machine, but for those that were set by hand."""
    ours = [n for n in _FOLDERS if n in variables and not os.environ.get(n)]
    if ours:
        names = " and ".join(ours)
        hint = "; set TRACKER_HOME to one of the job's" if _FOLDERS[0] in ours else ""
        say(f"left out {names}, of this machine{hint}")
    return {name: text for name, text in variables.items() if name not in ours}


def _shell(variables: Mapping[str, str], stale: Sequence[str]) -> Iterator[str]:
    for name in stale:
        yield f"unset {name}"
    for name, text in variables.items():
        yield f"export {name}={quote(text)}"


def _docker(variables: Mapping[str, str], _stale: Sequence[str]) -> Iterator[str]:
    for name, text in variables.items():
        # The rest of the line is the value, whatever is in it.
        _refuse(name, text, "docker's --env-file", "\n\r")
        yield f"{name}={text}"


def _kubernetes(variables: Mapping[str, str], _stale: Sequence[str]) -> Iterator[str]:
    for name, text in variables.items():
        _refuse(name, text, "Kubernetes", "")
        # It replaces $(NAME), and $$ by $.
        escaped = "".join(map(_letter, text.replace("$", "$$")))
        yield f"- name: {name}"
        yield f'  value: "{escaped}"'


def _torchx(variables: Mapping[str, str], _stale: Sequence[str]) -> Iterator[str]:
    ours = {n: text for n, text in variables.items() if n.startswith("TRACKER_")}
    for name, text in ours.items():
        # It takes commas, splits at each `=`, strips blanks and replaces ${NAME}.
        _refuse(name, text, "torchx's --env", "=$\n")
        if text != text.strip():
            raise _unfit(name, "torchx's --env", "blanks at its ends")
    # Its own variables torchx sets itself.
    pairs = ",".join(f"{name}={text}" for name, text in ours.items())
    yield f"--env {quote(pairs)}"


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if " " <= letter <= "~" else f"\\U{ord(letter):08x}"


def _refuse(name: str, text: str, launcher: str, unfit: str) -> None:
    found = next((letter for letter in unfit if letter in text), None)
    if found is not None:
        raise _unfit(name, launcher, repr(found))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _unfit(name, launcher, "bytes that are no UTF-8") from None


def _unfit(name: str, launcher: str, what: str) -> Misuse:
    return Misuse(f"{launcher} cannot carry {name}, which holds {what}; set it there")


_WRITERS: Mapping[str, _Lines] = {
    "shell": _shell,
    "docker": _docker,
    "kubernetes": _kubernetes,
    "slurm": _shell,
    "torchx": _torchx,
}
FORMATS = ("shell", "json", "docker", "kubernetes", "slurm", "torchx")
"""The names of the forms."""
