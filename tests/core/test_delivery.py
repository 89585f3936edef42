"""Records reach every tracker, whatever another one does."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from tracker_core.datatypes import TrackerArtifact, TrackerSource
from tracker_core.delivery.base import Target
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.errors import (
    ConfigError,
    NotSupportedError,
    PermanentError,
    RetryableError,
)
from tracker_core.notices import warn
from tracker_core.plain import PlainTracker
from tracker_core.records import Batch, MetadataBody, MetricsBody, Sequencer, TagsBody
from tracker_core.run import AppRun
from tracker_core.testing import FaultPlan, FaultyTracker, MemoryTracker

SECRET = "hunter2-and-more"  # noqa: S105 - what no message may show
BODY = MetadataBody({"a": 1})


class Plain:
    """A tracker with the eight calls, derived from nothing."""

    def __init__(self) -> None:
        """Begin empty."""
        self.kept: dict[str, object] = {}
        self.edges: list[TrackerSource] = []

    def add_artifact(self, *_: object) -> None:
        """Keep nothing."""

    def artifacts(self, _run_id: str) -> dict[str, TrackerArtifact]:
        """Give nothing."""
        return {}

    def add_metadata(self, _run_id: str, **kwargs: object) -> None:
        """Keep the values."""
        self.kept |= kwargs

    def metadata(self, _run_id: str) -> dict[str, object]:
        """Give the values."""
        return self.kept

    def add_source(self, _run_id: str, source_id: str, name: str | None) -> None:
        """Keep an edge."""
        self.edges.append(TrackerSource(source_id, name))

    def sources(self, _run_id: str) -> Iterator[TrackerSource]:
        """Give the edges."""
        return iter(self.edges)

    def lineage(self, _run_id: str) -> object:
        """Give nothing."""

    def run_ids(self, **_: object) -> list[str]:
        """Give nothing."""
        return []


class Broken(MemoryTracker):
    """A tracker whose reads, and whose end, fail."""

    error: BaseException = RetryableError("cannot read")

    def metadata(self, run_id: str) -> Mapping[str, object]:  # type: ignore[override]  # never returns
        """Fail."""
        del run_id
        raise self.error

    def close(self) -> None:
        """Fail."""
        raise self.error


def faulty(*errors: BaseException | None) -> FaultyTracker:
    """Give a tracker that fails with each error in turn, and then no more."""
    plan: FaultPlan = lambda write: (*errors, None)[min(write - 1, len(errors))]  # noqa: E731 - a plan is a function
    return FaultyTracker(MemoryTracker(), plan)


def delivery(*trackers: object, isolates: bool = True) -> DirectDelivery:
    """Give a delivery of the run ``r`` to trackers called by their number."""
    targets = [
        Target.of(tracker)._replace(name=str(number), is_owned=True)
        for number, tracker in enumerate(trackers)
    ]
    return DirectDelivery("r", targets, Sequencer(), isolates=isolates)


def test_target_of_an_object_belongs_to_somebody_else() -> None:
    """It goes by its class, and is not closed."""
    tracker = MemoryTracker()

    target = Target.of(tracker)

    assert target == Target("MemoryTracker", tracker, None, is_owned=False)
    assert target.raw is tracker


def test_target_gives_a_plain_tracker_as_it_was() -> None:
    """The wrapper stays inside."""
    tracker: object = Plain()

    target = Target.of(tracker)

    assert isinstance(target.tracker, PlainTracker)
    assert target.raw is tracker


def test_target_of_something_else_is_refused() -> None:
    """The message says what is missing."""
    with pytest.raises(ConfigError, match="dict is no tracker: it lacks add_artifact"):
        Target.of({})


def test_target_does_not_show_its_config() -> None:
    """A config is a secret."""
    target = Target("lake", MemoryTracker(), SECRET)

    assert repr(target) == "<target 'lake': MemoryTracker>"


def test_send_reaches_every_tracker_at_once() -> None:
    """When the call returns, all have the record."""
    native, plain = MemoryTracker(), Plain()

    delivery(native, plain).send(BODY)

    assert native.metadata("r") == plain.kept == {"a": 1}


@pytest.mark.parametrize("isolates", [True, False])
def test_send_tries_every_tracker_whatever_one_does(isolates: object) -> None:
    """The good ones hold all, wherever the bad one stands."""
    first, last = MemoryTracker(), MemoryTracker()
    sent = delivery(first, faulty(ValueError("no")), last, isolates=bool(isolates))

    try:
        sent.send(BODY)
    except ValueError:
        assert not isolates

    assert first.metadata("r") == last.metadata("r") == {"a": 1}


def test_send_raises_the_error_itself_when_one_failed() -> None:
    """What the tracker raised is what the caller sees."""
    error = ValueError("no")

    with pytest.raises(ValueError, match="no") as found:
        delivery(MemoryTracker(), faulty(error), isolates=False).send(BODY)

    assert found.value is error


def test_send_raises_a_group_when_several_failed() -> None:
    """None of the errors is lost."""
    sent = delivery(
        faulty(ValueError("a")), MemoryTracker(), faulty(OSError("b")), isolates=False
    )

    with pytest.raises(
        ExceptionGroup, match="2 trackers failed to record for run 'r'"
    ) as found:
        sent.send(BODY)

    assert [str(error) for error in found.value.exceptions] == ["a", "b"]


class Panic(BaseException):
    """What native libraries raise that are no Exception."""


def test_send_isolates_whatever_a_tracker_raises() -> None:
    """The panic of a native library is no Exception, and does not reach the job."""
    last = MemoryTracker()

    delivery(faulty(Panic()), faulty(GeneratorExit()), last).send(BODY)

    assert last.metadata("r") == {"a": 1}


def test_send_raises_a_panic_unless_it_isolates() -> None:
    """Alone as itself, with others in a group."""
    alone = delivery(faulty(Panic()), isolates=False)
    both = delivery(faulty(Panic()), faulty(ValueError()), isolates=False)

    with pytest.raises(Panic):
        alone.send(BODY)
    with pytest.raises(BaseExceptionGroup, match="2 trackers"):
        both.send(BODY)


@pytest.mark.parametrize("isolates", [True, False])
def test_send_obeys_a_request_to_stop_once_all_were_tried(isolates: object) -> None:
    """Ctrl-C in the middle of a backend costs the others nothing, nor that one."""
    stop, held, last = KeyboardInterrupt(), MemoryTracker(), MemoryTracker()
    cut = FaultyTracker(held, {1: stop}.get)
    sent = delivery(faulty(ValueError()), cut, last, isolates=bool(isolates))

    with pytest.raises(KeyboardInterrupt) as found:
        sent.send(BODY)

    assert found.value is stop
    assert held.metadata("r") == last.metadata("r") == {"a": 1}


def test_exit_that_a_tracker_asks_for_is_its_failure() -> None:
    """A backend cannot end the job."""
    last = MemoryTracker()
    sent = delivery(faulty(SystemExit(3)), last)

    sent.send(BODY)

    assert last.metadata("r") == {"a": 1}


class Signalled(MemoryTracker):
    """A tracker in the middle of whose first write a signal arrives."""

    def __init__(self) -> None:
        """Begin without writes."""
        super().__init__()
        self.writes = 0
        self.depth = 0
        self.deepest = 0

    def write(self, batch: Batch) -> None:
        """Note whether one write is made in the middle of another."""
        self.writes += 1
        self.depth += 1
        self.deepest = max(self.depth, self.deepest)
        try:
            if self.writes == 1:
                signal.raise_signal(signal.SIGUSR1)
            super().write(batch)
        finally:
            self.depth -= 1


@pytest.fixture
def handle() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Give a function that says what the job does at SIGUSR1."""
    before = signal.getsignal(signal.SIGUSR1)

    def set_handler(act: Callable[[], object]) -> None:
        signal.signal(signal.SIGUSR1, lambda *_: act())

    yield set_handler
    signal.signal(signal.SIGUSR1, before)


