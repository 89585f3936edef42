"""The memory backend: stores by name within a process, and the doubles on it."""

import os

import pytest

from tracker_core.api import Capability
from tracker_core.errors import RetryableError
from tracker_core.identity import new_run_id
from tracker_core.records import ParamsBody
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.faults import create as create_faulty
from tracker_memory import create


def test_trackers_of_one_name_share_their_runs() -> None:
    """Whenever they are made."""
    name = new_run_id()

    create(name).add_metadata("run", key=1)

    assert dict(create(name).metadata("run")) == {"key": 1}


def test_trackers_of_different_names_share_nothing() -> None:
    """Each name is a store of its own."""
    create(new_run_id()).add_metadata("run", key=1)

    assert list(create(new_run_id()).run_ids()) == []


@pytest.mark.parametrize("config", [None, ""])
def test_store_without_a_name_is_the_default_one(config: str | None) -> None:
    """No config and an empty one are the same."""
    run_id = new_run_id()

    create(config).add_metadata(run_id, key=1)

    assert dict(create("default").metadata(run_id)) == {"key": 1}


def test_tracker_without_a_store_has_its_own() -> None:
    """Two of them share nothing."""
    MemoryTracker().add_metadata("run", key=1)

    assert list(MemoryTracker().run_ids()) == []


def test_memory_declares_history_alone() -> None:
    """It outlives nothing, and other processes do not see it."""
    assert create(None).capabilities == {Capability.HISTORY}


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_forked_child_has_a_copy() -> None:
    """What it writes stays there."""
    tracker = MemoryTracker()
    tracker.add_metadata("run", before=1)

    pid = os.fork()
    if pid == 0:
        tracker.add_metadata("run", child=1)
        os._exit(0 if len(tracker.metadata("run")) == 2 else 1)
    status = os.waitpid(pid, 0)[1]

    assert os.waitstatus_to_exitcode(status) == 0
    assert dict(tracker.metadata("run")) == {"before": 1}


def test_faulty_tracker_fails_as_planned() -> None:
    """The plan says for each write what happens; a failed one leaves nothing."""
    inner = MemoryTracker()
    faulty = FaultyTracker(inner, lambda n: ValueError("planned") if n == 2 else None)

    faulty.add_metadata("run", one=1)
    with pytest.raises(ValueError, match="planned"):
        faulty.add_metadata("run", two=2)
    faulty.add_metadata("run", three=3)

    assert dict(inner.metadata("run")) == {"one": 1, "three": 3}
    assert faulty.writes == 3


def test_faulty_tracker_without_a_plan_always_fails() -> None:
    """With an error that says which write it was."""
    faulty = FaultyTracker(MemoryTracker())

    with pytest.raises(RetryableError, match="write 1 was planned to fail"):
        faulty.add_source("run", "source")
    assert list(faulty.run_ids()) == []


def test_faulty_tracker_reads_from_the_inner_one() -> None:
    """Every read goes through, and it declares what the inner one can."""
    inner = MemoryTracker()
    pen = Pen("run")
    inner.write(pen.log(ParamsBody({"lr": 1})))
    faulty = FaultyTracker(inner)

    assert faulty.capabilities == inner.capabilities
    assert (faulty.run("run"), faulty.runs()) == (inner.run("run"), inner.runs())
    assert (faulty.params("run"), faulty.tags("run")) == ({"lr": 1}, {})
    assert (faulty.series("run"), list(faulty.points("run", "x"))) == ({}, [])
    assert (faulty.artifacts("run"), faulty.sources("run")) == ({}, [])
    assert faulty.metadata("run") == {}


def test_faulty_tracker_closes_and_flushes_the_inner_one() -> None:
    """Both are handed on."""
    called = []

    class _Noting(MemoryTracker):
        def flush(self, timeout: float | None = None) -> None:
            called.append(("flush", timeout))

        def close(self) -> None:
            called.append(("close", None))

    faulty = FaultyTracker(_Noting())
    faulty.flush(2.0)
    faulty.close()

    assert called == [("flush", 2.0), ("close", None)]


@pytest.mark.parametrize(
    ("config", "message"), [(None, "planned to fail"), ("disk full", "disk full")]
)
def test_faulty_backend_fails_every_write(config: str | None, message: str) -> None:
    """Its config is the message, so that a job can be given one by its environment."""
    with pytest.raises(RetryableError, match=message):
        create_faulty(config).add_metadata("run", key=1)
