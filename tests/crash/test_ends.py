"""How a run ends when its process ends in every way that there is.

Each way is tried in a job under ``tracker run``, in one that nobody watches, and in one
without Tracker, which says what the two others must look like from outside.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from tests.crash.acknowledgements import Acknowledgements
from tests.crash.memory import has_groups, in_group, simulated, small_group
from tests.crash.processes import told_job
from tests.crash.stores import Stores, deliver_rest, run_ids
from tracker_core.runs import RunInfo

JOB = str(Path(__file__).with_name("ending.py"))
LAUNCH = ("-m", "tracker_core", "run", "--")

End: TypeAlias = tuple[str, dict[str, object] | None]


class Way(NamedTuple):
    """A way to end.

    Args:
        does: What the job does in the end.
        code: Its exit code, negative for a signal.
        launched: Status and cause under a launcher; of a cause what must be in it.
        alone: The same without one.
        sent: The signal that is sent to the process that was started.
        scheduled: Whether a scheduler has started it.
    """

    does: str
    code: int
    launched: End
    alone: End
    sent: int | None = None
    scheduled: bool = False


def killed_by(number: signal.Signals, status: str = "KILLED") -> End:
    """Give the end by a signal."""
    cause: dict[str, object] = {
        "kind": "signal",
        "signal": number.name,
        "number": int(number),
    }
    return (status, cause)


LOST: End = ("FAILED", {"kind": "lost"})
EXCEPTION: End = ("FAILED", {"kind": "exception", "type": "ZeroDivisionError"})
EXIT_3: End = ("FAILED", {"kind": "exit_code", "exit_code": 3})
FINISHED: End = ("FINISHED", None)
TERMINATED = killed_by(signal.SIGTERM)
INTERRUPTED = killed_by(signal.SIGINT)
PREEMPTED: End = ("KILLED", {"kind": "preempted"})
CRASHED = killed_by(signal.SIGSEGV, "FAILED")

WAYS = {
    "return": Way("return", 0, FINISHED, FINISHED),
    "exception": Way("exception", 1, EXCEPTION, EXCEPTION),
    "exit with 0": Way("exit 0", 0, FINISHED, FINISHED),
    # Python tells nobody in the process what it exits with.
    "exit with 3": Way("exit 3", 3, EXIT_3, FINISHED),
    "SIGTERM": Way("wait", -15, TERMINATED, TERMINATED, signal.SIGTERM),
    "SIGTERM, handled": Way("handle", 3, EXIT_3, FINISHED, signal.SIGTERM),
    "SIGTERM, scheduled": Way(
        "wait", -15, PREEMPTED, TERMINATED, signal.SIGTERM, scheduled=True
    ),
    "Ctrl-C": Way("wait", -2, INTERRUPTED, INTERRUPTED, signal.SIGINT),
    "os._exit": Way("leave 3", 3, EXIT_3, LOST),
    "crash": Way("crash", -11, CRASHED, LOST),
}


class Ended(NamedTuple):
    """What a process has left."""

    code: int
    out: str
    err: str

    def seen(self, way: Way) -> tuple[int, str, list[str]]:
        """Return what can be compared: not what the launcher says of itself.

        A signal may arrive at one line of the job or another, so of tracebacks it is
        only that there is one.
        """
        skipped = ("tracker: run ", "  ") if way.sent else ("tracker: run ",)
        lines = self.err.splitlines()
        kept = [line for line in lines if not line.startswith(skipped)]
        return self.code, self.out, kept


class Started:
    """A job or its launcher, on its way to its end."""

    def __init__(
        self,
        command: list[str],
        environment: Mapping[str, str],
        heard: Acknowledgements,
    ) -> None:
        """Start it in a session of its own, since Ctrl-C goes to a whole terminal."""
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            pass_fds=[heard.end.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        heard.let_go()

    def ended(self) -> Ended:
        """Wait for its end."""
        out, err = self.process.communicate()
        return Ended(self.process.returncode, out, err)


@contextmanager
def started(
    does: str, environment: Mapping[str, str], *launch: str, group: Path | None = None
) -> Iterator[tuple[Started, Acknowledgements]]:
    """Start a job that ends in some way; it is killed with the block."""
    with Acknowledgements() as heard:
        end = str(heard.end.fileno())
        command = [sys.executable, *launch]
        command += [*(command[:1] if launch else ()), JOB, does, end]
        command = command if group is None else in_group(group, command)
        begun = Started(command, environment, heard)
        try:
            yield begun, heard
        finally:
            with begun.process:  # which closes its pipes
                begun.process.kill()


def ends(
    way: Way,
    environments: Mapping[str, Mapping[str, str]],
    *,
    group: Path | None = None,
) -> dict[str, Ended]:
    """Let jobs end at the same time, in each environment; only one has a launcher."""
    with ExitStack() as stack:
        begun = {}
        for name, environment in environments.items():
            launch = LAUNCH if name == "launched" else ()
            begun[name] = stack.enter_context(
                started(way.does, environment, *launch, group=group)
            )
        for process, heard in begun.values():
            stack.enter_context(told_job(heard))
            if way.sent is not None:
                process.process.send_signal(way.sent)
        return {name: process.ended() for name, (process, _) in begun.items()}


def run_of(stores: Stores) -> RunInfo:
    """Deliver the rest, and give the one run."""
    (run_id,) = run_ids(stores.home)
    with stores.open() as trackers:
        sqlite = trackers["sqlite"]
        assert not deliver_rest(stores.home, {"sqlite": sqlite})
        assert [point.value for point in sqlite.points(run_id, "loss")] == [0.5]
        return sqlite.run(run_id)


def assert_ended(stores: Stores, end: End) -> None:
    """Compare the end of a run with what is expected."""
    run = run_of(stores)
    status, cause = end
    assert run.status == status
    if cause is None:
        assert run.cause is None
    else:
        assert cause.items() <= (run.cause or {}).items()
    if cause is not None and cause["kind"] == "exception":
        assert "print(1 // 0)" in str((run.cause or {})["traceback"])


def only_sqlite(stores: Stores) -> dict[str, str]:
    """Give an environment that leads to SQLite alone."""
    return stores.environment(TRACKER_BACKENDS="sqlite=tracker_sqlite:create")


@pytest.mark.parametrize("name", WAYS)
def test_run_ends_as_its_process_does(tmp_path: Path, name: str) -> None:
    """Status and cause are right, and from outside nothing has changed."""
    way = WAYS[name]
    launched, alone = Stores(tmp_path / "launched"), Stores(tmp_path / "alone")
    more = {"SLURM_JOB_ID": "7"} if way.scheduled else {}

    found = ends(
        way,
        {
            "launched": {**only_sqlite(launched), **more},
            "alone": {**only_sqlite(alone), "TRACKER_JOB_ID": "r", **more},
            "bare": more,
        },
    )

    assert_ended(launched, way.launched)
    assert_ended(alone, way.alone)
    bare = found["bare"]
    seen = [ended.seen(way) for ended in (bare, found["alone"], found["launched"])]
    code = 128 - way.code if way.code < 0 else way.code
    assert bare.code == way.code
    assert seen[1:] == [seen[0], (code, *seen[0][1:])]


def test_run_is_killed_with_its_process(tmp_path: Path) -> None:
    """A launcher says by which signal; without one the process is lost."""
    launched, alone = Stores(tmp_path / "launched"), Stores(tmp_path / "alone")
    codes = {}
    for stores, launch in ((launched, LAUNCH), (alone, ())):
        environment = only_sqlite(stores)
        if not launch:
            environment["TRACKER_JOB_ID"] = "r"
        with (
            started("wait", environment, *launch) as (process, heard),
            told_job(heard) as kill,
        ):
            kill()
            codes[stores] = process.ended().code

    assert_ended(launched, killed_by(signal.SIGKILL))
    assert_ended(alone, LOST)
    assert list(codes.values()) == [137, -9]


@pytest.mark.parametrize(
    "kind", [1, 2, *(["real"] if has_groups() else [])], ids="cgroup {}".format
)
def test_run_fails_when_memory_runs_out(tmp_path: Path, kind: int | str) -> None:
    """A launcher says so; without one the process is lost."""
    launched, alone = Stores(tmp_path / "launched"), Stores(tmp_path / "alone")
    environments = {
        "launched": only_sqlite(launched),
        "alone": {**only_sqlite(alone), "TRACKER_JOB_ID": "r"},
    }
    found: dict[str, Ended] = {}
    for name, environment in environments.items():
        with ExitStack() as stack:
            if isinstance(kind, int):
                more = simulated(tmp_path / f"group-{name}", kind)
                way, group = Way("simulate", -9, LOST, LOST), None
            else:
                more, way = {}, Way("hoard", -9, LOST, LOST)
                group = stack.enter_context(small_group())
            found |= ends(way, {name: {**environment, **more}}, group=group)

    assert_ended(launched, ("FAILED", {"kind": "out_of_memory"}))
    assert_ended(alone, LOST)
    assert (found["launched"].code, found["alone"].code) == (137, -9)


@pytest.mark.parametrize(
    ("does", "end"), [("outlive with success", FINISHED), ("outlive", EXCEPTION)]
)
def test_job_tells_its_end_when_its_launcher_is_killed(
    stores: Stores, does: str, end: End
) -> None:
    """What the launcher cannot say any more, the job does."""
    with (
        started(does, only_sqlite(stores), *LAUNCH) as (process, heard),
        told_job(heard),
    ):
        heard.wait_for_word("launcher")
        process.process.kill()
        out = process.ended().out
        heard.read_all()

    assert out == "out\n"
    assert_ended(stores, end)
