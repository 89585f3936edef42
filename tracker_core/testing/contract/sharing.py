"""One store in several hands: trackers, threads, processes, forks, reopening."""

import functools
import os
import pickle
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence

import pytest

from tracker_core.api import Capability, NativeTracker
from tracker_core.plain import native
from tracker_core.records import (
    ArtifactBody,
    Batch,
    ColumnsBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    TrackBody,
    Writer,
)
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.fixtures import (
    ContractFixtures,
    OpenNative,
    OpenTracker,
    require,
)
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.memory import MemoryTracker

__all__ = ["Sharing", "in_processes"]

_WRITERS = 3
_BATCHES = 20
_RECORDS = 6
_TIMEOUT = 120.0

# Run in a fresh interpreter: takes the import path and a function, and calls it.
_CHILD = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
pickle.load(sys.stdin.buffer)()
"""


class Sharing(ContractFixtures):
    """What holds when a store is used by more than one tracker object."""

    def test_two_trackers_see_each_others_writes(
        self, open_native: OpenNative, run_id: str
    ) -> None:
        """What one object has written, another on the same store reads at once."""
        one, two = open_native(), open_native()

        one.add_metadata(run_id, one=1)
        two.add_metadata(run_id, two=2)
        one.add_metadata(run_id, three=3)

        assert dict(one.metadata(run_id)) == {"one": 1, "two": 2, "three": 3}
        assert dict(two.metadata(run_id)) == {"one": 1, "two": 2, "three": 3}

    def test_closing_again_changes_nothing(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """A tracker can be flushed, closed, and closed again."""
        tracker.add_metadata(run_id, key=1)

        tracker.flush(timeout=60.0)
        tracker.close()
        tracker.close()

    def test_store_survives_closing(self, open_native: OpenNative, run_id: str) -> None:
        """What was written is there when the store is opened again, and stays one."""
        tracker = open_native()
        require(tracker, Capability.PERSISTENT)
        model = MemoryTracker()
        batches = _batches(run_id, 0)
        for batch in batches[:10]:
            tracker.write(batch)
        tracker.close()

        again = open_native()
        for batch in batches[5:]:
            again.write(batch)
        for batch in batches:
            model.write(batch)

        assert answers(again, run_id) == answers(model, run_id)

    def test_threads_write_one_run_through_one_tracker(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Writers that take turns lose nothing and count nothing twice."""

        def work(number: int) -> None:
            for batch in _batches(run_id, number):
                with native_tracker.turn:
                    native_tracker.write(batch)

        _in_threads([functools.partial(work, number) for number in range(_WRITERS)])

        assert answers(native_tracker, run_id) == _expected(run_id)

    def test_threads_use_the_eight_calls(
        self, tracker: NativeTracker, run_id: str
    ) -> None:
        """The eight calls work from any thread that holds the turn."""

        def work(number: int) -> None:
            for key in range(5):
                with tracker.turn:
                    tracker.add_metadata(run_id, **{f"key{number}{key}": key})

        _in_threads([functools.partial(work, number) for number in range(_WRITERS)])

        assert len(tracker.metadata(run_id)) == _WRITERS * 5

    def test_threads_write_through_trackers_of_their_own(
        self, open_native: OpenNative, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Several processes' worth of trackers in one process, all at once."""
        require(native_tracker, Capability.MULTI_PROCESS)
        trackers = [open_native() for _ in range(_WRITERS)]

        def work(number: int) -> None:
            for batch in _batches(run_id, number):
                trackers[number].write(batch)

        _in_threads([functools.partial(work, number) for number in range(_WRITERS)])

        assert answers(native_tracker, run_id) == _expected(run_id)

    def test_processes_write_one_run(
        self, open_tracker: OpenTracker, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """Processes that open the store themselves lose and repeat nothing."""
        require(native_tracker, Capability.MULTI_PROCESS)
        calls = [
            functools.partial(write_share, open_tracker, run_id, number)
            for number in range(_WRITERS)
        ]

        in_processes(calls)

        assert answers(native_tracker, run_id) == _expected(run_id)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
    def test_forked_child_writes_on(self, tracker: NativeTracker, run_id: str) -> None:
        """Parent and child both go on with the tracker that was open at the fork."""
        require(tracker, Capability.MULTI_PROCESS)
        tracker.add_metadata(run_id, before=1)

        def child() -> None:
            for number in range(5):
                tracker.add_metadata(run_id, **{f"child{number}": number})

        _in_fork(child, lambda: tracker.add_metadata(run_id, parent=1))
        tracker.add_metadata(run_id, after=1)

        assert dict(tracker.metadata(run_id)) == {
            "before": 1,
            "parent": 1,
            "after": 1,
            **{f"child{number}": number for number in range(5)},
        }


def write_share(open_tracker: OpenTracker, run_id: str, number: int) -> None:
    """Write the batches of one writer to a tracker opened for that."""
    tracker = native(open_tracker())
    for batch in _batches(run_id, number):
        tracker.write(batch)
    tracker.close()


def _batches(run_id: str, number: int) -> list[Batch]:
    """Return the batches of one writer, the same in every process."""
    pen = Pen(run_id)
    pen.writer = Writer(f"writer{number}", rank=number)
    for step in range(_BATCHES):
        pen.log(
            MetricsBody(step, {"": {"loss": step / (number + 1)}}),
            MetadataBody({f"key{number}-{step}": step, "last": number}),
            ArtifactBody("model", f"{number}/{step}", None),
            ColumnsBody("s", [step, step], {"v": [number, step / 7]}),
            LogBody("info", f"{number} at {step}", None),
            TrackBody("pose", float(step), {f"f{number}": step, "last": number}),
        )
    return [
        pen.batch(first, first + _RECORDS - 1)
        for first in range(1, _RECORDS * _BATCHES, _RECORDS)
    ]


def _expected(run_id: str) -> dict[str, object]:
    model = MemoryTracker()
    for number in range(_WRITERS):
        for batch in _batches(run_id, number):
            model.write(batch)
    return answers(model, run_id)


def _in_threads(calls: Sequence[Callable[[], None]]) -> None:
    failures: list[BaseException] = []
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], None]) -> None:
        try:
            start.wait(_TIMEOUT)
            call()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def in_processes(calls: Sequence[Callable[[], None]]) -> None:
    """Make each call in a fresh interpreter of its own, all at once."""
    children = [
        subprocess.Popen(  # noqa: S603 - this interpreter, on the text above
            [sys.executable, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in calls
    ]
    # All are started before the first is told what to do.
    for child, call in zip(children, calls, strict=True):
        if child.stdin is not None:
            child.stdin.write(pickle.dumps(sys.path) + pickle.dumps(call))
            child.stdin.flush()
    errors = [child.communicate(timeout=_TIMEOUT)[1].decode() for child in children]
    codes = [child.returncode for child in children]
    assert codes == [0] * len(codes), "\n".join(errors)


def _in_fork(child: Callable[[], None], parent: Callable[[], None]) -> None:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads, which a backend's library may have started.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child()
            code = 0
        except BaseException:  # noqa: BLE001 - nothing of pytest may run on here
            traceback.print_exc()
        finally:
            os._exit(code)
    parent()
    status = os.waitpid(pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 0, "the forked child failed"
