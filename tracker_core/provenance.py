"""Where a run is made: the state of the code, and the machine around it."""

import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tracker_core.schedulers import scheduled
from tracker_core.values import Value

if TYPE_CHECKING:
    import subprocess

__all__ = ["RECORDED_VARIABLES", "code_identity", "environment", "provenance"]

RECORDED_VARIABLES = (
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "AWS_BATCH_JOB_ATTEMPT",
    "AWS_BATCH_JOB_ID",
    "AWS_BATCH_JOB_NODE_INDEX",
    "AWS_BATCH_JOB_NUM_NODES",
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "JOB_COMPLETION_INDEX",
    "KUBERNETES_SERVICE_HOST",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "LSB_JOBID",
    "LSB_JOBINDEX",
    "LSB_JOBNAME",
    "MKL_NUM_THREADS",
    "NODE_NAME",
    "NVIDIA_VISIBLE_DEVICES",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PBS_ARRAY_INDEX",
    "PBS_JOBID",
    "PBS_JOBNAME",
    "PMIX_RANK",
    "PMI_RANK",
    "PMI_SIZE",
    "POD_NAME",
    "POD_NAMESPACE",
    "PYTHONHASHSEED",
    "RANK",
    "RAY_CLUSTER_NAME",
    "RAY_JOB_ID",
    "RAY_JOB_SUBMISSION_ID",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_CLUSTER_NAME",
    "SLURM_CPUS_PER_TASK",
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_JOB_NODELIST",
    "SLURM_JOB_PARTITION",
    "SLURM_NNODES",
    "SLURM_NTASKS",
    "SLURM_PROCID",
    "SLURM_RESTART_COUNT",
    "SLURM_STEP_ID",
    "SLURM_STEP_NUM_TASKS",
    "TORCHELASTIC_RESTART_COUNT",
    "TORCHELASTIC_RUN_ID",
    "VIRTUAL_ENV",
    "WORLD_SIZE",
)
"""Variables that tell what a process was given, and which of many it is.

None of them is meant to hold a secret. Of others only what identifies the job of a
scheduler is recorded.
"""

_LONGEST_DIFF = 2**20
_LONGEST_ANSWER = 2**26
_PIECE = 2**16
# Said in full, since the user's own settings change what is left out.
_STATUS = (
    "--porcelain=v2",
    "--branch",
    "--no-ahead-behind",
    "--no-renames",
    "--untracked-files=normal",
    "--ignore-submodules=untracked",
)
# Of git's own variables those say how it works; all others may name a repository that
# is not the one asked for, as they do within a hook.
_KEPT_OF_GIT = (
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
)


def code_identity(
    directory: "str | os.PathLike[str]",
    *,
    with_diff: bool = False,
    timeout: float = 5.0,
) -> dict[str, Value] | None:
    """Return the state of the git repository around ``directory``.

    It never raises and prints nothing; git runs two or three times.

    Args:
        directory: Any folder in it.
        with_diff: Whether the uncommitted changes of known files are wanted too.
        timeout: The most seconds that each call of git may take.

    Returns:
        ``commit`` (hexadecimal; None before the first), ``branch`` (None when
        detached), ``is_dirty`` (files that git knows have changed), ``has_untracked``
        and ``remote`` (of ``origin``, without credentials; None without one). With the
        diff, and a commit to compare with: ``diff``, at most one MiB of it (None when
        it takes too long), and ``is_diff_cut``, whether there was more. None as a whole
        where there is no repository, no git, or it takes too long.
    """
    git = partial(_git, Path(directory), timeout)
    status = git("status", *_STATUS)
    if status is None:
        return None
    identity = _from_status(_text(status).split("\n"))
    remote = git("config", "--get", "remote.origin.url")
    identity["remote"] = _without_credentials(_text(remote or b"").strip()) or None
    if with_diff and identity["commit"] is not None:
        # The user's own settings of diff change its form, or run programs of theirs.
        plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-relative")
        diff = git("diff", *plain, "HEAD", limit=_LONGEST_DIFF + 1)
        identity["diff"] = None if diff is None else _shown(diff)
        identity["is_diff_cut"] = diff is not None and len(diff) > _LONGEST_DIFF
    return identity


