"""Jobs that schedulers start, by the variables that they really set."""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.crash.stores import Stores, deliver_rest, run_ids
from tracker_core.journal.folders import RunFolder
from tracker_core.testing import MemoryTracker

_PROGRAM = Path(__file__).with_name("scheduled.py")
_RANKS = range(4)
# What is said of a program that a script starts.
_NAMED = f"scheduled-{zlib.crc32(_PROGRAM.name.encode()):08x}"


class Launcher(NamedTuple):
    """What a launcher sets for a rank, how often it has started the job before."""

    variables: Callable[[int, int], Mapping[str, str]]
    run_id: str
    group_id: str | None = None
    facts: Mapping[str, object] | None = None


def _torchrun(rank: int, restarts: int, run_id: str = "none") -> dict[str, str]:
    logs = f"/tmp/torchelastic_u5fgiv6u/{run_id}_k3j2h4g5"  # noqa: S108 - as it is
    return {
        "GROUP_RANK": "0",
        "GROUP_WORLD_SIZE": "1",
        "LOCAL_RANK": f"{rank}",
        "LOCAL_WORLD_SIZE": "4",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "29500",
        "RANK": f"{rank}",
        "ROLE_NAME": "default",
        "ROLE_RANK": f"{rank}",
        "ROLE_WORLD_SIZE": "4",
        "TORCHELASTIC_ERROR_FILE": f"{logs}/attempt_{restarts}/{rank}/error.json",
        "TORCHELASTIC_MAX_RESTARTS": "3",
        "TORCHELASTIC_RESTART_COUNT": f"{restarts}",
        "TORCHELASTIC_RUN_ID": run_id,
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "WORLD_SIZE": "4",
    }


def _standalone(rank: int, restarts: int) -> dict[str, str]:
    return _torchrun(rank, restarts, "0f3c7f5e-31d5-4a6c-9a5e-08ed1a7e1a0b")


def _sbatch(requeues: int) -> dict[str, str]:
    """Return what the first process of a batch script has."""
    found = {
        "ENVIRONMENT": "BATCH",
        "SLURM_CLUSTER_NAME": "frontier",
        "SLURM_JOBID": "4711",
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NAME": "train",
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_USER": "ada",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "SLURM_NTASKS": "4",
        "SLURM_PROCID": "0",
        "SLURM_TASK_PID": "1234",
    }
    # It is not set before the first requeue.
    return found | ({"SLURM_RESTART_COUNT": f"{requeues}"} if requeues else {})


def _srun(rank: int, requeues: int, ranks: int = 4) -> dict[str, str]:
    return _sbatch(requeues) | {
        "PMIX_RANK": f"{rank}",
        "SLURM_LOCALID": f"{rank % 2}",
        "SLURM_NODEID": f"{rank // 2}",
        "SLURM_PROCID": f"{rank}",
        "SLURM_STEPID": "0",
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_NODES": "2",
        "SLURM_STEP_NUM_TASKS": f"{ranks}",
        "SLURM_TASK_PID": f"{5678 + rank}",
    }


def _array(rank: int, requeues: int) -> dict[str, str]:
    return _srun(rank, requeues) | {
        "SLURM_ARRAY_JOB_ID": "4700",
        "SLURM_ARRAY_TASK_COUNT": "10",
        "SLURM_ARRAY_TASK_ID": "3",
    }


