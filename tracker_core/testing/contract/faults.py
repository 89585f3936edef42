"""Calls that fail, hang or die, and are made again: nothing lost, nothing twice."""

import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker_core.api import Capability, NativeTracker
from tracker_core.contents import content_of_bytes
from tracker_core.errors import PermanentError, RetryableError
from tracker_core.identity import new_run_id
from tracker_core.plain import native
from tracker_core.records import (
    ArtifactBody,
    Batch,
    Body,
    ColumnsBody,
    CreatedBody,
    EndedBody,
    LogBody,
    MetadataBody,
    MetricsBody,
    ParamsBody,
    ProvenanceBody,
    SourceBody,
    StartedBody,
    StepBody,
    TagsBody,
    TrackBody,
)
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.fixtures import (
    ContractFixtures,
    OpenNative,
    OpenTracker,
    require,
)
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.contract.strategies import bodies
from tracker_core.testing.faults import (
    Die,
    Fail,
    FailAfter,
    FailHalfway,
    Fault,
    FaultyTracker,
    Hang,
    Slow,
    every,
    once,
    seeded,
)
from tracker_core.testing.memory import MemoryTracker

__all__ = ["Faults", "write_and_die"]

_TRIES = 100
_TIMEOUT = 120.0
_BUSY = RetryableError("planned to fail")
_FAULTS: tuple[Fault, ...] = (
    Fail(_BUSY),
    FailHalfway(_BUSY),
    FailAfter(_BUSY),
    Slow(0.001),
)
# What every tracker holds of a run, whether it is native or plain.
_LAST = ("metadata", "params", "tags", "provenance", "artifacts", "sources", "last")

