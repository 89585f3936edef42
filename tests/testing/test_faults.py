"""Tests of the tracker that fails as planned."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tracker_core.api import NativeTracker
from tracker_core.contents import Content, content_of_bytes
from tracker_core.errors import PermanentError, RetryableError
from tracker_core.plain import PlainTracker
from tracker_core.records import (
    ArtifactBody,
    Batch,
    ColumnsBody,
    LogBody,
    ParamsBody,
    SourceBody,
    StepBody,
    TagsBody,
    TrackBody,
)
from tracker_core.testing import FaultPlan, FaultyTracker, MemoryTracker
from tracker_core.testing.contract.answers import answers
from tracker_core.testing.contract.pen import Pen
from tracker_core.testing.faults import (
    Call,
    Die,
    Fail,
    FailAfter,
    FailHalfway,
    Fault,
    Hang,
    Slow,
    always,
    every,
    first,
    once,
    seeded,
)

if TYPE_CHECKING:
    from collections.abc import Sized

_ERROR = RetryableError("planned")
_LONG = 3600.0
_FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


class Noting(MemoryTracker):
    """Notes the calls that reach it."""

    gathers_for = 7.0

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[object, ...]] = []

    def write(self, batch: Batch) -> None:
        """Note where the batch begins and ends."""
        super().write(batch)
        self.noted.append((batch.first, batch.last, len(batch.records)))

    def add_content(self, content: Content) -> None:
        """Note the size of the content."""
        super().add_content(content)
        self.noted.append(("content", content.size_bytes))

    def beat(self, run_id: str, time_ns: int) -> None:
        """Note the moment."""
        self.noted.append(("beat", run_id, time_ns))

    def flush(self, timeout: float | None = None) -> None:
        """Note the time."""
        self.noted.append(("flush", timeout))

    def close(self) -> None:
        """Note it."""
        self.noted.append(("close",))


def five() -> Batch:
    """Give a batch of five records."""
    return Pen("run").log(*(ParamsBody({f"p{n}": n}) for n in range(5)))


def befallen(plan: FaultPlan) -> list[int]:
    """Tell which of the first ten calls a plan lets fail."""
    return [call for call in range(1, 11) if plan(call) is not None]


def test_tracker_without_a_plan_always_fails() -> None:
    """With an error that says which call it was."""
    faulty = FaultyTracker(MemoryTracker())

    with pytest.raises(RetryableError, match="call 1 was planned to fail"):
        faulty.add_source("run", "source")
    assert list(faulty.run_ids()) == []


def test_plan_may_be_any_function_that_gives_errors() -> None:
    """An error stands for a failure with it, None for a call that passes."""
    inner = MemoryTracker()
    faulty = FaultyTracker(inner, lambda n: ValueError("planned") if n == 2 else None)

    faulty.add_metadata("run", one=1)
    with pytest.raises(ValueError, match="planned"):
        faulty.add_metadata("run", two=2)
    faulty.add_metadata("run", three=3)

    assert dict(inner.metadata("run")) == {"one": 1, "three": 3}


def test_fault_may_be_any_function_of_the_call() -> None:
    """It hands the call on as often as it likes."""
    inner = Noting()

    def twice(call: Call) -> None:
        call.hand_on_half()
        call.hand_on()

    FaultyTracker(inner, always(twice)).write(five())

    assert inner.noted == [(1, 2, 2), (1, 5, 5)]


def test_delivering_calls_are_counted_together() -> None:
    """Those that fail too; writes are counted for themselves as well."""
    inner = Noting()
    faulty = FaultyTracker(inner, {2: _ERROR, 4: _ERROR}.get)

    faulty.write(five())
    with pytest.raises(RetryableError):
        faulty.add_content(content_of_bytes(b"abc"))
    faulty.add_content(content_of_bytes(b"abcd"))
    with pytest.raises(RetryableError):
        faulty.beat("run", 1)
    faulty.beat("run", 2)

    assert inner.noted == [(1, 5, 5), ("content", 4), ("beat", "run", 2)]
    assert (faulty.calls, faulty.writes) == (5, 1)


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        (Fail(_ERROR), []),
        (FailHalfway(_ERROR), [(1, 2, 2)]),
        (FailAfter(_ERROR), [(1, 5, 5)]),
    ],
)
def test_failure_leaves_nothing_or_half_or_all(
    fault: Fault, taken: list[tuple[int, ...]]
) -> None:
    """The half is a batch of the same writer that ends earlier."""
    inner = Noting()
    batch = five()

    with pytest.raises(RetryableError) as caught:
        FaultyTracker(inner, once(1, fault)).write(batch)

    assert caught.value is _ERROR
    assert inner.noted == taken


@pytest.mark.parametrize(
    "call",
    [
        lambda tracker: tracker.write(Pen("run").log(TagsBody({}))),
        lambda tracker: tracker.add_content(content_of_bytes(b"abc")),
        lambda tracker: tracker.beat("run", 1),
    ],
    ids=["record", "content", "heartbeat"],
)
def test_what_has_no_half_is_not_handed_on(
    call: Callable[[NativeTracker], None],
) -> None:
    """A single record, content and a heartbeat are taken whole or not at all."""
    inner = Noting()

    with pytest.raises(RetryableError):
        call(FaultyTracker(inner, once(1, FailHalfway(_ERROR))))

    assert inner.noted == []


def test_error_that_is_raised_often_does_not_grow() -> None:
    """Its traceback would keep all that was ever tried alive."""
    faulty = FaultyTracker(MemoryTracker(), always(_ERROR))
    lengths = set()

    for _ in range(3):
        with pytest.raises(RetryableError) as caught:
            faulty.write(five())
        lengths.add(len(caught.traceback))

    assert len(lengths) == 1


def test_slow_call_is_handed_on_in_the_end() -> None:
    """Its time passes first."""
    inner = Noting()

    FaultyTracker(inner, always(Slow(0.001))).write(five())

    assert inner.noted == [(1, 5, 5)]


@pytest.mark.parametrize("fault", [Hang(), Slow(_LONG)])
def test_waiting_call_goes_on_when_the_tracker_is_released(fault: Fault) -> None:
    """And not before; later ones do not wait at all. Meanwhile the inner one reads."""
    inner, entered = Noting(), threading.Event()

    def wait(call: Call) -> None:
        entered.set()
        fault(call)

    faulty = FaultyTracker(inner, always(wait))
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(faulty.write, five())
        entered.wait(_LONG)
        before = [*inner.noted]
        faulty.release()
        hung.result()
    faulty.beat("run", 1)

    assert before == []
    assert inner.noted == [(1, 5, 5), ("beat", "run", 1)]


def test_call_may_hang_on_an_event_of_the_test() -> None:
    """Several trackers can be let go by one."""
    inner, event = Noting(), threading.Event()
    faulty = FaultyTracker(inner, always(Hang(event)))
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(faulty.write, five())
        faulty.release()
        before = hung.done()
        event.set()

    assert (before, inner.noted) == (False, [(1, 5, 5)])


@_FORKS
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(("after", "reached"), [(False, b""), (True, b"reached")])
def test_process_dies_before_the_call_or_after_it(
    after: object, reached: bytes
) -> None:
    """By SIGKILL, which nothing can catch."""
    reader, writer = os.pipe()

    class Telling(MemoryTracker):
        def write(self, batch: Batch) -> None:
            super().write(batch)
            os.write(writer, b"reached")

    pid = os.fork()
    if pid == 0:
        FaultyTracker(Telling(), once(1, Die(after=bool(after)))).write(five())
        os._exit(0)
    os.close(writer)
    status = os.waitpid(pid, 0)[1]
    with os.fdopen(reader, "rb") as file:
        told = file.read()

    assert (os.waitstatus_to_exitcode(status), told) == (-9, reached)


@pytest.mark.parametrize(
    ("plan", "calls"),
    [
        (always(_ERROR), [*range(1, 11)]),
        (every(3, _ERROR), [3, 6, 9]),
        (first(3, _ERROR), [1, 2, 3]),
        (once(3, _ERROR), [3]),
        (seeded(1, 0.0, _ERROR), []),
        (seeded(1, 1.0, _ERROR), [*range(1, 11)]),
    ],
)
def test_plan_befalls_its_calls(plan: FaultPlan, calls: list[int]) -> None:
    """All others pass."""
    assert befallen(plan) == calls


def test_seeded_plan_is_the_same_each_time() -> None:
    """In whatever order calls are asked for, and in every process."""
    refusal = PermanentError("no")

    def plan() -> FaultPlan:
        return seeded(5, 0.5, _ERROR, refusal)

    one, two = plan(), plan()
    told = [one(call) for call in range(1, 101)]
    backwards = [two(call) for call in range(100, 0, -1)]

    assert told == backwards[::-1]
    assert set(told) == {None, _ERROR, refusal}
    assert befallen(one) == [1, 2, 3, 6, 9]


def test_seeds_plan_differently() -> None:
    """Each is another random story."""
    stories = {tuple(befallen(seeded(seed, 0.5, _ERROR))) for seed in range(20)}

    assert len(stories) > 10


def test_reads_come_from_the_inner_tracker() -> None:
    """Every read goes through with its arguments."""
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

    assert answers(faulty, "run") == answers(inner, "run")
    for read in windows.values():
        assert len(read(inner)) == 1
        assert read(faulty) == read(inner)


def test_content_is_opened_in_the_inner_tracker() -> None:
    """It is a read."""
    inner, content = MemoryTracker(), content_of_bytes(b"abc")
    inner.add_content(content)

    assert FaultyTracker(inner).open_content(content.digest).read() == b"abc"


def test_flush_and_close_reach_the_inner_tracker() -> None:
    """They are no deliveries, so no fault befalls them."""
    inner = Noting()
    faulty = FaultyTracker(inner)

    faulty.flush(2.0)
    faulty.close()

    assert inner.noted == [("flush", 2.0), ("close",)]
    assert faulty.calls == 0


def test_tracker_declares_what_the_inner_one_does() -> None:
    """Capabilities, how long records may be gathered, and what it could not hold."""
    inner = Noting()
    plain = FaultyTracker(PlainTracker(MemoryTracker()), lambda _: None)

    plain.write(Pen("run").log(LogBody("info", "x", None)))

    assert FaultyTracker(inner).capabilities == inner.capabilities
    assert FaultyTracker(inner).gathers_for == 7.0
    assert (plain.capabilities, dict(plain.degraded)) == (frozenset(), {"log": 1})


def _full_run() -> list[Batch]:
    """Return two attempts of a run with something of every sort."""
    one, two = Pen("run", attempt=1), Pen("run", attempt=2)
    return [
        one.log(ParamsBody({"lr": 1}), ColumnsBody("", [0, 1], {"v": [1, 2]})),
        one.log(LogBody("warn", "x", None), LogBody("error", "xy", None)),
        one.log(TrackBody("t", 1.0, {}), TrackBody("t", 2.0, {"x": 1})),
        one.log(ArtifactBody("a", "p", None), StepBody("s", "1", "RUNNING", None)),
        one.log(SourceBody("s", "label"), SourceBody("s", None)),
        two.log(ColumnsBody("", [1], {"v": [3]})),
    ]
