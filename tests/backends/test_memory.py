"""The memory backend: stores by name within a process, and the doubles on it."""

import os
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import content_of_bytes
from tracker_core.errors import ContentError, RetryableError
from tracker_core.identity import new_run_id
from tracker_core.records import (
    ArtifactBody,
    Batch,
    ColumnsBody,
    LogBody,
    ParamsBody,
    SourceBody,
    StepBody,
    TrackBody,
)
from tracker_core.testing import FaultyTracker, MemoryTracker
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.faults import create as create_faulty
from tracker_core.testing.memory import MemoryStore
from tracker_memory import create

if TYPE_CHECKING:
    from collections.abc import Callable, Sized


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


def test_memory_declares_history_and_content() -> None:
    """It outlives nothing, and other processes do not see it."""
    assert create(None).capabilities == {Capability.HISTORY, Capability.CONTENT}


def test_trackers_of_one_name_share_their_content() -> None:
    """Those of different names do not."""
    name, content = new_run_id(), content_of_bytes(b"abc")

    create(name).add_content(content)

    assert create(name).open_content(content.digest).read() == b"abc"
    with pytest.raises(ContentError, match=content.digest):
        create(new_run_id()).open_content(content.digest)


def test_trackers_given_one_store_share_it() -> None:
    """As those of one name do."""
    store = MemoryStore()

    MemoryTracker(store).add_metadata("run", key=1)

    assert dict(MemoryTracker(store).metadata("run")) == {"key": 1}


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
    """Every read goes through with its arguments, and it declares what that one can."""
    inner = MemoryTracker()
    for batch in _full_run():
        inner.write(batch)
    faulty = FaultyTracker(inner)
    windows: dict[str, Callable[[NativeTracker], Sized]] = {
        "points": lambda t: list(t.points("run", "v", 1, 1, abandoned=True)),
        "rows": lambda t: list(t.rows("run", "", 1, 1)),
        "logs": lambda t: t.logs("run", "warn", start=1.0, end=9e9, text="X", limit=1),
        "entries": lambda t: t.track_entries("run", "t", 2.0, 2.0),
        "edges": lambda t: list(t.sources("run", "label")),
        "runs": lambda t: t.runs("params.lr = 1", "-created_at", 1),
    }

    assert faulty.capabilities == inner.capabilities
    assert answers(faulty, "run") == answers(inner, "run")
    for read in windows.values():
        assert len(read(inner)) == 1
        assert read(faulty) == read(inner)


def test_faulty_tracker_hands_content_on() -> None:
    """Only writes of records fail."""
    inner, content = MemoryTracker(), content_of_bytes(b"abc")
    faulty = FaultyTracker(inner)

    faulty.add_content(content)

    assert inner.open_content(content.digest).read() == b"abc"
    assert faulty.open_content(content.digest).read() == b"abc"


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


def _full_run() -> list[Batch]:
    """Return two attempts of a run with something of every sort."""
    first, second = Pen("run", attempt=1), Pen("run", attempt=2)
    return [
        first.log(ParamsBody({"lr": 1}), ColumnsBody("", [0, 1], {"v": [1, 2]})),
        first.log(LogBody("warn", "x", None), LogBody("error", "xy", None)),
        first.log(TrackBody("t", 1.0, {}), TrackBody("t", 2.0, {"x": 1})),
        first.log(ArtifactBody("a", "p", None), StepBody("s", "1", "RUNNING", None)),
        first.log(SourceBody("s", "label"), SourceBody("s", None)),
        second.log(ColumnsBody("", [1], {"v": [3]})),
    ]
