"""Heartbeats: what tells a run that has vanished from one that is silent."""

from dataclasses import replace
from datetime import datetime

import pytest

from tracker_core.api import Capability, NativeTracker
from tracker_core.errors import RunNotFoundError
from tracker_core.records import EndedBody, ParamsBody, StartedBody
from tracker_core.runs import RunInfo, to_datetime
from tracker_core.testing.contract.fixtures import (
    ContractFixtures,
    OpenNative,
    require,
)
from tracker_core.testing.contract.pen import START_NS, Pen

__all__ = ["Heartbeats"]

_SECOND = 1_000_000_000


class Heartbeats(ContractFixtures):
    """What ``beat`` promises, and where it shows.

    A tracker that keeps no heartbeats shows none anywhere; the tests that need one are
    skipped then.
    """

    def test_heartbeat_is_shown_by_reads(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """One run and the list of all show the moment, and change in nothing else."""
        before = _begin(native_tracker, run_id)

        _watch(native_tracker, run_id)

        found = native_tracker.run(run_id)
        assert before.heartbeat_at is None
        assert found == replace(before, heartbeat_at=_at(1))
        assert list(native_tracker.runs()) == [found]

    def test_newest_heartbeat_counts(
        self, open_native: OpenNative, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """The moment never goes back, whoever tells of an earlier one."""
        _begin(native_tracker, run_id)
        _watch(native_tracker, run_id)
        native_tracker.beat(run_id, _ns(60))

        native_tracker.beat(run_id, _ns(30))
        first = native_tracker.run(run_id).heartbeat_at
        open_native().beat(run_id, _ns(45))
        second = native_tracker.run(run_id).heartbeat_at
        native_tracker.beat(run_id, _ns(90))

        assert (first, second) == (_at(60), _at(60))
        assert native_tracker.run(run_id).heartbeat_at == _at(90)

    def test_heartbeat_is_seen_by_other_trackers(
        self, open_native: OpenNative, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Who has read the run before sees what another has noted since."""
        reader = open_native()
        _begin(native_tracker, run_id)
        known = reader.run(run_id)

        _watch(native_tracker, run_id)

        assert known.heartbeat_at is None
        assert reader.run(run_id).heartbeat_at == _at(1)

    def test_heartbeats_of_runs_are_apart(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Each run has its own, and one that nobody watches has none."""
        watched, silent = f"{run_id}-2", f"{run_id}-3"
        for each in (run_id, watched, silent):
            _begin(native_tracker, each)

        _watch(native_tracker, run_id)
        native_tracker.beat(watched, _ns(60))

        shown = {run.run_id: run.heartbeat_at for run in native_tracker.runs()}
        assert shown == {run_id: _at(1), watched: _at(60), silent: None}

    def test_heartbeat_of_an_unknown_run_is_passed_over(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """It is no error, makes no run known, and is not kept for later."""
        native_tracker.beat(run_id, _ns(30))

        with pytest.raises(RunNotFoundError):
            native_tracker.run(run_id)
        assert list(native_tracker.run_ids()) == []
        assert _begin(native_tracker, run_id).heartbeat_at is None

    def test_heartbeat_stays_when_more_is_written(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Records, the end of the run among them, do not touch it, nor it them."""
        _begin(native_tracker, run_id)
        _watch(native_tracker, run_id)
        pen = Pen(run_id)

        native_tracker.write(pen.log(StartedBody("job"), ParamsBody({"p": 1})))
        native_tracker.write(pen.log(EndedBody("job", "FINISHED", None)))

        assert native_tracker.run(run_id).heartbeat_at == _at(1)
        assert dict(native_tracker.params(run_id)) == {"p": 1}

    def test_heartbeat_survives_closing(
        self, open_native: OpenNative, run_id: str
    ) -> None:
        """It is there when the store is opened again, and does not go back."""
        tracker = open_native()
        require(tracker, Capability.PERSISTENT)
        _begin(tracker, run_id)
        _watch(tracker, run_id)
        tracker.beat(run_id, _ns(60))
        tracker.close()

        again = open_native()
        again.beat(run_id, _ns(30))

        assert again.run(run_id).heartbeat_at == _at(60)


def _ns(seconds: int) -> int:
    return START_NS + seconds * _SECOND


def _at(seconds: int) -> datetime:
    return to_datetime(_ns(seconds))


def _begin(tracker: NativeTracker, run_id: str) -> RunInfo:
    tracker.write(Pen(run_id).log(StartedBody("launcher")))
    return tracker.run(run_id)


def _watch(tracker: NativeTracker, run_id: str) -> None:
    """Note a heartbeat at the first second; skip where none is kept."""
    tracker.beat(run_id, _ns(1))
    if tracker.run(run_id).heartbeat_at is None:
        pytest.skip("needs a tracker that keeps heartbeats; this one shows none")