def test_handler_that_logs_comes_after_the_record_that_it_interrupts(
    handle: Callable[[Callable[[], object]], None],
) -> None:
    """No tracker is called in the middle of a call, and nothing is lost."""
    tracker = Signalled()
    sent = delivery(tracker)
    handle(lambda: sent.send(MetadataBody({"b": 2})))

    sent.send(BODY)

    assert tracker.metadata("r") == {"a": 1, "b": 2}
    assert tracker.deepest == 1


def test_handler_that_ends_the_run_records_its_end(
    handle: Callable[[Callable[[], object]], None],
) -> None:
    """The usual answer to SIGTERM: end the run, then leave."""
    tracker = Signalled()
    run = AppRun("r", [tracker], delivery=delivery(tracker))

    def leave() -> None:
        run.finish("KILLED", {"kind": "preempted"})
        sys.exit(143)

    handle(leave)

    with pytest.raises(SystemExit, match="143"):
        run.add_metadata(a=1)

    assert tracker.metadata("r") == {"a": 1}
    assert tracker.run("r").status == "KILLED"


def test_handler_that_raises_is_obeyed_and_costs_no_record(
    handle: Callable[[Callable[[], object]], None],
) -> None:
    """A time-out reaches the job; the backend that it came through is no culprit."""
    tracker = Signalled()
    sent = delivery(tracker)

    def time_out() -> None:
        raise TimeoutError

    handle(time_out)

    with pytest.raises(TimeoutError):
        sent.send(BODY)

    assert tracker.metadata("r") == {"a": 1}


