"""What the variables of a scheduler tell of a job."""

from collections.abc import Mapping

import pytest

from tracker_core.schedulers import can_preempt, scheduled

# How Python is called, and the name that it gets.
COMMAND = ("/job/train.py", "--lr", "0.1")
NAMED = "train-e03ffd63"
BATCH = {"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "c", "SLURM_PROCID": "0"}
STEP = BATCH | {"SLURM_STEP_ID": "2", "SLURM_STEP_NUM_TASKS": "4"}
# The last numbers of 32 bits are no steps.
SHELL = BATCH | {"SLURM_STEP_ID": "4294967290", "SLURM_STEP_NUM_TASKS": "1"}
ELASTIC = {"TORCHELASTIC_RUN_ID": "e", "RANK": "1", "WORLD_SIZE": "2"}
ALONE = {
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_ERROR_FILE": "/l/none_u/attempt_0/0/error.json",
    "WORLD_SIZE": "2",
    "LOCAL_WORLD_SIZE": "2",
}
POD = {"JOB_COMPLETION_INDEX": "3", "POD_NAMESPACE": "n", "HOSTNAME": "train-3"}
WORKER = {"RAY_JOB_ID": "02000000"}


@pytest.mark.parametrize(
    ("environ", "run_id", "group_id"),
    [
        (BATCH, f"slurm-c-7.{NAMED}", None),
        (STEP, "slurm-c-7.2", None),
        ({"SLURM_JOBID": "7", "SLURM_PROCID": "0"}, f"slurm-7.{NAMED}", None),
        (
            BATCH | {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "0"},
            f"slurm-c-5_0.{NAMED}",
            "slurm-c-5",
        ),
        ({"PBS_JOBID": "12.server"}, f"pbs-12.server.{NAMED}", None),
        ({"PBS_JOBID": "1[3].s", "PBS_ARRAYID": "3"}, f"pbs-1.s_3.{NAMED}", "pbs-1.s"),
        ({"LSB_JOBID": "12", "LSB_JOBINDEX": "0"}, f"lsf-12.{NAMED}", None),
        ({"LSB_JOBID": "12", "LSB_JOBINDEX": "3"}, f"lsf-12_3.{NAMED}", "lsf-12"),
        ({"AWS_BATCH_JOB_ID": "a-b"}, "aws-batch-a-b", None),
        (
            {"AWS_BATCH_JOB_ID": "a-b:3", "AWS_BATCH_JOB_ARRAY_INDEX": "3"},
            "aws-batch-a-b_3",
            "aws-batch-a-b",
        ),
        (ELASTIC, "torchelastic-e", None),
        (ALONE, "torchelastic-u", None),
        (POD, "kubernetes-n-train_3", "kubernetes-n-train"),
        (POD | {"POD_NAME": "a-3-3-x7k9p"}, "kubernetes-n-a-3_3", "kubernetes-n-a-3"),
        (
            POD | {"JOB_NAME": "net", "JOB_UID": "1f2e3d4c-0001"},
            "kubernetes-n-net-1f2e3d4c_3",
            "kubernetes-n-net-1f2e3d4c",
        ),
        (WORKER | {"RAY_CLUSTER_NAME": "k"}, "ray-k-02000000", None),
        ({"RAY_JOB_SUBMISSION_ID": "raysubmit_a"}, "ray-raysubmit_a", None),
    ],
)
def test_run_and_group_follow_from_the_job(
    environ: Mapping[str, str], run_id: str, group_id: str | None
) -> None:
    """One of an array is a run, and the array its group."""
    found = scheduled(environ, COMMAND)

    assert (found.run_id, found.group_id) == (run_id, group_id)


@pytest.mark.parametrize(
    ("environ", "run_id"),
    [
        (STEP | ELASTIC | POD, "slurm-c-7.2"),
        (ELASTIC | POD, "torchelastic-e"),
        (ALONE | POD, "kubernetes-n-train_3"),
        (STEP | WORKER, "ray-slurm-c-7-02000000"),
    ],
)
def test_first_row_decides(environ: Mapping[str, str], run_id: str) -> None:
    """A scheduler comes before torchrun, and that before Kubernetes."""
    assert scheduled(environ, COMMAND).run_id == run_id


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLURM_JOB_ID": "  "},
        {"LSB_JOBID": "\udcff"},
        {"LSB_JOBID": "1\n2"},
        # Torchrun's default, on several machines.
        ALONE | {"LOCAL_WORLD_SIZE": "1"},
        ALONE | {"TORCHELASTIC_ERROR_FILE": "error.json"},
        # Every cluster of Ray counts from the same number.
        WORKER,
        SHELL | WORKER,
        POD | {"HOSTNAME": "chosen"},
        {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "HOSTNAME": "train-3"},
    ],
)
def test_job_without_a_unique_id_has_no_run(environ: Mapping[str, str]) -> None:
    """Another run must not be taken for this one."""
    found = scheduled(environ, COMMAND)

    assert (found.run_id, found.group_id) == (None, None)