def _srun_torchrun(rank: int, requeues: int) -> dict[str, str]:
    """Return what `srun torchrun` sets on two nodes, of two processes each."""
    agent = _srun(rank // 2, requeues, ranks=2)
    return agent | _torchrun(rank, 0) | {"LOCAL_WORLD_SIZE": "2"}


def _sbatch_torchrun(rank: int, requeues: int) -> dict[str, str]:
    """Return what torchrun sets that a batch script has started by itself."""
    return _sbatch(requeues) | _torchrun(rank, 0)


def _open_mpi(rank: int) -> dict[str, str]:
    return {
        "OMPI_COMM_WORLD_LOCAL_RANK": f"{rank}",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
        "OMPI_COMM_WORLD_RANK": f"{rank}",
        "OMPI_COMM_WORLD_SIZE": "4",
        "OMPI_NUM_APP_CTX": "1",
        "PMIX_NAMESPACE": "prterun-n1-1234@1",
        "PMIX_RANK": f"{rank}",
    }


def _mpirun_in_slurm(rank: int, requeues: int) -> dict[str, str]:
    """Return what `mpirun` sets: its daemon on the second node alone is a step."""
    daemon = _sbatch(requeues) if rank < 2 else _srun(1, requeues, ranks=1)
    return daemon | _open_mpi(rank)


def _mpich_in_slurm(rank: int, requeues: int) -> dict[str, str]:
    """Return what Hydra sets, whose proxies are one step with ranks of their own."""
    proxy = _srun(rank // 2, requeues, ranks=2)
    return proxy | {"PMI_RANK": f"{rank}", "PMI_SIZE": "4"}


def _pbs(rank: int, _requeues: int) -> dict[str, str]:
    return _open_mpi(rank) | {
        "PBS_ARRAY_ID": "1234[].pbs01",
        "PBS_ARRAY_INDEX": "5",
        "PBS_ENVIRONMENT": "PBS_BATCH",
        "PBS_JOBID": "1234[5].pbs01",
        "PBS_JOBNAME": "train",
    }


def _lsf(rank: int, requeues: int) -> dict[str, str]:
    found = _open_mpi(rank) | {
        "LSB_DJOB_NUMPROC": "4",
        "LSB_JOBID": "1234",
        "LSB_JOBINDEX": "0",
        "LSB_JOBNAME": "train",
    }
    return found | ({"LSB_RESTART": "Y"} if requeues else {})


def _aws_batch(rank: int, requeues: int) -> dict[str, str]:
    return {
        "AWS_BATCH_JOB_ATTEMPT": f"{requeues + 1}",
        "AWS_BATCH_JOB_ID": f"f3b2f8e1-1c4d-4a5b-8e9f-0a1b2c3d4e5f#{rank}",
        "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0",
        "AWS_BATCH_JOB_NODE_INDEX": f"{rank}",
        "AWS_BATCH_JOB_NUM_NODES": "4",
        "AWS_BATCH_JQ_NAME": "queue",
    }


def _kubernetes(rank: int, requeues: int) -> dict[str, str]:
    pod = "x7k9p" if requeues else "9mqz2"
    return {
        "HOSTNAME": f"train-{rank}",
        "JOB_COMPLETION_INDEX": f"{rank}",
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "POD_NAME": f"train-{rank}-{pod}",
        "POD_NAMESPACE": "ml",
        "WORLD_SIZE": "4",
    }


def _ray(rank: int, _requeues: int) -> dict[str, str]:
    return {
        "LOCAL_RANK": f"{rank % 2}",
        "MASTER_ADDR": "10.0.0.5",
        "MASTER_PORT": "43211",
        "RANK": f"{rank}",
        "RAY_CLUSTER_NAME": "train-raycluster-x7k9p",
        "RAY_JOB_ID": "02000000",
        "RAY_RAYLET_PID": "77",
        "WORLD_SIZE": "4",
    }


LAUNCHERS = {
    "torchrun": Launcher(_torchrun, "torchelastic-k3j2h4g5"),
    "torchrun_standalone": Launcher(
        _standalone, "torchelastic-0f3c7f5e-31d5-4a6c-9a5e-08ed1a7e1a0b"
    ),
    "srun": Launcher(
        _srun,
        "slurm-frontier-4711.0",
        facts={
            "name": "slurm",
            "cluster": "frontier",
            "job": "4711",
            "step": "0",
            "nodes": 2,
            "ranks": 4,
        },
    ),
    "slurm_array": Launcher(_array, "slurm-frontier-4700_3.0", "slurm-frontier-4700"),
    "srun_torchrun": Launcher(_srun_torchrun, "slurm-frontier-4711.0"),
    "sbatch_torchrun": Launcher(_sbatch_torchrun, f"slurm-frontier-4711.{_NAMED}"),
    "mpirun_in_slurm": Launcher(_mpirun_in_slurm, f"slurm-frontier-4711.{_NAMED}"),
    "mpich_in_slurm": Launcher(_mpich_in_slurm, "slurm-frontier-4711.0"),
    "pbs": Launcher(_pbs, f"pbs-1234.pbs01_5.{_NAMED}", "pbs-1234.pbs01"),
    "lsf": Launcher(_lsf, f"lsf-1234.{_NAMED}"),
    "aws_batch": Launcher(_aws_batch, "aws-batch-f3b2f8e1-1c4d-4a5b-8e9f-0a1b2c3d4e5f"),
    "kubernetes": Launcher(_kubernetes, "kubernetes-ml-train"),
    "ray": Launcher(_ray, "ray-train-raycluster-x7k9p-02000000"),
}


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_ranks_of_a_scheduled_job_share_a_run_that_a_requeue_continues(
    stores: Stores, launcher: Launcher
) -> None:
    """Nobody has told them the run, nor do they talk to each other."""
    attempts = [[launcher.variables(rank, n) for rank in _RANKS] for n in range(2)]

    found = _run(stores, attempts)

    assert found == [[launcher.run_id] * 4] * 2
    assert run_ids(stores.home) == [launcher.run_id]
    writers = RunFolder.of(stores.home, launcher.run_id).writers()
    assert sorted((one.writer.attempt, one.writer.rank or 0) for one in writers) == [
        (attempt, rank) for attempt in (1, 2) for rank in _RANKS
    ]
    assert {one.writer.rank for one in writers} == {*_RANKS}
    _check(stores, launcher)


@pytest.mark.parametrize("name", ["srun", "aws_batch"])
def test_requeue_on_another_machine_is_the_attempt_that_the_scheduler_counts(
    stores: Stores, tmp_path: Path, name: str
) -> None:
    """No journal of the attempt before is there."""
    launcher, other = LAUNCHERS[name], tmp_path / "other"
    first, again = ([launcher.variables(rank, n) for rank in _RANKS] for n in range(2))
    moved: list[Mapping[str, str]] = [
        {**variables, "TRACKER_HOME": str(other)} for variables in again
    ]

    found = _run(stores, [first, moved])

    assert found == [[launcher.run_id] * 4] * 2
    for home, attempt in ((stores.home, 1), (other, 2)):
        writers = RunFolder.of(home, launcher.run_id).writers()
        assert [one.writer.attempt for one in writers] == [attempt] * 4


def _run(stores: Stores, attempts: list[list[Mapping[str, str]]]) -> object:
    """Start a job, kill it, start it again; return the runs that its ranks found."""
    variables = {"TRACKER_HOME": str(stores.home), "TRACKER_MODE": "offline"}
    done = subprocess.run(
        [sys.executable, _PROGRAM],
        input=json.dumps(attempts),
        env={
            **os.environ,
            **variables,
            "TRACKER_BACKENDS": "memory=tracker_memory:create",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _check(stores: Stores, launcher: Launcher) -> None:
    """Look at what a backend gets of it."""
    store = MemoryTracker()
    assert not deliver_rest(stores.home, {"memory": store})
    run = store.run(launcher.run_id)
    assert run.group_id == launcher.group_id
    assert [(one.number, one.status, one.cause) for one in run.attempts] == [
        (1, "FAILED", {"kind": "lost"}),
        (2, "FINISHED", None),
    ]
    assert store.series(launcher.run_id)["loss"].count == 4
    if launcher.facts is not None:
        environment = store.provenance(launcher.run_id)["environment"]
        assert isinstance(environment, dict)
        assert environment["scheduler"] == launcher.facts