def test_failing_tracker_is_warned_of_once_and_summed_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line at the first failure, one at the end, and none for the others."""
    sent = delivery(MemoryTracker(), faulty(*map(ValueError, "abc")))

    for _ in range(5):
        sent.send(BODY)
    sent.close()
    sent.close()

    assert caplog.messages == [
        "backend '1' failed: ValueError: a; the job and the other backends go on",
        "backend '1' missed 3 of 5 records of run 'r'; the first error: ValueError: a",
    ]
    assert {record.name for record in caplog.records} == {"tracker_core"}


def test_delivery_that_raises_does_not_warn(caplog: pytest.LogCaptureFixture) -> None:
    """The caller has the error already."""
    sent = delivery(faulty(ValueError("no")), isolates=False)

    with pytest.raises(ValueError, match="no"):
        sent.send(BODY)
    sent.close()

    assert caplog.messages == []


def test_warnings_show_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """The config of the tracker, and credentials of anybody, are starred."""
    error = OSError(f"no login with {SECRET} at db://u:pw1234@host\nnow")
    target = Target("db", faulty(error), SECRET, is_owned=True)
    sent = DirectDelivery("r", [target], Sequencer(), isolates=True)

    sent.send(BODY)
    sent.close()

    assert "OSError: no login with *** at db://***@host now" in caplog.text
    assert SECRET not in caplog.text
    assert "pw1234" not in caplog.text


class UnspeakableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError


def test_error_that_cannot_be_shown_is_isolated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A message is found even for it."""
    last = MemoryTracker()

    delivery(faulty(UnspeakableError()), last).send(BODY)

    assert last.metadata("r") == {"a": 1}
    assert "UnspeakableError" in caplog.messages[0]


class Deaf(logging.Handler):
    """A handler of the job's logging that fails."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail."""
        raise RuntimeError(record.getMessage())


def test_logging_that_fails_keeps_nothing_from_the_others() -> None:
    """Every tracker was tried before anybody is warned."""
    last = MemoryTracker()
    handler = Deaf()
    logging.getLogger("tracker_core").addHandler(handler)

    try:
        with pytest.raises(RuntimeError, match="backend '0' failed"):
            delivery(faulty(ValueError()), last).send(BODY)
    finally:
        logging.getLogger("tracker_core").removeHandler(handler)

    assert last.metadata("r") == {"a": 1}