@pytest.mark.parametrize(
    "environ",
    [
        {"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "c"},
        SHELL,
        BATCH | {"SLURM_STEP_ID": "0", "SLURM_PTY_PORT": "4000", "PMIX_RANK": "0"},
        BATCH | {"JPY_PARENT_PID": "12"},
        {"PBS_JOBID": "12.s", "PBS_ENVIRONMENT": "PBS_INTERACTIVE"},
        {"LSB_JOBID": "12", "LSB_INTERACTIVE": "Y"},
    ],
)
def test_command_that_a_person_types_is_no_part_of_a_run(
    environ: Mapping[str, str],
) -> None:
    """Each of them is a run of its own, but the job is known."""
    found = scheduled(environ, COMMAND)

    assert found.run_id is None
    assert found.facts["job"] in {"7", "12", "12.s"}


@pytest.mark.parametrize(
    ("environ", "run_id"),
    [
        (SHELL | STEP, "slurm-c-7.2"),
        (STEP | {"SLURM_PTY_PORT": "4000", "JPY_PARENT_PID": "1"}, "slurm-c-7.2"),
        (SHELL | ALONE, "torchelastic-u"),
        (
            {
                "PBS_JOBID": "12.s",
                "PBS_ENVIRONMENT": "PBS_INTERACTIVE",
                "OMPI_COMM_WORLD_SIZE": "4",
            },
            "pbs-12.s",
        ),
    ],
)
def test_processes_that_a_person_starts_at_once_share_a_run(
    environ: Mapping[str, str], run_id: str
) -> None:
    """Several ranks must find the same run, wherever they are started."""
    assert scheduled(environ, COMMAND).run_id == run_id


@pytest.mark.parametrize(
    "command",
    [
        ("train.py", "--lr", "0.2"),
        ("train.py",),
        ("eval.py", "--lr", "0.1"),
        ("train.py", "--lr 0.1"),
        ("-c",),
        ("",),
        (),
        ("\udcff.py",),
    ],
)
def test_programs_of_a_script_are_told_apart(command: tuple[str, ...]) -> None:
    """It may try one setting after the other."""
    run_id = scheduled(BATCH, command).run_id or ""

    assert run_id.startswith("slurm-c-7.")
    assert run_id.isprintable()
    assert run_id != scheduled(BATCH, COMMAND).run_id


@pytest.mark.parametrize(
    "command",
    [("train.py", *COMMAND[1:]), (*COMMAND, "--local-rank=3"), [*COMMAND]],
)
def test_processes_of_a_program_have_one_name(command: tuple[str, ...]) -> None:
    """However its launcher writes it for each of them."""
    assert scheduled(BATCH | ELASTIC, command).run_id == f"slurm-c-7.{NAMED}"


@pytest.mark.parametrize(
    ("programs", "run_id"), [("1", f"slurm-c-7.{NAMED}"), ("2", "slurm-c-7")]
)
def test_programs_that_mpirun_starts_at_once_share_a_run(
    programs: str, run_id: str
) -> None:
    """Their names tell runs apart only where they are the same."""
    ranks = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4"}
    environ = BATCH | ranks | {"OMPI_NUM_APP_CTX": programs}

    assert scheduled(environ, COMMAND).run_id == run_id


def test_namespace_of_a_pod_is_read_where_no_variable_tells_it() -> None:
    """Without a service account the job alone is the run."""
    environ = {"JOB_COMPLETION_INDEX": "3", "HOSTNAME": "train-3"}

    run_id = scheduled(environ, COMMAND).run_id or ""

    assert run_id.startswith("kubernetes-")
    assert run_id.endswith("-train_3")


def test_driver_of_a_submitted_job_has_the_run_of_its_submission() -> None:
    """The number in its variables is that of the job which has submitted it."""
    told = '{"runtime_env": {}, "metadata": {"job_submission_id": "raysubmit_a"}}'
    environ = {"RAY_JOB_ID": "01000000", "RAY_JOB_CONFIG_JSON_ENV_VAR": told}

    assert scheduled(environ, COMMAND).run_id == "ray-raysubmit_a"


@pytest.mark.parametrize(
    ("environ", "rank"),
    [
        (STEP, 0),
        # A batch script leaves its own to all that mpirun starts.
        (BATCH | {"OMPI_COMM_WORLD_RANK": "3"}, 3),
        (BATCH | {"PMIX_RANK": "0", "PMI_RANK": "3"}, 3),
        (BATCH | {"RANK": "5", "OMPI_COMM_WORLD_RANK": "3"}, 5),
        (STEP | WORKER, None),
        (STEP | WORKER | {"RANK": "1"}, 1),
        ({"AWS_BATCH_JOB_NODE_INDEX": "2"}, 2),
        (POD, None),
        (POD | {"WORLD_SIZE": "4"}, 3),
        (POD | {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}, None),
        (POD | {"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "2", "RANK": "7"}, 7),
    ],
)
def test_rank_is_that_of_the_innermost_launcher(
    environ: Mapping[str, str], rank: int | None
) -> None:
    """Those around it number their own processes."""
    assert scheduled(environ).rank == rank


@pytest.mark.parametrize(
    ("environ", "requeues"),
    [
        ({}, 0),
        ({"SLURM_RESTART_COUNT": "2"}, 2),
        ({"SLURM_RESTART_COUNT": "x"}, 0),
        ({"AWS_BATCH_JOB_ATTEMPT": "1"}, 0),
        ({"AWS_BATCH_JOB_ATTEMPT": "3"}, 2),
        ({"JOB_INDEX_FAILURE_COUNT": "1"}, 1),
    ],
)
def test_requeues_are_counted_from_the_first_start(
    environ: Mapping[str, str], requeues: int
) -> None:
    """Some count the starts, others the restarts."""
    assert scheduled(environ).requeues == requeues


@pytest.mark.parametrize(
    ("environ", "facts"),
    [
        ({}, {}),
        (
            STEP | {"SLURM_STEP_NUM_NODES": "2"},
            {
                "name": "slurm",
                "cluster": "c",
                "job": "7",
                "step": "2",
                "nodes": 2,
                "ranks": 4,
            },
        ),
        (
            POD,
            {"name": "kubernetes", "cluster": "n", "job": "train", "task": "3"},
        ),
    ],
)
def test_facts_are_what_is_known(
    environ: Mapping[str, str], facts: dict[str, str | int]
) -> None:
    """Nothing stands for what is not."""
    assert scheduled(environ).facts == facts


@pytest.mark.parametrize(
    ("environ", "can"),
    [({}, False), (BATCH, True), ({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, True)],
)
def test_schedulers_may_end_their_jobs(
    environ: Mapping[str, str], *, can: bool
) -> None:
    """A job without one was ended by somebody else."""
    assert can_preempt(environ) is can
