"""Schedulers: what those that start a job tell its processes of it.

Each process of a job finds in variables which job that is, which of its processes it is
and how often the job was started before. So all of them know the run without talking
to each other, and the job that is started again goes on with it::

    run id    NAME[-CLUSTER]-JOB[_TASK][.STEP]
    group     NAME[-CLUSTER]-JOB where there is a TASK, one job of an array

The first row of the table that has a job, and whose job is not a shell in which a
person types, decides. A script may start one program after the other, which a
scheduler does not number: their command lines, which are the same when the script runs
again, tell them apart. No package of a scheduler is imported.
"""

import re
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Scheduled", "can_preempt", "count", "scheduled"]

_Environ = Mapping[str, str]
_Reader = Callable[[_Environ], str | None]

# An MPI comes before the scheduler that has started its daemons.
_RANKS = (
    "RANK",
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "PMIX_RANK",
    "SLURM_PROCID",
    "AWS_BATCH_JOB_NODE_INDEX",
)
_SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_PEERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
_RANK_OPTIONS = ("--local-rank=", "--local_rank=")
# Variables of those that end a job by SIGTERM when they need its place.
_PREEMPTING = (
    "SLURM_JOB_ID",
    "KUBERNETES_SERVICE_HOST",
    "PBS_JOBID",
    "LSB_JOBID",
    "AWS_BATCH_JOB_ID",
    "JOB_COMPLETION_INDEX",
)
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_SUBMISSION = re.compile(r'"job_submission_id":\s*"([^"\\]+)"')
# Longer texts of digits are no count of anything, and int() refuses the longest.
_MAX_DIGITS = 9


class Scheduled(NamedTuple):
    """What is known of the job around a process.

    Args:
        run_id: The run that follows from the job, or None.
        group_id: The group that follows from an array of jobs, or None.
        rank: Which process of the job this one is, or None.
        requeues: How often a scheduler has started the job again.
        restarts: How often torchelastic has started its processes again.
        facts: ``name`` of the scheduler, and ``cluster``, ``job``, ``task``, ``step``,
            ``nodes`` and ``ranks`` (how many), as far as they are known; empty without
            a scheduler.
    """

    run_id: str | None
    group_id: str | None
    rank: int | None
    requeues: int
    restarts: int
    facts: dict[str, str | int]


def _nothing(_environ: _Environ) -> str | None:
    return None


def _never(_environ: _Environ) -> bool:
    return False


class _Scheduler(NamedTuple):
    """A row of the table: how one scheduler tells of a job.

    Args:
        name: Its name, with which run ids begin.
        job: Reads the job, or the array that it is one of; None where there is none.
        cluster: Reads where the job's number is unique.
        task: Reads which of an array it is.
        step: Reads which command of the job this is.
        is_by_hand: Tells whether a person types commands within the job, of which each
            is a run of its own.
        is_script: Whether the job may start several programs.
        again: The variable that counts starts, and its number at the first.
        nodes: Reads how many machines there are.
        ranks: Reads how many processes there are.
    """

    name: str
    job: _Reader
    cluster: _Reader = _nothing
    task: _Reader = _nothing
    step: _Reader = _nothing
    is_by_hand: Callable[[_Environ], bool] = _never
    is_script: bool = False
    again: tuple[str, int] | None = None
    nodes: _Reader = _nothing
    ranks: _Reader = _nothing


def scheduled(environ: _Environ, command: Sequence[str] | None = None) -> Scheduled:
    """Return what is known of the job around a process.

    Args:
        environ: The variables of the process.
        command: Its program and arguments; by default those of this one.
    """
    command = sys.argv if command is None else command
    rows = [row for row in _SCHEDULERS if row.job(environ) is not None]
    named = next((row for row in rows if not row.is_by_hand(environ)), None)
    run_id, group_id = (None, None) if named is None else _ids(named, environ, command)
    return Scheduled(
        run_id,
        group_id,
        _rank(environ),
        _requeues(environ),
        count(environ.get("TORCHELASTIC_RESTART_COUNT", "")) or 0,
        _facts(rows[0], environ) if rows else {},
    )


def can_preempt(environ: _Environ) -> bool:
    """Tell whether there is a scheduler that may end the job for another one's sake."""
    return any(name in environ for name in _PREEMPTING)


def count(text: str) -> int | None:
    """Return ``text`` as a whole number from 0, or None where it is none."""
    is_count = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if is_count else None


def _ids(
    row: _Scheduler, environ: _Environ, command: Sequence[str]
) -> tuple[str, str | None]:
    whole, task, step = _job_id(row, environ), row.task(environ), row.step(environ)
    is_one = not _has_peers(environ) or environ.get("OMPI_NUM_APP_CTX") == "1"
    if step is None and row.is_script and is_one:
        step = _named(command)
    one = whole if task is None else f"{whole}_{task}"
    return one if step is None else f"{one}.{step}", None if task is None else whole


