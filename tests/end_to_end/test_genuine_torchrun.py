"""Genuine torchrun starts ranks, and starts them again, and they make one run."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.crash.stores import deliver_rest
from tracker_core.journal.folders import RunFolder
from tracker_core.testing import MemoryTracker

_PROGRAM = Path(__file__).with_name("elastic.py")
_RANKS = range(4)
# Without options torchrun makes a name, with a port of its own it does without.
_WAYS = {"named": [], "nameless": ["--master-port=0"]}

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None,
        reason="needs the dependency group torchrun",
    ),
]


def _torchrun(
    home: Path, marks: Path, *options: str, launcher: Sequence[str] = ()
) -> None:
    """Start the job by torchrun, which must end well."""
    marks.mkdir()
    environ = {
        "TMPDIR": str(marks.parent),  # where it logs
        "TRACKER_BACKENDS": "memory=tracker_memory:create",
        "TRACKER_HOME": str(home),
        "TRACKER_MODE": "offline",
    }
    count = (f"--nproc-per-node={len(_RANKS)}", "--max-restarts=1")
    quickly = ("--monitor-interval=0.05",)
    done = subprocess.run(
        [
            *launcher,
            *(sys.executable, "-m", "torch.distributed.run", *count, *quickly),
            *(*options, str(_PROGRAM), str(marks)),
        ],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", _WAYS)
def test_ranks_of_torchrun_share_a_run_that_a_restart_continues(
    tmp_path: Path, way: str
) -> None:
    """A rank dies at the first start; the second is the run's second attempt."""
    home, marks = tmp_path / "home", tmp_path / "marks"

    _torchrun(home, marks, *_WAYS[way])

    found = {mark.name: mark.read_text() for mark in marks.iterdir()}
    (run_id,) = set(found.values())
    assert found.keys() == {f"{start}-{rank}" for start in (0, 1) for rank in _RANKS}
    assert run_id.startswith("torchelastic-")
    writers = RunFolder.of(home, run_id).writers()
    assert sorted((one.writer.attempt, one.writer.rank) for one in writers) == [
        (attempt, rank) for attempt in (1, 2) for rank in _RANKS
    ]
    store = MemoryTracker()
    assert not deliver_rest(home, {"memory": store})
    statuses = [(one.number, one.status) for one in store.run(run_id).attempts]
    assert statuses == [(1, "FAILED"), (2, "FINISHED")]
    assert store.series(run_id)["loss"].count == 2 * len(_RANKS)


def test_restart_below_a_launcher_is_an_attempt_of_its_run(tmp_path: Path) -> None:
    """The launcher ends well, and so has the last of them alone."""
    home, launcher = tmp_path / "home", (sys.executable, "-m", "tracker_core")

    _torchrun(home, tmp_path / "marks", launcher=(*launcher, "run", "--run-id=r", "--"))

    store = MemoryTracker()
    assert not deliver_rest(home, {"memory": store})
    statuses = [(one.number, one.status) for one in store.run("r").attempts]
    assert statuses == [(1, "FAILED"), (2, "FINISHED")]
    assert store.series("r")["loss"].count == 2 * len(_RANKS)
