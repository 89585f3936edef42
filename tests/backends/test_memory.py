"""The memory backend: stores by name within a process."""

import os

import pytest

from tracker_core.api import Capability
from tracker_core.contents import content_of_bytes
from tracker_core.errors import ContentError
from tracker_core.identity import new_run_id
from tracker_core.runs import to_datetime
from tracker_core.testing import MemoryTracker
from tracker_core.testing.memory import MemoryStore
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


def test_heartbeats_are_kept() -> None:
    """The newest one shows."""
    tracker = create(new_run_id())
    tracker.add_metadata("run", key=1)

    tracker.beat("run", 2_000_000_000)

    assert tracker.run("run").heartbeat_at == to_datetime(2_000_000_000)
