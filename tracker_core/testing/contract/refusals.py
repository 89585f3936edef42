"""What a tracker cannot do it refuses, and says that it does."""

from collections.abc import Callable, Sized
from typing import cast

import pytest

from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import content_of_bytes
from tracker_core.errors import (
    InvalidValueError,
    NotSupportedError,
    RunNotFoundError,
    UnsupportedTypeError,
)
from tracker_core.records import LogBody, TrackBody
from tracker_core.testing.contract.fixtures import ContractFixtures
from tracker_core.testing.contract.pen import Pen

__all__ = ["Refusals"]

_Read = Callable[[NativeTracker, str], object]
_Listing = Callable[[NativeTracker, str], Sized]

_CONTENT = content_of_bytes(b"content")
# Those that only a tracker with the capability HISTORY answers.
_HISTORY: dict[str, _Listing] = {
    "points": lambda tracker, run_id: tracker.points(run_id, "s/v"),
    "rows": lambda tracker, run_id: tracker.rows(run_id, "s"),
    "param history": lambda tracker, run_id: tracker.param_history(run_id, "p"),
    "steps": lambda tracker, run_id: tracker.steps(run_id),
    "logs": lambda tracker, run_id: tracker.logs(run_id),
    "topics": lambda tracker, run_id: tracker.topics(run_id),
    "track entries": lambda tracker, run_id: tracker.track_entries(run_id, "t"),
}
_ALWAYS: dict[str, _Read] = {
    "run": lambda tracker, run_id: tracker.run(run_id),
    "params": lambda tracker, run_id: tracker.params(run_id),
    "tags": lambda tracker, run_id: tracker.tags(run_id),
    "series": lambda tracker, run_id: tracker.series(run_id),
    "provenance": lambda tracker, run_id: tracker.provenance(run_id),
    "artifact history": lambda tracker, run_id: tracker.artifact_history(run_id, "a"),
}
_NEGATIVE: dict[str, _Read] = {
    "start of points": lambda tracker, run_id: tracker.points(run_id, "s", -1),
    "limit of points": lambda tracker, run_id: tracker.points(run_id, "s", 0, -1),
    "start of rows": lambda tracker, run_id: tracker.rows(run_id, "", -1),
    "limit of rows": lambda tracker, run_id: tracker.rows(run_id, "", 0, -1),
    "limit of logs": lambda tracker, run_id: tracker.logs(run_id, limit=-1),
    "limit of runs": lambda tracker, _: tracker.runs(limit=-1),
}


class Refusals(ContractFixtures):
    """What holds of reads that a tracker may lack."""

    @pytest.mark.parametrize("read", _ALWAYS)
    def test_unknown_run_is_an_error_to_the_typed_reads(
        self, tracker: NativeTracker, run_id: str, read: str
    ) -> None:
        """A typed read of a run that is not there says so, also beside other runs."""
        tracker.add_metadata(f"{run_id}-other", key=1)

        with pytest.raises(RunNotFoundError, match=run_id):
            _ALWAYS[read](tracker, run_id)

    @pytest.mark.parametrize("read", _HISTORY)
    def test_unknown_run_is_an_error_to_the_reads_of_history(
        self, history_tracker: NativeTracker, run_id: str, read: str
    ) -> None:
        """The same holds of what not every tracker can answer."""
        history_tracker.add_metadata(f"{run_id}-other", key=1)

        with pytest.raises(RunNotFoundError, match=run_id):
            _HISTORY[read](history_tracker, run_id)

    @pytest.mark.parametrize("read", _HISTORY)
    def test_history_is_answered_or_refused(
        self, tracker: NativeTracker, run_id: str, read: str
    ) -> None:
        """A run without history has none; a tracker without it never says so."""
        tracker.add_metadata(run_id, key=1)

        if Capability.HISTORY in tracker.capabilities:
            assert len(_HISTORY[read](tracker, run_id)) == 0
        else:
            with pytest.raises(NotSupportedError):
                _HISTORY[read](tracker, run_id)

    def test_content_is_kept_or_refused(self, tracker: NativeTracker) -> None:
        """A tracker that cannot keep content does not seem to."""
        if Capability.CONTENT in tracker.capabilities:
            tracker.add_content(_CONTENT)
            with tracker.open_content(_CONTENT.digest) as file:
                assert file.read() == b"content"
        else:
            with pytest.raises(NotSupportedError):
                tracker.add_content(_CONTENT)
            with pytest.raises(NotSupportedError):
                tracker.open_content(_CONTENT.digest)

    @pytest.mark.parametrize("read", _NEGATIVE)
    def test_negative_window_is_refused(
        self, history_tracker: NativeTracker, run_id: str, read: str
    ) -> None:
        """Nobody means the end of a series by it, and every tracker says so."""
        history_tracker.add_metadata(run_id, key=1)

        with pytest.raises(InvalidValueError):
            _NEGATIVE[read](history_tracker, run_id)

    @pytest.mark.parametrize("bound", ["1", True, float("nan")])
    def test_bounds_of_time_that_are_no_number_are_refused(
        self, history_tracker: NativeTracker, run_id: str, bound: object
    ) -> None:
        """Every tracker says so, of messages and of tracks."""
        pen, anything = Pen(run_id), cast("float", bound)
        history_tracker.write(pen.log(TrackBody("t", 1.0, {})))

        with pytest.raises((UnsupportedTypeError, InvalidValueError)):
            history_tracker.logs(run_id, start=anything)
        with pytest.raises((UnsupportedTypeError, InvalidValueError)):
            history_tracker.track_entries(run_id, "t", anything)

    @pytest.mark.parametrize("bound", [float("inf"), float("-inf")])
    def test_infinite_bounds_of_time_are_no_bounds(
        self, history_tracker: NativeTracker, run_id: str, bound: float
    ) -> None:
        """From or to eternity there is everything; the other way round nothing."""
        pen = Pen(run_id)
        history_tracker.write(pen.log(LogBody("info", "m", None)))

        after = len(history_tracker.logs(run_id, start=bound))
        before = len(history_tracker.logs(run_id, end=bound))

        assert (after, before) == ((0, 1) if bound > 0 else (1, 0))