def _job_id(row: _Scheduler, environ: _Environ) -> str:
    parts = (row.name, row.cluster(environ), row.job(environ))
    return "-".join(part for part in parts if part)


def _named(command: Sequence[str]) -> str:
    """Return a name for a program with its arguments: ``train-1f2e3d4c``."""
    program, *words = command or [""]
    # Some launchers of ranks hand the whole path on, and the rank as an argument.
    name = program.rpartition("/")[2]
    same = [word for word in words if not word.startswith(_RANK_OPTIONS)]
    digest = zlib.crc32("\0".join((name, *same)).encode("utf-8", "surrogateescape"))
    stem = name.removesuffix(".py").strip("-")
    return f"{stem}-{digest:08x}" if stem.isprintable() and stem else f"{digest:08x}"


def _has_peers(environ: _Environ) -> bool:
    """Tell whether several processes, maybe of several programs, were started at once.

    Those of torchrun are of one program.
    """
    return any(_size(environ, name) > 1 for name in _PEERS)


def _facts(row: _Scheduler, environ: _Environ) -> dict[str, str | int]:
    texts = {
        "name": row.name,
        "cluster": row.cluster(environ),
        "job": row.job(environ),
        "task": row.task(environ),
        "step": row.step(environ),
    }
    counts = {
        "nodes": count(row.nodes(environ) or ""),
        "ranks": count(_first(*_SIZES)(environ) or row.ranks(environ) or ""),
    }
    found: dict[str, str | int] = {n: text for n, text in texts.items() if text}
    return found | {name: number for name, number in counts.items() if number}


def _rank(environ: _Environ) -> int | None:
    # A worker of Ray has Slurm's variables of the daemon that has started it.
    names = _RANKS[:1] if "RAY_JOB_ID" in environ else _RANKS
    if _spans_pods(environ):
        names = (*names, "JOB_COMPLETION_INDEX")
    numbers = (count(environ.get(name, "")) for name in names)
    return next((number for number in numbers if number is not None), None)


def _requeues(environ: _Environ) -> int:
    found = [0]
    for again in (row.again for row in _SCHEDULERS if row.again is not None):
        name, first = again
        found.append((count(environ.get(name, "")) or first) - first)
    return max(found)


def _first(*names: str) -> _Reader:
    return lambda environ: next(filter(None, (_text(environ, n) for n in names)), None)


def _text(environ: _Environ, name: str) -> str | None:
    text = environ.get(name, "").strip()
    # What is no text could be no id.
    return text if text and text.isprintable() else None


def _cut(name: str, pattern: str) -> _Reader:
    """Read a job without the part of its id that tells which of several it is."""
    return lambda environ: re.sub(pattern, "", _text(environ, name) or "") or None


def _size(environ: _Environ, name: str) -> int:
    return count(environ.get(name, "")) or 1


def _is_typed(environ: _Environ, *, in_shell: bool) -> bool:
    """Tell of a shell or a notebook that has not started several processes at once."""
    is_here = in_shell or "JPY_PARENT_PID" in environ
    return is_here and not _has_peers(environ)


def _is_typed_in_slurm(environ: _Environ) -> bool:
    step = environ.get("SLURM_STEP_ID")
    # The shell of salloc is no process of the job, or a step of a number near 2**32.
    is_salloc = "SLURM_PROCID" not in environ if step is None else count(step) is None
    return _is_typed(environ, in_shell=is_salloc or "SLURM_PTY_PORT" in environ)


def _is_typed_in_pbs(environ: _Environ) -> bool:
    is_shell = environ.get("PBS_ENVIRONMENT") == "PBS_INTERACTIVE"
    return _is_typed(environ, in_shell=is_shell)


def _is_typed_in_lsf(environ: _Environ) -> bool:
    return _is_typed(environ, in_shell=environ.get("LSB_INTERACTIVE") == "Y")


def _slurm_step(environ: _Environ) -> str | None:
    # Open MPI starts its daemons as a step, but on the first machine without one.
    is_daemon = "OMPI_COMM_WORLD_RANK" in environ
    step = None if is_daemon else count(environ.get("SLURM_STEP_ID", ""))
    return None if step is None else str(step)


def _lsf_index(environ: _Environ) -> str | None:
    index = _text(environ, "LSB_JOBINDEX")
    return None if index == "0" else index  # of a job that is in no array


