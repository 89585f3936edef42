"""Compaction: a smaller form of the same."""

from tracker_core.api import NativeTracker
from tracker_core.compactions import Compaction
from tracker_core.records import (
    ColumnsBody,
    EndedBody,
    LogBody,
    MetricsBody,
    ParamsBody,
    StartedBody,
)
from tracker_core.testing.contract.answers import answers, exact
from tracker_core.testing.contract.columns import gathered
from tracker_core.testing.contract.fixtures import ContractFixtures, OpenNative
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.memory import MemoryTracker

__all__ = ["Compactions"]

_END = EndedBody("job", "FINISHED", None)


class Compactions(ContractFixtures):
    """What ``compact`` promises, whether it has anything to do or not."""

    def test_compaction_changes_no_answer(
        self, open_native: OpenNative, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Neither for who compacts, nor for others, nor when it is repeated."""
        model = MemoryTracker()
        for pen in (Pen(run_id, "a", 1, 0), Pen(run_id, "b", 2, 0)):
            batch = pen.log(
                StartedBody("job"),
                ParamsBody({"lr": 0.1, "depth": 3}),
                *(MetricsBody(n, {"train": {"loss": n / 7, "n": n}}) for n in range(9)),
                MetricsBody(9, {"train": {"loss": None, "big": 2**70}, "": {"x": "y"}}),
                ColumnsBody("eval", [0, 1], {"v": [0.5, True]}),
                LogBody("warn", "message", None),
                _END,
            )
            for tracker in (native_tracker, model):
                tracker.write(gathered(batch))

        for _ in range(2):
            native_tracker.compact(run_id)
            native_tracker.compact()

        told, runs = answers(model, run_id), exact(model.runs())
        for tracker in (native_tracker, open_native()):
            assert answers(tracker, run_id) == told
            assert exact(tracker.runs()) == runs

    def test_records_that_come_after_a_compaction_count(
        self, open_native: OpenNative, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Late ones, those of a new attempt, and those that were there already."""
        model = MemoryTracker()
        pen = Pen(run_id)
        pen.log(StartedBody("job"), *(MetricsBody(n, {"": {"x": n}}) for n in range(9)))
        pen.log(_END)
        again = Pen(run_id, attempt=2).log(MetricsBody(4, {"": {"x": 0.5}}), _END)

        for batch in (pen.batch(1, 4), pen.batch(8, 11), pen.batch(3, 9), again):
            native_tracker.write(batch)
            native_tracker.compact(run_id)
            model.write(batch)

        native_tracker.write(pen.batch(1, 11))
        for tracker in (native_tracker, open_native()):
            assert answers(tracker, run_id) == answers(model, run_id)
            assert exact(tracker.runs()) == exact(model.runs())

    def test_compaction_passes_over_what_it_cannot_compact(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """A run that runs still, and one that nobody knows."""
        native_tracker.write(Pen(run_id).log(StartedBody("job")))

        found = native_tracker.compact(run_id)

        assert found == Compaction()
        assert native_tracker.compact(f"{run_id}-unknown") == Compaction()
        assert [run.run_id for run in native_tracker.runs()] == [run_id]