def environment(
    environ: Mapping[str, str] = os.environ, *, with_packages: bool = False
) -> dict[str, Value]:
    """Return the machine, the Python and what the scheduler gave.

    Args:
        environ: Of this only :data:`RECORDED_VARIABLES` are taken, and what the
            scheduler says of the job; credentials in URLs become ``***``.
        with_packages: Whether the installed packages are wanted too, which takes some
            milliseconds for each hundred.

    Returns:
        ``python`` (its version), ``implementation``, ``system``, ``release``,
        ``machine``, ``processors`` (their count; None where the system hides it),
        ``host`` and ``variables``; ``scheduler`` where there is one, its ``name`` and
        what is known of the job; ``packages``, name → version, on request.
    """
    import platform

    from tracker_core.redaction import kept_text, redact

    found: dict[str, Value] = {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "host": platform.node(),
        "variables": {
            name: redact(kept_text(environ[name]))
            for name in RECORDED_VARIABLES
            if name in environ
        },
    }
    facts = scheduled(environ).facts
    if facts:
        found["scheduler"] = {
            name: redact(fact) if isinstance(fact, str) else fact
            for name, fact in facts.items()
        }
    if with_packages:
        found["packages"] = {**_packages()}
    return found


def provenance(
    *,
    with_diff: bool = False,
    with_packages: bool = False,
    command: Sequence[str] | None = None,
) -> dict[str, Value]:
    """Return what a run records: ``environment``, and ``code`` if that is known.

    The code is that around the working directory.

    Args:
        command: What is launched, program first; it is recorded as ``command``, without
            its secrets.
        with_diff: As in :func:`code_identity`.
        with_packages: As in :func:`environment`.
    """
    found: dict[str, Value] = {"environment": environment(with_packages=with_packages)}
    if command is not None:
        from tracker_core.redaction import hide_arguments, kept_text

        found["command"] = [kept_text(word) for word in hide_arguments(command)]
    code = code_identity(os.curdir, with_diff=with_diff)
    return found if code is None else {"code": code, **found}


def _packages() -> dict[str, str]:
    from importlib.metadata import distributions

    # The first of a name is the one that is imported.
    found: dict[str, str] = {}
    for distribution in distributions():
        name: str | None = distribution.metadata["Name"]
        if name:  # None for what a broken installation left behind
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items()))


def _git(
    directory: Path, timeout: float, *arguments: str, limit: int = _LONGEST_ANSWER
) -> bytes | None:
    """Return the first ``limit`` bytes of what git says; None when it fails."""
    import subprocess

    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed program, fixed arguments
            # A monitor of files may be a daemon, which would stay.
            ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607 - the user's
            cwd=directory,
            env=_git_environ(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError):  # no git, no such folder, or no name of a folder
        return None
    with process:
        try:
            return _answer(process, timeout, limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            process.kill()


def _answer(
    process: "subprocess.Popen[bytes]", timeout: float, limit: int
) -> bytes | None:
    from selectors import EVENT_READ, DefaultSelector
    from time import monotonic

    deadline = monotonic() + timeout
    answer = bytearray()
    with DefaultSelector() as output:
        key = output.register(process.stdout, EVENT_READ)  # type: ignore[arg-type]  # a pipe
        while len(answer) < limit:
            if not output.select(deadline - monotonic()):
                return None
            piece = os.read(key.fd, min(limit - len(answer), _PIECE))
            if not piece:
                return bytes(answer) if process.wait(timeout) == 0 else None
            answer += piece
    return bytes(answer)


def _git_environ(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: text
        for name, text in environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT_OF_GIT)
    }
    return {**kept, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _text(answer: bytes) -> str:
    return answer.decode("utf-8", "backslashreplace")


def _shown(diff: bytes) -> str:
    from tracker_core.redaction import hide_secrets

    shown = hide_secrets(_text(diff[:_LONGEST_DIFF]))
    # What is left of a secret that was cut is not known for one.
    return shown if len(diff) <= _LONGEST_DIFF else shown[: shown.rfind("\n") + 1]


def _from_status(lines: list[str]) -> dict[str, Value]:
    heads = dict(
        line[2:].split(" ", 1) for line in lines if line.startswith("# branch.")
    )
    commit, branch = heads.get("branch.oid"), heads.get("branch.head")
    return {
        "commit": None if commit in (None, "(initial)") else commit,
        "branch": None if branch == "(detached)" else branch,
        "is_dirty": any(line[:1] not in "#?!" for line in lines),
        "has_untracked": any(line.startswith("?") for line in lines),
    }


def _without_credentials(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark:
        user, _, place = url.rpartition("@")
        name, _, password = user.rpartition("/")[2].partition(":")
        # git@host:path names a user; a password has no place there, but people try.
        return place if password and "@" not in name else url
    address, slash, path = rest.partition("/")
    if "@" in path and _is_password(address):
        address, slash, path = path.rpartition("@")[2].partition("/")
    place = f"{address.rpartition('@')[2]}{slash}{path}"
    return f"{scheme}{mark}{place.partition('?')[0].partition('#')[0]}"


def _is_password(address: str) -> bool:
    # A slash in a password ends the address too early: user:pass/word@host.
    _, colon, port = address.rpartition(":")
    return bool(colon) and "@" not in address and not port.isdecimal()
