"""What the parts of a run may do to it."""

import pytest

from tracker_core.channel import Channel
from tracker_core.delivery.base import Target
from tracker_core.delivery.direct import DirectDelivery
from tracker_core.errors import (
    ArtifactNotFoundError,
    NotSupportedError,
    RetryableError,
    RunEndedError,
)
from tracker_core.records import Batch, Sequencer, TagsBody
from tracker_core.testing import FaultyTracker, MemoryTracker

BODY = TagsBody({"a": "b"})


class Refusing(MemoryTracker):
    """A tracker whose every read of tags fails in one way."""

    def __init__(self, error: BaseException) -> None:
        """Fail with ``error``."""
        super().__init__()
        self.error = error

    def tags(self, run_id: str) -> dict[str, str]:
        """Fail."""
        del run_id
        raise self.error


def channel(*trackers: MemoryTracker, isolates: bool = False) -> Channel:
    """Give the channel of the run ``r``, which does not end."""
    targets = map(Target.of, trackers)
    delivery = DirectDelivery("r", targets, Sequencer(), isolates=isolates)
    return Channel("r", delivery, lambda: False)


def tags(asked: Channel) -> dict[str, str]:
    """Ask for the tags of the run; there are those of nobody where it is unknown."""
    return asked.ask(lambda tracker: dict(tracker.tags("r")), {"nobody": "knows"})


def knowing() -> MemoryTracker:
    """Give a tracker that knows the run."""
    tracker = MemoryTracker()
    channel(tracker).send(BODY)
    return tracker


def test_send_reaches_the_trackers() -> None:
    """When the call returns, they have the record."""
    tracker = MemoryTracker()

    channel(tracker).send(BODY)

    assert tracker.tags("r") == {"a": "b"}


def test_send_to_a_run_that_has_ended_is_refused() -> None:
    """Nothing is written."""
    tracker = MemoryTracker()
    delivery = DirectDelivery("r", [Target.of(tracker)], Sequencer(), isolates=False)

    with pytest.raises(RunEndedError, match="run 'r' has ended"):
        Channel("r", delivery, lambda: True).send(BODY)

    assert tracker.runs() == []


def test_ask_gives_what_a_tracker_answers() -> None:
    """The first that can."""
    assert tags(channel(knowing())) == {"a": "b"}


@pytest.mark.parametrize("isolates", [True, False])
def test_ask_without_trackers_gives_the_empty_answer(isolates: object) -> None:
    """There is nobody to ask."""
    assert tags(channel(isolates=bool(isolates))) == {"nobody": "knows"}


def test_ask_for_an_unknown_run_gives_the_empty_answer() -> None:
    """Nothing was logged yet."""
    assert tags(channel(MemoryTracker(), MemoryTracker())) == {"nobody": "knows"}


def test_ask_goes_on_from_a_tracker_that_does_not_know_the_run() -> None:
    """A backend that was added later does not hide what another one holds."""
    assert tags(channel(MemoryTracker(), knowing())) == {"a": "b"}


def test_ask_for_what_nobody_holds_is_refused() -> None:
    """An empty answer would look like the truth."""
    with pytest.raises(NotSupportedError, match="no tags"):
        tags(channel(Refusing(NotSupportedError("no tags"))))


def test_ask_goes_by_those_that_could_answer() -> None:
    """One knows nothing of the run, the other holds no such things: there are none."""
    poor = Refusing(NotSupportedError("no tags"))

    assert tags(channel(MemoryTracker(), poor)) == {"nobody": "knows"}
    assert tags(channel(poor, MemoryTracker())) == {"nobody": "knows"}


def test_ask_passes_on_why_there_is_no_answer() -> None:
    """A reason is no failure, also where failures are isolated."""
    reason = ArtifactNotFoundError("r", "model")

    with pytest.raises(ArtifactNotFoundError):
        tags(channel(Refusing(reason), isolates=True))


def test_ask_raises_what_the_last_tracker_raised() -> None:
    """Unless failures are isolated."""
    with pytest.raises(RetryableError, match="try again"):
        tags(channel(Refusing(RetryableError("try again"))))


def test_ask_isolates_failures(caplog: pytest.LogCaptureFixture) -> None:
    """The answer is the empty one; the warning tells of the failure."""
    asked = channel(Refusing(RetryableError("try again")), isolates=True)

    assert tags(asked) == {"nobody": "knows"}
    assert "try again" in caplog.text


def test_ask_can_be_answered_with_none() -> None:
    """None is an answer like any other."""
    empty: str | None = "empty"

    found = channel(knowing()).ask(lambda tracker: tracker.run("r").span_id, empty)

    assert found is None


def test_flush_tells_how_much_is_due() -> None:
    """Nothing, where everything is delivered at once."""
    assert channel(MemoryTracker()).flush(1.0) == 0


def test_channel_is_busy_while_a_backend_takes_a_record() -> None:
    """The backend's own calls can be told from those of the job."""
    found: list[bool] = []

    class Listening(MemoryTracker):
        def write(self, batch: Batch) -> None:
            found.append(sent.is_busy)
            super().write(batch)

    sent = channel(Listening())
    sent.send(BODY)

    assert found == [True]
    assert not sent.is_busy


def test_channel_is_not_busy_after_a_failure() -> None:
    """A call that raised has come to its end."""
    delivery = DirectDelivery(
        "r", [Target.of(FaultyTracker(MemoryTracker()))], Sequencer(), isolates=False
    )
    sent = Channel("r", delivery, lambda: False)

    with pytest.raises(RetryableError):
        sent.send(BODY)

    assert not sent.is_busy