def _ray_job(environ: _Environ) -> str | None:
    # What is submitted has the number of the job that has submitted it.
    told = _SUBMISSION.search(environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR", ""))
    submission = told.group(1) if told else _text(environ, "RAY_JOB_SUBMISSION_ID")
    number = _text(environ, "RAY_JOB_ID")
    # Every cluster begins to count anew.
    return submission or (number if _ray_cluster(environ) else None)


def _ray_cluster(environ: _Environ) -> str | None:
    name = _text(environ, "RAY_CLUSTER_NAME")
    batch = next((row for row in _BATCH if row.job(environ) is not None), None)
    if name is not None or batch is None or batch.is_by_hand(environ):
        return name
    task = batch.task(environ)
    return _job_id(batch, environ) + ("" if task is None else f"_{task}")


def _rendezvous(environ: _Environ) -> str | None:
    run_id = _text(environ, "TORCHELASTIC_RUN_ID")
    return None if run_id == "none" else run_id  # torchrun's default


def _agent(environ: _Environ) -> str | None:
    """Read what is unique of the folder into which torchrun logs, if there is but one.

    It is ``…/none_<unique>/attempt_<n>/<rank>/error.json``, and the same for all
    processes that an agent starts, and starts again.
    """
    if _size(environ, "WORLD_SIZE") != _size(environ, "LOCAL_WORLD_SIZE"):
        return None
    path = environ.get("TORCHELASTIC_ERROR_FILE", "")
    found = re.search(r"/none_(\w+)/attempt_\d+/\d+/[^/]+$", path, re.ASCII)
    return found.group(1) if found else None


def _spans_pods(environ: _Environ) -> bool:
    return _size(environ, "WORLD_SIZE") > _size(environ, "LOCAL_WORLD_SIZE")


def _kubernetes_job(environ: _Environ) -> str | None:
    index = _text(environ, "JOB_COMPLETION_INDEX")
    if index is None:
        return None
    uid = (_text(environ, "JOB_UID") or "").partition("-")[0]
    name = _text(environ, "JOB_NAME") or _name_of_pod(environ, index)
    return "-".join(filter(None, (name, uid))) or None


def _name_of_pod(environ: _Environ, index: str) -> str | None:
    """Return the name of the job of a pod: ``train`` of ``train-3-x7k9p``."""
    pod = _first("POD_NAME", "HOSTNAME")(environ) or ""
    found = re.fullmatch(rf"(.+)-{re.escape(index)}(-[a-z0-9]{{5}})?", pod)
    return found.group(1) if found else None


def _kubernetes_namespace(environ: _Environ) -> str | None:
    named = _text(environ, "POD_NAMESPACE")
    try:
        return named or _NAMESPACE.read_text("utf-8").strip() or None
    except (OSError, ValueError):
        return None


def _kubernetes_index(environ: _Environ) -> str | None:
    # Indexes are the processes of one job where these span pods, else jobs of an array.
    is_rank = _spans_pods(environ)
    return None if is_rank else _text(environ, "JOB_COMPLETION_INDEX")


_BATCH = (
    _Scheduler(
        "slurm",
        job=_first("SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID", "SLURM_JOBID"),
        cluster=_first("SLURM_CLUSTER_NAME"),
        task=_first("SLURM_ARRAY_TASK_ID"),
        step=_slurm_step,
        is_by_hand=_is_typed_in_slurm,
        is_script=True,
        again=("SLURM_RESTART_COUNT", 0),
        nodes=_first("SLURM_STEP_NUM_NODES", "SLURM_JOB_NUM_NODES"),
        ranks=_first("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
    ),
    _Scheduler(
        "pbs",
        job=_cut("PBS_JOBID", r"\[\d*\]"),
        task=_first("PBS_ARRAY_INDEX", "PBS_ARRAYID"),
        is_by_hand=_is_typed_in_pbs,
        is_script=True,
        nodes=_first("PBS_NUM_NODES"),
        ranks=_first("PBS_NP"),
    ),
    _Scheduler(
        "lsf",
        job=_first("LSB_JOBID"),
        task=_lsf_index,
        is_by_hand=_is_typed_in_lsf,
        is_script=True,
        ranks=_first("LSB_DJOB_NUMPROC"),
    ),
    _Scheduler(
        "aws-batch",
        job=_cut("AWS_BATCH_JOB_ID", r"[:#]\d+$"),
        task=_first("AWS_BATCH_JOB_ARRAY_INDEX"),
        again=("AWS_BATCH_JOB_ATTEMPT", 1),
        nodes=_first("AWS_BATCH_JOB_NUM_NODES"),
    ),
)
_SCHEDULERS = (
    # Its daemons are steps of a batch job, and its workers are below them.
    _Scheduler("ray", job=_ray_job, cluster=_ray_cluster),
    *_BATCH,
    _Scheduler("torchelastic", job=_rendezvous),
    _Scheduler(
        "kubernetes",
        job=_kubernetes_job,
        cluster=_kubernetes_namespace,
        task=_kubernetes_index,
        again=("JOB_INDEX_FAILURE_COUNT", 0),
    ),
    _Scheduler("torchelastic", job=_agent),
)