def test_counts_are_exact_when_threads_share_a_delivery(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Eight threads, one warning, every failure counted."""
    tracker = MemoryTracker()
    always = FaultyTracker(MemoryTracker(), lambda _: ValueError("no"))
    sent = delivery(tracker, always)

    def work() -> None:
        for _ in range(200):
            sent.send(MetricsBody(None, {"": {"x": 1}}))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.close()

    assert tracker.series("r")["x"].count == 1600
    assert len(caplog.messages) == 2
    assert "missed 1600 of 1600 records" in caplog.messages[1]


def test_degraded_records_are_summed_up(caplog: pytest.LogCaptureFixture) -> None:
    """What a plain tracker could not hold in this run is told, not that of others."""
    tracker = Plain()
    earlier = delivery(tracker)
    earlier.send(MetricsBody(None, {"": {"x": 1, "y": 2}}))

    sent = delivery(tracker)
    sent.send(MetricsBody(None, {"": {"x": 1}}))
    sent.close()

    (said,) = caplog.messages
    assert said == (
        "backend '0' keeps less than all of run 'r': "
        "of 1 metric values the last of each series"
    )


def test_close_closes_owned_trackers_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that cannot be closed is a warning."""
    broken, panicking, closed = Broken(), Broken(), []
    panicking.error = Panic()

    class Last(MemoryTracker):
        def close(self) -> None:
            closed.append(True)

    delivery(broken, panicking, Last()).close()

    assert closed == [True]
    assert caplog.messages == [
        "backend '0' failed to close: RetryableError: cannot read",
        "backend '1' failed to close: Panic",
    ]


def test_close_obeys_a_request_to_stop() -> None:
    """Ctrl-C ends a close that takes too long."""
    tracker = Broken()
    tracker.error = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        delivery(tracker).close()


def test_close_leaves_what_somebody_else_owns() -> None:
    """A tracker that was given as an object stays open."""
    sent = DirectDelivery("r", [Target.of(Broken())], Sequencer(), isolates=True)

    sent.close()

    assert sent.read(lambda tracker: tracker.capabilities) is not None


def test_read_without_trackers_gives_none() -> None:
    """There is nothing to ask."""
    assert delivery().read(lambda tracker: tracker.metadata("r")) is None


def test_read_asks_native_trackers_first() -> None:
    """They hold everything."""
    plain, first, second = Plain(), MemoryTracker(), MemoryTracker()

    asked = delivery(plain, first, second).read(lambda tracker: tracker)

    assert asked is first


def test_read_prefers_a_tracker_that_holds_every_record() -> None:
    """One that missed something would not show the run's own writes."""
    plain, missing = Plain(), faulty(ValueError())
    sent = delivery(missing, plain)
    sent.send(BODY)

    assert sent.read(lambda tracker: tracker.metadata("r")) == {"a": 1}


@pytest.mark.parametrize("isolates", [True, False])
def test_read_goes_on_to_the_next_tracker(
    isolates: object, caplog: pytest.LogCaptureFixture
) -> None:
    """One that cannot read is passed over, and warned of where that is the way."""
    sent = delivery(Broken(), MemoryTracker(), isolates=bool(isolates))
    sent.send(BODY)

    found = [sent.read(lambda tracker: tracker.metadata("r")) for _ in range(2)]

    assert found == [{"a": 1}] * 2
    assert len(caplog.messages) == bool(isolates)


def test_read_raises_when_no_tracker_answers() -> None:
    """The caller sees what the last one raised."""
    with pytest.raises(RetryableError, match="cannot read"):
        delivery(Broken(), isolates=False).read(lambda tracker: tracker.metadata("r"))


def test_read_that_isolates_gives_none_when_no_tracker_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The trouble of a backend does not reach the job; the warning tells of it."""
    broken, panicking = Broken(), Broken()
    panicking.error = Panic()

    found = delivery(broken, panicking).read(lambda tracker: tracker.metadata("r"))

    assert found is None
    assert len(caplog.messages) == 2


@pytest.mark.parametrize("isolates", [True, False])
def test_reason_for_having_no_answer_is_passed_on(
    isolates: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A tracker that gives one works as it should: nobody is warned."""
    poor = Broken()
    poor.error = NotSupportedError("no metadata")

    with pytest.raises(NotSupportedError, match="no metadata"):
        delivery(poor, isolates=bool(isolates)).read(lambda asked: asked.metadata("r"))

    assert caplog.messages == []


def test_reason_for_having_no_answer_yields_to_an_answer() -> None:
    """Another tracker may hold what is asked for."""
    poor, rich = Broken(), MemoryTracker()
    poor.error = NotSupportedError("no metadata")
    sent = delivery(poor, rich)
    sent.send(BODY)

    assert sent.read(lambda asked: asked.metadata("r")) == {"a": 1}


@pytest.mark.parametrize("kind", [ConfigError, PermanentError, RetryableError])
def test_trouble_of_a_tracker_is_no_answer(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """It is warned of, where failures are isolated."""
    broken = Broken()
    broken.error = kind("out of order")

    found = delivery(broken).read(lambda asked: asked.metadata("r"))

    assert found is None
    assert "out of order" in caplog.text


def test_delivery_is_busy_in_the_middle_of_a_call() -> None:
    """For the thread that makes it, until it ends, however it ends."""
    inside: list[bool] = []
    elsewhere: list[bool] = []

    class Listening(MemoryTracker):
        def write(self, batch: Batch) -> None:
            inside.append(sent.is_busy)
            thread = threading.Thread(target=lambda: elsewhere.append(sent.is_busy))
            thread.start()
            thread.join()
            raise RetryableError(batch.run_id)

    sent = delivery(Listening(), isolates=False)

    with pytest.raises(RetryableError):
        sent.send(BODY)

    assert (inside, elsewhere, sent.is_busy) == ([True], [False], False)


def test_read_obeys_a_request_to_stop() -> None:
    """Ctrl-C ends a read that takes too long."""
    tracker = Broken()
    tracker.error = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        delivery(tracker, MemoryTracker()).read(lambda asked: asked.metadata("r"))


class Observing(MemoryTracker):
    """A tracker that sees whether calls to it overlap."""

    def __init__(self) -> None:
        """Begin without calls."""
        super().__init__()
        self.inside = threading.Semaphore(1)
        self.overlaps = 0

    def write(self, batch: Batch) -> None:
        """Take a batch, alone."""
        self._alone(lambda: super(Observing, self).write(batch))

    def tags(self, run_id: str) -> Mapping[str, str]:
        """Give the tags, alone."""
        self._alone(lambda: None)
        return super().tags(run_id)

    def _alone(self, call: Callable[[], None]) -> None:
        if not self.inside.acquire(blocking=False):
            self.overlaps += 1
            return
        call()
        self.inside.release()


def in_threads(calls: Sequence[Callable[[], object]]) -> None:
    """Make all calls at once, a hundred times each."""
    threads = [
        threading.Thread(target=lambda call=call: [call() for _ in range(100)])
        for call in calls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_calls_to_one_tracker_never_overlap() -> None:
    """Whatever run or thread they come from, an author needs no locks."""
    tracker = Observing()
    first, second = delivery(tracker), delivery(tracker)
    body = TagsBody({"a": "b"})
    first.send(body)

    in_threads(
        [
            lambda: first.send(body),
            lambda: second.send(body),
            lambda: first.read(lambda asked: asked.tags("r")),
        ]
    )

    assert tracker.overlaps == 0


def in_child(holds: Callable[[], bool]) -> int:
    """Fork a child that exits with 0 if the claim holds there; give its id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if holds() else 1
        finally:
            os._exit(code)
    return child


# Python 3.12 warns of what is tested here.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_delivery_goes_on_in_a_forked_child() -> None:
    """A child does not wait for a thread of its parent that was in the tracker."""
    entered, leave = threading.Event(), threading.Event()

    class Slow(MemoryTracker):
        def write(self, batch: Batch) -> None:
            entered.set()
            leave.wait()
            super().write(batch)

    tracker = Slow()
    sent = delivery(tracker)
    thread = threading.Thread(target=sent.send, args=(BODY,))
    thread.start()
    entered.wait()

    def holds() -> bool:
        leave.set()
        sent.send(MetadataBody({"b": 2}))
        return tracker.metadata("r") == {"b": 2}

    child = in_child(holds)
    leave.set()
    thread.join()

    assert os.waitpid(child, 0)[1] == 0
    assert tracker.metadata("r") == {"a": 1}


def test_warn_keeps_percent_signs_of_values(caplog: pytest.LogCaptureFixture) -> None:
    """Values are no part of the format."""
    warn("%s of %d", "100 %s", 3)

    assert caplog.messages == ["100 %s of 3"]