# Run in a fresh interpreter: takes the import path and a function, and calls it.
_CHILD = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
pickle.load(sys.stdin.buffer)()
"""


def _name(fault: Fault) -> str:
    return type(fault).__name__


_each_fault = pytest.mark.parametrize("fault", _FAULTS, ids=_name)


class Faults(ContractFixtures):
    """What holds when calls are made again, as a delivery does.

    The faults are planned by a :class:`~tracker_core.testing.FaultyTracker` that
    stands before the tracker under test.
    """

    @_each_fault
    def test_failed_batch_that_is_sent_again_counts_once(
        self, native_tracker: NativeTracker, run_id: str, fault: Fault
    ) -> None:
        """Whether the failed write left nothing of it, a half or all."""
        faulty = FaultyTracker(native_tracker, every(2, fault))
        batches = _story(run_id)

        for batch in batches:
            _insist(faulty, batch)

        assert answers(native_tracker, run_id) == _expected(batches)

    @_each_fault
    def test_last_values_are_right_when_a_failed_batch_is_sent_again(
        self, tracker: NativeTracker, run_id: str, fault: Fault
    ) -> None:
        """A tracker that is told of a record at least once gives the last ones."""
        faulty = FaultyTracker(tracker, every(2, fault))
        batches = _story(run_id)

        for batch in batches:
            _insist(faulty, batch)

        told, expected = answers(tracker, run_id), _expected(batches)
        assert {name: told[name] for name in _LAST} == {
            name: expected[name] for name in _LAST
        }

    @pytest.mark.parametrize("fault", _FAULTS[1:3], ids=_name)
    def test_batches_that_are_cut_anew_after_a_failure_count_once(
        self, native_tracker: NativeTracker, run_id: str, fault: Fault
    ) -> None:
        """The rest may come with other borders, across what was taken."""
        faulty = FaultyTracker(native_tracker, once(1, fault))
        whole = _whole(run_id)
        count = len(whole.records)
        borders = [(2, count - 2), (count // 4, count // 3), (count // 2, count)]

        with suppress(RetryableError):
            faulty.write(_cut(whole, 1, count - 4))
        for first, last in [*borders, (1, 3)]:
            faulty.write(_cut(whole, first, last))

        assert answers(native_tracker, run_id) == _expected([whole])

    def test_random_faults_and_cuts_end_as_the_model(
        self, native_tracker: NativeTracker
    ) -> None:
        """Whatever fails in whichever way, and wherever batches are cut, counts once.

        A fifth of ``machine_examples`` are tried.
        """
        longest = 12
        border = st.integers(1, longest)

        @settings(
            deadline=None,
            max_examples=max(1, self.machine_examples // 5),
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(
            seed=st.integers(0, 1000),
            said=st.lists(bodies(), min_size=2, max_size=longest),
            cuts=st.lists(st.tuples(border, border), max_size=6),
        )
        def compare(seed: int, said: list[Body], cuts: list[tuple[int, int]]) -> None:
            whole = Pen(new_run_id()).log(*said)
            faulty = FaultyTracker(native_tracker, seeded(seed, 0.5, *_FAULTS))
            for cut in cuts:
                first, last = sorted(min(end, len(said)) for end in cut)
                with suppress(RetryableError):
                    faulty.write(_cut(whole, first, last))
            _insist(faulty, whole)
            assert answers(native_tracker, whole.run_id) == _expected([whole])

        compare()

    def test_refused_batch_is_taken_when_it_comes_at_last(
        self, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """One that was set aside fills its gap, however much was taken since."""
        refusal = Fail(PermanentError("planned to be refused"))
        faulty = FaultyTracker(native_tracker, once(2, refusal))
        batches = _story(run_id)

        for batch in batches:
            with suppress(PermanentError):
                faulty.write(batch)
        before = answers(native_tracker, run_id)
        faulty.write(batches[1])

        assert before == _expected([*batches[:1], *batches[2:]])
        assert answers(native_tracker, run_id) == _expected(batches)

    def test_call_that_hung_changes_nothing_when_others_came_before_it(
        self, open_native: OpenNative, native_tracker: NativeTracker, run_id: str
    ) -> None:
        """It was given up, and comes late from its own thread."""
        faulty = FaultyTracker(native_tracker, once(1, Hang()))
        batches = _story(run_id)

        with ThreadPoolExecutor(1) as pool:
            hung = pool.submit(faulty.write, batches[1])
            try:
                other = open_native()
                for batch in batches:
                    other.write(batch)
            finally:
                faulty.release()
            hung.result()

        assert answers(native_tracker, run_id) == _expected(batches)

    @pytest.mark.parametrize("fault", _FAULTS[:3:2], ids=_name)
    def test_content_that_failed_is_kept_when_it_is_sent_again(
        self, content_tracker: NativeTracker, fault: Fault
    ) -> None:
        """Whether it was kept before or not."""
        faulty = FaultyTracker(content_tracker, once(1, fault))
        content = content_of_bytes(b"weights" * 1000)

        with suppress(RetryableError):
            faulty.add_content(content)
        faulty.add_content(content)

        with content_tracker.open_content(content.digest) as file:
            assert file.read() == b"weights" * 1000

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_process_that_dies_loses_and_repeats_nothing(
        self,
        open_tracker: OpenTracker,
        open_native: OpenNative,
        native_tracker: NativeTracker,
        run_id: str,
        *,
        after: bool,
    ) -> None:
        """What ``write`` has taken outlives the process; all of it may come again."""
        require(native_tracker, Capability.PERSISTENT)
        require(native_tracker, Capability.MULTI_PROCESS)
        batches = _story(run_id)

        _die(partial(write_and_die, open_tracker, batches[:3], after=after))
        tracker = open_native()
        left = answers(tracker, run_id)
        for batch in batches:
            tracker.write(batch)

        assert left == _expected(batches[: 3 if after else 2])
        assert answers(tracker, run_id) == _expected(batches)


def write_and_die(
    open_tracker: OpenTracker, batches: Sequence[Batch], *, after: bool
) -> None:
    """Write ``batches``, and be killed just before the last of them, or just after."""
    plan = once(len(batches), Die(after=after))
    tracker = FaultyTracker(native(open_tracker()), plan)
    for batch in batches:
        tracker.write(batch)


def _die(call: Callable[[], None]) -> None:
    """Make ``call`` in a fresh interpreter, which it must kill."""
    child = subprocess.run(  # noqa: S603 - this interpreter, on the text above
        [sys.executable, "-c", _CHILD],
        input=pickle.dumps(sys.path) + pickle.dumps(call),
        stderr=subprocess.PIPE,
        timeout=_TIMEOUT,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()


def _insist(tracker: NativeTracker, batch: Batch) -> None:
    for _ in range(_TRIES):
        with suppress(RetryableError):
            tracker.write(batch)
            return
    pytest.fail(f"batch {batch.first} to {batch.last} was refused {_TRIES} times")


def _story(run_id: str) -> list[Batch]:
    """Return batches of one writer; each holds something of nearly every kind."""
    whole = _whole(run_id)
    count = len(whole.records)
    borders = [1, 2, count // 4, count // 2, count - 3, count + 1]
    return [_cut(whole, first, later - 1) for first, later in pairwise(borders)]


def _whole(run_id: str) -> Batch:
    said: list[Body] = [CreatedBody("n", "e"), StartedBody("job")]
    for step in range(6):
        said += [
            MetricsBody(step, {"": {"loss": step / 7}, "t": {"n": step}}),
            ParamsBody({"key": step, f"p{step}": step}),
            ColumnsBody("c", [step, step + 1], {"v": [step, None]}),
            TagsBody({"key": str(step), f"t{step}": ""}),
            LogBody("info", f"at {step}", {"by": step}),
            TrackBody("pose", 1.5, {"by": step, f"f{step}": 1}),
            MetadataBody({"key": step, f"m{step}": [step]}),
            ArtifactBody("model", f"v{step}", {"by": step}),
            SourceBody("s", str(step % 2)),
            StepBody("load", str(step), "RUNNING", None),
            ProvenanceBody({"code": step}),
        ]
    return Pen(run_id).log(*said, EndedBody("job", "FINISHED", None))


def _cut(whole: Batch, first: int, last: int) -> Batch:
    """Return part of a batch that begins with the first record of its writer."""
    records = tuple(whole.records[first - 1 : last])
    return whole._replace(first=first, last=last, records=records)


def _expected(batches: Sequence[Batch]) -> dict[str, object]:
    model = MemoryTracker()
    for batch in batches:
        model.write(batch)
    return answers(model, batches[0].run_id)
